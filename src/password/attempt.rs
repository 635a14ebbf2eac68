//! One guess at a password. For the account it is counted before it is looked at. For the network it comes from, only once it
//! was wrong, because everybody behind one address is one network and would wait for its counter; those under way count
//! against what is left (ADR 29). A guess that is refused costs no hash.
//!
//! Where a transaction changes the user's row, too, that comes before the account's counter.

use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::ConnectionTrait;
use tokio::runtime::Handle;
use tracing::Instrument;
use uuid::Uuid;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::hasher::{Begun, Checked, Company, Turn};
use crate::limit::{Backoff, Limit, One};
use crate::metrics::LimitName;
use crate::secret::Secret;
use crate::ticket::named_digest;

/// A guess that was taken. Dropped before anybody was told what became of it, as when the client leaves, it is given back; but
/// where a worker had it in hand already, it counts as wrong: how long that took would tell.
#[derive(Debug)]
pub struct Attempt {
    app: App,
    guesses: Backoff,
    network: Option<One>,
    begun: Begun,
    right: AtomicBool,
    judged: AtomicBool,
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
    /// By somebody who is signed in, and asks whether a password is the present one or was one before.
    Former(Uuid),
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
        let network = match target {
            Target::Own(_) | Target::Former(_) => None,
            Target::Account(_) | Target::Nobody { .. } => {
                // Before anything is written: a network that is refused goes on asking.
                let key = format!("wrong passwords from {}", named_digest(&caller.network()));
                let one = app.guesses.begin(key);
                look(app, &one).await?;
                Some(one)
            }
        };
        let attempt = Self::take(app, guesses(target), network).await?;
        Ok(Some(attempt))
    }

    /// Takes it to the end, also where the client leaves meanwhile: half of it would count for the account alone.
    async fn take(app: &App, guesses: Backoff, network: Option<One>) -> Result<Self> {
        let app = app.clone();
        seen_through(async move {
            let taken = app.counters.take(&guesses).await;
            if let Err(Error::RateLimited { .. }) = &taken {
                app.metrics.limit_hit(LimitName::WrongPasswordsOfAccount);
            }
            taken?;
            Ok(Self {
                app,
                guesses,
                network,
                begun: Begun::default(),
                right: AtomicBool::new(false),
                judged: AtomicBool::new(false),
            })
        })
        .await
    }

    /// The guess was right: it and all before it at this account are forgotten.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn succeed(&self, tx: &impl ConnectionTrait) -> Result<()> {
        self.guesses.forget(tx).await
    }

    /// The counter that a right guess ends.
    pub fn key(&self) -> &str {
        &self.guesses.key
    }

    /// It stays as it is counted now. After the commit, where [`Attempt::succeed`] was a part of a transaction.
    pub fn judged(&self) {
        self.judged.store(true, Ordering::Relaxed);
    }

    /// The guess was wrong, which is told only once it is counted.
    async fn fail(&mut self) -> Result<()> {
        self.judged();
        seen_through(fail(self.app.clone(), self.network.take())).await
    }

    /// The guess was not looked at.
    async fn give_back(&self) -> Result<()> {
        self.judged();
        seen_through(give_back(self.app.clone(), self.guesses.clone())).await
    }
}

async fn fail(app: App, network: Option<One>) -> Result<()> {
    if let Some(network) = network {
        let limit = limit_of_network(&app);
        limit
            .count(app.db.write(), network.key(), app.now())
            .await?;
    }
    Ok(())
}

async fn give_back(app: App, guesses: Backoff) -> Result<()> {
    guesses.give_back(app.db.write()).await
}

/// Does this to its end, whether or not anybody still waits for it.
async fn seen_through<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work.in_current_span())
        .await
        .unwrap_or_else(|error| Err(Error::internal(error)))
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let (false, Ok(runtime)) = (self.judged.load(Ordering::Relaxed), Handle::try_current())
        else {
            return;
        };
        let (app, network) = (self.app.clone(), self.network.take());
        let not_looked_at = self.right.load(Ordering::Relaxed) || self.begun.take();
        let guesses = self.guesses.clone();
        runtime.spawn(async move {
            let noted = if not_looked_at {
                give_back(app, guesses).await
            } else {
                fail(app, network).await
            };
            if let Err(error) = noted {
                tracing::warn!(%error, "what became of a guess is not noted");
            }
        });
    }
}

fn limit_of_network(app: &App) -> Limit {
    Limit::per_hour(app.config.settings.failures_per_network)
}

/// Whether wrong guesses of this network are left, beside those that are looked at.
async fn look(app: &App, network: &One) -> Result<()> {
    let now = app.now();
    let verdict = limit_of_network(app)
        .look(&app.counters, network.key(), network.others(), now)
        .await?;
    if verdict.allowed {
        Ok(())
    } else {
        app.metrics.limit_hit(LimitName::WrongPasswordsOfNetwork);
        Err(Error::rate_limited(verdict.again_at - now))
    }
}

/// Compares a password, once the guess was taken. Where it cannot be compared, the guess is given back.
///
/// # Errors
/// `OVERLOADED`.
pub async fn compare(
    app: &App,
    turn: &Turn,
    attempt: Option<&mut Attempt>,
    password: &Secret,
    stored: Option<&str>,
) -> Result<Checked> {
    let Some(attempt) = attempt else {
        return app.hasher.verify(turn, password, stored).await;
    };
    let mut checked = app
        .hasher
        .verify_once_begun(turn, password, stored, &attempt.begun)
        .await;
    match &mut checked {
        Err(_) => attempt.give_back().await?,
        Ok(checked) if checked.matches => attempt.right.store(true, Ordering::Relaxed),
        Ok(checked) => {
            checked.company = Company::default();
            attempt.fail().await?;
        }
    }
    checked
}

/// Counts what somebody asks for who is nobody yet: a hash, or a row.
///
/// # Errors
/// `RATE_LIMITED`, with the seconds to wait.
pub async fn allow_stranger(app: &App, caller: &Caller) -> Result<()> {
    let settings = &app.config.settings;
    if !settings.rate_limits.is_on() {
        return Ok(());
    }
    let key = format!("sign-ups from {}", named_digest(&caller.network()));
    let limit = Limit::per_hour(settings.sign_ups_per_network);
    // Refused without a trace: whoever goes on asking would make everybody of the network wait for the counter.
    let mut verdict = limit.look(&app.counters, &key, 0, app.now()).await?;
    if verdict.allowed {
        verdict = limit.count(app.db.write(), &key, app.now()).await?;
    }
    if verdict.allowed {
        Ok(())
    } else {
        app.metrics.limit_hit(LimitName::SignUpsOfNetwork);
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
        [Target::Account, Target::Own, Target::Former].map(|target| guesses(target(*user)).key)
    };
    Backoff::forget_all(tx, users.iter().flat_map(of)).await
}

/// Whether one more password may be compared with an account's present and former ones, for who is signed in to it: as
/// often as guesses may be made, and no right answer forgets them. A new password does.
///
/// # Errors
/// When the database refuses.
pub async fn may_compare_former(app: &App, caller: &Caller, user: Uuid) -> Result<bool> {
    match Attempt::begin(app, caller, Target::Former(user)).await {
        Ok(attempt) => {
            attempt.iter().for_each(Attempt::judged);
            Ok(true)
        }
        Err(Error::RateLimited { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Forgets what [`may_compare_former`] counted: there is a new password.
///
/// # Errors
/// When the database refuses.
pub async fn forgive_former(tx: &impl ConnectionTrait, user: Uuid) -> Result<()> {
    guesses(Target::Former(user)).forget(tx).await
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
        Target::Former(id) => Backoff {
            key: format!("former passwords of {id}"),
            kept: false,
        },
    }
}
