//! Who asks: the session that an access token or a refresh token names, with its user and application. Whatever is revoked,
//! disabled or removed stops working at once, on every instance: those who asked lately are remembered, and with every
//! request the database is asked what has changed, unless that was asked a moment ago. That moment is the lease; whoever
//! may have revoked something is answered after it. Requests at the same time share their statements.

mod arrival;
mod change;
pub mod membership;
mod memory;
mod offer;
mod rotation;
mod statement;

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use entity::{application, session, user};
use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, QueryResult, Statement};
use uuid::Uuid;

pub use arrival::{Arrival, Arrived};
pub use offer::{Exchange, Offer};
pub use rotation::{Rotation, rotate_all};

use self::memory::{Memory, Recalled};
use self::statement::{APPLICATION, HAS_TENANTS, SESSION, USER};
use crate::clock::Clock;
use crate::db::{LENGTHS, Lone, Together, padded};
use crate::error::Result;

/// A signed-in caller.
#[derive(Clone, Debug)]
pub struct Identity {
    pub session: session::Model,
    pub user: user::Model,
    /// Shared by those who were looked up together.
    pub application: Arc<application::Model>,
    /// Whether the user belongs to a tenant.
    pub has_tenants: bool,
    /// What a room above has made of the user, to be remembered with them.
    made: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Identity {
    /// What `make` makes of the user, made once for as long as they are remembered. For one kind of thing alone: another one
    /// is made anew each time.
    pub fn made<T: Send + Sync + 'static>(&self, make: impl Fn(&user::Model) -> T) -> Arc<T> {
        let made = self.made.get_or_init(|| Arc::new(make(&self.user)));
        let made = Arc::clone(made).downcast();
        made.unwrap_or_else(|_| Arc::new(make(&self.user)))
    }
}

/// Whether what was heard a moment ago counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    Counts,
    /// Not for who may have changed something in the same operation, and has not been answered yet.
    Ignored,
}

impl Lease {
    pub fn unless(ignored: bool) -> Self {
        if ignored { Self::Ignored } else { Self::Counts }
    }
}

/// Looks identities up. All handles share the look-ups under way.
#[derive(Clone, Debug)]
pub struct Identities(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Lone,
    clock: Clock,
    memory: Memory,
    changes: Together<(), bool>,
    by_session: Together<Uuid, Option<Arc<Identity>>>,
    /// The text for one session, two, four and so on.
    texts: [OnceLock<String>; LENGTHS],
}

impl Identities {
    /// What has changed is asked for anew once the answer is as old as the lease.
    pub fn new(db: Lone, clock: Clock, lease: Duration) -> Self {
        Self(Arc::new(Inner {
            changes: Together::on(&db),
            by_session: Together::on(&db),
            db,
            clock,
            memory: Memory::new(lease),
            texts: [const { OnceLock::new() }; LENGTHS],
        }))
    }

    /// The session of this id with its user and application, where it is alive, the user may sign in, and the application
    /// is open and enables the user's connection, which is open, too. When the session was last used may be out of date.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find(&self, session: Uuid) -> Result<Option<Arc<Identity>>> {
        let now = self.0.clock.now();
        match self.0.memory.recall(session, now) {
            Recalled::Known(identity) => return Ok(Some(identity)),
            Recalled::Stale => {
                if self.0.hear_together().await?
                    && let Some(identity) = self.0.memory.find(session, now)
                {
                    return Ok(Some(identity));
                }
            }
            Recalled::Unknown => {}
        }
        let inner = Arc::clone(&self.0);
        let look_up = move |sessions: Vec<Uuid>| {
            let inner = Arc::clone(&inner);
            async move { Ok(inner.by_session(&sessions).await?) }
        };
        self.0.by_session.ask(session, look_up).await
    }

    /// As [`Identities::find`], for a crowd; without the lease, as the database has them now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find_all(
        &self,
        sessions: &[Uuid],
        lease: Lease,
    ) -> Result<HashMap<Uuid, Arc<Identity>>> {
        let inner = &self.0;
        let now = inner.clock.now();
        let has_heard = lease == Lease::Counts && inner.memory.has_heard();
        let may_recall = has_heard || inner.hear_together().await?;
        let (mut known, mut unknown) = (HashMap::new(), Vec::new());
        for session in sessions {
            match inner.memory.find(*session, now).filter(|_| may_recall) {
                Some(identity) => drop(known.insert(*session, identity)),
                None => unknown.push(*session),
            }
        }
        if !unknown.is_empty() {
            let found = inner.by_session(&unknown).await?;
            let found = found.into_iter().flatten();
            known.extend(found.map(|found| (found.session.id, found)));
        }
        Ok(known)
    }

    /// Ends when every instance goes by what was committed before: for who has revoked something, before saying so.
    pub async fn settle(&self) {
        tokio::time::sleep(self.0.memory.lease()).await;
    }
}

impl Inner {
    /// Asks what has changed, together with those who do so now, and says whether the answer counts.
    async fn hear_together(self: &Arc<Self>) -> Result<bool> {
        let inner = Arc::clone(self);
        let listen = move |many: Vec<()>| {
            let inner = Arc::clone(&inner);
            async move {
                let asked_at = Instant::now();
                let news = change::since(&inner.db, inner.memory.position()).await?;
                let counts = inner.memory.hear(asked_at, news);
                Ok(vec![counts; many.len()])
            }
        };
        self.changes.ask((), listen).await
    }

    async fn by_session(&self, sessions: &[Uuid]) -> Result<Vec<Option<Arc<Identity>>>, DbErr> {
        let edition = self.memory.edition();
        let mut applications = Applications::default();
        let mut found = HashMap::with_capacity(sessions.len());
        for row in self.rows(sessions).await? {
            let identity = applications.identity(&row)?;
            found.insert(identity.session.id, Arc::new(identity));
        }
        let found: Vec<_> = sessions.iter().map(|id| found.get(id).cloned()).collect();
        self.memory.keep(edition, &found);
        Ok(found)
    }

    async fn rows(&self, sessions: &[Uuid]) -> Result<Vec<QueryResult>, DbErr> {
        let backend = self.db.get_database_backend();
        let sessions = padded(sessions);
        let text = &self.texts[sessions.len().ilog2() as usize];
        let text = text.get_or_init(|| statement::text(backend, sessions.len()));
        let now = Value::from(self.clock.now());
        let values = std::iter::once(now).chain(sessions.into_iter().map(Into::into));
        let statement = Statement::from_sql_and_values(backend, text, values);
        self.db.query_all_raw(statement).await
    }
}

/// Most requests are of one application: it is read once for all of them.
#[derive(Default)]
struct Applications(HashMap<Uuid, Arc<application::Model>>);

impl Applications {
    fn identity(&mut self, row: &QueryResult) -> Result<Identity, DbErr> {
        let session = session::Model::from_query_result(row, SESSION)?;
        let user = user::Model::from_query_result(row, USER)?;
        let application = match self.0.get(&session.application_id) {
            Some(application) => Arc::clone(application),
            None => {
                let read = application::Model::from_query_result(row, APPLICATION)?;
                let shared = Arc::new(read);
                self.0.insert(shared.id, Arc::clone(&shared));
                shared
            }
        };
        Ok(Identity {
            session,
            user,
            application,
            has_tenants: row.try_get("", HAS_TENANTS)?,
            made: OnceLock::new(),
        })
    }
}
