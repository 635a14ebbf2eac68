//! `vestibule hasura` prints what Hasura takes. What Hasura does with it, `tests/api/web/hasura.rs` plays.

use std::collections::BTreeSet;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};

use super::{hasura, printed, remote, roles};
use crate::harness::program::Folder;

/// A request as JSON; without a database, whose roles are named.
fn metadata(arguments: &[&str]) -> Value {
    let arguments = [&["metadata", "--role", "user"], arguments].concat();
    let output = hasura(&Folder::new(), &[], &arguments);
    serde_json::from_str(&printed(&output)).unwrap()
}

fn complaint(arguments: &[&str]) -> String {
    let output = hasura(&Folder::new(), &[], arguments);
    assert!(!output.status.success() && output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

fn schema_of<'a>(remote: &'a Value, role: &str) -> &'a str {
    let mut permissions = remote["permissions"].as_array().unwrap().iter();
    let found = permissions.find(|one| one["role"] == role).unwrap();
    found["definition"]["schema"].as_str().unwrap()
}

/// `Query.me` and its like.
fn roots(schema: &str) -> BTreeSet<String> {
    let definitions = parse_schema(schema).unwrap().definitions.into_iter();
    let mut roots = BTreeSet::new();
    for definition in definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let name = definition.node.name.node;
        if let TypeKind::Object(object) = definition.node.kind
            && ["Query", "Mutation"].contains(&&*name)
        {
            let fields = object.fields.into_iter();
            roots.extend(fields.map(|field| format!("{name}.{}", field.node.name.node)));
        }
    }
    roots
}

/// The fields for which the table of authorization has another word than this in a column.
fn fields_but(column: usize, refused: &str) -> BTreeSet<String> {
    let rows = crate::authorization::rows().into_iter();
    rows.filter(|(_, row)| row[column] != refused)
        .map(|(field, _)| field.to_owned())
        .collect()
}

#[test]
fn a_role_sees_what_the_table_of_authorization_allows_it() {
    let remote = remote(&metadata(&["--format", "json"]));
    assert_eq!(roles(&remote), ["anonymous", "user"]);
    let anonymous = roots(schema_of(&remote, "anonymous"));
    assert_eq!(anonymous, fields_but(0, "UNAUTHENTICATED"));
    let user = roots(schema_of(&remote, "user"));
    assert_eq!(user, fields_but(1, "FORBIDDEN"));
    for schema in ["anonymous", "user"].map(|role| schema_of(&remote, role)) {
        for word in [
            "Admin",
            "AuditEvent",
            "PageInfo",
            "Outbox",
            "Cookie",
            "directive",
            "@oneOf",
            "@deprecated",
        ] {
            assert!(
                !schema.contains(&format!("type {word}")) && !schema.contains(&format!(" {word}")),
                "{word}"
            );
        }
        assert!(schema.starts_with("schema {\n  query: Query\n  mutation: Mutation\n}\n"));
        let transports = schema.matches(": TokenTransport").count();
        assert!(transports >= 3, "{transports}");
        assert_eq!(
            transports,
            schema
                .matches(": TokenTransport @preset(value: BODY)")
                .count()
        );
    }
    let brief = metadata(&["--format", "json", "--brief"]).to_string();
    assert!(!brief.contains("\\\"\\\"\\\""));
}

#[test]
fn names_address_and_patience_are_as_they_were_asked_for() {
    let definition = |more: &[&str]| {
        remote(&metadata(&[&["--format", "json"], more].concat()))["definition"].clone()
    };
    assert_eq!(
        definition(&[]),
        json!({
            "url": "http://127.0.0.1:4000/graphql", "timeout_seconds": 30, "forward_client_headers": true,
        })
    );
    let asked = [
        "--url",
        "http://vestibule:4000/",
        "--timeout",
        "9",
        "--namespace",
        "auth",
        "--type-prefix",
        "Auth_",
        "--field-prefix",
        "v_",
        "--client-id",
        "web",
    ];
    assert_eq!(
        definition(&asked),
        json!({
            "url": "http://vestibule:4000/graphql", "timeout_seconds": 9, "forward_client_headers": true,
            "headers": [{ "name": "x-client-id", "value": "web" }],
            "customization": {
                "root_fields_namespace": "auth",
                "type_names": { "prefix": "Auth_", "mapping": {} },
                "field_names": [
                    { "parent_type": "Query", "prefix": "v_", "mapping": {} },
                    { "parent_type": "Mutation", "prefix": "v_", "mapping": {} },
                ],
            },
        })
    );
    assert_eq!(
        definition(&["--url", "http://x/graphql"])["url"],
        "http://x/graphql"
    );
    assert!(
        definition(&["--client-id", "a", "--client-id", "b"])
            .get("headers")
            .is_none()
    );
    let named = remote(&metadata(&[
        "--format",
        "json",
        "--name",
        "door",
        "--role",
        "me",
        "--anonymous-role",
        "nobody",
    ]));
    assert_eq!(named["name"], "door");
    assert_eq!(roles(&named), ["nobody", "user", "me"]);
    assert_eq!(
        roles(&remote(&metadata(&["--format", "json", "--no-anonymous"]))),
        ["user"]
    );
    for (option, name) in [
        ("--namespace", "1a"),
        ("--type-prefix", "a-b"),
        ("--field-prefix", "__a"),
        ("--namespace", ""),
    ] {
        let said = complaint(&["metadata", "--role", "user", option, name]);
        assert!(said.contains("no name of GraphQL"), "{said}");
    }
    let said = complaint(&["metadata", "--role", "admin"]);
    assert!(said.contains("`admin`"), "{said}");
}

#[test]
fn a_request_in_bulk_adds_and_touches_nothing_else() {
    let request = metadata(&["--format", "bulk"]);
    assert_eq!(request["type"], "bulk");
    let steps = request["args"].as_array().unwrap();
    let kinds: Vec<_> = steps
        .iter()
        .map(|step| step["type"].as_str().unwrap())
        .collect();
    let allow = "add_remote_schema_permissions";
    assert_eq!(kinds, ["add_remote_schema", allow, allow]);
    let whole = remote(&metadata(&["--format", "json"]));
    assert_eq!(steps[0]["args"]["definition"], whole["definition"]);
    for (step, permission) in steps[1..]
        .iter()
        .zip(whole["permissions"].as_array().unwrap())
    {
        let args = json!({ "remote_schema": "vestibule", "role": permission["role"], "definition": permission["definition"] });
        assert_eq!(step["args"], args);
    }
}

#[test]
fn what_an_engine_has_already_stays_where_it_is_merged() {
    let exported = json!({
        "resource_version": 17,
        "metadata": {
            "version": 3,
            "sources": [{ "name": "default", "kind": "postgres", "tables": [{ "table": { "schema": "public", "name": "a" } }] }],
            "remote_schemas": [
                { "name": "vestibule", "definition": { "url": "http://old/graphql" }, "remote_relationships": [{ "type_name": "User" }] },
                { "name": "other", "definition": { "url": "http://other" } },
            ],
            "actions": [{ "name": "act" }],
        },
    });
    let folder = Folder::new();
    let file = folder.file("exported.json", &exported.to_string());
    let request = metadata(&["--format", "json", "--merge", &file]);
    assert_eq!(request["resource_version"], 17);
    let merged = &request["args"]["metadata"];
    let before = &exported["metadata"];
    assert_eq!(
        (&merged["sources"], &merged["actions"]),
        (&before["sources"], &before["actions"])
    );
    assert_eq!(merged["remote_schemas"][1], before["remote_schemas"][1]);
    let ours = &merged["remote_schemas"][0];
    assert_eq!(
        ours["remote_relationships"],
        before["remote_schemas"][0]["remote_relationships"]
    );
    assert_eq!(ours["definition"]["url"], "http://127.0.0.1:4000/graphql");
    assert_eq!(roles(ours), ["anonymous", "user"]);
    // Without the version around it, too; twice is as good as once.
    let file = folder.file("again.json", &merged.to_string());
    let again = metadata(&["--format", "json", "--merge", &file]);
    assert_eq!(&again["args"]["metadata"], merged);
    assert!(again.get("resource_version").is_none());
    for wrong in [
        "{}",
        "[]",
        r#"{"version":2}"#,
        r#"{"version":3,"remote_schemas":7}"#,
        "nonsense",
    ] {
        let file = folder.file("wrong.json", wrong);
        complaint(&[
            "metadata", "--role", "user", "--format", "json", "--merge", &file,
        ]);
    }
    let said = complaint(&["metadata", "--role", "user", "--merge", &file]);
    assert!(said.contains("--format json"), "{said}");
}
