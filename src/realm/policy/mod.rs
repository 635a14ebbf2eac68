//! What a connection asks of a password.

mod common;
mod rule;

use async_graphql::{Enum, SimpleObject};
use entity::connection;
pub use rule::{Judged, Personal, Rule, judge};

/// Unicode code points; longer ones are refused, never truncated.
pub const MAX_LENGTH: usize = 256;
/// An explicit minimum is no longer than this.
pub const MAX_MIN_LENGTH: i32 = 128;
/// How many former passwords a connection can have remembered.
pub const MAX_HISTORY: i32 = 24;
/// Own words of a connection's dictionary, and the characters of each.
pub const MAX_DICTIONARY: usize = 1_000;

/// How demanding a connection is, after Auth0's levels. Composition is asked for by `FAIR` and above. The minimum length of
/// a level counts where none is set explicitly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum PasswordStrength {
    /// At least 1 character; nothing else is asked.
    None,
    /// At least 6 characters.
    Low,
    /// At least 8 characters with lower case, upper case and a digit.
    Fair,
    /// At least 8 characters of three of the four classes: lower case, upper case, digits, others.
    Good,
    /// As `GOOD` with at least 10 characters, and no character more than twice in a row.
    Excellent,
}

impl PasswordStrength {
    /// Of a connection; what is not known counts as `NONE`.
    pub fn of(connection: &connection::Model) -> Self {
        match connection.password_strength.as_str() {
            "LOW" => Self::Low,
            "FAIR" => Self::Fair,
            "GOOD" => Self::Good,
            "EXCELLENT" => Self::Excellent,
            _ => Self::None,
        }
    }
}

/// The rules for passwords that are chosen from now on.
#[derive(Clone, Debug, SimpleObject)]
pub struct PasswordPolicy {
    strength: PasswordStrength,
    /// Unicode code points.
    min_length: i32,
    /// Unicode code points. Longer passwords are refused, never cut off.
    max_length: i32,
    /// How many former passwords may not come back.
    history: i32,
    /// Whether passwords from lists of common ones are refused.
    reject_common: bool,
    /// Whether passwords that hold a part of the account's own data are refused.
    reject_personal_data: bool,
}

impl From<&connection::Model> for PasswordPolicy {
    fn from(connection: &connection::Model) -> Self {
        Self {
            strength: PasswordStrength::of(connection),
            min_length: connection.password_min_length,
            max_length: i32::try_from(MAX_LENGTH).unwrap_or(i32::MAX),
            history: connection.password_history,
            reject_common: connection.password_reject_common,
            reject_personal_data: connection.password_reject_personal_data,
        }
    }
}

impl PasswordStrength {
    /// The minimum length of a level, where none is set explicitly.
    pub fn min_length(self) -> i32 {
        match self {
            Self::None => 1,
            Self::Low => 6,
            Self::Fair | Self::Good => 8,
            Self::Excellent => 10,
        }
    }

    /// As it is stored with a connection.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Low => "LOW",
            Self::Fair => "FAIR",
            Self::Good => "GOOD",
            Self::Excellent => "EXCELLENT",
        }
    }
}
