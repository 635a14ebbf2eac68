//! The list of common passwords: a hundred thousand that leaks brought to light, packed by `build.rs`.

use std::sync::LazyLock;

use fst::Set;

static LIST: LazyLock<Set<&[u8]>> = LazyLock::new(|| {
    let packed: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/common-passwords.fst"));
    Set::new(packed).expect("a set that the build packed")
});

/// Whether exactly this text stands on the list (NIST SP 800-63B-4, section 3.1.1.2: compare with commonly used values).
pub fn is_listed(text: &str) -> bool {
    LIST.contains(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole() {
        assert!(LIST.len() > 99_000, "{}", LIST.len());
        for text in ["password", "123456", "!QAZ2wsx", "letmein", "zzzzzz"] {
            assert!(is_listed(text), "{text}");
        }
        for text in ["", "password of nobody", "the first of my horses", "\u{df}"] {
            assert!(!is_listed(text), "{text}");
        }
    }
}
