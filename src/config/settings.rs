//! Every setting with its meaning, unit, limits and default. In `vestibule.toml` a setting has the name of its field;
//! in the environment it is `VESTIBULE_` and that name in capitals. With `_FILE` behind it, the variable names a file
//! that holds the value.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use lettre::message::Mailbox;
use url::Url;

use crate::secret::Secret;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    Development,
    Production,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

impl Switch {
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

/// How access tokens are signed (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TokenAlgorithm {
    #[value(name = "ES256")]
    Es256,
    #[value(name = "RS256")]
    Rs256,
    #[value(name = "EdDSA")]
    EdDsa,
}

impl TokenAlgorithm {
    /// Its name in a token's header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// `production` refuses to start without a public https address, master key, admin secret and SMTP, and has no
    /// GraphiQL and no inbox; `development` binds to loopback unless told otherwise.
    #[arg(long, value_enum, default_value = "development")]
    pub mode: Mode,

    /// Where to listen: address and port.
    #[arg(long, default_value = "127.0.0.1:4000")]
    pub bind: SocketAddr,

    /// Where `/metrics` answers: address and port of a listener of its own, which the public must not reach. Unset: at the
    /// main address in development, nowhere in production.
    #[arg(long)]
    pub metrics_bind: Option<SocketAddr>,

    /// What links and the tokens' issuer are built from; never a request header. Default: `http://` and `bind`.
    #[arg(long)]
    pub public_url: Option<Url>,

    /// `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`.
    #[arg(long, default_value = "sqlite://vestibule.db")]
    pub database_url: Secret,

    /// Connections to PostgreSQL, or reading connections to SQLite (which always has one writing connection).
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub database_connections: u32,

    /// How long a request may wait for a connection, and a statement may run, in milliseconds.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    pub database_timeout: u64,

    /// 32 bytes in base64; seals private keys and other secrets at rest. Default in development: made at the first
    /// start and kept beside the database.
    #[arg(long)]
    pub master_key: Option<Secret>,

    /// Only for `vestibule keys reseal`: the master key that everything is sealed with so far.
    #[arg(long)]
    pub old_master_key: Option<Secret>,

    /// What signs access tokens: `ES256`, `RS256` (2048 bits) or `EdDSA` (Ed25519), from the next key on. The start after
    /// a change makes such a key; those that are there go on verifying.
    #[arg(long, value_enum, default_value = "ES256")]
    pub token_algorithm: TokenAlgorithm,

    /// How many days a key signs access tokens before another takes its place; 0: until `vestibule keys rotate`.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(0..=3_650))]
    pub key_rotation_days: u32,

    /// Requests whose header `x-vestibule-admin-secret` equals it act as administrator; at least 16 characters.
    /// Unset: nobody can.
    #[arg(long)]
    pub admin_secret: Option<Secret>,

    /// `smtp://HOST:PORT` (STARTTLS wherever the host is not loopback), `smtp+starttls://USER:PASSWORD@HOST:587`
    /// (STARTTLS always), `smtps://USER:PASSWORD@HOST:465` (TLS).
    /// Unset in development: mail stays in the built-in inbox.
    #[arg(long)]
    pub smtp_url: Option<Secret>,

    /// A PEM file with the certificate authority of the mail server, where the system does not know it.
    #[arg(long)]
    pub smtp_ca: Option<PathBuf>,

    /// How long each step of handing a mail over may take, in milliseconds: STARTTLS, the sign-in, the sender, the announcement
    /// of the content, a sign of life of a connection that was kept; three times as long for a new connection with its greeting,
    /// and for the recipient; six times for the content with the answer to it. Four minutes in all.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    pub smtp_timeout: u64,

    /// How often a mail is tried before it is buried with its reason. The waits double from 5 seconds to an hour.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(i32).range(1..=100))]
    pub mail_attempts: i32,

    /// The sender of all mail.
    #[arg(long, default_value = "Vestibule <no-reply@localhost>")]
    pub mail_from: Mailbox,

    /// How many days the audit trail is kept; 0: for ever.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(0..=36_500))]
    pub audit_days: u32,

    /// A folder whose files replace templates (`mail/sign_up.html`) and messages (`de.ftl`) of mails and pages, or add
    /// a language (`it.ftl`). All are tried at the start, which a broken one refuses. Unset: our own.
    #[arg(long)]
    pub templates: Option<PathBuf>,

    /// Whether the schema can be asked for; off: only with the admin secret. Default: on in development, off in
    /// production.
    #[arg(long, value_enum)]
    pub introspection: Option<Switch>,

    /// `on` adds `_service` and `_entities`, by which a federation gateway (Apollo Federation 2) makes this API one of its
    /// subgraphs, for requests whose header `x-vestibule-gateway-secret` equals `federation_secret`. For all others they
    /// do not exist.
    #[arg(long, value_enum, default_value = "off")]
    pub federation: Switch,

    /// What gateways prove themselves with; at least 16 characters. It opens nobody's account: that is for the bearer that
    /// the gateway passes on.
    #[arg(long)]
    pub federation_secret: Option<Secret>,

    /// `off` lifts the limits of attempts and of mails (not the wrong tries of a code); for benchmarks and tests,
    /// refused in production.
    #[arg(long, value_enum, default_value = "on")]
    pub rate_limits: Switch,

    /// Mails an hour to one address that one network can cause, beyond which the answer is the same and no mail goes.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(i32).range(1..=1_000))]
    pub mails_per_address: i32,

    /// Mails an hour that one network (an IPv4 address, an IPv6 /64) can cause.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i32).range(1..=100_000))]
    pub mails_per_network: i32,

    /// Mails an hour to one address from all networks together: who uses up the own share does not silence its owner.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(i32).range(1..=1_000))]
    pub mails_per_address_in_all: i32,

    /// Wrong passwords an hour from one network, beyond which its sign-ins are RATE_LIMITED. For one account, the wait
    /// doubles from a second after the fifth wrong password in a row to 15 minutes, and after the hundredth only a reset
    /// by mail goes on.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(i32).range(1..=1_000_000))]
    pub failures_per_network: i32,

    /// Sign-ups and requests for a reset an hour from one network: each costs a row, and most a hash.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(i32).range(1..=1_000_000))]
    pub sign_ups_per_network: i32,

    /// Proxies whose `X-Forwarded-For` is believed: networks in CIDR notation, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub trusted_proxies: Vec<IpNet>,

    /// What Hasura is told of who sends no bearer, in webhook mode (`/hasura/auth-hook`): this role. It may not be `admin`,
    /// to whom Hasura allows everything. Unset: such requests are refused.
    #[arg(long)]
    pub hasura_anonymous_role: Option<String>,

    /// How long Hasura in webhook mode may keep a WebSocket open on one answer, in seconds, and never longer than the token
    /// lives: what is revoked meanwhile goes on there for so long. Every other request is asked about anew.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub hasura_max_age: u32,

    /// Memory of one password hash in KiB (Argon2id `m`, RFC 9106). The least is OWASP's minimum; a raised cost
    /// reaches each user at the next sign-in, a lowered one with the next password: until then, those from before take longer.
    #[arg(long, default_value_t = 19_456, value_parser = clap::value_parser!(u32).range(19_456..=1_048_576))]
    pub password_memory: u32,

    /// Passes over that memory (Argon2id `t`).
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(2..=64))]
    pub password_passes: u32,

    /// Lanes (Argon2id `p`). They are computed one after the other.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub password_lanes: u32,

    /// Passwords hashed at once. Default, and at most: one a core.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub password_workers: Option<u32>,

    /// Passwords that may wait for a worker, and as many again of those who have proved something; beyond it the answer is
    /// OVERLOADED.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub password_queue: u32,

    /// How long the passwords of one request may wait for a worker, in milliseconds; then the answer is OVERLOADED. Whoever is
    /// turned away should know within two seconds, the way there and back included.
    #[arg(long, default_value_t = 1_500, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub password_wait: u64,

    /// A service that lists breached passwords by the first five characters of their SHA-1 (k-anonymity): the address
    /// before those five. Off by default; where it does not answer, passwords are not checked against it.
    #[arg(long)]
    pub breach_url: Option<Url>,

    /// How long that service may take, in milliseconds.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(50..=10_000))]
    pub breach_timeout: u64,

    /// How long a request may run once it has arrived, in milliseconds; `read_timeout` is for its arrival.
    #[arg(long, default_value_t = 15_000, value_parser = clap::value_parser!(u64).range(100..=120_000))]
    pub request_timeout: u64,

    /// How long `awaitVerification` waits for the answer to a mail before the client has to ask again, in milliseconds: less
    /// than any proxy in front waits for an answer. It comes on top of `request_timeout`.
    #[arg(long, default_value_t = 25_000, value_parser = clap::value_parser!(u64).range(100..=25_000))]
    pub verification_wait: u64,

    /// Devices that may wait so at once, and half of `http_connections` at most; one network may have a quarter of them. Beyond it
    /// the answer is OVERLOADED.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub verification_waits: u32,

    /// For how long an instance goes by what the database last said had changed, in milliseconds. Whatever may
    /// revoke something is answered that much later, so that it is revoked everywhere by then: all instances need the same. 0:
    /// every request asks the database.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=10))]
    pub revocation_lease: u64,

    /// How long the headers, and then the body, of a request may take to arrive, in milliseconds; and for how long a client may
    /// take nothing of what it is sent. A connection without a request is closed after it, too: a proxy must close its own sooner.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=120_000))]
    pub read_timeout: u64,

    /// Connections held open at once. Where all are taken, the next one takes the place of the one that has waited for its
    /// client for longest; while a request is under way on each of them, it waits. Each is an open file to the system: the program
    /// asks for as many as it may have (the hard limit, `ulimit -Hn`), and says so in the log where that is less.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub http_connections: u32,

    /// How long a house that is told to stop goes on serving, in milliseconds: `/readyz` is 503 at once, so that a load
    /// balancer sends nobody any more. A second signal ends the wait. Default: 0 in development, 5000 in production.
    #[arg(long, value_parser = clap::value_parser!(u64).range(0..=300_000))]
    pub drain_delay: Option<u64>,

    /// How long a shutdown waits for requests and mail under way, after `drain_delay`, in milliseconds; mail has a second at
    /// least, and what is broken off is sent later. A further signal ends that wait for mail.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(0..=300_000))]
    pub shutdown_timeout: u64,

    /// Where the OpenTelemetry collector takes traces, by OTLP over HTTP (protobuf): `http://127.0.0.1:4318`; `/v1/traces` is
    /// added. Unset: there are no traces.
    #[arg(long)]
    pub otlp_endpoint: Option<Url>,

    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,vestibule=debug`.
    #[arg(long, default_value = "info,sea_orm_migration=warn")]
    pub log: String,
}
