use serde_json::json;

use super::{admin, assert_issues, only};
use crate::harness::{PASSWORD, TestApp};
use crate::support::{accounts, sign_up_with, verify_code, verify_ticket};

async fn rules(test: &TestApp, allowed: &[&str], blocked: &[&str]) {
    let input = json!({ "name": "default", "allowedEmailDomains": allowed, "blockedEmailDomains": blocked });
    only(admin(test, "update_connection", input).await);
}

on_both_databases! {
    async fn sign_ups_of_other_domains_are_refused(backend: Backend) {
        let test = TestApp::start(backend).await;
        let sign_up = async |email: &str| sign_up_with(&test.anon(), json!({ "email": email })).await;
        rules(&test, &["Example.ORG", "*.example.org", "B\u{fc}cher.example"], &["bad.example.org", "*.bad.example.org"]).await;
        for email in ["a@example.org", "b@EXAMPLE.org", "c@mail.example.org", "d@a.b.example.org", "e@b\u{fc}cher.example", "f@XN--BCHER-KVA.example"] {
            sign_up(email).await.ok();
        }
        for email in ["a@example.com", "a@badexample.org", "a@bad.example.org", "a@BAD.Example.org", "a@x.bad.example.org", "a@mail.b\u{fc}cher.example", "a@example.org.evil.example"] {
            assert_issues(&sign_up(email).await, &["email:not_allowed"]);
        }
        rules(&test, &["example.org"], &[]).await;
        assert_issues(&sign_up("c@mail.example.org").await, &["email:not_allowed"]);
        rules(&test, &[], &["example.org"]).await;
        assert_issues(&sign_up("a@example.org").await, &["email:not_allowed"]);
        for email in ["a@mail.example.org", "a@example.com"] {
            sign_up(email).await.ok();
        }
        rules(&test, &[], &[]).await;
        sign_up("z@example.org").await.ok();
    }

    async fn a_domain_that_is_blocked_meanwhile_makes_no_account_and_consumes_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let pending = test.anon().sign_up("ann@example.org").await.ok();
        let (handle, letter) = (pending.text("/data/signUp/verificationId"), test.mail_to("ann@example.org").await);
        rules(&test, &[], &["example.org"]).await;
        for _ in 0..6 {
            assert_issues(&verify_ticket(&test.anon(), &letter.ticket()).await, &["email:not_allowed"]);
            assert_issues(&verify_code(&test.anon(), &handle, &letter.code()).await, &["email:not_allowed"]);
        }
        assert!(accounts(&test, "ann@example.org").await.is_empty());
        rules(&test, &["example.org"], &[]).await;
        verify_code(&test.anon(), &handle, &letter.code()).await.ok();
    }

    async fn an_address_changes_only_to_a_domain_that_is_allowed_and_accounts_stay(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        rules(&test, &["example.com"], &["bad.example.com"]).await;
        let ask = async |email: &str| ann.run("request_email_change", json!({ "input": { "newEmail": email, "currentPassword": PASSWORD } })).await;
        for email in ["ann2@example.org", "ann@bad.example.com", "ann@mail.example.com"] {
            assert_issues(&ask(email).await, &["newEmail:not_allowed"]);
        }
        ask("ann@Example.COM").await.ok();
        // The rules are for who comes in: who is there already signs in as before.
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
    }
}
