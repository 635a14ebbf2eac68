//! So many in a window of time.

use chrono::{DateTime, TimeDelta, Utc};
use entity::limit_counter::{ActiveModel, Column, Entity};
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, OnConflict};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};

use super::Counters;
use crate::error::{Error, Result};

/// When to ask again where nothing but others that are under way stands against it.
const UNDER_WAY: TimeDelta = TimeDelta::seconds(1);

/// How often a thing may happen: `most` times in a window of `window`, which begins with the first time.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub most: i32,
    pub window: TimeDelta,
}

/// What counting found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub allowed: bool,
    /// The earliest time at which once more will be allowed: now, while something is left.
    pub again_at: DateTime<Utc>,
}

impl Limit {
    pub const fn per_hour(most: i32) -> Self {
        Self {
            most,
            window: TimeDelta::hours(1),
        }
    }

    /// No window ends later by an honest clock, however far those of two instances are apart: what does was begun by one that was
    /// far ahead, and would stay for as long.
    fn far_ahead(self) -> TimeDelta {
        self.window * 2
    }

    /// Counts once and says whether that was within the limit. One statement decides, and it holds the counter's row
    /// until the transaction ends, so that callers who count the same key follow one another.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn count(
        self,
        db: &impl ConnectionTrait,
        key: &str,
        now: DateTime<Utc>,
    ) -> Result<Verdict> {
        let ends = || Expr::col((Entity, Column::WindowEndsAt));
        let over = || ends().lte(now).or(ends().gt(now + self.far_ahead()));
        let next =
            |fresh: Expr, running: Expr| CaseStatement::new().case(over(), fresh).finally(running);
        let count = next(Expr::val(1), Expr::col((Entity, Column::Count)).add(1));
        let until = next(Expr::val(now + self.window), ends());
        let row = ActiveModel {
            key: Set(key.to_owned()),
            count: Set(1),
            window_ends_at: Set(now + self.window),
        };
        let on_conflict = OnConflict::column(Column::Key)
            .value(Column::Count, count)
            .value(Column::WindowEndsAt, until)
            .to_owned();
        let counter = Entity::insert(row)
            .on_conflict(on_conflict)
            .exec_with_returning(db)
            .await
            .map_err(Error::from)?;
        Ok(Verdict {
            allowed: counter.count <= self.most,
            again_at: if counter.count < self.most {
                now
            } else {
                counter.window_ends_at
            },
        })
    }

    /// Whether once more would be within the limit, even if all those `under_way` that are not counted yet will be. It
    /// counts nothing, and holds nothing.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn look(
        self,
        counters: &Counters,
        key: &str,
        under_way: usize,
        now: DateTime<Utc>,
    ) -> Result<Verdict> {
        let counter = counters.look(key).await?;
        let running = now..now + self.far_ahead();
        let counter = counter.filter(|counter| {
            counter.window_ends_at > running.start && counter.window_ends_at <= running.end
        });
        let left = match counter {
            Some(counter) if counter.count >= self.most => {
                return Ok(Verdict {
                    allowed: false,
                    again_at: counter.window_ends_at,
                });
            }
            Some(counter) => self.most - counter.count,
            None => self.most,
        };
        let allowed = i32::try_from(under_way).is_ok_and(|under_way| under_way < left);
        Ok(Verdict {
            allowed,
            again_at: if allowed { now } else { now + UNDER_WAY },
        })
    }
}
