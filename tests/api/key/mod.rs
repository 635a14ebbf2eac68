//! The keys that sign access tokens: which sign, which verify, and how they come and go.

mod algorithm;
mod load;
mod lost_race;
mod reseal;
mod rotate;

use chrono::TimeDelta;
use entity::signing_key;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::Value;
use vestibule::key::SigningKey;
use vestibule::locksmith::{self, Start};

use crate::harness::TestApp;
use crate::support::jwt_part;

/// What is in the key set.
async fn published(test: &TestApp) -> Vec<Value> {
    let set = test.anon().get("/.well-known/jwks.json").await;
    set.at("/keys").as_array().expect("keys").clone()
}

async fn kids(test: &TestApp) -> Vec<String> {
    let kid = |key: &Value| key["kid"].as_str().expect("a kid").to_owned();
    published(test).await.iter().map(kid).collect()
}

fn kid_of(token: &str) -> String {
    let kid = jwt_part(token, 0)["kid"].clone();
    kid.as_str().expect("a kid").to_owned()
}

async fn sign_in(test: &TestApp) -> String {
    let answer = test.anon();
    let answer = answer
        .sign_in("ann@example.org", crate::harness::PASSWORD)
        .await
        .ok();
    answer.text("/data/signIn/accessToken")
}

async fn rotate(test: &TestApp, start: Start) -> SigningKey {
    // Keys stand in the order in which they were made, and the clock of the test stands still.
    test.clock.advance(TimeDelta::milliseconds(1));
    locksmith::rotate(&test.app, start).await.expect("a key")
}

async fn tend(test: &TestApp) {
    locksmith::tend(&test.app)
        .await
        .expect("the keys are tended");
}

/// As the round of every instance does.
async fn look(test: &TestApp) {
    test.app
        .keys
        .reload(test.app.db.read())
        .await
        .expect("the keys");
}

fn pass(test: &TestApp, minutes: i64) {
    test.clock.advance(TimeDelta::minutes(minutes));
}

async fn rows(test: &TestApp) -> Vec<signing_key::Model> {
    signing_key::Entity::find()
        .order_by_asc(signing_key::Column::Id)
        .all(test.app.db.read())
        .await
        .expect("the keys")
}
