//! `vestibule epoch next` finds the database that was restored, or says that it has not.

use std::time::{Duration, Instant};

use entity::identity_change::{Column, Entity};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter,
};
use url::Url;
use vestibule::db::sqlite_file;
use vestibule::secret::Secret;

use super::backup::{command, move_in, serve};
use crate::harness::{Backend, Database};

/// With a password, which a server of the tests' own does not ask for.
fn with_password(url: &str) -> (String, String) {
    let mut url = Url::parse(url).expect("an address");
    if url.password().is_none() {
        url.set_password(Some("canary")).expect("a password");
    }
    let password = url.password().unwrap_or_default().to_owned();
    (url.into(), password)
}

on_both_databases! {
    async fn an_epoch_begins_in_no_database_but_one_of_ours_and_none_is_made(backend: Backend) {
        let database = Database::empty(backend).await;
        let url = database.url();
        let (well, said) = command(&url, &["epoch", "next"]);
        assert!(!well && said.contains("VESTIBULE_DATABASE_URL"), "{said}");
        let file = sqlite_file(&Secret::new(url.as_str()));
        assert!(file.is_none_or(|file| !file.exists()), "{said}");
        let db = database.connect().await;
        assert!(!migration::is_ours(&db).await.expect("an answer"));
        db.execute_unprepared("CREATE TABLE theirs (id INT)").await.expect("a table of others");
        let (well, said) = command(&url, &["epoch", "next"]);
        assert!(!well && said.contains("no database of Vestibule"), "{said}");
        assert!(!migration::is_ours(&db).await.expect("an answer"));
        db.close().await.expect("a closed connection");
    }

    async fn an_epoch_says_where_it_has_begun_and_no_password(backend: Backend) {
        let database = Database::empty(backend).await;
        let url = database.url();
        let house = serve(&url).await;
        move_in(house.address).await;
        let (url, place, password) = match sqlite_file(&Secret::new(url.as_str())) {
            Some(file) => (url, file.display().to_string(), None),
            None => {
                let (_, name) = url.rsplit_once('/').expect("its name");
                let place = format!("{name} on ");
                let (url, password) = with_password(&url);
                (url, place, Some(password))
            }
        };
        for arguments in [&["epoch", "next"][..], &["epoch", "next", "--json"]] {
            let (well, said) = command(&url, arguments);
            assert!(well && said.contains(&place), "{said}");
            assert!(password.as_ref().is_none_or(|password| !said.contains(password)), "{said}");
        }
    }
}

/// A position that no server of the tests comes to.
const FAR: i64 = 1_000_000_000_000;

/// Waits until the first clean-up has taken away what another server left.
async fn is_cleaned_up(db: &DatabaseConnection) {
    let end = Instant::now() + Duration::from_secs(60);
    let foreign = || Entity::find().filter(Column::Position.gte(FAR)).count(db);
    while foreign().await.expect("the log") > 0 {
        assert!(Instant::now() < end, "it stays");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_another_servers_database_is_warned_of_where_no_epoch_has_begun() {
    for begins in [true, false] {
        // As a restore leaves it where the other server had counted further.
        let database = Database::fresh(Backend::Postgres).await;
        let (url, db) = (database.url(), database.connect().await);
        let copied = format!("INSERT INTO identity_changes (position) VALUES ({FAR})");
        db.execute_unprepared(&copied).await.expect("its log");
        if begins {
            let (well, said) = command(&url, &["epoch", "next"]);
            assert!(well, "{said}");
        }
        let (_, said) = command(&url, &["doctor"]);
        assert!(said.contains("its tables are up to date"), "{said}");
        assert_eq!(said.contains("another server"), !begins, "{said}");
        let mut house = serve(&url).await;
        is_cleaned_up(&db).await;
        house.terminate();
        assert!(house.ended().await.success());
        let said = house.output();
        assert_eq!(said.contains("another server"), !begins, "{said}");
        db.close().await.expect("a closed connection");
    }
}
