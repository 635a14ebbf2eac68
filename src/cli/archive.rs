//! `vestibule backup`, `restore` and `epoch`: what an operator does so that a lost disk is no lost house.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::signals::unless_stopped;
use super::{Failure, explain};
use crate::app::App;
use crate::archive::{self, Ended};
use crate::clock::{Clock, Rng};
use crate::config::{Config, MasterKey};

#[derive(Args)]
pub struct Backup {
    /// The file that is made, readable by its owner alone; one that is there is never overwritten
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Restore {
    /// A file of `vestibule backup`, or another copy of a SQLite database
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
pub enum Epoch {
    /// After a database was restored by other means than `vestibule restore`: end every session, every link and code that
    /// was mailed, and every signing key. Everybody signs in again
    Next {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub async fn backup(config: Config, asked: Backup) -> Result<(), Failure> {
    let (clock, rng) = (Clock::system(), Rng::system());
    let made = unless_stopped(archive::backup(&config, &clock, &rng, &asked.file)).await?;
    let kept = made.map_err(explain)?;
    if asked.json {
        println!("{}", json!({ "file": asked.file, "octets": kept.octets }));
        return Ok(());
    }
    let key = match &config.master_key {
        MasterKey::Given(_) => "VESTIBULE_MASTER_KEY".to_owned(),
        MasterKey::KeptIn(path) => path.display().to_string(),
    };
    println!("{}: {} octets, checked.", asked.file.display(), kept.octets);
    println!(
        "To a backup belongs, kept elsewhere: the master key ({key}); and your settings and templates."
    );
    println!("Back it comes with `vestibule restore`; nobody is signed in then.");
    Ok(())
}

pub async fn restore(config: Config, asked: Restore) -> Result<(), Failure> {
    let (clock, rng) = (Clock::system(), Rng::system());
    let made = unless_stopped(archive::restore(&config, &clock, &rng, &asked.file)).await?;
    let restored = made.map_err(explain)?;
    if asked.json {
        println!(
            "{}",
            json!({ "file": restored.file, "ended": as_json(&restored.ended) })
        );
        return Ok(());
    }
    println!("{} is restored.", restored.file.display());
    println!("{FORGOTTEN}");
    Ok(())
}

pub async fn epoch(config: Config, command: Epoch) -> Result<(), Failure> {
    let Epoch::Next { json } = command;
    let (clock, rng) = (Clock::system(), Rng::system());
    let found = archive::find_ours(&config, &rng).await;
    let database = found.map_err(explain)?;
    let app = App::open(config, clock, rng).await.map_err(explain)?;
    let begun = archive::begin_epoch(&app).await.map_err(explain);
    app.close().await;
    let ended = begun?;
    if json {
        let mut shown = as_json(&ended);
        shown["database"] = json!(database);
        println!("{shown}");
        return Ok(());
    }
    let Ended {
        sessions,
        verifications,
        keys,
    } = ended;
    println!(
        "{database}: ended {sessions} sessions, {verifications} mailed links and codes, {keys} signing keys."
    );
    println!("{FORGOTTEN}");
    Ok(())
}

/// What no epoch can know.
const FORGOTTEN: &str = "Everybody signs in again, with the password that held when the copy was made: passwords, \
                         addresses, roles and accounts that were changed, disabled or deleted since are as they were.";

fn as_json(ended: &Ended) -> Value {
    json!({ "sessions": ended.sessions, "verifications": ended.verifications, "keys": ended.keys })
}
