//! One sign-in on one device; every token rotated from it carries its id as `sid`.

use sea_orm::entity::prelude::*;

use crate::StringList;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub application_id: Uuid,
    pub user_agent: Option<String>,
    pub ip_address: Option<String>,
    /// Authentication methods (RFC 8176).
    #[sea_orm(column_type = "JsonBinary")]
    pub amr: StringList,
    /// Extra claims of its access tokens, as its sign-in asked for them.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub custom_claims: Option<Json>,
    /// How its refresh token travels: `BODY` or `COOKIE`.
    pub token_transport: String,
    pub authenticated_at: DateTimeUtc,
    pub created_at: DateTimeUtc,
    pub last_used_at: DateTimeUtc,
    /// Slides at every refresh, never past `ends_at`.
    pub expires_at: DateTimeUtc,
    /// The absolute end, however often it is refreshed.
    pub ends_at: DateTimeUtc,
    /// When it may have expired: the clean-up looks at it then, and moves this where it has been refreshed meanwhile.
    pub due_at: DateTimeUtc,
    pub revoked_at: Option<DateTimeUtc>,
    /// Of its newest refresh token. Nothing where a version before keeps its tokens, as rows of their own.
    #[sea_orm(column_type = "Blob", nullable)]
    pub refresh_digest: Option<Vec<u8>>,
    /// The newest refresh token, sealed under the one before it, while that one may get it again: only who presents that
    /// one can open it.
    #[sea_orm(column_type = "Blob", nullable)]
    pub sealed_successor: Option<Vec<u8>>,
    /// When all its refresh tokens were last retired without a successor.
    pub retired_at: Option<DateTimeUtc>,
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    pub user: HasOne<super::user::Entity>,
    #[sea_orm(belongs_to, from = "application_id", to = "id")]
    pub application: HasOne<super::application::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
