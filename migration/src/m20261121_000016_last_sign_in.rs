//! When somebody last signed in does not matter to who is signed in: it went into the log of changes with every sign-in, and
//! made every instance forget the user. Whoever shows it reads it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::m20261121_000013_identity_changes::{ask, is_postgres_itself};

const TRIGGER: &str = "users_update_identity";
/// All but `last_sign_in_at`.
const OF_USERS: &str = "id, connection_id, email, email_key, email_verified_at, username, username_key, phone_number, \
                        phone_number_verified_at, display_name, given_name, middle_name, family_name, avatar_url, locale, \
                        metadata, app_metadata, default_role, roles, password_hash, disabled_at, created_at, updated_at";

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let event =
            format!("CREATE TRIGGER {TRIGGER} AFTER UPDATE OF {OF_USERS} ON users FOR EACH ROW");
        if db.get_database_backend() != DbBackend::Postgres {
            let statements = format!(
                "DROP TRIGGER {TRIGGER}; {event} BEGIN INSERT INTO identity_changes (user_id) VALUES (OLD.id); END"
            );
            db.execute_unprepared(&statements).await?;
        } else if is_postgres_itself(db).await? && has_trigger(db).await? {
            let statements =
                format!("DROP TRIGGER {TRIGGER} ON users; {event} EXECUTE FUNCTION {TRIGGER}()");
            db.execute_unprepared(&statements).await?;
        }
        Ok(())
    }
}

/// A database that was made by an old server has none, whatever serves it now.
async fn has_trigger(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let many = "(SELECT count(*) FROM pg_trigger WHERE tgrelid = 'users'::regclass AND tgname = 'users_update_identity')::text";
    Ok(ask(db, many).await? != "0")
}
