//! The letters: what is to be said, and which template says it. Each has one of text, whose first line is the subject,
//! and one of HTML below `templates/mail`; their wording is in `locales`.
//!
//! Before an address is verified, nothing that the asking client wrote stands in a mail to it: no name, no user agent.
//! The one exception are template options, which an operator lists and puts into templates of their own.

use chrono::{DateTime, Utc};

use crate::secret::Secret;
use crate::text::{Serde, TextError, Texts, Value, context};

/// What a caller passes to the templates, as `options.<name>`; ours use none.
pub type Options = serde_json::Map<String, serde_json::Value>;

/// In place of what must not be shown.
const HIDDEN: &str = "[redacted]";

/// What a mail proves with: a link and a code, each redeemable once.
#[derive(Clone, Debug)]
pub struct Proof {
    /// With the ticket in its query.
    pub link: String,
    pub ticket: Secret,
    /// Six digits, or ten characters; none where only the link counts.
    pub code: Option<Secret>,
}

impl Proof {
    /// The text without ticket and code, wherever it holds them, and without whatever follows the beginning of a ticket.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        let ticket = self.ticket.expose();
        let beginning = ticket.get(..8).unwrap_or(ticket);
        let mut text = text.replace(ticket, HIDDEN);
        if let Some(at) = text.find(beginning) {
            text.truncate(at);
            text.push_str(HIDDEN);
        }
        match &self.code {
            Some(code) => text.replace(code.expose(), HIDDEN),
            None => text,
        }
    }
}

/// When and from where a mail was asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: DateTime<Utc>,
    pub from: Option<String>,
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
    /// Choose a new password.
    ResetPassword(Proof, Asked),
    /// An account was made for the reader, who chooses its password.
    Invitation(Proof, Asked),
    /// A new password was chosen so.
    PasswordReset(Asked),
    /// Confirm the new address of an account; to that address.
    ChangeEmail(Proof, Asked),
    /// Someone asked for an address that is an account's already; to its owner.
    ChangeEmailTaken(Asked),
    /// The address was changed; to the old one.
    EmailChanged {
        new_email: String,
        /// Takes the change back; there is no code.
        undo: Proof,
        asked: Asked,
    },
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

impl Letter {
    /// Puts the letter into the language of `locale`, or into English where that is not written.
    ///
    /// # Errors
    /// When a template fails, which one that was tried at the start does only over options.
    pub fn render(
        &self,
        texts: &Texts,
        locale: &str,
        options: &Options,
    ) -> Result<Content, TextError> {
        let (name, purpose) = self.template();
        let context = self.context(options);
        let text = texts.render(&format!("mail/{name}.txt"), locale, &context)?;
        let html = texts.render(&format!("mail/{name}.html"), locale, &context)?;
        let (subject, text) = text.split_once('\n').unwrap_or((&text, ""));
        Ok(Content {
            subject: subject.trim().to_owned(),
            text: text.trim_start().to_owned(),
            html,
            purpose,
            proof: self.proof().cloned(),
        })
    }

    /// The template's name, and the purpose.
    fn template(&self) -> (&'static str, &'static str) {
        match self {
            Self::SignUp(..) => ("sign_up", "EMAIL_VERIFICATION"),
            Self::SignUpTaken(_) => ("sign_up_taken", "ACCOUNT_EXISTS"),
            Self::VerifyEmail(..) => ("verify_email", "EMAIL_VERIFICATION"),
            Self::ChangePassword(_) => ("change_password", "PASSWORD_CHANGED"),
            Self::ResetPassword(..) => ("reset_password", "PASSWORD_RESET"),
            Self::Invitation(..) => ("invitation", "INVITATION"),
            Self::PasswordReset(_) => ("password_reset", "PASSWORD_WAS_RESET"),
            Self::ChangeEmail(..) => ("change_email", "EMAIL_CHANGE"),
            Self::ChangeEmailTaken(_) => ("change_email_taken", "EMAIL_CHANGE_TAKEN"),
            Self::EmailChanged { .. } => ("email_changed", "EMAIL_CHANGED"),
        }
    }

    fn proof(&self) -> Option<&Proof> {
        match self {
            Self::SignUp(proof, _)
            | Self::VerifyEmail(proof, _)
            | Self::ResetPassword(proof, _)
            | Self::Invitation(proof, _)
            | Self::ChangeEmail(proof, _)
            | Self::EmailChanged { undo: proof, .. } => Some(proof),
            _ => None,
        }
    }

    /// Its sample in `text/sample.rs` has the same names.
    fn context(&self, options: &Options) -> Value {
        let options = Value::from(Serde(options));
        match self {
            Self::SignUp(proof, asked)
            | Self::VerifyEmail(proof, asked)
            | Self::ResetPassword(proof, asked)
            | Self::Invitation(proof, asked)
            | Self::ChangeEmail(proof, asked) => {
                let proof = context! { link => &proof.link, code => proof.code.as_ref().map(Secret::expose) };
                context! { proof, asked => asked.context(), options }
            }
            Self::SignUpTaken(asked)
            | Self::ChangePassword(asked)
            | Self::PasswordReset(asked)
            | Self::ChangeEmailTaken(asked) => context! { asked => asked.context(), options },
            Self::EmailChanged {
                new_email,
                undo,
                asked,
            } => context! { new_email, undo_link => &undo.link, asked => asked.context(), options },
        }
    }
}

impl Asked {
    fn context(&self) -> Value {
        context! {
            // The same in every language, and unambiguous in all of them.
            at => self.at.format("%Y-%m-%d %H:%M UTC").to_string(),
            // The messages know `unknown` and say it in their own words.
            from => self.from.as_deref().unwrap_or("unknown"),
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
            code: Some(Secret::new("012345")),
        }
    }

    fn with_proof() -> [Letter; 4] {
        [
            Letter::SignUp(proof(), asked()),
            Letter::VerifyEmail(proof(), asked()),
            Letter::ResetPassword(proof(), asked()),
            Letter::ChangeEmail(proof(), asked()),
        ]
    }

    fn without_proof() -> [Letter; 5] {
        [
            Letter::SignUpTaken(asked()),
            Letter::ChangePassword(asked()),
            Letter::PasswordReset(asked()),
            Letter::ChangeEmailTaken(asked()),
            Letter::EmailChanged {
                new_email: "new@example.org".into(),
                undo: Proof {
                    link: "https://id.example.org/undo?ticket=xyz".into(),
                    ticket: Secret::new("xyz"),
                    code: None,
                },
                asked: asked(),
            },
        ]
    }

    fn render(letter: &Letter, locale: &str) -> Content {
        let texts = Texts::load(None).unwrap();
        letter.render(&texts, locale, &Options::new()).unwrap()
    }

    #[test]
    fn link_and_code_each_stand_alone_on_a_line_of_the_text() {
        for letter in with_proof() {
            for locale in ["en", "de", "fr", "es"] {
                let content = render(&letter, locale);
                for alone in [proof().link.as_str(), "012345"] {
                    let found = content.text.lines().any(|line| line == alone);
                    assert!(found, "{alone}: {}", content.text);
                }
                assert!(content.html.contains("012345"), "{}", content.html);
                let link = proof().link.replace('&', "&amp;");
                assert!(content.html.contains(&link), "{}", content.html);
            }
        }
        let [.., undo] = without_proof();
        let content = render(&undo, "en");
        let link = "https://id.example.org/undo?ticket=xyz";
        assert!(content.text.lines().any(|line| line == link));
        assert!(content.text.contains("new@example.org"));
    }

    #[test]
    fn every_letter_has_a_subject_says_when_and_from_where_and_falls_back_to_english() {
        for letter in with_proof().iter().chain(&without_proof()) {
            let content = render(letter, "tlh-Latn");
            assert_eq!(content.subject, render(letter, "en").subject);
            assert!(!content.subject.is_empty() && !content.subject.contains('\n'));
            for part in [&content.text, &content.html] {
                let told = part.contains("2026-11-18 ") && part.contains("192.0.2.7");
                assert!(told, "{part}");
            }
            assert!(content.html.contains(r#"<html lang="en" dir="ltr">"#));
        }
    }

    #[test]
    fn every_letter_is_its_own_in_every_language() {
        for letter in with_proof().iter().chain(&without_proof()) {
            let mut subjects = ["en", "de-CH", "fr-CA", "es-419"]
                .map(|locale| render(letter, locale).subject)
                .to_vec();
            subjects.sort();
            subjects.dedup();
            assert_eq!(subjects.len(), 4, "{subjects:?}");
        }
    }

    #[test]
    fn an_unknown_place_is_said_in_words() {
        let letter = Letter::ChangePassword(Asked {
            from: None,
            ..asked()
        });
        let text = render(&letter, "de").text;
        assert!(text.contains("einer unbekannten Netzadresse"), "{text}");
    }

    #[test]
    fn a_reason_holds_no_ticket_and_no_code_however_much_of_them_was_quoted() {
        let proof = Proof {
            link: String::new(),
            ticket: Secret::new("AbCdEfGhIjKlMnOp"),
            code: Some(Secret::new("012345")),
        };
        for (text, hidden) in [
            ("no such user", "no such user"),
            (
                "see ?ticket=AbCdEfGhIjKlMnOp, 012345!",
                "see ?ticket=[redacted], [redacted]!",
            ),
            ("see ?ticket=AbCdEfGhIjK=\nlMnOp", "see ?ticket=[redacted]"),
        ] {
            assert_eq!(proof.hidden_in(text), hidden);
        }
    }
}
