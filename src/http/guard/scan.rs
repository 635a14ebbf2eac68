//! Before the parser: one pass over the text, without recursion.

use super::Refusal;

/// Nested brackets of any kind.
const DEPTH: usize = 32;
/// Spreads of fragments, inline ones included.
const SPREADS: usize = 50;
/// Directives, in the whole document.
const DIRECTIVES: usize = 50;

/// Counts brackets, spreads and directives outside of strings and comments.
///
/// # Errors
/// When one of them exceeds its bound.
pub fn scan(document: &str) -> Result<(), Refusal> {
    let bytes = document.as_bytes();
    let (mut depth, mut spreads, mut directives) = (0_usize, 0_usize, 0_usize);
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let step = match rest[0] {
            b'"' => string_length(rest),
            b'#' => rest
                .iter()
                .position(|byte| matches!(byte, b'\n' | b'\r'))
                .unwrap_or(rest.len()),
            b'[' | b'{' | b'(' => {
                depth += 1;
                1
            }
            b']' | b'}' | b')' => {
                depth = depth.saturating_sub(1);
                1
            }
            b'.' if rest.starts_with(b"...") => {
                spreads += 1;
                3
            }
            b'@' => {
                directives += 1;
                1
            }
            _ => 1,
        };
        at += step;
        if depth > DEPTH {
            return Err(Refusal::TooComplex("The document is nested too deeply."));
        }
        if spreads > SPREADS {
            return Err(Refusal::TooComplex(
                "The document spreads too many fragments.",
            ));
        }
        if directives > DIRECTIVES {
            return Err(Refusal::TooComplex("The document has too many directives."));
        }
    }
    Ok(())
}

/// How far a string reaches that begins here; one that does not end reaches to the end of its line or of the document,
/// and the parser will say so.
fn string_length(text: &[u8]) -> usize {
    if text.starts_with(b"\"\"\"") {
        let mut at = 3;
        while at < text.len() {
            if text[at..].starts_with(b"\\\"\"\"") {
                at += 4;
            } else if text[at..].starts_with(b"\"\"\"") {
                return at + 3;
            } else {
                at += 1;
            }
        }
        return text.len();
    }
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            b'\n' | b'\r' => return at,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_outside_of_strings_and_comments_only() {
        let deep = "[".repeat(40);
        assert!(scan(&deep).is_err());
        assert!(scan(&format!("{{ a(x: \"{deep}\") }}")).is_ok());
        assert!(scan(&format!("{{ a(x: \"\"\"{deep}\\\"\"\"{deep}\"\"\") }}")).is_ok());
        assert!(scan(&format!("# {deep}\n{{ a }}")).is_ok());
        assert!(scan(&format!("{{ a(x: \"\\\"\") {deep}")).is_err());
        assert!(scan(&format!("{{ a(x: \"no end\n {deep}")).is_err());
        assert!(scan(&"{ a }".repeat(100)).is_ok());
    }

    #[test]
    fn spreads_and_directives_are_bounded() {
        assert!(scan(&"...F ".repeat(50)).is_ok());
        assert!(scan(&"...F ".repeat(51)).is_err());
        assert!(scan(&"@skip ".repeat(51)).is_err());
    }
}
