//! From text to a document that may run. Programs send the same few texts over and over: those are read once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::ServerError;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::ExecutableDocument;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::{Document, Refusal, Uses, mark, measure, scan};

/// Octets of the longest text that is remembered.
const LONGEST: usize = 4 * 1024;
/// Octets of all of them, and of what was read of them, about.
const ROOM: u64 = 8 * 1024 * 1024;
/// What is read of a text takes so many times as much as the text.
const TIMES: usize = 32;
/// Octets of a list of fields, however short.
const BRACE: usize = 800;
/// Texts that are expected to fit.
const TEXTS: usize = 512;

/// Reads documents, and remembers what it read.
#[derive(Debug)]
pub struct Reader {
    read: Cache<Asked, Arc<Read>, Size>,
}

/// A document that is within its bounds.
#[derive(Debug)]
pub struct Read {
    pub executable: ExecutableDocument,
    /// Of the operation that was named, or the only one.
    pub document: Document,
    /// What the document does with its variables.
    pub uses: Uses,
    /// Objects are marked, for their answer to be unmarked.
    pub marked: bool,
    /// No operation of the document has variables: whether it is valid, the schema alone decides.
    pub is_without_variables: bool,
    is_known_valid: AtomicBool,
}

impl Read {
    /// Whether it has run without an error on the schema of the house.
    pub fn is_known_valid(&self) -> bool {
        self.is_known_valid.load(Ordering::Relaxed)
    }

    /// Once it has.
    pub fn know_valid(&self) {
        self.is_known_valid.store(true, Ordering::Relaxed);
    }
}

/// Why a text is no document that may run.
#[derive(Debug)]
pub enum Unfit {
    Refused(Refusal),
    Unreadable(ServerError),
}

/// A text, and the operation of it that is to run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asked {
    text: String,
    operation: Option<String>,
}

#[derive(Clone, Debug)]
struct Size;

impl Weighter<Asked, Arc<Read>> for Size {
    fn weight(&self, asked: &Asked, _: &Arc<Read>) -> u64 {
        let lists = asked.text.matches('{').count();
        (TIMES * asked.text.len() + BRACE * lists) as u64
    }
}

impl Reader {
    pub fn new() -> Self {
        Self {
            read: Cache::with_weighter(TEXTS, ROOM, Size),
        }
    }

    /// Scans, parses and measures.
    ///
    /// # Errors
    /// When the text is too deep, too costly, or no document.
    pub fn read(&self, text: &str, operation: Option<&str>) -> Result<Arc<Read>, Unfit> {
        let asked = Asked {
            text: text.to_owned(),
            operation: operation.map(str::to_owned),
        };
        if let Some(read) = self.read.get(&asked) {
            return Ok(read);
        }
        scan(text).map_err(Unfit::Refused)?;
        let mut executable = parse_query(text).map_err(|error| Unfit::Unreadable(error.into()))?;
        let document = measure(&executable, operation).map_err(Unfit::Refused)?;
        let read = Arc::new(Read {
            uses: Uses::of(&executable),
            is_without_variables: is_without_variables(&executable),
            is_known_valid: AtomicBool::new(false),
            marked: mark(&mut executable),
            executable,
            document,
        });
        if is_program_text(&asked) {
            self.read.insert(asked, Arc::clone(&read));
        }
        Ok(read)
    }
}

fn is_without_variables(document: &ExecutableDocument) -> bool {
    let mut operations = document.operations.iter();
    operations.all(|(_, operation)| operation.node.variable_definitions.is_empty())
}

/// Whether a program sends this text again and again. One with a string in it may be of a single use, and the string a
/// password, which is not to stay in memory.
fn is_program_text(asked: &Asked) -> bool {
    let octets = asked.text.len() + asked.operation.as_ref().map_or(0, String::len);
    octets <= LONGEST && !asked.text.contains('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_once_for_each_operation_of_it() {
        let reader = Reader::new();
        let text = "query A { me { id } } mutation B { signOut { __typename } }";
        let first = reader.read(text, Some("A")).unwrap();
        assert!(Arc::ptr_eq(&first, &reader.read(text, Some("A")).unwrap()));
        assert!(!first.document.writes);
        assert!(reader.read(text, Some("B")).unwrap().document.writes);
        assert_eq!(reader.read.len(), 2);
    }

    #[test]
    fn what_may_hold_a_secret_or_does_not_read_is_not_remembered() {
        let reader = Reader::new();
        let secret = r#"mutation { signOut(input: { refreshToken: "x" }) { __typename } }"#;
        reader.read(secret, None).unwrap();
        let long = format!("{{ __typename {} }}", " ".repeat(LONGEST));
        reader.read(&long, None).unwrap();
        let operation = "A".repeat(LONGEST);
        reader.read("{ __typename }", Some(&operation)).ok();
        assert!(matches!(reader.read("{", None), Err(Unfit::Unreadable(_))));
        let deep = format!("{}a{}", "{ a ".repeat(60), "}".repeat(60));
        assert!(matches!(reader.read(&deep, None), Err(Unfit::Refused(_))));
        assert_eq!(reader.read.len(), 0);
    }

    #[test]
    fn a_flood_of_texts_takes_no_more_than_its_room() {
        let reader = Reader::new();
        for number in 0..20_000 {
            reader
                .read(&format!("{{ a{number}: __typename }}"), None)
                .unwrap();
        }
        assert!(reader.read.weight() <= ROOM);
        assert!(reader.read.len() > 1_000);
    }
}
