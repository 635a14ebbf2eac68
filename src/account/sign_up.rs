//! `signUp`: a pending sign-up where the address must be verified, a user and a session where it need not be.

use async_graphql::InputObject;
use entity::verification::Purpose;
use entity::{StringList, pending_sign_up, user, verification};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait};
use sea_orm::{QueryFilter, QueryOrder, SqlErr};
use serde_json::Value;

use super::profile::{self, Profile};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::password::attempt;
use crate::password::choose::{Candidate, choose};
use crate::realm::place::{self, Place};
use crate::scalar::Json;
use crate::secret::Secret;
use crate::session::{self, Opening, Outcome, TokenTransport};
use crate::value::Username;
use crate::verification::{self as proofs, Request, address};

/// Pending sign-ups that one address may have at a time.
const PENDING: usize = 5;

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
    /// Required where the connection has usernames: 1 to 128 ASCII letters, digits, `@ ^ $ . ! # - + ' ~ _` and the grave
    /// accent, not shaped like an e-mail address, compared without regard to case.
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
    /// Values for the e-mail template: names that the application lists, strings of at most 100 characters, no addresses
    /// of the web.
    pub template_options: Option<Json>,
    /// Extra claims of the access tokens: names that the application lists, at most 10, 1,024 octets of JSON in all.
    pub custom_claims: Option<Json>,
    /// Where no mail has to be answered; `BODY` if left out.
    pub token_transport: Option<TokenTransport>,
}

/// # Errors
/// `SIGN_UP_DISABLED`, `INVALID_INPUT`, `REDIRECT_NOT_ALLOWED`, `WEAK_PASSWORD`, `USERNAME_TAKEN`, `RATE_LIMITED`,
/// `OVERLOADED`; `EMAIL_TAKEN` and `ORIGIN_NOT_ALLOWED` only where no verification is asked for.
pub async fn sign_up(app: &App, caller: &Caller, input: SignUpInput) -> Result<Outcome> {
    app.hasher.admit()?;
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
    let transport = input.token_transport.unwrap_or_default();
    let password = input.password.clone();
    let profile = profile::check(app, caller, &place, input)?;
    refuse_taken_username(app, &place, &profile).await?;
    let candidate = Candidate {
        connection: &place.connection,
        password: &password,
        personal: profile.personal(),
        user: None,
    };
    attempt::allow_stranger(app, caller).await?;
    let hash = choose(app, caller, "password", &candidate).await?;
    if place.connection.email_verification_required {
        wait_for_mail(app, caller, place, profile, hash).await
    } else {
        sign_in_at_once(app, caller, place, profile, hash, transport).await
    }
}

/// Usernames are public, so that a taken one can be told before anything is mailed. It is told for what it is: the
/// unique index decides later.
async fn refuse_taken_username(app: &App, place: &Place, profile: &Profile) -> Result<()> {
    let Some(username) = &profile.username else {
        return Ok(());
    };
    let taken = user::Entity::find()
        .filter(user::Column::ConnectionId.eq(place.connection.id))
        .filter(user::Column::UsernameKey.eq(username.key()))
        .count(app.db.read())
        .await?;
    if taken == 0 {
        Ok(())
    } else {
        Err(Error::UsernameTaken)
    }
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
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let taken = address::is_taken(
                &tx,
                place.connection.id,
                profile.email.key(),
                None,
                app.now(),
            )
            .await?;
            let request = Request {
                decoy: taken,
                code_challenge: profile.code_challenge.clone(),
                redirect_to: profile.redirect_to.clone(),
                template_options: profile.template_options.clone(),
                custom_claims: profile.custom_claims.clone(),
                ..Request::new(Purpose::SignUp, &place, &profile.email, &profile.locale)
            };
            let (row, resend_at) = proofs::start::start(app, &tx, caller, request).await?;
            make_room(app, &tx, &row).await?;
            let pending = pending_sign_up::ActiveModel {
                verification_id: Set(row.id),
                password_hash: Set(hash.clone()),
                username: Set(profile
                    .username
                    .as_ref()
                    .map(|username| username.as_str().to_owned())),
                phone_number: Set(profile.phone_number.clone()),
                display_name: Set(profile.display_name.clone()),
                given_name: Set(profile.given_name.clone()),
                middle_name: Set(profile.middle_name.clone()),
                family_name: Set(profile.family_name.clone()),
                metadata: Set(profile.metadata.clone()),
                default_role: Set(profile.roles.default.clone()),
                roles: Set(StringList(profile.roles.all.clone())),
            };
            pending_sign_up::Entity::insert(pending)
                .exec_without_returning(&tx)
                .await?;
            let event = Event {
                application: Some(place.application.id),
                connection: Some(place.connection.id),
                ..Event::anonymous(Kind::SignUpRequested)
            };
            // Under the id of its sign-up, by which it is found again when the address becomes an account's.
            event.record(&tx, row.id, app.now(), &caller.origin).await?;
            tx.commit().await?;
            app.metrics.event(Kind::SignUpRequested.as_str());
            app.worker.wake();
            Ok(proofs::pending(app, &row, resend_at))
        })
        .await
}

/// Voids a pending sign-up of an address that has too many: the oldest of the network that has most of them, so that a
/// stranger pushes out the own ones before the owner's. Of networks that have as many, the asking one's, then the oldest.
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
        .filter(Column::Id.ne(newest.id))
        .order_by_asc(Column::CreatedAt)
        .all(tx)
        .await?;
    if waiting.len() < PENDING {
        return Ok(());
    }
    let of_network = |network: &str| {
        let all = waiting.iter().chain([newest]);
        all.filter(|row| row.asked_from_network == network).count()
    };
    // Backwards, because of several that are equal the last one is taken.
    let too_many = waiting.iter().rev().max_by_key(|row| {
        let network = &row.asked_from_network;
        (of_network(network), *network == newest.asked_from_network)
    });
    if let Some(row) = too_many {
        verification::Entity::update_many()
            .col_expr(Column::ConsumedAt, app.now().into())
            .filter(Column::Id.eq(row.id))
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
    transport: TokenTransport,
) -> Result<Outcome> {
    let now = app.now();
    let custom_claims = profile.custom_claims;
    let user = user::Model {
        id: app.id(),
        connection_id: place.connection.id,
        email: profile.email.as_str().to_owned(),
        email_key: profile.email.key().to_owned(),
        email_verified_at: None,
        username: profile
            .username
            .as_ref()
            .map(|username| username.as_str().to_owned()),
        username_key: profile.username.as_ref().map(Username::key),
        phone_number: profile.phone_number,
        phone_number_verified_at: None,
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
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            if !insert_if_free(&tx, user.clone()).await?
                || address::is_reserved(&tx, user.connection_id, &user.email_key, None, now).await?
            {
                return Err(Error::EmailTaken);
            }
            let opening = Opening {
                user: user.clone(),
                application: place.application.clone(),
                amr: "pwd",
                custom_claims: custom_claims.clone(),
                transport,
            };
            let opened = session::open::open(app, &tx, caller, opening).await?;
            let event = Event {
                session: Some(opened.session.id),
                application: Some(opened.application.id),
                connection: Some(place.connection.id),
                ..Event::by_user(Kind::SignedUp, opened.user.id)
            };
            app.record(&tx, &caller.origin, event).await?;
            tx.commit().await?;
            Ok(Outcome::Opened(opened))
        })
        .await
}

/// Inserts the user unless the address is taken; the unique indexes decide.
///
/// # Errors
/// `USERNAME_TAKEN`; on PostgreSQL the transaction has failed then.
pub async fn insert_if_free(tx: &impl ConnectionTrait, user: user::Model) -> Result<bool> {
    use sea_orm::TryInsertResult;
    let inserted = user::Entity::insert(user::ActiveModel::from(user))
        .on_conflict_do_nothing_on([user::Column::ConnectionId, user::Column::EmailKey])
        .exec_without_returning(tx)
        .await
        .map_err(username_taken)?;
    Ok(matches!(inserted, TryInsertResult::Inserted(rows) if rows > 0))
}

/// The only other unique index of the table.
fn username_taken(error: DbErr) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::UsernameTaken,
        _ => error.into(),
    }
}
