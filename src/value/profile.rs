//! Names, telephone numbers and metadata: free text with bounds.

use serde_json::{Map, Value};

use crate::error::{Error, Issue};

/// Collects everything that is wrong with an input, so that a form can show it all at once.
#[derive(Clone, Debug, Default)]
pub struct Issues(Vec<Issue>);

impl Issues {
    /// The value, or nothing and its issue noted.
    pub fn take<T>(&mut self, parsed: Result<T, Issue>) -> Option<T> {
        parsed.map_err(|issue| self.0.push(issue)).ok()
    }

    pub fn push(&mut self, issue: Issue) {
        self.0.push(issue);
    }

    pub fn none(&self) -> Result<(), Error> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::InvalidInput(self.0.clone()))
        }
    }
}

/// One line of text: 1 to `most` code points, no control characters (a NUL byte cannot be stored, a line break could
/// end a mail header). An empty text counts as absent.
///
/// # Errors
/// `too_long` or `format`.
pub fn text(path: &'static str, given: Option<&str>, most: usize) -> Result<Option<String>, Issue> {
    let Some(given) = given.map(str::trim).filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    if given.chars().count() > most {
        return Err(Issue::new(
            path,
            "too_long",
            format!("At most {most} characters."),
        ));
    }
    if given.chars().any(char::is_control) {
        return Err(Issue::new(
            path,
            "format",
            "Control characters are not allowed.",
        ));
    }
    Ok(Some(given.to_owned()))
}

/// A telephone number in international form (ITU-T E.164): `+` and 7 to 15 digits.
///
/// # Errors
/// `format`.
pub fn phone_number(path: &'static str, given: Option<&str>) -> Result<Option<String>, Issue> {
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    let digits = given.strip_prefix('+').unwrap_or_default();
    let well_formed = (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    if well_formed {
        Ok(Some(given.to_owned()))
    } else {
        Err(Issue::new(
            path,
            "format",
            "A telephone number in international form: + and 7 to 15 digits.",
        ))
    }
}

const PROPERTIES: usize = 10;
const NAME: usize = 100;
const TEXT: usize = 500;
const DEPTH: usize = 4;
const OCTETS: usize = 16_384;

/// Metadata that a user sets: at most 10 properties, names of 1 to 100 code points without `.` and `$`, texts of at
/// most 500 (Auth0's limits), nested at most 4 deep, 16 KiB in all.
///
/// # Errors
/// `too_many`, `too_long` or `format`, with the path of the property.
pub fn metadata(path: &'static str, given: &Map<String, Value>) -> Result<(), Issue> {
    if given.len() > PROPERTIES {
        return Err(Issue::new(
            path,
            "too_many",
            format!("At most {PROPERTIES} properties."),
        ));
    }
    for (name, value) in given {
        property(
            &format!("{path}.{}", name.chars().take(NAME).collect::<String>()),
            name,
            value,
            1,
        )?;
    }
    within_octets(path, given, OCTETS)
}

/// Any JSON of at most 10 properties, nested at most 4 deep, of at most so many octets.
///
/// # Errors
/// `too_many`, `too_long` or `format`, with the path of the property.
pub fn json_within(
    path: &'static str,
    given: &Map<String, Value>,
    octets: usize,
) -> Result<(), Issue> {
    within_octets(path, given, octets)?;
    if given.len() > PROPERTIES {
        return Err(Issue::new(
            path,
            "too_many",
            format!("At most {PROPERTIES} properties."),
        ));
    }
    given
        .iter()
        .try_for_each(|(name, value)| within_bounds(&format!("{path}.{name}"), value, 1))
}

fn within_octets(
    path: &'static str,
    given: &Map<String, Value>,
    octets: usize,
) -> Result<(), Issue> {
    let length = serde_json::to_string(given).map_or(usize::MAX, |text| text.len());
    if length > octets {
        return Err(Issue::new(
            path,
            "too_long",
            format!("At most {octets} octets of JSON."),
        ));
    }
    Ok(())
}

fn property(path: &str, name: &str, value: &Value, depth: usize) -> Result<(), Issue> {
    if name.is_empty() || name.contains(['.', '$']) || name.chars().any(char::is_control) {
        return Err(Issue::new(
            path.to_owned(),
            "format",
            "A name must not be empty or hold `.`, `$` or control characters.",
        ));
    }
    if name.chars().count() > NAME {
        return Err(Issue::new(
            path.to_owned(),
            "too_long",
            format!("A name has at most {NAME} characters."),
        ));
    }
    within_bounds(path, value, depth)
}

fn within_bounds(path: &str, value: &Value, depth: usize) -> Result<(), Issue> {
    if depth > DEPTH {
        return Err(Issue::new(
            path.to_owned(),
            "format",
            format!("Nested more than {DEPTH} deep."),
        ));
    }
    match value {
        Value::String(text) if text.chars().count() > TEXT => Err(Issue::new(
            path.to_owned(),
            "too_long",
            format!("At most {TEXT} characters."),
        )),
        Value::String(text) if text.contains('\0') => Err(Issue::new(
            path.to_owned(),
            "format",
            "NUL characters are not allowed.",
        )),
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| within_bounds(path, item, depth + 1)),
        Value::Object(members) => members
            .iter()
            .try_for_each(|(name, member)| property(path, name, member, depth + 1)),
        _ => Ok(()),
    }
}

/// A name that something is looked for by. PostgreSQL cannot even be asked for a NUL, so that a name with one becomes
/// the empty name, which nothing has.
pub fn storable(name: &str) -> &str {
    if name.contains('\0') { "" } else { name }
}

/// Text that a client sent about itself (its `User-Agent`), made fit to be kept and shown: visible characters only,
/// at most 300.
pub fn client_text(given: &str) -> Option<String> {
    let text: String = given
        .chars()
        .filter(|c| !c.is_control())
        .take(300)
        .collect();
    if text.is_empty() { None } else { Some(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule_for(value: Value) -> Option<&'static str> {
        metadata("metadata", value.as_object().unwrap())
            .err()
            .map(|issue| issue.rule)
    }

    #[test]
    fn metadata_keeps_its_bounds() {
        let many: Map<_, _> = (0..11).map(|i| (i.to_string(), json!(1))).collect();
        assert_eq!(rule_for(Value::Object(many)), Some("too_many"));
        assert_eq!(
            rule_for(json!({ "plan": "x".repeat(501) })),
            Some("too_long")
        );
        assert_eq!(rule_for(json!({ "a.b": 1 })), Some("format"));
        assert_eq!(rule_for(json!({ "$set": 1 })), Some("format"));
        assert_eq!(rule_for(json!({ "a": "nul\0" })), Some("format"));
        assert_eq!(
            rule_for(json!({ "a": { "b": { "c": { "d": { "e": 1 } } } } })),
            Some("format")
        );
        assert_eq!(
            rule_for(json!({ "a": vec!["x".repeat(500); 40] })),
            Some("too_long")
        );
        assert_eq!(
            rule_for(
                json!({ "plan": "pro", "seats": 3, "tags": ["a"], "more": { "deep": [true] } })
            ),
            None
        );
    }

    #[test]
    fn telephone_numbers_are_international() {
        assert!(phone_number("phoneNumber", Some("+4930123456")).is_ok());
        for nonsense in [
            "030123456",
            "+49 30 123",
            "+0123456789",
            "+1234567890123456",
            "+",
        ] {
            assert!(
                phone_number("phoneNumber", Some(nonsense)).is_err(),
                "{nonsense}"
            );
        }
    }
}
