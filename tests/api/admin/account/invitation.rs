//! Invitations: a user without a password chooses one by the mailed link.

use chrono::TimeDelta;
use serde_json::json;

use super::steps::{NEW, OTHER_PASSWORD, create, created, delete_as, link};
use crate::harness::{Answer, Client, PASSWORD, TestApp, race};
use crate::support::{
    PATIENT, administer, assert_alive, disable, events, jwt_part, open_verifications, shape, tally,
    time,
};

async fn accept(client: &Client, ticket: &str, password: &str) -> Answer {
    let input = json!({ "proof": { "ticket": ticket }, "newPassword": password });
    client
        .run("reset_password", json!({ "input": input }))
        .await
}

/// An invited user and the ticket of the mail.
async fn invited(test: &TestApp) -> (String, String) {
    let id = created(test, json!({ "sendInvitation": true })).await;
    (id, test.mail_to(NEW).await.ticket())
}

on_both_databases! {
    async fn the_mailed_link_sets_the_first_password_and_signs_in(backend: Backend) {
        let test = TestApp::start(backend).await;
        let fields = json!({ "sendInvitation": true, "locale": "de", "displayName": "Neu" });
        let answer = create(&test, fields).await.ok();
        assert_eq!(answer.text("/data/adminCreateUser/status"), "INVITED");
        let id = answer.text("/data/adminCreateUser/id");
        let letter = test.mail_to(NEW).await;
        assert_eq!(letter.purpose(), "INVITATION");
        assert!(letter.0.mail.content.proof.as_ref().unwrap().code.is_none());
        assert_eq!(letter.link(), format!("http://127.0.0.1:4000/invitation?ticket={}", letter.ticket()));
        assert!(letter.text().contains("innerhalb von 7 Tagen") && letter.text().lines().any(|line| line == letter.link()), "{}", letter.text());
        assert_eq!(test.anon().sign_in(NEW, PASSWORD).await.code(), "INVALID_CREDENTIALS");

        let session = accept(&test.anon(), &letter.ticket(), PASSWORD).await.ok();
        assert_eq!(session.text("/data/resetPassword/__typename"), "Session");
        assert_eq!(session.at("/data/resetPassword/firstSeen"), json!(true));
        assert_eq!(session.at("/data/resetPassword/user"), json!({ "id": id, "email": NEW, "emailVerified": true, "status": "ACTIVE" }));
        assert_eq!(jwt_part(&session.text("/data/resetPassword/accessToken"), 1)["amr"], json!(["otp"]));
        assert_alive(&test.anon().signed_in(&session.at("/data/resetPassword")).me().await.ok());
        test.anon().sign_in(NEW, PASSWORD).await.ok();
        // The invitation is the only mail: nobody is told that the first password was reset.
        assert_eq!(test.mails_to(NEW).await, 1);
        let told = events(&test, "invitation_accepted").await;
        assert_eq!((told.len(), told[0].actor.as_str()), (1, "user"));
        assert!(told[0].session_id.is_some() && events(&test, "password_reset").await.is_empty());
        assert_eq!(events(&test, "user_created").await[0].details, json!({ "invited": true }));
        assert_eq!(events(&test, "link_made").await[0].details, json!({ "purpose": "INVITATION", "mailed": true }));

        assert_eq!(accept(&test.anon(), &letter.ticket(), OTHER_PASSWORD).await.code(), "INVALID_TICKET");
        test.anon().sign_in(NEW, PASSWORD).await.ok();
    }

    async fn the_policy_holds_and_a_weak_password_consumes_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (_, ticket) = invited(&test).await;
        for (weak, issue) in [("zq8x", "newPassword:min_length"), ("password1", "newPassword:common")] {
            let refused = accept(&test.anon(), &ticket, weak).await;
            assert_eq!((refused.code().as_str(), refused.issues()), ("WEAK_PASSWORD", vec![issue.to_owned()]));
        }
        let input = json!({ "input": { "proof": { "ticket": ticket } } });
        assert_eq!(test.anon().run("reset_password", input).await.issues(), ["newPassword:required"]);
        accept(&test.anon(), &ticket, PASSWORD).await.ok();
    }

    async fn it_is_good_for_seven_days_and_for_nothing_else(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (_, ticket) = invited(&test).await;
        assert_eq!(crate::support::verify_ticket(&test.anon(), &ticket).await.code(), "INVALID_TICKET");
        let stranger = test.anon().header("x-client-id", "another");
        assert_eq!(accept(&stranger, &ticket, PASSWORD).await.code(), "INVALID_TICKET");
        test.clock.advance(TimeDelta::days(7) - TimeDelta::seconds(1));
        accept(&test.anon(), &ticket, PASSWORD).await.ok();
        let test = TestApp::start(backend).await;
        let (_, ticket) = invited(&test).await;
        test.clock.advance(TimeDelta::days(7));
        assert_eq!(accept(&test.anon(), &ticket, PASSWORD).await.code(), "INVALID_TICKET");
    }

    async fn a_new_invitation_voids_the_former_ones(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (id, first) = invited(&test).await;
        test.clock.advance(TimeDelta::seconds(1));
        let asked = json!({ "purpose": "INVITATION" });
        let second = link(&test.admin(), "admin_send_link", &id, asked.clone()).await.ok();
        assert_eq!(second.at("/data/adminSendLink/email"), NEW);
        assert_eq!(time(&second, "/data/adminSendLink/expiresAt"), test.app.now() + TimeDelta::days(7));
        let second = test.mail_to(NEW).await.ticket();
        assert_ne!(first, second);
        let third = link(&test.admin(), "admin_make_link", &id, asked).await.ok().text("/data/adminMakeLink/link");
        let third = third.split_once("ticket=").unwrap().1.to_owned();
        for dead in [&first, &second] {
            assert_eq!(accept(&test.anon(), dead, PASSWORD).await.code(), "INVALID_TICKET");
        }
        assert_eq!(open_verifications(&test).await.len(), 1);
        accept(&test.anon(), &third, PASSWORD).await.ok();
    }

    async fn whoever_has_a_password_meanwhile_needs_no_invitation(backend: Backend) {
        let test = TestApp::start(backend).await;
        // By the administrator.
        let (id, ticket) = invited(&test).await;
        administer(&test, &id, json!({ "password": PASSWORD })).await.ok();
        assert_eq!(accept(&test.anon(), &ticket, OTHER_PASSWORD).await.code(), "INVALID_TICKET");
        // By the owner, who proves the mailbox as everybody may.
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let (_, ticket) = invited(&test).await;
        let ask = async |email: &str| test.anon().run("request_password_reset", json!({ "input": { "email": email } })).await.ok();
        assert_eq!(shape(&ask(NEW).await), shape(&ask("ann@example.org").await));
        let letter = test.mail_to(NEW).await;
        assert_eq!(letter.purpose(), "PASSWORD_RESET");
        accept(&test.anon(), &letter.ticket(), PASSWORD).await.ok();
        assert_eq!(accept(&test.anon(), &ticket, OTHER_PASSWORD).await.code(), "INVALID_TICKET");
        test.anon().sign_in(NEW, PASSWORD).await.ok();
    }

    async fn an_invited_user_cannot_be_told_from_nobody(backend: Backend) {
        let test = TestApp::start(backend).await;
        invited(&test).await;
        for password in ["", PASSWORD, "x"] {
            let (known, unknown) = (test.anon().sign_in(NEW, password).await, test.anon().sign_in("nobody@example.org", password).await);
            assert_eq!(known.code(), "INVALID_CREDENTIALS");
            assert_eq!(shape(&known), shape(&unknown));
        }
    }

    async fn a_disabled_moved_or_deleted_account_accepts_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (id, ticket) = invited(&test).await;
        disable(&test, NEW).await;
        assert_eq!(accept(&test.anon(), &ticket, PASSWORD).await.code(), "INVALID_TICKET");
        administer(&test, &id, json!({ "disabled": false })).await.ok();
        let again = async || {
            link(&test.admin(), "admin_send_link", &id, json!({ "purpose": "INVITATION" })).await.ok();
            test.mails().await.first().expect("a mail").mail.content.proof.as_ref().unwrap().ticket.expose().to_owned()
        };
        let ticket = again().await;
        administer(&test, &id, json!({ "email": "elsewhere@example.org" })).await.ok();
        assert_eq!(accept(&test.anon(), &ticket, PASSWORD).await.code(), "INVALID_TICKET");
        let ticket = again().await;
        delete_as(&test.admin(), &id).await.ok();
        assert_eq!(accept(&test.anon(), &ticket, PASSWORD).await.code(), "INVALID_TICKET");
    }

    async fn the_link_leads_where_the_administrator_says_within_the_list(backend: Backend) {
        let test = TestApp::start(backend).await;
        let invite = async |fields: serde_json::Value| {
            let mut fields = fields;
            fields["sendInvitation"] = json!(true);
            create(&test, fields).await
        };
        assert_eq!(invite(json!({ "redirectTo": "https://evil.example/" })).await.code(), "REDIRECT_NOT_ALLOWED");
        assert_eq!(invite(json!({ "clientId": "nobody" })).await.issues(), ["clientId:unknown"]);
        assert!(crate::support::accounts(&test, NEW).await.is_empty());
        invite(json!({ "redirectTo": "http://localhost:3000/in?a=1" })).await.ok();
        let letter = test.mail_to(NEW).await;
        assert_eq!(letter.link(), format!("http://localhost:3000/in?a=1&ticket={}&purpose=INVITATION", letter.ticket()));
    }

    async fn of_twenty_at_once_one_accepts(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let (_, ticket) = invited(&test).await;
        let anon = test.anon();
        let answers = race(20, |number| {
            let (anon, ticket) = (anon.clone(), ticket.clone());
            async move { accept(&anon, &ticket, &format!("{PASSWORD} {number}")).await }
        }).await;
        let tally = tally(&answers);
        assert_eq!((tally[""], tally["INVALID_TICKET"]), (1, 19), "{tally:?}");
        assert_eq!(events(&test, "invitation_accepted").await.len(), 1);
    }
}
