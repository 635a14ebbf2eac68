//! `adminCreateUser`: an account without a sign-up, with a password or with an invitation to choose one.

use async_graphql::InputObject;
use entity::{StringList, connection, user};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Map, Value, json};

use super::find;
use super::link::{self, AdminLinkPurpose, Asked};
use super::wish::Wishes;
use crate::account::{insert_if_free, settle};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Issue, Result};
use crate::event::{Event, Kind};
use crate::password::choose::{Candidate, choose, personal_data};
use crate::realm::place::DEFAULT;
use crate::realm::redirect;
use crate::scalar::Json;
use crate::secret::Secret;
use crate::value::{Issues, Locale, storable};
use crate::verification::address;

/// The account to make. Without a password: `sendInvitation` mails a link with which the user chooses one.
#[derive(Debug, InputObject)]
pub struct AdminCreateUserInput {
    /// Where the account lives; the connection `default` if left out. The connection's lists of domains bind sign-ups only,
    /// not administrators.
    pub connection: Option<String>,
    /// Kept as given, compared without regard to case.
    pub email: String,
    /// Must meet the connection's policy. Without one the account is `INVITED` until its user chooses one.
    #[graphql(secret)]
    pub password: Option<Secret>,
    /// Mails a link, good for 7 days, with which the user chooses a password. Only without `password`.
    pub send_invitation: Option<bool>,
    /// Whether the address counts as verified; not, if left out.
    pub email_verified: Option<bool>,
    /// Required where the connection has usernames.
    pub username: Option<String>,
    /// At most 100 characters; the part of the address before the `@` if left out.
    pub display_name: Option<String>,
    /// At most 100 characters.
    pub given_name: Option<String>,
    /// At most 100 characters.
    pub middle_name: Option<String>,
    /// At most 100 characters.
    pub family_name: Option<String>,
    /// In international form (E.164), e.g. `+4930123456`.
    pub phone_number: Option<String>,
    /// BCP 47; `en` if left out. The invitation is in this language, too.
    pub locale: Option<String>,
    /// What the user may change: at most 10 properties; names of at most 100 characters; string values of at most 500.
    pub metadata: Option<Json>,
    /// What only administrators may change; the same bounds.
    pub app_metadata: Option<Json>,
    /// At most 50; the application's `signUpRoles` if left out. `vestibule-admin` makes an administrator.
    pub roles: Option<Vec<String>>,
    /// One of `roles`; the application's default role, or else the first of `roles`, if left out.
    pub default_role: Option<String>,
    /// Whose roles an account without `roles` has, and where the invitation leads; the default application if left out.
    pub client_id: Option<String>,
    /// Where the link of the invitation leads back to; must match the application's allow-list.
    pub redirect_to: Option<String>,
}

/// # Errors
/// `INVALID_INPUT` with every issue, `REDIRECT_NOT_ALLOWED`, `WEAK_PASSWORD`, `EMAIL_TAKEN`, `USERNAME_TAKEN`,
/// `OVERLOADED`.
pub async fn admin_create_user(
    app: &App,
    caller: &Caller,
    mut input: AdminCreateUserInput,
) -> Result<user::Model> {
    let connection = connection_of(app, input.connection.as_deref()).await?;
    let client_id = input.client_id.take();
    let redirect_to = input.redirect_to.take();
    let password = input.password.take();
    let invited = input.send_invitation == Some(true);
    let roles_given = input.roles.is_some() || input.default_role.is_some();
    let mut issues = Issues::default();
    if invited && password.is_some() {
        issues.push(Issue::new(
            "sendInvitation",
            "not_allowed",
            "An account with a password needs no invitation.",
        ));
    }
    let mut user = draft(app, &connection, client_id.as_deref(), input, &mut issues).await?;
    issues.none()?;
    let invitation = if invited {
        let place = find::place(app, client_id.as_deref(), connection.id).await?;
        let redirect_to =
            redirect::check_given(&app.config, &place.application, redirect_to.as_deref())?;
        Some((place, redirect_to))
    } else {
        None
    };
    if let Some(password) = &password {
        let candidate = Candidate {
            connection: &connection,
            password,
            personal: personal_data(&user),
            user: None,
        };
        user.password_hash = Some(choose(app, caller, "password", &candidate).await?);
    }

    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let now = app.now();
            // Looked at after the insertion: whoever gives the address up in between is seen then.
            if !insert_if_free(&tx, user.clone()).await?
                || address::is_reserved(&tx, connection.id, &user.email_key, None, now).await?
            {
                return Err(Error::EmailTaken);
            }
            settle(&tx, &user, now).await?;
            let event = Event {
                user: Some(user.id),
                connection: Some(connection.id),
                details: details(&user, invited, roles_given),
                ..Event::by_administrator(Kind::UserCreated, caller.acting_user())
            };
            app.record(&tx, &caller.origin, event).await?;
            if let Some((place, redirect_to)) = &invitation {
                let asked = Asked {
                    purpose: AdminLinkPurpose::Invitation,
                    place,
                    redirect_to: redirect_to.clone(),
                    mailed: true,
                };
                link::write(app, &tx, caller, &user, asked).await?;
            }
            tx.commit().await?;
            app.worker.wake();
            Ok(user.clone())
        })
        .await
}

/// What the trail tells: nothing of the person, but whom somebody gave which power.
fn details(user: &user::Model, invited: bool, roles_given: bool) -> Value {
    let mut details = json!({ "invited": invited });
    if roles_given {
        details["roles"] = json!(user.roles);
        details["defaultRole"] = json!(user.default_role);
    }
    details
}

async fn connection_of(app: &App, name: Option<&str>) -> Result<connection::Model> {
    let found = connection::Entity::find()
        .filter(connection::Column::Name.eq(storable(name.unwrap_or(DEFAULT))))
        .one(app.db.read())
        .await?;
    found.ok_or_else(|| Error::invalid("connection", "unknown", "There is no such connection."))
}

/// The account as it will be, but without a password; what is wrong is noted.
async fn draft(
    app: &App,
    connection: &connection::Model,
    client_id: Option<&str>,
    input: AdminCreateUserInput,
    issues: &mut Issues,
) -> Result<user::Model> {
    let mut user = blank(app, connection);
    match find::application(app, client_id).await? {
        Some(application) => {
            user.roles = application.sign_up_roles;
            user.default_role = application.default_role;
        }
        None if client_id.is_some() || input.roles.is_none() => issues.push(Issue::new(
            "clientId",
            "unknown",
            "There is no such application.",
        )),
        None => {}
    }
    if let Some(roles) = &input.roles
        && !roles.contains(&user.default_role)
    {
        user.default_role = roles.first().cloned().unwrap_or_default();
    }
    let wishes = Wishes {
        email: Some(Some(input.email)),
        email_verified: input.email_verified.map(Some),
        username: (input.username.is_some() || connection.username_required)
            .then_some(input.username),
        display_name: Some(input.display_name),
        given_name: Some(input.given_name),
        middle_name: Some(input.middle_name),
        family_name: Some(input.family_name),
        phone_number: Some(input.phone_number),
        phone_number_verified: None,
        locale: Some(input.locale),
        metadata: Some(input.metadata),
        app_metadata: Some(input.app_metadata),
        roles: input.roles.map(Some),
        default_role: input.default_role.map(Some),
        disabled: None,
    };
    wishes.apply(connection, &mut user, app.now(), issues);
    Ok(user)
}

fn blank(app: &App, connection: &connection::Model) -> user::Model {
    let now = app.now();
    user::Model {
        id: app.id(),
        connection_id: connection.id,
        email: String::new(),
        email_key: String::new(),
        email_verified_at: None,
        username: None,
        username_key: None,
        phone_number: None,
        phone_number_verified_at: None,
        display_name: String::new(),
        given_name: None,
        middle_name: None,
        family_name: None,
        avatar_url: None,
        locale: Locale::default().as_str().to_owned(),
        metadata: Value::Object(Map::new()),
        app_metadata: Value::Object(Map::new()),
        default_role: String::new(),
        roles: StringList::default(),
        password_hash: None,
        disabled_at: None,
        last_sign_in_at: None,
        created_at: now,
        updated_at: now,
    }
}
