//! How often each variable stands in a document. Wherever it does, the engine puts a copy of its value: a few thousand of a list
//! of a few thousand would take all memory, of a request that is no longer than others.

use std::collections::HashMap;
use std::convert::Infallible;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, FragmentDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};

/// What all copies together may hold.
const MOST: usize = 65_536;
/// Octets of a text that count as one more value.
const TEXT: usize = 64;

/// How often a document holds variables, with every fragment written out.
#[derive(Debug)]
pub struct Uses(Vec<(Name, usize)>);

type Counts = HashMap<Name, usize>;

impl Uses {
    /// Of a document that has been measured: its fragments do not spread themselves.
    pub fn of(document: &ExecutableDocument) -> Self {
        let mut counter = Counter {
            fragments: &document.fragments,
            known: HashMap::new(),
        };
        let mut counts = Counts::new();
        for (_, operation) in document.operations.iter() {
            let operation = &operation.node;
            of_directives(&operation.directives, &mut counts);
            counter.of_set(&operation.selection_set.node, &mut counts);
        }
        // The engine looks at each once more by itself.
        for name in document.fragments.keys() {
            counter.of_fragment(name, &mut counts);
        }
        let again = counts.into_iter().filter(|(_, count)| *count > 1);
        Self(again.collect())
    }

    /// Whether the copies of these values, or of what stands for one that was not sent, are few enough.
    pub fn are_few(&self, variables: &Variables, document: &ExecutableDocument) -> bool {
        let mut all = 0_usize;
        for (name, count) in &self.0 {
            let sent = variables.get(name).map(size);
            let size = sent.unwrap_or_else(|| default_size(document, name));
            all = all.saturating_add(count.saturating_mul(size));
        }
        all <= MOST
    }
}

/// The largest, where several operations have a variable of this name.
fn default_size(document: &ExecutableDocument, name: &Name) -> usize {
    let definitions = document
        .operations
        .iter()
        .flat_map(|(_, operation)| &operation.node.variable_definitions);
    definitions
        .filter(|definition| definition.node.name.node == *name)
        .filter_map(|definition| definition.node.default_value.as_ref())
        .map(|default| size(&default.node))
        .max()
        .unwrap_or(1)
}

fn size(value: &ConstValue) -> usize {
    match value {
        ConstValue::String(text) => 1 + text.len() / TEXT,
        ConstValue::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        ConstValue::Object(entries) => {
            let of_entry =
                |(name, value): (&Name, &ConstValue)| 1 + name.len() / TEXT + size(value);
            1 + entries.iter().map(of_entry).sum::<usize>()
        }
        _ => 1,
    }
}

struct Counter<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    known: HashMap<&'a Name, Counts>,
}

impl<'a> Counter<'a> {
    fn of_set(&mut self, set: &'a SelectionSet, counts: &mut Counts) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    of_directives(&field.directives, counts);
                    for (_, value) in &field.arguments {
                        let Ok(_) = value.node.clone().into_const_with(note_in(counts));
                    }
                    self.of_set(&field.selection_set.node, counts);
                }
                Selection::InlineFragment(inline) => {
                    of_directives(&inline.node.directives, counts);
                    self.of_set(&inline.node.selection_set.node, counts);
                }
                Selection::FragmentSpread(spread) => {
                    of_directives(&spread.node.directives, counts);
                    self.of_fragment(&spread.node.fragment_name.node, counts);
                }
            }
        }
    }

    fn of_fragment(&mut self, name: &Name, counts: &mut Counts) {
        let Some((name, fragment)) = self.fragments.get_key_value(name) else {
            return;
        };
        if !self.known.contains_key(name) {
            let mut own = Counts::new();
            of_directives(&fragment.node.directives, &mut own);
            self.of_set(&fragment.node.selection_set.node, &mut own);
            self.known.insert(name, own);
        }
        for (variable, count) in &self.known[name] {
            let all = counts.entry(variable.clone()).or_default();
            *all = all.saturating_add(*count);
        }
    }
}

fn of_directives(directives: &[Positioned<Directive>], counts: &mut Counts) {
    for directive in directives {
        for (_, value) in &directive.node.arguments {
            let Ok(_) = value.node.clone().into_const_with(note_in(counts));
        }
    }
}

/// Counts each variable of a value.
fn note_in(counts: &mut Counts) -> impl FnMut(Name) -> Result<ConstValue, Infallible> + '_ {
    |name| {
        *counts.entry(name).or_default() += 1;
        Ok(ConstValue::Null)
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    fn are_few(text: &str, variables: serde_json::Value) -> bool {
        let document = parse_query(text).unwrap();
        Uses::of(&document).are_few(&Variables::from_json(variables), &document)
    }

    #[test]
    fn copies_of_a_value_are_counted_wherever_they_come_to_stand() {
        let long = json!({ "v": vec![0; 1_000] });
        assert!(are_few(
            "query($v: [ID!]!) { nodes(ids: $v) { id } }",
            long.clone()
        ));
        let often = |times: usize| {
            format!(
                "query($v: [ID!]!) {{ nodes(ids: [{}]) {{ id }} }}",
                "$v".repeat(times)
            )
        };
        assert!(are_few(&often(60), long.clone()));
        assert!(!are_few(&often(70), long.clone()));
        assert!(are_few(&often(1_000), json!({ "v": "short" })));
        assert!(!are_few(&often(1_000), json!({ "v": "a".repeat(10_000) })));
        // By fragments, in defaults, in directives.
        let spread = "...F ".repeat(70);
        assert!(!are_few(
            &format!(
                "query($v: [ID!]!) {{ {spread} }} fragment F on Query {{ nodes(ids: $v) {{ id }} }}"
            ),
            long
        ));
        let default = format!(
            "query($v: [ID!] = [{}]) {{ nodes(ids: [{}]) {{ id }} }}",
            "0 ".repeat(1_000),
            "$v".repeat(70)
        );
        assert!(!are_few(&default, json!({})));
    }
}
