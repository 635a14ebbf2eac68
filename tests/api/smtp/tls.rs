//! TLS to the mail server: verified, and never given up for plain text.

use chrono::TimeDelta;

use super::server::{MailServer, Manner, Seal};
use super::{job, reason};
use crate::harness::program::Folder;
use crate::harness::{Backend, TestApp};

/// Signs up through a mail server; whether its certificate is trusted is up to the caller.
async fn sign_up(
    backend: Backend,
    mail: &MailServer,
    url: &str,
    authority: Option<&str>,
) -> TestApp {
    let folder = Folder::new();
    let path = folder.file("authority.pem", authority.unwrap_or_default());
    let mut settings = vec![
        ("VESTIBULE_SMTP_URL", url),
        ("VESTIBULE_SMTP_TIMEOUT", "2000"),
    ];
    if authority.is_some() {
        settings.push(("VESTIBULE_SMTP_CA", &path));
    }
    let test = TestApp::with(backend, &settings).await;
    test.anon().sign_up("ann@example.org").await.ok();
    test.run_jobs().await;
    assert!(mail.connections() > 0, "somebody knocked");
    test
}

/// Whoever runs the house mends its settings: the mail arrives, sealed.
async fn mend(test: &TestApp, mail: &MailServer, url: &str) {
    let folder = Folder::new();
    let path = folder.file("authority.pem", &mail.certificate);
    let settings = [
        ("VESTIBULE_SMTP_URL", url),
        ("VESTIBULE_SMTP_CA", path.as_str()),
    ];
    let mended = test.second_instance_with(&settings).await;
    test.clock.advance(TimeDelta::seconds(6));
    mended.run_jobs().await;
    let done = job(test).await;
    assert!(done.done_at.is_some(), "{done:?}");
    assert_eq!((done.attempts, done.last_error), (2, None));
    let messages = mail.messages();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].sealed);
}

fn address(scheme: &str, mail: &MailServer) -> String {
    format!("{scheme}://ann:secret@localhost:{}", mail.address.port())
}

/// Nothing of a mail, a name or a password was said for everybody to hear.
#[track_caller]
fn assert_nothing_was_told(mail: &MailServer) {
    assert!(mail.messages().is_empty());
    for line in mail.plain() {
        let verb = line
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        assert!(
            ["EHLO", "STARTTLS", "QUIT", "RSET", "NOOP"].contains(&verb.as_str()),
            "{line}"
        );
    }
}

#[tokio::test]
async fn a_trusted_server_takes_mail_sealed_from_the_first_octet() {
    let mail = MailServer::start(Seal::Implicit, Manner::Takes, "localhost").await;
    let url = format!("smtps://ann:p%40ss@localhost:{}", mail.address.port());
    let certificate = mail.certificate.clone();
    let test = sign_up(Backend::Sqlite, &mail, &url, Some(&certificate)).await;
    assert!(job(&test).await.done_at.is_some());
    assert_eq!(mail.messages().len(), 1);
    assert!(mail.messages()[0].sealed);
    assert!(mail.plain().is_empty());
}

#[tokio::test]
async fn a_trusted_server_takes_mail_after_starttls() {
    let mail = MailServer::start(Seal::StartTls, Manner::Takes, "localhost").await;
    let url = address("smtp+starttls", &mail);
    let certificate = mail.certificate.clone();
    let test = sign_up(Backend::Sqlite, &mail, &url, Some(&certificate)).await;
    assert!(job(&test).await.done_at.is_some());
    assert_eq!(mail.messages().len(), 1);
    assert!(mail.messages()[0].sealed);
}

on_both_databases! {
    async fn a_server_that_nobody_vouches_for_gets_no_mail(backend: Backend) {
        let other = MailServer::start(Seal::Plain, Manner::Takes, "localhost").await;
        for (seal, scheme) in [(Seal::Implicit, "smtps"), (Seal::StartTls, "smtp+starttls")] {
            for (name, authority) in [
                ("localhost", None),
                ("localhost", Some(other.certificate.clone())),
                ("mail.example.org", None),
            ] {
                let mail = MailServer::start(seal, Manner::Takes, name).await;
                let own = (name != "localhost").then(|| mail.certificate.clone());
                let authority = authority.or(own);
                let url = address(scheme, &mail);
                let test = sign_up(backend, &mail, &url, authority.as_deref()).await;
                assert_nothing_was_told(&mail);
                let said = reason(&test).await;
                assert!(said.contains("certificate"), "{said}");

                // Somebody vouches for it, or it has a certificate in its own name.
                let right = match name {
                    "localhost" => mail,
                    _ => MailServer::start(seal, Manner::Takes, "localhost").await,
                };
                mend(&test, &right, &address(scheme, &right)).await;
            }
        }
    }

    /// Whoever is on the way can say it (RFC 3207 section 6).
    async fn answers_in_plain_text_are_not_believed_under_tls(backend: Backend) {
        for manner in [Manner::AnswersAhead, Manner::AnswersAheadOfStartTls] {
            let mail = MailServer::start(Seal::StartTls, manner, "localhost").await;
            let url = format!("smtp+starttls://localhost:{}", mail.address.port());
            let test = sign_up(backend, &mail, &url, Some(&mail.certificate)).await;
            assert_nothing_was_told(&mail);
            assert!(!reason(&test).await.is_empty());
            mail.behave(Manner::Takes);
            mend(&test, &mail, &url).await;
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_offer_starttls_gets_no_mail() {
    let mail = MailServer::start(Seal::Plain, Manner::Takes, "localhost").await;
    let url = address("smtp+starttls", &mail);
    let test = sign_up(Backend::Sqlite, &mail, &url, None).await;
    assert_nothing_was_told(&mail);
    assert!(reason(&test).await.contains("STARTTLS"));
}

#[tokio::test]
async fn a_server_that_speaks_plainly_where_tls_is_asked_for_gets_no_mail() {
    let mail = MailServer::start(Seal::Plain, Manner::Takes, "localhost").await;
    let url = address("smtps", &mail);
    let test = sign_up(Backend::Sqlite, &mail, &url, None).await;
    assert!(!reason(&test).await.is_empty());
    assert!(mail.messages().is_empty());
    assert!(
        !mail
            .plain()
            .iter()
            .any(|line| line.contains("MAIL") || line.contains("AUTH"))
    );
}
