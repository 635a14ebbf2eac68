//! A SQLite database out of a copy, in a new epoch.

use std::path::{Path, PathBuf};

use super::epoch::{Ended, end_everything};
use super::file_of;
use crate::clock::{Clock, Rng};
use crate::config::Config;
use crate::db::{self, Draft};
use crate::error::{Error, Result};
use crate::event::Origin;
use crate::key;

/// What `vestibule restore` says where it does not apply.
const OTHERWISE: &str = "only a SQLite file is restored here. For PostgreSQL: stop every instance, `pg_restore`, and then \
                         `vestibule epoch next` (docs/operation.md)";

/// A database that was put in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    pub file: PathBuf,
    pub ended: Ended,
}

/// Puts a copy, of `vestibule backup` or of any other making, into the place of the database, brings it up to date and
/// begins a new epoch in it. The copy stays as it is, and so does a log (`-wal`) beside it, which is read with it.
///
/// # Errors
/// When a database is in that place (it is to be moved away first, with the server stopped), the copy is damaged, none of
/// ours or of a later version, its secrets do not open with this master key (the server would not start), or the disk
/// refuses. No half of a database is left then.
pub async fn restore(config: &Config, clock: &Clock, rng: &Rng, from: &Path) -> Result<Restored> {
    let file = file_of(config, OTHERWISE)?;
    for end in ["", "-wal", "-shm", "-journal"] {
        let mut beside = file.clone().into_os_string();
        beside.push(end);
        if Path::new(&beside).exists() {
            return Err(Error::internal(format!(
                "{} is there: stop the server and move it away; nothing is overwritten",
                Path::new(&beside).display()
            )));
        }
    }
    if !from.is_file() {
        return Err(Error::internal(format!("{}: is no file", from.display())));
    }
    let draft = Draft::begin(&file)?;
    let unreadable =
        |error: Error| Error::internal(format!("{}: {}", from.display(), error.cause()));
    let source = db::read_file(from).await.map_err(unreadable)?;
    db::check(&source).await.map_err(unreadable)?;
    if !migration::is_ours(&source).await? {
        return Err(Error::internal(format!(
            "{}: is no database of Vestibule",
            from.display()
        )));
    }
    if migration::is_newer(&source).await? {
        return Err(Error::internal(format!(
            "{}: was made by a newer version of Vestibule: restore it with that version",
            from.display()
        )));
    }
    let copy = draft.fill(&source).await?;
    source.close().await?;
    let tx = migration::begin_alone(&copy).await?;
    migration::apply(&tx).await?;
    key::check_master_key(&tx, &config.master_key, rng)
        .await
        .map_err(|error| {
            Error::internal(format!(
                "{}: {}. Give VESTIBULE_MASTER_KEY the key that this database was sealed with; nothing was restored",
                from.display(),
                error.cause()
            ))
        })?;
    let now = clock.now();
    let ended = end_everything(&tx, &Origin::default(), (rng.id(now), now)).await?;
    tx.commit().await?;
    draft.finish(copy).await?;
    Ok(Restored { file, ended })
}
