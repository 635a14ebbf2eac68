//! `signUp`: a pending sign-up where the address must be verified, a user and a session where it need not be.

use async_graphql::InputObject;
use entity::verification::Purpose;
use entity::{StringList, pending_sign_up, user, verification};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
};
use sea_orm::{QueryOrder, QuerySelect, sea_query::ExprTrait};
use serde_json::Value;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::realm::place::{self, Place};
use crate::realm::role::{self, Roles};
use crate::realm::{policy, redirect};
use crate::scalar::Json;
use crate::secret::Secret;
use crate::session::{self, Outcome};
use crate::value::{self, Email, Issues, Locale};
use crate::verification::{self as proofs, Request};

/// Pending sign-ups that one address may have at a time.
const PENDING: u64 = 5;

/// Who signs up, where, and with what.
#[derive(Debug, InputObject)]
pub struct SignUpInput {
    /// The application; without it header `x-client-id`, else the default application.
    pub client_id: Option<String>,
    /// One of the application's database connections; its default if left out.
    pub connection: Option<String>,
    /// Kept as given, compared without regard to case.
    pub email: String,
    /// Must meet the connection's policy: see `authConfig.passwordPolicy`. At most 256 characters, never cut off.
    #[graphql(secret)]
    pub password: Secret,
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
    /// BCP 47; of the header `Accept-Language` if left out.
    pub locale: Option<String>,
    /// At most 10 properties; names of at most 100 characters without `.` and `$`; string values of at most 500.
    pub metadata: Option<Json>,
    /// Within the application's `signUpRoles`; all of them if left out.
    pub allowed_roles: Option<Vec<String>>,
    /// One of `allowedRoles`; the application's default if left out.
    pub default_role: Option<String>,
    /// Where the e-mailed link leads back to; must match the application's allow-list. `ticket` and `purpose` are added
    /// to its query.
    pub redirect_to: Option<String>,
    /// PKCE S256 (RFC 7636): only the holder of the verifier can redeem the e-mailed link or code. Needs `redirectTo`.
    pub code_challenge: Option<String>,
}

/// The input, checked.
struct Profile {
    email: Email,
    display_name: String,
    given_name: Option<String>,
    middle_name: Option<String>,
    family_name: Option<String>,
    phone_number: Option<String>,
    locale: Locale,
    metadata: Value,
    roles: Roles,
    redirect_to: Option<String>,
    code_challenge: Option<String>,
}

/// # Errors
/// `SIGN_UP_DISABLED`, `INVALID_INPUT`, `REDIRECT_NOT_ALLOWED`, `WEAK_PASSWORD`, `OVERLOADED`; `EMAIL_TAKEN` only where
/// no verification is asked for.
pub async fn sign_up(app: &App, caller: &Caller, input: SignUpInput) -> Result<Outcome> {
    let place = place::find(
        app,
        caller,
        input.client_id.as_deref(),
        input.connection.as_deref(),
    )
    .await?;
    if !place.connection.sign_up_enabled {
        return Err(Error::SignUpDisabled);
    }
    let password = input.password.clone();
    let profile = check(app, caller, &place, input)?;
    policy::check(
        &place.connection,
        "password",
        &password,
        profile.email.local_part(),
    )?;
    let hash = app.hasher.hash(&password).await?;
    if place.connection.email_verification_required {
        wait_for_mail(app, caller, place, profile, hash).await
    } else {
        sign_in_at_once(app, caller, place, profile, hash).await
    }
}

fn check(app: &App, caller: &Caller, place: &Place, input: SignUpInput) -> Result<Profile> {
    let mut issues = Issues::default();
    let email = issues.take(Email::parse("email", &input.email));
    let display_name = issues
        .take(value::text(
            "displayName",
            input.display_name.as_deref(),
            100,
        ))
        .flatten();
    let given_name = issues
        .take(value::text("givenName", input.given_name.as_deref(), 100))
        .flatten();
    let middle_name = issues
        .take(value::text("middleName", input.middle_name.as_deref(), 100))
        .flatten();
    let family_name = issues
        .take(value::text("familyName", input.family_name.as_deref(), 100))
        .flatten();
    let phone_number = issues
        .take(value::phone_number(
            "phoneNumber",
            input.phone_number.as_deref(),
        ))
        .flatten();
    let locale = match &input.locale {
        Some(given) => issues
            .take(Locale::parse("locale", given))
            .unwrap_or_default(),
        None => caller.locale.clone().unwrap_or_default(),
    };
    let metadata = input.metadata.unwrap_or_default().0;
    issues.take(value::metadata("metadata", &metadata));
    let roles = role::at_sign_up(
        &place.application,
        input.allowed_roles,
        input.default_role,
        &mut issues,
    );
    issues.none()?;
    let email = email.ok_or(Error::InvalidInput(Vec::new()))?;
    proofs::check_challenge(
        input.code_challenge.as_deref(),
        input.redirect_to.as_deref(),
    )?;
    let redirect_to = match &input.redirect_to {
        Some(given) => Some(redirect::check(&app.config, &place.application, given)?.to_string()),
        None => None,
    };
    Ok(Profile {
        display_name: display_name.unwrap_or_else(|| email.local_part().to_owned()),
        email,
        given_name,
        middle_name,
        family_name,
        phone_number,
        locale,
        metadata: Value::Object(metadata),
        roles,
        redirect_to,
        code_challenge: input.code_challenge,
    })
}

/// No user before the mail is answered. A taken address takes the same steps at the same cost; its row is a decoy, and
/// its owner is told.
async fn wait_for_mail(
    app: &App,
    caller: &Caller,
    place: Place,
    profile: Profile,
    hash: String,
) -> Result<Outcome> {
    let tx = app.db.begin().await?;
    let taken = user::Entity::find()
        .filter(user::Column::ConnectionId.eq(place.connection.id))
        .filter(user::Column::EmailKey.eq(profile.email.key()))
        .count(&tx)
        .await?;
    let request = Request {
        purpose: Purpose::SignUp,
        place: &place,
        user: None,
        email: &profile.email,
        locale: &profile.locale,
        decoy: taken > 0,
        code_challenge: profile.code_challenge.clone(),
        redirect_to: profile.redirect_to.clone(),
    };
    let (row, resend_at) = proofs::start::start(app, &tx, caller, request).await?;
    make_room(app, &tx, &row).await?;
    let pending = pending_sign_up::ActiveModel {
        verification_id: Set(row.id),
        password_hash: Set(hash),
        phone_number: Set(profile.phone_number),
        display_name: Set(profile.display_name),
        given_name: Set(profile.given_name),
        middle_name: Set(profile.middle_name),
        family_name: Set(profile.family_name),
        metadata: Set(profile.metadata),
        default_role: Set(profile.roles.default),
        roles: Set(StringList(profile.roles.all)),
    };
    pending_sign_up::Entity::insert(pending)
        .exec_without_returning(&tx)
        .await?;
    let event = Event {
        application: Some(place.application.id),
        connection: Some(place.connection.id),
        ..Event::anonymous(Kind::SignUpRequested)
    };
    app.record(&tx, &caller.origin, event).await?;
    tx.commit().await?;
    app.worker.wake();
    Ok(proofs::pending(app, &row, resend_at))
}

/// Voids the oldest pending sign-up of an address that has too many: one from the same network, where there is one, so
/// that a stranger pushes out the own ones before the owner's.
async fn make_room(
    app: &App,
    tx: &impl ConnectionTrait,
    newest: &verification::Model,
) -> Result<()> {
    use verification::Column;
    let waiting = verification::Entity::find()
        .filter(Column::ConnectionId.eq(newest.connection_id))
        .filter(Column::EmailKey.eq(&newest.email_key))
        .filter(Column::Purpose.eq(Purpose::SignUp))
        .filter(Column::ConsumedAt.is_null())
        .filter(Column::ExpiresAt.gt(app.now()))
        .filter(Column::Id.ne(newest.id));
    if waiting.clone().count(tx).await? < PENDING {
        return Ok(());
    }
    let oldest = waiting
        .order_by_desc(
            Column::AskedFromNetwork
                .eq(&newest.asked_from_network)
                .cast_as("integer"),
        )
        .order_by_asc(Column::CreatedAt)
        .limit(1)
        .one(tx)
        .await?;
    if let Some(oldest) = oldest {
        verification::Entity::update_many()
            .col_expr(Column::ConsumedAt, app.now().into())
            .filter(Column::Id.eq(oldest.id))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Where no mail has to be answered, nothing can conceal that an address is taken.
async fn sign_in_at_once(
    app: &App,
    caller: &Caller,
    place: Place,
    profile: Profile,
    hash: String,
) -> Result<Outcome> {
    let now = app.now();
    let user = user::Model {
        id: app.id(),
        connection_id: place.connection.id,
        email: profile.email.as_str().to_owned(),
        email_key: profile.email.key().to_owned(),
        email_verified_at: None,
        username: None,
        username_key: None,
        phone_number: profile.phone_number,
        display_name: profile.display_name,
        given_name: profile.given_name,
        middle_name: profile.middle_name,
        family_name: profile.family_name,
        avatar_url: None,
        locale: profile.locale.as_str().to_owned(),
        metadata: profile.metadata,
        app_metadata: Value::Object(serde_json::Map::new()),
        default_role: profile.roles.default,
        roles: StringList(profile.roles.all),
        password_hash: Some(hash),
        disabled_at: None,
        last_sign_in_at: None,
        created_at: now,
        updated_at: now,
    };
    let tx = app.db.begin().await?;
    if !insert_if_free(&tx, user.clone()).await? {
        return Err(Error::EmailTaken);
    }
    let opened = session::open::open(app, &tx, caller, user, place.application, "pwd").await?;
    let event = Event {
        session: Some(opened.session.id),
        application: Some(opened.application.id),
        connection: Some(place.connection.id),
        ..Event::by_user(Kind::SignedUp, opened.user.id)
    };
    app.record(&tx, &caller.origin, event).await?;
    tx.commit().await?;
    Ok(Outcome::Opened(Box::new(opened)))
}

/// Inserts the user unless the address is taken; the unique index decides.
pub(super) async fn insert_if_free(tx: &impl ConnectionTrait, user: user::Model) -> Result<bool> {
    use sea_orm::TryInsertResult;
    let inserted = user::Entity::insert(user::ActiveModel::from(user))
        .on_conflict_do_nothing_on([user::Column::ConnectionId, user::Column::EmailKey])
        .exec_without_returning(tx)
        .await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(rows) if rows > 0))
}
