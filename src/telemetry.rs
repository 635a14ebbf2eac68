//! The log: readable lines in development, JSON in production. Secrets have a type that does not print; statements are
//! logged without their values, requests without query and body.

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
    Ok(())
}
