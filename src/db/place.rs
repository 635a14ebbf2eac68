//! Which database an address means, in words that hold no password.

use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::secret::Secret;

/// The file behind the address of a SQLite database; none for a database of another kind.
pub fn sqlite_file(url: &Secret) -> Option<PathBuf> {
    let url = url.expose();
    let is_file = url.starts_with("sqlite:");
    let options = SqliteConnectOptions::from_str(url).ok().filter(|_| is_file);
    options.map(|options| options.get_filename().to_owned())
}

/// For an operator's eyes: the file of SQLite; on PostgreSQL name, host and port, with what the address leaves out.
pub fn place(url: &Secret) -> String {
    if let Some(file) = sqlite_file(url) {
        return file.display().to_string();
    }
    // What cannot be read is told where it is opened.
    let Ok(options) = PgConnectOptions::from_str(url.expose()) else {
        return String::from("PostgreSQL");
    };
    let host = match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => options.get_host().to_owned(),
    };
    // Without a name, it has its user's.
    let name = options.get_database().unwrap_or(options.get_username());
    format!("{name} on {host}:{}", options.get_port())
}
