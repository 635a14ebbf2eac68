//! What has changed about those who are signed in, since it was last asked for: one statement for everybody.

use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use uuid::Uuid;

use crate::db::Lone;

/// Changes of one answer. Where there are more, it is cheaper to forget everybody.
pub const MOST: usize = 500;

/// An answer.
#[derive(Debug, Default)]
pub struct News {
    /// From where the next question reads; nothing where this database keeps no log.
    pub horizon: Option<i64>,
    pub changes: Vec<Change>,
}

/// One row of the log.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// What has the same position became visible together.
    pub position: i64,
    pub session: Option<Uuid>,
    /// Everybody, where there is no session either.
    pub user: Option<Uuid>,
}

/// Every change from a position on that is committed by now, and one more than [`MOST`] at most.
///
/// # Errors
/// When the database does not answer.
pub async fn since(db: &Lone, position: i64) -> Result<News, DbErr> {
    let backend = db.get_database_backend();
    let place = match backend {
        DbBackend::Postgres => "$1",
        _ => "?",
    };
    let text = format!(
        "SELECT horizon.position AS horizon, change.position, change.session_id, change.user_id \
         FROM identity_horizon horizon LEFT JOIN identity_changes change ON change.position >= {place} \
         LIMIT {}",
        MOST + 1
    );
    let statement = Statement::from_sql_and_values(backend, text, [Value::from(position)]);
    let mut news = News::default();
    for row in db.query_all_raw(statement).await? {
        news.horizon = row.try_get_by_index(0)?;
        let position: Option<i64> = row.try_get_by_index(1)?;
        if let Some(position) = position {
            news.changes.push(Change {
                position,
                session: row.try_get_by_index(2)?,
                user: row.try_get_by_index(3)?,
            });
        }
    }
    Ok(news)
}
