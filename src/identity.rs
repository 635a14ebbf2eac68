//! The session behind a request, with its user and application: looked up with every request, so that whatever is revoked,
//! disabled or removed stops working at once, on every instance. Nothing is kept; requests at the same time share a
//! statement, and its text is put together once.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use entity::{application, application_connection, connection, session, user};
use sea_orm::sea_query::{Expr, ExprTrait, Query, Value};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, FromQueryResult, IdenStatic, Iterable, Statement,
};
use uuid::Uuid;

use crate::clock::Clock;
use crate::db::{Lone, MOST_TOGETHER, Together};
use crate::error::Result;

/// Lengths of a list of sessions: the powers of two up to the longest.
const LENGTHS: usize = MOST_TOGETHER.ilog2() as usize + 1;

/// Before the columns of each table.
const SESSION: &str = "s_";
const USER: &str = "u_";
const APPLICATION: &str = "a_";

/// A signed-in caller.
#[derive(Clone, Debug)]
pub struct Identity {
    pub session: session::Model,
    pub user: user::Model,
    /// Shared by those who were looked up together.
    pub application: Arc<application::Model>,
}

/// Looks identities up. All handles share the look-ups under way.
#[derive(Clone, Debug)]
pub struct Identities(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Lone,
    clock: Clock,
    together: Together<Uuid, Identity>,
    /// The text for one session, two, four and so on: few lengths are few statements to prepare.
    texts: [OnceLock<String>; LENGTHS],
}

impl Identities {
    pub fn new(db: Lone, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            db,
            clock,
            together: Together::default(),
            texts: [const { OnceLock::new() }; LENGTHS],
        }))
    }

    /// The session of this id with its user and application, where it is alive, the user may sign in, and the application
    /// is open and enables the user's connection, which is open, too.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find(&self, session: Uuid) -> Result<Option<Arc<Identity>>> {
        let look_up = |inner: Arc<Inner>, sessions| async move { inner.find_all(sessions).await };
        let inner = Arc::clone(&self.0);
        let look_up = move |sessions| look_up(Arc::clone(&inner), sessions);
        self.0.together.find(session, look_up).await
    }
}

impl Inner {
    async fn find_all(&self, sessions: Vec<Uuid>) -> Result<HashMap<Uuid, Arc<Identity>>, DbErr> {
        let backend = self.db.get_database_backend();
        let places = sessions.len().next_power_of_two();
        let text = &self.texts[places.ilog2() as usize];
        let text = text.get_or_init(|| statement(backend, places));
        // The last one again, where there are fewer than places.
        let ids = (0..places).map(|place| sessions[place.min(sessions.len() - 1)].into());
        let values = std::iter::once(Value::from(self.clock.now())).chain(ids);
        let statement = Statement::from_sql_and_values(backend, text, values);
        let mut applications = HashMap::<Uuid, Arc<application::Model>>::new();
        let mut found = HashMap::with_capacity(sessions.len());
        for row in self.db.query_all_raw(statement).await? {
            let session = session::Model::from_query_result(&row, SESSION)?;
            let user = user::Model::from_query_result(&row, USER)?;
            // Most requests are of one application: it is read once for all of them.
            let application = match applications.get(&session.application_id) {
                Some(application) => Arc::clone(application),
                None => {
                    let read = application::Model::from_query_result(&row, APPLICATION)?;
                    let shared = Arc::new(read);
                    applications.insert(shared.id, Arc::clone(&shared));
                    shared
                }
            };
            let identity = Identity {
                session,
                user,
                application,
            };
            found.insert(identity.session.id, Arc::new(identity));
        }
        Ok(found)
    }
}

/// First the time, then that many sessions.
fn statement(backend: DbBackend, places: usize) -> String {
    use application_connection::{Column as Enabled, Entity as Enabling};
    let mut query = Query::select();
    for column in session::Column::iter() {
        let name = format!("{SESSION}{}", column.as_str());
        query.expr_as(Expr::col((session::Entity, column)), name);
    }
    for column in user::Column::iter() {
        let name = format!("{USER}{}", column.as_str());
        query.expr_as(Expr::col((user::Entity, column)), name);
    }
    for column in application::Column::iter() {
        let name = format!("{APPLICATION}{}", column.as_str());
        query.expr_as(Expr::col((application::Entity, column)), name);
    }
    let of = |column: session::Column| Expr::col((session::Entity, column));
    query
        .from(session::Entity)
        .inner_join(
            user::Entity,
            of(session::Column::UserId).equals((user::Entity, user::Column::Id)),
        )
        .inner_join(
            application::Entity,
            of(session::Column::ApplicationId)
                .equals((application::Entity, application::Column::Id)),
        )
        .inner_join(
            Enabling,
            of(session::Column::ApplicationId)
                .equals((Enabling, Enabled::ApplicationId))
                .and(
                    Expr::col((user::Entity, user::Column::ConnectionId))
                        .equals((Enabling, Enabled::ConnectionId)),
                ),
        )
        .inner_join(
            connection::Entity,
            Expr::col((Enabling, Enabled::ConnectionId))
                .equals((connection::Entity, connection::Column::Id)),
        )
        .and_where(of(session::Column::EndsAt).gt(DateTime::<Utc>::default()))
        .and_where(of(session::Column::RevokedAt).is_null())
        .and_where(Expr::col((user::Entity, user::Column::DisabledAt)).is_null())
        .and_where(Expr::col((application::Entity, application::Column::DisabledAt)).is_null())
        .and_where(Expr::col((connection::Entity, connection::Column::DisabledAt)).is_null())
        .and_where(of(session::Column::Id).is_in(vec![Uuid::nil(); places]));
    backend.build(&query).sql
}
