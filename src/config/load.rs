//! Reads the file and the environment into [`Settings`]: each source becomes `--name=value` words, and one parser with
//! one set of rules reads them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::ContextKind;
use clap::{Args, Command, FromArgMatches};

use super::{Config, ConfigError, Settings};

const FILE: &str = "vestibule.toml";
const PREFIX: &str = "VESTIBULE_";

/// Variables that are not settings: the settings file's own place, and what the build script reads.
const OTHERS: [&str; 2] = ["VESTIBULE_CONFIG", "VESTIBULE_GRAPHIQL"];

/// The environment, handed in so that a test can hold it.
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// Names of ours whose value is no UTF-8.
    unreadable: Vec<String>,
}

impl Environment {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the environment is read"
    )]
    pub fn of_process() -> Self {
        Self::of(std::env::vars_os())
    }

    /// Ours alone, without the line ends that a shell or an editor left behind a value, as in a file. What others put into
    /// the environment may be no text.
    pub fn of<Text: Into<OsString>>(variables: impl IntoIterator<Item = (Text, Text)>) -> Self {
        let mut environment = Self {
            variables: BTreeMap::new(),
            unreadable: Vec::new(),
        };
        for (name, value) in variables {
            let Ok(name) = name.into().into_string() else {
                continue;
            };
            if !name.starts_with(PREFIX) {
                continue;
            }
            match value.into().into_string() {
                Ok(value) => {
                    let value = without_line_ends(&value).to_owned();
                    environment.variables.insert(name, value);
                }
                // Not even for the message: it may be a secret.
                Err(_) => environment.unreadable.push(name),
            }
        }
        environment
    }

    fn get(&self, name: &str) -> Option<&String> {
        self.variables.get(name).filter(|value| !value.is_empty())
    }

    /// Names that look like ours and mean nothing; some platforms inject such, so that they are no error.
    pub fn unknown(&self) -> Vec<&str> {
        let known: Vec<String> = names().iter().map(|name| variable(name)).collect();
        self.variables
            .keys()
            .map(String::as_str)
            .filter(|name| !OTHERS.contains(name))
            .filter(|name| {
                !known
                    .iter()
                    .any(|known| known == name.strip_suffix("_FILE").unwrap_or(name))
            })
            .collect()
    }
}

/// Reads `vestibule.toml` (or the file that `VESTIBULE_CONFIG` names) and the environment.
///
/// # Errors
/// When a setting is unknown, unreadable, malformed or does not fit the others; named, without its value.
pub fn load(environment: &Environment) -> Result<Config, ConfigError> {
    if let Some(name) = environment.unreadable.first() {
        return Err(ConfigError::invalid(name, "is no UTF-8"));
    }
    let named = environment.get("VESTIBULE_CONFIG").map(PathBuf::from);
    let mut values = match (&named, Path::new(FILE)) {
        (Some(path), _) => read_file(path)?,
        (None, path) if path.exists() => read_file(path)?,
        (None, _) => BTreeMap::new(),
    };
    for name in names() {
        if let Some(value) = read_environment(environment, &name)? {
            values.insert(name, value);
        }
    }
    let bind_is_explicit = values.contains_key("bind");
    Config::check(parse(&values)?, bind_is_explicit)
}

fn read_environment(environment: &Environment, name: &str) -> Result<Option<String>, ConfigError> {
    let variable = variable(name);
    let file_variable = format!("{variable}_FILE");
    match (environment.get(&variable), environment.get(&file_variable)) {
        (Some(_), Some(_)) => Err(ConfigError::invalid(
            &variable,
            "is given twice, as value and as file",
        )),
        (Some(value), None) => Ok(Some(value.clone())),
        (None, Some(path)) => {
            let content =
                std::fs::read_to_string(path).map_err(|cause| ConfigError::Unreadable {
                    path: path.into(),
                    cause,
                })?;
            Ok(Some(without_line_ends(&content).to_owned()))
        }
        (None, None) => Ok(None),
    }
}

fn without_line_ends(text: &str) -> &str {
    text.trim_end_matches(['\r', '\n'])
}

fn read_file(path: &Path) -> Result<BTreeMap<String, String>, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|cause| ConfigError::Unreadable {
        path: path.into(),
        cause,
    })?;
    // The parser's own message quotes the line, which may hold a secret.
    let table: toml::Table =
        text.parse()
            .map_err(|error: toml::de::Error| ConfigError::NotToml {
                path: path.into(),
                line: error
                    .span()
                    .map_or(1, |span| text[..span.start].matches('\n').count() + 1),
            })?;
    let names = names();
    table
        .into_iter()
        .map(|(name, value)| {
            if !names.contains(&name) {
                return Err(ConfigError::Unknown(name));
            }
            let text = plain_text(&name, value)?;
            Ok((name, text))
        })
        .collect()
}

fn plain_text(name: &str, value: toml::Value) -> Result<String, ConfigError> {
    match value {
        toml::Value::String(text) => Ok(text),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Boolean(on) => Ok(if on { "on" } else { "off" }.to_owned()),
        toml::Value::Array(items) => {
            let items: Result<Vec<_>, _> = items
                .into_iter()
                .map(|item| plain_text(name, item))
                .collect();
            Ok(items?.join(","))
        }
        _ => Err(ConfigError::invalid(
            name,
            "is neither a text, a number, a switch nor a list",
        )),
    }
}

fn parse(values: &BTreeMap<String, String>) -> Result<Settings, ConfigError> {
    let words = values
        .iter()
        .map(|(name, value)| format!("--{}={value}", name.replace('_', "-")));
    let words = std::iter::once("vestibule".to_owned()).chain(words);
    let matches = command()
        .try_get_matches_from(words)
        .map_err(|error| refuse(&error))?;
    Settings::from_arg_matches(&matches).map_err(|error| refuse(&error))
}

/// The parser's message quotes the value; ours names the setting and the rule.
fn refuse(error: &clap::Error) -> ConfigError {
    use std::error::Error as _;
    let argument = error
        .get(ContextKind::InvalidArg)
        .map(ToString::to_string)
        .unwrap_or_default();
    let name = argument
        .trim_start_matches('-')
        .split([' ', '='])
        .next()
        .unwrap_or_default()
        .replace('-', "_");
    let one_of = error
        .get(ContextKind::ValidValue)
        .map(|values| format!("must be one of: {values}"));
    let problem = one_of.or_else(|| {
        error
            .source()
            .map(|_| "is malformed or out of its range".to_owned())
    });
    ConfigError::invalid(
        &variable(&name),
        problem.unwrap_or_else(|| "is not acceptable".to_owned()),
    )
}

/// The manual of the settings, as `vestibule --help` shows it.
pub fn manual() -> String {
    let mut text =
        format!("Settings, read from {FILE} and then from the environment, which wins:\n");
    for argument in command().get_arguments() {
        let name = argument.get_id().as_str();
        let help = argument
            .get_help()
            .map(|help| help.to_string())
            .unwrap_or_default();
        let default: Vec<_> = argument
            .get_default_values()
            .iter()
            .map(|value| value.to_string_lossy())
            .collect();
        let default = if default.is_empty() {
            String::new()
        } else {
            format!(" [default: {}]", default.join(","))
        };
        text.push_str(&format!(
            "\n  {}  ({name}){default}\n      {}\n",
            variable(name),
            help.replace('\n', "\n      ")
        ));
    }
    text.push_str("\nWith _FILE behind its name, a variable names a file that holds the value.\n");
    text
}

fn command() -> Command {
    Settings::augment_args(
        Command::new("vestibule")
            .disable_help_flag(true)
            .disable_version_flag(true),
    )
}

fn names() -> Vec<String> {
    command()
        .get_arguments()
        .map(|argument| argument.get_id().to_string())
        .collect()
}

fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_uppercase())
}
