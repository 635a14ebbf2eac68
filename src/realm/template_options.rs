//! Values that a client may have put into a mail: allow-listed names, short texts, and no address of the web, because
//! such a mail goes out under the operator's name to whoever the client names.

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

/// Anything that a mail program may turn into a link: a scheme, or a name with a dot and a top-level domain.
fn holds_address(text: &str) -> bool {
    let like_domain = |word: &str| {
        let mut labels = word.split(['.', '\u{3002}', '\u{ff0e}']).rev();
        let last = labels.next().unwrap_or_default();
        let top: usize = last.chars().take_while(|c| c.is_alphabetic()).count();
        top >= 2
            && labels
                .next()
                .is_some_and(|label| label.chars().last().is_some_and(char::is_alphanumeric))
    };
    let words = || text.split(|c: char| c.is_whitespace() || "/:?#()<>[]\"',;".contains(c));
    text.contains("://") || text.contains('@') || words().any(like_domain)
}

#[cfg(test)]
mod tests {
    use super::holds_address;

    #[test]
    fn what_a_mail_program_would_link_is_an_address() {
        for text in [
            "https://evil.org",
            "evil.org",
            "see evil.org/x",
            "a@b.org",
            "EVIL\u{3002}org",
            "(www.evil.org)",
        ] {
            assert!(holds_address(text), "{text}");
        }
        for text in [
            "Ann",
            "Team Blue, 3.5 stars",
            "Hello. And welcome!",
            "Dr. Who",
            "v1.2",
        ] {
            assert!(!holds_address(text), "{text}");
        }
    }
}
