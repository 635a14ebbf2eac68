//! How often each variable stands in a document. Wherever it does, the engine puts a copy of its value: a few thousand of a list
//! of a few thousand would take all memory, of a request that is no longer than others.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

use async_graphql::parser::types::{Directive, ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};

/// What all copies together may hold.
const MOST: usize = 65_536;
/// Octets of a text that count as one more value.
const TEXT: usize = 64;

/// The variables that stand in a document more than once, with every fragment written out.
#[derive(Debug)]
pub struct Uses(Vec<Use>);

#[derive(Debug)]
struct Use {
    name: Name,
    count: usize,
    /// Of what stands for it where it was not sent: the largest, where several operations have a variable of this name.
    default_size: usize,
}

type Counts<'a> = HashMap<&'a Name, usize>;

impl Uses {
    /// Of a document that need not be valid: fragments may spread themselves, or what is not there. It takes no longer than the
    /// document is.
    pub fn of(document: &ExecutableDocument) -> Self {
        let mut whole = Part::default();
        let mut defaults = HashMap::new();
        for (_, operation) in document.operations.iter() {
            whole.note_directives(&operation.node.directives);
            whole.note(&operation.node.selection_set.node);
            for definition in &operation.node.variable_definitions {
                let definition = &definition.node;
                let of_default = definition.default_value.as_ref();
                let of_default = of_default.map_or(1, |default| size(&default.node));
                let largest = defaults.entry(&definition.name.node).or_insert(1);
                *largest = of_default.max(*largest);
            }
        }
        let fragments = document.fragments.iter().map(|(name, fragment)| {
            let mut part = Part::default();
            part.note_directives(&fragment.node.directives);
            part.note(&fragment.node.selection_set.node);
            (name, part)
        });
        let fragments: HashMap<_, _> = fragments.collect();
        let times = times(&whole, &fragments);
        let mut counts = whole.variables;
        for (name, part) in fragments {
            // The engine looks at each once more by itself.
            let times = times
                .get(name)
                .copied()
                .unwrap_or_default()
                .saturating_add(1);
            for (variable, count) in part.variables {
                let all = counts.entry(variable).or_default();
                *all = all.saturating_add(count.saturating_mul(times));
            }
        }
        let again = counts.into_iter().filter(|(_, count)| *count > 1);
        let again = again.map(|(name, count)| Use {
            default_size: defaults.get(&name).copied().unwrap_or(1),
            name,
            count,
        });
        Self(again.collect())
    }

    /// Whether the copies of these values are few enough.
    pub fn are_few(&self, variables: &Variables) -> bool {
        let mut all = 0_usize;
        for of in &self.0 {
            let size = variables.get(&of.name).map_or(of.default_size, size);
            all = all.saturating_add(of.count.saturating_mul(size));
        }
        all <= MOST
    }
}

/// How often each fragment comes to stand in the operations.
fn times<'a>(whole: &Part<'a>, fragments: &HashMap<&'a Name, Part<'a>>) -> Counts<'a> {
    let mut order = Vec::new();
    let mut met = HashSet::new();
    for name in whole.spreads.keys() {
        list(name, fragments, &mut met, &mut order);
    }
    let mut times = whole.spreads.clone();
    // From above: whoever spreads a fragment is done before it. In a circle nobody is, and the engine refuses it.
    for name in order.into_iter().rev() {
        let own = times.get(name).copied().unwrap_or_default();
        for (spread, count) in &fragments[name].spreads {
            let all = times.entry(spread).or_default();
            *all = all.saturating_add(count.saturating_mul(own));
        }
    }
    times
}

/// Lists a fragment behind all that it spreads.
fn list<'a>(
    name: &'a Name,
    fragments: &HashMap<&'a Name, Part<'a>>,
    met: &mut HashSet<&'a Name>,
    order: &mut Vec<&'a Name>,
) {
    let Some(part) = fragments.get(name).filter(|_| met.insert(name)) else {
        return;
    };
    for spread in part.spreads.keys() {
        list(spread, fragments, met, order);
    }
    order.push(name);
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

/// What is written in the operations, or in one fragment.
#[derive(Default)]
struct Part<'a> {
    variables: HashMap<Name, usize>,
    spreads: Counts<'a>,
}

impl<'a> Part<'a> {
    fn note(&mut self, set: &'a SelectionSet) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    self.note_directives(&field.directives);
                    for (_, value) in &field.arguments {
                        let Ok(_) = value.node.clone().into_const_with(self.noting());
                    }
                    self.note(&field.selection_set.node);
                }
                Selection::InlineFragment(inline) => {
                    self.note_directives(&inline.node.directives);
                    self.note(&inline.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    self.note_directives(&spread.node.directives);
                    let name = &spread.node.fragment_name.node;
                    *self.spreads.entry(name).or_default() += 1;
                }
            }
        }
    }

    fn note_directives(&mut self, directives: &[Positioned<Directive>]) {
        for directive in directives {
            for (_, value) in &directive.node.arguments {
                let Ok(_) = value.node.clone().into_const_with(self.noting());
            }
        }
    }

    /// Counts each variable of a value.
    fn noting(&mut self) -> impl FnMut(Name) -> Result<ConstValue, Infallible> + '_ {
        |name| {
            *self.variables.entry(name).or_default() += 1;
            Ok(ConstValue::Null)
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    fn are_few(text: &str, variables: serde_json::Value) -> bool {
        let document = parse_query(text).unwrap();
        Uses::of(&document).are_few(&Variables::from_json(variables))
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

    #[test]
    fn fragments_that_spread_themselves_or_nothing_come_to_an_end() {
        for fragments in [
            "fragment A on Query { ...A }",
            "fragment A on Query { ...B } fragment B on Query { ...A x(a: $v) }",
            "fragment A on Query { ...Nothing }",
        ] {
            let long = json!({ "v": vec![0; 100] });
            assert!(are_few(
                &format!("{{ __typename }} {fragments}"),
                long.clone()
            ));
            assert!(are_few(&format!("{{ ...A ...A }} {fragments}"), long));
        }
    }

    #[test]
    fn spreads_of_spreads_multiply() {
        let of = |twice: &str, size: usize| {
            let text = format!(
                "query($v: [ID!]!) {{ {twice} }} fragment A on Query {{ {} }} fragment B on Query {{ nodes(ids: $v) {{ id }} }}",
                "...B ".repeat(10)
            );
            are_few(&text, json!({ "v": vec![0; size] }))
        };
        assert!(of("...A", 5_000) && of("...A ...A", 3_000));
        assert!(!of("...A ...A", 3_500));
    }
}
