//! Hands mail over: to a mail server by SMTP, or to the development inbox.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use url::{Host, Url};
use uuid::Uuid;

use super::{Inbox, Mail, Proof};
use crate::error::{Error, Result};
use crate::secret::Secret;

/// Connections to the mail server held at once.
const POOL: u32 = 8;
/// An idle connection is closed after this.
const IDLE: Duration = Duration::from_secs(30);
/// However many steps a conversation has, it ends within this many deadlines of one step.
const STEPS: u32 = 6;
/// And within this, which is shorter than a worker's claim on a job: nobody else takes the mail up meanwhile.
const LONGEST: Duration = Duration::from_secs(4 * 60);

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
    Smtp(Box<Smtp>),
    Inbox(Inbox),
}

/// A mail server, and the pool of connections to it.
#[derive(Clone, Debug)]
pub struct Smtp {
    builder: AsyncSmtpTransportBuilder,
    pool: Arc<RwLock<AsyncSmtpTransport<Tokio1Executor>>>,
    from: Mailbox,
    deadline: Duration,
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
        let (tls, default_port) = match url.scheme() {
            "smtps" => (Tls::Wrapper(tls()?), 465),
            "smtp" if is_loopback(&url) => (Tls::None, 25),
            "smtp" | "smtp+starttls" => (Tls::Required(tls()?), 587),
            _ => {
                return Err(unusable(
                    "must begin with smtp://, smtp+starttls:// or smtps://",
                ));
            }
        };
        let is_plain = matches!(tls, Tls::None);
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(url.port().unwrap_or(default_port))
            .tls(tls)
            .timeout(Some(options.timeout))
            .pool_config(PoolConfig::new().max_size(POOL).idle_timeout(IDLE));
        if let Some(password) = url.password() {
            builder =
                builder.credentials(Credentials::new(decoded(url.username()), decoded(password)));
        }
        let seal = if is_plain {
            "in plain text"
        } else {
            "under TLS"
        };
        let sign_in = if url.password().is_some() {
            "with our password"
        } else {
            "without a password"
        };
        let manner = format!("{seal} and {sign_in}");
        Ok(Self::Smtp(Box::new(Smtp {
            pool: Arc::new(RwLock::new(builder.clone().build())),
            builder,
            from,
            manner,
            deadline: (options.timeout * STEPS).min(LONGEST),
        })))
    }

    /// Greets the mail server, and signs in where that is set; no mail is sent. Says how that went.
    ///
    /// # Errors
    /// What the server, or the way to it, has against us.
    pub async fn greet(&self) -> Result<String, MailError> {
        match self {
            Self::Inbox(_) => Ok("it stays in the built-in inbox".to_owned()),
            Self::Smtp(smtp) => smtp.greet().await,
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
            Self::Smtp(smtp) => {
                let sent = smtp.send(&message(&mail, &smtp.from, id, now)?).await;
                sent.map_err(|error| error.without(mail.content.proof.as_ref()))
            }
        }
    }
}

impl Smtp {
    async fn greet(&self) -> Result<String, MailError> {
        let pool: AsyncSmtpTransport<Tokio1Executor> = self.builder.clone().build();
        match tokio::time::timeout(self.deadline, pool.test_connection()).await {
            Ok(Ok(true)) => Ok(format!("the mail server answers, {}", self.manner)),
            Ok(Ok(false)) => Err(MailError::NotTaken("it does not go on talking".into())),
            Ok(Err(error)) => Err(classify(&error)),
            Err(_) => Err(MailError::NotTaken("it did not answer in time".into())),
        }
    }

    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let pool = self
            .pool
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match tokio::time::timeout(self.deadline, pool.send(message.clone())).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(classify(&error)),
            Err(_) => {
                // The pool takes the connection back although its conversation was broken off, and the next mail would go
                // on in the middle of it: start a new pool.
                *self.pool.write().unwrap_or_else(PoisonError::into_inner) =
                    self.builder.clone().build();
                Err(MailError::NotTaken(
                    "the mail server did not finish in time".into(),
                ))
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

/// 5xx is final for this mail, except where it is about our own sign-in at the server (RFC 4954), which the operator
/// can mend.
fn classify(error: &lettre::transport::smtp::Error) -> MailError {
    let ours = error
        .status()
        .is_some_and(|code| matches!(u16::from(code), 530 | 534 | 535 | 538));
    if error.is_permanent() && !ours {
        MailError::Refused(error.to_string())
    } else {
        MailError::NotTaken(error.to_string())
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
