//! `adminUpdateApplication`: who comes in through it, where its links may lead, what its tokens carry and how long they
//! live.

use async_graphql::{InputObject, MaybeUndefined};
use entity::application::{ActiveModel, Column, Entity};
use sea_orm::sea_query::LockType;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
};
use serde_json::json;

use super::rules::Rules;
use super::{Application, enable};
use crate::admin::realm::null;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::value::{Issues, storable};

/// What to change of which application. Fields that are left out stay; null empties the lists of redirect addresses, origins,
/// claims and template options, and is `INVALID_INPUT` elsewhere, for connections and roles, too.
#[derive(Debug, InputObject)]
pub struct AdminUpdateApplicationInput {
    /// Which application; client ids do not change.
    pub client_id: String,
    /// At most 100 characters.
    pub name: MaybeUndefined<String>,
    /// The connections that it enables, at least one; the first one is its default. Sessions of users of a connection that
    /// is left out do not work any more.
    pub connections: MaybeUndefined<Vec<String>>,
    /// Scheme, host, port and path; a host may begin with `*.` for its subdomains. Addresses below the public URL are
    /// always allowed.
    pub allowed_redirect_urls: MaybeUndefined<Vec<String>>,
    /// Scheme, host and port, as browsers name them in the header `Origin`; no wildcards.
    pub allowed_origins: MaybeUndefined<Vec<String>>,
    /// What its tokens may carry: a user's roles within these; at most 50.
    pub roles: MaybeUndefined<Vec<String>>,
    /// What anyone may ask for at sign-up; a subset of `roles`.
    pub sign_up_roles: MaybeUndefined<Vec<String>>,
    /// Of a sign-up that names none; one of `signUpRoles`.
    pub default_role: MaybeUndefined<String>,
    /// Names that `customClaims` may hold: none that means something already, and none that a Hasura engine would read. A
    /// claim that is left out is in no token from its next refresh on.
    pub allowed_custom_claims: MaybeUndefined<Vec<String>>,
    /// Names that `templateOptions` may hold.
    pub allowed_template_options: MaybeUndefined<Vec<String>>,
    /// Whether `requestPasswordReset` may hold the new password.
    pub password_in_reset_request_allowed: MaybeUndefined<bool>,
    /// Seconds: 60 to 86,400.
    pub access_token_ttl: MaybeUndefined<i32>,
    /// Seconds, sliding: 300 to 7,776,000.
    pub refresh_token_ttl: MaybeUndefined<i32>,
    /// True: nobody comes in through it from the next request on, and its tokens and mailed links work nowhere. False: all
    /// of that works again, as far as it has not ended meanwhile.
    pub disabled: MaybeUndefined<bool>,
}

/// # Errors
/// `NOT_FOUND` for an unknown client id; `INVALID_INPUT` for what is out of bounds.
pub async fn admin_update_application(
    app: &App,
    caller: &Caller,
    input: AdminUpdateApplicationInput,
) -> Result<Application> {
    let now = app.now();
    let mut issues = Issues::default();
    let connections = null::list(input.connections);
    let disabled = null::never("disabled", input.disabled, &mut issues);
    let rules = Rules {
        name: null::never("name", input.name, &mut issues),
        allowed_redirect_urls: null::list(input.allowed_redirect_urls),
        allowed_origins: null::list(input.allowed_origins),
        roles: null::list(input.roles),
        sign_up_roles: null::list(input.sign_up_roles),
        default_role: null::never("defaultRole", input.default_role, &mut issues),
        allowed_custom_claims: null::list(input.allowed_custom_claims),
        allowed_template_options: null::list(input.allowed_template_options),
        password_in_reset_request_allowed: null::never(
            "passwordInResetRequestAllowed",
            input.password_in_reset_request_allowed,
            &mut issues,
        ),
        access_token_ttl: null::never("accessTokenTtl", input.access_token_ttl, &mut issues),
        refresh_token_ttl: null::never("refreshTokenTtl", input.refresh_token_ttl, &mut issues),
    };
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            // Changes at once follow one another: each is judged against, and keeps, what the other one left.
            let mut row = Entity::find()
                .filter(Column::ClientId.eq(storable(&input.client_id)))
                .lock(LockType::NoKeyUpdate)
                .one(&tx)
                .await?
                .ok_or(Error::NotFound)?;
            let mut details = rules.details();
            let mut issues = issues.clone();
            rules.clone().apply(&mut row, &mut issues);
            if let Some(disabled) = disabled {
                // Disabled twice is disabled since the first time.
                row.disabled_at = disabled.then(|| row.disabled_at.unwrap_or(now));
                details["disabled"] = json!(disabled);
            }
            let connections = match &connections {
                Some(names) => {
                    details["connections"] = json!(names);
                    Some(enable::find(&tx, names, &mut issues).await?)
                }
                None => None,
            };
            issues.none()?;
            row.updated_at = now;
            let change: ActiveModel = row.clone().into_active_model().reset_all();
            Entity::update_many()
                .set(change)
                .filter(Column::Id.eq(row.id))
                .exec(&tx)
                .await?;
            if let Some(connections) = connections {
                enable::replace(&tx, row.id, &connections).await?;
            }
            let event = Event {
                application: Some(row.id),
                details,
                ..Event::by_administrator(Kind::ApplicationUpdated, caller.acting_user())
            };
            app.record(&tx, &caller.origin, event).await?;
            let mut names = enable::names_of(&tx, [row.id]).await?;
            tx.commit().await?;
            let connections = names.remove(&row.id).unwrap_or_default();
            Ok(Application::new(row, connections))
        })
        .await
}
