//! What the tests of passwords do again and again.

use serde_json::{Value, json};

use crate::harness::{Answer, Client, TestApp};

pub const NEW: &str = "a brand new horse battery";
/// RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Changes the policy of the default connection.
pub async fn policy(test: &TestApp, policy: Value) -> Answer {
    let input = json!({ "name": "default", "passwordPolicy": policy });
    let document = json!({ "input": input });
    test.admin().run("admin_update_connection", document).await
}

/// Changes the default connection.
pub async fn connection(test: &TestApp, mut fields: Value) -> Answer {
    fields["name"] = json!("default");
    let document = json!({ "input": fields });
    test.admin()
        .run("admin_update_connection", document)
        .await
        .ok()
}

/// Changes the default application.
pub async fn application(test: &TestApp, mut fields: Value) -> Answer {
    fields["clientId"] = json!("default");
    let document = json!({ "input": fields });
    test.admin().run("admin_update_application", document).await
}

/// Asks for a reset with these fields over Ann's address.
pub async fn ask_with(client: &Client, mut fields: Value) -> Answer {
    if fields["email"].is_null() {
        fields["email"] = json!("ann@example.org");
    }
    client
        .run("request_password_reset", json!({ "input": fields }))
        .await
}

/// Asks for a reset, and answers the handle.
pub async fn ask(client: &Client, email: &str) -> String {
    let answer = ask_with(client, json!({ "email": email })).await.ok();
    answer.text("/data/requestPasswordReset/verificationId")
}

/// Resets by a ticket.
pub async fn by_ticket(client: &Client, ticket: &str, new: &str) -> Answer {
    reset_with(
        client,
        json!({ "ticket": ticket }),
        json!({ "newPassword": new }),
    )
    .await
}

/// Resets by a code.
pub async fn by_code(client: &Client, handle: &str, code: &str, new: &str) -> Answer {
    reset_with(client, of_code(handle, code), json!({ "newPassword": new })).await
}

pub fn of_code(handle: &str, code: &str) -> Value {
    json!({ "code": { "verificationId": handle, "code": code } })
}

/// Resets with a proof and these fields.
pub async fn reset_with(client: &Client, proof: Value, mut fields: Value) -> Answer {
    fields["proof"] = proof;
    client
        .run("reset_password", json!({ "input": fields }))
        .await
}

pub async fn change(client: &Client, current: &str, new: &str) -> Answer {
    let input = json!({ "currentPassword": current, "newPassword": new });
    client
        .run("change_password", json!({ "input": input }))
        .await
}

/// The `number`th of many codes that are not the right one.
pub fn wrong(code: &str, number: usize) -> String {
    let alphabet = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut letters = code.as_bytes().to_vec();
    for (place, step) in [(0, number % 31 + 1), (1, number / 31)] {
        let at = alphabet.iter().position(|c| *c == letters[place]);
        letters[place] = alphabet[(at.expect("Crockford") + step) % 32];
    }
    String::from_utf8(letters).expect("ASCII")
}
