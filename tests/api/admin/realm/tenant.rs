use serde_json::{Value, json};

use super::{admin, assert_issues, only, set_member, tenant};
use crate::harness::{Answer, Client, TestApp, race};
use crate::support::{PATIENT, events, jwt_part, tally};

/// The claims of the next access token.
async fn next_claims(client: &mut Client) -> Value {
    let answer = client.refresh(&client.refresh_token).await.ok();
    *client = client.clone().signed_in(&answer.at("/data/refreshSession"));
    jwt_part(&client.access_token, 1)
}

async fn remove_member(test: &TestApp, tenant: &str, user: &str) -> Answer {
    admin(
        test,
        "remove_tenant_member",
        json!({ "tenantId": tenant, "userId": user }),
    )
    .await
}

const ME: &str = "{ me { tenants { tenantId tenantName roles } } }";

on_both_databases! {
    async fn a_tenant_has_a_name_of_its_own_which_can_change(backend: Backend) {
        let test = TestApp::start(backend).await;
        let made = only(admin(&test, "create_tenant", json!({ "name": " Acme & S\u{f6}hne " })).await);
        assert_eq!(made["name"], json!("Acme & S\u{f6}hne"));
        let id = made["id"].as_str().unwrap();
        assert_eq!(admin(&test, "create_tenant", json!({ "name": "Acme & S\u{f6}hne" })).await.code(), "ALREADY_EXISTS");
        for (name, rule) in [("", "required"), (" ", "required"), ("a\0", "format"), ("a\nb", "format"), (&"x".repeat(101), "too_long")] {
            assert_issues(&admin(&test, "create_tenant", json!({ "name": name })).await, &[&format!("name:{rule}")]);
            assert_issues(&admin(&test, "update_tenant", json!({ "tenantId": id, "name": name })).await, &[&format!("name:{rule}")]);
        }
        let other = tenant(&test, "Other").await;
        assert_eq!(admin(&test, "update_tenant", json!({ "tenantId": other, "name": "Acme & S\u{f6}hne" })).await.code(), "ALREADY_EXISTS");
        let renamed = only(admin(&test, "update_tenant", json!({ "tenantId": id, "name": "Acme" })).await);
        assert_eq!(renamed, json!({ "id": id, "name": "Acme" }));
        assert_issues(&admin(&test, "update_tenant", json!({ "tenantId": id, "name": null })).await, &["name:required"]);
        assert_eq!(only(test.admin().run("admin_tenant", json!({ "id": id })).await), renamed);
        for nobody in ["x", "", "nul\0", "01940000-0000-7000-8000-000000000000"] {
            assert!(only(test.admin().run("admin_tenant", json!({ "id": nobody })).await).is_null());
            assert_eq!(admin(&test, "update_tenant", json!({ "tenantId": nobody, "name": "New" })).await.code(), "NOT_FOUND");
            assert_eq!(admin(&test, "delete_tenant", json!({ "tenantId": nobody })).await.code(), "NOT_FOUND");
        }
        let told = events(&test, "tenant_updated").await;
        assert_eq!(told.iter().map(|event| &event.details).collect::<Vec<_>>(), [&json!({ "name": "Acme" })]);
    }

    async fn a_membership_shows_at_the_user_and_in_the_next_token(backend: Backend) {
        let test = TestApp::start(backend).await;
        let mut ann = test.user("ann").await;
        let claims = next_claims(&mut ann).await;
        let hasura = "https://hasura.io/jwt/claims";
        assert!(claims.get("tenants").is_none() && claims[hasura].get("x-hasura-tenant-ids").is_none(), "{claims}");
        let (acme, other) = (tenant(&test, "Acme").await, tenant(&test, "Other").await);
        let set = only(set_member(&test, &acme, &ann.user_id, &["editor", "org:billing"]).await);
        assert_eq!(set["tenants"], json!([{ "tenantId": acme, "tenantName": "Acme", "roles": ["editor", "org:billing"] }]));
        assert_eq!(ann.query(ME, json!({})).await.ok().at("/data/me/tenants"), set["tenants"]);

        let claims = next_claims(&mut ann).await;
        assert_eq!(claims["tenants"], json!({ &acme: { "roles": ["editor", "org:billing"] } }));
        assert_eq!(claims[hasura]["x-hasura-tenant-ids"], json!(format!("{{{acme}}}")));
        assert_eq!(claims[hasura]["x-hasura-tenant-id"], json!(acme));
        let roles: Value = serde_json::from_str(claims[hasura]["x-hasura-tenant-roles"].as_str().unwrap()).unwrap();
        assert_eq!(roles, claims["tenants"]);

        set_member(&test, &other, &ann.user_id, &[]).await.ok();
        set_member(&test, &acme, &ann.user_id, &["viewer"]).await.ok();
        let claims = next_claims(&mut ann).await;
        assert_eq!(claims["tenants"], json!({ &acme: { "roles": ["viewer"] }, &other: { "roles": [] } }));
        assert_eq!(claims[hasura]["x-hasura-tenant-ids"], json!(format!("{{{acme},{other}}}")));
        assert!(claims[hasura].get("x-hasura-tenant-id").is_none(), "{claims}");

        let left = only(remove_member(&test, &acme, &ann.user_id).await);
        assert_eq!(left["tenants"], json!([{ "tenantId": other, "tenantName": "Other", "roles": [] }]));
        assert_eq!(ann.query(ME, json!({})).await.ok().at("/data/me/tenants"), left["tenants"]);
        assert_eq!(next_claims(&mut ann).await["tenants"], json!({ &other: { "roles": [] } }));
        assert_eq!(remove_member(&test, &acme, &ann.user_id).await.code(), "NOT_FOUND");
        let told = &events(&test, "tenant_member_set").await[0];
        assert_eq!((told.user_id.unwrap().to_string(), told.tenant_id.unwrap().to_string()), (ann.user_id.clone(), acme.clone()));
        assert_eq!(told.details, json!({ "roles": ["editor", "org:billing"] }));
        assert_eq!(events(&test, "tenant_member_removed").await.len(), 1);
    }

    async fn those_who_refresh_in_a_crowd_each_carry_their_own_tenants(backend: Backend) {
        let test = TestApp::start(backend).await;
        let mut members = Vec::new();
        for number in 0..6 {
            let client = test.user(&format!("person{number}")).await;
            // Every third one belongs to nothing.
            let mut expected = Value::Null;
            if number % 3 > 0 {
                let own = tenant(&test, &format!("Tenant {number}")).await;
                set_member(&test, &own, &client.user_id, &["editor"]).await.ok();
                expected = json!({ own: { "roles": ["editor"] } });
            }
            members.push((client, expected));
        }
        let all = members.clone();
        let claims = race(members.len(), move |number| {
            let mut client = all[number].0.clone();
            async move { next_claims(&mut client).await }
        })
        .await;
        for (claims, (client, expected)) in claims.iter().zip(&members) {
            assert_eq!((&claims["sub"], &claims["tenants"]), (&json!(client.user_id), expected));
        }
    }

    async fn a_tenant_that_is_made_again_inherits_no_members(backend: Backend) {
        let test = TestApp::start(backend).await;
        let mut ann = test.user("ann").await;
        let old = tenant(&test, "Acme").await;
        set_member(&test, &old, &ann.user_id, &["editor"]).await.ok();
        assert_eq!(only(admin(&test, "delete_tenant", json!({ "tenantId": old })).await), json!({ "tenantId": old }));
        assert_eq!(ann.query(ME, json!({})).await.ok().at("/data/me/tenants"), json!([]));
        let new = tenant(&test, "Acme").await;
        assert_ne!(new, old);
        assert!(next_claims(&mut ann).await.get("tenants").is_none());
        assert_eq!(set_member(&test, &old, &ann.user_id, &["editor"]).await.code(), "NOT_FOUND");
        assert_eq!(remove_member(&test, &new, &ann.user_id).await.code(), "NOT_FOUND");
    }

    async fn who_or_what_is_not_there_is_not_found(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let acme = tenant(&test, "Acme").await;
        for nobody in ["x", "", "nul\0", "01940000-0000-7000-8000-000000000000"] {
            for (tenant, user) in [(nobody, ann.user_id.as_str()), (&acme, nobody)] {
                assert_eq!(set_member(&test, tenant, user, &["editor"]).await.code(), "NOT_FOUND");
                assert_eq!(remove_member(&test, tenant, user).await.code(), "NOT_FOUND");
            }
        }
        let bad = set_member(&test, &acme, &ann.user_id, &["a b", "vestibule-admin", "x", "X", "nul\0"]).await;
        assert_issues(&bad, &["roles.0:format", "roles.1:not_allowed", "roles.3:not_allowed", "roles.4:format"]);
        assert_eq!(ann.query(ME, json!({})).await.ok().at("/data/me/tenants"), json!([]));
        assert!(events(&test, "tenant_member_set").await.is_empty());
    }

    async fn memberships_together_stay_within_a_token_whoever_races(backend: Backend) {
        let test = std::sync::Arc::new(TestApp::with(backend, PATIENT).await);
        let mut ann = test.user("ann").await;
        let mut tenants = Vec::new();
        for number in 0..6 {
            tenants.push(tenant(&test, &format!("Tenant {number}")).await);
        }
        // Some 400 octets each, so that three of them fit.
        let answers = race(6, |number| {
            let (test, tenant, user) = (test.clone(), tenants[number].clone(), ann.user_id.clone());
            async move {
                let roles: Vec<String> = (0..5).map(|role| format!("{role}{}", "r".repeat(63))).collect();
                let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
                set_member(&test, &tenant, &user, &roles).await
            }
        }).await;
        assert_eq!(tally(&answers), [(String::new(), 3), ("INVALID_INPUT".to_owned(), 3)].into());
        let refused = answers.iter().find(|answer| !answer.code_or_ok().is_empty()).unwrap();
        assert_issues(refused, &["roles:too_many"]);
        let claims = next_claims(&mut ann).await;
        assert_eq!(claims["tenants"].as_object().unwrap().len(), 3);
        ann.me().await.ok();
        assert_eq!(events(&test, "tenant_member_set").await.len(), 3);
    }
}
