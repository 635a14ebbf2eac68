//! Names that are unique, and that inputs, headers and tokens carry.

use sea_orm::{DbErr, SqlErr};

use crate::error::{Error, Issue};
use crate::value::Issues;

/// Characters of a name.
const LENGTH: usize = 64;

/// Notes what is no name of a connection or application: 1 to 64 ASCII letters, digits and `_ - .`, so that none looks
/// like another and each can stand in a header and a URL.
pub fn check_handle(path: &'static str, given: &str, issues: &mut Issues) {
    let well_formed = (1..=LENGTH).contains(&given.len())
        && given
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if !well_formed {
        issues.push(Issue::new(
            path,
            "format",
            "1 to 64 of A-Z, a-z, 0-9, `_`, `-` and `.`.",
        ));
    }
}

/// The tables of the realm have one unique index each, beside the primary key.
pub fn already_exists(error: DbErr) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::AlreadyExists,
        _ => error.into(),
    }
}
