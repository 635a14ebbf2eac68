//! Who may come in, under which rules: connections, applications, and the two rows that every installation has.

use chrono::{SubsecRound, Utc};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;
use serde_json::json;
use uuid::Uuid;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("connections")
                    .col(uuid("id").primary_key())
                    .col(string("name").unique_key())
                    .col(boolean("sign_up_enabled"))
                    .col(boolean("email_verification_required"))
                    .col(boolean("username_required"))
                    .col(json_binary("allowed_email_domains"))
                    .col(json_binary("blocked_email_domains"))
                    .col(string("password_strength"))
                    .col(integer("password_min_length"))
                    .col(integer("password_history"))
                    .col(boolean("password_reject_common"))
                    .col(boolean("password_reject_personal_data"))
                    .col(json_binary("password_dictionary"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("applications")
                    .col(uuid("id").primary_key())
                    .col(string("client_id").unique_key())
                    .col(string("name"))
                    .col(json_binary("allowed_redirect_urls"))
                    .col(json_binary("allowed_origins"))
                    .col(json_binary("roles"))
                    .col(json_binary("sign_up_roles"))
                    .col(string("default_role"))
                    .col(json_binary("allowed_custom_claims"))
                    .col(json_binary("allowed_template_options"))
                    .col(boolean("password_in_reset_request_allowed"))
                    .col(integer("access_token_ttl"))
                    .col(integer("refresh_token_ttl"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("application_connections")
                    .col(uuid("application_id"))
                    .col(uuid("connection_id"))
                    .col(integer("position"))
                    .primary_key(Index::create().col("application_id").col("connection_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("application_connections", "application_id")
                            .to("applications", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .from("application_connections", "connection_id")
                            .to("connections", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        insert_defaults(manager).await
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a migration has no App to take time and ids from"
)]
async fn insert_defaults(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let (connection, application) = (Uuid::now_v7(), Uuid::now_v7());
    let now = Utc::now().trunc_subsecs(3);
    let day = 86_400;
    manager
        .execute(
            Query::insert()
                .into_table("connections")
                .columns([
                    "id",
                    "name",
                    "sign_up_enabled",
                    "email_verification_required",
                    "username_required",
                    "allowed_email_domains",
                    "blocked_email_domains",
                    "password_strength",
                    "password_min_length",
                    "password_history",
                    "password_reject_common",
                    "password_reject_personal_data",
                    "password_dictionary",
                    "created_at",
                    "updated_at",
                ])
                .values_panic([
                    connection.into(),
                    "default".into(),
                    true.into(),
                    true.into(),
                    false.into(),
                    json!([]).into(),
                    json!([]).into(),
                    "NONE".into(),
                    8.into(),
                    0.into(),
                    true.into(),
                    true.into(),
                    json!([]).into(),
                    now.into(),
                    now.into(),
                ])
                .to_owned(),
        )
        .await?;
    manager
        .execute(
            Query::insert()
                .into_table("applications")
                .columns([
                    "id",
                    "client_id",
                    "name",
                    "allowed_redirect_urls",
                    "allowed_origins",
                    "roles",
                    "sign_up_roles",
                    "default_role",
                    "allowed_custom_claims",
                    "allowed_template_options",
                    "password_in_reset_request_allowed",
                    "access_token_ttl",
                    "refresh_token_ttl",
                    "created_at",
                    "updated_at",
                ])
                .values_panic([
                    application.into(),
                    "default".into(),
                    "Default".into(),
                    json!([]).into(),
                    json!([]).into(),
                    json!(["user", "me"]).into(),
                    json!(["user", "me"]).into(),
                    "user".into(),
                    json!([]).into(),
                    json!([]).into(),
                    false.into(),
                    900.into(),
                    (30 * day).into(),
                    now.into(),
                    now.into(),
                ])
                .to_owned(),
        )
        .await?;
    manager
        .execute(
            Query::insert()
                .into_table("application_connections")
                .columns(["application_id", "connection_id", "position"])
                .values_panic([application.into(), connection.into(), 0.into()])
                .to_owned(),
        )
        .await
}
