//! A copy of a SQLite database that is in use. Nothing in the copy opens a door: whichever way it is put back, no session of
//! its time comes back with it.

use std::path::Path;

use super::epoch::end_everything;
use super::{file_of, must_be_there};
use crate::clock::{Clock, Rng};
use crate::config::Config;
use crate::db::{self, Draft};
use crate::error::{Error, Result};
use crate::event::Origin;

/// What `vestibule backup` says where it does not apply.
const OTHERWISE: &str = "only a SQLite file is copied here. For PostgreSQL: `pg_dump --format=custom --file=FILE`, or \
                         continuous archiving; after restoring it, `vestibule epoch next` (docs/operation.md)";

/// A copy that was made and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    pub octets: u64,
}

/// Copies the database into this file, for its owner alone, and looks through the copy.
///
/// # Errors
/// When the file is there already, the database is none of SQLite, not there, none of ours, or older than this program (what a
/// newer one has migrated is copied), or the disk refuses. No half of a copy is left then.
pub async fn backup(config: &Config, clock: &Clock, rng: &Rng, target: &Path) -> Result<Kept> {
    let file = file_of(config, OTHERWISE)?;
    must_be_there(&file)?;
    let draft = Draft::begin(target)?;
    let source = db::open_file(&file).await?;
    if !migration::is_ours(&source).await? || !migration::is_current(&source).await? {
        return Err(Error::internal(
            "the database is none of this version: copy it with the version that serves it, or `vestibule migrate`",
        ));
    }
    let copy = draft.fill(&source).await?;
    source.close().await?;
    let tx = migration::begin_alone(&copy).await?;
    let now = clock.now();
    end_everything(&tx, &Origin::default(), (rng.id(now), now)).await?;
    tx.commit().await?;
    let octets = draft.finish(copy).await?;
    Ok(Kept { octets })
}
