//! The audit trail: who changed which credential, session or setting, when and from where. Written in the same
//! transaction as the change, never changed afterwards.

use chrono::{DateTime, Utc};
use entity::audit_event;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::Result;

/// What happened. The names are stable: operators search for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    SignUpRequested,
    SignUpDiscarded,
    SignedUp,
    EmailVerified,
    HandoffApproved,
    HandoffRefused,
    SignedIn,
    SignedOut,
    SessionRevoked,
    RefreshTokenReused,
    PasswordChanged,
    PasswordResetRequested,
    PasswordReset,
    PasswordRehashed,
    EmailChangeRequested,
    EmailChanged,
    EmailChangeUndone,
    InvitationAccepted,
    LinkMade,
    UserCreated,
    UserUpdated,
    UserDeleted,
    ConnectionCreated,
    ConnectionUpdated,
    ConnectionDeleted,
    ApplicationCreated,
    ApplicationUpdated,
    ApplicationDeleted,
    TenantCreated,
    TenantUpdated,
    TenantDeleted,
    TenantMemberSet,
    TenantMemberRemoved,
    MailRetried,
    MailDiscarded,
    SigningKeyAdded,
    SigningKeyRetired,
    SecretsResealed,
    EpochBegun,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 39] = [
        Self::SignUpRequested,
        Self::SignUpDiscarded,
        Self::SignedUp,
        Self::EmailVerified,
        Self::HandoffApproved,
        Self::HandoffRefused,
        Self::SignedIn,
        Self::SignedOut,
        Self::SessionRevoked,
        Self::RefreshTokenReused,
        Self::PasswordChanged,
        Self::PasswordResetRequested,
        Self::PasswordReset,
        Self::PasswordRehashed,
        Self::EmailChangeRequested,
        Self::EmailChanged,
        Self::EmailChangeUndone,
        Self::InvitationAccepted,
        Self::LinkMade,
        Self::UserCreated,
        Self::UserUpdated,
        Self::UserDeleted,
        Self::ConnectionCreated,
        Self::ConnectionUpdated,
        Self::ConnectionDeleted,
        Self::ApplicationCreated,
        Self::ApplicationUpdated,
        Self::ApplicationDeleted,
        Self::TenantCreated,
        Self::TenantUpdated,
        Self::TenantDeleted,
        Self::TenantMemberSet,
        Self::TenantMemberRemoved,
        Self::MailRetried,
        Self::MailDiscarded,
        Self::SigningKeyAdded,
        Self::SigningKeyRetired,
        Self::SecretsResealed,
        Self::EpochBegun,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignUpRequested => "sign_up_requested",
            Self::SignUpDiscarded => "sign_up_discarded",
            Self::SignedUp => "signed_up",
            Self::EmailVerified => "email_verified",
            Self::HandoffApproved => "handoff_approved",
            Self::HandoffRefused => "handoff_refused",
            Self::SignedIn => "signed_in",
            Self::SignedOut => "signed_out",
            Self::SessionRevoked => "session_revoked",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::PasswordChanged => "password_changed",
            Self::PasswordResetRequested => "password_reset_requested",
            Self::PasswordReset => "password_reset",
            Self::PasswordRehashed => "password_rehashed",
            Self::EmailChangeRequested => "email_change_requested",
            Self::EmailChanged => "email_changed",
            Self::EmailChangeUndone => "email_change_undone",
            Self::InvitationAccepted => "invitation_accepted",
            Self::LinkMade => "link_made",
            Self::UserCreated => "user_created",
            Self::UserUpdated => "user_updated",
            Self::UserDeleted => "user_deleted",
            Self::ConnectionCreated => "connection_created",
            Self::ConnectionUpdated => "connection_updated",
            Self::ConnectionDeleted => "connection_deleted",
            Self::ApplicationCreated => "application_created",
            Self::ApplicationUpdated => "application_updated",
            Self::ApplicationDeleted => "application_deleted",
            Self::TenantCreated => "tenant_created",
            Self::TenantUpdated => "tenant_updated",
            Self::TenantDeleted => "tenant_deleted",
            Self::TenantMemberSet => "tenant_member_set",
            Self::TenantMemberRemoved => "tenant_member_removed",
            Self::MailRetried => "mail_retried",
            Self::MailDiscarded => "mail_discarded",
            Self::SigningKeyAdded => "signing_key_added",
            Self::SigningKeyRetired => "signing_key_retired",
            Self::SecretsResealed => "secrets_resealed",
            Self::EpochBegun => "epoch_begun",
        }
    }
}

/// Where a change came from, as the door saw it.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

/// One event; what does not apply stays empty.
#[derive(Clone, Debug)]
pub struct Event {
    pub kind: Kind,
    pub actor: &'static str,
    /// The user who acted, where that is not the user whom it befell.
    pub actor_id: Option<Uuid>,
    /// Whom it befell.
    pub user: Option<Uuid>,
    pub session: Option<Uuid>,
    pub application: Option<Uuid>,
    pub connection: Option<Uuid>,
    pub tenant: Option<Uuid>,
    pub details: Value,
}

impl Event {
    /// By someone who is not signed in.
    pub fn anonymous(kind: Kind) -> Self {
        Self {
            kind,
            actor: "anonymous",
            actor_id: None,
            user: None,
            session: None,
            application: None,
            connection: None,
            tenant: None,
            details: json!({}),
        }
    }

    /// By the user whose account it is.
    pub fn by_user(kind: Kind, user: Uuid) -> Self {
        Self {
            actor: "user",
            user: Some(user),
            ..Self::anonymous(kind)
        }
    }

    /// By an administrator: a user, or whoever holds the admin secret.
    pub fn by_administrator(kind: Kind, who: Option<Uuid>) -> Self {
        Self {
            actor: "administrator",
            actor_id: who,
            ..Self::anonymous(kind)
        }
    }

    /// By nobody: the house does it by itself.
    pub fn by_house(kind: Kind) -> Self {
        Self {
            actor: "house",
            ..Self::anonymous(kind)
        }
    }

    /// Writes the event with the id and time given.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn record(
        self,
        db: &impl ConnectionTrait,
        id: Uuid,
        now: DateTime<Utc>,
        origin: &Origin,
    ) -> Result<()> {
        record_all(db, [(id, self)], now, origin).await
    }

    /// As it is written.
    pub fn row(self, id: Uuid, now: DateTime<Utc>, origin: &Origin) -> audit_event::ActiveModel {
        audit_event::ActiveModel {
            id: Set(id),
            at: Set(now),
            kind: Set(self.kind.as_str().to_owned()),
            actor: Set(self.actor.to_owned()),
            actor_id: Set(self.actor_id),
            user_id: Set(self.user),
            session_id: Set(self.session),
            application_id: Set(self.application),
            connection_id: Set(self.connection),
            tenant_id: Set(self.tenant),
            ip_address: Set(origin.ip.clone()),
            user_agent: Set(origin.user_agent.clone()),
            details: Set(self.details),
        }
    }
}

/// The least id that an event of this time can have: ids begin with their time in milliseconds (RFC 9562 section 5.7).
pub fn earliest_id(at: DateTime<Utc>) -> Uuid {
    let most = (1_u64 << 48) - 1;
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(u128::from(millis.min(most)) << 80)
}

/// Writes events of one time and origin, each with its id, in one statement. The ids are of that time, too: the trail is
/// searched by them.
///
/// # Errors
/// When the database refuses.
pub async fn record_all(
    db: &impl ConnectionTrait,
    events: impl IntoIterator<Item = (Uuid, Event)>,
    now: DateTime<Utc>,
    origin: &Origin,
) -> Result<()> {
    let rows = events
        .into_iter()
        .map(|(id, event)| event.row(id, now, origin));
    write_all(db, rows).await
}

/// Writes events as they are, in one statement.
///
/// # Errors
/// When the database refuses.
pub async fn write_all(
    db: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = audit_event::ActiveModel>,
) -> Result<()> {
    audit_event::Entity::insert_many(rows)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_is_missing_in_the_list_of_all() {
        let is_arm =
            |line: &&str| line.trim_start().starts_with("Self::") && line.contains("=> \"");
        let arms = include_str!("event.rs").lines().filter(is_arm).count();
        assert_eq!(Kind::ALL.len(), arms);
    }
}
