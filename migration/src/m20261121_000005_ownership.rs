//! What owners need to keep control of password and address: usernames that wait, passwords that wait, former
//! passwords, and the values of a mail's template.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add(manager, "pending_sign_ups", string_null("username")).await?;
        add(
            manager,
            "verifications",
            json_binary_null("template_options"),
        )
        .await?;
        add(manager, "verifications", string_null("password_hash")).await?;
        add(
            manager,
            "verifications",
            json_binary_null("password_issues"),
        )
        .await?;
        let former_passwords = Table::create()
            .table("former_passwords")
            .col(uuid("id").primary_key())
            .col(uuid("user_id"))
            .col(string("password_hash"))
            .col(timestamp_with_time_zone("replaced_at"))
            .foreign_key(
                ForeignKey::create()
                    .from("former_passwords", "user_id")
                    .to("users", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .to_owned();
        manager.create_table(former_passwords).await?;
        let by_user = Index::create()
            .name("former_passwords_user")
            .table("former_passwords")
            .col("user_id")
            .col("replaced_at")
            .to_owned();
        manager.create_index(by_user).await
    }
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
