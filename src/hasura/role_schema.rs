//! What of the API a role sees in Hasura: the schema without the administrators' fields and what is reached from them
//! alone, as Hasura's check of permissions takes it (`Hasura.RemoteSchema.SchemaCache.Permission`): every type and field as
//! it stands in the introspection, no directive but `@preset`, no definition of a directive, and roots that are named.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ConstDirective, FieldDefinition, InputValueDefinition, Type, TypeDefinition,
    TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, Positioned};

use super::print;

/// Fields of `Mutation` that are of no use to who is not signed in. A test holds them against the table of authorization.
pub const SIGNED_IN_ONLY: [&str; 6] = [
    "requestEmailChange",
    "confirmEmailChange",
    "updateUser",
    "deleteUser",
    "changePassword",
    "revokeSession",
];

const ROOTS: [&str; 2] = ["Query", "Mutation"];
/// Fields of the roots that begin so are the administrators'.
const ADMINISTRATORS: &str = "admin";
/// Hasura hands on no `Origin`, without which nothing takes a cookie: refresh tokens travel in bodies.
const TRANSPORT: (&str, &str) = ("TokenTransport", "BODY");
/// What tells of a cookie.
const COOKIE: &str = "SessionCookie";

/// How much of the API a role may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// What serves who is not signed in.
    SignedOut,
    /// Everything but the administrators' fields.
    SignedIn,
}

/// The role's schema; with descriptions, because it is the only one that the role is shown.
///
/// # Errors
/// When the schema does not parse, which is a defect of ours.
pub fn role_schema(
    sdl: &str,
    reach: Reach,
    described: bool,
) -> Result<String, async_graphql::parser::Error> {
    let definitions = parse_schema(sdl)?.definitions.into_iter();
    let mut types: Vec<TypeDefinition> = definitions
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(definition.node),
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
        })
        .collect();
    types
        .iter_mut()
        .for_each(|definition| narrow(definition, reach));
    let reached = reached(&types);
    let kept = types
        .iter()
        .filter(|definition| reached.contains(&definition.name.node));
    Ok(print::schema(kept, described, &preset))
}

/// What is written behind an input value.
fn preset(value: &InputValueDefinition) -> String {
    let (name, fixed) = TRANSPORT;
    if base(&value.ty.node) == name {
        format!(" @preset(value: {fixed})")
    } else {
        String::new()
    }
}

fn narrow(definition: &mut TypeDefinition, reach: Reach) {
    let is_root = ROOTS.contains(&&*definition.name.node);
    match &mut definition.kind {
        TypeKind::Object(object) => {
            object
                .fields
                .retain(|field| !is_root || is_open(&field.node.name.node, reach));
            narrow_fields(&mut object.fields);
        }
        TypeKind::Interface(interface) => narrow_fields(&mut interface.fields),
        TypeKind::InputObject(input) => input.fields.retain(is_seen),
        TypeKind::Scalar | TypeKind::Union(_) | TypeKind::Enum(_) => {}
    }
}

fn narrow_fields(fields: &mut Vec<Positioned<FieldDefinition>>) {
    fields.retain(|field| base(&field.node.ty.node) != COOKIE);
    for field in fields {
        field.node.arguments.retain(is_seen);
    }
}

fn is_open(name: &str, reach: Reach) -> bool {
    // What a gateway asks of a subgraph begins with an underscore.
    let is_apart = name.starts_with(ADMINISTRATORS) || name.starts_with('_');
    !is_apart && (reach == Reach::SignedIn || !SIGNED_IN_ONLY.contains(&name))
}

/// Hasura's introspection does not ask for input values that are deprecated, so that to it they are not there.
fn is_seen(value: &Positioned<InputValueDefinition>) -> bool {
    let is_deprecated =
        |directive: &Positioned<ConstDirective>| directive.node.name.node == "deprecated";
    !value.node.directives.iter().any(is_deprecated)
}

/// The types that the roots lead to, the roots included.
fn reached(types: &[TypeDefinition]) -> BTreeSet<Name> {
    let by_name: BTreeMap<&str, &TypeDefinition> = types
        .iter()
        .map(|definition| (&*definition.name.node, definition))
        .collect();
    let mut reached = BTreeSet::new();
    let mut open: Vec<Name> = ROOTS.map(Name::new).to_vec();
    while let Some(name) = open.pop() {
        let Some(definition) = by_name.get(&*name) else {
            continue;
        };
        if reached.insert(name) {
            open.extend(leads_to(definition));
        }
    }
    reached
}

fn leads_to(definition: &TypeDefinition) -> Vec<Name> {
    let of_values = |values: &[Positioned<InputValueDefinition>]| -> Vec<Name> {
        let values = values.iter();
        values
            .map(|value| Name::new(base(&value.node.ty.node)))
            .collect()
    };
    let of_fields = |fields: &[Positioned<FieldDefinition>]| -> Vec<Name> {
        let of_field = |field: &Positioned<FieldDefinition>| {
            let mut names = of_values(&field.node.arguments);
            names.push(Name::new(base(&field.node.ty.node)));
            names
        };
        fields.iter().flat_map(of_field).collect()
    };
    let names = |names: &[Positioned<Name>]| -> Vec<Name> {
        names.iter().map(|name| name.node.clone()).collect()
    };
    match &definition.kind {
        TypeKind::Object(object) => [of_fields(&object.fields), names(&object.implements)].concat(),
        TypeKind::Interface(interface) => of_fields(&interface.fields),
        TypeKind::Union(union) => names(&union.members),
        TypeKind::InputObject(input) => of_values(&input.fields),
        TypeKind::Scalar | TypeKind::Enum(_) => Vec::new(),
    }
}

/// `[User!]!` → `User`.
fn base(kind: &Type) -> &str {
    match &kind.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => base(item),
    }
}
