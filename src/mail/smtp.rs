//! Conversations with the mail server, step by step, and the connections that are kept from one mail to the next. Each step
//! has a deadline of its own: lettre's transport has one for the connection alone, and a server that falls silent after it
//! is waited for without end.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use tokio::time::{Instant, timeout};

use super::MailError;
use super::in_turn::InTurn;

/// Connections that are kept, at most.
const KEPT: usize = 8;
/// One that nobody needs is closed after this.
const IDLE: Duration = Duration::from_secs(30);
/// Behind the greeting are a name, several addresses, TLS and two answers, and whoever is told a recipient may ask elsewhere
/// first: so many deadlines of one step (RFC 5321 section 4.5.3.2 asks for five minutes).
const LOOKS_ELSEWHERE: u32 = 3;
/// Who has all of a mail may look at it for so many deadlines of one step: given up too early, it is sent twice (RFC 5321
/// section 4.5.3.2.6 even asks for ten minutes).
const LOOKS_AT_CONTENT: u32 = 6;
/// All steps together; shorter than a worker's claim on a job, so that nobody else takes the mail up meanwhile.
const LONGEST: Duration = Duration::from_secs(4 * 60);
/// For a good-bye that nothing depends on.
const FAREWELL: Duration = Duration::from_secs(1);

/// How a connection is sealed.
pub(super) enum Seal {
    /// Not at all: on this machine.
    Plain,
    StartTls(TlsParameters),
    FromTheStart(TlsParameters),
}

/// A mail server. Copies share the connections.
#[derive(Clone)]
pub struct Smtp(Arc<Inner>);

pub(super) struct Inner {
    pub host: String,
    pub port: u16,
    pub seal: Seal,
    pub credentials: Option<Credentials>,
    /// For each step.
    pub patience: Duration,
    pub kept: Mutex<Vec<Kept>>,
}

/// Without a mail under way.
pub(super) struct Kept {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl Smtp {
    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Opens a connection, signs in where that is set, and parts.
    ///
    /// # Errors
    /// What the server, or the way to it, has against us.
    pub(super) async fn greet(&self) -> Result<(), MailError> {
        let whole = async {
            let mut connection = self.open().await?;
            let lives = timeout(self.0.patience, connection.test_connected()).await;
            part(connection).await;
            match lives {
                Ok(true) => Ok(()),
                Ok(false) => Err(MailError::NotTaken("it does not go on talking".into())),
                Err(_) => Err(late("a sign of life")),
            }
        };
        timeout(LONGEST, whole)
            .await
            .unwrap_or_else(|_| Err(late("the conversation")))
    }

    /// Hands one mail over.
    ///
    /// # Errors
    /// Whether trying again makes sense is told by the variant.
    pub(super) async fn send(&self, message: &Message) -> Result<(), MailError> {
        let whole = async {
            let mut connection = self.connection().await?;
            let handed = self.hand_over(&mut connection, message).await;
            match handed {
                Ok(()) => self.keep(connection),
                // The next mail would go on in the middle of this one.
                Err(_) => part(connection).await,
            }
            handed
        };
        timeout(LONGEST, whole)
            .await
            .unwrap_or_else(|_| Err(late("the conversation")))
    }

    /// One that was kept and still lives, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, MailError> {
        let kept = self.kept().pop();
        if let Some(mut kept) = kept
            && kept.since.elapsed() < IDLE
        {
            let lives = timeout(self.0.patience, kept.connection.test_connected()).await;
            if lives == Ok(true) {
                return Ok(kept.connection);
            }
            // Neither do the others, most likely: nobody waits for one after the other.
            self.kept().clear();
        }
        self.open().await
    }

    /// A refusal in here is about us, and not about a mail: too many connections, an address in a list, a wrong password.
    /// The operator can mend it, and the mail is tried again, also after 5xx (as Postfix does: `smtp_skip_5xx_greeting`).
    async fn open(&self) -> Result<AsyncSmtpConnection, MailError> {
        let Inner {
            host,
            port,
            seal,
            credentials,
            patience,
            ..
        } = &*self.0;
        let (me, patience) = (ClientId::default(), *patience);
        // A name may have an address that leads nowhere: half of the time is left for the next one.
        let each = patience / 2;
        let greeted = patience * LOOKS_ELSEWHERE;
        let mut connection = if let Seal::StartTls(tls) = seal {
            let opened = async {
                let stream = InTurn::connect(host, *port, each);
                let stream = stream.await.map_err(|error| not_reached(&error))?;
                let opened = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &me);
                opened.await.map_err(|error| not_taken(&error))
            };
            let mut connection = timeout(greeted, opened)
                .await
                .map_err(|_| late("the greeting"))??;
            let asked = connection.starttls(tls.clone(), &me);
            step(patience, "STARTTLS", asked, not_taken).await?;
            connection
        } else {
            let sealed = match seal {
                Seal::FromTheStart(tls) => Some(tls.clone()),
                Seal::Plain | Seal::StartTls(_) => None,
            };
            let place = (host.as_str(), *port);
            let opened = AsyncSmtpConnection::connect_tokio1(place, Some(each), &me, sealed, None);
            step(greeted, "the greeting", opened, not_taken).await?
        };
        if let Some(credentials) = credentials {
            let asked = connection.auth(DEFAULT_MECHANISMS, credentials);
            step(patience, "the sign-in", asked, not_taken).await?;
        }
        Ok(connection)
    }

    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        message: &Message,
    ) -> Result<(), MailError> {
        let patience = self.0.patience;
        let (envelope, octets) = (message.envelope(), message.formatted());
        let mut options = Vec::new();
        let mut addresses = envelope.from().into_iter().chain(envelope.to());
        if addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            must_support(connection, Extension::SmtpUtfEight)?;
            options.push(MailParameter::SmtpUtfEight);
        }
        if !octets.is_ascii() {
            must_support(connection, Extension::EightBitMime)?;
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let from = connection.command(Mail::new(envelope.from().cloned(), options));
        step(patience, "the sender", from, judge).await?;
        for recipient in envelope.to() {
            let to = connection.command(Rcpt::new(recipient.clone(), Vec::new()));
            step(patience * LOOKS_ELSEWHERE, "the recipient", to, judge).await?;
        }
        let ready = step(patience, "DATA", connection.command(Data), judge).await?;
        if !ready.has_code(354) {
            // An answer to something else: what comes next would be taken for the one to this mail.
            return Err(MailError::NotTaken(
                "the mail server answers out of turn".into(),
            ));
        }
        let content = connection.message(&octets);
        step(patience * LOOKS_AT_CONTENT, "the content", content, judge).await?;
        Ok(())
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            return;
        }
        let since = Instant::now();
        kept.push(Kept { connection, since });
        let house = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            tokio::time::sleep(IDLE).await;
            if let Some(inner) = house.upgrade() {
                Self(inner).close_idle().await;
            }
        });
    }

    async fn close_idle(&self) {
        let is_idle = |kept: &mut Kept| kept.since.elapsed() >= IDLE;
        let idle: Vec<_> = self.kept().extract_if(.., is_idle).collect();
        for kept in idle {
            part(kept.connection).await;
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Smtp")
    }
}

async fn step<T, E>(
    time: Duration,
    name: &str,
    asked: impl Future<Output = Result<T, E>>,
    judge: fn(&E) -> MailError,
) -> Result<T, MailError> {
    match timeout(time, asked).await {
        Ok(answered) => answered.map_err(|error| judge(&error)),
        Err(_) => Err(late(name)),
    }
}

fn late(step: &str) -> MailError {
    MailError::NotTaken(format!(
        "the mail server did not answer in time ({step}; VESTIBULE_SMTP_TIMEOUT)"
    ))
}

fn not_reached(error: &io::Error) -> MailError {
    MailError::NotTaken(format!("Connection error: {error}"))
}

fn not_taken(error: &Error) -> MailError {
    MailError::NotTaken(error.to_string())
}

/// 5xx is final for this mail, except where it is about our own sign-in at the server (RFC 4954), which the operator
/// can mend.
fn judge(error: &Error) -> MailError {
    let ours = error
        .status()
        .is_some_and(|code| matches!(u16::from(code), 530 | 534 | 535 | 538));
    if error.is_permanent() && !ours {
        MailError::Refused(error.to_string())
    } else {
        not_taken(error)
    }
}

fn must_support(connection: &AsyncSmtpConnection, what: Extension) -> Result<(), MailError> {
    if connection.server_info().supports_feature(what) {
        return Ok(());
    }
    let said = format!("the mail server does not know {what}, which this mail needs");
    Err(MailError::NotTaken(said))
}

/// Says good-bye, and does not wait for long.
async fn part(mut connection: AsyncSmtpConnection) {
    let _ = timeout(FAREWELL, connection.abort()).await;
}
