//! A mail server that is slow, down or refusing neither fails nor delays a mutation, and nothing is lost.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures_util::future::join_all;

use super::server::{MailServer, Manner, Seal};
use super::{house, job, jobs, reason};
use crate::harness::program::Folder;
use crate::harness::{Backend, TestApp};

/// What a server does, and what the step is called at which that is noticed.
type Hang = (Manner, &'static str);

/// What does not depend on the seal.
fn after_the_sign_in() -> [Hang; 4] {
    [
        (Manner::HangsAt("MAIL"), "the sender"),
        (Manner::HangsAt("RCPT"), "the recipient"),
        (Manner::HangsAt("DATA"), "DATA"),
        (Manner::HangsAfterData, "the content"),
    ]
}

/// A house whose mail server hangs, and another instance of it that does not wait for long.
struct Stuck {
    mail: MailServer,
    patient: TestApp,
    hasty: TestApp,
    hang: Hang,
}

impl Stuck {
    async fn at(backend: Backend, seal: Seal, hang: Hang) -> Self {
        let mail = MailServer::start(seal, hang.0.clone(), "localhost").await;
        let folder = Folder::new();
        let authority = folder.file("authority.pem", &mail.certificate);
        let way = match seal {
            Seal::Plain => "smtp://",
            Seal::StartTls => "smtp+starttls://ann:secret@",
            Seal::Implicit => "smtps://ann:secret@",
        };
        let url = format!("{way}localhost:{}", mail.address.port());
        let mut settings = vec![
            ("VESTIBULE_SMTP_URL", url.as_str()),
            ("VESTIBULE_SMTP_CA", authority.as_str()),
        ];
        let patient = TestApp::with(backend, &settings).await;
        settings.push(("VESTIBULE_SMTP_TIMEOUT", "1000"));
        let hasty = patient.second_instance_with(&settings).await;
        Self {
            mail,
            patient,
            hasty,
            hang,
        }
    }

    /// The mutation is answered, the worker gives up and says at which step, and the mail arrives later.
    async fn comes_through(&self) {
        let (manner, step) = &self.hang;
        self.patient.anon().sign_up("ann@example.org").await.ok();
        let tried = tokio::time::timeout(Duration::from_secs(60), self.hasty.run_jobs()).await;
        tried.expect("an end");
        let said = reason(&self.patient).await;
        assert!(said.contains(step), "{manner:?}: {said}");
        assert_eq!(self.mail.hanging(), 1, "{manner:?}");

        self.mail.behave(Manner::Takes);
        self.patient.clock.advance(TimeDelta::seconds(6));
        self.patient.run_jobs().await;
        let ended = job(&self.patient).await;
        assert!(ended.done_at.is_some(), "{manner:?}: {ended:?}");
    }
}

/// All of them at once, when all houses are open: opening takes time that a step does not have.
async fn hang_at_each(backend: Backend, seal: Seal, before: &[Hang]) {
    let mut all = Vec::new();
    for hang in before.iter().cloned().chain(after_the_sign_in()) {
        all.push(Stuck::at(backend, seal, hang).await);
    }
    join_all(all.iter().map(Stuck::comes_through)).await;
}

on_both_databases! {
    async fn a_mail_that_is_not_taken_now_is_delivered_later(backend: Backend) {
        let greylist = Manner::AnswersRecipients("451 4.7.1 try again later");
        let mail = MailServer::start(Seal::Plain, greylist, "localhost").await;
        let test = house(backend, &mail, &[]).await;
        test.anon().sign_up("ann@example.org").await.ok();
        test.run_jobs().await;
        assert!(reason(&test).await.contains("451"));

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
        assert!(reason(&test).await.contains("too many connections"));

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
        let before = [
            (Manner::HangsAtOnce, "the greeting"),
            (Manner::HangsAt("EHLO"), "the greeting"),
        ];
        hang_at_each(backend, Seal::Plain, &before).await;
    }

    async fn a_server_that_hangs_around_starttls_holds_up_nobody(backend: Backend) {
        let before = [
            (Manner::HangsAtOnce, "the greeting"),
            (Manner::HangsAt("EHLO"), "the greeting"),
            (Manner::HangsAt("STARTTLS"), "STARTTLS"),
            (Manner::HangsAfterStartTls, "STARTTLS"),
            (Manner::HangsUnderTlsAt("EHLO"), "STARTTLS"),
            (Manner::HangsAt("AUTH"), "the sign-in"),
        ];
        hang_at_each(backend, Seal::StartTls, &before).await;
    }

    async fn a_server_that_hangs_under_tls_holds_up_nobody(backend: Backend) {
        let before = [
            // The handshake.
            (Manner::HangsAtOnce, "the greeting"),
            (Manner::HangsBeforeGreeting, "the greeting"),
            (Manner::HangsAt("EHLO"), "the greeting"),
            (Manner::HangsAt("AUTH"), "the sign-in"),
        ];
        hang_at_each(backend, Seal::Implicit, &before).await;
    }

    async fn a_kept_connection_that_hangs_gives_way_to_a_new_one(backend: Backend) {
        let mail = MailServer::start(Seal::Plain, Manner::Takes, "localhost").await;
        let test = house(backend, &mail, &[("VESTIBULE_SMTP_TIMEOUT", "1000")]).await;
        test.anon().sign_up("ann@example.org").await.ok();
        test.run_jobs().await;
        mail.behave(Manner::HangsAt("NOOP"));
        test.anon().sign_up("bob@example.org").await.ok();
        let sent = tokio::time::timeout(Duration::from_secs(60), test.run_jobs()).await;
        sent.expect("an end");
        for job in jobs(&test).await {
            assert!(job.attempts == 1 && job.done_at.is_some(), "{job:?}");
        }
        assert_eq!((mail.messages().len(), mail.connections(), mail.hanging()), (2, 2, 1));
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
