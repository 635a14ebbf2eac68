//! From headers to a `Caller`. What arrives here is hostile until proved otherwise: nothing fails, it only counts for
//! nothing.

use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::constant_time;
use axum::http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, COOKIE, ORIGIN, USER_AGENT};
use axum::http::{Extensions, HeaderMap, HeaderName};
use ipnet::IpNet;

use super::Peer;
use crate::app::App;
use crate::caller::{Bearer, Caller};
use crate::event::Origin;
use crate::secret::Secret;
use crate::text::Texts;
use crate::ticket::digest_of;
use crate::value::{Locale, client_text};

pub const X_CLIENT_ID: HeaderName = HeaderName::from_static("x-client-id");
pub const X_ADMIN_SECRET: HeaderName = HeaderName::from_static("x-vestibule-admin-secret");
const X_GATEWAY_SECRET: HeaderName = HeaderName::from_static("x-vestibule-gateway-secret");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

pub fn caller(app: &App, headers: &HeaderMap, extensions: &Extensions) -> Caller {
    let settings = &app.config.settings;
    let peer = extensions
        .get::<Peer>()
        .map(|peer| peer.0.ip().to_canonical());
    let ip = peer.map(|peer| client_address(peer, headers, &settings.trusted_proxies));
    let origin = Origin {
        ip: ip.map(|ip| ip.to_string()),
        user_agent: text(headers, &USER_AGENT).and_then(client_text),
    };
    Caller {
        ip,
        origin,
        locale: locale(&app.texts, headers),
        client_id: text(headers, &X_CLIENT_ID).map(str::to_owned),
        browser_origin: headers
            .get(ORIGIN)
            .map(|value| value.to_str().unwrap_or("null").to_owned()),
        cookies: cookies(app.config.cookie_prefix(), headers),
        bearer: bearer(headers),
        is_administrator: holds(settings.admin_secret.as_ref(), headers, &X_ADMIN_SECRET),
        through_gateway: holds(app.config.gateway_secret(), headers, &X_GATEWAY_SECRET),
        ..Caller::default()
    }
}

/// The first language of the reader's that there are texts for (RFC 9110 section 12.5.4); where there are none, the first one,
/// which is kept for an account even so.
pub fn locale(texts: &Texts, headers: &HeaderMap) -> Option<Locale> {
    let header = text(headers, &ACCEPT_LANGUAGE)?;
    let wanted = || Locale::all_of_header(header);
    wanted()
        .find(|locale| texts.lookup(locale.as_str()).is_some())
        .or_else(|| wanted().next())
}

/// Whether the header holds the secret; compared by digest, so that neither length nor content shows in time.
fn holds(secret: Option<&Secret>, headers: &HeaderMap, name: &HeaderName) -> bool {
    let (Some(secret), Some(given)) = (secret, text(headers, name)) else {
        return false;
    };
    constant_time::verify_slices_are_equal(&digest_of(secret.expose()), &digest_of(given)).is_ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|value| !value.is_empty())
}

/// Our own cookies of the header (RFC 6265 section 5.4): client id and refresh token.
fn cookies(prefix: &str, headers: &HeaderMap) -> Vec<(String, Secret)> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let own = |pair: &str| {
        let (name, value) = pair.trim().split_once('=')?;
        let client_id = name.strip_prefix(prefix)?;
        Some((client_id.to_owned(), Secret::new(value)))
    };
    pairs.filter_map(own).collect()
}

fn bearer(headers: &HeaderMap) -> Bearer {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return if headers.contains_key(AUTHORIZATION) {
            Bearer::Malformed
        } else {
            Bearer::Missing
        };
    };
    // `to_str` looks at every octet alone, and these are many.
    let token = std::str::from_utf8(value.as_bytes()).ok();
    let token = token.and_then(|value| value.split_once(' '));
    match token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Bearer::Token(Secret::new(token.trim_ascii()))
        }
        _ => Bearer::Malformed,
    }
}

/// The rightmost address that no proxy of ours vouches for: what stands further left, anyone can have written.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer;
    // A proxy of ours puts its own word behind whatever the client wrote, text or not.
    let lines: Vec<_> = headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .map(|line| String::from_utf8_lossy(line.as_bytes()))
        .collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !is_trusted(&client) {
            break;
        }
        match hop_address(hop.trim()) {
            Some(address) => client = address.to_canonical(),
            None => break,
        }
    }
    client
}

/// Some balancers write the port as well.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse().map(|address: SocketAddr| address.ip());
    hop.parse().or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &str) -> String {
        let lines: Vec<_> = forwarded.iter().map(|line| line.as_bytes()).collect();
        client_of(peer, &lines, trusted)
    }

    fn client_of(peer: &str, forwarded: &[&[u8]], trusted: &str) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
        }
        client_address(peer.parse().unwrap(), &headers, &[trusted.parse().unwrap()]).to_string()
    }

    #[test]
    fn forwarding_headers_count_only_as_far_as_trusted_proxies_reach() {
        assert_eq!(
            client("198.51.100.9", &["203.0.113.1"], "10.0.0.0/8"),
            "198.51.100.9"
        );
        assert_eq!(
            client("10.0.0.1", &["203.0.113.1"], "10.0.0.0/8"),
            "203.0.113.1"
        );
        assert_eq!(
            client(
                "10.0.0.1",
                &["192.0.2.66, 203.0.113.1", "10.0.0.2"],
                "10.0.0.0/8"
            ),
            "203.0.113.1"
        );
        assert_eq!(client("10.0.0.1", &["nonsense"], "10.0.0.0/8"), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[], "10.0.0.0/8"), "10.0.0.1");
        for (written, address) in [
            ("192.0.2.66:5511", "192.0.2.66"),
            ("[2001:db8::1]:5511", "2001:db8::1"),
        ] {
            assert_eq!(client("10.0.0.1", &[written], "10.0.0.0/8"), address);
        }
    }

    #[test]
    fn what_is_no_text_hides_nobody_behind_a_trusted_proxy() {
        let of = |lines: &[&[u8]]| client_of("10.0.0.1", lines, "10.0.0.0/8");
        assert_eq!(of(&[b"\xe9, 198.51.100.77"]), "198.51.100.77");
        assert_eq!(of(&[b"\xe9", b"198.51.100.77"]), "198.51.100.77");
        assert_eq!(of(&[b"192.0.2.66", b"\xe9, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(of(&[b"192.0.2.66, \xe9"]), "10.0.0.1");
    }

    #[test]
    fn only_one_bearer_of_one_scheme_counts() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            bearer(&headers)
        };
        assert!(matches!(of(&["bEaReR abc"]), Bearer::Token(token) if token.expose() == "abc"));
        assert!(matches!(of(&[]), Bearer::Missing));
        assert!(matches!(of(&["Basic abc"]), Bearer::Malformed));
        assert!(matches!(of(&["Bearer a", "Bearer b"]), Bearer::Malformed));
        assert!(matches!(of(&["Bearer"]), Bearer::Malformed));
        // No space of RFC 9110 section 5.6.3.
        let of_another_script = of(&["Bearer \u{a0}abc"]);
        assert!(!matches!(of_another_script, Bearer::Token(token) if token.expose() == "abc"));
    }
}
