//! Settings that are admitted and may not be meant.

use super::Finding;
use crate::clock::Rng;
use crate::config::{Config, ConfigError, MasterKey, Switch, descriptors};
use crate::key::Sealer;
use crate::text::Texts;

const AREA: &str = "settings";

/// What keeps every command from running.
pub fn refused(error: &ConfigError) -> Finding {
    let mend = match error {
        ConfigError::Unreadable { path, .. } => format!(
            "see that {} is there, and that whoever runs this may read it",
            path.display()
        ),
        ConfigError::NotToml { path, .. } => format!("mend that line of {}", path.display()),
        ConfigError::Unknown(name) => format!("take `{name}` out of the settings file"),
        ConfigError::Invalid { setting, .. } => {
            format!("mend {setting}: `vestibule --help` says what it takes")
        }
    };
    Finding::problem(AREA, error.to_string(), mend)
}

pub fn look(config: &Config, rng: &Rng) -> Vec<Finding> {
    let settings = &config.settings;
    let mut findings = Vec::new();
    if config.is_development() {
        findings.push(Finding::ok(AREA, "development mode"));
        if !settings.bind.ip().is_loopback() {
            findings.push(Finding::warning(
                AREA,
                "development mode is open to other machines",
                "set VESTIBULE_MODE=production, or bind to loopback",
            ));
        }
    } else {
        findings.push(Finding::ok(AREA, "production mode"));
        findings.extend(risky_in_production(config));
    }
    // Also where there is no database yet, whose secrets it could open. One that is made is made well.
    if let MasterKey::Given(key) = &config.master_key
        && let Err(error) = Sealer::of("VESTIBULE_MASTER_KEY", key, rng.clone())
    {
        findings.push(Finding::problem(
            AREA,
            error.cause(),
            "give it the key that the database was sealed with; `openssl rand -base64 32` makes one for a new house. The start \
             is refused until then",
        ));
    }
    if let Some(bind) = settings
        .metrics_bind
        .filter(|bind| bind.ip().is_unspecified())
    {
        findings.push(Finding::warning(
            AREA,
            format!("the metrics answer on every network of this machine ({bind})"),
            "bind VESTIBULE_METRICS_BIND to an address that the public does not reach",
        ));
    }
    let needed = descriptors::needed(settings);
    if let Some(allowed) = descriptors::allowed()
        && allowed < needed
    {
        findings.push(Finding::warning(
            AREA,
            format!("{allowed} files and sockets may be open here, and the settings ask for {needed}"),
            "raise the limit (`ulimit -Hn`, LimitNOFILE= of systemd, `--ulimit nofile=` of Docker), or lower \
             VESTIBULE_HTTP_CONNECTIONS",
        ));
    }
    if settings
        .breach_url
        .as_ref()
        .is_some_and(|url| url.scheme() != "https")
    {
        findings.push(Finding::warning(
            AREA,
            "the service of breached passwords is asked without TLS",
            "give VESTIBULE_BREACH_URL an https address",
        ));
    }
    if let Err(error) = Texts::load(settings.templates.as_deref()) {
        findings.push(Finding::problem(
            "texts",
            error.to_string(),
            "mend the file in the folder of VESTIBULE_TEMPLATES; the start is refused until then",
        ));
    }
    findings
}

fn risky_in_production(config: &Config) -> Vec<Finding> {
    let settings = &config.settings;
    let mut findings = Vec::new();
    if settings.trusted_proxies.is_empty() {
        findings.push(Finding::warning(
            AREA,
            "no proxy is trusted: behind one, everybody seems to call from its address and shares its limits",
            "name the networks of your proxies in VESTIBULE_TRUSTED_PROXIES",
        ));
    }
    if settings
        .trusted_proxies
        .iter()
        .any(|network| network.prefix_len() == 0)
    {
        findings.push(Finding::problem(
            AREA,
            "every machine is a trusted proxy: whoever calls can claim any address, and limits by network hold nobody",
            "name the networks of your proxies alone in VESTIBULE_TRUSTED_PROXIES",
        ));
    }
    if settings.log.contains("trace") || settings.log.contains("debug") {
        findings.push(Finding::warning(
            AREA,
            "the log is at its most talkative",
            "set VESTIBULE_LOG=info",
        ));
    }
    if settings.introspection == Some(Switch::On) {
        findings.push(Finding::ok(
            AREA,
            "the schema is shown to everybody, as was set",
        ));
    }
    if settings.mail_from.email.domain() == "localhost" {
        findings.push(Finding::problem(
            AREA,
            "mail comes from localhost, which nobody takes",
            "set VESTIBULE_MAIL_FROM to an address of yours",
        ));
    }
    findings
}
