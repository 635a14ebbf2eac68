//! Everything that is sealed with the master key, sealed with another one.

use entity::{sealed_secret, signing_key};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use zeroize::Zeroizing;

use super::seal::Sealer;
use super::store::{SIGNING_KEY, open_rows};
use crate::error::{Error, Result};

/// How many secrets were sealed anew, and how many had been before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    pub done: usize,
    pub already: usize,
}

/// Reseals all of them inside the caller's transaction, which is to be dropped where one opens with neither key.
///
/// # Errors
/// When a secret opens with neither, or the database refuses.
pub async fn reseal(db: &impl ConnectionTrait, old: &Sealer, new: &Sealer) -> Result<Resealed> {
    let mut resealed = Resealed::default();
    // A retired key has nothing left to seal.
    for row in open_rows(db).await? {
        let Some(sealed) = anew(SIGNING_KEY, &row.sealed_private_key, old, new)? else {
            resealed.already += 1;
            continue;
        };
        // As it was read: a key that is retired in this moment must not have its private part again.
        let update = signing_key::Entity::update_many()
            .col_expr(signing_key::Column::SealedPrivateKey, sealed.into())
            .filter(signing_key::Column::Id.eq(row.id))
            .filter(signing_key::Column::SealedPrivateKey.eq(row.sealed_private_key));
        resealed.done += usize::from(update.exec(db).await?.rows_affected == 1);
    }
    for row in sealed_secret::Entity::find().all(db).await? {
        let Some(sealed) = anew(&row.name, &row.sealed, old, new)? else {
            resealed.already += 1;
            continue;
        };
        let update = sealed_secret::Entity::update_many()
            .col_expr(sealed_secret::Column::Sealed, sealed.into())
            .filter(sealed_secret::Column::Name.eq(row.name))
            .filter(sealed_secret::Column::Sealed.eq(row.sealed));
        resealed.done += usize::from(update.exec(db).await?.rows_affected == 1);
    }
    Ok(resealed)
}

/// The secret sealed with the new key; nothing where it is already.
fn anew(purpose: &str, sealed: &[u8], old: &Sealer, new: &Sealer) -> Result<Option<Vec<u8>>> {
    if new.open(purpose, sealed).is_ok() {
        return Ok(None);
    }
    let plain = old.open(purpose, sealed).map_err(|_| {
        Error::internal(format!(
            "VESTIBULE_OLD_MASTER_KEY: does not open the {purpose}; nothing was changed"
        ))
    })?;
    new.seal(purpose, &Zeroizing::new(plain)).map(Some)
}
