//! `vestibule migrate`: brings the database up to date and makes the keys that are missing.

use super::{Failure, explain};
use crate::app::App;
use crate::clock::{Clock, Rng};
use crate::config::Config;

pub async fn migrate(config: Config) -> Result<(), Failure> {
    let app = App::open(config, Clock::system(), Rng::system())
        .await
        .map_err(explain)?;
    app.close().await;
    println!("The database is up to date.");
    Ok(())
}
