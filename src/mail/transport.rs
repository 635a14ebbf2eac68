//! Hands mail over: to a mail server by SMTP, or to the development inbox.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lettre::Message;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use url::{Host, Url};
use uuid::Uuid;

use super::smtp::{Inner, Seal, Smtp};
use super::{Inbox, Mail, Proof};
use crate::error::{Error, Result};
use crate::secret::Secret;

/// Why a mail could not be handed over.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The server will never take this mail: no use in trying again.
    #[error("refused: {0}")]
    Refused(String),
    /// It may take it later.
    #[error("not taken: {0}")]
    NotTaken(String),
}

impl MailError {
    /// Servers quote what they refuse, and the reason stands in the log and in the outbox: not with a link or code that
    /// still works.
    fn without(self, proof: Option<&Proof>) -> Self {
        let hide = |reason: String| match proof {
            Some(proof) => proof.hidden_in(&reason),
            None => reason,
        };
        match self {
            Self::Refused(reason) => Self::Refused(hide(reason)),
            Self::NotTaken(reason) => Self::NotTaken(hide(reason)),
        }
    }
}

/// How to reach the mail server.
#[derive(Clone, Debug)]
pub struct SmtpOptions<'a> {
    /// `smtp://host:port`, `smtp+starttls://user:password@host:port` or `smtps://user:password@host:port`.
    pub url: &'a Secret,
    /// PEM file of a certificate authority that the system does not know.
    pub authority: Option<&'a Path>,
    /// For each step of the conversation.
    pub timeout: Duration,
}

/// Where mail goes.
#[derive(Clone, Debug)]
pub enum Mailer {
    Smtp(Box<Post>),
    Inbox(Inbox),
}

/// A mail server, and what every mail to it says.
#[derive(Clone, Debug)]
pub struct Post {
    smtp: Smtp,
    from: Mailbox,
    /// How it is reached, for the doctor.
    manner: String,
}

impl Mailer {
    /// Plain text only to loopback, and only by `smtp`; TLS (`smtps`) or STARTTLS everywhere else, and never without it.
    ///
    /// # Errors
    /// When the address or the certificate file is unusable; the value is not named.
    pub fn smtp(options: &SmtpOptions<'_>, from: Mailbox) -> Result<Self> {
        let unusable = |what: &str| Error::internal(format!("VESTIBULE_SMTP_URL: {what}"));
        let url = Url::parse(options.url.expose()).map_err(|_| unusable("is no address"))?;
        let host = url
            .host_str()
            .ok_or_else(|| unusable("names no host"))?
            .trim_matches(['[', ']']);
        let tls = || tls_parameters(host, options.authority);
        let (seal, default_port) = match url.scheme() {
            "smtps" => (Seal::FromTheStart(tls()?), 465),
            "smtp" if is_loopback(&url) => (Seal::Plain, 25),
            "smtp" | "smtp+starttls" => (Seal::StartTls(tls()?), 587),
            _ => {
                return Err(unusable(
                    "must begin with smtp://, smtp+starttls:// or smtps://",
                ));
            }
        };
        let sealed = match seal {
            Seal::Plain => "in plain text",
            Seal::StartTls(_) | Seal::FromTheStart(_) => "under TLS",
        };
        let password = url.password();
        let sign_in = match password {
            Some(_) => "with our password",
            None => "without a password",
        };
        Ok(Self::Smtp(Box::new(Post {
            manner: format!("{sealed} and {sign_in}"),
            from,
            smtp: Smtp::new(Inner {
                host: host.to_owned(),
                port: url.port().unwrap_or(default_port),
                seal,
                credentials: password
                    .map(|password| Credentials::new(decoded(url.username()), decoded(password))),
                patience: options.timeout,
                kept: Default::default(),
            }),
        })))
    }

    /// Greets the mail server, and signs in where that is set; no mail is sent. Says how that went.
    ///
    /// # Errors
    /// What the server, or the way to it, has against us.
    pub async fn greet(&self) -> Result<String, MailError> {
        match self {
            Self::Inbox(_) => Ok("it stays in the built-in inbox".to_owned()),
            Self::Smtp(post) => {
                post.smtp.greet().await?;
                Ok(format!("the mail server answers, {}", post.manner))
            }
        }
    }

    /// Hands one mail over. The id becomes its `Message-ID`, so that a mail sent twice after a crash is recognised.
    ///
    /// # Errors
    /// Whether trying again makes sense is told by the variant.
    pub async fn send(&self, mail: Mail, id: Uuid, now: DateTime<Utc>) -> Result<(), MailError> {
        match self {
            Self::Inbox(inbox) => {
                inbox.put(mail, now);
                Ok(())
            }
            Self::Smtp(post) => {
                let sent = post.smtp.send(&message(&mail, &post.from, id, now)?).await;
                sent.map_err(|error| error.without(mail.content.proof.as_ref()))
            }
        }
    }
}

fn message(
    mail: &Mail,
    from: &Mailbox,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Message, MailError> {
    let unfit = |error: &dyn std::fmt::Display| {
        MailError::Refused(format!("no mail can be made of it: {error}"))
    };
    let to = mail.to.parse::<Mailbox>().map_err(|error| unfit(&error))?;
    Message::builder()
        .from(from.clone())
        .to(to)
        .subject(mail.content.subject.clone())
        .date(now.into())
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        .header(AutoSubmitted)
        .multipart(
            MultiPart::alternative()
                .singlepart(
                    SinglePart::builder()
                        .header(ContentType::TEXT_PLAIN)
                        .body(mail.content.text.clone()),
                )
                .singlepart(
                    SinglePart::builder()
                        .header(ContentType::TEXT_HTML)
                        .body(mail.content.html.clone()),
                ),
        )
        .map_err(|error| unfit(&error))
}

/// Keeps out-of-office answers away (RFC 3834 section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> std::result::Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

fn tls_parameters(host: &str, authority: Option<&Path>) -> Result<TlsParameters> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = authority {
        let pem = std::fs::read(path)
            .map_err(|cause| Error::internal(format!("VESTIBULE_SMTP_CA: {cause}")))?;
        builder =
            builder.add_root_certificate(Certificate::from_pem(&pem).map_err(Error::internal)?);
    }
    builder.build().map_err(Error::internal)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // The host of a scheme that the URL standard does not know is not parsed any further.
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}
