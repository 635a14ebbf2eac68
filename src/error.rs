//! The one error type. Variants are named by their meaning to the caller; what the caller must not see is kept as a
//! source for the log. Only the presenter in `graphql/mod.rs` turns an error into something that leaves the house.

use std::borrow::Cow;

use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// What a use case or a service returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The values of `extensions.code`, each with one meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Unauthenticated,
    Forbidden,
    InvalidInput,
    WeakPassword,
    EmailTaken,
    UsernameTaken,
    InvalidCredentials,
    AccountDisabled,
    InvalidTicket,
    InvalidCode,
    InvalidRefreshToken,
    SignUpDisabled,
    RedirectNotAllowed,
    OriginNotAllowed,
    RateLimited,
    Overloaded,
    NotFound,
    AlreadyExists,
    GraphqlParseFailed,
    GraphqlValidationFailed,
    QueryTooComplex,
    BadRequest,
    Internal,
}

/// Why a caller counts as anonymous: `extensions.reason` beside `UNAUTHENTICATED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    TokenMissing,
    TokenExpired,
    TokenInvalid,
    SessionRevoked,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokenMissing => "TOKEN_MISSING",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::TokenInvalid => "TOKEN_INVALID",
            Self::SessionRevoked => "SESSION_REVOKED",
        }
    }
}

/// One thing that is wrong with one input: `extensions.issues[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Below `input`, e.g. `metadata.plan`.
    pub path: Cow<'static, str>,
    /// Stable: `required`, `format`, `too_short`, `too_long`, `too_many`, `not_allowed`, `unknown`, or the name of a
    /// password rule.
    pub rule: &'static str,
    /// English, safe to show.
    pub message: Cow<'static, str>,
}

impl Issue {
    pub fn new(
        path: impl Into<Cow<'static, str>>,
        rule: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            path: path.into(),
            rule,
            message: message.into(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("You are not signed in.")]
    Unauthenticated(Reason),
    #[error("You are not allowed to do this.")]
    Forbidden,
    #[error("Some input is not acceptable.")]
    InvalidInput(Vec<Issue>),
    #[error("The password is too weak.")]
    WeakPassword(Vec<Issue>),
    #[error("This e-mail address is taken.")]
    EmailTaken,
    #[error("This username is taken.")]
    UsernameTaken,
    #[error("The login or the password is wrong.")]
    InvalidCredentials,
    #[error("This account is disabled.")]
    AccountDisabled,
    #[error("This link is unknown, expired or used.")]
    InvalidTicket,
    #[error("This code is wrong, expired or used.")]
    InvalidCode,
    #[error("This refresh token is unknown, expired or used.")]
    InvalidRefreshToken,
    #[error("Signing up is switched off.")]
    SignUpDisabled,
    #[error("This redirect address is not allowed.")]
    RedirectNotAllowed,
    #[error("This page may not use the session's cookie.")]
    OriginNotAllowed,
    /// Seconds to wait.
    #[error("Too many attempts. Try again later.")]
    RateLimited { retry_after: u32 },
    /// Seconds to wait.
    #[error("The service is busy. Try again in a moment.")]
    Overloaded { retry_after: u32 },
    /// The database is away, full or locked; it passes. The cause is for the log and for the command line.
    #[error("The service is busy. Try again in a moment.")]
    Outage(#[source] DbErr),
    /// A transaction that another one was faster than; nothing of it has happened.
    #[error("The service is busy. Try again in a moment.")]
    LostRace(#[source] DbErr),
    #[error("There is nothing of this name.")]
    NotFound,
    #[error("Something of this name is there already.")]
    AlreadyExists,
    #[error("Something went wrong on our side.")]
    Database(#[source] DbErr),
    #[error("Something went wrong on our side.")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How long a client that met a full queue or a lost database had better wait, in seconds.
pub const RETRY_AFTER: u32 = 2;

impl Error {
    /// The same failure, for another one whom it befell, too.
    #[must_use]
    pub fn for_another(&self) -> Self {
        match self {
            Self::Overloaded { retry_after } => Self::Overloaded {
                retry_after: *retry_after,
            },
            Self::Outage(source) => Self::Outage(source.clone()),
            Self::LostRace(source) => Self::LostRace(source.clone()),
            Self::Database(source) => Self::Database(source.clone()),
            other => Self::internal(other.cause()),
        }
    }

    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }

    pub fn invalid(
        path: impl Into<Cow<'static, str>>,
        rule: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::InvalidInput(vec![Issue::new(path, rule, message)])
    }

    /// `RATE_LIMITED` for so long, rounded up to seconds.
    pub fn rate_limited(wait: chrono::TimeDelta) -> Self {
        let seconds = (wait.num_milliseconds().max(1) + 999) / 1_000;
        Self::RateLimited {
            retry_after: u32::try_from(seconds).unwrap_or(u32::MAX),
        }
    }

    /// What went wrong, for the log. Not as `Debug` prints it: there PostgreSQL shows the whole row that it refused.
    pub fn cause(&self) -> String {
        use std::error::Error as _;
        self.source()
            .map_or_else(|| self.to_string(), ToString::to_string)
    }

    /// Seconds after which it is worth coming back, where it is.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Overloaded { retry_after } | Self::RateLimited { retry_after } => {
                Some(*retry_after)
            }
            Self::Outage(_) | Self::LostRace(_) => Some(RETRY_AFTER),
            _ => None,
        }
    }

    pub fn code(&self) -> Code {
        match self {
            Self::Unauthenticated(_) => Code::Unauthenticated,
            Self::Forbidden => Code::Forbidden,
            Self::InvalidInput(_) => Code::InvalidInput,
            Self::WeakPassword(_) => Code::WeakPassword,
            Self::EmailTaken => Code::EmailTaken,
            Self::UsernameTaken => Code::UsernameTaken,
            Self::InvalidCredentials => Code::InvalidCredentials,
            Self::AccountDisabled => Code::AccountDisabled,
            Self::InvalidTicket => Code::InvalidTicket,
            Self::InvalidCode => Code::InvalidCode,
            Self::InvalidRefreshToken => Code::InvalidRefreshToken,
            Self::SignUpDisabled => Code::SignUpDisabled,
            Self::RedirectNotAllowed => Code::RedirectNotAllowed,
            Self::OriginNotAllowed => Code::OriginNotAllowed,
            Self::RateLimited { .. } => Code::RateLimited,
            Self::Overloaded { .. } | Self::Outage(_) | Self::LostRace(_) => Code::Overloaded,
            Self::NotFound => Code::NotFound,
            Self::AlreadyExists => Code::AlreadyExists,
            Self::Database(_) | Self::Internal(_) => Code::Internal,
        }
    }
}

/// A database that cannot be reached, does not answer in time, or lets nobody do anything for a while is an overload that
/// passes; everything else that a database says is a defect of ours and is masked.
impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        if is_lost_race(&error) {
            return Self::LostRace(error);
        }
        if is_outage(&error) {
            tracing::warn!(%error, "the database cannot be used now");
            return Self::Outage(error);
        }
        Self::Database(error)
    }
}

/// What the driver said, where it did.
fn of_driver(error: &DbErr) -> Option<&SqlxError> {
    let (DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error)) = error else {
        return None;
    };
    match error {
        RuntimeErr::SqlxError(error) => Some(error),
        RuntimeErr::Internal(_) => None,
    }
}

/// 40001: serialisation failure; 40P01: deadlock. The transaction has not happened, and may well succeed if it is run again
/// (PostgreSQL's manual, section 13.5).
pub fn is_lost_race(error: &DbErr) -> bool {
    is_told(error, |code| matches!(code, "40001" | "40P01"))
}

/// 25006: what writes was asked of a server that takes no writes, such as a replica.
pub fn is_read_only(error: &DbErr) -> bool {
    is_told(error, |code| code == "25006")
}

/// Whether the database itself said so.
fn is_told(error: &DbErr, so: impl Fn(&str) -> bool) -> bool {
    let Some(SqlxError::Database(error)) = of_driver(error) else {
        return false;
    };
    error.code().is_some_and(|code| so(&code))
}

fn is_outage(error: &DbErr) -> bool {
    use sqlx::sqlite::SqliteError;
    if matches!(error, DbErr::ConnectionAcquire(_)) {
        return true;
    }
    let Some(error) = of_driver(error) else {
        return false;
    };
    match error {
        SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::Protocol(_) => true,
        SqlxError::PoolTimedOut | SqlxError::PoolClosed | SqlxError::WorkerCrashed => true,
        SqlxError::Database(error) => {
            let sqlite = error.try_downcast_ref::<SqliteError>().is_some();
            let code = error.code();
            code.is_some_and(|code| {
                if sqlite {
                    passes_on_sqlite(&code)
                } else {
                    passes_on_postgres(&code)
                }
            })
        }
        _ => false,
    }
}

/// 5 busy, 6 locked, 10 the disk fails, 13 it is full, 14 the file cannot be opened, each with whatever tells more in the
/// octets above the lowest; 787: what a row belongs to was deleted meanwhile, which is told when it is asked again.
fn passes_on_sqlite(code: &str) -> bool {
    let code = code.parse::<i32>().unwrap_or_default();
    matches!(code & 0xff, 5 | 6 | 10 | 13 | 14) || code == 787
}

/// 57: operator intervention (shutdown, statement timeout); 53: no resources; 58000 and 58030: the system or the disk fails; 08:
/// connection; 40: the transaction lost a race; 25006: a replica that is being promoted; 25P03: a transaction stood idle; 25P04:
/// one took too long; 55P03: a row was locked for too long, where an operator bounds that; 28 and 3D000: new connections are not
/// let in, while a password is changed, or there is no such database, while it is restored; 23503: as 787 of SQLite.
fn passes_on_postgres(code: &str) -> bool {
    let codes = [
        "25006", "25P03", "25P04", "55P03", "3D000", "58000", "58030", "23503",
    ];
    codes.contains(&code)
        || ["57", "53", "08", "40", "28"]
            .iter()
            .any(|class| code.starts_with(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_without_a_free_connection_is_an_overload_and_a_type_error_is_not() {
        let outage = DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout);
        assert_eq!(Error::from(outage).code(), Code::Overloaded);
        let defect = DbErr::Type("no such column: secret_column".into());
        let error = Error::from(defect);
        assert_eq!(error.code(), Code::Internal);
        assert!(!error.to_string().contains("secret_column"));
    }

    #[test]
    fn a_disk_that_fails_passes_and_a_text_that_is_none_does_not() {
        // Full; a write and the growth of the shared memory that failed; a taken name.
        let passes = ["13", "778", "4874", "2067"].map(passes_on_sqlite);
        assert_eq!(passes, [true, true, true, false]);
        // Its number would be that of a busy SQLite.
        assert!(!passes_on_postgres("22021"));
        assert!(passes_on_postgres("57P01") && passes_on_postgres("25P03"));
    }

    #[test]
    fn what_an_operator_is_about_passes_and_what_we_ask_wrongly_does_not() {
        // Two timeouts that they set; a disk; a password that is changed, by either name; a database that is restored.
        let passes = ["25P04", "55P03", "58030", "28P01", "28000", "3D000"];
        assert!(passes.into_iter().all(passes_on_postgres));
        // A table that is not there, a right, a syntax error, a taken name; a transaction that has failed already; a library
        // that is missing.
        let defects = ["42P01", "42501", "42601", "23505", "25P02", "58P01"];
        assert!(!defects.into_iter().any(passes_on_postgres));
    }
}
