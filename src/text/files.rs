//! The files that texts are made of: those inside the program, and those of the operator's folder, which replace them.

use std::collections::BTreeMap;
use std::path::Path;

use unic_langid::LanguageIdentifier;

use super::TextError;

macro_rules! embedded {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../", $folder, "/", $name)))),+]
    };
}

/// Every template; a further one is a further line here and its sample in `sample.rs`.
const TEMPLATES: &[(&str, &str)] = embedded!("templates":
    "mail/layout.html",
    "mail/part.html",
    "mail/change_email.html",
    "mail/change_email.txt",
    "mail/change_email_taken.html",
    "mail/change_email_taken.txt",
    "mail/change_password.html",
    "mail/change_password.txt",
    "mail/email_changed.html",
    "mail/email_changed.txt",
    "mail/invitation.html",
    "mail/invitation.txt",
    "mail/password_reset.html",
    "mail/password_reset.txt",
    "mail/reset_password.html",
    "mail/reset_password.txt",
    "mail/sign_up.html",
    "mail/sign_up.txt",
    "mail/sign_up_taken.html",
    "mail/sign_up_taken.txt",
    "mail/verify_email.html",
    "mail/verify_email.txt",
    "page/layout.html",
    "page/part.html",
    "page/confirm_email.html",
    "page/inbox.html",
    "page/invitation.html",
    "page/reset.html",
    "page/undo_email_change.html",
    "page/verify.html",
);

/// Every language; a further one is a further line here.
const LANGUAGES: &[(&str, &str)] = embedded!("locales": "en.ftl", "de.ftl", "fr.ftl", "es.ftl");

/// A text with the name by which an error tells of it.
#[derive(Debug)]
pub(super) struct File {
    pub name: String,
    pub text: String,
}

#[derive(Debug)]
pub(super) struct Files {
    pub templates: BTreeMap<String, File>,
    /// By language tag; a later file's messages replace those of an earlier one.
    pub messages: BTreeMap<String, Vec<File>>,
}

impl Files {
    pub fn embedded() -> Self {
        let file = |&(name, text): &(&str, &str)| File {
            name: name.to_owned(),
            text: text.to_owned(),
        };
        Self {
            templates: TEMPLATES
                .iter()
                .map(|entry| (entry.0.to_owned(), file(entry)))
                .collect(),
            messages: LANGUAGES
                .iter()
                .map(|entry| {
                    let tag = entry.0.trim_end_matches(".ftl").to_owned();
                    (tag, vec![file(entry)])
                })
                .collect(),
        }
    }

    /// Lays the operator's folder over them. Hidden entries are passed over: mounted volumes and editors leave such.
    pub fn overlay(&mut self, folder: &Path) -> Result<(), TextError> {
        for (name, is_folder) in entries(folder)? {
            if !is_folder {
                self.replace(folder, &name)?;
                continue;
            }
            for (inner, is_folder) in entries(&folder.join(&name))? {
                let name = format!("{name}/{inner}");
                if is_folder {
                    return Err(self.unknown(name));
                }
                self.replace(folder, &name)?;
            }
        }
        Ok(())
    }

    fn replace(&mut self, folder: &Path, name: &str) -> Result<(), TextError> {
        let read = || read(&folder.join(name), name);
        if let Some(tag) = name.strip_suffix(".ftl").filter(|tag| is_tag(tag)) {
            self.messages
                .entry(tag.to_owned())
                .or_default()
                .push(read()?);
        } else if let Some(file) = self.templates.get_mut(name) {
            *file = read()?;
        } else {
            return Err(self.unknown(name.to_owned()));
        }
        Ok(())
    }

    fn unknown(&self, name: String) -> TextError {
        let known: Vec<_> = self.templates.keys().map(String::as_str).collect();
        TextError::UnknownFile {
            name,
            known: known.join(", "),
        }
    }
}

/// A language tag in its canonical case, so that one language has one file.
fn is_tag(text: &str) -> bool {
    text.parse::<LanguageIdentifier>()
        .is_ok_and(|language| language == text)
}

/// Names, sorted, with whether each is a folder.
fn entries(folder: &Path) -> Result<Vec<(String, bool)>, TextError> {
    let unreadable = |cause| TextError::Unreadable {
        path: folder.to_owned(),
        cause,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        // Of what a link points to: mounted volumes consist of links.
        let metadata = std::fs::metadata(entry.path()).map_err(unreadable)?;
        found.push((name, metadata.is_dir()));
    }
    found.sort_unstable();
    Ok(found)
}

fn read(path: &Path, name: &str) -> Result<File, TextError> {
    let text = std::fs::read_to_string(path).map_err(|cause| TextError::Unreadable {
        path: path.to_owned(),
        cause,
    })?;
    Ok(File {
        name: name.to_owned(),
        text,
    })
}
