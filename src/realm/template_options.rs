//! Values that a client may have put into a mail: allow-listed names, short texts, and no address of the web, because
//! such a mail goes out under the operator's name to whoever the client names.

use std::net::Ipv6Addr;

use entity::application;
use serde_json::Value;

use crate::error::Issue;
use crate::scalar::Json;
use crate::value::Issues;

const LENGTH: usize = 100;

/// The options, or nothing; what is wrong is noted.
pub fn check(
    application: &application::Model,
    given: Option<Json>,
    issues: &mut Issues,
) -> Option<Value> {
    let given = given?.0;
    for (name, value) in &given {
        let path = format!(
            "templateOptions.{}",
            name.chars().take(LENGTH).collect::<String>()
        );
        let refused = match value.as_str() {
            _ if !application.allowed_template_options.0.contains(name) => {
                Some(("not_allowed", "The application does not list this option."))
            }
            None => Some(("format", "Options are texts.")),
            Some(text) if text.chars().count() > LENGTH => {
                Some(("too_long", "At most 100 characters."))
            }
            Some(text) if text.chars().any(char::is_control) => {
                Some(("format", "Control characters are not allowed."))
            }
            Some(text) if holds_address(text) => {
                Some(("not_allowed", "Addresses of the web are not allowed."))
            }
            Some(_) => None,
        };
        if let Some((rule, message)) = refused {
            issues.push(Issue::new(path, rule, message));
        }
    }
    (!given.is_empty()).then_some(Value::Object(given))
}

/// Anything that a mail program may turn into a link: a scheme, a mailbox, a name with a dot and a top-level domain wherever it
/// stands in a word, or an address of the network.
fn holds_address(text: &str) -> bool {
    let seen: Vec<char> = text.chars().filter(|c| !is_invisible(*c)).collect();
    let dotted = seen.iter().enumerate().map(|(place, c)| {
        let next = seen.get(place + 1).copied();
        if is_dot(*c, next) { '.' } else { *c }
    });
    let text: String = dotted.collect();
    let mut words = text.split(|c: char| c.is_whitespace() || "/:?#()<>[]\"',;".contains(c));
    text.contains("://")
        || text.contains('@')
        || holds_ipv6(&text)
        || words.any(|word| {
            let labels: Vec<&str> = word.split('.').collect();
            labels.windows(2).any(is_domain) || holds_ipv4(&labels)
        })
}

/// What a browser takes for a dot in a name (UTS 46 section 2.3), and those that look like one. The full stops of Chinese and
/// Japanese end a sentence, unless something of another script follows at once.
fn is_dot(c: char, next: Option<char>) -> bool {
    match c {
        '.' | '\u{2024}' | '\u{fe52}' | '\u{ff0e}' => true,
        '\u{3002}' | '\u{ff61}' => next.is_some_and(|next| next.is_ascii_alphanumeric()),
        _ => false,
    }
}

/// What stands between letters and is not seen; a name is the same without it.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// Two labels of which the second begins as a top-level domain does. The first may end with any sign of another script: names
/// hold marks and pictures, too.
fn is_domain(pair: &[&str]) -> bool {
    let [name, top] = pair else { return false };
    let ends_a_label = |c: char| c.is_alphanumeric() || !c.is_ascii();
    name.ends_with(ends_a_label) && top.chars().take_while(|c| c.is_alphabetic()).count() >= 2
}

/// Four numbers in a row, as a part of no longer row: those are numbers of chapters.
fn holds_ipv4(labels: &[&str]) -> bool {
    let is_octet = |label: &&str| {
        let digits = label.bytes().all(|byte| byte.is_ascii_digit());
        digits && label.len() <= 3 && label.parse::<u8>().is_ok()
    };
    let mut rows = labels.split(|label| !is_octet(label));
    rows.any(|row| row.len() == 4)
}

fn holds_ipv6(text: &str) -> bool {
    text.split('[').skip(1).any(|rest| {
        let inside = rest.split([']', '%']).next().unwrap_or_default();
        inside.parse::<Ipv6Addr>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::holds_address;

    #[test]
    fn what_a_mail_program_would_link_is_an_address() {
        for text in [
            "https://evil.org",
            "evil.org",
            "evil.\u{fe0f}org",
            "see evil.org/x",
            "a@b.org",
            "EVIL\u{3002}org",
            "(www.evil.org)",
            // What follows a name does not hide it.
            "Visit evil.org.",
            "www.evil.org.",
            "Pay at www.evil.org.!",
            "(see evil.org.)",
            "evil.org...",
            "evil.org.1",
            "\u{201e}evil.org\u{201c}.",
            "evil.org.\u{2026}",
            "evil.xn--p1ai",
            // Other dots, and what is not seen.
            "evil\u{ff61}org",
            "evil\u{ff0e}org\u{3002}",
            "evil\u{2024}org",
            "ev\u{ad}il.o\u{200b}rg",
            // Names that do not end with a letter.
            "i\u{2764}.ws",
            "cafe\u{301}.org",
            // Addresses of the network.
            "198.51.100.7",
            "198.51.100.7:8080/x",
            "Call 198.51.100.7.",
            "198.051.100.007",
            "198\u{ff61}51\u{ff61}100\u{ff61}7",
            "[2001:db8::7]",
            "x[fe80::1%25eth0]:80",
        ] {
            assert!(holds_address(text), "{text}");
        }
    }

    #[test]
    fn what_people_write_is_none() {
        for text in [
            "Ann",
            "Team Blue, 3.5 stars",
            "Hello. And welcome!",
            "Hello. World",
            "Dr. Who",
            "J. R. Smith",
            "J.R.R. Tolkien, Ph.D.",
            "e.g. this, i.e. that",
            "9 a.m. to 5 p.m.",
            "wait ... what?",
            "wait...what?",
            "v1.2",
            "v1.2.3",
            "1.2.3",
            "v10.2.0.1",
            "chapter 1.2.3.4.5",
            "256.1.1.1",
            "22.11.2026, 10:30",
            "1.234.567,89",
            "\u{4f60}\u{597d}\u{3002}",
            "\u{4f60}\u{597d}\u{3002}\u{6b22}\u{8fce}\u{3002}",
            "[1] and [a:b]",
            "50% off: today / tomorrow",
            "C:",
        ] {
            assert!(!holds_address(text), "{text}");
        }
    }
}
