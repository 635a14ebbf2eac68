//! The signing keys as they rest in the database: added, listed, retired.

use chrono::{DateTime, TimeDelta, Utc};
use clap::ValueEnum;
use entity::{application, signing_key};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use super::pair::{Pair, Pkcs8};
use super::seal::Sealer;
use crate::config::TokenAlgorithm;
use crate::error::{Error, Result};

pub(super) const SIGNING_KEY: &str = "signing key";

/// How long a new key is published before it signs. Whoever verifies our tokens may keep the key set for five minutes;
/// the rest is for instances that hear of it late, and for clocks that differ.
pub const NOTICE: TimeDelta = TimeDelta::minutes(10);

/// How long after its end a token may still be taken by a clock that is late.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);

/// A private key that nobody has heard of yet. Make it before a transaction begins: one of RSA takes a while.
pub struct NewKey {
    algorithm: TokenAlgorithm,
    pkcs8: Pkcs8,
}

/// What a key does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published, so that everybody knows it before it signs.
    Waiting,
    Signing,
    /// Until the last token that it signed has expired.
    Verifying,
    Retired,
}

/// A signing key without its private part.
#[derive(Clone, Debug)]
pub struct SigningKey {
    pub id: Uuid,
    pub kid: String,
    pub algorithm: TokenAlgorithm,
    pub state: KeyState,
    pub created_at: DateTime<Utc>,
    pub signs_from: DateTime<Utc>,
    /// When its last token will have expired, once its successor is known; or when it was retired.
    pub retires_at: Option<DateTime<Utc>>,
}

impl NewKey {
    /// # Errors
    /// When the system refuses to make one.
    pub fn generate(algorithm: TokenAlgorithm) -> Result<Self> {
        let pkcs8 = Pair::generate(algorithm)?;
        Ok(Self { algorithm, pkcs8 })
    }
}

/// Those that are not retired, in the order in which they sign.
pub(super) async fn open_rows(db: &impl ConnectionTrait) -> Result<Vec<signing_key::Model>> {
    let mut rows = signing_key::Entity::find()
        .filter(signing_key::Column::RetiredAt.is_null())
        .order_by_asc(signing_key::Column::Id)
        .all(db)
        .await?;
    sort(&mut rows);
    Ok(rows)
}

/// In the order in which they sign, which is the same on every instance.
fn sort(rows: &mut [signing_key::Model]) {
    rows.sort_unstable_by_key(|row| (signs_from(row), row.created_at, row.id));
}

pub(super) fn signs_from(row: &signing_key::Model) -> DateTime<Utc> {
    row.signs_from.unwrap_or(row.created_at)
}

pub(super) fn algorithm_of(row: &signing_key::Model) -> Result<TokenAlgorithm> {
    TokenAlgorithm::from_str(&row.algorithm, false).map_err(Error::internal)
}

/// Writes a key that signs from `signs_from` on.
///
/// # Errors
/// When the keys that are there were sealed with another master key: no other instance could use this one.
pub async fn add(
    db: &impl ConnectionTrait,
    sealer: &Sealer,
    new: &NewKey,
    id: Uuid,
    (now, signs_from): (DateTime<Utc>, DateTime<Utc>),
) -> Result<SigningKey> {
    if let Some(newest) = open_rows(db).await?.last() {
        sealer.open(SIGNING_KEY, &newest.sealed_private_key)?;
    }
    let (kid, public_jwk) = Pair::parse(new.algorithm, &new.pkcs8)?.public_jwk()?;
    let row = signing_key::ActiveModel {
        id: Set(id),
        kid: Set(kid.clone()),
        algorithm: Set(new.algorithm.as_str().to_owned()),
        public_jwk: Set(public_jwk),
        sealed_private_key: Set(sealer.seal(SIGNING_KEY, &new.pkcs8)?),
        created_at: Set(now),
        retired_at: Set(None),
        signs_from: Set(Some(signs_from)),
        longest_ttl: Set(longest_ttl(db).await?),
    };
    signing_key::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    let waits = signs_from > now;
    Ok(SigningKey {
        id,
        kid,
        algorithm: new.algorithm,
        state: if waits {
            KeyState::Waiting
        } else {
            KeyState::Signing
        },
        created_at: now,
        signs_from,
        retires_at: None,
    })
}

/// Makes the first key of an installation, which signs at once, or one of the algorithm that is set, where the newest has
/// another. Call it while no other instance can.
///
/// # Errors
/// When the database refuses.
pub async fn ensure_signing_key(
    db: &impl ConnectionTrait,
    sealer: &Sealer,
    algorithm: TokenAlgorithm,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<SigningKey>> {
    let signs_from = match open_rows(db).await?.last() {
        Some(newest) if algorithm_of(newest)? == algorithm => return Ok(None),
        Some(_) => now + NOTICE,
        None => now,
    };
    let new = NewKey::generate(algorithm)?;
    add(db, sealer, &new, id, (now, signs_from)).await.map(Some)
}

/// Every key that there ever was, in the order in which they sign.
///
/// # Errors
/// When the database does not answer.
pub async fn list(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<SigningKey>> {
    let mut rows = signing_key::Entity::find()
        .order_by_asc(signing_key::Column::Id)
        .all(db)
        .await?;
    sort(&mut rows);
    let ttl = longest_ttl(db).await?;
    let open: Vec<_> = rows.iter().filter(|row| row.retired_at.is_none()).collect();
    let signing = open.iter().rposition(|row| signs_from(row) <= now);
    // Where every clock is wrong, the first signs.
    let signing = signing.unwrap_or_default();
    rows.iter()
        .map(|row| {
            let place = open.iter().position(|other| other.id == row.id);
            let successor = place.and_then(|place| open.get(place + 1));
            let life = TimeDelta::seconds(row.longest_ttl.max(ttl).into()) + LEEWAY;
            Ok(SigningKey {
                id: row.id,
                kid: row.kid.clone(),
                algorithm: algorithm_of(row)?,
                state: match place {
                    None => KeyState::Retired,
                    Some(place) if place < signing => KeyState::Verifying,
                    Some(place) if place == signing => KeyState::Signing,
                    Some(_) => KeyState::Waiting,
                },
                created_at: row.created_at,
                signs_from: signs_from(row),
                retires_at: row
                    .retired_at
                    .or(successor.map(|successor| signs_from(successor) + life)),
            })
        })
        .collect()
}

/// Ends a key: it leaves the key set, verifies no longer, and its private part is gone. Says whether it was still there.
///
/// # Errors
/// When the database refuses.
pub async fn retire(db: &impl ConnectionTrait, id: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let retired = signing_key::Entity::update_many()
        .col_expr(signing_key::Column::RetiredAt, now.into())
        .col_expr(
            signing_key::Column::SealedPrivateKey,
            Vec::<u8>::new().into(),
        )
        .filter(signing_key::Column::Id.eq(id))
        .filter(signing_key::Column::RetiredAt.is_null())
        .exec(db)
        .await?;
    Ok(retired.rows_affected == 1)
}

/// Notes for every key how long the tokens that it signs may live, so that it outlives them though an application's
/// setting is lowered, or an application deleted.
///
/// # Errors
/// When the database refuses.
pub async fn note_ttl(reader: &impl ConnectionTrait, writer: &impl ConnectionTrait) -> Result<()> {
    let ttl = longest_ttl(reader).await?;
    let short = signing_key::Column::LongestTtl.lt(ttl);
    if !open_rows(reader)
        .await?
        .iter()
        .any(|row| row.longest_ttl < ttl)
    {
        return Ok(());
    }
    signing_key::Entity::update_many()
        .col_expr(signing_key::Column::LongestTtl, ttl.into())
        .filter(signing_key::Column::RetiredAt.is_null())
        .filter(short)
        .exec(writer)
        .await?;
    Ok(())
}

/// Seconds: of the application whose access tokens live longest.
async fn longest_ttl(db: &impl ConnectionTrait) -> Result<i32> {
    let longest: Option<Option<i32>> = application::Entity::find()
        .select_only()
        .column_as(application::Column::AccessTokenTtl.max(), "longest")
        .into_tuple()
        .one(db)
        .await?;
    Ok(longest.flatten().unwrap_or_default())
}
