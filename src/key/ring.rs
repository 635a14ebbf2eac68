//! The signing keys that this instance knows. There may be several: the one that began to sign last signs, all verify.
//! What another instance or the command line changes is found by asking the database again every few seconds, and when a
//! token of an unknown key arrives.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use entity::signing_key;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use quick_cache::sync::Cache;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::pair::Pair;
use super::seal::Sealer;
use super::store::{self, NewKey, SIGNING_KEY, SigningKey};
use super::token::{self, Claims, Signer, TokenError};
use crate::config::TokenAlgorithm;
use crate::error::{Error, Result};

/// Keys of unknown ids are looked for in the database at most this often, however many forged ids arrive.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Tokens whose signature was found good lately, by their digest: the signature is the dearest part of a request. The key
/// is kept beside the claims, and they count only while it is still known: a retired one takes its tokens along at once.
type Seen = Cache<[u8; 32], (Arc<Known>, Arc<Claims>)>;
/// About three megabytes when it is full.
const SEEN: usize = 4_096;

/// Signs and verifies access tokens.
#[derive(Clone)]
pub struct KeyRing {
    issuer: Arc<str>,
    sealer: Arc<Sealer>,
    keys: Arc<RwLock<Arc<Keys>>>,
    seen: Arc<Seen>,
    /// One reader at a time: a slow one must not put back what a later one has replaced.
    reading: Arc<tokio::sync::Mutex<()>>,
    /// When a token with an unknown key last sent us to the database.
    looked_at: Arc<Mutex<Option<Instant>>>,
}

struct Keys {
    /// In the order in which they sign.
    known: Vec<Arc<Known>>,
    published: Value,
}

struct Known {
    kid: String,
    algorithm: TokenAlgorithm,
    signs_from: DateTime<Utc>,
    verifier: DecodingKey,
    /// None where it was sealed with a master key that this instance does not have.
    signer: Option<Signer>,
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
        let keys = Keys::read(db, |row| Known::of(row, signer(row, &sealer).map(Some)?)).await?;
        Ok(Self {
            issuer: issuer.into(),
            sealer,
            keys: Arc::new(RwLock::new(Arc::new(keys))),
            seen: Arc::new(Cache::new(SEEN)),
            reading: Arc::default(),
            looked_at: Arc::default(),
        })
    }

    /// Reads them again; the old ones serve until then. Those that are known already are not parsed again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn reload(&self, db: &impl ConnectionTrait) -> Result<()> {
        let _reading = self.reading.lock().await;
        let before = self.keys();
        let keys = Keys::read(db, |row| match before.find(&row.kid) {
            Some(known) => Ok(Arc::clone(known)),
            None => Known::of(row, self.signer_if_it_opens(row)),
        })
        .await?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    /// The issuer that every token names.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The public keys as a JWK set (RFC 7517 section 5).
    pub fn published(&self) -> Value {
        self.keys().published.clone()
    }

    /// Signs with the key whose turn it is now.
    ///
    /// # Errors
    /// When the claims cannot be signed, which is a defect of ours.
    pub fn sign(&self, claims: &Claims, now: DateTime<Utc>) -> Result<String> {
        let keys = self.keys();
        let able = || keys.known.iter().filter(|key| key.signer.is_some());
        let begun = able().rfind(|key| key.signs_from <= now);
        // A clock that is behind the first key's is still no reason to let nobody in.
        let key = begun.or_else(|| able().next());
        let signer = key.and_then(|key| key.signer.as_ref());
        signer
            .ok_or_else(|| Error::internal("no signing key opens with this master key"))?
            .sign(claims)
    }

    /// The claims of a token that we signed, whether it is still in time or not. A key that is unknown here is looked
    /// for once in the database.
    ///
    /// # Errors
    /// `None` inside when the token is none of ours; an outage of the database otherwise.
    pub async fn verify(
        &self,
        db: &impl ConnectionTrait,
        token: &str,
    ) -> Result<Option<Arc<Claims>>> {
        match self.verify_with_known(token) {
            Err(TokenError::UnknownKey) if self.may_look_again() => {
                // Seldom, and larger than all the rest.
                Box::pin(self.reload(db)).await?;
                Ok(self.verify_with_known(token).ok())
            }
            checked => Ok(checked.ok()),
        }
    }

    /// Adds a key that signs from a time on, inside the caller's transaction. [`KeyRing::reload`] after the commit.
    ///
    /// # Errors
    /// When the database refuses, or its keys were sealed with another master key than ours.
    pub async fn add(
        &self,
        db: &impl ConnectionTrait,
        new: &NewKey,
        id: Uuid,
        times: (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<SigningKey> {
        store::add(db, &self.sealer, new, id, times).await
    }

    fn verify_with_known(&self, token: &str) -> Result<Arc<Claims>, TokenError> {
        let keys = self.keys();
        let name = name_of(token);
        if let Some((key, claims)) = self.seen.get(&name)
            && keys
                .find(&key.kid)
                .is_some_and(|known| Arc::ptr_eq(known, &key))
        {
            return Ok(claims);
        }
        let kid = token::key_id(token)?;
        let key = keys.find(&kid).ok_or(TokenError::UnknownKey)?;
        let claims = token::decode(token, key.algorithm, &key.verifier, &self.issuer)?;
        let claims = Arc::new(claims);
        self.seen
            .insert(name, (Arc::clone(key), Arc::clone(&claims)));
        Ok(claims)
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A running instance goes on with the keys that it has when others are resealed under a new master key.
    fn signer_if_it_opens(&self, row: &signing_key::Model) -> Option<Signer> {
        signer(row, &self.sealer)
            .inspect_err(|error| {
                tracing::error!(
                    kid = row.kid,
                    ?error,
                    "a new signing key cannot be used here"
                );
            })
            .ok()
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

impl Keys {
    async fn read(
        db: &impl ConnectionTrait,
        known: impl Fn(&signing_key::Model) -> Result<Arc<Known>>,
    ) -> Result<Self> {
        let rows = store::open_rows(db).await?;
        if rows.is_empty() {
            return Err(Error::internal("there is no signing key"));
        }
        Ok(Self {
            known: rows.iter().map(known).collect::<Result<_>>()?,
            published: json!({ "keys": rows.iter().map(|row| &row.public_jwk).collect::<Vec<_>>() }),
        })
    }

    fn find(&self, kid: &str) -> Option<&Arc<Known>> {
        self.known.iter().find(|key| key.kid == kid)
    }
}

impl Known {
    fn of(row: &signing_key::Model, signer: Option<Signer>) -> Result<Arc<Self>> {
        let jwk: Jwk = serde_json::from_value(row.public_jwk.clone()).map_err(Error::internal)?;
        Ok(Arc::new(Self {
            kid: row.kid.clone(),
            algorithm: store::algorithm_of(row)?,
            signs_from: store::signs_from(row),
            verifier: DecodingKey::from_jwk(&jwk).map_err(Error::internal)?,
            signer,
        }))
    }
}

fn name_of(token: &str) -> [u8; 32] {
    let mut name = [0; 32];
    name.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    name
}

fn signer(row: &signing_key::Model, sealer: &Sealer) -> Result<Signer> {
    let algorithm = store::algorithm_of(row)?;
    let private_key = Zeroizing::new(sealer.open(SIGNING_KEY, &row.sealed_private_key)?);
    let pair = Pair::parse(algorithm, &private_key)?;
    Ok(Signer::new(algorithm, &row.kid, pair))
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyRing([redacted])")
    }
}
