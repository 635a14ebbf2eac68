use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::json;

use crate::harness::{Answer, Client, TestApp, race};
use crate::support::{
    PATIENT, another_session, assert_alive, assert_not_at_rest, events, jwt_part, least_cost,
    reason, tally, time,
};

const TOKEN: &str = "/data/refreshSession/refreshToken";

fn token(answer: &Answer) -> String {
    answer.text(TOKEN)
}

async fn assert_dead(test: &TestApp, ann: &Client, refresh_tokens: &[&str]) {
    for token in refresh_tokens {
        assert_eq!(
            test.anon().refresh(token).await.code(),
            "INVALID_REFRESH_TOKEN"
        );
    }
    assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
}

on_both_databases! {
    async fn alone_it_asks_what_has_changed_and_exchanges_the_token_in_one_statement(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let mut newest = ann.refresh_token.clone();
        let cost = least_cost(&test, async || {
            newest = token(&ann.refresh(&newest).await.ok());
        })
        .await;
        assert_eq!(cost, (2, 0));
    }

    async fn every_use_gives_the_next_token_of_the_same_session(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let mut known = vec![ann.refresh_token.clone()];
        for _ in 0..3 {
            test.clock.advance(TimeDelta::minutes(10));
            let answer = ann.refresh(known.last().expect("a token")).await.ok();
            assert_eq!(answer.text("/data/refreshSession/sessionId"), ann.session_id);
            assert_eq!(answer.at("/data/refreshSession/firstSeen"), json!(false));
            assert_eq!(time(&answer, "/data/refreshSession/expiresAt"), test.app.now() + TimeDelta::minutes(15));
            assert!(!known.contains(&token(&answer)));
            known.push(token(&answer));
            assert_alive(&test.anon().signed_in(&answer.at("/data/refreshSession")).me().await.ok());
        }
        let claims = jwt_part(&ann.refresh(&known[3]).await.ok().text("/data/refreshSession/accessToken"), 1);
        assert_eq!(claims["auth_time"], jwt_part(&ann.access_token, 1)["auth_time"], "a refresh is no sign-in");
    }

    async fn within_thirty_seconds_an_unused_successor_is_given_again(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let first = ann.refresh(&ann.refresh_token).await.ok();
        for wait in [0, 15, 15] {
            test.clock.advance(TimeDelta::seconds(wait));
            let again = ann.refresh(&ann.refresh_token).await.ok();
            assert_eq!(token(&again), token(&first));
            for name in ["refreshTokenId", "refreshTokenExpiresAt", "sessionId"] {
                let pointer = format!("/data/refreshSession/{name}");
                assert_eq!(again.at(&pointer), first.at(&pointer), "{name}");
            }
        }
        ann.refresh(&token(&first)).await.ok();
    }

    async fn a_used_token_after_the_grace_ends_the_session(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let next = ann.refresh(&ann.refresh_token).await.ok();
        test.clock.advance(TimeDelta::milliseconds(30_001));
        assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        assert_dead(&test, &ann, &[&token(&next), &ann.refresh_token]).await;
    }

    async fn a_used_token_whose_successor_is_used_ends_the_session_even_within_the_grace(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let other = another_session(&test, "ann").await;
        let second = token(&ann.refresh(&ann.refresh_token).await.ok());
        let third = token(&ann.refresh(&second).await.ok());
        let thief = test.anon().calling_from("203.0.113.9");
        assert_eq!(thief.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        assert_dead(&test, &ann, &[&third, &second, &ann.refresh_token]).await;
        // Only this session.
        assert_alive(&other.me().await.ok());

        let told = events(&test, "refresh_token_reused").await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].session_id.map(|id| id.to_string()), Some(ann.session_id));
        assert_eq!(told[0].ip_address.as_deref(), Some("203.0.113.9"));
    }

    async fn a_used_token_ends_the_session_even_when_its_own_time_is_over(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        test.clock.advance(TimeDelta::days(20));
        let next = token(&ann.refresh(&ann.refresh_token).await.ok());
        test.clock.advance(TimeDelta::days(20));
        for token in [&ann.refresh_token, &next] {
            assert_eq!(test.anon().refresh(token).await.code(), "INVALID_REFRESH_TOKEN");
        }
        assert_eq!(events(&test, "refresh_token_reused").await.len(), 1);
    }

    async fn a_used_token_is_known_after_a_restart(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let next = ann.refresh(&ann.refresh_token).await.ok().text("/data/refreshSession/refreshToken");
        test.clock.advance(TimeDelta::seconds(31));
        let restarted = test.second_instance().await;
        assert_eq!(restarted.anon().refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        assert_eq!(restarted.anon().refresh(&next).await.code(), "INVALID_REFRESH_TOKEN");
    }

    async fn of_a_hundred_tokens_none_comes_twice_or_is_short(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let mut tokens = std::collections::BTreeSet::from([ann.refresh_token.clone()]);
        for _ in 0..100 {
            let opened = test.anon().sign_in("ann@example.org", crate::harness::PASSWORD).await.ok();
            tokens.insert(opened.text("/data/signIn/refreshToken"));
        }
        assert_eq!(tokens.len(), 101);
        // Of 64 octets, which begin with the session, 256 bits are random.
        let random: std::collections::BTreeSet<_> = tokens.iter().map(|token| &token[22..64]).collect();
        assert!(random.len() == 101 && tokens.iter().all(|token| token.len() == 86), "{tokens:?}");
    }

    async fn of_fifty_at_once_all_get_the_same_successor(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let ann = test.user("ann").await;
        let answers = race(50, |_| {
            let (client, token) = (test.anon(), ann.refresh_token.clone());
            async move { client.refresh(&token).await }
        }).await;
        let successor = token(&answers[0]);
        for answer in &answers {
            assert_eq!(token(answer), successor);
        }
        assert_alive(&ann.me().await.ok());
        ann.refresh(&successor).await.ok();
    }

    async fn fifty_at_once_on_two_instances_leave_one_chain(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let other = TestApp::with_clock(test.database.clone(), PATIENT, test.clock.clone()).await;
        let ann = test.user("ann").await;
        let answers = race(50, |number| {
            let client = if number % 2 == 0 { test.anon() } else { other.anon() };
            let token = ann.refresh_token.clone();
            async move { client.refresh(&token).await }
        }).await;
        assert_eq!(tally(&answers).len(), 1, "{:?}", tally(&answers));
        let mut tokens: Vec<_> = answers.iter().map(token).collect();
        tokens.dedup();
        assert_eq!(tokens.len(), 1);
        assert_alive(&ann.me().await.ok());
    }

    async fn a_refresh_raced_with_sign_out_leaves_nothing_alive(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        for number in 0..10 {
            let ann = test.user(&format!("ann{number}")).await;
            let answers = race(6, |racer| {
                let (client, token) = (ann.clone(), ann.refresh_token.clone());
                async move {
                    if racer == 3 { client.run("sign_out", json!({})).await } else { client.refresh(&token).await }
                }
            }).await;
            assert!(!tally(&answers).contains_key("INTERNAL"), "{:?}", tally(&answers));
            for answer in answers.iter().filter(|answer| answer.at(TOKEN).is_string()) {
                assert_dead(&test, &ann, &[&token(answer)]).await;
            }
        }
    }

    async fn an_unused_token_lives_thirty_days(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        test.clock.advance(TimeDelta::days(30) - TimeDelta::seconds(1));
        ann.refresh(&ann.refresh_token).await.ok();
        test.clock.advance(TimeDelta::seconds(1));
        assert_eq!(bob.refresh(&bob.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
    }

    async fn no_session_lives_longer_than_ninety_days(backend: Backend) {
        let test = TestApp::start(backend).await;
        let end = test.app.now() + TimeDelta::days(90);
        let mut ann = test.user("ann").await;
        for day in [29, 58, 87] {
            test.clock.advance(TimeDelta::days(29));
            let answer = ann.refresh(&ann.refresh_token).await.ok();
            let expected = (test.app.now() + TimeDelta::days(30)).min(end);
            assert_eq!(time(&answer, "/data/refreshSession/refreshTokenExpiresAt"), expected, "day {day}");
            ann = test.anon().signed_in(&answer.at("/data/refreshSession"));
        }
        test.clock.advance(TimeDelta::days(3) - TimeDelta::seconds(1));
        let last = ann.refresh(&ann.refresh_token).await.ok();
        let ann = test.anon().signed_in(&last.at("/data/refreshSession"));
        assert_alive(&ann.me().await.ok());
        test.clock.advance(TimeDelta::seconds(1));
        assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        assert_eq!(reason(&ann.me().await), "TOKEN_EXPIRED");
    }

    async fn a_bearer_that_comes_along_is_ignored(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        test.clock.advance(TimeDelta::hours(1));
        let mut token = ann.refresh_token.clone();
        for bearer in [ann.access_token.as_str(), bob.access_token.as_str(), "garbage"] {
            let input = json!({ "input": { "refreshToken": token } });
            let answer = test.anon().bearer(bearer).run("refresh_session", input).await.ok();
            assert_eq!(answer.text("/data/refreshSession/user/email"), "ann@example.org");
            token = self::token(&answer);
        }
    }

    async fn another_application_gets_nothing_and_harms_nobody(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let other = test.anon().header("x-client-id", "other");
        assert_eq!(other.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        test.anon().header("x-client-id", "default").refresh(&ann.refresh_token).await.ok();
    }

    async fn a_changed_token_is_unknown_and_harms_nobody(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let token = ann.refresh_token.as_str();
        let flipped: String = token.chars().map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect();
        let changed = [
            "".into(), "null".into(), token[1..].to_owned(), token[..token.len() - 1].to_owned(), format!("{token}A"),
            format!("{token}="), format!(" {token}"), format!("{token}\n"), flipped, token.to_uppercase(),
            ann.access_token.clone(), ann.session_id.clone(), "x".repeat(30_000),
        ];
        for changed in changed {
            assert_eq!(test.anon().refresh(&changed).await.code(), "INVALID_REFRESH_TOKEN", "{changed:.60}");
        }
        // One character of a token that would be a used one, if it was ours.
        for at in 0..token.len() {
            let other = if &token[at..=at] == "Q" { "g" } else { "Q" };
            let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert_eq!(test.anon().refresh(&changed).await.code(), "INVALID_REFRESH_TOKEN", "{changed}");
        }
        assert_alive(&ann.me().await.ok());
        ann.refresh(token).await.ok();
    }

    async fn a_missing_token_is_named(backend: Backend) {
        let test = TestApp::start(backend).await;
        for variables in [json!({}), json!({ "input": null }), json!({ "input": {} }), json!({ "input": { "refreshToken": null } })] {
            let answer = test.anon().run("refresh_session", variables.clone()).await;
            assert_eq!(answer.code(), "INVALID_INPUT", "{variables}");
            assert_eq!(answer.issues(), ["refreshToken:required"]);
        }
    }

    async fn a_role_that_was_taken_away_is_gone_from_the_next_token(backend: Backend) {
        use entity::{StringList, user};
        use sea_orm::ActiveValue::Set;
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let change = user::ActiveModel { roles: Set(StringList::of(["me", "admin"])), ..Default::default() };
        user::Entity::update_many().set(change).exec(test.app.db.write()).await.expect("other roles");
        let answer = ann.refresh(&ann.refresh_token).await.ok();
        let claims = jwt_part(&answer.text("/data/refreshSession/accessToken"), 1);
        let hasura = &claims["https://hasura.io/jwt/claims"];
        // `admin` is none of the application's roles.
        assert_eq!(hasura["x-hasura-allowed-roles"], json!(["me"]));
        assert_eq!(hasura["x-hasura-default-role"], json!("me"));
    }

    async fn what_fails_before_the_answer_spends_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let tenant = json!({ "input": { "name": "Acme" } });
        let tenant = test.admin().run("admin_create_tenant", tenant).await.ok().text("/data/adminCreateTenant/id");
        let member = json!({ "input": { "tenantId": tenant, "userId": ann.user_id, "roles": [] } });
        test.admin().run("admin_set_tenant_member", member).await.ok();
        let digest = || async {
            let session = entity::session::Entity::find().one(test.app.db.read()).await;
            session.expect("an answer").expect("a session").refresh_digest
        };
        let before = digest().await;
        let db = test.app.db.write();
        db.execute_unprepared("ALTER TABLE tenants RENAME TO hidden").await.expect("another name");
        assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INTERNAL");
        db.execute_unprepared("ALTER TABLE hidden RENAME TO tenants").await.expect("its name");
        assert_eq!(digest().await, before);
        ann.refresh(&ann.refresh_token).await.ok();
        assert_ne!(digest().await, before);
    }

    async fn only_digests_of_tokens_rest_in_the_database(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let next = token(&ann.refresh(&ann.refresh_token).await.ok());
        for secret in [&ann.refresh_token, &next, &ann.access_token, crate::harness::PASSWORD] {
            assert_not_at_rest(&test, backend, secret).await;
        }
    }

    async fn the_user_is_in_the_answer_however_it_is_selected(backend: Backend) {
        let test = TestApp::start(backend).await;
        let mut ann = test.user("ann").await;
        let user = ann.user_id.clone();
        let id = json!({ "id": user });
        let both = json!({ "id": user, "connection": "default" });
        for (selection, fragments, expected) in [
            ("", "", json!(null)),
            ("user { id }", "", id.clone()),
            ("user { id } user { connection }", "", both.clone()),
            ("...S", "fragment S on Session { ...T } fragment T on Session { user { id connection } }", both),
            ("user @include(if: $x) { id }", "", id.clone()),
            ("user @skip(if: $x) { id }", "", json!(null)),
            ("user { id email @skip(if: $x) }", "", id.clone()),
            ("who: user { id }", "", json!(null)),
        ] {
            let document = format!(
                "mutation($t: String!, $x: Boolean = true) {{ again: refreshSession(input: {{refreshToken: $t}}) {{ \
                 ... on Session {{ accessToken refreshToken sessionId {selection} kept: sessionId @include(if: $x) }} }} }} {fragments}"
            );
            let answer = ann.query(&document, json!({ "t": ann.refresh_token })).await.ok();
            assert_eq!(answer.at("/data/again/user"), expected, "{selection}");
            let who = answer.at("/data/again/who");
            assert!(who == id || !selection.starts_with("who"), "{selection}: {who}");
            ann = test.anon().signed_in(&answer.at("/data/again"));
        }
    }
}
