//! What lists of the audit trail and the hourly clean-up walk along.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table, columns, only_set) in [
            (
                "audit_events_actor",
                "audit_events",
                ["actor_id", "id"].as_slice(),
                Some("actor_id"),
            ),
            (
                "verifications_expires",
                "verifications",
                &["expires_at"],
                None,
            ),
            ("sessions_expires", "sessions", &["expires_at"], None),
            (
                "sessions_revoked",
                "sessions",
                &["revoked_at"],
                Some("revoked_at"),
            ),
            ("jobs_done", "jobs", &["done_at"], Some("done_at")),
            (
                "limit_counters_window",
                "limit_counters",
                &["window_ends_at"],
                None,
            ),
        ] {
            let mut index = Index::create().name(name).table(table).to_owned();
            for column in columns {
                index.col(*column);
            }
            if let Some(column) = only_set {
                index.and_where(Expr::col(column).is_not_null());
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
