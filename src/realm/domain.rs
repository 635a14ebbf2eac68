//! Which e-mail domains a connection takes.

use entity::connection;

use crate::error::Issue;
use crate::value::{Email, Issues};

/// Entries of a list.
const MOST: usize = 1_000;

/// A list as it is stored: lower case, in ASCII form (IDNA 2008 as UTS 46 reads it), each entry once. `example.org` is that
/// domain alone, `*.example.org` every domain below it. What is wrong is noted.
pub fn check(path: &'static str, given: &[String], issues: &mut Issues) -> Vec<String> {
    if given.len() > MOST {
        issues.push(Issue::new(
            path,
            "too_many",
            format!("At most {MOST} domains."),
        ));
        return Vec::new();
    }
    let mut domains = Vec::new();
    for (number, entry) in given.iter().enumerate() {
        match parse(entry) {
            Some(domain) if domains.contains(&domain) => {}
            Some(domain) => domains.push(domain),
            None => issues.push(Issue::new(
                format!("{path}.{number}"),
                "format",
                "A domain such as `example.org`, or `*.example.org` for every domain below it.",
            )),
        }
    }
    domains
}

/// # Errors
/// `not_allowed` for an address whose domain the connection does not take.
pub fn admits(
    connection: &connection::Model,
    path: &'static str,
    email: &Email,
) -> Result<(), Issue> {
    let domain = email
        .key()
        .rsplit_once('@')
        .map_or("", |(_, domain)| domain);
    let listed = |list: &entity::StringList| list.0.iter().any(|entry| matches(entry, domain));
    let allowed = &connection.allowed_email_domains;
    if (allowed.0.is_empty() || listed(allowed)) && !listed(&connection.blocked_email_domains) {
        Ok(())
    } else {
        Err(Issue::new(
            path,
            "not_allowed",
            "Addresses of this domain are not allowed here.",
        ))
    }
}

fn parse(entry: &str) -> Option<String> {
    let (prefix, name) = match entry.strip_prefix("*.") {
        Some(name) => ("*.", name),
        None => ("", entry),
    };
    // Whatever can stand behind the `@` of an address is a domain here.
    let email = Email::parse("domain", &format!("x@{name}")).ok()?;
    let (_, domain) = email.key().rsplit_once('@')?;
    Some(format!("{prefix}{domain}"))
}

fn matches(entry: &str, domain: &str) -> bool {
    match entry.strip_prefix("*.") {
        Some(parent) => domain
            .strip_suffix(parent)
            .is_some_and(|label| label.len() > 1 && label.ends_with('.')),
        None => entry == domain,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{matches, parse};

    #[test]
    fn case_and_the_unicode_form_make_no_difference() {
        assert_eq!(parse("EXAMPLE.org").as_deref(), Some("example.org"));
        assert_eq!(
            parse("*.B\u{dc}cher.example"),
            parse("*.xn--bcher-kva.example")
        );
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        for entry in [
            "",
            "*",
            "*.",
            "org",
            "a@b.org",
            "*.*.org",
            "a b.org",
            ".org",
            "127.0.0.1",
            "x,y.org",
        ] {
            assert_eq!(parse(entry), None, "{entry}");
        }
    }

    #[test]
    fn subdomains_count_only_where_a_star_asks_for_them() {
        assert!(matches("example.org", "example.org"));
        assert!(!matches("example.org", "mail.example.org"));
        assert!(matches("*.example.org", "mail.example.org"));
        assert!(matches("*.example.org", "a.b.example.org"));
        assert!(!matches("*.example.org", "example.org"));
        assert!(!matches("*.example.org", "badexample.org"));
    }

    proptest! {
        #[test]
        fn a_star_admits_whole_labels_only(label in "[a-z0-9.-]{0,12}") {
            let domain = format!("{label}example.org");
            let expected = label.len() > 1 && label.ends_with('.');
            prop_assert_eq!(matches("*.example.org", &domain), expected);
            prop_assert_eq!(matches("example.org", &domain), label.is_empty());
        }

        #[test]
        fn whatever_is_parsed_is_parsed_to_itself_again(entry in "\\PC{0,30}") {
            if let Some(domain) = parse(&entry) {
                prop_assert_eq!(parse(&domain), Some(domain));
            }
        }
    }
}
