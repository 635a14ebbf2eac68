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
    SignedUp,
    EmailVerified,
    SignedIn,
    SignedOut,
    SessionRevoked,
    RefreshTokenReused,
    PasswordChanged,
    PasswordResetRequested,
    PasswordReset,
    EmailChangeRequested,
    EmailChanged,
    EmailChangeUndone,
    UserUpdated,
    UserDeleted,
    PasswordRehashed,
    ConnectionUpdated,
    ApplicationUpdated,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignUpRequested => "sign_up_requested",
            Self::SignedUp => "signed_up",
            Self::EmailVerified => "email_verified",
            Self::SignedIn => "signed_in",
            Self::SignedOut => "signed_out",
            Self::SessionRevoked => "session_revoked",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::PasswordChanged => "password_changed",
            Self::PasswordResetRequested => "password_reset_requested",
            Self::PasswordReset => "password_reset",
            Self::EmailChangeRequested => "email_change_requested",
            Self::EmailChanged => "email_changed",
            Self::EmailChangeUndone => "email_change_undone",
            Self::UserUpdated => "user_updated",
            Self::UserDeleted => "user_deleted",
            Self::PasswordRehashed => "password_rehashed",
            Self::ConnectionUpdated => "connection_updated",
            Self::ApplicationUpdated => "application_updated",
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
    pub user: Option<Uuid>,
    pub session: Option<Uuid>,
    pub application: Option<Uuid>,
    pub connection: Option<Uuid>,
    pub details: Value,
}

impl Event {
    /// By someone who is not signed in.
    pub fn anonymous(kind: Kind) -> Self {
        Self {
            kind,
            actor: "anonymous",
            user: None,
            session: None,
            application: None,
            connection: None,
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

    pub fn by_administrator(kind: Kind) -> Self {
        Self {
            actor: "administrator",
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
        let row = audit_event::ActiveModel {
            id: Set(id),
            at: Set(now),
            kind: Set(self.kind.as_str().to_owned()),
            actor: Set(self.actor.to_owned()),
            user_id: Set(self.user),
            session_id: Set(self.session),
            application_id: Set(self.application),
            connection_id: Set(self.connection),
            ip_address: Set(origin.ip.clone()),
            user_agent: Set(origin.user_agent.clone()),
            details: Set(self.details),
        };
        audit_event::Entity::insert(row)
            .exec_without_returning(db)
            .await?;
        Ok(())
    }
}
