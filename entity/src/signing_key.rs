//! A key pair that signs access tokens. The newest that is not retired signs; all that are listed verify.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The JWK thumbprint (RFC 7638).
    #[sea_orm(unique)]
    pub kid: String,
    pub algorithm: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub public_jwk: Json,
    /// PKCS#8, sealed with the master key.
    #[sea_orm(column_type = "Blob")]
    pub sealed_private_key: Vec<u8>,
    pub created_at: DateTimeUtc,
    /// Verifies no longer from here on.
    pub retired_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
