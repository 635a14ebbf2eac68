//! A key pair that signs access tokens. Of those that are not retired, the one that began to sign last signs; all verify.

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
    /// PKCS#8, sealed with the master key; empty once the key is retired.
    #[sea_orm(column_type = "Blob")]
    pub sealed_private_key: Vec<u8>,
    pub created_at: DateTimeUtc,
    /// Verifies no longer from here on.
    pub retired_at: Option<DateTimeUtc>,
    /// Published from the start, it signs only from here on. Empty: from the start, too.
    pub signs_from: Option<DateTimeUtc>,
    /// Seconds: the longest life of an access token that it may have signed.
    pub longest_ttl: i32,
}

impl ActiveModelBehavior for ActiveModel {}
