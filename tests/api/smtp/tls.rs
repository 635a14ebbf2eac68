//! TLS to the mail server: verified, and never given up for plain text.

use super::server::{MailServer, Manner, Seal};
use crate::harness::program::Folder;
use crate::harness::{Backend, TestApp};

/// Signs up through a mail server; whether its certificate is trusted is up to the caller.
async fn sign_up(mail: &MailServer, url: &str, authority: Option<&str>) -> TestApp {
    let folder = Folder::new();
    let path = folder.file("authority.pem", authority.unwrap_or_default());
    let mut settings = vec![
        ("VESTIBULE_SMTP_URL", url),
        ("VESTIBULE_SMTP_TIMEOUT", "2000"),
    ];
    if authority.is_some() {
        settings.push(("VESTIBULE_SMTP_CA", &path));
    }
    let test = TestApp::with(Backend::Sqlite, &settings).await;
    test.anon().sign_up("ann@example.org").await.ok();
    test.run_jobs().await;
    assert!(mail.connections() > 0, "somebody knocked");
    test
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
    sign_up(&mail, &url, Some(&certificate)).await;
    assert_eq!(mail.messages().len(), 1);
    assert!(mail.messages()[0].sealed);
    assert!(mail.plain().is_empty());
}

#[tokio::test]
async fn a_trusted_server_takes_mail_after_starttls() {
    let mail = MailServer::start(Seal::StartTls, Manner::Takes, "localhost").await;
    let url = format!(
        "smtp+starttls://ann:secret@localhost:{}",
        mail.address.port()
    );
    let certificate = mail.certificate.clone();
    sign_up(&mail, &url, Some(&certificate)).await;
    assert_eq!(mail.messages().len(), 1);
    assert!(mail.messages()[0].sealed);
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_no_mail() {
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
            let url = format!("{scheme}://ann:secret@localhost:{}", mail.address.port());
            sign_up(&mail, &url, authority.as_deref()).await;
            assert_nothing_was_told(&mail);
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_offer_starttls_gets_no_mail() {
    let mail = MailServer::start(Seal::Plain, Manner::Takes, "localhost").await;
    let url = format!(
        "smtp+starttls://ann:secret@localhost:{}",
        mail.address.port()
    );
    sign_up(&mail, &url, None).await;
    assert_nothing_was_told(&mail);
}

#[tokio::test]
async fn a_server_that_speaks_plainly_where_tls_is_asked_for_gets_no_mail() {
    let mail = MailServer::start(Seal::Plain, Manner::Takes, "localhost").await;
    let url = format!("smtps://ann:secret@localhost:{}", mail.address.port());
    sign_up(&mail, &url, None).await;
    assert!(mail.messages().is_empty());
    assert!(
        !mail
            .plain()
            .iter()
            .any(|line| line.contains("MAIL") || line.contains("AUTH"))
    );
}
