//! Guards the public schema: `schema.graphql` is what the program prints, and nothing of the contract is missing or of
//! another type, but what stands in the list of what is still to come.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{ServiceDocument, TypeKind, TypeSystemDefinition};

const CONTRACT: &str = include_str!("contract.graphql");

/// What belongs to later issues. `Type` for a whole type, `Type.field` for a field, an input or an enum value,
/// `Type.field.argument` for an argument. An entry that is there already is an error, too.
const MISSING: &[&str] = &[];

/// Every name of a schema with its type: `User.email` → `String!`.
fn names(document: &ServiceDocument) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for definition in &document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let name = definition.node.name.node.to_string();
        match &definition.node.kind {
            TypeKind::Scalar => {
                names.insert(name, "scalar".into());
            }
            TypeKind::Object(object) => {
                for field in &object.fields {
                    let path = format!("{name}.{}", field.node.name.node);
                    for argument in &field.node.arguments {
                        let argument_path = format!("{path}.{}", argument.node.name.node);
                        names.insert(argument_path, argument.node.ty.node.to_string());
                    }
                    names.insert(path, field.node.ty.node.to_string());
                }
                names.insert(name, "type".into());
            }
            TypeKind::InputObject(object) => {
                for field in &object.fields {
                    let path = format!("{name}.{}", field.node.name.node);
                    names.insert(path, field.node.ty.node.to_string());
                }
                let one_of = definition
                    .node
                    .directives
                    .iter()
                    .any(|directive| directive.node.name.node == "oneOf");
                names.insert(name, if one_of { "input @oneOf" } else { "input" }.into());
            }
            TypeKind::Enum(values) => {
                for value in &values.values {
                    names.insert(format!("{name}.{}", value.node.value.node), "value".into());
                }
                names.insert(name, "enum".into());
            }
            TypeKind::Union(union) => {
                for member in &union.members {
                    names.insert(format!("{name}.{}", member.node), "member".into());
                }
                names.insert(name, "union".into());
            }
            TypeKind::Interface(_) => {}
        }
    }
    names
}

/// The parser wants a schema definition, which the contract leaves out, and knows no list entries of one line without
/// separators less than we do.
fn contract() -> BTreeMap<String, String> {
    names(&parse_schema(CONTRACT).expect("the contract is a schema"))
}

fn ours() -> BTreeMap<String, String> {
    names(&parse_schema(vestibule::graphql::sdl()).expect("our schema is one"))
}

#[test]
fn schema_graphql_is_exactly_what_the_program_prints() {
    let committed = include_str!("../schema.graphql");
    assert!(
        committed == vestibule::graphql::sdl(),
        "run: cargo run -- schema > schema.graphql"
    );
}

#[test]
fn nothing_of_the_contract_is_missing_or_of_another_type() {
    let ours = ours();
    let missing: BTreeSet<&str> = MISSING.iter().copied().collect();
    let is_missing = |path: &str| {
        let mut ends = path
            .match_indices('.')
            .map(|(end, _)| end)
            .chain([path.len()]);
        ends.any(|end| missing.contains(&path[..end]))
    };
    let mut problems = Vec::new();
    for (path, kind) in contract() {
        match ours.get(&path) {
            Some(_) if missing.contains(path.as_str()) => {
                problems.push(format!("{path} is there: strike it from MISSING"))
            }
            Some(found) if *found != kind => {
                problems.push(format!("{path} is {found}, not {kind}"))
            }
            None if !is_missing(&path) => problems.push(format!("\"{path}\",")),
            _ => {}
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_type_field_and_argument_is_described_or_speaks_for_itself() {
    let sdl = vestibule::graphql::sdl();
    let document = parse_schema(&sdl).unwrap();
    let mut silent = Vec::new();
    for definition in &document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let name = &definition.node.name.node;
        let builtin = matches!(name.as_str(), "String" | "Int" | "Float" | "Boolean" | "ID");
        if definition.node.description.is_none() && !builtin {
            silent.push(name.to_string());
        }
        if let TypeKind::Object(object) = &definition.node.kind
            && matches!(name.as_str(), "Query" | "Mutation")
        {
            let fields = object
                .fields
                .iter()
                .filter(|field| field.node.description.is_none());
            silent.extend(fields.map(|field| format!("{name}.{}", field.node.name.node)));
        }
    }
    assert!(silent.is_empty(), "without a description: {silent:?}");
}

/// Relay's store, and `node`, know things by their ids alone.
#[test]
fn everything_that_has_an_id_is_a_node() {
    let document = parse_schema(vestibule::graphql::sdl()).unwrap();
    let mut nodes = 0;
    for definition in &document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let TypeKind::Object(object) = &definition.node.kind else {
            continue;
        };
        let has_id = object
            .fields
            .iter()
            .any(|field| field.node.name.node == "id");
        let is_node = object.implements.iter().any(|of| of.node == "Node");
        assert_eq!(has_id, is_node, "{}", definition.node.name.node);
        nodes += usize::from(is_node);
    }
    assert_eq!(nodes, 8);
}

#[test]
fn every_mutation_that_takes_a_credential_is_known_to_the_guard() {
    let ours = ours();
    let takes_credential = |input: &str| {
        let mut queue = vec![input.trim_end_matches('!').to_owned()];
        let mut seen = BTreeSet::new();
        while let Some(name) = queue.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            for (path, kind) in ours
                .iter()
                .filter(|(path, _)| path.starts_with(&format!("{name}.")))
            {
                let field = path.rsplit('.').next().unwrap().to_lowercase();
                if ["password", "ticket", "code", "verifier", "refreshtoken"]
                    .iter()
                    .any(|word| field.ends_with(word))
                {
                    return true;
                }
                queue.push(kind.trim_end_matches('!').to_owned());
            }
        }
        false
    };
    let taking: BTreeSet<String> = ours
        .iter()
        .filter_map(|(path, kind)| {
            let mutation = path.strip_prefix("Mutation.")?.strip_suffix(".input")?;
            (!mutation.starts_with("admin") && takes_credential(kind)).then(|| mutation.to_owned())
        })
        .collect();
    let guarded: BTreeSet<String> = vestibule::http::CREDENTIAL_MUTATIONS
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    assert_eq!(taking, guarded);
}
