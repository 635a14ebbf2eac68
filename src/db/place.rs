//! Which database an address means, in words that hold no password.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
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

/// Whether it is on another machine, and whoever answers there is believed without a certificate that holds: the driver's own
/// `prefer` goes on in plain text where it is told to, and for `verify-ca` it takes that of any host, from any public authority.
pub fn is_unguarded(url: &Secret) -> bool {
    if sqlite_file(url).is_some() {
        return false;
    }
    PgConnectOptions::from_str(url.expose()).is_ok_and(|options| {
        let is_checked = matches!(options.get_ssl_mode(), PgSslMode::VerifyFull);
        !is_checked && !is_here(&options)
    })
}

/// Behind a socket, or on loopback.
fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_matches(['[', ']']);
    let address = host.parse::<IpAddr>();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_machine_wants_a_certificate_that_is_checked() {
        for (url, unguarded) in [
            ("sqlite://vestibule.db", false),
            ("postgres://db.example.org/x?sslmode=prefer", true),
            ("postgres://db.example.org/x?sslmode=require", true),
            ("postgres://192.0.2.1:5433/x?sslmode=disable", true),
            ("postgres://[2001:db8::1]/x?sslmode=allow", true),
            ("postgres://db.example.org/x?sslmode=verify-ca", true),
            ("postgres://db.example.org/x?sslmode=verify-full", false),
            ("postgres://localhost/x?sslmode=prefer", false),
            ("postgres://127.0.0.2/x?sslmode=prefer", false),
            ("postgres://[::1]/x?sslmode=prefer", false),
            ("postgres://%2Frun%2Fpostgresql/x?sslmode=prefer", false),
            (
                "postgres://db.example.org/x?sslmode=prefer&host=/run/postgresql",
                false,
            ),
        ] {
            assert_eq!(is_unguarded(&Secret::new(url)), unguarded, "{url}");
        }
    }
}
