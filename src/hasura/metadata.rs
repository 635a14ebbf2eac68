//! The API as a remote schema in Hasura's metadata, in the three ways in which it gets there.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};

use super::ADMIN;
use super::role_schema::{Reach, role_schema};

/// What the operator wants.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What Hasura calls the remote schema.
    pub name: String,
    /// Where Hasura reaches the house; without a trailing slash.
    pub base: String,
    /// How long Hasura waits for an answer, in seconds.
    pub timeout: u32,
    pub customization: Customization,
    /// The application of every request that comes this way; left out where clients name it.
    pub client_id: Option<String>,
    /// The roles of users.
    pub roles: Vec<String>,
    /// The role of who is not signed in; left out where nobody signs in through Hasura.
    pub anonymous: Option<String>,
    /// Whether the roles' schemas carry descriptions.
    pub described: bool,
}

/// How Hasura keeps our names apart from others'. Permissions are written in our own names all the same.
#[derive(Clone, Debug, Default)]
pub struct Customization {
    /// The one field of Hasura's roots below which ours stand.
    pub namespace: Option<String>,
    pub type_prefix: Option<String>,
    /// Of our root fields.
    pub field_prefix: Option<String>,
}

/// Why there is no metadata for this plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("`{0}` is no name of GraphQL: letters, digits and `_`, no digit and no `__` in front")]
    Name(String),
    #[error("Hasura takes no permissions for the role `{ADMIN}`: everything is allowed to it")]
    Admin,
    #[error("a role needs a name")]
    NoRole,
    #[error("the schema does not parse: {0}")]
    Schema(#[from] async_graphql::parser::Error),
    #[error("this is no metadata of version 3, as Hasura exports it")]
    NoMetadata,
    #[error("the settings cannot be written: {0}")]
    Settings(#[from] serde_json::Error),
}

/// An entry of `remote_schemas`.
#[derive(Clone, Debug, Serialize)]
pub struct RemoteSchema {
    name: String,
    definition: Definition,
    comment: &'static str,
    permissions: Vec<Permission>,
}

#[derive(Clone, Debug, Serialize)]
struct Definition {
    url: String,
    timeout_seconds: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    customization: Option<Names>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<Header>,
    forward_client_headers: bool,
}

#[derive(Clone, Debug, Serialize)]
struct Names {
    #[serde(skip_serializing_if = "Option::is_none")]
    root_fields_namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    type_names: Option<Prefix>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    field_names: Vec<Prefix>,
}

#[derive(Clone, Debug, Serialize)]
struct Prefix {
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_type: Option<&'static str>,
    prefix: String,
    mapping: NoMapping,
}

/// Some versions of Hasura want the member, though it be empty.
#[derive(Clone, Debug, Serialize)]
struct NoMapping {}

#[derive(Clone, Debug, Serialize)]
struct Header {
    name: &'static str,
    value: String,
}

#[derive(Clone, Debug, Serialize)]
struct Permission {
    role: String,
    definition: RoleDefinition,
}

#[derive(Clone, Debug, Serialize)]
struct RoleDefinition {
    schema: String,
}

impl RemoteSchema {
    /// The entry for this plan, of a schema in the schema definition language.
    ///
    /// # Errors
    /// When Hasura would not take a name.
    pub fn new(plan: Plan, sdl: &str) -> Result<Self, PlanError> {
        let permissions = permissions(&plan, sdl)?;
        let client_id = plan.client_id.map(|value| Header {
            name: "x-client-id",
            value,
        });
        Ok(Self {
            name: plan.name,
            definition: Definition {
                url: format!("{}/graphql", plan.base),
                timeout_seconds: plan.timeout,
                customization: plan.customization.names()?,
                headers: client_id.into_iter().collect(),
                // The bearer is one of them; what counts of the rest, the house decides.
                forward_client_headers: true,
            },
            comment: "Made by `vestibule hasura metadata`",
            permissions,
        })
    }
}

impl Customization {
    fn names(self) -> Result<Option<Names>, PlanError> {
        let prefix = |prefix: String, parent_type: Option<&'static str>| Prefix {
            parent_type,
            prefix,
            mapping: NoMapping {},
        };
        let root_fields_namespace = self.namespace.map(checked).transpose()?;
        let type_names = self.type_prefix.map(checked).transpose()?;
        let type_names = type_names.map(|given| prefix(given, None));
        let field_prefix = self.field_prefix.map(checked).transpose()?;
        let field_names: Vec<_> = field_prefix.map_or_else(Vec::new, |given| {
            let of = |parent| prefix(given.clone(), Some(parent));
            vec![of("Query"), of("Mutation")]
        });
        let is_none =
            root_fields_namespace.is_none() && type_names.is_none() && field_names.is_empty();
        Ok((!is_none).then_some(Names {
            root_fields_namespace,
            type_names,
            field_names,
        }))
    }
}

/// GraphQL specification, section 2.1.9 "Names"; two underscores in front are introspection's.
fn checked(name: String) -> Result<String, PlanError> {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_name = name.bytes().next().is_some_and(is_letter)
        && name
            .bytes()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit())
        && !name.starts_with("__");
    if is_name {
        Ok(name)
    } else {
        Err(PlanError::Name(name))
    }
}

fn permissions(plan: &Plan, sdl: &str) -> Result<Vec<Permission>, PlanError> {
    let anonymous = plan.anonymous.iter().map(|role| (role, Reach::SignedOut));
    let users = plan.roles.iter().map(|role| (role, Reach::SignedIn));
    let mut seen = BTreeSet::new();
    let mut permissions = Vec::new();
    // A role that is the anonymous one's, too, stays so.
    for (role, reach) in anonymous.chain(users) {
        match role.as_str() {
            ADMIN => return Err(PlanError::Admin),
            "" => return Err(PlanError::NoRole),
            _ => {}
        }
        if seen.insert(role) {
            let schema = role_schema(sdl, reach, plan.described)?;
            permissions.push(Permission {
                role: role.clone(),
                definition: RoleDefinition { schema },
            });
        }
    }
    Ok(permissions)
}

/// The content of `metadata/remote_schemas.yaml`, which the command line of Hasura applies together with its neighbours.
///
/// # Errors
/// When it cannot be written, which is a defect of ours.
pub fn yaml(remote: &RemoteSchema) -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(&[remote])
}

/// A request that puts it into an engine that does not have it yet, and touches nothing else.
pub fn bulk(remote: &RemoteSchema) -> Value {
    let RemoteSchema {
        name,
        definition,
        comment,
        permissions,
    } = remote;
    let add = json!({
        "type": "add_remote_schema",
        "args": { "name": name, "definition": definition, "comment": comment },
    });
    let allow = permissions.iter().map(|permission| {
        let Permission { role, definition } = permission;
        let args = json!({ "remote_schema": name, "role": role, "definition": definition });
        json!({ "type": "add_remote_schema_permissions", "args": args })
    });
    let all: Vec<_> = std::iter::once(add).chain(allow).collect();
    json!({ "type": "bulk", "args": all })
}

/// A request that replaces all metadata of an engine: with `exported` (the answer to `export_metadata`) and the remote
/// schema in it, in the place of the one of its name; relationships that lead out of that one stay. Without, with the
/// remote schema alone.
///
/// # Errors
/// When what was exported is no metadata.
pub fn replacement(remote: &RemoteSchema, exported: Option<Value>) -> Result<Value, PlanError> {
    let exported = exported.unwrap_or_else(|| json!({ "version": 3, "sources": [] }));
    let version = exported.get("resource_version").cloned();
    let mut metadata = match exported {
        Value::Object(mut answer) if answer.contains_key("metadata") => {
            answer.remove("metadata").unwrap_or_default()
        }
        metadata => metadata,
    };
    if metadata.get("version") != Some(&json!(3)) {
        return Err(PlanError::NoMetadata);
    }
    let kept = metadata.get_mut("remote_schemas").map(Value::take);
    let mut all = match kept {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(all)) => all,
        Some(_) => return Err(PlanError::NoMetadata),
    };
    let mut ours = json!(remote);
    match all.iter_mut().find(|one| one["name"] == ours["name"]) {
        Some(before) => {
            if let Some(relationships) = before.get("remote_relationships") {
                ours["remote_relationships"] = relationships.clone();
            }
            *before = ours;
        }
        None => all.push(ours),
    }
    metadata["remote_schemas"] = all.into();
    let mut request = json!({
        "type": "replace_metadata",
        "version": 2,
        "args": { "allow_inconsistent_metadata": false, "metadata": metadata },
    });
    if let Some(version) = version {
        // Hasura refuses it where somebody has changed its metadata since.
        request["resource_version"] = version;
    }
    Ok(request)
}
