//! What can be wrong with the texts. It names the file and the line, as an operator who wrote them needs it.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum TextError {
    #[error("{path} cannot be read: {cause}")]
    Unreadable {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error("{name} is the name of no text. The known ones are {known}, and LANGUAGE.ftl")]
    UnknownFile { name: String, known: String },
    #[error("{file}:{line}: {problem}")]
    Broken {
        file: String,
        line: usize,
        problem: String,
    },
}

impl TextError {
    /// The innermost place that the template engine knows: a layout's fault is reported in the layout. Without a language, where
    /// it is broken in all.
    pub(super) fn of_template(
        name: &str,
        language: Option<&str>,
        error: &minijinja::Error,
    ) -> Self {
        let mut innermost = error;
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            if let Some(cause) = cause.downcast_ref::<minijinja::Error>() {
                innermost = cause;
            }
            source = cause.source();
        }
        let what = innermost.detail().map_or_else(
            || innermost.kind().to_string(),
            |detail| format!("{}: {detail}", innermost.kind()),
        );
        Self::Broken {
            file: innermost.name().unwrap_or(name).to_owned(),
            line: innermost.line().unwrap_or(1),
            problem: match language {
                Some(language) => format!("{what} (in {name}, language {language})"),
                None => format!("{what} (in {name})"),
            },
        }
    }
}
