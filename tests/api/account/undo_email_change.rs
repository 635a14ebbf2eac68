//! `undoEmailChange`.

use chrono::TimeDelta;
use serde_json::json;

use super::email_change::change;
use crate::harness::{Answer, PASSWORD, TestApp, race};
use crate::support::{PATIENT, accounts, another_session, events, reason, tally};

const NEW: &str = "a brand new horse battery";

async fn undo(test: &TestApp, ticket: &str) -> Answer {
    let input = json!({ "input": { "ticket": ticket } });
    test.anon().run("undo_email_change", input).await
}

on_both_databases! {
    async fn it_restores_the_address_ends_every_session_voids_the_password_and_mails_a_reset_once(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let other = another_session(&test, "ann").await;
        let bob = test.user("bob").await;
        let thief = change(&test, &ann, "thief@example.org").await;
        let ticket = test.mail_to("ann@example.org").await.ticket();

        let answer = undo(&test, &ticket).await.ok();
        assert_eq!(answer.text("/data/undoEmailChange/__typename"), "PendingVerification");
        assert_eq!(answer.text("/data/undoEmailChange/purpose"), "PASSWORD_RESET");
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 1);
        assert!(accounts(&test, "thief@example.org").await.is_empty());
        for dead in [&thief, &other] {
            assert_eq!(reason(&dead.me().await), "SESSION_REVOKED");
            assert_eq!(dead.refresh(&dead.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        }
        crate::support::assert_alive(&bob.me().await.ok());
        for login in ["ann@example.org", "thief@example.org"] {
            assert_eq!(test.anon().sign_in(login, PASSWORD).await.code(), "INVALID_CREDENTIALS");
        }
        assert_eq!(undo(&test, &ticket).await.code(), "INVALID_TICKET");
        assert_eq!(events(&test, "email_change_undone").await.len(), 1);

        let letter = test.mail_to("ann@example.org").await;
        assert_eq!(letter.purpose(), "PASSWORD_RESET");
        let redeem = "mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { __typename } }";
        let input = json!({ "input": { "proof": { "ticket": letter.ticket() }, "newPassword": NEW } });
        test.anon().query(redeem, input).await.ok();
        test.anon().sign_in("ann@example.org", NEW).await.ok();
    }

    async fn it_works_for_72_hours(backend: Backend) {
        for (late, code) in [(-1, ""), (0, "INVALID_TICKET"), (1, "INVALID_TICKET")] {
            let test = TestApp::start(backend).await;
            let ann = test.user("ann").await;
            change(&test, &ann, "new@example.org").await;
            let ticket = test.mail_to("ann@example.org").await.ticket();
            test.clock.advance(TimeDelta::hours(72) + TimeDelta::seconds(late));
            assert_eq!(undo(&test, &ticket).await.code_or_ok(), code, "{late}");
        }
    }

    async fn of_two_changes_the_oldest_address_has_the_last_word(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let ann = change(&test, &ann, "b@example.org").await;
        test.clock.advance(TimeDelta::seconds(1));
        change(&test, &ann, "c@example.org").await;
        let first = test.mail_to("ann@example.org").await.ticket();
        let second = test.mail_to("b@example.org").await.ticket();
        undo(&test, &first).await.ok();
        assert_eq!(undo(&test, &second).await.code(), "INVALID_TICKET");
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 1);
    }

    async fn the_younger_objection_leaves_the_older_one_good(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let ann = change(&test, &ann, "b@example.org").await;
        test.clock.advance(TimeDelta::seconds(1));
        change(&test, &ann, "c@example.org").await;
        let first = test.mail_to("ann@example.org").await.ticket();
        let second = test.mail_to("b@example.org").await.ticket();
        undo(&test, &second).await.ok();
        assert_eq!(accounts(&test, "b@example.org").await.len(), 1);
        let reset = test.mail_to("b@example.org").await;
        assert_eq!(reset.purpose(), "PASSWORD_RESET");
        undo(&test, &first).await.ok();
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 1);
        let redeem = "mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { __typename } }";
        let input = json!({ "input": { "proof": { "ticket": reset.ticket() }, "newPassword": NEW } });
        assert_eq!(test.anon().query(redeem, input).await.code(), "INVALID_TICKET");
    }

    async fn of_fifty_at_once_one_undoes(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let ann = test.user("ann").await;
        change(&test, &ann, "new@example.org").await;
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let client = test.anon();
        let answers = race(50, |_| {
            let (client, input) = (client.clone(), json!({ "input": { "ticket": ticket } }));
            async move { client.run("undo_email_change", input).await }
        }).await;
        assert_eq!(tally(&answers)[""], 1);
        assert_eq!(tally(&answers)["INVALID_TICKET"], 49);
        assert_eq!(events(&test, "email_change_undone").await.len(), 1);
        let resets = test.mails().await;
        assert_eq!(resets.iter().filter(|one| one.mail.content.purpose == "PASSWORD_RESET").count(), 1);
    }
}
