//! What a failed field leaves behind (GraphQL specification, section 6.4.4 "Handling Execution Errors"): null where its
//! type allows it, else its parent is null, and so on upward. The engine leaves the field out instead, and a client with
//! generated types would read what its types rule out.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::mem::take;
use std::sync::LazyLock;

use async_graphql::parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, OperationType, Selection, SelectionSet, Type,
    TypeKind, TypeSystemDefinition,
};
use async_graphql::parser::{parse_query, parse_schema};
use async_graphql::{Name, PathSegment, Response, ServerError, Value};

/// Read when the first field fails.
static OURS: LazyLock<Types> = LazyLock::new(|| Types::of(&super::gateway::types()));

/// Puts nulls where the errors of the answer to this document say that they belong.
pub fn put_nulls(text: &str, operation: Option<&str>, response: &mut Response) {
    if response.errors.iter().any(|error| !error.path.is_empty()) {
        OURS.put_nulls(text, operation, response);
    }
}

/// The type of every field of every type.
#[derive(Debug)]
struct Types(HashMap<Name, HashMap<Name, Type>>);

impl Types {
    /// Reads the types off a schema that is ours: one that does not parse has none, and then nothing is put right.
    fn of(sdl: &str) -> Self {
        let definitions = parse_schema(sdl).map(|document| document.definitions);
        let types = definitions.unwrap_or_default().into_iter();
        let types = types.filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(definition.node),
            _ => None,
        });
        let fields = types.filter_map(|definition| {
            let fields = match definition.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                _ => return None,
            };
            let types = fields
                .into_iter()
                .map(|field| (field.node.name.node, field.node.ty.node));
            Some((definition.name.node, types.collect()))
        });
        Self(fields.collect())
    }

    fn put_nulls(&self, text: &str, operation: Option<&str>, response: &mut Response) {
        let Ok(document) = parse_query(text) else {
            return;
        };
        let mut places: Vec<_> = response
            .errors
            .iter()
            .filter(|error| !error.path.is_empty())
            .map(|error| (error, self.place(&document, operation, error)))
            .collect();
        // The deepest first: an object of nothing but failed fields is not there yet, and one that is null because of
        // another field is to stay so. What has no place makes the whole null, and comes last.
        places.sort_by_key(|(_, place)| Reverse(place.unwrap_or_default()));
        for (error, place) in places {
            match place {
                Some(length) => put_null(&mut response.data, &error.path[..length]),
                None => response.data = Value::Null,
            }
        }
    }

    /// How much of the error's path leads to the nearest place that may be null; nothing, where only the whole may.
    fn place(
        &self,
        document: &ExecutableDocument,
        name: Option<&str>,
        error: &ServerError,
    ) -> Option<usize> {
        let operation = match (&document.operations, name) {
            (DocumentOperations::Single(operation), _) => operation,
            (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name)?,
            // One that has a name, too: what runs needs to be named only among several.
            (DocumentOperations::Multiple(operations), None) => operations.values().next()?,
        };
        let root = match operation.node.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let mut sets = vec![(Name::new(root), &operation.node.selection_set.node)];
        let mut of: Option<Type> = None;
        let mut place = None;
        for (at, segment) in error.path.iter().enumerate() {
            let here = match segment {
                PathSegment::Field(key) => {
                    let mut found = Vec::new();
                    for (parent, set) in take(&mut sets) {
                        self.fields(document, &parent, set, key, &mut found);
                    }
                    // Validation lets no two fields of one name differ in what may be null.
                    let here = found.first()?.0.clone();
                    sets = found
                        .into_iter()
                        .map(|(of, set)| (base(&of).clone(), set))
                        .collect();
                    here
                }
                PathSegment::Index(_) => match of?.base {
                    BaseType::List(inner) => *inner,
                    BaseType::Named(_) => return None,
                },
            };
            if here.nullable {
                place = Some(at + 1);
            }
            of = Some(here);
        }
        place
    }

    /// Every field of the set that answers under this name, with its type.
    fn fields<'a>(
        &self,
        document: &'a ExecutableDocument,
        parent: &Name,
        set: &'a SelectionSet,
        key: &str,
        found: &mut Vec<(Type, &'a SelectionSet)>,
    ) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) if field.node.response_key().node == key => {
                    let types = self.0.get(parent);
                    if let Some(of) = types.and_then(|types| types.get(&field.node.name.node)) {
                        found.push((of.clone(), &field.node.selection_set.node));
                    }
                }
                Selection::Field(_) => {}
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref();
                    let parent = on.map_or(parent, |on| &on.node.on.node);
                    let set = &inline.node.selection_set.node;
                    self.fields(document, parent, set, key, found);
                }
                // The guard has seen to it that no fragment leads back to itself.
                Selection::FragmentSpread(spread) => {
                    let fragment = document.fragments.get(&spread.node.fragment_name.node);
                    if let Some(fragment) = fragment {
                        let parent = &fragment.node.type_condition.node.on.node;
                        let set = &fragment.node.selection_set.node;
                        self.fields(document, parent, set, key, found);
                    }
                }
            }
        }
    }
}

fn base(of: &Type) -> &Name {
    match &of.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => base(inner),
    }
}

fn put_null(data: &mut Value, path: &[PathSegment]) {
    let mut here = data;
    for segment in path {
        let next = match segment {
            PathSegment::Field(key) => {
                if *here == Value::Null {
                    *here = Value::Object(Default::default());
                }
                match here {
                    Value::Object(fields) => Some(fields.entry(Name::new(key)).or_default()),
                    _ => None,
                }
            }
            PathSegment::Index(index) => match here {
                Value::List(items) => items.get_mut(*index),
                _ => None,
            },
        };
        let Some(next) = next else { return };
        here = next;
    }
    *here = Value::Null;
}

#[cfg(test)]
mod tests {
    use async_graphql::{Pos, value};

    use super::*;

    const SDL: &str = "type Query { user: User must: User! users: [User!] some: [User]! either: Either }
        type User { id: ID! name: String friend: User! } type Other { id: ID! } union Either = User | Other";

    fn after(text: &str, data: Value, paths: &[&[&str]]) -> Value {
        let mut response = Response::new(data);
        for path in paths {
            let mut error = ServerError::new("no", Some(Pos::default()));
            error.path = path
                .iter()
                .map(|segment| match segment.parse() {
                    Ok(index) => PathSegment::Index(index),
                    Err(_) => PathSegment::Field((*segment).to_owned()),
                })
                .collect();
            response.errors.push(error);
        }
        Types::of(SDL).put_nulls(text, None, &mut response);
        response.data
    }

    #[test]
    fn a_field_that_may_be_null_is_null() {
        let data = value!({ "user": { "id": "1" } });
        let put = after("{ user { id name } }", data, &[&["user", "name"]]);
        assert_eq!(put, value!({ "user": { "id": "1", "name": null } }));
    }

    #[test]
    fn an_operation_with_a_name_needs_not_be_named() {
        let data = value!({ "user": { "id": "1" } });
        let put = after("query Q { user { id name } }", data, &[&["user", "name"]]);
        assert_eq!(put, value!({ "user": { "id": "1", "name": null } }));
    }

    #[test]
    fn the_nearest_parent_that_may_be_null_is_null() {
        let data = value!({ "u": { "friend": { "name": "x" } }, "__typename": "Query" });
        let text =
            "query { u: user { ...F } __typename } fragment F on User { friend { id name } }";
        let put = after(text, data, &[&["u", "friend", "id"]]);
        assert_eq!(put, value!({ "u": null, "__typename": "Query" }));
        let data = value!({ "must": { "name": "x" }, "__typename": "Query" });
        let put = after("{ must { id name } __typename }", data, &[&["must", "id"]]);
        assert_eq!(put, Value::Null);
    }

    #[test]
    fn what_fails_alone_is_null_inside_of_the_whole_where_it_may_be() {
        let put = after("{ user { id } }", Value::Null, &[&["user"]]);
        assert_eq!(put, value!({ "user": null }));
        let both: &[&[&str]] = &[&["user"], &["must"]];
        let put = after("{ user { id } must { id } }", Value::Null, both);
        assert_eq!(put, Value::Null);
        let put = after(
            "{ must { id } user { id } }",
            Value::Null,
            &[both[1], both[0]],
        );
        assert_eq!(put, Value::Null);
    }

    #[test]
    fn a_parent_that_is_null_stays_null_whatever_else_fails_in_it() {
        let text = "{ user { id friend { name } } }";
        let paths: &[&[&str]] = &[&["user", "id"], &["user", "friend", "name"]];
        let data = value!({ "user": null });
        for paths in [[paths[0], paths[1]], [paths[1], paths[0]]] {
            assert_eq!(after(text, data.clone(), &paths), value!({ "user": null }));
        }
    }

    #[test]
    fn one_entry_of_a_list_or_the_whole_list_is_null() {
        let data = value!({ "some": [{ "name": "a" }, { "name": "b", "id": "2" }] });
        let put = after("{ some { id name } }", data, &[&["some", "0", "id"]]);
        assert_eq!(put, value!({ "some": [null, { "name": "b", "id": "2" }] }));
        let data = value!({ "users": [{ "name": "a" }] });
        let put = after("{ users { id name } }", data, &[&["users", "0", "id"]]);
        assert_eq!(put, value!({ "users": null }));
    }

    #[test]
    fn members_of_a_union_and_objects_without_any_field_left_are_found() {
        let data = value!({ "either": { "name": "a" } });
        let text = "{ either { ... on Other { id } ... on User { id name } } }";
        assert_eq!(
            after(text, data, &[&["either", "id"]]),
            value!({ "either": null })
        );
        let put = after(
            "{ user { name } }",
            value!({ "user": null, "x": 1 }),
            &[&["user", "name"]],
        );
        assert_eq!(put, value!({ "user": { "name": null }, "x": 1 }));
    }
}
