//! `adminCreateApplication`: a new client of the front door.

use async_graphql::InputObject;
use entity::StringList;
use entity::application::{ActiveModel, Entity, Model};
use sea_orm::EntityTrait;
use serde_json::json;

use super::rules::Rules;
use super::{Application, enable};
use crate::admin::realm::name::{already_exists, check_handle};
use crate::app::App;
use crate::caller::Caller;
use crate::error::Result;
use crate::event::{Event, Kind};
use crate::realm::place::DEFAULT;
use crate::value::Issues;

/// What every sign-up may have where nothing else is said, as in the application `default`.
const ROLES: [&str; 2] = ["user", "me"];

/// A new application. What is left out is as the application `default` has it at first.
#[derive(Debug, InputObject)]
pub struct AdminCreateApplicationInput {
    /// At most 100 characters.
    pub name: String,
    /// What inputs and the header `x-client-id` call it, for good: 1 to 64 of A-Z, a-z, 0-9, `_`, `-` and `.`. Made if
    /// left out.
    pub client_id: Option<String>,
    /// The connections that it enables, at least one; the first one is its default. The connection `default` if left out.
    pub connections: Option<Vec<String>>,
    /// Scheme, host, port and path; a host may begin with `*.` for its subdomains. Addresses below the public URL are
    /// always allowed.
    pub allowed_redirect_urls: Option<Vec<String>>,
    /// Scheme, host and port, as browsers name them in the header `Origin`; no wildcards.
    pub allowed_origins: Option<Vec<String>>,
    /// What its tokens may carry: a user's roles within these; at most 50. `user` and `me` if left out.
    pub roles: Option<Vec<String>>,
    /// What anyone may ask for at sign-up; a subset of `roles`. If left out, the default role that is given, else those
    /// of `user` and `me` that are in `roles`.
    pub sign_up_roles: Option<Vec<String>>,
    /// Of a sign-up that names none; one of `signUpRoles`, the first one if left out.
    pub default_role: Option<String>,
    /// Names that `customClaims` may hold: none that means something already, and none that a Hasura engine would read.
    pub allowed_custom_claims: Option<Vec<String>>,
    /// Names that `templateOptions` may hold.
    pub allowed_template_options: Option<Vec<String>>,
    /// Whether `requestPasswordReset` may hold the new password; not if left out.
    pub password_in_reset_request_allowed: Option<bool>,
    /// Seconds: 60 to 86,400; 900 if left out.
    pub access_token_ttl: Option<i32>,
    /// Seconds, sliding: 300 to 7,776,000; 2,592,000 (30 days) if left out.
    pub refresh_token_ttl: Option<i32>,
}

/// # Errors
/// `ALREADY_EXISTS` for a client id that is taken; `INVALID_INPUT` for what is out of bounds.
pub async fn admin_create_application(
    app: &App,
    caller: &Caller,
    input: AdminCreateApplicationInput,
) -> Result<Application> {
    let mut issues = Issues::default();
    if let Some(client_id) = &input.client_id {
        check_handle("clientId", client_id, &mut issues);
    }
    let names = input.connections.unwrap_or_else(|| vec![DEFAULT.into()]);
    let client_id = input.client_id.unwrap_or_else(|| made_up(app));
    let roles = input.roles.unwrap_or_else(|| ROLES.map(Into::into).into());
    let sign_up_roles = input.sign_up_roles.unwrap_or_else(|| {
        let usual = || ROLES.map(Into::into).into_iter();
        match &input.default_role {
            Some(role) => vec![role.clone()],
            None => usual().filter(|role| roles.contains(role)).collect(),
        }
    });
    let first = || sign_up_roles.first().cloned().unwrap_or_default();
    let rules = Rules {
        name: Some(input.name),
        allowed_redirect_urls: input.allowed_redirect_urls,
        allowed_origins: input.allowed_origins,
        default_role: Some(input.default_role.unwrap_or_else(first)),
        sign_up_roles: Some(sign_up_roles),
        roles: Some(roles),
        allowed_custom_claims: input.allowed_custom_claims,
        allowed_template_options: input.allowed_template_options,
        password_in_reset_request_allowed: input.password_in_reset_request_allowed,
        access_token_ttl: input.access_token_ttl,
        refresh_token_ttl: input.refresh_token_ttl,
    };
    let mut details = rules.details();
    details["clientId"] = json!(client_id);
    details["connections"] = json!(names);
    let mut row = fresh(app, client_id);
    rules.apply(&mut row, &mut issues);
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let mut issues = issues.clone();
            let connections = enable::find(&tx, &names, &mut issues).await?;
            issues.none()?;
            Entity::insert(ActiveModel::from(row.clone()))
                .exec_without_returning(&tx)
                .await
                .map_err(already_exists)?;
            enable::replace(&tx, row.id, &connections).await?;
            let event = Event {
                application: Some(row.id),
                details: details.clone(),
                ..Event::by_administrator(Kind::ApplicationCreated, caller.acting_user())
            };
            app.record(&tx, &caller.origin, event).await?;
            tx.commit().await?;
            Ok(Application::new(row.clone(), names.clone()))
        })
        .await
}

/// Public, and so no secret; random, so that two never meet.
fn made_up(app: &App) -> String {
    format!("{:032x}", u128::from_be_bytes(app.rng.bytes()))
}

fn fresh(app: &App, client_id: String) -> Model {
    let now = app.now();
    Model {
        id: app.id(),
        client_id,
        name: String::new(),
        allowed_redirect_urls: StringList::default(),
        allowed_origins: StringList::default(),
        roles: StringList::default(),
        sign_up_roles: StringList::default(),
        default_role: String::new(),
        allowed_custom_claims: StringList::default(),
        allowed_template_options: StringList::default(),
        password_in_reset_request_allowed: false,
        access_token_ttl: 900,
        refresh_token_ttl: 30 * 86_400,
        disabled_at: None,
        created_at: now,
        updated_at: now,
    }
}
