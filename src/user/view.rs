//! The GraphQL types of a user and its sessions, and how they are filled.

use std::collections::{HashMap, HashSet};

use async_graphql::{Enum, ID, Lookahead, SimpleObject};
use chrono::Utc;
use entity::{connection, user};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::session::{UserSession, sessions_of};
use crate::error::{Error, Result};
use crate::realm::tenant::{self, Membership};
use crate::scalar::{DateTime, Json};

/// An account.
#[derive(Clone, Debug, Default, SimpleObject)]
pub struct User {
    /// Stable and unique; the `sub` of the access tokens.
    pub(crate) id: ID,
    /// The database connection that this account lives in.
    connection: String,
    /// As its owner wrote it.
    email: String,
    /// Whether a mail to this address has been answered, or an administrator has said that it counts as verified.
    email_verified: bool,
    /// The name to sign in with, where the connection has usernames.
    username: Option<String>,
    /// In international form (E.164).
    phone_number: Option<String>,
    /// Whether an administrator has said that the number is the user's; it cannot be verified here yet.
    phone_number_verified: bool,
    /// What to call this user; the part of the address before the `@` where the user gave nothing else.
    display_name: String,
    given_name: Option<String>,
    middle_name: Option<String>,
    family_name: Option<String>,
    /// A picture of the user.
    avatar_url: Option<String>,
    /// BCP 47, e.g. `en` or `pt-BR`.
    locale: String,
    /// Set by the user: at most 10 properties.
    metadata: Json,
    /// Set by administrators only; the user can read it.
    app_metadata: Json,
    /// The role that a request has where it names none; one of `roles`.
    default_role: String,
    /// Every role of the user. A token carries those that its application knows.
    roles: Vec<String>,
    /// The tenants that this user belongs to, the oldest first.
    tenants: Vec<TenantMembership>,
    /// True while the account may not sign in.
    disabled: bool,
    /// `disabled`, `emailVerified` and whether there is a password, in one word.
    status: UserStatus,
    /// Always false: there are no anonymous accounts yet.
    is_anonymous: bool,
    /// `totp` or null. Always null: there is no second factor yet.
    active_mfa_type: Option<String>,
    /// The ways this account can prove itself.
    credentials: UserCredentials,
    created_at: DateTime,
    updated_at: DateTime,
    /// Null before the first sign-in.
    last_sign_in_at: Option<DateTime>,
    /// Where this user is signed in; newest first, at most 100.
    sessions: Vec<UserSession>,
}

/// What an account may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum UserStatus {
    /// May sign in.
    Active,
    /// The address has not been verified.
    Unverified,
    /// Invited, and no password chosen yet.
    Invited,
    /// May not sign in.
    #[default]
    Disabled,
}

/// The ways an account can prove itself.
#[derive(Clone, Debug, Default, SimpleObject)]
pub struct UserCredentials {
    /// Whether there is a password.
    password: bool,
    /// Always false: not there yet.
    totp: bool,
    /// Always false: not there yet.
    webauthn: bool,
    /// Always empty: not there yet.
    oauth: Vec<String>,
    /// Always false: not there yet.
    saml: bool,
}

/// What a user is in one tenant.
#[derive(Clone, Debug, SimpleObject)]
pub struct TenantMembership {
    tenant_id: ID,
    tenant_name: String,
    /// The user's roles there; they say nothing elsewhere.
    roles: Vec<String>,
}

/// What of a user is selected beyond its own row; nothing else is looked up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection {
    connection: bool,
    sessions: bool,
    tenants: bool,
    /// Who is remembered may have signed in since.
    last_sign_in: bool,
}

impl Selection {
    /// Looks ahead below the field that answers the user.
    pub fn of(user: &Lookahead<'_>) -> Self {
        Self {
            connection: user.field("connection").exists(),
            sessions: user.field("sessions").exists(),
            tenants: user.field("tenants").exists(),
            last_sign_in: user.field("lastSignInAt").exists(),
        }
    }

    /// Whether nothing is to be looked up beyond who is remembered.
    pub fn is_remembered(self) -> bool {
        !(self.connection || self.sessions || self.tenants || self.last_sign_in)
    }

    /// What either selects.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            connection: self.connection || other.connection,
            sessions: self.sessions || other.sessions,
            tenants: self.tenants || other.tenants,
            last_sign_in: self.last_sign_in || other.last_sign_in,
        }
    }
}

/// Fills the view of one user. `current` is the caller's own session.
///
/// # Errors
/// When the database does not answer.
pub async fn load(
    db: &impl ConnectionTrait,
    user: user::Model,
    current: Option<Uuid>,
    selection: Selection,
    now: chrono::DateTime<Utc>,
) -> Result<User> {
    let views = load_all(db, vec![user], current, selection, now).await?;
    views
        .into_iter()
        .next()
        .ok_or_else(|| Error::internal("one user is one view"))
}

/// Fills the views of several users, with one query for each thing that is selected, however many users there are. Here
/// and not in resolvers below, because those must not fail.
///
/// # Errors
/// When the database does not answer.
pub async fn load_all(
    db: &impl ConnectionTrait,
    users: Vec<user::Model>,
    current: Option<Uuid>,
    selection: Selection,
    now: chrono::DateTime<Utc>,
) -> Result<Vec<User>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = users.iter().map(|user| user.id).collect();
    let connections = if selection.connection {
        Box::pin(connections_of(db, &users)).await?
    } else {
        HashMap::new()
    };
    let mut sessions = if selection.sessions {
        Box::pin(sessions_of(db, &ids, current, now)).await?
    } else {
        HashMap::new()
    };
    let memberships = if selection.tenants {
        Box::pin(tenant::of(db, &ids)).await?
    } else {
        Vec::new()
    };
    let signed_in = if selection.last_sign_in {
        Box::pin(last_sign_ins_of(db, &ids)).await?
    } else {
        HashMap::new()
    };
    let view = |user: user::Model| {
        let own = memberships
            .iter()
            .filter(|membership| membership.user_id == user.id);
        User {
            tenants: own.cloned().map(TenantMembership::from).collect(),
            connection: connections
                .get(&user.connection_id)
                .cloned()
                .unwrap_or_default(),
            sessions: sessions.remove(&user.id).unwrap_or_default(),
            last_sign_in_at: signed_in.get(&user.id).copied().map(DateTime),
            ..User::of_row(user)
        }
    };
    Ok(users.into_iter().map(view).collect())
}

impl From<Membership> for TenantMembership {
    fn from(membership: Membership) -> Self {
        Self {
            tenant_id: membership.tenant_id.into(),
            tenant_name: membership.name,
            roles: membership.roles,
        }
    }
}

/// Names by id.
async fn connections_of(
    db: &impl ConnectionTrait,
    users: &[user::Model],
) -> Result<HashMap<Uuid, String>> {
    let ids: HashSet<Uuid> = users.iter().map(|user| user.connection_id).collect();
    let rows = connection::Entity::find()
        .filter(connection::Column::Id.is_in(ids))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// Of those who have ever signed in.
async fn last_sign_ins_of(
    db: &impl ConnectionTrait,
    users: &[Uuid],
) -> Result<HashMap<Uuid, chrono::DateTime<Utc>>> {
    let rows: Vec<(Uuid, chrono::DateTime<Utc>)> = user::Entity::find()
        .select_only()
        .columns([user::Column::Id, user::Column::LastSignInAt])
        .filter(user::Column::Id.is_in(users.iter().copied()))
        .filter(user::Column::LastSignInAt.is_not_null())
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

impl User {
    /// What a user's own row tells; all that has to be looked up elsewhere, or is not remembered, is empty.
    pub(crate) fn of_row(user: user::Model) -> Self {
        Self {
            status: status(&user),
            credentials: UserCredentials {
                password: user.password_hash.is_some(),
                totp: false,
                webauthn: false,
                oauth: Vec::new(),
                saml: false,
            },
            id: user.id.into(),
            connection: String::new(),
            email: user.email,
            email_verified: user.email_verified_at.is_some(),
            username: user.username,
            phone_number: user.phone_number,
            phone_number_verified: user.phone_number_verified_at.is_some(),
            display_name: user.display_name,
            given_name: user.given_name,
            middle_name: user.middle_name,
            family_name: user.family_name,
            avatar_url: user.avatar_url,
            locale: user.locale,
            metadata: user.metadata.into(),
            app_metadata: user.app_metadata.into(),
            default_role: user.default_role,
            roles: user.roles.0,
            disabled: user.disabled_at.is_some(),
            is_anonymous: false,
            active_mfa_type: None,
            created_at: DateTime(user.created_at),
            updated_at: DateTime(user.updated_at),
            last_sign_in_at: None,
            tenants: Vec::new(),
            sessions: Vec::new(),
        }
    }

    /// What is known of a user of whom nothing but the id is: everything else is empty.
    pub fn of_id(id: &str) -> Self {
        Self {
            id: id.into(),
            ..Self::default()
        }
    }
}

fn status(user: &user::Model) -> UserStatus {
    if user.disabled_at.is_some() {
        UserStatus::Disabled
    } else if user.password_hash.is_none() {
        UserStatus::Invited
    } else if user.email_verified_at.is_none() {
        UserStatus::Unverified
    } else {
        UserStatus::Active
    }
}

impl UserStatus {
    /// Whose status it is; the same rule as for a single one.
    pub fn condition(self) -> Condition {
        use user::Column;
        let enabled = Condition::all().add(Column::DisabledAt.is_null());
        let with_password = enabled.clone().add(Column::PasswordHash.is_not_null());
        match self {
            Self::Disabled => Condition::all().add(Column::DisabledAt.is_not_null()),
            Self::Invited => enabled.add(Column::PasswordHash.is_null()),
            Self::Unverified => with_password.add(Column::EmailVerifiedAt.is_null()),
            Self::Active => with_password.add(Column::EmailVerifiedAt.is_not_null()),
        }
    }
}
