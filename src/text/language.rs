//! One language: its messages, and the templates bound to them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value};
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior};
use unic_langid::{CharacterDirection, LanguageIdentifier};

use super::TextError;
use super::files::{File, Files};

pub(super) struct Language {
    pub environment: Environment<'static>,
    messages: Arc<Messages>,
}

/// The Fluent messages of a language, and the file and line where each stands.
struct Messages {
    bundle: FluentBundle<FluentResource>,
    places: BTreeMap<String, (String, usize)>,
}

/// The templates, bound to no language yet. Clones share them: compiled anew for each language, they were nearly half of
/// an idle house's heap.
///
/// # Errors
/// When one is not Jinja.
pub(super) fn templates(files: &Files) -> Result<Environment<'static>, TextError> {
    let mut environment = Environment::new();
    let broken = |name: &str, error| TextError::of_template(name, None, &error);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .map_err(|error| broken("the syntax", error))?;
    environment.set_syntax(syntax);
    environment.set_formatter(write);
    for (name, file) in &files.templates {
        environment
            .add_template_owned(name.clone(), file.text.clone())
            .map_err(|error| broken(name, error))?;
    }
    Ok(environment)
}

impl Language {
    /// # Errors
    /// When a file is not Fluent.
    pub fn read(
        tag: &str,
        files: &Files,
        mut environment: Environment<'static>,
    ) -> Result<Self, TextError> {
        let identifier: LanguageIdentifier = tag.parse().unwrap_or_default();
        let own = files.messages.get(tag).map_or(&[][..], Vec::as_slice);
        let messages = Arc::new(Messages::read(&identifier, own)?);
        environment.add_global("lang", tag);
        environment.add_global("dir", direction(&identifier));
        let bound = Arc::clone(&messages);
        environment.add_function("t", move |id: &str, values: Kwargs| {
            bound.translate(id, &values)
        });
        Ok(Self {
            environment,
            messages,
        })
    }

    /// What is wrong is told as text, for the caller to place.
    pub fn message(&self, id: &str, values: &[(&str, Value)]) -> Result<String, String> {
        self.messages.format(
            id,
            values.iter().map(|(name, value)| (*name, value.clone())),
        )
    }

    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.messages.places.keys().map(String::as_str)
    }

    /// The file and line of a message; the start of the language's own file where there is none.
    pub fn place(&self, id: &str, tag: &str) -> (String, usize) {
        let place = self.messages.places.get(id).cloned();
        place.unwrap_or_else(|| (format!("{tag}.ftl"), 1))
    }
}

impl Messages {
    fn read(identifier: &LanguageIdentifier, files: &[File]) -> Result<Self, TextError> {
        let mut bundle = FluentBundle::new_concurrent(vec![identifier.clone()]);
        // The marks would stand in addresses and codes, which readers copy.
        bundle.set_use_isolating(false);
        let mut places = BTreeMap::new();
        for file in files {
            let resource = FluentResource::try_new(file.text.clone()).map_err(|(_, errors)| {
                let error = errors.first();
                TextError::Broken {
                    file: file.name.clone(),
                    line: error.map_or(1, |error| line_at(&file.text, error.pos.start)),
                    problem: error.map_or_else(String::new, ToString::to_string),
                }
            })?;
            for (number, line) in file.text.lines().enumerate() {
                if let Some(id) = message_id(line) {
                    places.insert(id.to_owned(), (file.name.clone(), number + 1));
                }
            }
            bundle.add_resource_overriding(resource);
        }
        Ok(Self { bundle, places })
    }

    fn translate(&self, id: &str, values: &Kwargs) -> Result<String, minijinja::Error> {
        let mut given = Vec::new();
        for name in values.args() {
            given.push((name, values.peek::<Value>(name)?));
        }
        self.format(id, given.into_iter())
            .map_err(|problem| minijinja::Error::new(ErrorKind::InvalidOperation, problem))
    }

    fn format<'a>(
        &self,
        id: &str,
        values: impl Iterator<Item = (&'a str, Value)>,
    ) -> Result<String, String> {
        let pattern = self
            .bundle
            .get_message(id)
            .and_then(|message| message.value())
            .ok_or_else(|| format!("the message `{id}` is missing"))?;
        let mut arguments = FluentArgs::new();
        for (name, value) in values {
            arguments.set(name, argument(&value));
        }
        let mut errors = Vec::new();
        let text = self
            .bundle
            .format_pattern(pattern, Some(&arguments), &mut errors);
        match errors.first() {
            None => Ok(text.into_owned()),
            Some(error) => Err(format!("the message `{id}`: {error}")),
        }
    }
}

/// Numbers stay numbers, for plural forms; everything else is text.
fn argument(value: &Value) -> FluentValue<'static> {
    match i64::try_from(value.clone()) {
        Ok(number) if value.is_number() => FluentValue::from(number),
        _ => FluentValue::from(value.to_string()),
    }
}

/// Escapes as HTML asks for, and no slashes: programs that look for links in a mail's source had better find them.
fn write(out: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    if value.is_safe() || !matches!(state.auto_escape(), AutoEscape::Html) {
        return minijinja::escape_formatter(out, state, value);
    }
    for letter in value.to_string().chars() {
        match letter {
            '&' => out.write_str("&amp;"),
            '<' => out.write_str("&lt;"),
            '>' => out.write_str("&gt;"),
            '"' => out.write_str("&quot;"),
            '\'' => out.write_str("&#39;"),
            letter => out.write_char(letter),
        }?;
    }
    Ok(())
}

/// `id = …` at the start of a line begins a message.
pub(super) fn message_id(line: &str) -> Option<&str> {
    let (id, _) = line.split_once('=')?;
    let id = id.trim_end();
    let first = id.bytes().next()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (first.is_ascii_alphabetic() && id.bytes().all(fits)).then_some(id)
}

fn line_at(text: &str, position: usize) -> usize {
    let before = text.get(..position).unwrap_or_default();
    before.matches('\n').count() + 1
}

fn direction(identifier: &LanguageIdentifier) -> &'static str {
    match identifier.character_direction() {
        CharacterDirection::RTL => "rtl",
        CharacterDirection::LTR | CharacterDirection::TTB => "ltr",
    }
}
