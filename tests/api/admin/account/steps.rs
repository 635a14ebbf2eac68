//! What the tests of the administration of accounts do again and again.

use serde_json::{Value, json};

use crate::harness::{Answer, Client, TestApp};

/// An address that nobody has signed up with.
pub const NEW: &str = "new@example.org";
pub const OTHER_PASSWORD: &str = "a brand new horse battery";
/// Names nobody.
pub const NOBODY: &str = "01940000-0000-7000-8000-000000000000";

/// Creates a user with these fields over the address [`NEW`].
pub async fn create_as(client: &Client, mut fields: Value) -> Answer {
    if fields.get("email").is_none() {
        fields["email"] = json!(NEW);
    }
    let input = json!({ "input": fields });
    client.run("admin_create_user", input).await
}

pub async fn create(test: &TestApp, fields: Value) -> Answer {
    create_as(&test.admin(), fields).await
}

/// Creates a user, and answers the id.
pub async fn created(test: &TestApp, fields: Value) -> String {
    let answer = create(test, fields).await.ok();
    answer.text("/data/adminCreateUser/id")
}

pub async fn delete_as(client: &Client, user_id: &str) -> Answer {
    let input = json!({ "input": { "userId": user_id } });
    client.run("admin_delete_user", input).await
}

/// Asks for a link with these fields; `field` is `admin_send_link` or `admin_make_link`.
pub async fn link(client: &Client, field: &str, user_id: &str, mut fields: Value) -> Answer {
    fields["userId"] = json!(user_id);
    client.run(field, json!({ "input": fields })).await
}
