use chrono::TimeDelta;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use super::steps::{NEW, change, policy};
use crate::harness::{Answer, Client, PASSWORD, TestApp};
use crate::support::{LIMITED, assert_not_at_rest};

async fn check_with(client: &Client, fields: Value) -> Answer {
    client
        .run("check_password", json!({ "input": fields }))
        .await
}

/// Whether all is well, and each rule with whether it is met.
async fn check(client: &Client, fields: Value) -> (bool, Vec<(String, bool)>) {
    let answer = check_with(client, fields).await.ok();
    let rules = answer.at("/data/checkPassword/rules");
    let rule = |rule: &Value| {
        (
            rule["rule"].as_str().expect("a name").to_owned(),
            rule["met"] == json!(true),
        )
    };
    let rules = rules.as_array().expect("rules").iter().map(rule).collect();
    (answer.at("/data/checkPassword/ok") == json!(true), rules)
}

fn rules(rules: &[(&str, bool)]) -> Vec<(String, bool)> {
    let owned = |(name, met): &(&str, bool)| ((*name).to_owned(), *met);
    rules.iter().map(owned).collect()
}

on_both_databases! {
    /// Whoever stole an access token could find the password out here, where `changePassword` refuses.
    async fn former_passwords_are_compared_as_often_as_guesses_may_be_made(backend: Backend) {
        let test = TestApp::with(backend, LIMITED).await;
        policy(&test, json!({ "history": 2 })).await.ok();
        let ann = test.user("ann").await;
        let is_told = async |password: &str| {
            let (_, rules) = check(&ann, json!({ "password": password })).await;
            rules.into_iter().find(|(rule, _)| rule == "history").map(|(_, met)| met)
        };
        for number in 0..5 {
            assert_eq!(is_told(&format!("{NEW} {number}")).await, Some(true));
        }
        assert_eq!(is_told(PASSWORD).await, None);
        test.clock.advance(TimeDelta::seconds(1));
        assert_eq!(is_told(PASSWORD).await, Some(false));
        assert_eq!(is_told(PASSWORD).await, None);
        // Guesses are counted elsewhere; a new password begins anew.
        let changed = change(&ann, PASSWORD, NEW).await.ok();
        let ann = test.anon().signed_in(&changed.at("/data/changePassword"));
        let (ok, rules) = check(&ann, json!({ "password": PASSWORD })).await;
        assert!(!ok && rules.contains(&("history".to_owned(), false)));
    }

    async fn there_is_one_entry_for_each_rule_met_or_not(backend: Backend) {
        let test = TestApp::start(backend).await;
        let four = |least, common, personal| {
            rules(&[("min_length", least), ("max_length", true), ("common", common), ("personal_data", personal)])
        };
        assert_eq!(check(&test.anon(), json!({ "password": PASSWORD })).await, (true, four(true, true, true)));
        assert_eq!(check(&test.anon(), json!({ "password": "123456" })).await, (false, four(false, false, true)));
        assert_eq!(check(&test.anon(), json!({ "password": "" })).await, (false, four(false, true, true)));
        policy(&test, json!({ "strength": "EXCELLENT", "history": 3 })).await.ok();
        let table = [
            ("Abcdefgh1-", [true, true, true, true, true, true]),
            ("aaa", [false, true, false, false, false, true]),
            (&"xK9".repeat(100), [true, false, true, true, true, true]),
        ];
        for (password, met) in table {
            let names = ["min_length", "max_length", "character_classes", "repeats", "common", "personal_data"];
            let expected: Vec<_> = names.into_iter().zip(met).collect();
            let all = met.iter().all(|met| *met);
            assert_eq!(check(&test.anon(), json!({ "password": password })).await, (all, rules(&expected)), "{password:.20}");
        }
        policy(&test, json!({ "strength": "NONE", "rejectCommon": false, "rejectPersonalData": false })).await.ok();
        let expected = rules(&[("min_length", true), ("max_length", true)]);
        assert_eq!(check(&test.anon(), json!({ "password": "x" })).await, (true, expected));
    }

    async fn what_the_form_knows_of_the_owner_counts(backend: Backend) {
        let test = TestApp::start(backend).await;
        let owner = json!({
            "email": "wintermute@example.org", "username": "straylight", "displayName": "Neuro Mancer",
            "givenName": "Dixie", "familyName": "Flatline",
        });
        for word in ["wintermute", "STRAYLIGHT", "Mancer", "dixie", "flatline"] {
            let mut fields = owner.clone();
            fields["password"] = json!(format!("7391 {word} 5826"));
            let (ok, judged) = check(&test.anon(), fields).await;
            assert!(!ok && judged.contains(&("personal_data".into(), false)), "{word}");
            let (ok, _) = check(&test.anon(), json!({ "password": format!("7391 {word} 5826") })).await;
            assert!(ok, "{word}");
        }
        // Half an address is what a form has while it is being filled in.
        for email in ["", "wint", "@", "wintermute@"] {
            check_with(&test.anon(), json!({ "password": PASSWORD, "email": email })).await.ok();
        }
    }

    async fn each_rule_is_told_in_the_language_of_the_caller(backend: Backend) {
        let test = TestApp::start(backend).await;
        let german = test.anon().header("accept-language", "de");
        let answer = check_with(&german, json!({ "password": PASSWORD })).await.ok();
        assert_eq!(answer.text("/data/checkPassword/rules/0/message"), "Verwenden Sie mindestens 8 Zeichen.");
        let answer = check_with(&test.anon(), json!({ "password": PASSWORD })).await.ok();
        assert_eq!(answer.text("/data/checkPassword/rules/0/message"), "Use at least 8 characters.");
    }

    async fn nothing_of_it_is_stored(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let rows = async || {
            let db = test.app.db.read();
            (
                entity::verification::Entity::find().count(db).await.expect("a count"),
                entity::former_password::Entity::find().count(db).await.expect("a count"),
                entity::audit_event::Entity::find().count(db).await.expect("a count"),
                entity::user::Entity::find().count(db).await.expect("a count"),
            )
        };
        let before = rows().await;
        for client in [test.anon(), ann] {
            check(&client, json!({ "password": "ZebraCrossing7391", "email": "bob@example.org" })).await;
        }
        assert_eq!(rows().await, before);
        assert_not_at_rest(&test, backend, "ZebraCrossing7391").await;
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
    }

    async fn former_passwords_are_compared_for_the_own_account_only(backend: Backend) {
        let test = TestApp::start(backend).await;
        policy(&test, json!({ "history": 2 })).await.ok();
        let ann = test.user("ann").await;
        let bob = test.user("bob").await;
        let answer = change(&ann, PASSWORD, "the second of my horses").await.ok();
        let ann = test.anon().signed_in(&answer.at("/data/changePassword"));
        let history = async |client: &Client, password: &str| {
            let fields = json!({ "password": password, "email": "ann@example.org" });
            let (_, judged) = check(client, fields).await;
            judged.into_iter().find(|(rule, _)| rule == "history").map(|(_, met)| met)
        };
        for former in [PASSWORD, "the second of my horses"] {
            assert_eq!(history(&ann, former).await, Some(false));
            assert_eq!(history(&test.anon(), former).await, None);
            assert_eq!(history(&test.anon().bearer("x"), former).await, None);
        }
        assert_eq!(history(&ann, "the third of my horses").await, Some(true));
        // Bob is judged by Bob's own, whatever address the form names.
        assert_eq!(history(&bob, "the second of my horses").await, Some(true));
        policy(&test, json!({ "history": 0 })).await.ok();
        assert_eq!(history(&ann, PASSWORD).await, None);
    }

    async fn a_bad_bearer_is_a_stranger(backend: Backend) {
        let test = TestApp::start(backend).await;
        policy(&test, json!({ "history": 2 })).await.ok();
        let ann = test.user("ann").await;
        let stranger = check(&test.anon(), json!({ "password": PASSWORD })).await;
        assert_ne!(check(&ann, json!({ "password": PASSWORD })).await, stranger);
        test.clock.advance(chrono::TimeDelta::minutes(15));
        for client in [ann, test.anon().bearer(""), test.anon().bearer("x.y.z"), test.anon().header("authorization", "Basic eDp5")] {
            assert_eq!(check(&client, json!({ "password": PASSWORD })).await, stranger);
        }
    }

    async fn an_unknown_place_is_told(backend: Backend) {
        let test = TestApp::start(backend).await;
        check_with(&test.anon(), json!({ "password": "x", "connection": "default", "clientId": "default" })).await.ok();
        for (field, name) in [("connection", "nowhere"), ("connection", ""), ("clientId", "nobody")] {
            let answer = check_with(&test.anon(), json!({ "password": PASSWORD, field: name })).await;
            assert_eq!((answer.code(), answer.issues()), ("INVALID_INPUT".into(), vec![format!("{field}:unknown")]));
        }
    }
}
