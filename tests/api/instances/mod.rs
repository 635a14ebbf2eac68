//! Several instances on one database, and the end of one while people come and go: real programs, real signals.

mod balancer;
mod lease;
mod leaving;
mod limits;
mod races;
mod restart;
mod revocation;
mod shutdown;
mod visitor;

use crate::harness::{ADMIN_SECRET, Backend, Database};

/// Settings that every instance of one house shares: the same database, keys and public address.
pub fn shared(database: &str) -> Vec<(&str, &str)> {
    vec![
        ("VESTIBULE_DATABASE_URL", database),
        ("VESTIBULE_ADMIN_SECRET", ADMIN_SECRET),
        (
            "VESTIBULE_MASTER_KEY",
            "dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzIDEyMzQ=",
        ),
        ("VESTIBULE_PUBLIC_URL", "http://localhost:4000"),
        ("VESTIBULE_RATE_LIMITS", "off"),
        // Nothing here is about a crowded machine.
        ("VESTIBULE_PASSWORD_WAIT", "60000"),
        ("VESTIBULE_DATABASE_TIMEOUT", "30000"),
        ("VESTIBULE_REQUEST_TIMEOUT", "60000"),
        ("VESTIBULE_LOG", "warn"),
    ]
}

/// The address of a database as the settings want it, and the database, which goes with it.
pub async fn database(backend: Backend) -> (Database, String) {
    let database = Database::empty(backend).await;
    let url = database.url();
    (database, url)
}
