//! Who may do what: every field of the schema against everybody. The table is the rule; a field without a row fails.

mod scene;

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    FieldDefinition, ServiceDocument, TypeKind, TypeSystemDefinition,
};
use scene::{Kind, Scene};
use serde_json::Value;

use crate::harness::TestApp;

/// What each caller gets from each field, in the order of [`Kind::ALL`]: `ok`, `null` without an error, or a code. `user`
/// owns what the field is asked about, `other` is somebody else who asks about the same, `disabled` holds tokens from
/// before, `administrator` is a user with the role, and `secret` has the header alone.
///
/// `signIn`, `updateUser` and their like are about the caller's own account, whoever that is; whoever holds a mailed
/// ticket, a handle or a refresh token may use it without being anybody.
const FIELDS: &str = "
field                             anonymous        user       other           disabled               administrator    secret
Query.authConfig                  ok               ok         ok              ok                     ok               ok
Query.me                          null             ok         ok              UNAUTHENTICATED        ok               null
Mutation.signUp                   ok               ok         ok              ok                     ok               ok
Mutation.verifyEmail              ok               ok         ok              ok                     ok               ok
Mutation.awaitVerification        ok               ok         ok              ok                     ok               ok
Mutation.handoffChoices           ok               ok         ok              ok                     ok               ok
Mutation.approveHandoff           ok               ok         ok              ok                     ok               ok
Mutation.resendVerification       ok               ok         ok              ok                     ok               ok
Mutation.signIn                   ok               ok         ok              ACCOUNT_DISABLED       ok               ok
Mutation.checkPassword            ok               ok         ok              ok                     ok               ok
Mutation.requestPasswordReset     ok               ok         ok              ok                     ok               ok
Mutation.resetPassword            ok               ok         ok              ok                     ok               ok
Mutation.refreshSession           ok               ok         ok              INVALID_REFRESH_TOKEN  ok               ok
Mutation.signOut                  ok               ok         ok              ok                     ok               ok
Mutation.undoEmailChange          ok               ok         ok              ok                     ok               ok
Mutation.requestEmailChange       UNAUTHENTICATED  ok         ok              UNAUTHENTICATED        ok               UNAUTHENTICATED
Mutation.confirmEmailChange       UNAUTHENTICATED  ok         INVALID_TICKET  UNAUTHENTICATED        INVALID_TICKET   UNAUTHENTICATED
Mutation.updateUser               UNAUTHENTICATED  ok         ok              UNAUTHENTICATED        ok               UNAUTHENTICATED
Mutation.deleteUser               UNAUTHENTICATED  ok         ok              UNAUTHENTICATED        ok               UNAUTHENTICATED
Mutation.changePassword           UNAUTHENTICATED  ok         ok              UNAUTHENTICATED        ok               UNAUTHENTICATED
Mutation.revokeSession            UNAUTHENTICATED  ok         NOT_FOUND       UNAUTHENTICATED        NOT_FOUND        UNAUTHENTICATED
Query.node                        null             ok         null            UNAUTHENTICATED        ok               ok
Query.nodes                       null             ok         null            UNAUTHENTICATED        ok               ok
Query.adminUser                   UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Query.adminUsers                  UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Query.adminConnection             UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Query.adminConnections            UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Query.adminApplication            UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Query.adminApplications           UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Query.adminTenant                 UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Query.adminTenants                UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Query.adminPendingSignUps         UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Query.adminAuditEvents            UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Query.adminMails                  UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminCreateUser          UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminUpdateUser          UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminDeleteUser          UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminRevokeSessions      UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminSendLink            UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminMakeLink            UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminDiscardPendingSignUp  UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminCreateConnection    UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminUpdateConnection    UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminDeleteConnection    UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminCreateApplication   UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminUpdateApplication   UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminDeleteApplication   UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminCreateTenant        UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminUpdateTenant        UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminDeleteTenant        UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminSetTenantMember     UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminRemoveTenantMember  UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminRetryMail           UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
Mutation.adminDiscardMail         UNAUTHENTICATED  FORBIDDEN  FORBIDDEN       UNAUTHENTICATED        ok               ok
";

pub fn rows() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut lines = FIELDS.trim().lines().map(str::split_whitespace);
    let mut head = lines.next().expect("a head");
    assert!(head.next().is_some() && head.eq(Kind::ALL.map(Kind::name)));
    lines
        .map(|mut cells| (cells.next().expect("a field"), cells.collect()))
        .collect()
}

/// The schema, by type.
struct Types(BTreeMap<String, TypeKind>);

impl Types {
    fn read() -> Self {
        let document: ServiceDocument = parse_schema(vestibule::graphql::sdl()).unwrap();
        let types = document
            .definitions
            .into_iter()
            .filter_map(|definition| match definition {
                TypeSystemDefinition::Type(definition) => {
                    Some((definition.node.name.node.to_string(), definition.node.kind))
                }
                _ => None,
            });
        Self(types.collect())
    }

    fn fields(&self, name: &str) -> Vec<&FieldDefinition> {
        match self.0.get(name) {
            Some(TypeKind::Object(object)) => {
                object.fields.iter().map(|field| &field.node).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Everything that can be selected of a type.
    fn selection(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(TypeKind::Object(_)) => {
                let fields = self.fields(name).into_iter().map(|field| {
                    format!(
                        "{}{}",
                        field.name.node,
                        self.selection(inner(&field.ty.node.to_string()))
                    )
                });
                format!(" {{ {} }}", fields.collect::<Vec<_>>().join(" "))
            }
            Some(TypeKind::Union(union)) => {
                let members = union.members.iter().map(|member| {
                    format!("... on {}{}", member.node, self.selection(&member.node))
                });
                format!(
                    " {{ __typename {} }}",
                    members.collect::<Vec<_>>().join(" ")
                )
            }
            Some(TypeKind::Interface(_)) => {
                let is_one = |kind: &TypeKind| match kind {
                    TypeKind::Object(object) => object.implements.iter().any(|of| of.node == name),
                    _ => false,
                };
                let members = self.0.iter().filter(|(_, kind)| is_one(kind));
                let members =
                    members.map(|(member, _)| format!("... on {member}{}", self.selection(member)));
                format!(
                    " {{ __typename {} }}",
                    members.collect::<Vec<_>>().join(" ")
                )
            }
            _ => String::new(),
        }
    }

    /// A document that asks for the field with everything below it; its variables are named as its arguments.
    fn document(&self, path: &str) -> String {
        let (parent, name) = path.split_once('.').expect("a path");
        let field = self
            .fields(parent)
            .into_iter()
            .find(|field| field.name.node == name);
        let field = field.unwrap_or_else(|| panic!("{path} is no field of the schema"));
        let list = |item: &dyn Fn(&str, String) -> String| {
            let items = field
                .arguments
                .iter()
                .map(|argument| item(&argument.node.name.node, argument.node.ty.node.to_string()));
            let items: Vec<_> = items.collect();
            if items.is_empty() {
                String::new()
            } else {
                format!("({})", items.join(", "))
            }
        };
        let variables = list(&|name, kind| format!("${name}: {kind}"));
        let arguments = list(&|name, _| format!("{name}: ${name}"));
        let below = self.selection(inner(&field.ty.node.to_string()));
        format!(
            "{} Asked{variables} {{ {name}{arguments}{below} }}",
            parent.to_lowercase()
        )
    }
}

/// A list of nothing but nulls tells as little as a null.
fn nothing_or(data: Value) -> Value {
    match data {
        Value::Array(items) if items.iter().all(Value::is_null) => Value::Null,
        data => data,
    }
}

/// `[User!]!` → `User`.
fn inner(kind: &str) -> &str {
    kind.trim_matches(|c| matches!(c, '[' | ']' | '!'))
}

#[test]
fn every_field_has_a_row_and_every_row_a_field() {
    let types = Types::read();
    let roots = ["Query", "Mutation"].into_iter().flat_map(|parent| {
        types
            .fields(parent)
            .into_iter()
            .map(move |field| format!("{parent}.{}", field.name.node))
    });
    let (fields, rows): (BTreeSet<String>, _) = (roots.collect(), rows());
    let rows: BTreeSet<String> = rows.keys().map(|field| (*field).to_owned()).collect();
    assert_eq!(fields, rows);
}

on_both_databases! {
    async fn every_field_answers_everybody_as_the_table_says(backend: Backend) {
        let types = Types::read();
        let test = TestApp::start(backend).await;
        let mut wrong = Vec::new();
        for (field, row) in rows() {
            assert_eq!(row.len(), Kind::ALL.len(), "{field}");
            let document = types.document(field);
            for (kind, expected) in Kind::ALL.into_iter().zip(row) {
                let scene = Scene::set(&test, kind).await;
                let variables = scene.variables(field).await;
                let answer = scene.caller.query(&document, variables).await;
                let name = field.split_once('.').expect("a path").1;
                let data = nothing_or(answer.at(&format!("/data/{name}")));
                let found = match answer.code_or_ok().as_str() {
                    "" if data.is_null() => "null".to_owned(),
                    "" => "ok".to_owned(),
                    code => code.to_owned(),
                };
                if found != expected {
                    wrong.push(format!("{field} for {}: {found}, not {expected}: {}", kind.name(), answer.body));
                }
                // Who is refused learns nothing, and where a mutation is refused nothing happens.
                if expected != "ok" && !data.is_null() {
                    wrong.push(format!("{field} for {}: {data}", kind.name()));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    async fn nothing_of_an_account_shows_in_what_others_are_answered(backend: Backend) {
        let types = Types::read();
        let test = TestApp::start(backend).await;
        for (field, row) in rows() {
            let document = types.document(field);
            for (kind, expected) in Kind::ALL.into_iter().zip(row) {
                if expected == "ok" {
                    continue;
                }
                let scene = Scene::set(&test, kind).await;
                let variables = scene.variables(field).await;
                let answer = scene.caller.query(&document, variables).await;
                assert_silent(field, kind, &scene, &answer.body);
            }
        }
    }
}

#[track_caller]
fn assert_silent(field: &str, kind: Kind, scene: &Scene, body: &Value) {
    let text = body.to_string();
    for secret in [
        &scene.owner_email,
        &scene.owner.user_id,
        &scene.owner.session_id,
    ] {
        assert!(
            !text.contains(secret.as_str()),
            "{field} tells {}: {text}",
            kind.name()
        );
    }
}
