//! The letters. Each is a template of text and one of HTML per language, compiled into the program; the first line of
//! the text is the subject. A further language is a further folder below `templates/mail` and one line in `LANGUAGES`.
//!
//! Before an address is verified, nothing that the asking client wrote stands in a mail to it: no name, no user agent.

use askama::Template;
use chrono::{DateTime, Utc};

use crate::secret::Secret;

/// What a mail proves with: a link and a code, each redeemable once.
#[derive(Clone, Debug)]
pub struct Proof {
    /// With the ticket in its query.
    pub link: String,
    pub ticket: Secret,
    pub code: Secret,
}

/// When and from where a mail was asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: DateTime<Utc>,
    pub from: Option<String>,
}

impl Asked {
    /// Where from, as a reader understands it.
    fn place(&self) -> &str {
        self.from.as_deref().unwrap_or("an unknown network address")
    }

    fn time(&self) -> String {
        self.at.format("%-d %B %Y, %H:%M UTC").to_string()
    }
}

/// What is to be said.
#[derive(Clone, Debug)]
pub enum Letter {
    /// Confirm a sign-up.
    SignUp(Proof, Asked),
    /// Someone signed up with the address of an existing account.
    SignUpTaken(Asked),
    /// Confirm the address of an existing account.
    VerifyEmail(Proof, Asked),
    /// The password was changed.
    ChangePassword(Asked),
}

/// A letter in the reader's language.
#[derive(Clone, Debug)]
pub struct Content {
    pub subject: String,
    pub text: String,
    pub html: String,
    /// What the development inbox calls it.
    pub purpose: &'static str,
    pub proof: Option<Proof>,
}

type Rendering = fn(&Letter) -> Result<(String, String), askama::Error>;

/// The languages that letters are written in; the first one serves where a reader's own is missing.
const LANGUAGES: [(&str, Rendering); 1] = [("en", Letter::render_english)];

/// The language tags of [`LANGUAGES`].
pub fn languages() -> impl Iterator<Item = &'static str> {
    LANGUAGES.iter().map(|(tag, _)| *tag)
}

macro_rules! with_proof {
    ($name:ident, $path:literal) => {
        #[derive(Template)]
        #[template(path = $path)]
        struct $name<'a> {
            proof: &'a Proof,
            asked: &'a Asked,
        }
    };
}

macro_rules! notice {
    ($name:ident, $path:literal) => {
        #[derive(Template)]
        #[template(path = $path)]
        struct $name<'a> {
            asked: &'a Asked,
        }
    };
}

with_proof!(SignUpText, "mail/en/sign_up.txt");
with_proof!(SignUpHtml, "mail/en/sign_up.html");
notice!(SignUpTakenText, "mail/en/sign_up_taken.txt");
notice!(SignUpTakenHtml, "mail/en/sign_up_taken.html");
with_proof!(VerifyEmailText, "mail/en/verify_email.txt");
with_proof!(VerifyEmailHtml, "mail/en/verify_email.html");
notice!(ChangePasswordText, "mail/en/change_password.txt");
notice!(ChangePasswordHtml, "mail/en/change_password.html");

impl Letter {
    /// Puts the letter into the language of `locale`, or into English where that is not written yet.
    ///
    /// # Errors
    /// When a template fails, which a compiled one does not.
    pub fn render(&self, locale: &str) -> Result<Content, askama::Error> {
        let language = locale.split('-').next().unwrap_or(locale);
        let (_, rendering) = LANGUAGES
            .iter()
            .find(|(tag, _)| *tag == language)
            .unwrap_or(&LANGUAGES[0]);
        let (text, html) = rendering(self)?;
        let (subject, text) = text.split_once('\n').unwrap_or((&text, ""));
        Ok(Content {
            subject: subject.trim().to_owned(),
            text: text.trim_start().to_owned(),
            html,
            purpose: self.purpose(),
            proof: self.proof().cloned(),
        })
    }

    fn render_english(&self) -> Result<(String, String), askama::Error> {
        Ok(match self {
            Self::SignUp(proof, asked) => (
                SignUpText { proof, asked }.render()?,
                SignUpHtml { proof, asked }.render()?,
            ),
            Self::SignUpTaken(asked) => (
                SignUpTakenText { asked }.render()?,
                SignUpTakenHtml { asked }.render()?,
            ),
            Self::VerifyEmail(proof, asked) => (
                VerifyEmailText { proof, asked }.render()?,
                VerifyEmailHtml { proof, asked }.render()?,
            ),
            Self::ChangePassword(asked) => (
                ChangePasswordText { asked }.render()?,
                ChangePasswordHtml { asked }.render()?,
            ),
        })
    }

    fn purpose(&self) -> &'static str {
        match self {
            Self::SignUp(..) | Self::VerifyEmail(..) => "EMAIL_VERIFICATION",
            Self::SignUpTaken(_) => "ACCOUNT_EXISTS",
            Self::ChangePassword(_) => "PASSWORD_CHANGED",
        }
    }

    fn proof(&self) -> Option<&Proof> {
        match self {
            Self::SignUp(proof, _) | Self::VerifyEmail(proof, _) => Some(proof),
            Self::SignUpTaken(_) | Self::ChangePassword(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Asked {
        Asked {
            at: DateTime::from_timestamp(1_795_000_000, 0).unwrap(),
            from: Some("192.0.2.7".into()),
        }
    }

    fn proof() -> Proof {
        Proof {
            link: "https://id.example.org/verify?ticket=abc&purpose=EMAIL_VERIFICATION".into(),
            ticket: Secret::new("abc"),
            code: Secret::new("012345"),
        }
    }

    #[test]
    fn link_and_code_each_stand_alone_on_a_line_of_the_text() {
        for letter in [
            Letter::SignUp(proof(), asked()),
            Letter::VerifyEmail(proof(), asked()),
        ] {
            let content = letter.render("en").unwrap();
            assert!(
                content.text.lines().any(|line| line == proof().link),
                "{}",
                content.text
            );
            assert!(
                content.text.lines().any(|line| line == "012345"),
                "{}",
                content.text
            );
            assert!(
                content.html.contains("ticket=abc&#38;purpose="),
                "{}",
                content.html
            );
        }
    }

    #[test]
    fn every_letter_has_a_subject_says_when_and_from_where_and_falls_back_to_english() {
        let letters = [
            Letter::SignUp(proof(), asked()),
            Letter::SignUpTaken(asked()),
            Letter::VerifyEmail(proof(), asked()),
            Letter::ChangePassword(asked()),
        ];
        for letter in letters {
            let content = letter.render("tlh-Latn").unwrap();
            assert!(!content.subject.is_empty() && !content.subject.contains('\n'));
            for part in [&content.text, &content.html] {
                assert!(
                    part.contains("18 November 2026") && part.contains("192.0.2.7"),
                    "{part}"
                );
            }
        }
    }
}
