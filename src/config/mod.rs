//! The settings: what differs per machine. What differs per customer is a row in the database.
//!
//! They are read once, at the start: `vestibule.toml` first, then the environment, which wins. The doc comments of
//! [`Settings`] are the manual that `vestibule --help` prints.

pub mod descriptors;
mod load;
mod settings;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

pub use load::{Environment, load, manual};
pub use settings::{Mode, Settings, Switch, TokenAlgorithm};
use sqlx::sqlite::SqliteConnectOptions;
use url::Url;

use crate::secret::Secret;

/// What is wrong with the settings. It names the setting and the mend, never the value.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path} cannot be read: {cause}")]
    Unreadable {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error("{path} is not valid TOML (line {line})")]
    NotToml { path: PathBuf, line: usize },
    #[error("unknown setting `{0}` in the settings file; `vestibule --help` lists every one")]
    Unknown(String),
    #[error("{setting}: {problem}")]
    Invalid { setting: String, problem: String },
}

impl ConfigError {
    fn invalid(setting: &str, problem: impl Into<String>) -> Self {
        Self::Invalid {
            setting: setting.into(),
            problem: problem.into(),
        }
    }
}

/// The settings as the house uses them: complete, checked, secrets redacted.
#[derive(Clone, Debug)]
pub struct Config {
    pub settings: Settings,
    /// What links and `iss` are built from; without a trailing slash.
    pub public_url: Url,
    /// Where the settings file, or else the process, stands: a generated master key is kept there.
    pub master_key: MasterKey,
}

/// Where the key that seals other keys comes from.
#[derive(Clone, Debug)]
pub enum MasterKey {
    /// 32 bytes, base64.
    Given(Secret),
    /// Development only: made at the first start and kept in this file, readable by its owner alone.
    KeptIn(PathBuf),
}

impl Config {
    /// The issuer of our tokens and the base of our links, without a trailing slash.
    pub fn issuer(&self) -> &str {
        self.public_url.as_str().trim_end_matches('/')
    }

    /// Whether browsers reach the house by https.
    pub fn is_secure(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// What the names of refresh cookies begin with; a client id follows. Browsers hold a name with `__Host-` to https, to
    /// this host alone and to path `/` (RFC 6265bis section 4.1.3.2).
    pub fn cookie_prefix(&self) -> &'static str {
        if self.is_secure() {
            "__Host-vestibule-"
        } else {
            "vestibule-"
        }
    }

    pub fn is_development(&self) -> bool {
        self.settings.mode == Mode::Development
    }

    /// Whether `/metrics` answers at the main address: in development, unless it has one of its own.
    pub fn metrics_on_main(&self) -> bool {
        self.is_development() && self.settings.metrics_bind.is_none()
    }

    pub fn introspection(&self) -> bool {
        self.settings
            .introspection
            .map_or(self.is_development(), Switch::is_on)
    }

    /// What gateways prove themselves with; nothing where there is no federation.
    pub fn gateway_secret(&self) -> Option<&Secret> {
        let secret = self.settings.federation_secret.as_ref();
        secret.filter(|_| self.settings.federation.is_on())
    }

    /// How long the house goes on serving once it is told to stop.
    pub fn drain_delay(&self) -> Duration {
        let default = if self.is_development() { 0 } else { 5_000 };
        Duration::from_millis(self.settings.drain_delay.unwrap_or(default))
    }

    /// Checks the settings against each other.
    ///
    /// # Errors
    /// The first setting that is missing or does not fit the mode, by name.
    pub fn check(settings: Settings, bind_is_explicit: bool) -> Result<Self, ConfigError> {
        let production = settings.mode == Mode::Production;
        let missing =
            |name: &str| Err(ConfigError::invalid(name, "is required in production mode"));
        if production {
            match &settings.public_url {
                None => return missing("VESTIBULE_PUBLIC_URL"),
                Some(url) if url.scheme() != "https" => {
                    return Err(ConfigError::invalid(
                        "VESTIBULE_PUBLIC_URL",
                        "must be an https address in production mode",
                    ));
                }
                Some(_) => {}
            }
            if settings.master_key.is_none() {
                return missing("VESTIBULE_MASTER_KEY");
            }
            if settings.admin_secret.is_none() {
                return missing("VESTIBULE_ADMIN_SECRET");
            }
            if settings.smtp_url.is_none() {
                return missing("VESTIBULE_SMTP_URL");
            }
            if !settings.rate_limits.is_on() {
                return Err(ConfigError::invalid(
                    "VESTIBULE_RATE_LIMITS",
                    "may not be off in production mode",
                ));
            }
        } else if !settings.bind.ip().is_loopback() && !bind_is_explicit {
            return Err(ConfigError::invalid(
                "VESTIBULE_BIND",
                "development mode binds to loopback only",
            ));
        }
        check_secret("VESTIBULE_ADMIN_SECRET", settings.admin_secret.as_ref())?;
        check_secret(
            "VESTIBULE_FEDERATION_SECRET",
            settings.federation_secret.as_ref(),
        )?;
        if settings.federation.is_on() && settings.federation_secret.is_none() {
            return Err(ConfigError::invalid(
                "VESTIBULE_FEDERATION_SECRET",
                "is required where VESTIBULE_FEDERATION is on",
            ));
        }
        if settings.bind.port() != 0 && settings.metrics_bind == Some(settings.bind) {
            return Err(ConfigError::invalid(
                "VESTIBULE_METRICS_BIND",
                "must not be the address that everybody reaches",
            ));
        }
        if let Some(role) = &settings.hasura_anonymous_role {
            check_anonymous_role(role)?;
        }
        check_collector(settings.otlp_endpoint.as_ref())?;
        check_database_url(settings.database_url.expose())?;
        let public_url = public_url(&settings)?;
        let master_key = match &settings.master_key {
            Some(key) => MasterKey::Given(key.clone()),
            None => MasterKey::KeptIn(key_file_beside(settings.database_url.expose())),
        };
        Ok(Self {
            settings,
            public_url,
            master_key,
        })
    }
}

/// As roles of users are written, and none that means more than nobody.
fn check_anonymous_role(role: &str) -> Result<(), ConfigError> {
    let is_name = (1..=64).contains(&role.len())
        && role
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-:.".contains(&byte));
    let lower = role.to_ascii_lowercase();
    if is_name && lower != "admin" && !lower.starts_with("vestibule-") {
        return Ok(());
    }
    Err(ConfigError::invalid(
        "VESTIBULE_HASURA_ANONYMOUS_ROLE",
        "must be 1 to 64 of A-Z, a-z, 0-9, `_`, `-`, `:` and `.`, and neither `admin` nor begin with `vestibule-`",
    ))
}

/// Short enough to be guessed is too short.
fn check_secret(setting: &str, secret: Option<&Secret>) -> Result<(), ConfigError> {
    match secret {
        Some(secret) if secret.expose().len() < 16 => Err(ConfigError::invalid(
            setting,
            "must have at least 16 characters",
        )),
        _ => Ok(()),
    }
}

/// Where a path is added, there is no query; and a password has no place in what is no secret.
fn check_collector(url: Option<&Url>) -> Result<(), ConfigError> {
    let is_plain = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    if url.is_none_or(is_plain) {
        return Ok(());
    }
    Err(ConfigError::invalid(
        "VESTIBULE_OTLP_ENDPOINT",
        "must be an http or https address without user, query and fragment",
    ))
}

/// What the driver says of an address that it cannot read quotes it, with the password. Of a SQLite database without a file,
/// every connection would have one of its own.
fn check_database_url(url: &str) -> Result<(), ConfigError> {
    let is_known = match url.split_once(':') {
        Some(("sqlite", place)) => {
            let is_in_memory = place.contains(":memory:") || place.contains("mode=memory");
            let options = SqliteConnectOptions::from_str(url);
            let is_elsewhere = options.is_ok_and(|options| is_uri(options.get_filename()));
            sqlite_path(place).is_some() && !is_in_memory && !is_elsewhere
        }
        Some(("postgres" | "postgresql", _)) => Url::parse(url).is_ok(),
        _ => false,
    };
    if is_known {
        return Ok(());
    }
    Err(ConfigError::invalid(
        "VESTIBULE_DATABASE_URL",
        "must be sqlite://FILE, a file and not the memory, whose name does not begin with `file:`, or \
         postgres://USER:PASSWORD@HOST/DATABASE",
    ))
}

/// Whether SQLite takes this name for an address. What it opens then is another file than the one that we make for its owner
/// alone, look for and copy.
pub fn is_uri(file: &Path) -> bool {
    file.as_os_str().as_encoded_bytes().starts_with(b"file:")
}

/// What stands between `sqlite:` or `sqlite://` and the options.
fn sqlite_path(place: &str) -> Option<&str> {
    let path = place.strip_prefix("//").unwrap_or(place);
    path.split('?').next().filter(|path| !path.is_empty())
}

fn public_url(settings: &Settings) -> Result<Url, ConfigError> {
    let invalid = |problem: &str| Err(ConfigError::invalid("VESTIBULE_PUBLIC_URL", problem));
    let url = match &settings.public_url {
        Some(url) => url.clone(),
        None => match Url::parse(&format!("http://{}", settings.bind)) {
            Ok(url) => url,
            Err(_) => return invalid("cannot be made from VESTIBULE_BIND"),
        },
    };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return invalid("must be an http or https address");
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return invalid("must not hold a user, a query or a fragment");
    }
    Ok(url)
}

/// `sqlite://vestibule.db?mode=rwc` → `vestibule.key` in the same folder; for PostgreSQL in the working folder.
fn key_file_beside(database_url: &str) -> PathBuf {
    let file = database_url
        .strip_prefix("sqlite:")
        .and_then(sqlite_path)
        .unwrap_or("vestibule.db");
    PathBuf::from(file).with_extension("key")
}
