use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{by_gateway, entities, house};
use crate::harness::{Answer, Client};
use crate::support::{administer, another_session};

const NOBODY: &str = "01890000-0000-7000-8000-000000000000";

fn user(id: &str) -> Value {
    json!({ "__typename": "User", "id": id })
}

/// Code and path of every error.
fn errors(answer: &Answer) -> Vec<(String, Value)> {
    let errors = answer.at("/errors");
    let errors = errors.as_array().cloned().unwrap_or_default();
    let one = |error: &Value| {
        let code = error["extensions"]["code"].as_str().unwrap_or_default();
        (code.to_owned(), error["path"].clone())
    };
    errors.iter().map(one).collect()
}

async fn assert_refused(client: &Client, ids: &[&str], code: &str) {
    let representations: Vec<Value> = ids.iter().map(|id| user(id)).collect();
    let answer = entities(client, json!(representations)).await;
    let nulls = vec![Value::Null; ids.len()];
    assert_eq!(
        answer.at("/data"),
        json!({ "_entities": nulls }),
        "{}",
        answer.body
    );
    let path = |at| json!(["_entities", at]);
    let expected: Vec<_> = (0..ids.len())
        .map(|at| (code.to_owned(), path(at)))
        .collect();
    assert_eq!(errors(&answer), expected, "{}", answer.body);
    for id in ids {
        assert!(!answer.body.to_string().contains(id), "{}", answer.body);
    }
}

on_both_databases! {
    async fn one_is_shown_ones_own_account_and_of_others_the_id_alone(backend: Backend) {
        let test = house(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        another_session(&test, "ann").await;
        let asks = by_gateway(&ann);
        let asked = json!([user(&bob.user_id), user(&ann.user_id), user(NOBODY), user("x"), user(&ann.user_id)]);
        let answer = entities(&asks, asked.clone()).await;
        let own = answer.at("/data/_entities/1");
        assert_eq!((own["__typename"].clone(), own["id"].clone()), (json!("User"), json!(ann.user_id)));
        assert_eq!((own["email"].clone(), own["connection"].clone()), (json!("ann@example.org"), json!("default")));
        assert_eq!(own["sessions"].as_array().map(|all| all.iter().filter(|one| one["current"] == true).count()), Some(1));
        assert_eq!(answer.at("/data/_entities/4"), own);
        let refused = |at: usize| ("FORBIDDEN".to_owned(), json!(["_entities", at]));
        assert_eq!(errors(&answer), [refused(0), refused(2), refused(3)]);
        for at in [0, 2, 3] {
            assert!(answer.at(&format!("/data/_entities/{at}")).is_null());
        }
        // A foreign id and an unknown one get the same answer, and nothing but the id is anybody's.
        let alone = "query($of: [_Any!]!) { _entities(representations: $of) { ...F } } fragment F on User { __typename id }";
        for client in [&asks, &by_gateway(&test.anon())] {
            let ids = client.query(alone, json!({ "of": asked })).await.ok();
            let expected = asked.as_array().unwrap().iter().map(|one| json!({ "__typename": "User", "id": one["id"] }));
            assert_eq!(ids.at("/data/_entities"), Value::Array(expected.collect()));
        }
        assert_refused(&asks, &[&bob.user_id, NOBODY], "FORBIDDEN").await;
    }

    async fn the_secret_of_the_gateway_opens_no_account(backend: Backend) {
        let test = house(backend).await;
        let ann = test.user("ann").await;
        assert_refused(&by_gateway(&test.anon()), &[&ann.user_id, NOBODY], "UNAUTHENTICATED").await;
        administer(&test, &ann.user_id, json!({ "disabled": true })).await.ok();
        assert_refused(&by_gateway(&ann), &[&ann.user_id, NOBODY], "UNAUTHENTICATED").await;
        administer(&test, &ann.user_id, json!({ "disabled": false })).await.ok();
        let expired = another_session(&test, "ann").await;
        test.clock.advance(TimeDelta::minutes(16));
        let answer = entities(&by_gateway(&expired), json!([user(&ann.user_id)])).await;
        assert_eq!(answer.at("/errors/0/extensions/reason"), json!("TOKEN_EXPIRED"));
    }

    async fn administrators_are_shown_everybody_and_null_for_who_is_not_there(backend: Backend) {
        let test = house(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        let roles = json!({ "roles": ["user", "me", "vestibule-admin"] });
        administer(&test, &bob.user_id, roles).await.ok();
        for asks in [by_gateway(&bob), by_gateway(&test.admin())] {
            let asked = json!([user(&bob.user_id), user(NOBODY), user(&ann.user_id), user("")]);
            let answer = entities(&asks, asked).await.ok();
            assert_eq!(answer.text("/data/_entities/0/email"), "bob@example.org");
            assert_eq!(answer.text("/data/_entities/2/email"), "ann@example.org");
            assert_eq!(answer.at("/data/_entities/1"), Value::Null);
            assert_eq!(answer.at("/data/_entities/3"), Value::Null);
        }
    }

    async fn what_names_no_user_is_refused_by_its_place(backend: Backend) {
        let test = house(backend).await;
        let ann = by_gateway(&test.user("ann").await);
        let good = user(&ann.user_id);
        for bad in [
            json!({ "__typename": "User" }),
            json!({ "id": ann.user_id }),
            json!({ "__typename": "Tenant", "id": ann.user_id }),
            json!({ "__typename": "User", "id": null }),
            json!({ "__typename": "User", "id": 1 }),
            json!({ "__typename": "User", "id": [ann.user_id] }),
            json!({ "__typename": ["User"], "id": ann.user_id }),
            json!("User"),
            json!(7),
            json!([]),
        ] {
            let answer = entities(&ann, json!([good, bad])).await;
            assert_eq!(answer.code(), "INVALID_INPUT", "{bad}: {}", answer.body);
            assert_eq!(answer.issues(), ["representations.1:format"], "{bad}");
        }
        for bad in [json!(null), json!([null])] {
            let answer = entities(&ann, bad.clone()).await;
            assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED", "{bad}: {}", answer.body);
        }
        let nul = entities(&ann, json!([user("\u{0}")])).await;
        assert_eq!(nul.code(), "FORBIDDEN");
        let many = |count| json!(vec![good.clone(); count]);
        let most = entities(&ann, many(100)).await.ok();
        assert_eq!(most.text("/data/_entities/99/id"), ann.user_id);
        assert_eq!(entities(&ann, many(101)).await.issues(), ["representations:too_many"]);
    }
}
