//! What a connection asks of a password. One list of rules serves every place where a password is chosen.

use async_graphql::{Enum, SimpleObject};
use entity::connection;
use unicode_normalization::UnicodeNormalization;

use crate::error::{Error, Issue, Result};
use crate::secret::Secret;

/// Unicode code points; longer ones are refused, never truncated.
pub const MAX_LENGTH: usize = 256;
/// Shorter parts of personal data are found in too many good passwords.
const PERSONAL_PART: usize = 4;

/// How demanding a connection is, after Auth0's levels. Composition is asked for by `FAIR` and above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum PasswordStrength {
    /// Only the minimum length counts.
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
    fn of(connection: &connection::Model) -> Self {
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

/// Checks a password that is being chosen, for the account with this address.
///
/// # Errors
/// `WEAK_PASSWORD` with one issue for each rule that is not met.
pub fn check(
    connection: &connection::Model,
    path: &'static str,
    password: &Secret,
    email_local_part: &str,
) -> Result<()> {
    let text: String = password.expose().nfc().take(MAX_LENGTH + 1).collect();
    let length = text.chars().count();
    let least = usize::try_from(connection.password_min_length).unwrap_or_default();
    let mut issues = Vec::new();
    if length < least {
        issues.push(Issue::new(
            path,
            "min_length",
            format!("At least {least} characters."),
        ));
    }
    if length > MAX_LENGTH {
        issues.push(Issue::new(
            path,
            "max_length",
            format!("At most {MAX_LENGTH} characters."),
        ));
    }
    let folded = text.to_lowercase();
    if connection.password_reject_common && is_common(&text, &folded) {
        issues.push(Issue::new(
            path,
            "common",
            "This is one of the most common passwords.",
        ));
    }
    if connection.password_reject_personal_data && holds(&folded, &email_local_part.to_lowercase())
    {
        issues.push(Issue::new(
            path,
            "personal_data",
            "The password holds a part of the e-mail address.",
        ));
    }
    if issues.is_empty() {
        Ok(())
    } else {
        Err(Error::WeakPassword(issues))
    }
}

fn is_common(text: &str, folded: &str) -> bool {
    passwords::analyzer::is_common_password(text) || passwords::analyzer::is_common_password(folded)
}

fn holds(password: &str, personal: &str) -> bool {
    password == personal
        || (personal.chars().count() >= PERSONAL_PART && password.contains(personal))
}
