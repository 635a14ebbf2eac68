//! Migrations are the truth; entities must tell the same.

use std::collections::BTreeMap;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, IdenStatic, Iterable, Schema,
    Statement,
};

use crate::harness::{Backend, Database, race};

/// Columns of every table as `table.column` → `type, nullable`.
async fn columns(db: &DatabaseConnection) -> BTreeMap<String, String> {
    let query = match db.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT table_name || '.' || column_name AS name, udt_name || ', ' || is_nullable AS kind \
             FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) \
             WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        }
        _ => {
            "SELECT m.name || '.' || c.name AS name, \
                    c.type || ', ' || CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN 'NO' ELSE 'YES' END AS kind \
             FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
        }
    };
    let rows = db
        .query_all_raw(Statement::from_string(db.get_database_backend(), query))
        .await
        .unwrap();
    let mut columns = BTreeMap::new();
    for row in rows {
        let name: String = row.try_get("", "name").unwrap();
        if !name.starts_with("seaql_migrations.") && !name.starts_with("sqlite_") {
            columns.insert(name, row.try_get("", "kind").unwrap());
        }
    }
    columns
}

async fn create<E: EntityTrait>(db: &DatabaseConnection, entity: E) {
    let schema = Schema::new(db.get_database_backend());
    let mut table = schema.create_table_from_entity(entity);
    db.execute(table.if_not_exists()).await.unwrap();
}

async fn migrate(db: &DatabaseConnection) {
    let tx = migration::begin_alone(db).await.unwrap();
    migration::apply(&tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// The columns of a table, in order.
fn names<E: EntityTrait>() -> Vec<String> {
    let mut names: Vec<String> = E::Column::iter()
        .map(|column| column.as_str().to_owned())
        .collect();
    names.sort_unstable();
    names
}

on_both_databases! {
    async fn a_migrated_database_is_the_one_that_the_entities_describe(backend: Backend) {
        let (migrated, drawn) = (Database::empty(backend).await, Database::empty(backend).await);
        let (migrated, drawn) = (migrated.connect().await, drawn.connect().await);
        migrate(&migrated).await;
        create(&drawn, entity::connection::Entity).await;
        create(&drawn, entity::application::Entity).await;
        create(&drawn, entity::application_connection::Entity).await;
        create(&drawn, entity::user::Entity).await;
        create(&drawn, entity::verification::Entity).await;
        create(&drawn, entity::pending_sign_up::Entity).await;
        create(&drawn, entity::former_password::Entity).await;
        create(&drawn, entity::session::Entity).await;
        create(&drawn, entity::refresh_token::Entity).await;
        create(&drawn, entity::signing_key::Entity).await;
        create(&drawn, entity::sealed_secret::Entity).await;
        create(&drawn, entity::tenant::Entity).await;
        create(&drawn, entity::tenant_member::Entity).await;
        create(&drawn, entity::job::Entity).await;
        create(&drawn, entity::audit_event::Entity).await;
        create(&drawn, entity::limit_counter::Entity).await;
        create(&drawn, entity::attempt_counter::Entity).await;
        create(&drawn, entity::identity_change::Entity).await;
        let (migrated, drawn) = (columns(&migrated).await, columns(&drawn).await);
        assert!(migrated.len() > 100, "{migrated:?}");
        assert_eq!(migrated, drawn);
    }

    /// A column that comes later belongs into the trigger, or to those that say nothing of who is signed in.
    async fn every_change_of_a_session_or_user_that_matters_is_written_down(backend: Backend) {
        let database = Database::empty(backend).await;
        let db = database.connect().await;
        migrate(&db).await;
        let silent = [
            ("sessions", names::<entity::session::Entity>(),
             &["id", "last_used_at", "expires_at", "due_at", "refresh_digest", "sealed_successor", "retired_at"][..]),
            ("users", names::<entity::user::Entity>(), &["last_sign_in_at"][..]),
        ];
        for (table, columns, silent) in silent {
            let query = match backend {
                Backend::Postgres => format!("SELECT pg_get_triggerdef(oid) AS said FROM pg_trigger WHERE tgname = '{table}_update_identity'"),
                Backend::Sqlite => format!("SELECT sql AS said FROM sqlite_master WHERE name = '{table}_update_identity'"),
            };
            let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), query)).await.unwrap().unwrap();
            let said: String = row.try_get("", "said").unwrap();
            let (_, listed) = said.split_once("UPDATE OF ").expect("a list of columns");
            let (listed, _) = listed.split_once(" ON ").expect("a table");
            let mut known: Vec<&str> = listed.split(',').map(str::trim).chain(silent.iter().copied()).collect();
            known.sort_unstable();
            assert_eq!(known, columns, "{table}");
        }
    }

    /// A refresh would write into every index of the table then.
    async fn no_index_stands_on_what_a_refresh_changes(backend: Backend) {
        let database = Database::empty(backend).await;
        let db = database.connect().await;
        migrate(&db).await;
        let query = match backend {
            Backend::Postgres => "SELECT tablename || ': ' || indexdef AS said FROM pg_indexes",
            Backend::Sqlite => "SELECT tbl_name || ': ' || sql AS said FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
        };
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), query)).await.unwrap();
        let said: Vec<String> = rows.iter().map(|row| row.try_get("", "said").unwrap()).collect();
        let of = |table: &str| said.iter().filter(|said| said.starts_with(&format!("{table}: "))).cloned().collect::<Vec<_>>();
        assert!(of("sessions").len() > 3, "{said:?}");
        for index in of("sessions") {
            let changed = ["expires_at", "last_used_at", "digest", "successor"];
            assert!(!changed.iter().any(|changed| index.contains(changed)), "{index}");
        }
    }

    async fn several_instances_may_migrate_an_empty_database_at_once(backend: Backend) {
        let database = Database::empty(backend).await;
        let starts = race(4, |_| {
            let database = database.clone();
            async move {
                let app = crate::harness::TestApp::on(database, &[]).await;
                app.app.keys.published()
            }
        })
        .await;
        // One made the signing key, and all found it.
        assert_eq!(starts[0]["keys"].as_array().map(Vec::len), Some(1));
        assert!(starts.iter().all(|keys| *keys == starts[0]));
        let db = database.connect().await;
        let connections = entity::connection::Entity::find().all(&db).await.unwrap();
        let applications = entity::application::Entity::find().all(&db).await.unwrap();
        assert_eq!((connections.len(), applications.len()), (1, 1));
        assert!(migration::is_current(&db).await.unwrap());
    }
}
