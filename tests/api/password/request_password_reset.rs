use chrono::TimeDelta;
use serde_json::{Value, json};

use super::steps::{
    CHALLENGE, NEW, VERIFIER, application, ask, ask_with, by_code, by_ticket, of_code, policy,
    reset_with, wrong,
};
use crate::harness::{PASSWORD, TestApp};
use crate::support::{
    LIMITED, assert_not_at_rest, disable, events, open_verifications, resend, shape, time,
};

const ANN: &str = "ann@example.org";

on_both_databases! {
    /// What is written for every request would make the account dear to change, and to delete.
    async fn beyond_the_budget_one_request_waits_for_its_mail_and_takes_the_place_of_the_one_before(backend: Backend) {
        let test = TestApp::with(backend, LIMITED).await;
        test.user("ann").await;
        test.clock.advance(TimeDelta::hours(2));
        let mails = test.mails_to(ANN).await;
        for address in [ANN, "nobody@example.org"] {
            for _ in 0..12 {
                ask(&test.anon(), address).await;
            }
            let open = open_verifications(&test).await;
            assert_eq!(open.iter().filter(|row| row.email == address).count(), 6);
        }
        // Each network has its own.
        let handle = ask(&test.anon().calling_from("198.51.100.7"), ANN).await;
        assert_eq!(test.mails_to(ANN).await, mails + 6);
        drop(handle);
        let last = ask(&test.anon(), ANN).await;
        test.clock.advance(TimeDelta::minutes(59));
        let later = test.anon().calling_from("198.51.100.8");
        resend(&later, &last).await.ok();
        let letter = test.mail_to(ANN).await;
        by_code(&later, &last, &letter.code(), NEW).await.ok();
    }

    async fn one_network_may_ask_for_so_many_and_no_more(backend: Backend) {
        let test = TestApp::with(backend, &[LIMITED[0], ("VESTIBULE_SIGN_UPS_PER_NETWORK", "3")]).await;
        for number in 0..3 {
            ask(&test.anon(), &format!("person{number}@example.org")).await;
        }
        for address in [ANN, "nobody@example.org"] {
            let answer = ask_with(&test.anon(), json!({ "email": address })).await;
            assert_eq!((answer.code().as_str(), answer.at("/errors/0/extensions/retryAfter")), ("RATE_LIMITED", json!(3_600)));
        }
        ask(&test.anon().calling_from("198.51.100.7"), ANN).await;
    }

    async fn an_unknown_address_answers_as_a_known_one_and_gets_no_mail(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let known = ask_with(&test.anon(), json!({})).await.ok();
        let unknown = ask_with(&test.anon(), json!({ "email": "nobody@example.org" })).await.ok();
        assert_eq!(shape(&known), shape(&unknown));
        let told = known.at("/data/requestPasswordReset");
        assert_eq!((&told["purpose"], &told["email"]), (&json!("PASSWORD_RESET"), &json!(ANN)));
        assert_eq!(time(&known, "/data/requestPasswordReset/expiresAt"), test.app.now() + TimeDelta::minutes(60));
        let sizes = [&known, &unknown].map(|answer| answer.text("/data/requestPasswordReset/verificationId").len());
        assert_eq!(sizes[0], sizes[1]);
        assert_eq!(test.mails_to("nobody@example.org").await, 0);
        let letter = test.mail_to(ANN).await;
        assert_eq!(letter.purpose(), "PASSWORD_RESET");
        assert_eq!(letter.link(), format!("http://127.0.0.1:4000/reset?ticket={}", letter.ticket()));
        for line in [letter.link(), letter.code()] {
            assert!(letter.text().lines().any(|written| written == line), "{}", letter.text());
        }
        // Nothing has changed by asking.
        ann.me().await.ok();
        test.anon().sign_in(ANN, PASSWORD).await.ok();
        assert_eq!(events(&test, "password_reset_requested").await.len(), 2);
    }

    async fn the_mail_goes_to_the_stored_spelling_and_the_answer_echoes_the_given_one(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("Ann").await;
        let mails = test.mails_to("Ann@example.org").await;
        for given in ["aNN@example.org", "nOBODY@example.org"] {
            let answer = ask_with(&test.anon(), json!({ "email": given })).await.ok();
            assert_eq!(answer.text("/data/requestPasswordReset/email"), given);
            // Asked again, the answer tells no more.
            test.run_jobs().await;
            let again = resend(&test.anon(), &answer.text("/data/requestPasswordReset/verificationId")).await.ok();
            assert_eq!(again.text("/data/resendVerification/email"), given);
            assert_eq!(test.mails_to(given).await, 0);
        }
        assert_eq!(test.mails_to("Ann@example.org").await, mails + 2);
        let ticket = test.mail_to("Ann@example.org").await.ticket();
        let session = by_ticket(&test.anon(), &ticket, NEW).await.ok();
        assert_eq!(session.text("/data/resetPassword/user/email"), "Ann@example.org");
    }

    async fn who_is_disabled_gets_no_mail_and_the_same_answer(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let known = ask_with(&test.anon(), json!({})).await.ok();
        let ticket = test.mail_to(ANN).await.ticket();
        let mails = test.mails().await.len();
        disable(&test, ANN).await;
        assert_eq!(shape(&ask_with(&test.anon(), json!({})).await.ok()), shape(&known));
        assert_eq!(test.mails().await.len(), mails);
        assert_eq!(by_ticket(&test.anon(), &ticket, NEW).await.code(), "INVALID_TICKET");
        assert_eq!(test.anon().sign_in(ANN, PASSWORD).await.code(), "ACCOUNT_DISABLED");
    }

    async fn what_is_no_address_or_no_place_is_told(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let table = [
            (json!({ "email": "ann" }), "email:format"), (json!({ "connection": "nowhere" }), "connection:unknown"),
            (json!({ "clientId": "nobody" }), "clientId:unknown"), (json!({ "codeChallenge": CHALLENGE }), "codeChallenge:not_allowed"),
            (json!({ "codeChallenge": "short", "redirectTo": "http://localhost:3000" }), "codeChallenge:format"),
        ];
        for (fields, issue) in table {
            let answer = ask_with(&test.anon(), fields.clone()).await;
            assert_eq!((answer.code(), answer.issues()), ("INVALID_INPUT".into(), vec![issue.to_owned()]), "{fields}");
        }
        assert!(open_verifications(&test).await.is_empty());
    }

    async fn a_redirect_that_leads_elsewhere_is_refused_before_any_mail(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let mails = test.mails().await.len();
        let elsewhere = [
            "", "/reset", "//evil.example/", "javascript:alert(1)", "https://evil.example/",
            "http://127.0.0.1:4000@evil.example/", "http://127.0.0.1:4000.evil.example/", "http://127.0.0.1:4001/",
            "http://127.0.0.1:4000\\@evil.example/", "http://user:password@localhost:3000/", "https://localhost:3000/",
            "http://localhost.evil.example/", "http://localhost:3000/\r\nSet-Cookie: a=b", "http://localhost:3000/\0",
        ];
        for address in elsewhere {
            for email in [ANN, "nobody@example.org"] {
                let answer = ask_with(&test.anon(), json!({ "email": email, "redirectTo": address })).await;
                assert_eq!(answer.code(), "REDIRECT_NOT_ALLOWED", "{address:?}");
            }
        }
        assert!(open_verifications(&test).await.is_empty());
        assert_eq!(test.mails().await.len(), mails);
        ask_with(&test.anon(), json!({ "redirectTo": "http://localhost:3000/new?x=1" })).await.ok();
        let letter = test.mail_to(ANN).await;
        let expected = format!("http://localhost:3000/new?x=1&ticket={}&purpose=PASSWORD_RESET", letter.ticket());
        assert_eq!(letter.link(), expected);
    }

    async fn a_bad_redirect_is_refused_whether_or_not_the_address_is_known(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let ask = async |email: &str| {
            let fields = json!({ "email": email, "redirectTo": "https://evil.example/" });
            crate::support::shape(&ask_with(&test.anon(), fields).await)
        };
        assert_eq!(ask("ann@example.org").await, ask("nobody@example.org").await);
    }

    async fn template_options_are_of_the_applications_list_and_hold_no_address(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let with = async |options: Value| ask_with(&test.anon(), json!({ "templateOptions": options })).await;
        let refused = with(json!({ "team": "Blue" })).await;
        assert_eq!(refused.issues(), ["templateOptions.team:not_allowed"]);
        application(&test, json!({ "allowedTemplateOptions": ["team"] })).await.ok();
        let table = [
            (json!({ "team": 7 }), "team:format"), (json!({ "team": "x".repeat(101) }), "team:too_long"),
            (json!({ "team": "a\nb" }), "team:format"), (json!({ "team": "see evil.example" }), "team:not_allowed"),
            (json!({ "team": "https://x" }), "team:not_allowed"), (json!({ "team": "Visit www.evil.example." }), "team:not_allowed"),
            (json!({ "team": "evil\u{ff61}example" }), "team:not_allowed"), (json!({ "team": "198.51.100.7" }), "team:not_allowed"),
            (json!({ "other": "Blue" }), "other:not_allowed"),
        ];
        for (options, issue) in table {
            let answer = with(options.clone()).await;
            assert_eq!((answer.code(), answer.issues()), ("INVALID_INPUT".into(), vec![format!("templateOptions.{issue}")]), "{options}");
        }
        assert!(open_verifications(&test).await.is_empty());
        with(json!({ "team": "x".repeat(100) })).await.ok();
        let open = open_verifications(&test).await;
        assert_eq!(open[0].template_options, Some(json!({ "team": "x".repeat(100) })));
        assert_eq!(test.mail_to(ANN).await.purpose(), "PASSWORD_RESET");
    }

    async fn the_mails_count_in_the_budget_of_the_address(backend: Backend) {
        let test = TestApp::with(backend, LIMITED).await;
        // The first one is the sign-up's.
        test.user("ann").await;
        test.anon().sign_up("new@example.org").await.ok();
        for number in 2..=7 {
            let known = ask_with(&test.anon(), json!({})).await.ok();
            let unknown = ask_with(&test.anon(), json!({ "email": "new@example.org" })).await.ok();
            assert_eq!(shape(&known), shape(&unknown));
            let again = [&known, &unknown].map(|answer| time(answer, "/data/requestPasswordReset/resendAt"));
            assert_eq!(again[0], again[1], "number {number}");
            let expected = if number < 5 { TimeDelta::zero() } else { TimeDelta::hours(1) };
            assert_eq!(again[0], test.app.now() + expected, "number {number}");
            assert_eq!(test.mails_to(ANN).await, number.min(5));
        }
        test.clock.advance(TimeDelta::hours(1));
        ask(&test.anon(), ANN).await;
        assert_eq!(test.mails_to(ANN).await, 6);
    }

    async fn another_mail_brings_another_code_and_the_same_link(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let handle = ask(&test.anon(), ANN).await;
        let first = test.mail_to(ANN).await;
        for number in 0..5 {
            let answer = by_code(&test.anon(), &handle, &wrong(&first.code(), number), NEW).await;
            assert_eq!(answer.code(), "INVALID_CODE");
        }
        let answer = resend(&test.anon(), &handle).await.ok();
        assert_eq!(answer.text("/data/resendVerification/purpose"), "PASSWORD_RESET");
        let second = test.mail_to(ANN).await;
        assert_eq!(second.purpose(), "PASSWORD_RESET");
        assert_ne!(second.code(), first.code());
        assert_eq!(second.ticket(), first.ticket());
        assert_eq!(by_code(&test.anon(), &handle, &first.code(), NEW).await.code(), "INVALID_CODE");
        by_code(&test.anon(), &handle, &second.code(), NEW).await.ok();
        // For an unknown address the same answer, and no mail.
        let unknown = ask(&test.anon(), "nobody@example.org").await;
        assert_eq!(shape(&resend(&test.anon(), &unknown).await.ok()), shape(&answer));
        assert_eq!(test.mails_to("nobody@example.org").await, 0);
    }

    async fn a_password_in_the_request_is_refused_unless_the_application_allows_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        for email in [ANN, "nobody@example.org"] {
            let answer = ask_with(&test.anon(), json!({ "email": email, "newPassword": NEW })).await;
            assert_eq!((answer.code(), answer.issues()), ("INVALID_INPUT".into(), vec!["newPassword:not_allowed".to_owned()]));
        }
        assert!(open_verifications(&test).await.is_empty());
        application(&test, json!({ "passwordInResetRequestAllowed": true })).await.ok();
        policy(&test, json!({ "history": 3 })).await.ok();
        let known = ask_with(&test.anon(), json!({ "newPassword": NEW })).await.ok();
        for named in [NEW, "x", PASSWORD] {
            let unknown = ask_with(&test.anon(), json!({ "email": "nobody@example.org", "newPassword": named })).await.ok();
            assert_eq!(shape(&unknown), shape(&known));
            let weak = ask_with(&test.anon(), json!({ "newPassword": named })).await.ok();
            assert_eq!(shape(&weak), shape(&known));
        }
        for email in [ANN, "nobody@example.org"] {
            let answer = ask_with(&test.anon(), json!({ "email": email, "newPassword": "x9".repeat(129) })).await;
            assert_eq!(answer.issues(), ["newPassword:too_long"]);
        }
        assert_not_at_rest(&test, backend, NEW).await;
        test.anon().sign_in(ANN, PASSWORD).await.ok();
    }

    async fn the_named_password_has_to_be_typed_again(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        application(&test, json!({ "passwordInResetRequestAllowed": true })).await.ok();
        let answer = ask_with(&test.anon(), json!({ "newPassword": NEW })).await.ok();
        let handle = answer.text("/data/requestPasswordReset/verificationId");
        let letter = test.mail_to(ANN).await;
        for _ in 0..6 {
            let nothing = reset_with(&test.anon(), of_code(&handle, &letter.code()), json!({})).await;
            assert_eq!((nothing.code(), nothing.issues()), ("INVALID_INPUT".into(), vec!["newPassword:required".to_owned()]));
            // Not even with a verifier: the request carried no challenge.
            let nothing = reset_with(&test.anon(), json!({ "ticket": letter.ticket() }), json!({ "codeVerifier": VERIFIER })).await;
            assert!(["INVALID_INPUT", "INVALID_TICKET"].contains(&nothing.code().as_str()), "{}", nothing.body);
            for other in ["another horse battery", PASSWORD, "x"] {
                assert_eq!(by_code(&test.anon(), &handle, &letter.code(), other).await.code(), "INVALID_CREDENTIALS");
            }
            assert_eq!(by_ticket(&test.anon(), &letter.ticket(), &NEW.to_uppercase()).await.code(), "INVALID_CREDENTIALS");
        }
        test.anon().sign_in(ANN, PASSWORD).await.ok();
        by_code(&test.anon(), &handle, &letter.code(), NEW).await.ok();
        test.anon().sign_in(ANN, NEW).await.ok();
    }

    async fn the_holder_of_the_verifier_need_not_type_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        application(&test, json!({ "passwordInResetRequestAllowed": true })).await.ok();
        let fields = json!({ "newPassword": NEW, "redirectTo": "http://localhost:3000/", "codeChallenge": CHALLENGE });
        ask_with(&test.anon(), fields).await.ok();
        let proof = json!({ "ticket": test.mail_to(ANN).await.ticket() });
        let with = async |fields: Value| reset_with(&test.anon(), proof.clone(), fields).await;
        // A click alone never sets a stranger's password, nor does the password without the verifier.
        assert_eq!(with(json!({})).await.code(), "INVALID_TICKET");
        assert_eq!(with(json!({ "newPassword": NEW })).await.code(), "INVALID_TICKET");
        assert_eq!(with(json!({ "codeVerifier": "x".repeat(43) })).await.code(), "INVALID_TICKET");
        let other = with(json!({ "codeVerifier": VERIFIER, "newPassword": "another horse battery" })).await;
        assert_eq!(other.code(), "INVALID_CREDENTIALS");
        test.anon().sign_in(ANN, PASSWORD).await.ok();
        let session = with(json!({ "codeVerifier": VERIFIER })).await.ok();
        assert_eq!(session.text("/data/resetPassword/__typename"), "Session");
        test.anon().sign_in(ANN, NEW).await.ok();
    }

    async fn a_password_that_was_named_while_it_was_allowed_opens_nothing_once_it_is_not(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        let allow = async |allowed: bool| application(&test, json!({ "passwordInResetRequestAllowed": allowed })).await.ok();
        allow(true).await;
        let fields = json!({ "newPassword": NEW, "redirectTo": "http://localhost:3000/", "codeChallenge": CHALLENGE });
        ask_with(&test.anon(), fields).await.ok();
        let proof = json!({ "ticket": test.mail_to(ANN).await.ticket() });
        allow(false).await;
        let with = async |fields: Value| reset_with(&test.anon(), proof.clone(), fields).await;
        let nothing = with(json!({ "codeVerifier": VERIFIER })).await;
        assert_eq!((nothing.code(), nothing.issues()), ("INVALID_INPUT".into(), vec!["newPassword:required".to_owned()]));
        test.anon().sign_in(ANN, PASSWORD).await.ok();
        // As if none had been named: any other one will do.
        with(json!({ "codeVerifier": VERIFIER, "newPassword": "another horse battery" })).await.ok();
        assert_eq!(test.anon().sign_in(ANN, NEW).await.code(), "INVALID_CREDENTIALS");
        test.anon().sign_in(ANN, "another horse battery").await.ok();
    }

    async fn a_weak_named_password_is_told_when_it_is_redeemed(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.user("ann").await;
        application(&test, json!({ "passwordInResetRequestAllowed": true })).await.ok();
        policy(&test, json!({ "history": 1 })).await.ok();
        for (weak, rules) in [("kX7#q", vec!["min_length"]), ("password1", vec!["common"]), (PASSWORD, vec!["history"])] {
            let expected: Vec<_> = rules.iter().map(|rule| format!("newPassword:{rule}")).collect();
            let fields = json!({ "newPassword": weak, "redirectTo": "http://localhost:3000/", "codeChallenge": CHALLENGE });
            ask_with(&test.anon(), fields).await.ok();
            let proof = json!({ "ticket": test.mail_to(ANN).await.ticket() });
            for fields in [json!({ "codeVerifier": VERIFIER }), json!({ "codeVerifier": VERIFIER, "newPassword": weak })] {
                let answer = reset_with(&test.anon(), proof.clone(), fields).await;
                assert_eq!((answer.code(), answer.issues()), ("WEAK_PASSWORD".into(), expected.clone()), "{weak}");
            }
            ask_with(&test.anon(), json!({ "newPassword": weak })).await.ok();
            let answer = by_ticket(&test.anon(), &test.mail_to(ANN).await.ticket(), weak).await;
            assert_eq!((answer.code(), answer.issues()), ("WEAK_PASSWORD".into(), expected), "{weak}");
        }
        test.anon().sign_in(ANN, PASSWORD).await.ok();
    }
}
