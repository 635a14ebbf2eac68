//! A refresh token of a version that kept a row for each; only its digest rests here. Newer ones stand with their session.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub session_id: Uuid,
    #[sea_orm(column_type = "Blob", unique)]
    pub digest: Vec<u8>,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    /// When it was exchanged for its successor, or retired without one.
    pub rotated_at: Option<DateTimeUtc>,
    pub successor_id: Option<Uuid>,
    /// The successor, sealed under this very token: only who presents this one can open it.
    #[sea_orm(column_type = "Blob")]
    pub sealed_successor: Option<Vec<u8>>,
    #[sea_orm(belongs_to, from = "session_id", to = "id")]
    pub session: HasOne<super::session::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
