//! Tokens of versions that kept a row for each.

use chrono::TimeDelta;
use entity::{refresh_token, session};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;
use vestibule::clock::Rng;
use vestibule::key::seal_with_token;
use vestibule::secret::Secret;
use vestibule::ticket::digest_of;

use crate::harness::{Answer, Client, PASSWORD, TestApp, race};
use crate::support::{PATIENT, assert_alive, events, reason, tally};

const TOKEN: &str = "e7IBTyJtpYl6UX9BGyH_wg5ywMJd9YYtRdayoxoIHsQ";
const NEXT: &str = "vuv-72V7I6UfPadfpGbC20ik_TJUtQAPkumEw_4n6yg";

/// Ann's session as an earlier version would have left it: with this token, in a row of its own.
async fn ann(test: &TestApp) -> Client {
    let mut ann = test.user("ann").await;
    session::Entity::update_many()
        .col_expr(
            session::Column::RefreshDigest,
            Expr::value(Option::<Vec<u8>>::None),
        )
        .exec(test.app.db.write())
        .await
        .expect("a session without a digest");
    row(test, &ann, TOKEN).await;
    ann.refresh_token = TOKEN.to_owned();
    ann
}

async fn row(test: &TestApp, client: &Client, token: &str) -> Uuid {
    let now = test.app.now();
    let row = refresh_token::ActiveModel {
        id: Set(test.app.id()),
        session_id: Set(client.session_id.parse().expect("an id")),
        digest: Set(digest_of(token)),
        created_at: Set(now),
        expires_at: Set(now + TimeDelta::days(30)),
        rotated_at: Set(None),
        successor_id: Set(None),
        sealed_successor: Set(None),
    };
    row.insert(test.app.db.write()).await.expect("a row").id
}

/// As an earlier version exchanges it for the next.
async fn rotate(test: &TestApp, client: &Client) {
    let next = row(test, client, NEXT).await;
    let secret = |text: &str| Secret::new(text.to_owned());
    let sealed = seal_with_token(&secret(TOKEN), &Rng::system(), &secret(NEXT)).expect("sealed");
    let change = refresh_token::ActiveModel {
        rotated_at: Set(Some(test.app.now())),
        successor_id: Set(Some(next)),
        sealed_successor: Set(Some(sealed)),
        ..Default::default()
    };
    refresh_token::Entity::update_many()
        .set(change)
        .filter(refresh_token::Column::Digest.eq(digest_of(TOKEN)))
        .exec(test.app.db.write())
        .await
        .expect("a rotated row");
}

fn token(answer: &Answer) -> String {
    answer.text("/data/refreshSession/refreshToken")
}

async fn assert_dead(test: &TestApp, ann: &Client, tokens: &[&str]) {
    for token in tokens {
        let answer = test.anon().refresh(token).await;
        assert_eq!(answer.code(), "INVALID_REFRESH_TOKEN");
    }
    assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
}

on_both_databases! {
    async fn it_is_exchanged_for_one_of_today_and_gets_that_again_within_the_grace(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = ann(&test).await;
        let first = ann.refresh(TOKEN).await.ok();
        assert_eq!(first.text("/data/refreshSession/sessionId"), ann.session_id);
        assert_eq!(token(&first).len(), 86);
        for wait in [0, 30] {
            test.clock.advance(TimeDelta::seconds(wait));
            let again = ann.refresh(TOKEN).await.ok();
            for name in ["refreshToken", "refreshTokenId", "refreshTokenExpiresAt"] {
                let pointer = format!("/data/refreshSession/{name}");
                assert_eq!(again.at(&pointer), first.at(&pointer), "{name}");
            }
        }
        let second = token(&ann.refresh(&token(&first)).await.ok());
        assert_alive(&ann.me().await.ok());
        assert_eq!(ann.refresh(TOKEN).await.code(), "INVALID_REFRESH_TOKEN");
        assert_dead(&test, &ann, &[&second, &token(&first), TOKEN]).await;
        assert_eq!(events(&test, "refresh_token_reused").await.len(), 1);
    }

    async fn used_it_ends_the_session_after_the_grace(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = ann(&test).await;
        let next = token(&ann.refresh(TOKEN).await.ok());
        test.clock.advance(TimeDelta::seconds(31));
        assert_eq!(ann.refresh(TOKEN).await.code(), "INVALID_REFRESH_TOKEN");
        assert_dead(&test, &ann, &[&next]).await;
    }

    async fn what_an_earlier_version_gave_for_it_is_given_again_while_it_is_unused(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = ann(&test).await;
        rotate(&test, &ann).await;
        for wait in [0, 30] {
            test.clock.advance(TimeDelta::seconds(wait));
            assert_eq!(token(&ann.refresh(TOKEN).await.ok()), NEXT);
        }
        let today = token(&ann.refresh(NEXT).await.ok());
        assert_alive(&ann.me().await.ok());
        assert_eq!(ann.refresh(TOKEN).await.code(), "INVALID_REFRESH_TOKEN");
        assert_dead(&test, &ann, &[&today, NEXT]).await;
    }

    async fn of_twenty_at_once_all_get_the_same_successor(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let other = TestApp::with_clock(test.database.clone(), PATIENT, test.clock.clone()).await;
        let ann = ann(&test).await;
        let answers = race(20, |number| {
            let client = if number % 2 == 0 { test.anon() } else { other.anon() };
            async move { client.refresh(TOKEN).await }
        }).await;
        assert_eq!(tally(&answers).len(), 1, "{:?}", tally(&answers));
        assert!(answers.iter().all(|answer| token(answer) == token(&answers[0])));
        ann.refresh(&token(&answers[0])).await.ok();
    }

    async fn raced_with_sign_out_it_leaves_nothing_alive(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let ann = ann(&test).await;
        let answers = race(6, |racer| {
            let client = ann.clone();
            async move {
                if racer == 3 { client.run("sign_out", json!({})).await } else { client.refresh(TOKEN).await }
            }
        }).await;
        assert!(!tally(&answers).contains_key("INTERNAL"), "{:?}", tally(&answers));
        assert_dead(&test, &ann, &[TOKEN]).await;
    }

    async fn it_signs_out(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = ann(&test).await;
        let input = json!({ "input": { "refreshToken": TOKEN } });
        let answer = test.anon().run("sign_out", input).await.ok();
        assert_eq!(answer.at("/data/signOut/revokedSessions"), json!(1));
        assert_dead(&test, &ann, &[TOKEN]).await;
    }

    async fn a_new_password_retires_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = ann(&test).await;
        let change = json!({ "currentPassword": PASSWORD, "newPassword": "a brand new horse battery" });
        let answer = ann.run("change_password", json!({ "input": change })).await.ok();
        let fresh = test.anon().signed_in(&answer.at("/data/changePassword"));
        for wait in [0, 30] {
            test.clock.advance(TimeDelta::seconds(wait));
            assert_eq!(ann.refresh(TOKEN).await.code(), "INVALID_REFRESH_TOKEN");
            assert_alive(&fresh.me().await.ok());
        }
        test.clock.advance(TimeDelta::seconds(1));
        assert_eq!(ann.refresh(TOKEN).await.code(), "INVALID_REFRESH_TOKEN");
        assert_dead(&test, &fresh, &[&fresh.refresh_token]).await;
    }

    async fn where_an_earlier_version_changed_the_password_it_takes_the_place_of_the_one_before(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        row(&test, &ann, TOKEN).await;
        let next = token(&ann.refresh(TOKEN).await.ok());
        ann.refresh(&next).await.ok();
        assert_dead(&test, &ann, &[&ann.refresh_token, &next]).await;
    }

    async fn a_new_password_retires_it_beside_one_of_today(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        row(&test, &ann, TOKEN).await;
        let change = json!({ "currentPassword": PASSWORD, "newPassword": "a brand new horse battery" });
        let answer = ann.run("change_password", json!({ "input": change })).await.ok();
        let fresh = test.anon().signed_in(&answer.at("/data/changePassword"));
        assert_eq!(ann.refresh(TOKEN).await.code(), "INVALID_REFRESH_TOKEN");
        fresh.refresh(&fresh.refresh_token).await.ok();
    }

    async fn it_is_worth_nothing_when_it_has_expired_or_elsewhere(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = ann(&test).await;
        let other = test.anon().header("x-client-id", "other");
        assert_eq!(other.refresh(TOKEN).await.code(), "INVALID_REFRESH_TOKEN");
        assert_eq!(ann.refresh(NEXT).await.code(), "INVALID_REFRESH_TOKEN");
        test.clock.advance(TimeDelta::days(30));
        assert_eq!(ann.refresh(TOKEN).await.code(), "INVALID_REFRESH_TOKEN");
        assert!(events(&test, "refresh_token_reused").await.is_empty());
    }
}
