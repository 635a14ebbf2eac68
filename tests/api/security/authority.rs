//! Who may ask for what: every field of `Query` and `Mutation` has a row here, and is asked by everybody.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
};
use serde_json::json;

use crate::harness::{Answer, TestApp};
use crate::support::disable;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// Anybody's; what it does is decided by what it is given.
    Public,
    /// Of whoever is signed in.
    Own,
    Administrator,
}
use Whose::{Administrator, Own, Public};

/// A field that has no row fails the test: whoever adds one decides here whose it is.
const TABLE: &[(&str, Whose)] = &[
    ("Query.me", Public),
    ("Query.authConfig", Public),
    ("Mutation.signUp", Public),
    ("Mutation.verifyEmail", Public),
    ("Mutation.resendVerification", Public),
    ("Mutation.requestEmailChange", Own),
    ("Mutation.confirmEmailChange", Own),
    ("Mutation.undoEmailChange", Public),
    ("Mutation.updateUser", Own),
    ("Mutation.deleteUser", Own),
    ("Mutation.signIn", Public),
    ("Mutation.checkPassword", Public),
    ("Mutation.changePassword", Own),
    ("Mutation.requestPasswordReset", Public),
    ("Mutation.resetPassword", Public),
    ("Mutation.refreshSession", Public),
    ("Mutation.signOut", Public),
    ("Mutation.revokeSession", Own),
];

/// The fields of the administration are told by their name; a test of the schema's names would not see one that forgets.
fn whose(field: &str) -> Option<Whose> {
    let name = field.split('.').next_back().unwrap_or_default();
    let row = TABLE.iter().find(|(known, _)| *known == field);
    row.map(|(_, whose)| *whose)
        .or_else(|| name.starts_with("admin").then_some(Administrator))
}

type Types = BTreeMap<String, TypeDefinition>;

fn types() -> Types {
    let document = parse_schema(vestibule::graphql::sdl()).expect("a schema");
    let of = |definition| match definition {
        TypeSystemDefinition::Type(definition) => {
            Some((definition.node.name.node.to_string(), definition.node))
        }
        _ => None,
    };
    document.definitions.into_iter().filter_map(of).collect()
}

/// Something of this type, as text of a document; nothing where nothing is asked for.
fn value(types: &Types, kind: &Type) -> Option<String> {
    if kind.nullable {
        return None;
    }
    let name = match &kind.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(_) => return Some("[]".into()),
    };
    let text = match types
        .get(name)
        .map(|definition| (&definition.kind, &definition.directives))
    {
        Some((TypeKind::Enum(values), _)) => values.values[0].node.value.node.to_string(),
        Some((TypeKind::InputObject(input), directives)) => {
            let one_of = directives
                .iter()
                .any(|directive| directive.node.name.node == "oneOf");
            let fields = input.fields.iter().map(|field| &field.node);
            let given = fields.filter_map(|field| {
                let mut kind = field.ty.node.clone();
                kind.nullable &= !one_of;
                value(types, &kind).map(|value| format!("{}: {value}", field.name.node))
            });
            let given: Vec<_> = given.take(if one_of { 1 } else { usize::MAX }).collect();
            format!("{{ {} }}", given.join(", "))
        }
        _ => match name {
            "Int" | "Float" => "1".into(),
            "Boolean" => "true".into(),
            "JSON" => "{}".into(),
            "DateTime" => "\"2026-11-20T12:00:00Z\"".into(),
            _ => "\"01938aaa-0000-7000-8000-000000000000\"".into(),
        },
    };
    Some(text)
}

/// Every field of the roots with a document that asks for it and gives it no more than it must have.
fn documents() -> Vec<(String, String)> {
    let types = types();
    let mut documents = Vec::new();
    for (root, operation) in [("Query", "query"), ("Mutation", "mutation")] {
        let TypeKind::Object(object) = &types[root].kind else {
            panic!("{root} is an object");
        };
        for field in object.fields.iter().map(|field| &field.node) {
            let mut name = &field.ty.node.base;
            while let BaseType::List(inner) = name {
                name = &inner.base;
            }
            let BaseType::Named(name) = name else {
                unreachable!()
            };
            let is_object = types.get(name.as_str()).is_some_and(|kind| {
                matches!(
                    kind.kind,
                    TypeKind::Object(_) | TypeKind::Union(_) | TypeKind::Interface(_)
                )
            });
            let given = field.arguments.iter().filter_map(|argument| {
                let text = value(&types, &argument.node.ty.node)?;
                Some(format!("{}: {text}", argument.node.name.node))
            });
            let given: Vec<_> = given.collect();
            let given = if given.is_empty() {
                String::new()
            } else {
                format!("({})", given.join(", "))
            };
            let selection = if is_object { " { __typename }" } else { "" };
            let field = &field.name.node;
            documents.push((
                format!("{root}.{field}"),
                format!("{operation} {{ {field}{given}{selection} }}"),
            ));
        }
    }
    documents
}

#[test]
fn every_field_of_the_roots_has_an_owner() {
    let fields: Vec<String> = documents().into_iter().map(|(field, _)| field).collect();
    assert!(fields.len() > 20);
    for field in &fields {
        assert!(
            whose(field).is_some(),
            "{field} has no row: who may ask for it?"
        );
    }
    for (field, _) in TABLE {
        assert!(fields.iter().any(|known| known == field), "{field} is gone");
    }
}

on_both_databases! {
    async fn nobody_gets_beyond_what_is_theirs(backend: Backend) {
        let test = TestApp::start(backend).await;
        let disabled = test.user("dan").await;
        disable(&test, "dan@example.org").await;
        let elsewhere = test.user("eve").await.header("x-client-id", "other");
        let refused = |answer: &Answer| matches!(answer.code_or_ok().as_str(), "UNAUTHENTICATED" | "FORBIDDEN");
        for (number, (field, document)) in documents().into_iter().enumerate() {
            let ask = async |client: crate::harness::Client| {
                let answer = client.query(&document, json!({})).await;
                assert_ne!(answer.code_or_ok(), "GRAPHQL_VALIDATION_FAILED", "{document}: {}", answer.body);
                assert_ne!(answer.code_or_ok(), "INTERNAL", "{document}: {}", answer.body);
                answer
            };
            // Someone new each time: some fields end the session that they are asked with.
            let user = test.user(&format!("user{number}")).await;
            let whose = whose(&field).expect("a row");
            let strangers = [
                ("nobody", test.anon()),
                ("a guess", test.anon().header("x-vestibule-admin-secret", "a guess of sixteen")),
                ("a forged bearer", test.anon().bearer("a.b.c")),
                ("a disabled user", disabled.clone()),
                ("a user of another application", elsewhere.clone()),
            ];
            for (who, client) in strangers {
                let answer = ask(client).await;
                match whose {
                    // `me` and `signOut` tell a bad bearer apart from none.
                    Public if who == "nobody" => assert!(!refused(&answer), "{field}, {who}: {}", answer.body),
                    Public => assert_ne!(answer.code_or_ok(), "FORBIDDEN", "{field}, {who}"),
                    _ => assert_eq!(answer.code(), "UNAUTHENTICATED", "{field}, {who}"),
                }
            }
            let answer = ask(user).await;
            match whose {
                Administrator => assert_eq!(answer.code(), "FORBIDDEN", "{field}, a user"),
                _ => assert!(!refused(&answer), "{field}, a user: {}", answer.body),
            }
            let answer = ask(test.admin()).await;
            match whose {
                // The admin secret is nobody's session.
                Own => assert_eq!(answer.code(), "UNAUTHENTICATED", "{field}, the operator"),
                _ => assert!(!refused(&answer), "{field}, the operator: {}", answer.body),
            }
        }
    }
}
