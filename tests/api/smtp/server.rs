//! A mail server that does as it is told, and remembers what was said.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const OFFER: &str = "250-mail.test\r\n250-8BITMIME\r\n250 STARTTLS";
/// The leave to begin with TLS, and what a whole conversation would be answered under it.
const AHEAD: &str = "220 go\r\n250-mx\r\n250 8BITMIME\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken";

/// How the connection is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    Plain,
    /// Plain at first; STARTTLS is offered.
    StartTls,
    Implicit,
}

/// What the server does with mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    Takes,
    /// Greets with this, and hears nothing more.
    Greets(&'static str),
    /// This answer to every `MAIL`.
    AnswersSenders(&'static str),
    /// This answer to every `RCPT`.
    AnswersRecipients(&'static str),
    /// Refuses the octets of a mail and quotes the line with its link, as filters against unwanted mail do.
    QuotesTheLink,
    /// Says nothing more after the octets of the mail have arrived.
    HangsAfterData,
    /// Does not answer this command.
    HangsAt(&'static str),
    /// Does not answer this command under TLS.
    HangsUnderTlsAt(&'static str),
    /// Says that TLS may begin, and does nothing more.
    HangsAfterStartTls,
    /// Answers STARTTLS, and in plain text what it is asked later; nothing under TLS.
    AnswersAhead,
    /// The same together with its offer of STARTTLS, before anybody asks for it.
    AnswersAheadOfStartTls,
    /// Does not greet, not even under TLS.
    HangsBeforeGreeting,
    /// Does not answer about recipients with this in their address.
    HangsAbout(&'static str),
    /// Takes the mail and does not say so.
    TakesInSilence,
    /// Accepts connections and does not even greet.
    HangsAtOnce,
}

#[derive(Clone, Debug, Default)]
pub struct Message {
    pub sender: String,
    pub recipients: Vec<String>,
    pub text: String,
    pub sealed: bool,
}

impl Message {
    /// Whether its link is of this page of the house: `verify`.
    pub fn leads_to(&self, page: &str) -> bool {
        self.decoded().contains(&format!("/{page}?ticket="))
    }

    fn decoded(&self) -> String {
        self.text.replace("=\n", "").replace("=3D", "=")
    }

    /// The ticket of its link and its code, where it has any.
    pub fn proof(&self) -> Option<(String, String)> {
        let text = self.decoded();
        let is_of_ticket = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let (_, ticket) = text.split_once("ticket=")?;
        let ticket = ticket.chars().take_while(is_of_ticket).collect();
        let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
        let code = text.lines().find(is_code)?.to_owned();
        Some((ticket, code))
    }
}

#[derive(Debug, Default)]
struct Memory {
    messages: Vec<Message>,
    /// Every command that arrived unsealed.
    plain: Vec<String>,
    connections: usize,
    /// How many of them wait for an answer that never comes.
    hanging: usize,
}

#[derive(Clone)]
pub struct MailServer {
    pub address: SocketAddr,
    /// Of its own authority, as PEM.
    pub certificate: String,
    manner: Arc<Mutex<Manner>>,
    memory: Arc<Mutex<Memory>>,
}

impl MailServer {
    /// With a certificate for `name`.
    pub async fn start(seal: Seal, manner: Manner, name: &str) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec![name.to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("a certificate and its key");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            certificate: cert.pem(),
            manner: Arc::new(Mutex::new(manner)),
            memory: Arc::default(),
        };
        let own = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                own.memory.lock().unwrap().connections += 1;
                tokio::spawn(own.clone().serve(stream, seal, acceptor.clone()));
            }
        });
        server
    }

    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    pub fn messages(&self) -> Vec<Message> {
        self.memory.lock().unwrap().messages.clone()
    }

    /// To this address, oldest first.
    pub fn messages_to(&self, email: &str) -> Vec<Message> {
        let to = format!("RCPT TO:<{email}>");
        let memory = self.memory.lock().unwrap();
        let is_meant = |message: &&Message| message.recipients.contains(&to);
        memory.messages.iter().filter(is_meant).cloned().collect()
    }

    pub fn connections(&self) -> usize {
        self.memory.lock().unwrap().connections
    }

    pub fn hanging(&self) -> usize {
        self.memory.lock().unwrap().hanging
    }

    /// Until so many have been left without an answer.
    pub async fn until_hanging(&self, many: usize) {
        for _ in 0..600 {
            if self.hanging() >= many {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} hang, not {many}", self.hanging());
    }

    /// Until so many mails have arrived.
    pub async fn until_taken(&self, many: usize) {
        for _ in 0..600 {
            if self.messages().len() >= many {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} have arrived, not {many}", self.messages().len());
    }

    /// What arrived for everybody on the way to read.
    pub fn plain(&self) -> Vec<String> {
        self.memory.lock().unwrap().plain.clone()
    }

    fn manner(&self) -> Manner {
        self.manner.lock().unwrap().clone()
    }

    fn is_ahead(&self) -> bool {
        let manner = self.manner();
        matches!(
            manner,
            Manner::AnswersAhead | Manner::AnswersAheadOfStartTls
        )
    }

    /// Without end.
    async fn hang<T>(&self) -> T {
        self.memory.lock().unwrap().hanging += 1;
        std::future::pending().await
    }

    async fn serve(self, stream: TcpStream, seal: Seal, acceptor: TlsAcceptor) {
        if self.manner() == Manner::HangsAtOnce {
            self.hang().await
        }
        let stream = match seal {
            Seal::Implicit => {
                if let Ok(stream) = acceptor.accept(stream).await {
                    self.talk(stream, true, false, true).await;
                }
                return;
            }
            Seal::StartTls => self.talk(stream, false, true, true).await,
            Seal::Plain => self.talk(stream, false, false, true).await,
        };
        let Some(stream) = stream else { return };
        if self.manner() == Manner::HangsAfterStartTls {
            self.hang().await
        }
        if let Ok(stream) = acceptor.accept(stream).await {
            if self.is_ahead() {
                self.hang().await
            }
            self.talk(stream, true, false, false).await;
        }
    }

    /// One conversation; gives the stream back when the client asks to seal it, with what has arrived of that already.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        sealed: bool,
        offers: bool,
        greets: bool,
    ) -> Option<BufReader<S>> {
        let mut stream = BufReader::new(stream);
        if greets {
            if self.manner() == Manner::HangsBeforeGreeting {
                self.hang().await
            }
            if let Manner::Greets(answer) = self.manner() {
                say(&mut stream, answer).await?;
                return None;
            }
            say(&mut stream, "220 mail.test ready").await?;
        }
        let mut message = Message {
            sealed,
            ..Message::default()
        };
        loop {
            let line = hear(&mut stream).await?;
            if !sealed {
                self.memory.lock().unwrap().plain.push(line.clone());
            }
            let verb = line.split([' ', ':']).next().unwrap_or_default();
            let verb = verb.to_ascii_uppercase();
            match self.manner() {
                Manner::HangsAt(at) if at == verb => self.hang().await,
                Manner::HangsUnderTlsAt(at) if sealed && at == verb => self.hang().await,
                _ => {}
            }
            let answer = match verb.as_str() {
                "EHLO" if offers && self.manner() == Manner::AnswersAheadOfStartTls => {
                    say(&mut stream, &format!("{OFFER}\r\n{AHEAD}")).await?;
                    continue;
                }
                "EHLO" if offers => OFFER,
                "EHLO" => "250-mail.test\r\n250-8BITMIME\r\n250 AUTH PLAIN",
                "AUTH" => "235 welcome",
                "MAIL" => {
                    message.sender = line;
                    match self.manner() {
                        Manner::AnswersSenders(answer) => answer,
                        _ => "250 go on",
                    }
                }
                "RCPT" => match self.manner() {
                    Manner::AnswersRecipients(answer) => answer,
                    Manner::HangsAbout(whom) if line.contains(whom) => self.hang().await,
                    _ => {
                        message.recipients.push(line);
                        "250 go on"
                    }
                },
                "DATA" => {
                    say(&mut stream, "354 go on").await?;
                    loop {
                        let line = hear(&mut stream).await?;
                        if line == "." {
                            break;
                        }
                        let line = line.strip_prefix('.').unwrap_or(&line);
                        message.text.push_str(line);
                        message.text.push('\n');
                    }
                    if self.manner() == Manner::HangsAfterData {
                        self.hang().await
                    }
                    let refuses = self.manner() == Manner::QuotesTheLink;
                    let text = message.text.replace("=\n", "");
                    self.memory.lock().unwrap().messages.push(message);
                    if self.manner() == Manner::TakesInSilence {
                        self.hang().await
                    }
                    message = Message {
                        sealed,
                        ..Message::default()
                    };
                    if refuses {
                        let link = text.lines().find(|line| line.contains("ticket="));
                        let link = link.unwrap_or_default().replace("=3D", "=");
                        say(&mut stream, &format!("554 5.7.1 unwanted: {link}")).await?;
                        continue;
                    }
                    "250 taken"
                }
                "STARTTLS" if offers => {
                    match self.manner() {
                        Manner::AnswersAhead => say(&mut stream, AHEAD).await?,
                        // It has said so already.
                        Manner::AnswersAheadOfStartTls => {}
                        _ => say(&mut stream, "220 go on").await?,
                    }
                    return Some(stream);
                }
                "RSET" | "NOOP" => "250 well",
                "QUIT" => {
                    say(&mut stream, "221 bye").await?;
                    return None;
                }
                _ => "502 what?",
            };
            say(&mut stream, answer).await?;
        }
    }
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, text: &str) -> Option<()> {
    stream
        .write_all(format!("{text}\r\n").as_bytes())
        .await
        .ok()?;
    stream.flush().await.ok()
}

async fn hear<S: AsyncBufReadExt + Unpin>(stream: &mut S) -> Option<String> {
    let mut line = String::new();
    let length = stream.read_line(&mut line).await.ok()?;
    (length > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}
