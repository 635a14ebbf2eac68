//! A NUL character, which PostgreSQL cannot keep, in every text of every operation: refused by name, or as good as any
//! other unknown text, and the same on both databases.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestApp};
use crate::support::sign_up_with;

/// The fields of both.
fn with(mut input: Value, fields: Value) -> Value {
    if let (Some(input), Value::Object(fields)) = (input.as_object_mut(), fields) {
        input.extend(fields);
    }
    input
}

on_both_databases! {
    async fn a_nul_in_a_sign_up_is_named(backend: Backend) {
        let test = TestApp::start(backend).await;
        let nul = "ann\0";
        for (fields, expected) in [
            (json!({ "email": "ann\0@example.org" }), "email:format"),
            (json!({ "clientId": nul }), "clientId:unknown"),
            (json!({ "connection": nul }), "connection:unknown"),
            (json!({ "displayName": nul }), "displayName:format"),
            (json!({ "givenName": nul }), "givenName:format"),
            (json!({ "middleName": nul }), "middleName:format"),
            (json!({ "familyName": nul }), "familyName:format"),
            (json!({ "phoneNumber": "+4930123456\0" }), "phoneNumber:format"),
            (json!({ "locale": "en\0" }), "locale:format"),
            (json!({ "metadata": { "note": nul } }), "metadata.note:format"),
            (json!({ "metadata": { "note": [{ "deep": nul }] } }), "metadata.note.deep:format"),
            (json!({ "metadata": { "a\0": 1 } }), "metadata.a\0:format"),
            (json!({ "allowedRoles": ["user", nul] }), "allowedRoles:not_allowed"),
            (json!({ "defaultRole": nul }), "defaultRole:not_allowed"),
            (json!({ "codeChallenge": nul, "redirectTo": "http://localhost:3000" }), "codeChallenge:format"),
        ] {
            let answer = sign_up_with(&test.anon(), fields.clone()).await;
            assert_eq!(answer.code(), "INVALID_INPUT", "{fields}");
            let issues = answer.issues();
            let named = issues.len() == 1 && (issues[0] == expected || expected.starts_with("metadata") && issues[0].starts_with("metadata") && issues[0].ends_with(":format"));
            assert!(named, "{fields}: {issues:?}");
        }
        let redirect = sign_up_with(&test.anon(), json!({ "redirectTo": "http://localhost:3000/\0" })).await;
        assert_eq!(redirect.code(), "REDIRECT_NOT_ALLOWED");
        assert_eq!(test.mails().await.len(), 0);
    }

    async fn a_nul_from_an_administrator_is_named(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let tenant = test.admin().run("admin_create_tenant", json!({ "input": { "name": "Acme" } })).await.ok();
        let tenant = tenant.text("/data/adminCreateTenant/id");
        let nul = "x\0";
        let application = |fields: Value| ("admin_update_application", with(json!({ "clientId": "default" }), fields));
        let connection = |fields: Value| ("admin_update_connection", with(json!({ "name": "default" }), fields));
        let user = |fields: Value| ("admin_update_user", with(json!({ "userId": ann.user_id }), fields));
        for ((name, input), expected) in [
            (application(json!({ "name": nul })), "name:format"),
            (application(json!({ "connections": ["default", nul] })), "connections.1:unknown"),
            (application(json!({ "allowedRedirectUrls": ["https://example.org/\0"] })), "allowedRedirectUrls.0:format"),
            (application(json!({ "allowedRedirectUrls": ["https://example.org\0"] })), "allowedRedirectUrls.0:format"),
            (application(json!({ "allowedOrigins": ["https://example.org\0"] })), "allowedOrigins.0:format"),
            (application(json!({ "roles": ["user", "me", nul] })), "roles.2:format"),
            (application(json!({ "signUpRoles": ["user", nul] })), "signUpRoles:not_allowed"),
            (application(json!({ "defaultRole": nul })), "defaultRole:not_allowed"),
            (application(json!({ "allowedCustomClaims": [nul] })), "allowedCustomClaims.0:not_allowed"),
            (application(json!({ "allowedTemplateOptions": [nul] })), "allowedTemplateOptions.0:format"),
            (connection(json!({ "allowedEmailDomains": ["x\0.org"] })), "allowedEmailDomains.0:format"),
            (connection(json!({ "blockedEmailDomains": ["x\0.org"] })), "blockedEmailDomains.0:format"),
            (connection(json!({ "passwordPolicy": { "dictionary": [nul] } })), "passwordPolicy.dictionary:format"),
            (("admin_create_connection", json!({ "name": nul })), "name:format"),
            (("admin_create_tenant", json!({ "name": nul })), "name:format"),
            (("admin_update_tenant", json!({ "tenantId": tenant, "name": nul })), "name:format"),
            (("admin_set_tenant_member", json!({ "tenantId": tenant, "userId": ann.user_id, "roles": [nul] })), "roles.0:format"),
            (("admin_create_user", json!({ "email": "x\0@example.org" })), "email:format"),
            (("admin_create_user", json!({ "email": "x@example.org", "connection": nul })), "connection:unknown"),
            (("admin_create_user", json!({ "email": "x@example.org", "clientId": nul })), "clientId:unknown"),
            (user(json!({ "email": "x\0@example.org" })), "email:format"),
            (user(json!({ "displayName": nul })), "displayName:format"),
            (user(json!({ "phoneNumber": "+4930123456\0" })), "phoneNumber:format"),
            (user(json!({ "locale": "en\0" })), "locale:format"),
            (user(json!({ "roles": ["user", nul] })), "roles.1:format"),
            (user(json!({ "defaultRole": nul })), "defaultRole:not_allowed"),
            (user(json!({ "metadata": { "note": nul } })), "metadata.note:format"),
            (user(json!({ "appMetadata": { "note": [nul] } })), "appMetadata.note:format"),
        ] {
            let answer = test.admin().run(name, json!({ "input": input })).await;
            assert_eq!((answer.code().as_str(), answer.issues()), ("INVALID_INPUT", vec![expected.to_owned()]), "{name} {input}");
        }
        for filter in [json!({ "emailStartsWith": nul }), json!({ "role": nul }), json!({ "connection": nul }), json!({ "tenantId": nul })] {
            let answer = test.admin().run("admin_users", json!({ "filter": filter })).await;
            assert!(["", "INVALID_INPUT", "NOT_FOUND"].contains(&answer.code_or_ok().as_str()), "{filter}: {}", answer.body);
        }
    }

    async fn a_nul_elsewhere_is_one_more_unknown_text(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let nul = "x\0";
        let credentials = |login: &str, password: &str| json!({ "login": login, "password": password });
        let with = |mut input: Value, name: &str| { input[name] = json!(nul); json!({ "input": input }) };
        let proof = |proof: Value| json!({ "input": { "proof": proof } });
        let table = [
            ("sign_in", with(credentials(nul, PASSWORD), "login"), "INVALID_CREDENTIALS"),
            ("sign_in", with(credentials("ann@example.org", PASSWORD), "password"), "INVALID_CREDENTIALS"),
            ("sign_in", with(credentials("ann@example.org", PASSWORD), "clientId"), "INVALID_INPUT"),
            ("sign_in", with(credentials("ann@example.org", PASSWORD), "connection"), "INVALID_INPUT"),
            ("verify_email", proof(json!({ "ticket": nul })), "INVALID_TICKET"),
            ("verify_email", proof(json!({ "code": { "verificationId": nul, "code": nul } })), "INVALID_CODE"),
            ("resend_verification", json!({ "input": { "verificationId": nul } }), ""),
            ("refresh_session", json!({ "input": { "refreshToken": nul } }), "INVALID_REFRESH_TOKEN"),
            ("sign_out", json!({ "input": { "refreshToken": nul } }), ""),
            ("revoke_session", json!({ "input": { "sessionId": nul } }), "NOT_FOUND"),
            ("change_password", json!({ "input": { "currentPassword": nul, "newPassword": nul } }), "INVALID_CREDENTIALS"),
            ("auth_config", json!({ "clientId": nul }), "INVALID_INPUT"),
            ("auth_config", json!({ "connection": nul }), "INVALID_INPUT"),
            ("admin_user", json!({ "by": { "id": nul } }), ""),
            ("admin_user", json!({ "by": { "email": { "email": nul } } }), "INVALID_INPUT"),
            ("admin_user", json!({ "by": { "email": { "email": "ann@example.org", "connection": nul } } }), ""),
            ("admin_update_connection", json!({ "input": { "name": nul, "signUpEnabled": false } }), "NOT_FOUND"),
        ];
        for (name, variables, expected) in table {
            let client = if name.starts_with("admin") { test.admin() } else { ann.clone() };
            assert_eq!(client.run(name, variables.clone()).await.code_or_ok(), expected, "{name} {variables}");
        }
        crate::support::assert_alive(&ann.me().await.ok());
    }
}
