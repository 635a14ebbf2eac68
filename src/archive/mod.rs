//! What outlives a disk: copies of the database, and what has to end when one of them takes its place. Asked for by the
//! command line alone.

mod backup;
mod epoch;
mod restore;

pub use backup::{Kept, backup};
pub use epoch::{Ended, begin_epoch, find_ours};
pub use restore::{Restored, restore};

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::db;
use crate::error::{Error, Result};

/// Where the SQLite database is.
///
/// # Errors
/// When the database is another one: `otherwise` says what to do then.
fn file_of(config: &Config, otherwise: &str) -> Result<PathBuf> {
    db::sqlite_file(&config.settings.database_url).ok_or_else(|| Error::internal(otherwise))
}

/// A database that is made where none is would be an empty one.
///
/// # Errors
/// When the file is not there.
fn must_be_there(file: &Path) -> Result<()> {
    if file.exists() {
        return Ok(());
    }
    Err(Error::internal(format!(
        "VESTIBULE_DATABASE_URL: there is no database in {}",
        file.display()
    )))
}
