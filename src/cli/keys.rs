//! `vestibule keys`: what an operator does with the keys.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Failure, explain};
use crate::app::App;
use crate::clock::{Clock, Rng};
use crate::config::Config;
use crate::key::{KeyState, Resealed, SigningKey};
use crate::locksmith::{self, Start};

#[derive(Subcommand)]
pub enum Keys {
    /// Add a signing key; the old one verifies until its last token has expired
    Rotate {
        /// It signs at once instead of in 10 minutes. For an emergency: whoever verifies tokens with a key set that it
        /// fetched before refuses the new ones until it fetches it again, which may take 5 minutes
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        shape: Shape,
    },
    /// List the signing keys and what each does
    List {
        #[command(flatten)]
        shape: Shape,
    },
    /// End a key that was stolen: running instances refuse its tokens within 2 seconds, and whoever holds one refreshes it.
    /// Who verifies tokens elsewhere may keep the key for 5 minutes. The key that signs cannot be ended: `keys rotate --now`
    /// first
    Retire {
        /// The key's id, as `keys list` and the key set show it. One in 64 begins with a hyphen
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
    /// Seal everything that is sealed with a new master key: VESTIBULE_OLD_MASTER_KEY names the old one,
    /// VESTIBULE_MASTER_KEY the new one. Then start every instance again with the new one; until then they go on
    Reseal {
        #[command(flatten)]
        shape: Shape,
    },
}

#[derive(Args)]
pub struct Shape {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn keys(config: Config, command: Keys) -> Result<(), Failure> {
    if let Keys::Reseal { shape } = command {
        return reseal(&config, &shape).await;
    }
    let app = App::open(config, Clock::system(), Rng::system())
        .await
        .map_err(explain)?;
    let done = run(&app, command).await;
    app.close().await;
    done
}

async fn run(app: &App, command: Keys) -> Result<(), Failure> {
    match command {
        Keys::Rotate { now, shape } => {
            let start = if now { Start::Now } else { Start::Announced };
            let key = locksmith::rotate(app, start).await.map_err(explain)?;
            if shape.json {
                println!("{}", as_json(&key));
            } else {
                println!("A new {} key: {}", key.algorithm.as_str(), key.kid);
                println!("{}", outlook(&key, start));
            }
        }
        Keys::List { shape } => {
            let keys = locksmith::list(app).await.map_err(explain)?;
            if shape.json {
                println!("{}", Value::from_iter(keys.iter().map(as_json)));
            } else {
                keys.iter().for_each(|key| println!("{}", as_line(key)));
            }
        }
        Keys::Retire { kid } => {
            locksmith::retire(app, &kid).await.map_err(explain)??;
            println!(
                "{kid} is retired. Running instances refuse its tokens within 2 seconds; whoever verifies tokens with a key set \
                 fetched before takes them until it fetches the set again, for up to 5 minutes."
            );
        }
        Keys::Reseal { .. } => {}
    }
    Ok(())
}

/// Before the house can be opened: it opens with one master key only.
async fn reseal(config: &Config, shape: &Shape) -> Result<(), Failure> {
    let resealed = locksmith::reseal(config, &Clock::system(), &Rng::system()).await;
    let Resealed { done, already } = resealed.map_err(explain)?;
    if shape.json {
        println!("{}", json!({ "resealed": done, "alreadySealed": already }));
    } else {
        println!("Sealed with the new master key: {done}; sealed with it already: {already}.");
    }
    Ok(())
}

fn outlook(key: &SigningKey, start: Start) -> String {
    match start {
        Start::Announced => format!(
            "It is published now and signs from {}; the old one verifies until its last token has expired.",
            key.signs_from.to_rfc3339()
        ),
        Start::Now => "It signs now. Whoever verifies tokens with a key set fetched before refuses the new ones for up \
                       to 5 minutes, unless it fetches the set again when it meets an unknown key. The old key \
                       verifies until its last token has expired; if it was stolen: `vestibule keys retire KID`."
            .to_owned(),
    }
}

fn state(key: &SigningKey) -> &'static str {
    match key.state {
        KeyState::Waiting => "waiting",
        KeyState::Signing => "signing",
        KeyState::Verifying => "verifying",
        KeyState::Retired => "retired",
    }
}

fn as_json(key: &SigningKey) -> Value {
    json!({
        "kid": key.kid, "algorithm": key.algorithm.as_str(), "state": state(key), "createdAt": key.created_at,
        "signsFrom": key.signs_from, "retiresAt": key.retires_at,
    })
}

fn as_line(key: &SigningKey) -> String {
    let end = key.retires_at.map_or_else(String::new, |end| {
        let verb = if key.state == KeyState::Retired {
            "retired"
        } else {
            "retires"
        };
        format!(", {verb} {}", end.to_rfc3339())
    });
    let (state, algorithm) = (state(key), key.algorithm.as_str());
    let from = key.signs_from.to_rfc3339();
    format!(
        "{}  {algorithm}  {state:9}  signs from {from}{end}",
        key.kid
    )
}
