//! Users, and the requests to prove an address.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_users(manager).await?;
        create_verifications(manager).await?;
        manager
            .create_table(
                Table::create()
                    .table("pending_sign_ups")
                    .col(uuid("verification_id").primary_key())
                    .col(string("password_hash"))
                    .col(string_null("phone_number"))
                    .col(string("display_name"))
                    .col(string_null("given_name"))
                    .col(string_null("middle_name"))
                    .col(string_null("family_name"))
                    .col(json_binary("metadata"))
                    .col(string("default_role"))
                    .col(json_binary("roles"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("pending_sign_ups", "verification_id")
                            .to("verifications", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await
    }
}

async fn create_users(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("users")
                .col(uuid("id").primary_key())
                .col(uuid("connection_id"))
                .col(string("email"))
                .col(string("email_key"))
                .col(timestamp_with_time_zone_null("email_verified_at"))
                .col(string_null("username"))
                .col(string_null("username_key"))
                .col(string_null("phone_number"))
                .col(string("display_name"))
                .col(string_null("given_name"))
                .col(string_null("middle_name"))
                .col(string_null("family_name"))
                .col(string_null("avatar_url"))
                .col(string("locale"))
                .col(json_binary("metadata"))
                .col(json_binary("app_metadata"))
                .col(string("default_role"))
                .col(json_binary("roles"))
                .col(string_null("password_hash"))
                .col(timestamp_with_time_zone_null("disabled_at"))
                .col(timestamp_with_time_zone_null("last_sign_in_at"))
                .col(timestamp_with_time_zone("created_at"))
                .col(timestamp_with_time_zone("updated_at"))
                .foreign_key(
                    ForeignKey::create()
                        .from("users", "connection_id")
                        .to("connections", "id"),
                )
                .to_owned(),
        )
        .await?;
    for (name, column) in [
        ("users_email_key", "email_key"),
        ("users_username_key", "username_key"),
    ] {
        let index = Index::create()
            .name(name)
            .table("users")
            .col("connection_id")
            .col(column)
            .unique()
            .to_owned();
        manager.create_index(index).await?;
    }
    Ok(())
}

async fn create_verifications(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("verifications")
                .col(uuid("id").primary_key())
                .col(string("purpose"))
                .col(uuid("connection_id"))
                .col(uuid("application_id"))
                .col(uuid_null("user_id"))
                .col(string("email"))
                .col(string("email_key"))
                .col(string("locale"))
                .col(boolean("decoy"))
                .col(blob("handle_digest").unique_key())
                .col(blob("ticket_digest").unique_key())
                .col(integer("code_round"))
                .col(integer("code_tries"))
                .col(timestamp_with_time_zone_null("code_expires_at"))
                .col(string_null("code_challenge"))
                .col(string_null("redirect_to"))
                .col(string_null("asked_from_ip"))
                .col(string("asked_from_network"))
                .col(timestamp_with_time_zone("created_at"))
                .col(timestamp_with_time_zone("expires_at"))
                .col(timestamp_with_time_zone_null("consumed_at"))
                .foreign_key(
                    ForeignKey::create()
                        .from("verifications", "connection_id")
                        .to("connections", "id")
                        .on_delete(ForeignKeyAction::Cascade),
                )
                .foreign_key(
                    ForeignKey::create()
                        .from("verifications", "application_id")
                        .to("applications", "id")
                        .on_delete(ForeignKeyAction::Cascade),
                )
                .foreign_key(
                    ForeignKey::create()
                        .from("verifications", "user_id")
                        .to("users", "id")
                        .on_delete(ForeignKeyAction::Cascade),
                )
                .to_owned(),
        )
        .await?;
    let by_address = Index::create()
        .name("verifications_address")
        .table("verifications")
        .col("connection_id")
        .col("email_key")
        .to_owned();
    manager.create_index(by_address).await?;
    let by_user = Index::create()
        .name("verifications_user")
        .table("verifications")
        .col("user_id")
        .to_owned();
    manager.create_index(by_user).await
}
