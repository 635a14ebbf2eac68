//! The kinds of events, as the API calls them.

use async_graphql::Enum;

use crate::event::Kind;

// The compiler holds the list against the events that are written.
/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum AuditEventKind {
    /// Somebody signed up; a mail is to be answered first.
    SignUpRequested,
    /// A pending sign-up was dropped: `details` name it, and as `eventId` its `SIGN_UP_REQUESTED`.
    SignUpDiscarded,
    /// An account came to be.
    SignedUp,
    /// An address was verified.
    EmailVerified,
    /// The reader of a mail picked the number of the device that waits for its answer.
    HandoffApproved,
    /// The reader of a mail picked another number: that device waits in vain.
    HandoffRefused,
    /// A session was opened.
    SignedIn,
    /// Sessions were ended by their owner, who signed out.
    SignedOut,
    /// A session was ended by other means.
    SessionRevoked,
    /// A used refresh token came back; its session was revoked.
    RefreshTokenReused,
    /// The owner chose a new password.
    PasswordChanged,
    /// Somebody asked for a change-password mail.
    PasswordResetRequested,
    /// Such a mail was answered with a new password.
    PasswordReset,
    /// A password was hashed anew, at today's cost.
    PasswordRehashed,
    /// The owner asked for another address.
    EmailChangeRequested,
    /// The new address was confirmed.
    EmailChanged,
    /// The former address was taken back.
    EmailChangeUndone,
    /// An invited user chose a password.
    InvitationAccepted,
    /// An administrator made a link instead of a mail.
    LinkMade,
    /// An administrator made an account: `details` tell the roles that were given.
    UserCreated,
    /// An account was changed, by its owner or by an administrator: `details` name the fields, and tell the new values of roles
    /// alone.
    UserUpdated,
    /// An account was deleted, by its owner or by an administrator.
    UserDeleted,
    /// A connection was made.
    ConnectionCreated,
    /// A connection was changed.
    ConnectionUpdated,
    /// A connection was deleted.
    ConnectionDeleted,
    /// An application was made.
    ApplicationCreated,
    /// An application was changed.
    ApplicationUpdated,
    /// An application was deleted.
    ApplicationDeleted,
    /// A tenant was made.
    TenantCreated,
    /// A tenant was changed.
    TenantUpdated,
    /// A tenant was deleted.
    TenantDeleted,
    /// A user became a member of a tenant, or got other roles there.
    TenantMemberSet,
    /// A user was taken out of a tenant.
    TenantMemberRemoved,
    /// A mail that was given up is to be tried again.
    MailRetried,
    /// A mail was taken out of the outbox.
    MailDiscarded,
    /// A signing key was made; it signs once verifiers can know it.
    SigningKeyAdded,
    /// A signing key verifies no longer.
    SigningKeyRetired,
    /// Everything sealed was sealed again under a new master key.
    SecretsResealed,
    /// After a restore, everything that opened a door was ended: sessions, mailed links and codes, signing keys.
    EpochBegun,
}

#[cfg(test)]
mod tests {
    use async_graphql::resolver_utils::EnumType;

    use super::{AuditEventKind, Kind};

    #[test]
    fn the_api_and_the_table_call_every_kind_alike() {
        for item in AuditEventKind::items() {
            let stored = Kind::from(item.value).as_str();
            assert_eq!(item.name, stored.to_uppercase());
        }
    }
}
