//! What people read: templates of mails and pages, and the messages of every language in them.
//!
//! Both are files inside the program: `templates/` (Jinja) holds the shape, `locales/` (Fluent) the wording. An
//! operator's folder replaces any of them. Everything is rendered once, in every language, before the house opens, so
//! that a broken text is found then and not in the first mail.
//!
//! In a template, `t("message-id", name=value)` is the message in the reader's language, `lang` and `dir` are that
//! language's tag and direction. What stands in a file `.html` is escaped. A variable that is not there is an error.

mod error;
mod files;
mod language;
mod sample;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub use error::TextError;
pub use minijinja::value::Serde;
pub use minijinja::{Value, context};

use files::Files;
use language::Language;

/// Serves where a reader's own language is missing.
pub const FALLBACK: &str = "en";

/// The messages that code asks for by [`Texts::message`], without a template: one for each rule of a password policy, and one of a page.
/// They are given `least`, `most` and `count` where that makes sense.
pub const RULE_MESSAGES: [&str; 10] = [
    "rule-min-length",
    "rule-max-length",
    "rule-character-classes",
    "rule-lower-upper-digit",
    "rule-repeats",
    "rule-common",
    "rule-personal-data",
    "rule-breached",
    "rule-history",
    "reset-not-same",
];

/// All texts in all languages. Cloning is cheap; the clones share them.
#[derive(Clone)]
pub struct Texts(Arc<BTreeMap<String, Language>>);

impl Texts {
    /// Reads the texts inside the program, and those of the folder over them: a template replaces the one of its name,
    /// a message the one of its id, and the file of a further language adds that language.
    ///
    /// # Errors
    /// When a file of the folder is unknown, unreadable or broken, with its name and line.
    pub fn load(overrides: Option<&Path>) -> Result<Self, TextError> {
        let mut files = Files::embedded();
        if let Some(folder) = overrides {
            files.overlay(folder)?;
        }
        let templates = language::templates(&files)?;
        let mut languages = BTreeMap::new();
        for tag in files.messages.keys() {
            let language = Language::read(tag, &files, templates.clone())?;
            languages.insert(tag.clone(), language);
        }
        let texts = Self(Arc::new(languages));
        sample::try_all(&texts, &files)?;
        Ok(texts)
    }

    /// The tags of the languages, in alphabetical order.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The language that serves `locale`, by lookup (RFC 4647 section 3.4): `de-CH` → `de`; none where it is unknown.
    pub fn lookup(&self, locale: &str) -> Option<&str> {
        let mut range = locale;
        loop {
            if let Some((tag, _)) = self.0.get_key_value(range) {
                return Some(tag);
            }
            (range, _) = range.rsplit_once('-')?;
        }
    }

    /// Renders a template for a reader of `locale`, in English where that is unknown.
    ///
    /// # Errors
    /// When the template does not exist or fails, which those that were tried at the start do with other variables
    /// only.
    pub fn render(
        &self,
        template: &str,
        locale: &str,
        context: &Value,
    ) -> Result<String, TextError> {
        let (tag, language) = self.language(locale);
        language
            .environment
            .get_template(template)
            .and_then(|template| template.render(context.clone()))
            .map_err(|error| TextError::of_template(template, Some(tag), &error))
    }

    /// A message for a reader of `locale`, in English where that is unknown; its id where it is missing, which
    /// [`Texts::load`] rules out for ours.
    pub fn message(&self, id: &str, locale: &str, values: &[(&str, Value)]) -> String {
        let (_, language) = self.language(locale);
        language
            .message(id, values)
            .unwrap_or_else(|_| id.to_owned())
    }

    fn language(&self, locale: &str) -> (&str, &Language) {
        let tag = self.lookup(locale).unwrap_or(FALLBACK);
        let Some((tag, language)) = self.0.get_key_value(tag) else {
            unreachable!("English is inside the program");
        };
        (tag, language)
    }
}

impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.languages()).finish()
    }
}
