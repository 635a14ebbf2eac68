//! One guess at a password: counted, for the account and for the network it comes from, before it is looked at. A guess that
//! is refused costs no hash.
//!
//! Transactions change the network's counter before the account's, always: two that want both wait for one another in turn, and
//! not each for the other. Where the user's row is changed, too, that comes first.

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::hasher::{Checked, Turn};
use crate::limit::{Backoff, Limit};
use crate::secret::Secret;
use crate::ticket::named_digest;

/// A guess that was taken.
#[derive(Debug)]
pub struct Attempt {
    guesses: Backoff,
    network: Option<String>,
}

/// Whose password is guessed.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// At the door: an account, whichever of its logins was typed.
    Account(Uuid),
    /// At the door: a login that is nobody's. It is counted as an account's is, so that the two look alike.
    Nobody { connection: Uuid, login: &'a str },
    /// By somebody who is signed in: guesses at the door must not keep owners from changing their password.
    Own(Uuid),
}

impl Attempt {
    /// Takes a guess.
    ///
    /// # Errors
    /// `RATE_LIMITED`, with the seconds to wait.
    pub async fn begin(app: &App, caller: &Caller, target: Target<'_>) -> Result<Option<Self>> {
        let settings = &app.config.settings;
        if !settings.rate_limits.is_on() {
            return Ok(None);
        }
        let now = app.now();
        let guesses = guesses(target);
        let network = app
            .db
            .transact(|| async {
                let tx = app.db.begin().await?;
                let network = match target {
                    Target::Own(_) => None,
                    _ => {
                        let key =
                            format!("wrong passwords from {}", named_digest(&caller.network()));
                        let limit = Limit::per_hour(settings.failures_per_network);
                        let verdict = limit.count(&tx, &key, now).await?;
                        if !verdict.allowed {
                            app.metrics.limit_hit("wrong_passwords_of_network");
                            return Err(Error::rate_limited(verdict.again_at - now));
                        }
                        Some(key)
                    }
                };
                let taken = guesses.take(&tx, now).await;
                if let Err(Error::RateLimited { .. }) = &taken {
                    app.metrics.limit_hit("wrong_passwords_of_account");
                }
                taken?;
                tx.commit().await?;
                Ok(network)
            })
            .await?;
        Ok(Some(Self { guesses, network }))
    }

    /// The guess was right: it and all before it are forgotten.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn succeed(&self, app: &App, tx: &impl ConnectionTrait) -> Result<()> {
        self.forgive_network(app, tx).await?;
        self.guesses.forget(tx).await
    }

    async fn forgive_network(&self, app: &App, tx: &impl ConnectionTrait) -> Result<()> {
        match &self.network {
            Some(key) => Limit::take_back(tx, key, app.now()).await,
            None => Ok(()),
        }
    }

    /// The guess was not looked at.
    async fn give_back(&self, app: &App) -> Result<()> {
        app.db
            .transact(|| async {
                let tx = app.db.begin().await?;
                self.forgive_network(app, &tx).await?;
                self.guesses.give_back(&tx).await?;
                tx.commit().await?;
                Ok(())
            })
            .await
    }
}

/// Compares a password, once the guess was taken. Where it cannot be compared, the guess is given back.
///
/// # Errors
/// `OVERLOADED`.
pub async fn compare(
    app: &App,
    turn: &Turn,
    attempt: Option<&Attempt>,
    password: &Secret,
    stored: Option<&str>,
) -> Result<Checked> {
    let checked = app.hasher.verify(turn, password, stored).await;
    if let (Err(_), Some(attempt)) = (&checked, attempt) {
        attempt.give_back(app).await?;
    }
    checked
}

/// Counts a hash that somebody asks for who is nobody yet.
///
/// # Errors
/// `RATE_LIMITED`, with the seconds to wait.
pub async fn allow_hash(app: &App, caller: &Caller) -> Result<()> {
    let settings = &app.config.settings;
    if !settings.rate_limits.is_on() {
        return Ok(());
    }
    let key = format!("sign-ups from {}", named_digest(&caller.network()));
    let limit = Limit::per_hour(settings.sign_ups_per_network);
    let verdict = limit.count(app.db.write(), &key, app.now()).await?;
    if verdict.allowed {
        Ok(())
    } else {
        app.metrics.limit_hit("sign_ups_of_network");
        Err(Error::rate_limited(verdict.again_at - app.now()))
    }
}

/// Forgets the wrong guesses at these accounts, whoever made them: a mailed reset proves the owner, and of who leaves
/// nothing is kept.
///
/// # Errors
/// When the database refuses.
pub async fn forgive(tx: &impl ConnectionTrait, users: &[Uuid]) -> Result<()> {
    let of = |user: &Uuid| {
        [Target::Account(*user), Target::Own(*user)].map(|target| guesses(target).key)
    };
    Backoff::forget_all(tx, users.iter().flat_map(of)).await
}

fn guesses(target: Target<'_>) -> Backoff {
    match target {
        Target::Account(id) => Backoff {
            key: format!("sign-in of {id}"),
            kept: true,
        },
        Target::Nobody { connection, login } => Backoff {
            key: format!("sign-in to {connection} as {}", named_digest(login)),
            kept: false,
        },
        Target::Own(id) => Backoff {
            key: format!("proof of {id}"),
            kept: true,
        },
    }
}
