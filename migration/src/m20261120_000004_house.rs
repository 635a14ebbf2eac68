//! What the house itself keeps: keys, sealed secrets, the outbox, limits and the audit trail.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_keys(manager).await?;
        create_jobs(manager).await?;
        create_audit_events(manager).await?;
        let limit_counters = Table::create()
            .table("limit_counters")
            .col(string("key").primary_key())
            .col(integer("count"))
            .col(timestamp_with_time_zone("window_ends_at"))
            .to_owned();
        manager.create_table(limit_counters).await
    }
}

async fn create_keys(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let signing_keys = Table::create()
        .table("signing_keys")
        .col(uuid("id").primary_key())
        .col(string("kid").unique_key())
        .col(string("algorithm"))
        .col(json_binary("public_jwk"))
        .col(blob("sealed_private_key"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("retired_at"))
        .to_owned();
    manager.create_table(signing_keys).await?;
    let sealed_secrets = Table::create()
        .table("sealed_secrets")
        .col(string("name").primary_key())
        .col(blob("sealed"))
        .col(timestamp_with_time_zone("created_at"))
        .to_owned();
    manager.create_table(sealed_secrets).await
}

async fn create_jobs(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let jobs = Table::create()
        .table("jobs")
        .col(uuid("id").primary_key())
        .col(json_binary("task"))
        .col(integer("attempts"))
        .col(timestamp_with_time_zone("run_at"))
        .col(timestamp_with_time_zone_null("claimed_until"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("done_at"))
        .col(timestamp_with_time_zone_null("buried_at"))
        .col(string_null("last_error"))
        .to_owned();
    manager.create_table(jobs).await?;
    // Only what is still to do: the index stays small however long the history grows.
    let due = Index::create()
        .name("jobs_due")
        .table("jobs")
        .col("run_at")
        .and_where(
            Expr::col("done_at")
                .is_null()
                .and(Expr::col("buried_at").is_null()),
        )
        .to_owned();
    manager.create_index(due).await
}

async fn create_audit_events(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let audit_events = Table::create()
        .table("audit_events")
        .col(uuid("id").primary_key())
        .col(timestamp_with_time_zone("at"))
        .col(string("kind"))
        .col(string("actor"))
        .col(uuid_null("user_id"))
        .col(uuid_null("session_id"))
        .col(uuid_null("application_id"))
        .col(uuid_null("connection_id"))
        .col(string_null("ip_address"))
        .col(string_null("user_agent"))
        .col(json_binary("details"))
        .to_owned();
    manager.create_table(audit_events).await?;
    let by_user = Index::create()
        .name("audit_events_user")
        .table("audit_events")
        .col("user_id")
        .col("at")
        .to_owned();
    manager.create_index(by_user).await
}
