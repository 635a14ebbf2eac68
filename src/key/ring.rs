//! The signing keys that this instance knows. There may be several from the start: the newest signs, all verify, and a
//! key that another instance has made meanwhile is found when its first token arrives.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use chrono::{DateTime, Utc};
use entity::{sealed_secret, signing_key};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::seal::Sealer;
use super::token::{self, Claims, TokenError};
use crate::clock::Rng;
use crate::error::{Error, Result};
use crate::ticket::TicketKey;

/// Keys of unknown ids are looked for in the database at most this often, however many forged ids arrive.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
const SIGNING_KEY: &str = "signing key";
const TICKET_KEY: &str = "ticket key";

/// Signs and verifies access tokens.
#[derive(Clone, Debug)]
pub struct KeyRing {
    issuer: Arc<str>,
    sealer: Arc<Sealer>,
    keys: Arc<RwLock<Keys>>,
    /// When a token with an unknown key last sent us to the database.
    looked_at: Arc<Mutex<Option<Instant>>>,
}

#[derive(Debug)]
struct Keys {
    signing: (Algorithm, String, EncodingKey),
    verifying: HashMap<String, (Algorithm, DecodingKey)>,
    published: Value,
}

impl KeyRing {
    /// Reads every key that has not been retired.
    ///
    /// # Errors
    /// When there is none, or one does not open with this master key.
    pub async fn load(
        db: &impl ConnectionTrait,
        sealer: Arc<Sealer>,
        issuer: &str,
    ) -> Result<Self> {
        let keys = read_keys(db, &sealer).await?;
        Ok(Self {
            issuer: issuer.into(),
            sealer,
            keys: Arc::new(RwLock::new(keys)),
            looked_at: Arc::default(),
        })
    }

    /// Reads them again; the old ones serve until then.
    ///
    /// # Errors
    /// As [`KeyRing::load`].
    pub async fn reload(&self, db: &impl ConnectionTrait) -> Result<()> {
        let keys = read_keys(db, &self.sealer).await?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// The issuer that every token names.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The public keys as a JWK set (RFC 7517 section 5).
    pub fn published(&self) -> Value {
        self.keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .published
            .clone()
    }

    /// # Errors
    /// When the claims cannot be signed, which is a defect of ours.
    pub fn sign(&self, claims: &Claims) -> Result<String> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (algorithm, kid, key) = &keys.signing;
        jsonwebtoken::encode(&token::header(*algorithm, kid), claims, key).map_err(Error::internal)
    }

    /// The claims of a token that we signed, whether it is still in time or not. A key that is unknown here is looked
    /// for once in the database.
    ///
    /// # Errors
    /// `None` inside when the token is none of ours; an outage of the database otherwise.
    pub async fn verify(&self, db: &impl ConnectionTrait, token: &str) -> Result<Option<Claims>> {
        match self.verify_with_known(token) {
            Err(TokenError::UnknownKey) if self.may_look_again() => {
                self.reload(db).await?;
                Ok(self.verify_with_known(token).ok())
            }
            checked => Ok(checked.ok()),
        }
    }

    fn verify_with_known(&self, token: &str) -> Result<Claims, TokenError> {
        let kid = token::key_id(token)?;
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (algorithm, key) = keys.verifying.get(&kid).ok_or(TokenError::UnknownKey)?;
        token::decode(token, *algorithm, key, &self.issuer)
    }

    fn may_look_again(&self) -> bool {
        let mut looked_at = self
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let due = looked_at.is_none_or(|looked_at| looked_at.elapsed() >= LOOK_AGAIN);
        if due {
            // Whoever comes while the database is asked finds that somebody is asking already.
            *looked_at = Some(Instant::now());
        }
        due
    }
}

async fn read_keys(db: &impl ConnectionTrait, sealer: &Sealer) -> Result<Keys> {
    let rows = signing_key::Entity::find()
        .filter(signing_key::Column::RetiredAt.is_null())
        .order_by_asc(signing_key::Column::CreatedAt)
        .order_by_asc(signing_key::Column::Id)
        .all(db)
        .await?;
    let mut verifying = HashMap::new();
    for row in &rows {
        let jwk: Jwk = serde_json::from_value(row.public_jwk.clone()).map_err(Error::internal)?;
        let key = DecodingKey::from_jwk(&jwk).map_err(Error::internal)?;
        verifying.insert(row.kid.clone(), (algorithm_of(row)?, key));
    }
    let newest = rows
        .last()
        .ok_or_else(|| Error::internal("there is no signing key"))?;
    let private_key = sealer.open(SIGNING_KEY, &newest.sealed_private_key)?;
    let signing = (
        algorithm_of(newest)?,
        newest.kid.clone(),
        EncodingKey::from_ec_der(&private_key),
    );
    let published = json!({ "keys": rows.iter().map(|row| &row.public_jwk).collect::<Vec<_>>() });
    Ok(Keys {
        signing,
        verifying,
        published,
    })
}

fn algorithm_of(row: &signing_key::Model) -> Result<Algorithm> {
    row.algorithm.parse().map_err(Error::internal)
}

/// Makes the first signing key of an installation; call it while no other instance can.
///
/// # Errors
/// When the database refuses.
pub async fn ensure_signing_key(
    db: &impl ConnectionTrait,
    sealer: &Sealer,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<()> {
    let known = signing_key::Entity::find()
        .filter(signing_key::Column::RetiredAt.is_null())
        .one(db)
        .await?;
    if known.is_some() {
        return Ok(());
    }
    let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map_err(Error::internal)?;
    let mut jwk =
        Jwk::from_encoding_key(&EncodingKey::from_ec_der(pair.as_ref()), Algorithm::ES256)
            .map_err(Error::internal)?;
    let kid = jwk
        .thumbprint(ThumbprintHash::SHA256)
        .map_err(Error::internal)?;
    jwk.common.key_id = Some(kid.clone());
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    let row = signing_key::ActiveModel {
        id: Set(id),
        kid: Set(kid),
        algorithm: Set("ES256".to_owned()),
        public_jwk: Set(serde_json::to_value(&jwk).map_err(Error::internal)?),
        sealed_private_key: Set(sealer.seal(SIGNING_KEY, pair.as_ref())?),
        created_at: Set(now),
        retired_at: Set(None),
    };
    signing_key::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Opens the key that tickets and codes are derived from, or makes it; call it while no other instance can.
///
/// # Errors
/// When the database refuses, or the key was sealed with another master key.
pub async fn ensure_ticket_key(
    db: &impl ConnectionTrait,
    sealer: &Sealer,
    rng: &Rng,
    now: DateTime<Utc>,
) -> Result<TicketKey> {
    if let Some(row) = sealed_secret::Entity::find_by_id(TICKET_KEY)
        .one(db)
        .await?
    {
        let key = sealer.open(TICKET_KEY, &row.sealed)?;
        let key = key.as_slice().try_into().map_err(Error::internal)?;
        return Ok(TicketKey::new(key));
    }
    let key = rng.bytes();
    let row = sealed_secret::ActiveModel {
        name: Set(TICKET_KEY.to_owned()),
        sealed: Set(sealer.seal(TICKET_KEY, &key)?),
        created_at: Set(now),
    };
    sealed_secret::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(TicketKey::new(&key))
}
