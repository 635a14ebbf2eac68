//! Objects of which nothing is selected are objects still (GraphQL specification, section 6.4.3 "Value Completion"). The
//! engine makes a null of an object without a field, so that a skipped field would look like somebody signed out. Where
//! that may happen, each object is asked for its type's name as well, under a name that is taken out of the answer.

use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Pos, Positioned, Value};

/// A name that no document can write, and no JSON that is kept.
const MARK: &str = "\0";

/// Marks the objects of which nothing may be selected. Answers whether there are any.
pub fn mark(document: &mut ExecutableDocument) -> bool {
    use async_graphql::parser::types::DocumentOperations::{Multiple, Single};
    let mut marked = false;
    match &mut document.operations {
        Single(operation) => marked |= mark_operation(&mut operation.node),
        Multiple(operations) => {
            for operation in operations.values_mut() {
                marked |= mark_operation(&mut operation.node);
            }
        }
    }
    for fragment in document.fragments.values_mut() {
        marked |= mark_below(&mut fragment.node.selection_set.node);
    }
    marked
}

/// Takes the marks out of an answer.
pub fn unmark(data: &mut Value) {
    match data {
        Value::Object(fields) => {
            fields.shift_remove(MARK);
            fields.values_mut().for_each(unmark);
        }
        Value::List(items) => items.iter_mut().for_each(unmark),
        _ => {}
    }
}

fn mark_operation(operation: &mut OperationDefinition) -> bool {
    // A subscription has one field at its root.
    operation.ty != OperationType::Subscription && mark_object(&mut operation.selection_set.node)
}

fn mark_object(set: &mut SelectionSet) -> bool {
    let below = mark_below(set);
    let has_a_field = always_has_a_field(set);
    if !has_a_field {
        let field = Field {
            alias: Some(here(Name::new(MARK))),
            name: here(Name::new("__typename")),
            arguments: Vec::new(),
            directives: Vec::new(),
            selection_set: here(SelectionSet::default()),
        };
        set.items.push(here(Selection::Field(here(field))));
    }
    below || !has_a_field
}

/// Marks the objects of the set's fields.
fn mark_below(set: &mut SelectionSet) -> bool {
    let mut marked = false;
    for selection in &mut set.items {
        marked |= match &mut selection.node {
            Selection::Field(field) => {
                let set = &mut field.node.selection_set.node;
                !set.items.is_empty() && mark_object(set)
            }
            Selection::InlineFragment(inline) => mark_below(&mut inline.node.selection_set.node),
            Selection::FragmentSpread(_) => false,
        };
    }
    marked
}

/// Whether a field is there that depends on no directive and no type.
fn always_has_a_field(set: &SelectionSet) -> bool {
    set.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => field.node.directives.is_empty(),
        Selection::InlineFragment(inline) => {
            inline.node.type_condition.is_none()
                && inline.node.directives.is_empty()
                && always_has_a_field(&inline.node.selection_set.node)
        }
        Selection::FragmentSpread(_) => false,
    })
}

fn here<T>(node: T) -> Positioned<T> {
    Positioned::new(node, Pos::default())
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::value;

    use super::*;

    fn marks(text: &str) -> bool {
        mark(&mut parse_query(text).unwrap())
    }

    #[test]
    fn only_what_may_be_empty_is_marked() {
        assert!(!marks(
            "{ me { id email @skip(if: true) ... { sessions { id } } } }"
        ));
        assert!(!marks(
            "{ __typename ...F } fragment F on Query { me { id } }"
        ));
        assert!(!marks("subscription { a @skip(if: true) }"));
        for text in [
            "{ me @skip(if: true) { id } }",
            "{ me { id @skip(if: true) } }",
            "{ me { ... @skip(if: true) { id } } }",
            "{ node { ... on User { id } } }",
            "{ a ...F } fragment F on Query { me { sessions { ...G } } } fragment G on S { id }",
            "query A { a } query B { a { b @skip(if: true) } }",
        ] {
            assert!(marks(text), "{text}");
        }
    }

    #[test]
    fn marks_are_taken_out_wherever_they_are() {
        let mark = |mut data: Value| {
            if let Value::Object(fields) = &mut data {
                fields.insert(Name::new(MARK), "T".into());
            }
            data
        };
        let list = Value::List(vec![
            mark(value!({ "a": 1 })),
            mark(value!({})),
            Value::Null,
        ]);
        let mut data = mark(Value::Object(
            [(Name::new("b"), list)].into_iter().collect(),
        ));
        unmark(&mut data);
        assert_eq!(data, value!({ "b": [{ "a": 1 }, {}, null] }));
    }
}
