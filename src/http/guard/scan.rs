//! Before the parser: one pass over the text, without recursion.

use super::Refusal;

/// Nested brackets of any kind.
const DEPTH: usize = 32;
/// Spreads of fragments, inline ones included.
const SPREADS: usize = 50;
/// Directives, in the whole document.
const DIRECTIVES: usize = 50;

/// What stands in a document, outside of strings and comments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    /// Brackets open at once.
    depth: usize,
    spreads: usize,
    directives: usize,
}

impl Count {
    fn check(self) -> Result<(), Refusal> {
        if self.depth > DEPTH {
            return Err(Refusal::TooComplex("The document is nested too deeply."));
        }
        if self.spreads > SPREADS {
            return Err(Refusal::TooComplex(
                "The document spreads too many fragments.",
            ));
        }
        if self.directives > DIRECTIVES {
            return Err(Refusal::TooComplex("The document has too many directives."));
        }
        Ok(())
    }
}

/// Counts brackets, spreads and directives outside of strings and comments.
///
/// # Errors
/// When one of them exceeds its bound.
pub fn scan(document: &str) -> Result<(), Refusal> {
    count(document).check()
}

fn count(document: &str) -> Count {
    let bytes = document.as_bytes();
    let (mut count, mut open) = (Count::default(), 0_usize);
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        at += match rest[0] {
            b'"' => string_length(rest),
            b'#' => rest
                .iter()
                .position(|byte| matches!(byte, b'\n' | b'\r'))
                .unwrap_or(rest.len()),
            b'[' | b'{' | b'(' => {
                open += 1;
                count.depth = count.depth.max(open);
                1
            }
            b']' | b'}' | b')' => {
                open = open.saturating_sub(1);
                1
            }
            b'.' if rest.starts_with(b"...") => {
                count.spreads += 1;
                3
            }
            b'@' => {
                count.directives += 1;
                1
            }
            _ => 1,
        };
    }
    count
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
    use async_graphql::parser::parse_query;
    use async_graphql::parser::types::{Selection, SelectionSet};
    use proptest::prelude::*;

    use super::*;

    /// Quotes, escapes, comments, and what counts outside of them alone.
    const PIECES: [&str; 16] = [
        "\"", "\"\"", "\"\"\"", "\\", "\\\"", "\\u0022", "#", "\n", "\r", ",", "{", "]", "(",
        "...F", "@d", "x",
    ];

    /// What the parser sees of the same document.
    fn seen(set: &SelectionSet, depth: usize) -> Count {
        let mut count = Count {
            depth,
            ..Count::default()
        };
        for selection in &set.items {
            let (directives, spread, inner) = match &selection.node {
                Selection::Field(field) => {
                    let set = &field.node.selection_set.node;
                    let inner = (!set.items.is_empty()).then_some(set);
                    (&field.node.directives, 0, inner)
                }
                Selection::FragmentSpread(spread) => (&spread.node.directives, 1, None),
                Selection::InlineFragment(inline) => {
                    let set = &inline.node.selection_set.node;
                    (&inline.node.directives, 1, Some(set))
                }
            };
            count.directives += directives.len();
            count.spreads += spread;
            if let Selection::Field(field) = &selection.node
                && !field.node.arguments.is_empty()
            {
                count.depth = count.depth.max(depth + 1);
            }
            if let Some(set) = inner {
                let inner = seen(set, depth + 1);
                count.depth = count.depth.max(inner.depth);
                count.spreads += inner.spreads;
                count.directives += inner.directives;
            }
        }
        count
    }

    fn text() -> impl Strategy<Value = String> {
        let pieces = prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..8);
        let quotes = prop::sample::select(vec!["\"", "\"\"\""]);
        (pieces, quotes).prop_map(|(pieces, quotes)| format!("{quotes}{}{quotes}", pieces.concat()))
    }

    fn comment() -> impl Strategy<Value = String> {
        let pieces = prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..6);
        (pieces, prop::sample::select(vec!["\n", "\r", "\r\n"]))
            .prop_map(|(pieces, end)| format!("#{}{end}", pieces.concat()))
    }

    fn selections() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            3 => text().prop_map(|text| format!("a(x: {text})")),
            1 => Just("b".to_owned()),
            1 => Just("...F @d".to_owned()),
            1 => Just("c @d @e".to_owned()),
            2 => comment(),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            let several = prop::collection::vec(inner, 1..4).prop_map(|all| all.join(" "));
            prop_oneof![
                several.clone(),
                several.clone().prop_map(|all| format!("g {{ d {all} }}")),
                several.prop_map(|all| format!("... on T @d {{ d {all} }}")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Where the two disagreed, a document could nest more deeply than was counted.
        #[test]
        fn what_the_parser_takes_was_counted_as_the_parser_reads_it(selections in selections()) {
            let document = format!("{{ d {selections} }}");
            if let Ok(parsed) = parse_query(&document) {
                let (_, operation) = parsed.operations.iter().next().expect("an operation");
                prop_assert_eq!(count(&document), seen(&operation.node.selection_set.node, 1), "{}", document);
            }
        }

        #[test]
        fn whatever_arrives_is_counted_to_its_end(document in "\\PC{0,200}", deep in 33..200_usize) {
            let brackets = "[".repeat(deep);
            prop_assert!(scan(&brackets).is_err());
            // What follows cannot hide what came before.
            let with_tail = format!("{brackets}{document}");
            prop_assert!(scan(&with_tail).is_err());
        }
    }

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
