use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, PASSWORD, TestApp};
use crate::support::{events, jwt_part, reason, sign_up_with, time};

/// Five of them that are none.
const REDIRECTS: [&str; 5] = [
    "allowedRedirectUrls.0:format",
    "allowedRedirectUrls.1:format",
    "allowedRedirectUrls.2:format",
    "allowedRedirectUrls.3:format",
    "allowedRedirectUrls.4:format",
];

async fn update(client: &Client, mut fields: Value) -> Answer {
    if fields["clientId"].is_null() {
        fields["clientId"] = json!("default");
    }
    client
        .run("admin_update_application", json!({ "input": fields }))
        .await
}

/// Changes it, and answers it.
async fn updated(test: &TestApp, fields: Value) -> Value {
    let answer = update(&test.admin(), fields).await.ok();
    answer.at("/data/adminUpdateApplication")
}

on_both_databases! {
    async fn absent_fields_keep_and_given_ones_show(backend: Backend) {
        let test = TestApp::start(backend).await;
        let before = updated(&test, json!({})).await;
        assert_eq!((&before["clientId"], &before["connections"]), (&json!("default"), &json!(["default"])));
        assert_eq!((&before["roles"], &before["signUpRoles"]), (&json!(["user", "me"]), &json!(["user", "me"])));
        assert_eq!((&before["accessTokenTtl"], &before["refreshTokenTtl"]), (&json!(900), &json!(2_592_000)));
        assert_eq!(before["passwordInResetRequestAllowed"], json!(false));
        let changes = json!({
            "name": "The Shop", "allowedRedirectUrls": ["https://*.example.org/in", "http://localhost:3000", "myapp://done"],
            "allowedOrigins": ["https://shop.example", "https://xn--bcher-kva.example:8443"], "allowedCustomClaims": ["plan"],
            "roles": ["user", "me", "shop:editor"], "signUpRoles": ["user"], "defaultRole": "user", "allowedTemplateOptions": ["team"],
            "passwordInResetRequestAllowed": true, "accessTokenTtl": 60, "refreshTokenTtl": 7_776_000,
        });
        let mut expected = before.clone();
        for (name, value) in changes.as_object().unwrap() {
            let now = updated(&test, json!({ name: value })).await;
            expected[name] = value.clone();
            assert_eq!(now, expected, "{name}");
            assert_eq!(updated(&test, json!({})).await, expected, "{name}");
        }
        let all = changes.as_object().unwrap().len();
        assert_eq!(events(&test, "application_updated").await.len(), 1 + 2 * all);
    }

    async fn null_empties_a_list_and_is_refused_where_nothing_can_be_empty(backend: Backend) {
        let test = TestApp::start(backend).await;
        let lists = json!({
            "allowedRedirectUrls": ["https://shop.example/in"], "allowedOrigins": ["https://shop.example"],
            "allowedCustomClaims": ["plan"], "allowedTemplateOptions": ["team"],
        });
        let mut expected = updated(&test, lists.clone()).await;
        for name in lists.as_object().unwrap().keys() {
            expected[name] = json!([]);
            assert_eq!(updated(&test, json!({ name: null })).await, expected, "{name}");
        }
        let told = events(&test, "application_updated").await;
        assert!(told.iter().any(|event| event.details == json!({ "allowedOrigins": [] })), "{told:?}");
        // An empty list of these is refused as ever.
        for (name, issue) in [
            ("connections", "connections:required"), ("roles", "signUpRoles:not_allowed"), ("signUpRoles", "defaultRole:not_allowed"),
        ] {
            let answer = update(&test.admin(), json!({ name: null })).await;
            assert_eq!((answer.code(), answer.issues()), ("INVALID_INPUT".to_owned(), vec![issue.to_owned()]), "{name}");
        }
        let rest = ["name", "defaultRole", "passwordInResetRequestAllowed", "accessTokenTtl", "refreshTokenTtl", "disabled"];
        for name in rest {
            let answer = update(&test.admin(), json!({ name: null, "allowedOrigins": ["https://other.example"] })).await;
            assert_eq!((answer.code(), answer.issues()), ("INVALID_INPUT".to_owned(), vec![format!("{name}:required")]));
        }
        assert_eq!(updated(&test, json!({})).await, expected);
    }

    async fn what_is_not_acceptable_is_told_and_changes_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let before = updated(&test, json!({})).await;
        let many = |many: usize| (0..many).map(|number| format!("role{number}")).collect::<Vec<_>>();
        let table = [
            (json!({ "name": "" }), vec!["name:required"]), (json!({ "name": "  " }), vec!["name:required"]),
            (json!({ "name": "x".repeat(101) }), vec!["name:too_long"]),
            (json!({ "allowedRedirectUrls": [""] }), vec!["allowedRedirectUrls.0:format"]),
            (json!({ "allowedRedirectUrls": ["https://ok.example", "example.org"] }), vec!["allowedRedirectUrls.1:format"]),
            (json!({ "allowedRedirectUrls": ["https://user@example.org", "https://a:b@example.org", "https://example.org/#x"] }),
                vec!["allowedRedirectUrls.0:format", "allowedRedirectUrls.1:format", "allowedRedirectUrls.2:format"]),
            (json!({ "allowedRedirectUrls": ["https://a.*.example.org", "https://*", "https://exa*mple.org", "javascript:alert(1)"] }),
                vec!["allowedRedirectUrls.0:format", "allowedRedirectUrls.1:format", "allowedRedirectUrls.2:format", "allowedRedirectUrls.3:format"]),
            (json!({ "allowedRedirectUrls": many(101).iter().map(|name| format!("https://{name}.example")).collect::<Vec<_>>() }),
                vec!["allowedRedirectUrls:too_many"]),
            (json!({ "allowedRedirectUrls": ["https://example.org/\0", "https://example.org/a b", "https://example.org/in?x=1", "https:example.org", "https://example.org\\in"] }),
                REDIRECTS.to_vec()),
            (json!({ "allowedRedirectUrls": ["javascript://example.org", "data://example.org", "vbscript://example.org", "file://example.org", "blob://example.org"] }),
                REDIRECTS.to_vec()),
            (json!({ "allowedRedirectUrls": [format!("https://example.org/{}", "x".repeat(2_000))] }), vec!["allowedRedirectUrls.0:format"]),
            (json!({ "roles": ["user", "me", ""] }), vec!["roles.2:format"]),
            (json!({ "roles": ["user", "me", "a b", "x,y", "\u{e4}", "nul\0"] }), vec!["roles.2:format", "roles.3:format", "roles.4:format", "roles.5:format"]),
            (json!({ "roles": ["user"] }), vec!["signUpRoles:not_allowed"]),
            (json!({ "roles": [] }), vec!["signUpRoles:not_allowed"]),
            (json!({ "signUpRoles": ["user", "admin"] }), vec!["signUpRoles:not_allowed"]),
            (json!({ "signUpRoles": ["me"] }), vec!["defaultRole:not_allowed"]),
            (json!({ "signUpRoles": [] }), vec!["defaultRole:not_allowed"]),
            (json!({ "defaultRole": "admin" }), vec!["defaultRole:not_allowed"]),
            (json!({ "defaultRole": "User" }), vec!["defaultRole:not_allowed"]),
            (json!({ "allowedTemplateOptions": ["a b"] }), vec!["allowedTemplateOptions.0:format"]),
            (json!({ "accessTokenTtl": 59 }), vec!["accessTokenTtl:not_allowed"]), (json!({ "accessTokenTtl": 86_401 }), vec!["accessTokenTtl:not_allowed"]),
            (json!({ "accessTokenTtl": -900 }), vec!["accessTokenTtl:not_allowed"]), (json!({ "refreshTokenTtl": 299 }), vec!["refreshTokenTtl:not_allowed"]),
            (json!({ "refreshTokenTtl": 7_776_001 }), vec!["refreshTokenTtl:not_allowed"]),
            (json!({ "name": "", "accessTokenTtl": 0, "refreshTokenTtl": 0 }), vec!["name:required", "accessTokenTtl:not_allowed", "refreshTokenTtl:not_allowed"]),
        ];
        for (fields, issues) in table {
            let answer = update(&test.admin(), fields.clone()).await;
            assert_eq!((answer.code(), answer.issues()), ("INVALID_INPUT".to_owned(), issues.into_iter().map(str::to_owned).collect()), "{fields}");
        }
        assert_eq!(updated(&test, json!({})).await, before);
        assert_eq!(events(&test, "application_updated").await.len(), 2);
        // The bounds themselves are fine, and a list of as many as are allowed.
        let mut roles = many(48);
        roles.extend(["user".to_owned(), "me".to_owned()]);
        for fields in [
            json!({ "accessTokenTtl": 86_400, "refreshTokenTtl": 300 }), json!({ "roles": roles }),
            json!({ "allowedRedirectUrls": [], "allowedTemplateOptions": [] }),
            json!({ "allowedRedirectUrls": ["com.example.app://callback", "http://localhost:3000", "https://*.example.org"] }),
            json!({ "roles": ["editor"], "signUpRoles": ["editor"], "defaultRole": "editor" }),
        ] {
            updated(&test, fields).await;
        }
    }

    async fn an_unknown_client_id_is_not_found(backend: Backend) {
        let test = TestApp::start(backend).await;
        for name in ["nobody", "", "Default", "default ", "%", "default\0"] {
            let answer = update(&test.admin(), json!({ "clientId": name, "name": "Mine" })).await;
            assert_eq!(answer.code(), "NOT_FOUND", "{name:?}");
        }
        assert!(events(&test, "application_updated").await.is_empty());
    }

    async fn nobody_else_may_change_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let fields = json!({ "name": "Mine" });
        assert_eq!(reason(&update(&test.anon(), fields.clone()).await), "TOKEN_MISSING");
        assert_eq!(update(&ann, fields.clone()).await.code(), "FORBIDDEN");
        let guess = ann.header("x-vestibule-admin-secret", "a wrong admin secret");
        assert_eq!(update(&guess, fields).await.code(), "FORBIDDEN");
        assert_eq!(update(&guess, json!({ "clientId": "nobody" })).await.code(), "FORBIDDEN");
        assert_ne!(updated(&test, json!({})).await["name"], json!("Mine"));
    }

    async fn redirects_count_from_the_next_request_on(backend: Backend) {
        let test = TestApp::start(backend).await;
        let go = async |address: &str| sign_up_with(&test.anon(), json!({ "redirectTo": address })).await.code_or_ok();
        assert_eq!(go("https://app.example.org/in/done").await, "REDIRECT_NOT_ALLOWED");
        updated(&test, json!({ "allowedRedirectUrls": ["https://*.example.org/in"] })).await;
        assert_eq!(go("https://app.example.org/in/done").await, "");
        assert_eq!(go("https://app.example.org/inside").await, "REDIRECT_NOT_ALLOWED");
        assert_eq!(go("https://example.org/in").await, "REDIRECT_NOT_ALLOWED");
        updated(&test, json!({ "allowedRedirectUrls": ["https://other.example/"] })).await;
        assert_eq!(go("https://app.example.org/in/done").await, "REDIRECT_NOT_ALLOWED");
        assert_eq!(go("https://other.example/anywhere").await, "");
    }

    async fn roles_count_from_the_next_sign_up_and_the_next_token_on(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.require_verification(false).await;
        let fields = json!({ "allowedRoles": ["user", "editor"], "defaultRole": "editor" });
        assert_eq!(sign_up_with(&test.anon(), fields.clone()).await.issues(), ["allowedRoles:not_allowed", "defaultRole:not_allowed"]);
        updated(&test, json!({ "roles": ["user", "me", "editor"], "signUpRoles": ["user", "editor"] })).await;
        let session = sign_up_with(&test.anon(), fields).await.ok();
        let claims = |token: &str| {
            let claims = jwt_part(token, 1)["https://hasura.io/jwt/claims"].clone();
            (claims["x-hasura-default-role"].clone(), claims["x-hasura-allowed-roles"].clone())
        };
        let ann = test.anon().signed_in(&session.at("/data/signUp"));
        assert_eq!(claims(&ann.access_token), (json!("editor"), json!(["user", "editor"])));
        updated(&test, json!({ "roles": ["user", "me"], "signUpRoles": ["user"], "defaultRole": "user" })).await;
        let next = ann.refresh(&ann.refresh_token).await.ok();
        assert_eq!(claims(&next.text("/data/refreshSession/accessToken")), (json!("user"), json!(["user"])));
    }

    async fn lifetimes_count_from_the_next_token_on(backend: Backend) {
        let test = TestApp::start(backend).await;
        let old = test.user("ann").await;
        updated(&test, json!({ "accessTokenTtl": 60, "refreshTokenTtl": 300 })).await;
        let session = test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        assert_eq!(session.at("/data/signIn/expiresIn"), json!(60));
        assert_eq!(time(&session, "/data/signIn/expiresAt"), test.app.now() + TimeDelta::seconds(60));
        assert_eq!(time(&session, "/data/signIn/refreshTokenExpiresAt"), test.app.now() + TimeDelta::seconds(300));
        let ann = test.anon().signed_in(&session.at("/data/signIn"));
        test.clock.advance(TimeDelta::seconds(60));
        assert_eq!(reason(&ann.me().await), "TOKEN_EXPIRED");
        // A token that was given for longer keeps its word.
        old.me().await.ok();
        test.clock.advance(TimeDelta::seconds(240));
        assert_eq!(ann.refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
    }
}
