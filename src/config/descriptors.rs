//! How many files and sockets the system lets this process hold open at once. Many systems begin with 1,024, which is for
//! programs of another kind, and leave it to each program to ask for more.

use super::Settings;

/// For a connection to the database: a socket, or SQLite's file with the two beside it.
const EACH_OF_DATABASE: u64 = 3;
/// For mail, `/metrics`, traces, the log and what libraries hold.
const RESERVE: u64 = 100;

/// What the house may come to need with these settings.
pub fn needed(settings: &Settings) -> u64 {
    let database = EACH_OF_DATABASE * u64::from(settings.database_connections);
    u64::from(settings.http_connections) + database + RESERVE
}

/// What the system allows at most (the hard limit); none where there is no bound, or none is known.
#[cfg(target_os = "linux")]
pub fn allowed() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum
}

#[cfg(not(target_os = "linux"))]
pub fn allowed() -> Option<u64> {
    None
}

/// Asks for as many as the system allows (setrlimit(2)): the soft limit becomes the hard one.
#[cfg(target_os = "linux")]
pub fn raise() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

#[cfg(not(target_os = "linux"))]
pub fn raise() {}
