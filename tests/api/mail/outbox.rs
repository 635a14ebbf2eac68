//! The outbox: a mail is written down with the change it tells of, and leaves at least once.

use chrono::TimeDelta;
use entity::job;
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::json;

use crate::harness::{PASSWORD, TestApp, race};
use crate::support::{
    PATIENT, assert_not_at_rest, open_verifications, sign_up_with, verify_ticket,
};

async fn jobs(test: &TestApp) -> Vec<job::Model> {
    job::Entity::find()
        .all(test.app.db.read())
        .await
        .expect("the outbox")
}

/// What a worker leaves behind that dies after the claim, or after handing the mail over.
async fn abandon(test: &TestApp) {
    let claimed = job::ActiveModel {
        claimed_until: Set(Some(test.app.now() + TimeDelta::minutes(5))),
        attempts: Set(1),
        done_at: Set(None),
        ..Default::default()
    };
    job::Entity::update_many()
        .set(claimed)
        .exec(test.app.db.write())
        .await
        .expect("a claimed job");
}

/// A port on which nobody listens.
fn broken_mail_server() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    format!("smtp://127.0.0.1:{port}")
}

on_both_databases! {
    async fn a_change_and_its_mail_are_written_together(backend: Backend) {
        let test = TestApp::start(backend).await;
        sign_up_with(&test.anon(), json!({ "password": "short" })).await;
        assert!(jobs(&test).await.is_empty());
        test.anon().sign_up("ann@example.org").await.ok();
        let waiting = jobs(&test).await;
        let [waiting] = waiting.as_slice() else { panic!("one job: {waiting:?}") };
        assert_eq!((waiting.attempts, waiting.done_at, waiting.claimed_until), (0, None, None));
        let id = open_verifications(&test).await[0].id;
        // Ids only: no address, no ticket, no code.
        assert_eq!(waiting.task, json!({ "kind": "send_verification", "verification": id, "round": 1 }));

        test.run_jobs().await;
        let done = &jobs(&test).await[0];
        assert_eq!((done.attempts, done.done_at, done.claimed_until), (1, Some(test.app.now()), None));
        test.run_jobs().await;
        assert_eq!(test.mails().await.len(), 1);
    }

    /// In a rolling upgrade, an older instance meets what a newer one wrote.
    async fn a_job_of_an_unknown_kind_is_left_for_a_newer_instance(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.anon().sign_up("ann@example.org").await.ok();
        let known = jobs(&test).await[0].task.clone();
        let set = async |task| {
            let changed = job::ActiveModel { task: Set(task), ..Default::default() };
            job::Entity::update_many().set(changed).exec(test.app.db.write()).await.expect("a job");
        };
        set(json!({ "kind": "send_postcard", "user": 1 })).await;
        test.run_jobs().await;
        let waiting = &jobs(&test).await[0];
        assert_eq!((waiting.attempts, waiting.done_at, waiting.buried_at), (1, None, None));
        assert!(waiting.last_error.as_ref().is_some_and(|reason| reason.contains("unknown")));
        set(known).await;
        test.clock.advance(TimeDelta::seconds(6));
        test.run_jobs().await;
        assert!(jobs(&test).await[0].done_at.is_some());
    }

    async fn no_live_secret_rests_in_any_table(backend: Backend) {
        let test = TestApp::start(backend).await;
        let asked = test.anon().sign_up("ann@example.org").await.ok();
        let handle = asked.text("/data/signUp/verificationId");
        let id = open_verifications(&test).await[0].id;
        let ticket = test.app.tickets.ticket(id).expose().to_owned();
        let code = test.app.tickets.code(entity::verification::Purpose::SignUp, id, 1).expose().to_owned();
        for sent in [false, true] {
            if sent {
                assert_eq!(test.mail_to("ann@example.org").await.ticket(), ticket);
            }
            for secret in [ticket.as_str(), &code, &handle, PASSWORD] {
                assert_not_at_rest(&test, backend, secret).await;
            }
        }
    }

    async fn what_a_worker_left_that_died_is_taken_over_with_the_same_ticket_and_code(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.anon().sign_up("ann@example.org").await.ok();
        abandon(&test).await;
        assert_eq!(test.mails().await.len(), 0, "somebody may still be at it");
        test.clock.advance(TimeDelta::minutes(5) - TimeDelta::seconds(1));
        assert_eq!(test.mails().await.len(), 0);
        test.clock.advance(TimeDelta::seconds(1));
        let first = test.mail_to("ann@example.org").await;

        // This one died between handing the mail over and writing that down.
        abandon(&test).await;
        test.clock.advance(TimeDelta::minutes(5));
        let second = test.mail_to("ann@example.org").await;
        assert_eq!(test.mails_to("ann@example.org").await, 2);
        assert_eq!((second.ticket(), second.code()), (first.ticket(), first.code()));
        verify_ticket(&test.anon(), &second.ticket()).await.ok();
    }

    async fn many_workers_at_once_send_every_mail_once(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let other = TestApp::with_clock(test.database.clone(), PATIENT, test.clock.clone()).await;
        for number in 0..12 {
            test.anon().sign_up(&format!("user{number}@example.org")).await.ok();
        }
        race(8, |number| {
            let worker = if number % 2 == 0 { test.app.worker.clone() } else { other.app.worker.clone() };
            async move { while worker.run_due().await.expect("the outbox can be read") > 0 {} }
        }).await;
        let mut sent: Vec<_> = test.mails().await.into_iter().chain(other.mails().await).map(|received| received.mail.to).collect();
        assert_eq!(sent.len(), 12);
        sent.sort();
        sent.dedup();
        assert_eq!(sent.len(), 12);
    }

    async fn a_mail_server_that_is_down_fails_nothing_and_is_tried_again(backend: Backend) {
        let server = broken_mail_server();
        let settings = [("VESTIBULE_SMTP_URL", server.as_str()), ("VESTIBULE_MAIL_ATTEMPTS", "4")];
        let test = TestApp::with(backend, &settings).await;
        let asked = test.anon().sign_up("ann@example.org").await.ok();
        assert_eq!(asked.text("/data/signUp/__typename"), "PendingVerification");
        for (attempt, pause) in [(1, 5), (2, 10), (3, 20)] {
            test.run_jobs().await;
            let job = &jobs(&test).await[0];
            assert_eq!((job.attempts, job.done_at, job.buried_at, job.claimed_until), (attempt, None, None, None));
            assert_eq!(job.run_at, test.app.now() + TimeDelta::seconds(pause));
            assert!(job.last_error.as_deref().is_some_and(|error| error.starts_with("not taken")), "{job:?}");
            test.clock.advance(TimeDelta::seconds(pause) - TimeDelta::milliseconds(1));
            test.run_jobs().await;
            assert_eq!(jobs(&test).await[0].attempts, attempt, "not before its time");
            test.clock.advance(TimeDelta::milliseconds(1));
        }
        test.run_jobs().await;
        let buried = jobs(&test).await.remove(0);
        assert_eq!((buried.attempts, buried.done_at, buried.buried_at), (4, None, Some(test.app.now())));
        assert!(buried.last_error.is_some_and(|error| !error.is_empty()));
        test.clock.advance(TimeDelta::days(1));
        test.run_jobs().await;
        assert_eq!(jobs(&test).await[0].attempts, 4, "what is buried rests");
    }

    async fn a_mail_that_was_not_taken_arrives_later(backend: Backend) {
        let server = broken_mail_server();
        let test = TestApp::with(backend, &[("VESTIBULE_SMTP_URL", server.as_str())]).await;
        let ann = test.anon().sign_up("ann@example.org").await.ok();
        test.run_jobs().await;
        let mended = test.second_instance().await;
        assert_eq!(mended.mails().await.len(), 0);
        test.clock.advance(TimeDelta::seconds(5));
        let letter = mended.mail_to("ann@example.org").await;
        let job = jobs(&test).await.remove(0);
        assert_eq!((job.attempts, job.last_error), (2, None));
        // Its ten minutes begin now.
        test.clock.advance(TimeDelta::seconds(599));
        let handle = ann.text("/data/signUp/verificationId");
        crate::support::verify_code(&test.anon(), &handle, &letter.code()).await.ok();
    }

    async fn a_task_that_nobody_understands_holds_up_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let now = test.app.now();
        let odd = job::ActiveModel {
            id: Set(test.app.id()), task: Set(json!({ "kind": "of a later version" })), attempts: Set(0), run_at: Set(now),
            claimed_until: Set(None), created_at: Set(now), done_at: Set(None), buried_at: Set(None), last_error: Set(None),
        };
        job::Entity::insert(odd).exec_without_returning(test.app.db.write()).await.expect("a job");
        test.anon().sign_up("ann@example.org").await.ok();
        assert_eq!(test.mails_to("ann@example.org").await, 1);
        let waiting = jobs(&test).await.into_iter().filter(|job| job.done_at.is_none()).count();
        assert_eq!(waiting, 1);
    }
}
