//! What has changed about those who are signed in, since it was last asked for: one statement for everybody.

use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use uuid::Uuid;

use crate::db::Lone;

/// Changes of one answer. Where there are more, it is cheaper to forget everybody.
pub const MOST: usize = 500;

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct News {
    /// From where this question read.
    pub from: i64,
    /// From where the next one reads, and of which server; nothing where this database keeps no log.
    pub horizon: Option<(i64, String)>,
    pub changes: Vec<Change>,
}

/// One row of the log.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    pub id: i64,
    /// Several changes may have the same.
    pub position: i64,
    pub session: Option<Uuid>,
    /// Everybody, where there is no session either.
    pub user: Option<Uuid>,
}

/// Every change from a position on that is committed by now, and one more than [`MOST`] at most.
///
/// # Errors
/// When the database does not answer.
pub async fn since(db: &Lone, from: i64) -> Result<News, DbErr> {
    let backend = db.get_database_backend();
    let place = match backend {
        DbBackend::Postgres => "$1",
        _ => "?",
    };
    let text = format!(
        "SELECT horizon.position, horizon.server, change.id, change.position, change.session_id, change.user_id \
         FROM identity_horizon horizon LEFT JOIN identity_changes change ON change.position >= {place} \
         LIMIT {}",
        MOST + 1
    );
    let statement = Statement::from_sql_and_values(backend, text, [Value::from(from)]);
    let mut news = News {
        from,
        ..News::default()
    };
    for row in db.query_all_raw(statement).await? {
        if news.horizon.is_none() {
            let position: Option<i64> = row.try_get_by_index(0)?;
            let server: Option<String> = row.try_get_by_index(1)?;
            news.horizon = position.zip(server);
        }
        let id: Option<i64> = row.try_get_by_index(2)?;
        if let Some(id) = id {
            news.changes.push(Change {
                id,
                position: row.try_get_by_index(3)?,
                session: row.try_get_by_index(4)?,
                user: row.try_get_by_index(5)?,
            });
        }
    }
    Ok(news)
}
