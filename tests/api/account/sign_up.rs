use serde_json::json;

use crate::harness::{PASSWORD, TestApp, by_code, by_ticket};
use crate::support::{
    accounts, events, open_verifications, resend, shape, sign_up_with, verify_code, verify_ticket,
};

on_both_databases! {
    async fn an_answered_mail_makes_the_user_and_opens_a_session(backend: Backend) {
        let test = TestApp::start(backend).await;
        let pending = test.anon().sign_up("Ann@Example.org").await.ok();
        assert_eq!(pending.text("/data/signUp/__typename"), "PendingVerification");
        assert_eq!(pending.text("/data/signUp/email"), "Ann@Example.org");
        assert_eq!(pending.text("/data/signUp/purpose"), "EMAIL_VERIFICATION");
        assert_eq!(pending.at("/data/signUp/methods"), json!(["LINK", "CODE"]));

        let letter = test.mail_to("Ann@Example.org").await;
        assert_eq!(letter.purpose(), "EMAIL_VERIFICATION");
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

    async fn a_taken_address_answers_like_a_free_one_and_its_owner_is_told(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let taken = test.anon().sign_up("ANN@example.org").await.ok();
        let free = test.anon().sign_up("new@example.org").await.ok();
        assert_eq!(shape(&taken), shape(&free));
        assert_eq!(taken.text("/data/signUp/email"), "ANN@example.org");
        for time in ["/data/signUp/expiresAt", "/data/signUp/resendAt"] {
            assert_eq!(taken.text(time), free.text(time), "{time}");
        }
        assert_eq!(
            taken.text("/data/signUp/verificationId").len(),
            free.text("/data/signUp/verificationId").len()
        );

        // To the address as its owner stored it, not as the stranger typed it.
        let letter = test.mail_to("ann@example.org").await;
        assert_eq!(letter.purpose(), "ACCOUNT_EXISTS");
        assert!(letter.0.mail.content.proof.is_none());
        assert!(!letter.text().contains("ticket="), "{}", letter.text());
        assert_eq!(test.mails_to("ANN@example.org").await, 0);
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 1);
    }

    async fn a_sign_up_for_a_taken_address_never_redeems(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let taken = sign_up_with(&test.anon(), json!({ "password": "the password of a stranger" })).await.ok();
        let handle = taken.text("/data/signUp/verificationId");
        test.run_jobs().await;
        let rows = open_verifications(&test).await;
        let [row] = rows.as_slice() else { panic!("one open request: {rows:?}") };
        let ticket = test.app.tickets.ticket(row.id).expose().to_owned();
        assert_eq!(verify_ticket(&test.anon(), &ticket).await.code(), "INVALID_TICKET");
        let code = test.app.tickets.code(row.purpose, row.id, 1).expose().to_owned();
        assert_eq!(verify_code(&test.anon(), &handle, &code).await.code(), "INVALID_CODE");
        let stranger = test.anon().sign_in("ann@example.org", "the password of a stranger").await;
        assert_eq!(stranger.code(), "INVALID_CREDENTIALS");
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
    }

    async fn another_mail_for_a_taken_address_goes_to_the_owner_again(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let taken = test.anon().sign_up("ann@example.org").await.ok();
        let free = test.anon().sign_up("new@example.org").await.ok();
        let before = test.mails_to("ann@example.org").await;
        let again = resend(&test.anon(), &taken.text("/data/signUp/verificationId")).await.ok();
        let other = resend(&test.anon(), &free.text("/data/signUp/verificationId")).await.ok();
        assert_eq!(shape(&again), shape(&other));
        assert_eq!(test.mails_to("ann@example.org").await, before + 1);
        assert_eq!(test.mail_to("ann@example.org").await.purpose(), "ACCOUNT_EXISTS");
    }

    async fn only_the_password_of_the_answered_mail_works_whoever_signed_up_first(backend: Backend) {
        let test = TestApp::start(backend).await;
        let attack = json!({ "password": "the password of the attacker" });
        let attacker = sign_up_with(&test.anon(), attack).await.ok().text("/data/signUp/verificationId");
        let bait = test.mail_to("ann@example.org").await;
        test.anon().sign_up("ann@example.org").await.ok();
        let letter = test.mail_to("ann@example.org").await;
        let session = verify_ticket(&test.anon(), &letter.ticket()).await.ok();
        assert_eq!(session.text("/data/verifyEmail/__typename"), "Session");

        let attack = test.anon().sign_in("ann@example.org", "the password of the attacker").await;
        assert_eq!(attack.code(), "INVALID_CREDENTIALS");
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        assert_eq!(verify_ticket(&test.anon(), &bait.ticket()).await.code(), "INVALID_TICKET");
        assert_eq!(verify_code(&test.anon(), &attacker, &bait.code()).await.code(), "INVALID_CODE");
        let mails = test.mails_to("ann@example.org").await;
        resend(&test.anon(), &attacker).await.ok();
        assert_eq!(test.mails_to("ann@example.org").await, mails);
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 1);
    }

    async fn spellings_of_one_address_share_one_account(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.anon().sign_up("Ann@B\u{fc}cher.example").await.ok();
        let ticket = test.mail_to("Ann@B\u{fc}cher.example").await.ticket();
        verify_ticket(&test.anon(), &ticket).await.ok();
        for spelling in ["aNN@B\u{dc}CHER.example", "ann@xn--bcher-kva.example", "ann@XN--BCHER-KVA.EXAMPLE"] {
            test.anon().sign_in(spelling, PASSWORD).await.ok();
            test.anon().sign_up(spelling).await.ok();
            let told = test.mail_to("Ann@B\u{fc}cher.example").await;
            assert_eq!(told.purpose(), "ACCOUNT_EXISTS", "{spelling}");
        }
        assert_eq!(accounts(&test, "ann@xn--bcher-kva.example").await.len(), 1);
    }

    async fn a_tag_or_a_dot_makes_another_account(backend: Backend) {
        let test = TestApp::start(backend).await;
        for address in ["a.nn@example.org", "ann@example.org", "ann+1@example.org"] {
            test.anon().sign_up(address).await.ok();
            let letter = test.mail_to(address).await;
            verify_ticket(&test.anon(), &letter.ticket()).await.ok();
        }
    }

    async fn without_verification_a_session_opens_at_once_and_a_taken_address_says_so(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.require_verification(false).await;
        let session = test.anon().sign_up("ann@example.org").await.ok();
        assert_eq!(session.text("/data/signUp/__typename"), "Session");
        assert_eq!(session.at("/data/signUp/firstSeen"), json!(true));
        assert_eq!(session.text("/data/signUp/user/status"), "UNVERIFIED");
        assert_eq!(session.at("/data/signUp/user/emailVerified"), json!(false));
        assert_eq!(test.mails().await.len(), 0);
        let again = test.anon().sign_up("ANN@Example.org").await;
        assert_eq!(again.code(), "EMAIL_TAKEN");
        assert!(again.at("/data").is_null(), "{}", again.body);
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 1);
    }

    async fn a_closed_connection_takes_no_sign_ups(backend: Backend) {
        let test = TestApp::start(backend).await;
        let closed = json!({ "input": { "name": "default", "signUpEnabled": false } });
        test.admin().run("admin_update_connection", closed).await.ok();
        assert_eq!(test.anon().sign_up("ann@example.org").await.code(), "SIGN_UP_DISABLED");
        assert_eq!(test.mails().await.len(), 0);
        test.require_verification(false).await;
        assert_eq!(test.anon().sign_up("ann@example.org").await.code(), "SIGN_UP_DISABLED");
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 0);
    }

    async fn a_connection_that_was_closed_meanwhile_redeems_no_sign_up_and_consumes_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let open = async |enabled: bool| {
            let input = json!({ "name": "default", "signUpEnabled": enabled });
            test.admin().run("admin_update_connection", json!({ "input": input })).await.ok();
        };
        let handle = test.anon().sign_up("ann@example.org").await.text("/data/signUp/verificationId");
        let letter = test.mail_to("ann@example.org").await;
        open(false).await;
        // More often than a code may be tried.
        for _ in 0..6 {
            assert_eq!(verify_code(&test.anon(), &handle, &letter.code()).await.code(), "SIGN_UP_DISABLED");
            assert_eq!(verify_ticket(&test.anon(), &letter.ticket()).await.code(), "SIGN_UP_DISABLED");
        }
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 0);
        open(true).await;
        verify_code(&test.anon(), &handle, &letter.code()).await.ok();
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 1);
    }

    async fn profile_fields_arrive_in_me(backend: Backend) {
        let test = TestApp::start(backend).await;
        let fields = json!({
            "displayName": "Ann \u{1f98a}", "givenName": "Ann", "middleName": "M.", "familyName": "O'Neill",
            "phoneNumber": "+4930123456", "locale": "pt-br",
            "metadata": { "plan": "pro", "more": { "seats": 3, "tags": ["a"] } },
            "allowedRoles": ["me", "user", "me"], "defaultRole": "me",
        });
        sign_up_with(&test.anon(), fields).await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let session = verify_ticket(&test.anon(), &ticket).await.ok();
        let ann = test.anon().signed_in(&session.at("/data/verifyEmail"));
        let query = "{ me { connection email emailVerified username phoneNumber phoneNumberVerified displayName givenName
            middleName familyName avatarUrl locale metadata appMetadata defaultRole roles disabled status isAnonymous
            activeMfaType credentials { password totp webauthn oauth saml } } }";
        let me = ann.query(query, json!({})).await.ok();
        let expected = json!({
            "connection": "default", "email": "ann@example.org", "emailVerified": true, "username": null,
            "phoneNumber": "+4930123456", "phoneNumberVerified": false, "displayName": "Ann \u{1f98a}",
            "givenName": "Ann", "middleName": "M.", "familyName": "O'Neill", "avatarUrl": null, "locale": "pt-BR",
            "metadata": { "plan": "pro", "more": { "seats": 3, "tags": ["a"] } }, "appMetadata": {},
            "defaultRole": "me", "roles": ["me", "user"], "disabled": false, "status": "ACTIVE", "isAnonymous": false,
            "activeMfaType": null,
            "credentials": { "password": true, "totp": false, "webauthn": false, "oauth": [], "saml": false },
        });
        assert_eq!(me.at("/data/me"), expected);
    }

    async fn what_is_left_out_has_a_default(backend: Backend) {
        let test = TestApp::start(backend).await;
        let german = test.anon().header("accept-language", "de-CH, en;q=0.8");
        sign_up_with(&german, json!({ "displayName": "  " })).await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let session = verify_ticket(&test.anon(), &ticket).await.ok();
        let me = test.anon().signed_in(&session.at("/data/verifyEmail")).me().await.ok();
        assert_eq!(me.text("/data/me/displayName"), "ann");
        assert_eq!(me.text("/data/me/locale"), "de-CH");
        assert_eq!(me.at("/data/me/roles"), json!(["user", "me"]));
        assert_eq!(me.text("/data/me/defaultRole"), "user");
        assert_eq!(me.at("/data/me/metadata"), json!({}));
        assert!(me.at("/data/me/givenName").is_null());
    }

    async fn the_first_language_that_there_are_texts_for_counts_and_else_the_first_one(backend: Backend) {
        let test = TestApp::start(backend).await;
        let reader = |languages: &str| test.anon().header("accept-language", languages);
        let locale_of = async |email: &str| {
            let ticket = test.mail_to(email).await.ticket();
            let session = verify_ticket(&test.anon(), &ticket).await.ok();
            test.anon().signed_in(&session.at("/data/verifyEmail")).me().await.text("/data/me/locale")
        };
        let taiwanese = reader("zh-TW, fr-CH;q=0.8, en;q=0.5");
        let weak = sign_up_with(&taiwanese, json!({ "password": "zq8" })).await;
        let told = weak.body.to_string();
        assert!(told.contains("Utilisez au moins 8 caractères"), "{told}");
        sign_up_with(&taiwanese, json!({})).await.ok();
        let letter = test.mail_to("ann@example.org").await;
        assert!(letter.0.mail.content.html.contains("lang=\"fr\""), "{}", letter.0.mail.content.html);
        assert_eq!(locale_of("ann@example.org").await, "fr-CH");
        sign_up_with(&reader("zh-TW, it;q=0.8"), json!({ "email": "bob@example.org" })).await.ok();
        assert_eq!(locale_of("bob@example.org").await, "zh-TW");
    }

    async fn the_audit_trail_tells_of_the_request_and_of_the_account(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.anon().calling_from("203.0.113.7").header("user-agent", "Browser/1");
        ann.sign_up("ann@example.org").await.ok();
        let requested = events(&test, "sign_up_requested").await;
        assert_eq!(requested.len(), 1);
        assert_eq!(requested[0].ip_address.as_deref(), Some("203.0.113.7"));
        assert_eq!(requested[0].user_agent.as_deref(), Some("Browser/1"));
        assert!(events(&test, "signed_up").await.is_empty());

        let ticket = test.mail_to("ann@example.org").await.ticket();
        verify_ticket(&ann, &ticket).await.ok();
        let signed_up = events(&test, "signed_up").await;
        let account = &accounts(&test, "ann@example.org").await[0];
        assert_eq!(signed_up.len(), 1);
        assert_eq!(signed_up[0].user_id, Some(account.id));
        assert!(signed_up[0].session_id.is_some());
    }
}
