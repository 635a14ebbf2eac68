//! `adminSendLink` and `adminMakeLink`.

use chrono::TimeDelta;
use serde_json::json;

use super::steps::{NEW, NOBODY, OTHER_PASSWORD, created, link};
use crate::harness::{Answer, PASSWORD, TestApp};
use crate::support::{LIMITED, disable, events, open_verifications, reason, time, verify_ticket};

const FIELDS: [&str; 2] = ["admin_send_link", "admin_make_link"];

async fn make(test: &TestApp, user_id: &str, purpose: &str) -> Answer {
    let fields = json!({ "purpose": purpose });
    link(&test.admin(), "admin_make_link", user_id, fields).await
}

/// The ticket in the query of the link that was answered.
fn ticket(answer: &Answer) -> String {
    let link = url::Url::parse(&answer.text("/data/adminMakeLink/link")).expect("an address");
    let (_, ticket) = link
        .query_pairs()
        .find(|(name, _)| name == "ticket")
        .expect("a ticket");
    ticket.into_owned()
}

on_both_databases! {
    async fn a_made_link_is_answered_and_not_mailed(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let mails = test.mails().await.len();
        let made = make(&test, &ann.user_id, "PASSWORD_RESET").await.ok();
        assert!(made.text("/data/adminMakeLink/link").starts_with("http://127.0.0.1:4000/reset?ticket="));
        assert_eq!(time(&made, "/data/adminMakeLink/expiresAt"), test.app.now() + TimeDelta::minutes(60));
        assert_eq!(test.mails().await.len(), mails);
        let input = json!({ "proof": { "ticket": ticket(&made) }, "newPassword": OTHER_PASSWORD });
        test.anon().run("reset_password", json!({ "input": input })).await.ok();
        test.anon().sign_in("ann@example.org", OTHER_PASSWORD).await.ok();
        assert_eq!(reason(&ann.me().await), "SESSION_REVOKED");
        let told = events(&test, "link_made").await;
        assert_eq!((told.len(), &told[0].details), (1, &json!({ "purpose": "PASSWORD_RESET", "mailed": false })));
        assert_eq!((told[0].actor.as_str(), told[0].user_id.map(|id| id.to_string())), ("administrator", Some(ann.user_id)));
        assert!(!format!("{told:?}").contains(&ticket(&made)));
    }

    async fn a_sent_one_is_mailed_whatever_the_budget_says(backend: Backend) {
        let test = TestApp::with(backend, LIMITED).await;
        let ann = test.user("ann").await;
        let mails = test.mails().await.len();
        let admin = test.admin().calling_from("203.0.113.77");
        for number in 1..=8 {
            let sent = link(&admin, "admin_send_link", &ann.user_id, json!({ "purpose": "PASSWORD_RESET" })).await.ok();
            assert_eq!(sent.at("/data/adminSendLink/email"), "ann@example.org");
            assert_eq!(sent.at("/data/adminSendLink/userId"), json!(ann.user_id));
            assert_eq!(test.mails().await.len(), mails + number);
        }
        let letter = test.mail_to("ann@example.org").await;
        assert_eq!(letter.purpose(), "PASSWORD_RESET");
        // Nobody has asked, so that there is nowhere to enter a code.
        assert!(letter.0.mail.content.proof.as_ref().unwrap().code.is_none());
        assert!(!letter.text().contains("enter this code") && !letter.text().contains("none"), "{}", letter.text());
        assert!(!letter.0.mail.content.html.contains("enter this code"));
        assert!(letter.text().lines().any(|line| line == letter.link()), "{}", letter.text());
        // Where the administrator sits is nobody's business.
        assert!(!letter.text().contains("203.0.113.77"), "{}", letter.text());
        let input = json!({ "proof": { "ticket": letter.ticket() }, "newPassword": OTHER_PASSWORD });
        test.anon().run("reset_password", json!({ "input": input })).await.ok();
        assert!(open_verifications(&test).await.is_empty());
        assert_eq!(events(&test, "link_made").await[0].ip_address.as_deref(), Some("203.0.113.77"));
    }

    async fn a_verification_verifies(backend: Backend) {
        let test = TestApp::start(backend).await;
        let id = created(&test, json!({ "password": PASSWORD })).await;
        let made = make(&test, &id, "EMAIL_VERIFICATION").await.ok();
        assert!(made.text("/data/adminMakeLink/link").starts_with("http://127.0.0.1:4000/verify?ticket="));
        link(&test.admin(), "admin_send_link", &id, json!({ "purpose": "EMAIL_VERIFICATION" })).await.ok();
        assert_eq!(test.mail_to(NEW).await.purpose(), "EMAIL_VERIFICATION");
        verify_ticket(&test.anon(), &ticket(&made)).await.ok();
        assert_eq!(make(&test, &id, "EMAIL_VERIFICATION").await.issues(), ["purpose:not_allowed"]);
        assert_eq!(test.anon().sign_in(NEW, PASSWORD).await.text("/data/signIn/__typename"), "Session");
    }

    async fn a_link_that_would_be_of_no_use_is_not_made(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let invited = created(&test, json!({})).await;
        for field in FIELDS {
            for (id, purpose) in [(&ann.user_id, "EMAIL_VERIFICATION"), (&ann.user_id, "INVITATION"), (&invited, "PASSWORD_RESET")] {
                let answer = link(&test.admin(), field, id, json!({ "purpose": purpose })).await;
                assert_eq!((answer.code().as_str(), answer.issues()), ("INVALID_INPUT", vec!["purpose:not_allowed".to_owned()]), "{purpose}");
            }
            for id in [NOBODY, "", "x", "\0"] {
                assert_eq!(link(&test.admin(), field, id, json!({ "purpose": "PASSWORD_RESET" })).await.code(), "NOT_FOUND");
            }
            for (name, value, issue) in [("clientId", "nobody", "clientId:unknown"), ("clientId", "default\0", "clientId:unknown"), ("clientId", "", "clientId:unknown")] {
                let fields = json!({ "purpose": "PASSWORD_RESET", name: value });
                assert_eq!(link(&test.admin(), field, &ann.user_id, fields).await.issues(), [issue]);
            }
            for elsewhere in ["https://evil.example/", "javascript:alert(1)", "", "http://localhost:3000/\0"] {
                let fields = json!({ "purpose": "PASSWORD_RESET", "redirectTo": elsewhere });
                assert_eq!(link(&test.admin(), field, &ann.user_id, fields).await.code(), "REDIRECT_NOT_ALLOWED", "{elsewhere:?}");
            }
            assert_eq!(link(&test.admin(), field, &ann.user_id, json!({ "purpose": "EMAIL_CHANGE" })).await.code(), "GRAPHQL_VALIDATION_FAILED");
        }
        disable(&test, "ann@example.org").await;
        disable(&test, NEW).await;
        for (id, purpose) in [(&ann.user_id, "PASSWORD_RESET"), (&invited, "INVITATION")] {
            assert_eq!(make(&test, id, purpose).await.issues(), ["userId:not_allowed"]);
        }
        assert!(open_verifications(&test).await.is_empty());
        assert!(events(&test, "link_made").await.is_empty());
    }

    async fn the_application_must_take_the_accounts_connection(backend: Backend) {
        use entity::application_connection::Entity;
        use sea_orm::EntityTrait;
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let fields = json!({ "purpose": "PASSWORD_RESET", "clientId": "default", "redirectTo": "http://localhost:3000/in" });
        let made = link(&test.admin(), "admin_make_link", &ann.user_id, fields.clone()).await.ok();
        let address = made.text("/data/adminMakeLink/link");
        assert!(address.starts_with("http://localhost:3000/in?ticket=") && address.ends_with("&purpose=PASSWORD_RESET"), "{address}");
        Entity::delete_many().exec(test.app.db.write()).await.unwrap();
        assert_eq!(link(&test.admin(), "admin_make_link", &ann.user_id, fields).await.issues(), ["clientId:not_allowed"]);
    }

    async fn nobody_else_may_make_one(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        for field in FIELDS {
            for id in [&ann.user_id, NOBODY] {
                let fields = json!({ "purpose": "PASSWORD_RESET" });
                assert_eq!(reason(&link(&test.anon(), field, id, fields.clone()).await), "TOKEN_MISSING");
                assert_eq!(link(&ann, field, id, fields).await.code(), "FORBIDDEN");
            }
        }
        assert!(open_verifications(&test).await.is_empty());
    }
}
