//! What a rule asks, as the caller reads it.

use crate::app::App;
use crate::caller::Caller;
use crate::realm::policy::Rule;
use crate::text::{FALLBACK, Value};

/// The rule in the caller's language.
pub fn message(app: &App, caller: &Caller, rule: Rule) -> String {
    let (id, values) = match rule {
        Rule::MinLength(least) => ("rule-min-length", vec![("least", Value::from(least))]),
        Rule::MaxLength(most) => ("rule-max-length", vec![("most", Value::from(most))]),
        Rule::LowerUpperDigit => ("rule-lower-upper-digit", vec![]),
        Rule::ThreeClasses => ("rule-character-classes", vec![]),
        Rule::Repeats => ("rule-repeats", vec![]),
        Rule::Common => ("rule-common", vec![]),
        Rule::PersonalData => ("rule-personal-data", vec![]),
        Rule::Breached => ("rule-breached", vec![]),
        Rule::History(count) => ("rule-history", vec![("count", Value::from(count))]),
    };
    let locale = caller
        .locale
        .as_ref()
        .map_or(FALLBACK, |locale| locale.as_str());
    app.texts.message(id, locale, &values)
}
