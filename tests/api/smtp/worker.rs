//! The worker as it runs in a house, beside a mail server that is slow.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::server::{MailServer, Manner, Seal};
use super::{house, jobs};
use crate::harness::TestApp;

/// What hangs, hangs for much longer than any test waits.
const HANGS: (&str, &str) = ("VESTIBULE_SMTP_TIMEOUT", "60000");
/// Within this a mutation is answered, on a machine that is busy, too.
const ANSWER: Duration = Duration::from_secs(10);

async fn sign_up_in_time(test: &TestApp, email: &str) {
    let client = test.anon();
    let asked = timeout(ANSWER, client.sign_up(email)).await;
    asked.expect("an answer, whatever hangs").ok();
}

on_both_databases! {
    async fn a_recipient_whose_server_is_slow_holds_up_no_other_mail(backend: Backend) {
        let mail = MailServer::start(Seal::Plain, Manner::HangsAbout("slow"), "localhost").await;
        let test = house(backend, &mail, &[HANGS]).await;
        let (_stop, told) = watch::channel(false);
        tokio::spawn(test.app.worker.clone().run(told));
        // Of eight places one is left.
        for number in 0..7 {
            test.anon().sign_up(&format!("slow{number}@example.org")).await.ok();
        }
        mail.until_hanging(7).await;
        for number in 0..9 {
            test.anon().sign_up(&format!("ann{number}@example.org")).await.ok();
        }
        mail.until_taken(9).await;
        for number in 0..9 {
            assert_eq!(mail.messages_to(&format!("ann{number}@example.org")).len(), 1);
        }
        // One for each that hangs, and one that all others shared: there were never more than eight at once.
        assert_eq!((mail.hanging(), mail.connections()), (7, 8));
    }

    async fn a_mail_that_hangs_holds_up_no_mutation(backend: Backend) {
        let mail = MailServer::start(Seal::Plain, Manner::Takes, "localhost").await;
        let test = house(backend, &mail, &[HANGS]).await;
        let (_stop, told) = watch::channel(false);
        tokio::spawn(test.app.worker.clone().run(told));
        let at = ["EHLO", "MAIL", "RCPT", "DATA"].map(Manner::HangsAt);
        let manners = at.into_iter().chain([Manner::HangsAtOnce, Manner::HangsAfterData]);
        // Each signs up while the mails of all before hang, each at another step.
        for (number, manner) in manners.enumerate() {
            mail.behave(manner);
            sign_up_in_time(&test, &format!("user{number}@example.org")).await;
            mail.until_hanging(number + 1).await;
        }
        sign_up_in_time(&test, "last@example.org").await;
        let held = jobs(&test).await.into_iter().filter(|job| job.claimed_until.is_some()).count();
        assert!(held >= 6, "{held} are under way");
    }

    async fn who_is_told_to_stop_ends_the_mail_in_hand_and_begins_no_other(backend: Backend) {
        let mail = MailServer::start(Seal::Plain, Manner::HangsAbout("slow"), "localhost").await;
        let test = house(backend, &mail, &[("VESTIBULE_SMTP_TIMEOUT", "1000")]).await;
        let (stop, told) = watch::channel(false);
        let worker = tokio::spawn(test.app.worker.clone().run(told));
        test.anon().sign_up("slow@example.org").await.ok();
        mail.until_hanging(1).await;
        stop.send(true).expect("the worker runs");
        test.anon().sign_up("ann@example.org").await.ok();
        let ended = timeout(Duration::from_secs(60), worker).await;
        ended.expect("an end").expect("an end in peace");

        let jobs = jobs(&test).await;
        let [slow, other] = jobs.as_slice() else { panic!("two jobs: {jobs:?}") };
        assert_eq!((slow.attempts, slow.claimed_until), (1, None));
        assert!(slow.last_error.as_ref().is_some_and(|reason| reason.contains("the recipient")), "{slow:?}");
        assert_eq!((other.attempts, other.claimed_until), (0, None));
        assert!(mail.messages().is_empty());
    }
}
