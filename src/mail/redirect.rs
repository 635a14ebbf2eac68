//! Where a mailed link may lead back to. A free redirect would hand the ticket in it to anybody.

use entity::application;
use url::{Host, Url};

use crate::config::Config;
use crate::error::{Error, Result};

/// Checks an address against the application's list, after it has been parsed as browsers do (WHATWG): same scheme,
/// host and port, and the listed path or one below it. Addresses below the public URL are always allowed, and in
/// development so is `http://localhost` on any port. A listed host may begin with `*.` for its subdomains.
///
/// # Errors
/// `REDIRECT_NOT_ALLOWED`.
pub fn check(config: &Config, application: &application::Model, given: &str) -> Result<Url> {
    let suspicious = given.len() > 2_000
        || given
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || c == '\\');
    let url = Url::parse(given).map_err(|_| Error::RedirectNotAllowed)?;
    if !suspicious && is_open(config, application, &url) {
        Ok(url)
    } else {
        Err(Error::RedirectNotAllowed)
    }
}

/// A stored address, as long as the application still lists it: a list may lose an entry while a mail waits, or before
/// another one is asked for.
pub fn still_open(
    config: &Config,
    application: &application::Model,
    stored: Option<&str>,
) -> Option<Url> {
    let url = Url::parse(stored?).ok()?;
    is_open(config, application, &url).then_some(url)
}

fn is_open(config: &Config, application: &application::Model, url: &Url) -> bool {
    let anonymous = url.username().is_empty() && url.password().is_none();
    let listed = application
        .allowed_redirect_urls
        .0
        .iter()
        .filter_map(|entry| Pattern::parse(entry));
    let own = Pattern::exact(config.public_url.clone());
    let local = config.is_development()
        && url.scheme() == "http"
        && url.host() == Some(Host::Domain("localhost"));
    anonymous && (local || listed.chain([own]).any(|pattern| pattern.admits(url)))
}

/// As [`check`], for an address that may be left out; as it is stored.
///
/// # Errors
/// `REDIRECT_NOT_ALLOWED`.
pub fn check_given(
    config: &Config,
    application: &application::Model,
    given: Option<&str>,
) -> Result<Option<String>> {
    given
        .map(|given| check(config, application, given).map(|url| url.to_string()))
        .transpose()
}

struct Pattern {
    url: Url,
    subdomains: bool,
}

impl Pattern {
    fn exact(url: Url) -> Self {
        Self {
            url,
            subdomains: false,
        }
    }

    fn parse(entry: &str) -> Option<Self> {
        let (scheme, rest) = entry.split_once("://")?;
        let subdomains = rest.starts_with("*.");
        let url = Url::parse(&format!(
            "{scheme}://{}",
            rest.strip_prefix("*.").unwrap_or(rest)
        ))
        .ok()?;
        Some(Self { url, subdomains })
    }

    fn admits(&self, url: &Url) -> bool {
        let same_host = match (url.host_str(), self.url.host_str()) {
            (Some(host), Some(listed)) if self.subdomains => host
                .strip_suffix(listed)
                .is_some_and(|label| label.len() > 1 && label.ends_with('.')),
            (host, listed) => host == listed,
        };
        let below = self.url.path().trim_end_matches('/');
        same_host
            && url.scheme() == self.url.scheme()
            && url.port_or_known_default() == self.url.port_or_known_default()
            && url
                .path()
                .strip_prefix(below)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(entry: &str, given: &str) -> bool {
        Pattern::parse(entry)
            .unwrap()
            .admits(&Url::parse(given).unwrap())
    }

    #[test]
    fn paths_match_on_segment_borders_and_hosts_as_a_whole() {
        assert!(admits(
            "https://app.example.org/in",
            "https://app.example.org/in/done?x=1"
        ));
        assert!(admits(
            "https://app.example.org",
            "https://APP.example.org:443/"
        ));
        assert!(!admits(
            "https://app.example.org/in",
            "https://app.example.org/inside"
        ));
        assert!(!admits(
            "https://app.example.org/in",
            "https://app.example.org/in/../out"
        ));
        assert!(!admits(
            "https://app.example.org",
            "https://app.example.org.evil.org/"
        ));
        assert!(!admits(
            "https://app.example.org",
            "https://appXexample.org/"
        ));
        assert!(!admits(
            "https://app.example.org",
            "http://app.example.org/"
        ));
        assert!(!admits(
            "https://app.example.org",
            "https://app.example.org:8443/"
        ));
    }

    #[test]
    fn a_listed_star_stands_for_whole_leading_labels_only() {
        assert!(admits("https://*.example.org/", "https://a.example.org/"));
        assert!(!admits("https://*.example.org/", "https://example.org/"));
        assert!(!admits(
            "https://*.example.org/",
            "https://evilexample.org/"
        ));
    }

    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_admitted_has_the_listed_origin_and_lies_below_the_listed_path(given in "\\PC{0,60}") {
            let entry = "https://app.example.org/in";
            for text in [format!("https://app.example.org{given}"), format!("https://{given}"), given] {
                let Ok(url) = Url::parse(&text) else { continue };
                if Pattern::parse(entry).is_some_and(|pattern| pattern.admits(&url)) {
                    prop_assert_eq!(url.origin().ascii_serialization(), "https://app.example.org");
                    prop_assert!(url.path() == "/in" || url.path().starts_with("/in/"), "{}", url);
                }
            }
        }

        #[test]
        fn a_star_admits_whole_labels_only(label in "[a-z0-9.-]{0,20}") {
            let Ok(url) = Url::parse(&format!("https://{label}example.org/")) else { return Ok(()) };
            let admitted = Pattern::parse("https://*.example.org/").is_some_and(|pattern| pattern.admits(&url));
            let host = url.host_str().unwrap_or_default();
            prop_assert_eq!(admitted, host.ends_with(".example.org") && host.len() > ".example.org".len());
        }

        #[test]
        fn other_ports_and_schemes_are_other_places(port in 1_u16.., scheme in "(http|https|ftp|ws)") {
            let Ok(url) = Url::parse(&format!("{scheme}://app.example.org:{port}/in")) else { return Ok(()) };
            let admitted = Pattern::parse("https://app.example.org/in").is_some_and(|pattern| pattern.admits(&url));
            prop_assert_eq!(admitted, scheme == "https" && port == 443);
        }
    }
}
