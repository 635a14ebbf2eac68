//! A mail server that is slow, down or refusing neither fails nor delays a mutation, and nothing is lost.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use entity::job;
use sea_orm::EntityTrait;

use super::server::{MailServer, Manner, Seal};
use crate::harness::{Backend, TestApp};

async fn house(backend: Backend, mail: &MailServer, more: &[(&str, &str)]) -> TestApp {
    let url = format!("smtp://{}", mail.address);
    let mut settings = vec![("VESTIBULE_SMTP_URL", url.as_str())];
    settings.extend(more);
    TestApp::with(backend, &settings).await
}

/// The only job, as it rests in the database.
async fn job(test: &TestApp) -> job::Model {
    let jobs = job::Entity::find()
        .all(test.app.db.read())
        .await
        .expect("jobs");
    assert_eq!(jobs.len(), 1);
    jobs.into_iter().next().expect("a job")
}

on_both_databases! {
    async fn a_mail_that_is_not_taken_now_is_delivered_later(backend: Backend) {
        let greylist = Manner::AnswersRecipients("451 4.7.1 try again later");
        let mail = MailServer::start(Seal::Plain, greylist, "localhost").await;
        let test = house(backend, &mail, &[]).await;
        test.anon().sign_up("ann@example.org").await.ok();
        test.run_jobs().await;
        let waiting = job(&test).await;
        assert_eq!((waiting.attempts, waiting.done_at, waiting.buried_at), (1, None, None));
        assert!(waiting.last_error.expect("a reason").contains("451"));

        mail.behave(Manner::Takes);
        test.run_jobs().await;
        assert_eq!(mail.messages().len(), 0, "not before its time");
        test.clock.advance(TimeDelta::seconds(6));
        test.run_jobs().await;
        assert_eq!(mail.messages().len(), 1);
        let done = job(&test).await;
        assert_eq!((done.attempts, done.last_error), (2, None));
        assert!(done.done_at.is_some());
    }

    async fn a_mail_that_is_refused_is_buried_at_once_with_the_reason(backend: Backend) {
        let refuses = Manner::AnswersRecipients("550 5.1.1 no such user here");
        let mail = MailServer::start(Seal::Plain, refuses, "localhost").await;
        let test = house(backend, &mail, &[]).await;
        test.anon().sign_up("ann@example.org").await.ok();
        test.run_jobs().await;
        let buried = job(&test).await;
        assert!(buried.buried_at.is_some() && buried.done_at.is_none());
        assert_eq!(buried.attempts, 1);
        let reason = buried.last_error.expect("a reason");
        assert!(reason.contains("no such user here"), "{reason}");

        mail.behave(Manner::Takes);
        test.clock.advance(TimeDelta::days(1));
        test.run_jobs().await;
        assert_eq!(mail.messages().len(), 0);
    }

    async fn a_mail_whose_sender_is_refused_is_buried_at_once_with_the_reason(backend: Backend) {
        let refuses = Manner::AnswersSenders("550 5.7.1 we do not know you");
        let mail = MailServer::start(Seal::Plain, refuses, "localhost").await;
        let test = house(backend, &mail, &[]).await;
        test.anon().sign_up("ann@example.org").await.ok();
        test.run_jobs().await;
        let buried = job(&test).await;
        assert!(buried.buried_at.is_some() && buried.done_at.is_none());
        assert!(buried.last_error.expect("a reason").contains("we do not know you"));
    }

    async fn a_server_that_turns_us_away_before_it_hears_of_a_mail_has_it_later(backend: Backend) {
        let busy = Manner::Greets("554 5.7.0 too many connections from you");
        let mail = MailServer::start(Seal::Plain, busy, "localhost").await;
        let test = house(backend, &mail, &[]).await;
        test.anon().sign_up("ann@example.org").await.ok();
        test.run_jobs().await;
        let waiting = job(&test).await;
        assert_eq!((waiting.attempts, waiting.done_at, waiting.buried_at), (1, None, None));
        assert!(waiting.last_error.expect("a reason").contains("too many connections"));

        mail.behave(Manner::Takes);
        test.clock.advance(TimeDelta::seconds(6));
        test.run_jobs().await;
        assert!(job(&test).await.done_at.is_some());
    }

    async fn mails_of_one_moment_and_the_next_share_a_connection(backend: Backend) {
        let mail = MailServer::start(Seal::Plain, Manner::Takes, "localhost").await;
        let test = house(backend, &mail, &[]).await;
        for name in ["ann", "bob", "cleo"] {
            test.anon().sign_up(&format!("{name}@example.org")).await.ok();
            test.run_jobs().await;
        }
        assert_eq!((mail.messages().len(), mail.connections()), (3, 1));
    }

    async fn a_server_that_hangs_holds_up_neither_the_mutation_nor_the_worker(backend: Backend) {
        let at = ["EHLO", "MAIL", "RCPT", "DATA"].map(Manner::HangsAt);
        let manners = at.into_iter().chain([Manner::HangsAtOnce, Manner::HangsAfterData]);
        let hang = async |manner| {
            let mail = MailServer::start(Seal::Plain, manner, "localhost").await;
            let test = house(backend, &mail, &[]).await;
            test.anon().sign_up("ann@example.org").await.ok();
            let url = format!("smtp://{}", mail.address);
            let hasty = [("VESTIBULE_SMTP_URL", url.as_str()), ("VESTIBULE_SMTP_TIMEOUT", "1000")];
            let hasty = test.second_instance_with(&hasty).await;
            tokio::time::timeout(Duration::from_secs(60), hasty.run_jobs()).await.expect("an end");
            let waiting = job(&test).await;
            assert_eq!((waiting.attempts, waiting.done_at, waiting.buried_at), (1, None, None));

            mail.behave(Manner::Takes);
            test.clock.advance(TimeDelta::seconds(6));
            test.run_jobs().await;
            let ended = job(&test).await;
            assert!(ended.done_at.is_some(), "{ended:?}");
        };
        futures_util::future::join_all(manners.map(hang)).await;
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_loses_no_mail_and_after_the_last_attempt_the_reason_stands() {
    let mail = MailServer::start(Seal::Plain, Manner::Takes, "localhost").await;
    let nobody = format!("smtp://127.0.0.1:{}", crate::harness::free_port());
    let settings = [
        ("VESTIBULE_SMTP_URL", nobody.as_str()),
        ("VESTIBULE_MAIL_ATTEMPTS", "3"),
    ];
    let test = house(Backend::Sqlite, &mail, &settings).await;
    let started = Instant::now();
    test.anon().sign_up("ann@example.org").await.ok();
    assert!(started.elapsed() < Duration::from_secs(30));
    for attempts in 1..=3 {
        test.run_jobs().await;
        let waiting = job(&test).await;
        assert_eq!(waiting.attempts, attempts);
        assert_eq!(waiting.buried_at.is_some(), attempts == 3);
        test.clock.advance(TimeDelta::hours(1));
    }
    assert!(job(&test).await.last_error.is_some());
    assert_eq!(mail.connections(), 0);
}
