//! Hasura hands session variables on as headers, and of who is not signed in those that its client wrote. None of them says
//! here who is asking.

use serde_json::json;

use super::HOOK;
use crate::harness::{ADMIN_SECRET, TestApp};

on_both_databases! {
    async fn headers_of_hasura_never_say_who_is_asking(backend: Backend) {
        let test = TestApp::start(backend).await;
        let (ann, bob) = (test.user("ann").await, test.user("bob").await);
        let claimed = [
            ("x-hasura-user-id", bob.user_id.as_str()),
            ("x-hasura-role", "admin"),
            ("x-hasura-default-role", "vestibule-admin"),
            ("x-hasura-allowed-roles", "{vestibule-admin,admin}"),
            ("x-hasura-admin-secret", ADMIN_SECRET),
            ("x-hasura-access-key", ADMIN_SECRET),
            ("x-hasura-user-is-anonymous", "false"),
            ("x-hasura-tenant-id", "01940000-0000-7000-8000-000000000000"),
        ];
        let (mut nobody, mut signed_in) = (test.anon(), ann.clone());
        for (name, value) in claimed {
            nobody = nobody.header(name, value);
            signed_in = signed_in.header(name, value);
        }
        assert!(nobody.me().await.ok().at("/data/me").is_null());
        assert_eq!(signed_in.me().await.ok().text("/data/me/id"), ann.user_id);
        let users = "{ adminUsers { totalCount } }";
        assert_eq!(nobody.query(users, json!({})).await.code(), "UNAUTHENTICATED");
        assert_eq!(signed_in.query(users, json!({})).await.code(), "FORBIDDEN");
        let revoke = json!({ "input": { "sessionId": bob.session_id } });
        assert_eq!(nobody.run("revoke_session", revoke.clone()).await.code(), "UNAUTHENTICATED");
        assert_eq!(signed_in.run("revoke_session", revoke).await.code(), "NOT_FOUND");
        // The hook looks at the one that asks for a role, and grants none.
        assert_eq!(nobody.get(HOOK).await.status, 401);
        assert_eq!(signed_in.get(HOOK).await.status, 401);
        let answer = signed_in.without_header("x-hasura-role").get(HOOK).await.ok();
        assert_eq!(answer.text("/X-Hasura-User-Id"), ann.user_id);
        assert!(answer.at("/X-Hasura-Tenant-Id").is_null());
        let secret = ann.header("x-vestibule-admin-secret", ADMIN_SECRET).get(HOOK).await.ok();
        assert_eq!(secret.text("/X-Hasura-Role"), "user");
    }
}
