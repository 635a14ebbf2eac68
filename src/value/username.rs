//! A name to sign in with, by Auth0's rules.

use crate::error::Issue;

/// A username: kept as given, compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// 1 to 128 of ASCII letters, digits and ``@ ^ $ . ! # - + ' ~ _ ` ``; never shaped like an e-mail address, so that a
    /// login is either one or the other.
    ///
    /// # Errors
    /// `required`, `too_long` or `format`, for the given path.
    pub fn parse(path: &'static str, given: &str) -> Result<Self, Issue> {
        if given.is_empty() {
            return Err(Issue::new(path, "required", "A username is required."));
        }
        if given.chars().count() > 128 {
            return Err(Issue::new(path, "too_long", "At most 128 characters."));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "@^$.!#-+'~_`".contains(c);
        if !given.chars().all(allowed) {
            return Err(Issue::new(
                path,
                "format",
                "Letters, digits and @ ^ $ . ! # - + ' ~ _ ` only.",
            ));
        }
        let like_an_address = given
            .rsplit_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'));
        if like_an_address {
            return Err(Issue::new(
                path,
                "format",
                "A username must not look like an e-mail address.",
            ));
        }
        Ok(Self(given.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What makes two usernames the same.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::Username;

    #[test]
    fn the_characters_of_auth0_and_nothing_like_an_address() {
        for good in ["a", "Ann.O'Hara-2", "x@y", "^$.!#-+'~_`", &"a".repeat(128)] {
            assert!(Username::parse("username", good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ann@example.org",
            "an n",
            "\u{e4}nn",
            "ann\0",
            "a/b",
            &"a".repeat(129),
        ] {
            assert!(Username::parse("username", bad).is_err(), "{bad}");
        }
        assert_eq!(Username::parse("username", "AnN").unwrap().key(), "ann");
    }
}
