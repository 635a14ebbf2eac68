//! A language tag after BCP 47, e.g. `en` or `pt-BR`.

use unic_langid::LanguageIdentifier;

use crate::error::Issue;

/// A well-formed language tag in its canonical case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locale(String);

impl Locale {
    /// # Errors
    /// `format` for anything that is no language tag, or longer than 35 characters (RFC 5646 section 4.4.1).
    pub fn parse(path: &'static str, given: &str) -> Result<Self, Issue> {
        let invalid = || {
            Issue::new(
                path,
                "format",
                "This is not a language tag (BCP 47), such as `en` or `pt-BR`.",
            )
        };
        if given.len() > 35 || !given.is_ascii() {
            return Err(invalid());
        }
        let language: LanguageIdentifier = given.parse().map_err(|_| invalid())?;
        // The parser takes `zh-Hanth-Hant` and writes it so that it reads it as something else.
        let canonical = language.to_string();
        if canonical.parse() == Ok(language) {
            Ok(Self(canonical))
        } else {
            Err(invalid())
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The acceptable languages of an `Accept-Language` header (RFC 9110 section 12.5.4) in their order, without the ninth and
    /// those after it. Weights are ignored: browsers list the most wanted one first.
    pub fn all_of_header(header: &str) -> impl Iterator<Item = Self> {
        header.split(',').take(8).filter_map(|item| {
            let tag = item.split(';').next().unwrap_or_default().trim();
            if tag == "*" {
                None
            } else {
                Self::parse("locale", tag).ok()
            }
        })
    }
}

impl Default for Locale {
    fn default() -> Self {
        Self("en".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Locale;

    #[test]
    fn tags_are_brought_into_their_canonical_case_and_nonsense_is_refused() {
        assert_eq!(
            Locale::parse("locale", "PT-br")
                .map(|l| l.0)
                .ok()
                .as_deref(),
            Some("pt-BR")
        );
        for nonsense in [
            "",
            "e",
            "en_",
            "<b>",
            "../../etc",
            "en-US-x-verylongprivateusesubtag-here-and-more",
        ] {
            assert!(Locale::parse("locale", nonsense).is_err(), "{nonsense:?}");
        }
    }

    #[test]
    fn a_header_gives_its_languages_in_their_order() {
        let all = |header| Locale::all_of_header(header).map(|locale| locale.0);
        assert!(all("de-CH, en;q=0.8").eq(["de-CH", "en"]));
        assert!(all("it, *;q=0.1, fr").eq(["it", "fr"]));
        assert_eq!(all("*").count(), 0);
    }
}
