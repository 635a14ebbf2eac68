//! A password longer than any policy allows is refused before it costs anything.

use serde_json::{Value, json};

use crate::harness::{TestApp, by_ticket};
use crate::password::steps::ask;
use crate::support::hashes;

on_both_databases! {
    async fn a_password_of_sixty_thousand_characters_is_never_hashed(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let allow = json!({ "clientId": "default", "passwordInResetRequestAllowed": true });
        test.admin().run("admin_update_application", json!({ "input": allow })).await.ok();
        ask(&test.anon(), "ann@example.org").await;
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let before = hashes(&test).await;
        test.anon().sign_in("ann@example.org", "wrong").await;
        assert_eq!(hashes(&test).await, before + 1);
        let long = "x".repeat(60_000);
        let proof = by_ticket(&ticket)["input"]["proof"].clone();
        let bearer = ann.access_token.as_str();
        for (name, input) in [
            ("sign_up", json!({ "email": "bob@example.org", "password": long })),
            ("sign_in", json!({ "login": "ann@example.org", "password": long })),
            ("sign_in", json!({ "login": "nobody@example.org", "password": long })),
            ("check_password", json!({ "password": long })),
            ("change_password", json!({ "currentPassword": long, "newPassword": "x" })),
            ("request_password_reset", json!({ "email": "ann@example.org", "newPassword": long })),
            ("reset_password", json!({ "proof": proof, "newPassword": long })),
            ("request_email_change", json!({ "newEmail": "new@example.org", "currentPassword": long })),
            ("delete_user", json!({ "currentPassword": long })),
            ("admin_create_user", json!({ "email": "cid@example.org", "password": long })),
            ("admin_update_user", json!({ "userId": ann.user_id, "password": long })),
        ] {
            let client = if name.starts_with("admin") { test.admin() } else { test.anon().bearer(bearer) };
            let answer = client.run(name, json!({ "input": input })).await;
            assert_eq!(hashes(&test).await, before + 1, "{name}");
            let taken: Value = answer.at("/errors");
            assert!(!taken.is_null() || name == "check_password" || name == "request_password_reset", "{name}: {}", answer.body);
        }
    }
}
