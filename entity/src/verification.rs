//! One request to prove that a mailbox was read: what its ticket and code may redeem, and until when.
//!
//! Ticket, code and handle are derived from a sealed key and the id; only digests rest here.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::StringList;

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::None)")]
pub enum Purpose {
    /// A pending sign-up: redeeming makes the user.
    #[sea_orm(string_value = "sign_up")]
    SignUp,
    /// An existing user proves its address.
    #[sea_orm(string_value = "email_verification")]
    EmailVerification,
    /// A new password for an existing user.
    #[sea_orm(string_value = "password_reset")]
    PasswordReset,
    /// An existing user proves the address that it wants to have.
    #[sea_orm(string_value = "email_change")]
    EmailChange,
    /// The former address can be had back.
    #[sea_orm(string_value = "email_change_undo")]
    EmailChangeUndo,
    /// An account that an administrator made gets its first password.
    #[sea_orm(string_value = "invitation")]
    Invitation,
}

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "verifications")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub purpose: Purpose,
    pub connection_id: Uuid,
    pub application_id: Uuid,
    pub user_id: Option<Uuid>,
    pub email: String,
    pub email_key: String,
    pub locale: String,
    /// A pending sign-up for an address that is taken: it costs the same and never redeems.
    pub decoy: bool,
    #[sea_orm(column_type = "Blob", unique)]
    pub handle_digest: Vec<u8>,
    #[sea_orm(column_type = "Blob", unique)]
    pub ticket_digest: Vec<u8>,
    /// Every mail asked for again starts a new round with a new code; the ticket stays.
    pub code_round: i32,
    pub code_tries: i32,
    /// Set when the mail is handed over; before that there is no code to redeem.
    pub code_expires_at: Option<DateTimeUtc>,
    /// PKCE S256 (RFC 7636): who redeems must hold the verifier.
    pub code_challenge: Option<String>,
    pub redirect_to: Option<String>,
    /// Values for the mail's template.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub template_options: Option<Json>,
    /// Extra claims for the access tokens of the session that redeeming opens.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub custom_claims: Option<Json>,
    /// A reset that named its password when it was asked for: becomes the user's when it is redeemed.
    pub password_hash: Option<String>,
    /// Which rules that password did not meet, judged while it was still known.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub password_issues: Option<StringList>,
    pub asked_from_ip: Option<String>,
    pub asked_from_network: String,
    pub created_at: DateTimeUtc,
    /// The end of the link.
    pub expires_at: DateTimeUtc,
    /// Redeemed, or void because another one was.
    pub consumed_at: Option<DateTimeUtc>,
    /// The reader of the mail picked the number that the waiting device shows: it may redeem without the mail, for a while.
    pub handoff_approved_at: Option<DateTimeUtc>,
    /// A wrong number was picked, or no device can wait: there is no hand-off any more. Link and code go on.
    pub handoff_closed_at: Option<DateTimeUtc>,
    /// The audit event of either, which belongs to whoever the address becomes an account of.
    pub handoff_event_id: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}
