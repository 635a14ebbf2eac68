//! An e-mail address as RFC 5321 lets it travel: no comments, no quoted local part, no IP literal.

use email_address::{EmailAddress, Options};
use url::Host;

use crate::error::Issue;

/// An address that mail can be sent to. It is kept as given, and compared by its [`key`](Email::key).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    given: String,
    key: String,
}

impl Email {
    /// Local part: 1 to 64 octets of ASCII. Domain: at least two labels, IDNA 2008 as UTS 46 reads it. At most 254
    /// octets (RFC 5321 section 4.5.3.1).
    ///
    /// # Errors
    /// `required`, `too_long` or `format`, for the given path.
    pub fn parse(path: &'static str, given: &str) -> Result<Self, Issue> {
        if given.is_empty() {
            return Err(Issue::new(
                path,
                "required",
                "An e-mail address is required.",
            ));
        }
        if given.len() > 254 {
            return Err(Issue::new(
                path,
                "too_long",
                "An e-mail address has at most 254 characters.",
            ));
        }
        Self::parse_format(given)
            .ok_or_else(|| Issue::new(path, "format", "This is not an e-mail address."))
    }

    fn parse_format(given: &str) -> Option<Self> {
        let (local, domain) = given.rsplit_once('@')?;
        if !local.is_ascii() || local.starts_with('"') {
            return None;
        }
        let domain = idna::domain_to_ascii_strict(domain).ok()?;
        let options = Options::default()
            .with_required_tld()
            .without_domain_literal()
            .without_display_text();
        let ascii = format!("{local}@{domain}");
        EmailAddress::parse_with_options(&ascii, options).ok()?;
        // `127.0.0.1` is a domain to that parser, and an address of the network to every other program.
        if !matches!(Host::parse(&domain), Ok(Host::Domain(_))) {
            return None;
        }
        // The form that mail is sent to must be as short as the given one.
        if ascii.len() > 254
            || domain.ends_with('.')
            || given.chars().any(|c| c.is_control() || c.is_whitespace())
        {
            return None;
        }
        Some(Self {
            given: given.to_owned(),
            key: ascii.to_ascii_lowercase(),
        })
    }

    /// As its owner wrote it.
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// What makes two addresses the same: lower case, the domain in its ASCII form. `ann@x.org` and `ann+1@x.org`
    /// stay two addresses.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The part before the `@`, as given.
    pub fn local_part(&self) -> &str {
        self.given.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

#[cfg(test)]
mod tests {
    use super::Email;

    fn key(given: &str) -> Option<String> {
        Email::parse("email", given)
            .ok()
            .map(|email| email.key().to_owned())
    }

    #[test]
    fn case_and_the_unicode_form_of_a_domain_make_no_difference() {
        assert_eq!(key("Ann@Example.ORG").as_deref(), Some("ann@example.org"));
        assert_eq!(key("ann@BÜCHER.example"), key("ann@xn--bcher-kva.example"));
        // U+212A KELVIN SIGN in the domain is the letter k.
        assert_eq!(
            key("ann@\u{212a}elvin.org").as_deref(),
            Some("ann@kelvin.org")
        );
    }

    #[test]
    fn tags_and_dots_make_another_address() {
        assert_ne!(key("a.nn@example.org"), key("ann@example.org"));
        assert_ne!(key("ann+1@example.org"), key("ann@example.org"));
    }

    #[test]
    fn forms_that_hide_a_second_recipient_or_no_mailbox_are_refused() {
        let refused = [
            "",
            "ann",
            "ann@",
            "@example.org",
            "ann@localhost",
            "ann@example.org.",
            "ann@[127.0.0.1]",
            "ann@127.0.0.1",
            "\"ann\"@example.org",
            "ann(comment)@example.org",
            "a@example.org,b@example.org",
            "ann@example.org\r\nBcc: b@example.org",
            " ann@example.org",
            "ann@example.org ",
            "an n@example.org",
            "ann\u{ff20}example.org",
            "\u{131}nn@example.org",
            "Ann <ann@example.org>",
            "ann\0@example.org",
            ".ann@example.org",
            "ann@exam_ple.org",
        ];
        for given in refused {
            assert_eq!(key(given), None, "{given:?}");
        }
        assert_eq!(key(&format!("{}@example.org", "a".repeat(65))), None);
        assert_eq!(key(&format!("a@{}.org", "b.".repeat(130))), None);
    }
}
