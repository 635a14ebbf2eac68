//! `adminUser`.

use serde_json::{Value, json};

use crate::harness::{ADMIN_SECRET, Answer, Client, TestApp};
use crate::support::{disable, reason};

async fn look_up(client: &Client, by: Value) -> Answer {
    client.run("admin_user", json!({ "by": by })).await
}

on_both_databases! {
    async fn an_account_is_found_by_id_and_by_address(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        test.user("bob").await;
        let expected = json!({
            "id": ann.user_id, "connection": "default", "email": "ann@example.org", "emailVerified": true,
            "status": "ACTIVE", "roles": ["user", "me"], "sessions": [{ "id": ann.session_id, "current": false }],
        });
        for by in [
            json!({ "id": ann.user_id }), json!({ "id": ann.user_id.to_uppercase() }),
            json!({ "email": { "email": "ann@example.org" } }),
            json!({ "email": { "email": "ANN@Example.ORG", "connection": "default" } }),
        ] {
            assert_eq!(look_up(&test.admin(), by.clone()).await.ok().at("/data/adminUser"), expected, "{by}");
        }
    }

    async fn who_is_not_there_is_null(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        for by in [
            json!({ "id": "01940000-0000-7000-8000-000000000000" }), json!({ "id": "x" }), json!({ "id": "" }),
            json!({ "email": { "email": "nobody@example.org" } }),
            json!({ "email": { "email": "ann@example.org", "connection": "nowhere" } }),
        ] {
            assert!(look_up(&test.admin(), by.clone()).await.ok().at("/data/adminUser").is_null(), "{by}");
        }
        let answer = look_up(&test.admin(), json!({ "email": { "email": "ann" } })).await;
        assert_eq!((answer.code().as_str(), answer.issues()), ("INVALID_INPUT", vec!["email:format".to_owned()]));
        for by in [json!({}), json!({ "id": "x", "email": { "email": "ann@example.org" } })] {
            assert_eq!(look_up(&test.admin(), by).await.code(), "GRAPHQL_VALIDATION_FAILED");
        }
    }

    async fn the_state_of_an_account_shows(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        test.require_verification(false).await;
        test.anon().sign_up("bob@example.org").await.ok();
        let of = async |email: &str| look_up(&test.admin(), json!({ "email": { "email": email } })).await.text("/data/adminUser/status");
        assert_eq!(of("bob@example.org").await, "UNVERIFIED");
        disable(&test, "ann@example.org").await;
        assert_eq!(of("ann@example.org").await, "DISABLED");
    }

    async fn nobody_else_may_ask(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let by = json!({ "id": ann.user_id });
        assert_eq!(reason(&look_up(&test.anon(), by.clone()).await), "TOKEN_MISSING");
        assert_eq!(reason(&look_up(&test.anon().bearer("x"), by.clone()).await), "TOKEN_INVALID");
        let own = look_up(&ann, by.clone()).await;
        assert_eq!(own.code(), "FORBIDDEN");
        assert!(own.at("/data/adminUser").is_null());
        for wrong in [" ", "x", &ADMIN_SECRET[1..], &format!("{ADMIN_SECRET}x"), &ADMIN_SECRET.to_uppercase()] {
            let guess = test.anon().header("x-vestibule-admin-secret", wrong);
            assert_eq!(reason(&look_up(&guess, by.clone()).await), "TOKEN_MISSING", "{wrong:?}");
            let guess = ann.clone().header("x-vestibule-admin-secret", wrong);
            assert_eq!(look_up(&guess, by.clone()).await.code(), "FORBIDDEN", "{wrong:?}");
        }
        look_up(&ann.header("x-vestibule-admin-secret", ADMIN_SECRET), by).await.ok();
    }

    async fn where_no_secret_is_set_nobody_is_administrator(backend: Backend) {
        use crate::harness::{Database, config};
        use vestibule::app::App;
        use vestibule::clock::{Clock, Rng};
        let database = Database::fresh(backend).await;
        let mut config = config(&database, &[]);
        config.settings.admin_secret = None;
        let app = App::open(config, Clock::system(), Rng::system()).await.expect("the house opens");
        let anon = Client::new(vestibule::http::front(app));
        for client in [anon.clone(), anon.clone().header("x-vestibule-admin-secret", ADMIN_SECRET), anon.header("x-vestibule-admin-secret", "")] {
            assert_eq!(reason(&look_up(&client, json!({ "id": "x" })).await), "TOKEN_MISSING");
        }
    }
}
