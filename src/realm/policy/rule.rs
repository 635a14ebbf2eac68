//! The rules of a password policy: pure, so that one tree serves sign-up, change, reset, the check and the pages.

use entity::connection;
use unicode_normalization::UnicodeNormalization;

use super::common::is_listed;
use super::{MAX_LENGTH, PasswordStrength};
use crate::secret::Secret;

/// Shorter parts of personal data are found in too many good passwords.
const PERSONAL_PART: usize = 4;
/// `EXCELLENT` lets a character stand twice in a row, not three times.
const REPEATS: usize = 2;

/// A rule with its bound. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Unicode code points.
    MinLength(usize),
    /// Unicode code points.
    MaxLength(usize),
    /// Lower case, upper case and a digit.
    LowerUpperDigit,
    /// Three of the four classes.
    ThreeClasses,
    Repeats,
    Common,
    PersonalData,
    Breached,
    /// Not one of the last so many.
    History(i32),
}

/// A rule, and whether the password meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    pub rule: Rule,
    pub met: bool,
}

/// What is known of who chooses the password.
#[derive(Clone, Debug, Default)]
pub struct Personal {
    /// Names, username, the local part of the address: their words must not stand in the password.
    pub texts: Vec<String>,
}

impl Rule {
    /// One of each name, with the bounds that say the least.
    pub const ALL: [Self; 8] = [
        Self::MinLength(8),
        Self::MaxLength(MAX_LENGTH),
        Self::ThreeClasses,
        Self::Repeats,
        Self::Common,
        Self::PersonalData,
        Self::Breached,
        Self::History(1),
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::MinLength(_) => "min_length",
            Self::MaxLength(_) => "max_length",
            Self::LowerUpperDigit | Self::ThreeClasses => "character_classes",
            Self::Repeats => "repeats",
            Self::Common => "common",
            Self::PersonalData => "personal_data",
            Self::Breached => "breached",
            Self::History(_) => "history",
        }
    }
}

impl Personal {
    /// Adds a text, if there is one.
    #[must_use]
    pub fn with(mut self, text: Option<&str>) -> Self {
        self.texts.extend(text.map(folded));
        self
    }

    /// Adds the names that are kept in metadata.
    #[must_use]
    pub fn with_metadata(self, metadata: &serde_json::Value) -> Self {
        let names = [
            "name",
            "first",
            "last",
            "firstName",
            "lastName",
            "first_name",
            "last_name",
            "nickname",
        ];
        names.iter().fold(self, |personal, name| {
            personal.with(metadata[name].as_str())
        })
    }

    /// Every word of four letters and more, and every whole text.
    fn stands_in(&self, password: &str) -> bool {
        let is_part = |word: &str| word.chars().count() >= PERSONAL_PART && password.contains(word);
        self.texts.iter().any(|text| {
            password == text
                || is_part(text)
                || text.split(|c: char| !c.is_alphanumeric()).any(is_part)
        })
    }
}

/// Judges a password by every rule of the connection that needs nothing but the password: one entry a rule.
pub fn judge(
    connection: &connection::Model,
    password: &Secret,
    personal: &Personal,
) -> Vec<Judged> {
    // One more than is allowed tells that it is too long; the rest is not looked at.
    let text: String = password.expose().nfc().take(MAX_LENGTH + 1).collect();
    let length = text.chars().count();
    let least = usize::try_from(connection.password_min_length).unwrap_or_default();
    let mut judged = vec![
        Judged {
            rule: Rule::MinLength(least),
            met: length >= least,
        },
        Judged {
            rule: Rule::MaxLength(MAX_LENGTH),
            met: length <= MAX_LENGTH,
        },
    ];
    let strength = PasswordStrength::of(connection);
    match strength {
        PasswordStrength::None | PasswordStrength::Low => {}
        PasswordStrength::Fair => {
            judged.push(Judged {
                rule: Rule::LowerUpperDigit,
                met: classes(&text)[..3].iter().all(|has| *has),
            });
        }
        PasswordStrength::Good | PasswordStrength::Excellent => {
            let met = classes(&text).iter().filter(|has| **has).count() >= 3;
            judged.push(Judged {
                rule: Rule::ThreeClasses,
                met,
            });
        }
    }
    if strength == PasswordStrength::Excellent {
        judged.push(Judged {
            rule: Rule::Repeats,
            met: longest_run(&text) <= REPEATS,
        });
    }
    let folded = folded(&text);
    if connection.password_reject_common {
        judged.push(Judged {
            rule: Rule::Common,
            met: !is_common(connection, &text, &folded),
        });
    }
    if connection.password_reject_personal_data {
        judged.push(Judged {
            rule: Rule::PersonalData,
            met: !personal.stands_in(&folded),
        });
    }
    judged
}

/// What makes two texts the same here: neither case nor how an accent is written counts.
fn folded(text: &str) -> String {
    text.nfc().collect::<String>().to_lowercase()
}

/// Lower case, upper case, digits, others.
fn classes(text: &str) -> [bool; 4] {
    let mut found = [false; 4];
    for c in text.chars() {
        let class = if c.is_lowercase() {
            0
        } else if c.is_uppercase() {
            1
        } else if c.is_numeric() {
            2
        } else {
            3
        };
        found[class] = true;
    }
    found
}

fn longest_run(text: &str) -> usize {
    let (mut longest, mut run, mut before) = (0, 0, None);
    for c in text.chars() {
        run = if before == Some(c) { run + 1 } else { 1 };
        longest = longest.max(run);
        before = Some(c);
    }
    longest
}

/// On a list of a hundred thousand, or in the connection's own dictionary; case does not help.
fn is_common(connection: &connection::Model, text: &str, lower: &str) -> bool {
    is_listed(text)
        || is_listed(lower)
        || connection
            .password_dictionary
            .0
            .iter()
            .any(|word| folded(word) == lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_classes_are_counted_by_character() {
        assert_eq!(longest_run("aabbb\u{1f600}\u{1f600}"), 3);
        assert_eq!(longest_run(""), 0);
        assert_eq!(classes("aB3-"), [true; 4]);
        assert_eq!(classes("\u{e4}\u{c4}\u{664}"), [true, true, true, false]);
        assert_eq!(classes("\u{5bc6}\u{7801}"), [false, false, false, true]);
    }

    #[test]
    fn words_of_four_letters_and_more_are_personal() {
        let personal = Personal::default()
            .with(Some("Maria del-Carmen"))
            .with(Some("bo"))
            .with(None);
        assert!(personal.stands_in("xx-carmen-xx"));
        assert!(personal.stands_in("1maria1"));
        assert!(personal.stands_in("bo"));
        assert!(!personal.stands_in("delbo and more"));
    }

    fn connection(strength: PasswordStrength) -> connection::Model {
        let now = chrono::DateTime::default();
        connection::Model {
            id: uuid::Uuid::nil(),
            name: "default".into(),
            sign_up_enabled: true,
            email_verification_required: true,
            username_required: false,
            allowed_email_domains: entity::StringList::default(),
            blocked_email_domains: entity::StringList::default(),
            password_strength: strength.as_str().into(),
            password_min_length: strength.min_length(),
            password_history: 0,
            password_reject_common: true,
            password_reject_personal_data: true,
            password_dictionary: entity::StringList::of(["Vestibule"]),
            disabled_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    fn met(strength: PasswordStrength, password: &str, personal: &Personal) -> bool {
        judge(&connection(strength), &Secret::new(password), personal)
            .iter()
            .all(|judged| judged.met)
    }

    use PasswordStrength::{Excellent, Fair, Good, Low, None as Lax};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_stricter_level_accepts_nothing_that_a_laxer_one_refuses(password in "\\PC{0,24}") {
            let nobody = Personal::default();
            for (strict, lax) in [(Excellent, Good), (Good, Low), (Fair, Low), (Low, Lax)] {
                prop_assert!(!met(strict, &password, &nobody) || met(lax, &password, &nobody));
            }
        }

        #[test]
        fn only_the_length_in_code_points_decides_at_level_none(letter in any::<char>(), times in 0_usize..300) {
            let password: String = std::iter::repeat_n(letter, times).collect();
            let judged = judge(&connection(Lax), &Secret::new(password.clone()), &Personal::default());
            let length = password.nfc().count();
            prop_assert_eq!(judged[0].met, length >= 1);
            prop_assert_eq!(judged[1].met, length <= MAX_LENGTH);
        }

        #[test]
        fn composed_and_decomposed_passwords_are_judged_alike(password in "[a-zA-Z0-9äöüéñÅ ]{0,20}") {
            let nobody = Personal::default();
            let decomposed: String = password.nfd().collect();
            for level in [Lax, Low, Fair, Good, Excellent] {
                prop_assert_eq!(met(level, &password, &nobody), met(level, &decomposed, &nobody));
            }
        }

        #[test]
        fn a_word_of_personal_data_is_found_wherever_it_stands(
            before in "[0-9]{0,6}", word in "[a-z]{4,10}", after in "[0-9]{0,6}", upper in any::<bool>(),
        ) {
            let personal = Personal::default().with(Some(&format!("x {word}")));
            let shown = if upper { word.to_uppercase() } else { word };
            let password = format!("{before}{shown}{after}");
            prop_assert!(!met(Lax, &password, &personal));
        }

        #[test]
        fn the_dictionary_is_compared_without_regard_to_case(mask in any::<u16>()) {
            let flip = |(i, c): (usize, char)| if mask >> i & 1 == 1 { c.to_ascii_uppercase() } else { c };
            let word: String = "vestibule".chars().enumerate().map(flip).collect();
            prop_assert!(!met(Lax, &word, &Personal::default()));
        }
    }
}
