//! What administrators manage: tenants and their members, applications and connections that can be switched off, claims
//! that a session carries, who acted in the audit trail, and the indexes that their lists walk along.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_tenants(manager).await?;
        for (table, column) in [
            ("applications", timestamp_with_time_zone_null("disabled_at")),
            ("connections", timestamp_with_time_zone_null("disabled_at")),
            (
                "users",
                timestamp_with_time_zone_null("phone_number_verified_at"),
            ),
            ("sessions", json_binary_null("custom_claims")),
            ("verifications", json_binary_null("custom_claims")),
            ("audit_events", uuid_null("actor_id")),
            ("audit_events", uuid_null("tenant_id")),
        ] {
            add(manager, table, column).await?;
        }
        create_indexes(manager).await
    }
}

async fn create_tenants(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let tenants = Table::create()
        .table("tenants")
        .col(uuid("id").primary_key())
        .col(string("name").unique_key())
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .to_owned();
    manager.create_table(tenants).await?;
    let members = Table::create()
        .table("tenant_members")
        .col(uuid("tenant_id"))
        .col(uuid("user_id"))
        .col(json_binary("roles"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().col("tenant_id").col("user_id"))
        .foreign_key(
            ForeignKey::create()
                .from("tenant_members", "tenant_id")
                .to("tenants", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .foreign_key(
            ForeignKey::create()
                .from("tenant_members", "user_id")
                .to("users", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned();
    manager.create_table(members).await
}

async fn create_indexes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    for (name, table, columns) in [
        (
            "tenant_members_user",
            "tenant_members",
            ["user_id"].as_slice(),
        ),
        ("sessions_application", "sessions", &["application_id"]),
        (
            "verifications_application",
            "verifications",
            &["application_id"],
        ),
        ("verifications_purpose", "verifications", &["purpose", "id"]),
        (
            "application_connections_connection",
            "application_connections",
            &["connection_id"],
        ),
        ("users_connection", "users", &["connection_id", "id"]),
        ("audit_events_kind", "audit_events", &["kind", "id"]),
        ("audit_events_user_id", "audit_events", &["user_id", "id"]),
    ] {
        let mut index = Index::create().name(name).table(table).to_owned();
        for column in columns {
            index.col(*column);
        }
        manager.create_index(index).await?;
    }
    let is_null = |column: &'static str| Expr::col(column).is_null();
    let is_set = |column: &'static str| Expr::col(column).is_not_null();
    let undone = is_null("done_at").and(is_null("buried_at"));
    let enabled = is_null("disabled_at");
    for (name, table, condition) in [
        ("users_disabled", "users", is_set("disabled_at")),
        (
            "users_invited",
            "users",
            enabled.clone().and(is_null("password_hash")),
        ),
        (
            "users_unverified",
            "users",
            enabled
                .and(is_set("password_hash"))
                .and(is_null("email_verified_at")),
        ),
        ("jobs_open", "jobs", undone),
        ("jobs_buried", "jobs", is_set("buried_at")),
    ] {
        let index = Index::create()
            .name(name)
            .table(table)
            .col("id")
            .and_where(condition)
            .to_owned();
        manager.create_index(index).await?;
    }
    // Beginnings of addresses are compared octet by octet, whatever the database's own collation is.
    let statements: &[&str] = match manager.get_database_backend() {
        DbBackend::Postgres => &[
            "CREATE INDEX users_email_prefix ON users (email_key COLLATE \"C\", id)",
            "CREATE INDEX users_roles ON users USING gin (roles jsonb_path_ops)",
            "CREATE INDEX applications_allowed_origins ON applications USING gin (allowed_origins jsonb_path_ops)",
        ],
        _ => &["CREATE INDEX users_email_prefix ON users (email_key, id)"],
    };
    for statement in statements {
        manager
            .get_connection()
            .execute_unprepared(statement)
            .await?;
    }
    Ok(())
}

async fn add(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: ColumnDef,
) -> Result<(), DbErr> {
    manager
        .alter_table(Table::alter().table(table).add_column(column).to_owned())
        .await
}
