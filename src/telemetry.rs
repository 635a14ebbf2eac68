//! The log: readable lines in development, JSON in production. Secrets have a type that does not print; statements are
//! logged without their values, requests without query and body.

use std::any::Any;

use tracing_subscriber::EnvFilter;

use crate::config::{Config, ConfigError};

/// Starts logging to standard error.
///
/// # Errors
/// When the filter is malformed.
pub fn start(config: &Config) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.settings.log).map_err(|_| ConfigError::Invalid {
        setting: "VESTIBULE_LOG".into(),
        problem: "is neither a level nor a list of directives".into(),
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if config.is_development() {
        builder.compact().with_target(false).init();
    } else {
        builder.json().init();
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let said = literal(panic.payload());
        tracing::error!(place = place.unwrap_or_default(), said, "a panic");
    }));
    Ok(())
}

/// What a panic says, where that is a literal of the source. What was put together may quote what was worked on: a text
/// that is cut inside of a character is shown in full, and it may be a password. Then the place has to do.
fn literal(payload: &(dyn Any + Send)) -> &'static str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("[redacted]")
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn a_panic_tells_its_literal_and_nothing_of_what_it_quotes() {
        let said = |panics: fn()| literal(&*std::panic::catch_unwind(panics).unwrap_err());
        assert_eq!(said(|| panic!("a literal")), "a literal");
        assert_eq!(said(|| panic!("{}", String::from("canary"))), "[redacted]");
        let cut = || drop("canary \u{fc}ber"[..8].to_owned());
        assert_eq!(said(cut), "[redacted]");
    }
}
