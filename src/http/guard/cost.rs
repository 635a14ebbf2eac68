//! After the parser and before everything else: what the document would cost if every fragment were written out. Each
//! fragment is measured once, whatever its spreads.

use std::collections::{HashMap, HashSet};

use async_graphql::Name;
use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationType, Selection, SelectionSet,
};

use super::Refusal;

/// Fields below the root, spelled out.
const DEPTH: usize = 10;
const FIELDS: usize = 200;
/// Introspection is a question of its own: the standard one is 15 deep and has about 250 fields.
const INTROSPECTION_DEPTH: usize = 20;
const INTROSPECTION_FIELDS: usize = 500;
/// How often a question about the schema may go from types to fields and back.
const INTROSPECTION_LISTS: usize = 2;
const ALIASES: usize = 30;
const MUTATIONS: usize = 5;
/// The mutation that waits for a person.
pub const WAITS: &str = "awaitVerification";
/// Answer once for each id that they are given, so that one of them is enough.
const BY_IDS: [&str; 2] = ["nodes", "_entities"];

/// Mutations that take a password, ticket, code, verifier or refresh token: one an operation, so that aliases buy no guesses.
pub const CREDENTIAL_MUTATIONS: [&str; 16] = [
    "signUp",
    "verifyEmail",
    "awaitVerification",
    "handoffChoices",
    "approveHandoff",
    "requestEmailChange",
    "confirmEmailChange",
    "undoEmailChange",
    "deleteUser",
    "signIn",
    "checkPassword",
    "changePassword",
    "requestPasswordReset",
    "resetPassword",
    "refreshSession",
    "signOut",
];

/// What the handler has to know of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The operation that is named, or the only one, is no query.
    pub writes: bool,
    /// It asks about the schema.
    pub introspects: bool,
    /// What that operation is called, where it has a name.
    pub name: Option<Name>,
    /// The root fields of that operation, fragments written out.
    pub roots: Vec<Root>,
}

/// A root field: by which name it is answered, and which field it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    pub key: Name,
    pub field: Name,
}

#[derive(Clone, Copy, Default)]
struct Weight {
    depth: usize,
    fields: usize,
    aliases: usize,
    lists: usize,
}

impl Weight {
    /// A spread costs a visit, whether its fragment holds a field or not.
    fn spread(self) -> Self {
        Self {
            fields: self.fields.saturating_add(1),
            ..self
        }
    }

    fn beside(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            fields: self.fields.saturating_add(other.fields),
            aliases: self.aliases.saturating_add(other.aliases),
            lists: self.lists.max(other.lists),
        }
    }
}

#[derive(Clone, Copy)]
enum Measured {
    Running,
    Done(Weight),
}

struct Scale<'a> {
    document: &'a ExecutableDocument,
    fragments: HashMap<&'a Name, Measured>,
}

/// Measures every operation of the document.
///
/// # Errors
/// When one of them exceeds a bound, or a fragment spreads itself.
pub fn measure(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
) -> Result<Document, Refusal> {
    let mut scale = Scale {
        document,
        fragments: HashMap::new(),
    };
    let mut found = Document::default();
    let single = document.operations.iter().count() == 1;
    for (name, operation) in document.operations.iter() {
        let whole = scale.weigh(&operation.node.selection_set.node)?;
        if whole.aliases > ALIASES {
            return Err(Refusal::TooComplex("The operation has too many aliases."));
        }
        if whole.fields > FIELDS + INTROSPECTION_FIELDS {
            return Err(Refusal::TooComplex("The operation has too many fields."));
        }
        let mut roots = Vec::new();
        scale.roots(&operation.node.selection_set.node, &mut roots)?;
        found.introspects |= check_roots(&roots)?;
        let by_ids = |(field, _): &&(&Field, Weight)| BY_IDS.contains(&field.name.node.as_str());
        if roots.iter().filter(by_ids).count() > 1 {
            let message = "One operation may hold one field that takes a list of ids.";
            return Err(Refusal::TooComplex(message));
        }
        let chosen = single
            || operation_name
                .is_some_and(|wanted| name.is_some_and(|name| name.as_str() == wanted));
        if operation.node.ty == OperationType::Mutation {
            check_mutations(&roots)?;
        }
        if chosen {
            found.name = name.cloned();
            found.roots = roots.iter().map(|(field, _)| root(field)).collect();
        }
        found.writes |= chosen && operation.node.ty != OperationType::Query;
    }
    Ok(found)
}

fn root(field: &Field) -> Root {
    Root {
        key: field.response_key().node.clone(),
        field: field.name.node.clone(),
    }
}

fn check_roots(roots: &[(&Field, Weight)]) -> Result<bool, Refusal> {
    let is_introspection = |name: &str| matches!(name, "__schema" | "__type");
    let sum = |introspection: bool| {
        roots
            .iter()
            .filter(|(field, _)| is_introspection(&field.name.node) == introspection)
            .fold(Weight::default(), |sum, (_, weight)| sum.beside(*weight))
    };
    let (normal, schema) = (sum(false), sum(true));
    if normal.depth > DEPTH
        || schema.depth > INTROSPECTION_DEPTH
        || schema.lists > INTROSPECTION_LISTS
    {
        return Err(Refusal::TooComplex("The operation is too deep."));
    }
    if normal.fields > FIELDS || schema.fields > INTROSPECTION_FIELDS {
        return Err(Refusal::TooComplex("The operation has too many fields."));
    }
    Ok(schema.fields > 0)
}

fn check_mutations(roots: &[(&Field, Weight)]) -> Result<(), Refusal> {
    let credentials = roots
        .iter()
        .filter(|(field, _)| CREDENTIAL_MUTATIONS.contains(&field.name.node.as_str()))
        .count();
    if credentials > 1 {
        return Err(Refusal::TooComplex(
            "One operation may hold one mutation that takes a credential.",
        ));
    }
    // Who is asking is looked up once a request; a wait between two changes would let the second one go by what was true
    // before it.
    let waits = roots.iter().any(|(field, _)| field.name.node == WAITS);
    if waits && roots.len() > 1 {
        return Err(Refusal::TooComplex(
            "Nothing goes beside `awaitVerification` in one operation.",
        ));
    }
    // The engine would run each by itself, and answer one of them.
    let mut keys = HashSet::new();
    let changes = roots
        .iter()
        .filter(|(field, _)| field.name.node != "__typename");
    for (field, _) in changes {
        if !keys.insert(&field.response_key().node) {
            return Err(Refusal::TooComplex(
                "One operation may hold one mutation of each name or alias.",
            ));
        }
    }
    if roots.len() > MUTATIONS {
        return Err(Refusal::TooComplex("The operation has too many mutations."));
    }
    Ok(())
}

impl<'a> Scale<'a> {
    fn weigh(&mut self, set: &'a SelectionSet) -> Result<Weight, Refusal> {
        let mut sum = Weight::default();
        for item in &set.items {
            let weight = match &item.node {
                Selection::Field(field) => {
                    let below = self.weigh(&field.node.selection_set.node)?;
                    let list = matches!(
                        field.node.name.node.as_str(),
                        "fields" | "inputFields" | "interfaces" | "possibleTypes"
                    );
                    Weight {
                        depth: below.depth + 1,
                        fields: below.fields.saturating_add(1),
                        aliases: below
                            .aliases
                            .saturating_add(usize::from(field.node.alias.is_some())),
                        lists: below.lists + usize::from(list),
                    }
                }
                Selection::InlineFragment(fragment) => {
                    self.weigh(&fragment.node.selection_set.node)?.spread()
                }
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node)?.spread()
                }
            };
            sum = sum.beside(weight);
        }
        Ok(sum)
    }

    fn fragment(&mut self, name: &'a Name) -> Result<Weight, Refusal> {
        match self.fragments.get(name) {
            Some(Measured::Done(weight)) => return Ok(*weight),
            Some(Measured::Running) => {
                return Err(Refusal::Invalid("A fragment must not spread itself."));
            }
            None => {}
        }
        // One that is not defined weighs nothing: validation will name it.
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Weight::default());
        };
        self.fragments.insert(name, Measured::Running);
        let weight = self.weigh(&fragment.node.selection_set.node)?;
        self.fragments.insert(name, Measured::Done(weight));
        Ok(weight)
    }

    /// The root fields with their weights, fragments written out. The operation has been weighed before, so that there
    /// are no more of them than fields are allowed.
    fn roots(
        &mut self,
        set: &'a SelectionSet,
        found: &mut Vec<(&'a Field, Weight)>,
    ) -> Result<(), Refusal> {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => {
                    let below = self.weigh(&field.node.selection_set.node)?;
                    let weight = Weight {
                        depth: below.depth + 1,
                        fields: below.fields.saturating_add(1),
                        ..below
                    };
                    found.push((&field.node, weight));
                }
                Selection::InlineFragment(fragment) => {
                    self.roots(&fragment.node.selection_set.node, found)?
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    if let Some(fragment) = fragment {
                        self.roots(&fragment.node.selection_set.node, found)?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn of(text: &str) -> Result<Document, Refusal> {
        measure(&parse_query(text).unwrap(), None)
    }

    #[test]
    fn a_chain_of_fragments_that_doubles_is_refused_without_being_walked() {
        let chain: String = (0..25)
            .map(|i| format!("fragment F{i} on Query {{ ...F{} ...F{} }}", i + 1, i + 1))
            .collect();
        let text = format!("{{ ...F0 }} {chain} fragment F25 on Query {{ me {{ id }} }}");
        assert!(matches!(of(&text), Err(Refusal::TooComplex(_))));
    }

    #[test]
    fn a_chain_of_fragments_without_a_field_is_walked_in_no_time() {
        let chain: String = (0..25)
            .map(|i| format!("fragment F{i} on Query {{ ...F{} ...F{} }}", i + 1, i + 1))
            .collect();
        assert!(
            of(&format!(
                "{{ ...F0 }} {chain} fragment F25 on Query {{ ...Nowhere }}"
            ))
            .is_err()
        );
    }

    #[test]
    fn a_fragment_that_spreads_itself_is_invalid() {
        let text = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }";
        assert!(matches!(of(text), Err(Refusal::Invalid(_))));
    }

    #[test]
    fn one_credential_mutation_an_operation_however_it_is_written() {
        assert!(of("mutation { signIn { a } }").is_ok());
        assert!(of("mutation { a: signIn { a } b: signIn { a } }").is_err());
        assert!(of("mutation { signIn { a } ...F } fragment F on Mutation { ... { refreshSession { a } } }").is_err());
        assert!(of("mutation { signIn { a } revokeSession { a } }").is_ok());
        assert!(of("mutation A { signIn { a } } mutation B { signIn { a } }").is_ok());
    }

    #[test]
    fn a_mutation_is_there_once_under_each_name() {
        assert!(
            of("mutation { a: revokeSession { a } revokeSession { a } __typename __typename }")
                .is_ok()
        );
        assert!(of("mutation { revokeSession { a } revokeSession { b } }").is_err());
        assert!(of("mutation { a: revokeSession { a } ...F } fragment F on Mutation { a: revokeSession { b } }").is_err());
        assert!(of("{ me { id } me { email } }").is_ok());
    }

    #[test]
    fn deep_wide_and_aliased_operations_are_refused() {
        let deep = format!("{}{}", "{ a ".repeat(11), "}".repeat(11));
        assert!(of(&deep).is_err());
        assert!(of(&format!("{{ {} }}", "a ".repeat(201))).is_err());
        assert!(
            of(&format!(
                "{{ {} }}",
                (0..31).map(|i| format!("a{i}: a ")).collect::<String>()
            ))
            .is_err()
        );
        assert!(
            of(
                "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
            )
            .is_err()
        );
    }

    #[test]
    fn the_operation_that_is_named_decides_whether_the_document_writes() {
        let both = parse_query("query Q { me { id } } mutation M { signOut { revokedSessions } }")
            .unwrap();
        assert!(!measure(&both, Some("Q")).unwrap().writes);
        assert!(measure(&both, Some("M")).unwrap().writes);
        assert!(of("{ __schema { types { name } } }").unwrap().introspects);
        assert!(!of("{ __typename }").unwrap().introspects);
    }
}
