//! `adminUpdateApplication`: where an application's links may lead, what its tokens carry and how long they live.

use async_graphql::{InputObject, SimpleObject};
use entity::application::{ActiveModel, Column, Entity, Model};
use entity::{StringList, application_connection, connection};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
};
use url::Url;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Issue, Result};
use crate::event::{Event, Kind};
use crate::value::{self, Issues, storable};

/// Entries of a list.
const MOST: usize = 100;
/// Seconds: a minute to a day.
const ACCESS: (i32, i32) = (60, 86_400);
/// Seconds: five minutes to 90 days.
const REFRESH: (i32, i32) = (300, 90 * 86_400);

/// What to change of which application.
#[derive(Debug, InputObject)]
pub struct AdminUpdateApplicationInput {
    /// Which application; client ids do not change.
    pub client_id: String,
    /// At most 100 characters.
    pub name: Option<String>,
    /// Scheme, host, port and path; a host may begin with `*.` for its subdomains. Addresses below the public URL are
    /// always allowed.
    pub allowed_redirect_urls: Option<Vec<String>>,
    /// What its tokens may carry: a user's roles within these.
    pub roles: Option<Vec<String>>,
    /// What anyone may ask for at sign-up; a subset of `roles`.
    pub sign_up_roles: Option<Vec<String>>,
    /// Of a sign-up that names none; one of `signUpRoles`.
    pub default_role: Option<String>,
    /// Names that `templateOptions` may hold.
    pub allowed_template_options: Option<Vec<String>>,
    /// Whether `requestPasswordReset` may hold the new password.
    pub password_in_reset_request_allowed: Option<bool>,
    /// Seconds: 60 to 86,400.
    pub access_token_ttl: Option<i32>,
    /// Seconds, sliding: 300 to 7,776,000.
    pub refresh_token_ttl: Option<i32>,
}

/// An application: one client of the front door.
#[derive(Clone, Debug, SimpleObject)]
pub struct Application {
    /// What inputs and the header `x-client-id` call it; the `aud` of its tokens.
    client_id: String,
    name: String,
    /// The connections that it enables; the first one is its default.
    connections: Vec<String>,
    /// Where mailed links may lead back to.
    allowed_redirect_urls: Vec<String>,
    /// Whose pages may call it.
    allowed_origins: Vec<String>,
    /// What its tokens may carry: a user's roles within these.
    roles: Vec<String>,
    /// What anyone may ask for at sign-up; a subset of `roles`.
    sign_up_roles: Vec<String>,
    /// Of a sign-up that names none.
    default_role: String,
    /// Names that `customClaims` may hold.
    allowed_custom_claims: Vec<String>,
    /// Names that `templateOptions` may hold.
    allowed_template_options: Vec<String>,
    /// Whether `requestPasswordReset` may hold the new password.
    password_in_reset_request_allowed: bool,
    /// Seconds.
    access_token_ttl: i32,
    /// Seconds, sliding.
    refresh_token_ttl: i32,
}

/// # Errors
/// `NOT_FOUND` for an unknown client id; `INVALID_INPUT` for what is out of bounds.
pub async fn admin_update_application(
    app: &App,
    caller: &Caller,
    input: AdminUpdateApplicationInput,
) -> Result<Application> {
    let tx = app.db.begin().await?;
    let client_id = storable(&input.client_id);
    let by_id = || Entity::find().filter(Column::ClientId.eq(client_id));
    let row = by_id().one(&tx).await?.ok_or(Error::NotFound)?;
    let change = ActiveModel {
        updated_at: Set(app.now()),
        ..check(&row, &input)?
    };
    Entity::update_many()
        .set(change)
        .filter(Column::Id.eq(row.id))
        .exec(&tx)
        .await?;
    let row = by_id().one(&tx).await?.ok_or(Error::NotFound)?;
    let event = Event {
        application: Some(row.id),
        ..Event::by_administrator(Kind::ApplicationUpdated, caller.acting_user())
    };
    app.record(&tx, &caller.origin, event).await?;
    let connections = connections_of(&tx, &row).await?;
    tx.commit().await?;
    Ok(view(row, connections))
}

fn check(row: &Model, input: &AdminUpdateApplicationInput) -> Result<ActiveModel> {
    let mut issues = Issues::default();
    let mut change = ActiveModel::default();
    if let Some(name) = &input.name {
        match issues.take(value::text("name", Some(name), 100)) {
            Some(Some(name)) => change.name = Set(name),
            Some(None) => issues.push(Issue::new("name", "required", "A name is required.")),
            None => {}
        }
    }
    if let Some(urls) = &input.allowed_redirect_urls {
        check_list("allowedRedirectUrls", urls, is_redirect, &mut issues);
        change.allowed_redirect_urls = Set(StringList(urls.clone()));
    }
    if let Some(names) = &input.allowed_template_options {
        check_list("allowedTemplateOptions", names, is_name, &mut issues);
        change.allowed_template_options = Set(StringList(names.clone()));
    }
    let roles = input.roles.as_ref().unwrap_or(&row.roles.0);
    let sign_up_roles = input.sign_up_roles.as_ref().unwrap_or(&row.sign_up_roles.0);
    let default_role = input.default_role.as_ref().unwrap_or(&row.default_role);
    check_list("roles", roles, is_name, &mut issues);
    if sign_up_roles.iter().any(|role| !roles.contains(role)) {
        issues.push(Issue::new(
            "signUpRoles",
            "not_allowed",
            "Every role must be one of `roles`.",
        ));
    }
    if !sign_up_roles.contains(default_role) {
        issues.push(Issue::new(
            "defaultRole",
            "not_allowed",
            "It must be one of `signUpRoles`.",
        ));
    }
    change.roles = Set(StringList(roles.clone()));
    change.sign_up_roles = Set(StringList(sign_up_roles.clone()));
    change.default_role = Set(default_role.clone());
    if let Some(allowed) = input.password_in_reset_request_allowed {
        change.password_in_reset_request_allowed = Set(allowed);
    }
    let mut seconds = |path, value: i32, (least, most): (i32, i32)| {
        if !(least..=most).contains(&value) {
            issues.push(Issue::new(
                path,
                "not_allowed",
                format!("{least} to {most} seconds."),
            ));
        }
        Set(value)
    };
    if let Some(ttl) = input.access_token_ttl {
        change.access_token_ttl = seconds("accessTokenTtl", ttl, ACCESS);
    }
    if let Some(ttl) = input.refresh_token_ttl {
        change.refresh_token_ttl = seconds("refreshTokenTtl", ttl, REFRESH);
    }
    issues.none()?;
    Ok(change)
}

fn check_list(
    path: &'static str,
    items: &[String],
    is_good: fn(&str) -> bool,
    issues: &mut Issues,
) {
    if items.len() > MOST {
        issues.push(Issue::new(path, "too_many", format!("At most {MOST}.")));
    }
    for (number, item) in items.iter().enumerate().filter(|(_, item)| !is_good(item)) {
        let shown: String = item.chars().filter(|c| !c.is_control()).take(60).collect();
        issues.push(Issue::new(
            format!("{path}.{number}"),
            "format",
            format!("`{shown}` is not acceptable here."),
        ));
    }
}

fn is_redirect(entry: &str) -> bool {
    let parsed = Url::parse(&entry.replacen("://*.", "://", 1));
    parsed.is_ok_and(|url| {
        url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    }) && !entry.replacen("://*.", "://", 1).contains('*')
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-:.".contains(&b))
}

async fn connections_of(db: &impl ConnectionTrait, application: &Model) -> Result<Vec<String>> {
    let enabled = application_connection::Entity::find()
        .filter(application_connection::Column::ApplicationId.eq(application.id))
        .order_by_asc(application_connection::Column::Position)
        .find_also_related(connection::Entity)
        .all(db)
        .await?;
    Ok(enabled
        .into_iter()
        .filter_map(|(_, connection)| connection)
        .map(|connection| connection.name)
        .collect())
}

fn view(row: Model, connections: Vec<String>) -> Application {
    Application {
        client_id: row.client_id,
        name: row.name,
        connections,
        allowed_redirect_urls: row.allowed_redirect_urls.0,
        allowed_origins: row.allowed_origins.0,
        roles: row.roles.0,
        sign_up_roles: row.sign_up_roles.0,
        default_role: row.default_role,
        allowed_custom_claims: row.allowed_custom_claims.0,
        allowed_template_options: row.allowed_template_options.0,
        password_in_reset_request_allowed: row.password_in_reset_request_allowed,
        access_token_ttl: row.access_token_ttl,
        refresh_token_ttl: row.refresh_token_ttl,
    }
}
