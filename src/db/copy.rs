//! Copies of a SQLite database, made while it is in use.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement,
};

use crate::config::is_uri;
use crate::error::{Error, Result};

/// How long a statement waits for somebody else's lock.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens a SQLite file that is there, as it is: nothing is made, no journal mode changed. What is deleted in it is
/// overwritten.
///
/// # Errors
/// When it cannot be opened, or its name is an address to SQLite.
pub async fn open_file(path: &Path) -> Result<DatabaseConnection> {
    must_be_a_name(path)?;
    Ok(Database::connect(as_it_is(path, Access::Whole, PATIENCE)).await?)
}

/// The same, to read it alone: no octet is changed, also where the log of a server that was killed is beside it.
///
/// # Errors
/// As [`open_file`].
pub async fn read_file(path: &Path) -> Result<DatabaseConnection> {
    must_be_a_name(path)?;
    Ok(Database::connect(as_it_is(path, Access::Look, PATIENCE)).await?)
}

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Whole,
    /// Nothing is written, neither into the file nor into the log beside it.
    Look,
}

/// How a SQLite file that is there is opened, as it is: nothing is made, no journal mode changed.
pub(super) fn as_it_is(path: &Path, access: Access, patience: Duration) -> ConnectOptions {
    // Whoever may write moves what is in the log of a server that was killed into the file, at the end. Whoever may not leaves
    // an empty log behind where there is none; so they may, and have nothing to write.
    let is_shut = access == Access::Look && beside(path, "-wal").exists();
    // The address is replaced by the path, which may hold anything that an address cannot.
    let mut options = ConnectOptions::new("sqlite://file");
    let path = path.to_owned();
    options
        .max_connections(1)
        .connect_timeout(patience)
        .acquire_timeout(patience)
        .sqlx_logging_level(log::LevelFilter::Trace)
        .map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .filename(&path)
                .create_if_missing(false)
                .read_only(is_shut)
                .busy_timeout(patience)
                .foreign_keys(true)
                .pragma("secure_delete", "ON")
        });
    options
}

/// A copy on its way: for its owner alone, and gone with this value unless it is finished. Until it is whole and on the disk
/// it has a name of its own, with `.part` behind it: whatever ends this program leaves nothing that looks like a database.
#[derive(Debug)]
pub struct Draft {
    target: PathBuf,
    part: PathBuf,
    finished: bool,
}

impl Draft {
    /// # Errors
    /// When something of this name, or of the draft's, is there, the name is an address to SQLite, or the folder cannot be
    /// written to.
    pub fn begin(target: &Path) -> Result<Self> {
        must_be_a_name(target)?;
        if target.symlink_metadata().is_ok() {
            return Err(taken(target, ""));
        }
        let part = beside(target, ".part");
        make_for_owner(&part).map_err(|cause| match cause.kind() {
            // Somebody else's: it stays.
            io::ErrorKind::AlreadyExists => taken(&part, UNDER_WAY),
            _ => unusable(&part, &cause),
        })?;
        Ok(Self {
            target: target.to_owned(),
            part,
            finished: false,
        })
    }

    /// Writes what the database holds at this moment, while others go on reading and writing, and opens the copy.
    ///
    /// # Errors
    /// When the database cannot be read, or the disk is full.
    pub async fn fill(&self, from: &DatabaseConnection) -> Result<DatabaseConnection> {
        let path = self
            .part
            .to_str()
            .ok_or_else(|| Error::internal(format!("{}: is no UTF-8", self.part.display())))?;
        let copy =
            Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [path.into()]);
        from.execute_raw(copy).await?;
        let db = open_file(&self.part).await?;
        // One file and nothing beside it, until a server opens it.
        db.execute_unprepared("PRAGMA journal_mode = DELETE")
            .await?;
        Ok(db)
    }

    /// Looks through the copy, and gives it its name once it rests on the disk. Says how many octets it has.
    ///
    /// # Errors
    /// When something in it is not as it should be, or the disk refuses.
    pub async fn finish(mut self, db: DatabaseConnection) -> Result<u64> {
        check(&db).await?;
        db.close().await?;
        let sync = || {
            // SQLite leaves that to us where it copies (its documentation of VACUUM INTO).
            let file = File::open(&self.part)?;
            file.sync_all()?;
            let octets = file.metadata()?.len();
            if octets == 0 {
                // SQLite wrote nothing, or elsewhere.
                return Err(io::Error::other("the copy is empty"));
            }
            put_in_place(&self.part, &self.target)?;
            let folder = self
                .target
                .parent()
                .filter(|folder| *folder != Path::new(""));
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
            Ok(octets)
        };
        let octets = sync().map_err(|cause: io::Error| match cause.kind() {
            io::ErrorKind::AlreadyExists => taken(&self.target, ""),
            _ => unusable(&self.target, &cause),
        })?;
        self.finished = true;
        Ok(octets)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished {
            // Ours; where one is gone already, so be it.
            drop(std::fs::remove_file(&self.part));
            drop(std::fs::remove_file(beside(&self.part, "-journal")));
        }
    }
}

/// Reads all of it, and every reference from table to table.
///
/// # Errors
/// When it is damaged.
pub async fn check(db: &DatabaseConnection) -> Result<()> {
    let ask = async |pragma: &str| {
        db.query_all_raw(Statement::from_string(DbBackend::Sqlite, pragma))
            .await
    };
    let found = ask("PRAGMA integrity_check").await?;
    let said = match found.as_slice() {
        [row] => row.try_get_by_index::<String>(0)?,
        _ => String::from("several defects"),
    };
    if said != "ok" || !ask("PRAGMA foreign_key_check").await?.is_empty() {
        return Err(Error::internal("the database file is damaged"));
    }
    Ok(())
}

fn must_be_a_name(path: &Path) -> Result<()> {
    if is_uri(path) {
        let path = path.display();
        return Err(Error::internal(format!(
            "{path}: SQLite takes a name that begins with `file:` for an address; write ./{path}"
        )));
    }
    Ok(())
}

fn make_for_owner(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Gives the draft its name, at once and whole, where nothing has that name.
fn put_in_place(part: &Path, target: &Path) -> io::Result<()> {
    match std::fs::hard_link(part, target) {
        Ok(()) => std::fs::remove_file(part),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Err(cause),
        // A file system without links: the name is taken first, because a renaming overwrites.
        Err(_) => {
            make_for_owner(target)?;
            std::fs::rename(part, target).inspect_err(|_| drop(std::fs::remove_file(target)))
        }
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}

const UNDER_WAY: &str =
    ": another copy is under way, or one was killed and left this behind; then move it away";

fn taken(path: &Path, why: &str) -> Error {
    let path = path.display();
    Error::internal(format!(
        "{path}: is there already; nothing is overwritten{why}"
    ))
}

fn unusable(path: &Path, cause: &io::Error) -> Error {
    Error::internal(format!("{}: {cause}", path.display()))
}
