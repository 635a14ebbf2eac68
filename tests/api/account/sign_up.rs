use serde_json::json;

use crate::harness::{PASSWORD, TestApp, by_code, by_ticket};

on_both_databases! {
    async fn an_answered_mail_makes_the_user_and_opens_a_session(backend: Backend) {
        let test = TestApp::start(backend).await;
        let pending = test.anon().sign_up("Ann@Example.org").await.ok();
        assert_eq!(pending.text("/data/signUp/__typename"), "PendingVerification");
        assert_eq!(pending.text("/data/signUp/email"), "Ann@Example.org");
        assert_eq!(pending.text("/data/signUp/purpose"), "EMAIL_VERIFICATION");

        let letter = test.mail_to("Ann@Example.org").await;
        let session = test.anon().run("verify_email", by_ticket(&letter.ticket())).await.ok();
        assert_eq!(session.text("/data/verifyEmail/__typename"), "Session");
        assert_eq!(session.at("/data/verifyEmail/firstSeen"), json!(true));
        assert_eq!(session.at("/data/verifyEmail/expiresIn"), json!(900));
        assert_eq!(session.text("/data/verifyEmail/user/status"), "ACTIVE");

        let again = test.anon().sign_in("ann@example.ORG", PASSWORD).await.ok();
        assert_eq!(again.at("/data/signIn/firstSeen"), json!(false));
    }

    async fn no_account_exists_before_the_mail_is_answered(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.anon().sign_up("ann@example.org").await.ok();
        let answer = test.anon().sign_in("ann@example.org", PASSWORD).await;
        assert_eq!(answer.code(), "INVALID_CREDENTIALS");
        let lookup = json!({ "by": { "email": { "email": "ann@example.org" } } });
        assert!(test.admin().run("admin_user", lookup).await.ok().at("/data/adminUser").is_null());
    }

    async fn a_code_works_together_with_its_handle(backend: Backend) {
        let test = TestApp::start(backend).await;
        let pending = test.anon().sign_up("ann@example.org").await.ok();
        let id = pending.text("/data/signUp/verificationId");
        let code = test.mail_to("ann@example.org").await.code();
        let stranger = test.anon().run("verify_email", by_code("another", &code)).await;
        assert_eq!(stranger.code(), "INVALID_CODE");
        let session = test.anon().run("verify_email", by_code(&id, &code)).await.ok();
        assert_eq!(session.text("/data/verifyEmail/__typename"), "Session");
    }
}
