use chrono::TimeDelta;
use entity::job;
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::{Value, json};

use crate::admin::realm::{admin, only};
use crate::harness::{PASSWORD, TestApp, race};
use crate::support::{PATIENT, events, sign_up_with, tally};

async fn mails(test: &TestApp, filter: Value) -> Vec<Value> {
    let page = only(
        test.admin()
            .run("admin_mails", json!({ "filter": filter }))
            .await,
    );
    let nodes = page["nodes"].as_array().expect("nodes").clone();
    assert_eq!(page["totalCount"], json!(nodes.len()));
    nodes
}

/// A house whose mail server is not there, and that gives a mail up at once.
async fn without_mail_server(backend: crate::harness::Backend) -> TestApp {
    let settings = [
        ("VESTIBULE_SMTP_URL", "smtp://127.0.0.1:1"),
        ("VESTIBULE_MAIL_ATTEMPTS", "1"),
    ];
    TestApp::with(backend, &settings).await
}

on_both_databases! {
    async fn a_mail_is_queued_then_sent(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.anon().sign_up("Ann@Example.org").await.ok();
        let queued = mails(&test, json!({ "state": "QUEUED" })).await;
        assert_eq!(queued.len(), 1);
        let at = test.app.now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        assert_eq!(queued[0], json!({
            "id": queued[0]["id"], "state": "QUEUED", "purpose": "EMAIL_VERIFICATION", "to": "Ann@Example.org", "attempts": 0,
            "createdAt": at, "nextAttemptAt": at, "sentAt": null, "failedAt": null, "lastError": null,
        }));
        test.run_jobs().await;
        assert!(mails(&test, json!({ "state": "QUEUED" })).await.is_empty());
        let sent = mails(&test, json!({ "state": "SENT" })).await;
        assert_eq!((&sent[0]["id"], &sent[0]["sentAt"], &sent[0]["nextAttemptAt"], &sent[0]["attempts"]), (&queued[0]["id"], &json!(at), &json!(null), &json!(1)));
        assert!(mails(&test, json!({ "state": "FAILED" })).await.is_empty());
        // What was sent is neither tried again nor taken back.
        for name in ["retry_mail", "discard_mail"] {
            assert_eq!(admin(&test, name, json!({ "mailId": sent[0]["id"] })).await.code(), "NOT_FOUND");
        }
    }

    async fn every_mail_says_what_it_is_and_to_whom(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let reset = |email: &str| json!({ "input": { "email": email } });
        let change = json!({ "input": { "currentPassword": PASSWORD, "newPassword": "another horse battery staple" } });
        let after = json!({ "input": { "newEmail": "new@example.org", "currentPassword": "another horse battery staple" } });
        test.clock.advance(TimeDelta::seconds(1));
        test.anon().sign_up("ann@example.org").await.ok();
        test.clock.advance(TimeDelta::seconds(1));
        test.anon().run("request_password_reset", reset("ann@example.org")).await.ok();
        test.clock.advance(TimeDelta::seconds(1));
        test.anon().run("request_password_reset", reset("nobody@example.org")).await.ok();
        test.clock.advance(TimeDelta::seconds(1));
        let changed = ann.run("change_password", change).await.ok();
        test.clock.advance(TimeDelta::seconds(1));
        ann.clone().signed_in(&changed.at("/data/changePassword")).run("request_email_change", after).await.ok();
        let told = |mails: Vec<Value>| -> Vec<Value> { mails.iter().map(|mail| json!([mail["purpose"], mail["to"]])).collect() };
        let expected = [
            json!(["EMAIL_CHANGE", "new@example.org"]), json!(["PASSWORD_CHANGED", "ann@example.org"]), json!(["PASSWORD_RESET", null]),
            json!(["PASSWORD_RESET", "ann@example.org"]), json!(["ACCOUNT_EXISTS", "ann@example.org"]), json!(["EMAIL_VERIFICATION", "ann@example.org"]),
        ];
        assert_eq!(told(mails(&test, json!({})).await), expected);
        test.run_jobs().await;
        assert_eq!(told(mails(&test, json!({})).await), expected);
        // The inbox calls them alike.
        let mut inbox: Vec<_> = test.mails().await.iter().map(|received| received.mail.content.purpose).collect();
        inbox.sort_unstable();
        // The change of the password made the reset pointless.
        assert_eq!(inbox, ["ACCOUNT_EXISTS", "EMAIL_CHANGE", "EMAIL_VERIFICATION", "PASSWORD_CHANGED"]);
        let own = mails(&test, json!({})).await;
        let own = own.iter().find(|mail| mail["purpose"] == json!("PASSWORD_CHANGED")).unwrap();
        entity::user::Entity::delete_many().exec(test.app.db.write()).await.unwrap();
        let gone = mails(&test, json!({})).await.into_iter().find(|mail| mail["id"] == own["id"]).unwrap();
        assert_eq!((&gone["purpose"], &gone["to"]), (&json!("PASSWORD_CHANGED"), &json!(null)));
    }

    async fn a_mail_that_was_given_up_is_tried_again_with_fresh_attempts(backend: Backend) {
        let test = without_mail_server(backend).await;
        test.anon().sign_up("ann@example.org").await.ok();
        let id = mails(&test, json!({})).await[0]["id"].clone();
        assert_eq!(admin(&test, "retry_mail", json!({ "mailId": id })).await.code(), "NOT_FOUND", "it has not failed");
        test.run_jobs().await;
        let failed = mails(&test, json!({ "state": "FAILED" })).await;
        assert_eq!((&failed[0]["id"], &failed[0]["attempts"], failed[0]["failedAt"].is_string()), (&id, &json!(1), true));
        assert!(failed[0]["lastError"].as_str().is_some_and(|error| !error.is_empty()) && failed[0]["nextAttemptAt"].is_null());

        let mended = test.second_instance().await;
        assert_eq!(mended.mails().await.len(), 0, "what is buried rests");
        let retried = only(admin(&test, "retry_mail", json!({ "mailId": id })).await);
        assert_eq!((&retried["state"], &retried["attempts"], &retried["failedAt"]), (&json!("QUEUED"), &json!(0), &json!(null)));
        assert_eq!(retried["to"], json!("ann@example.org"));
        let letter = mended.mail_to("ann@example.org").await;
        crate::support::verify_ticket(&test.anon(), &letter.ticket()).await.ok();
        assert_eq!(mails(&test, json!({ "state": "SENT" })).await[0]["id"], id);
        let told = &events(&test, "mail_retried").await[0];
        assert_eq!((told.actor.as_str(), &told.details), ("administrator", &json!({ "mailId": id })));
    }

    async fn a_mail_that_has_not_left_can_be_discarded(backend: Backend) {
        let test = without_mail_server(backend).await;
        test.anon().sign_up("failed@example.org").await.ok();
        test.run_jobs().await;
        test.clock.advance(TimeDelta::seconds(1));
        test.anon().sign_up("queued@example.org").await.ok();
        for mail in mails(&test, json!({})).await {
            assert_eq!(only(admin(&test, "discard_mail", json!({ "mailId": mail["id"] })).await), json!({ "mailId": mail["id"] }));
            assert_eq!(admin(&test, "discard_mail", json!({ "mailId": mail["id"] })).await.code(), "NOT_FOUND");
        }
        assert!(mails(&test, json!({})).await.is_empty());
        assert_eq!(test.second_instance().await.mails().await.len(), 0);
        assert_eq!(events(&test, "mail_discarded").await.len(), 2);
        for nobody in ["x", "", "nul\0", "01940000-0000-7000-8000-000000000000"] {
            for name in ["retry_mail", "discard_mail"] {
                assert_eq!(admin(&test, name, json!({ "mailId": nobody })).await.code(), "NOT_FOUND");
            }
        }
    }

    async fn the_trail_tells_whose_mail_was_tried_again_or_discarded(backend: Backend) {
        let test = without_mail_server(backend).await;
        let ann = admin(&test, "create_user", json!({ "email": "ann@example.org", "password": PASSWORD })).await;
        let ann = only(ann)["id"].clone();
        let reset = json!({ "input": { "email": "ann@example.org" } });
        test.anon().run("request_password_reset", reset).await.ok();
        test.run_jobs().await;
        let id = mails(&test, json!({ "state": "FAILED" })).await[0]["id"].clone();
        only(admin(&test, "retry_mail", json!({ "mailId": id })).await);
        only(admin(&test, "discard_mail", json!({ "mailId": id })).await);
        // Nobody has an account yet.
        test.anon().sign_up("bob@example.org").await.ok();
        let id = mails(&test, json!({})).await[0]["id"].clone();
        test.clock.advance(TimeDelta::seconds(1));
        only(admin(&test, "discard_mail", json!({ "mailId": id })).await);
        let whose = async |kind| -> Vec<Value> {
            let told = events(&test, kind).await;
            told.iter().map(|event| json!(event.user_id)).collect()
        };
        assert_eq!(whose("mail_discarded").await, [ann.clone(), json!(null)]);
        assert_eq!(whose("mail_retried").await, [ann]);
    }

    async fn one_that_a_worker_has_in_hand_is_not_discarded(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.anon().sign_up("ann@example.org").await.ok();
        let id = mails(&test, json!({})).await[0]["id"].clone();
        let claimed = job::ActiveModel { claimed_until: Set(Some(test.app.now() + TimeDelta::minutes(5))), ..Default::default() };
        job::Entity::update_many().set(claimed).exec(test.app.db.write()).await.unwrap();
        assert_eq!(admin(&test, "discard_mail", json!({ "mailId": id })).await.code(), "NOT_FOUND");
        assert_eq!(mails(&test, json!({ "state": "QUEUED" })).await.len(), 1);
        // A worker that died has it in no hand any more.
        test.clock.advance(TimeDelta::minutes(5));
        only(admin(&test, "discard_mail", json!({ "mailId": id })).await);
    }

    async fn a_mail_is_either_sent_or_discarded(backend: Backend) {
        let test = std::sync::Arc::new(TestApp::with(backend, PATIENT).await);
        for number in 0..4 {
            let email = format!("user{number}@example.org");
            sign_up_with(&test.anon(), json!({ "email": email })).await.ok();
            let id = mails(&test, json!({ "state": "QUEUED" })).await[0]["id"].clone();
            let answers = race(3, |racer| {
                let (test, id) = (test.clone(), id.clone());
                async move {
                    if racer == 0 {
                        test.app.worker.run_due().await.expect("the outbox can be read");
                    }
                    admin(&test, "discard_mail", json!({ "mailId": id })).await
                }
            }).await;
            let discarded = tally(&answers).get("").copied().unwrap_or_default();
            let sent = test.mails_to(&email).await;
            assert_eq!(discarded + sent, 1, "{answers:?}");
        }
    }

    async fn a_task_of_a_later_version_shows_and_can_be_discarded(backend: Backend) {
        let test = TestApp::start(backend).await;
        let now = test.app.now();
        let odd = job::ActiveModel {
            id: Set(test.app.id()), task: Set(json!({ "kind": "of a later version" })), attempts: Set(0), run_at: Set(now),
            claimed_until: Set(None), created_at: Set(now), done_at: Set(None), buried_at: Set(None), last_error: Set(None),
        };
        job::Entity::insert(odd).exec_without_returning(test.app.db.write()).await.unwrap();
        test.run_jobs().await;
        // It waits for a newer instance.
        let queued = mails(&test, json!({ "state": "QUEUED" })).await;
        assert_eq!((&queued[0]["purpose"], &queued[0]["to"]), (&json!(null), &json!(null)));
        only(admin(&test, "discard_mail", json!({ "mailId": queued[0]["id"] })).await);
    }
}
