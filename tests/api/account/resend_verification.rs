use chrono::TimeDelta;
use serde_json::json;

use crate::harness::{TestApp, race};
use crate::password::steps::{NEW, ask, by_ticket};
use crate::support::{LIMITED, PATIENT, resend, shape, verify_code, verify_ticket};

on_both_databases! {
    async fn for_an_application_that_was_switched_off_the_answer_is_that_for_an_unknown_handle(backend: Backend) {
        let test = TestApp::start(backend).await;
        let handle = test.anon().sign_up("ann@example.org").await.ok().text("/data/signUp/verificationId");
        assert_eq!(test.mails_to("ann@example.org").await, 1);
        let switch = async |disabled: bool| {
            let input = json!({ "clientId": "default", "disabled": disabled });
            test.admin().run("admin_update_application", json!({ "input": input })).await.ok();
        };
        switch(true).await;
        let answer = resend(&test.anon(), &handle).await.ok();
        assert_eq!(answer.text("/data/resendVerification/email"), "");
        assert_eq!(test.mails_to("ann@example.org").await, 1);
        switch(false).await;
        resend(&test.anon(), &handle).await.ok();
        assert_eq!(test.mails_to("ann@example.org").await, 2);
    }

    async fn an_unknown_handle_answers_as_a_known_one_and_sends_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let asked = test.anon().sign_up("ann@example.org").await.ok();
        let handle = asked.text("/data/signUp/verificationId");
        let known = resend(&test.anon(), &handle).await.ok();
        let mails = test.mails().await.len();
        let unknown_handle: String = handle.chars().rev().collect();
        for name in [unknown_handle.as_str(), "", "x", "ann@example.org"] {
            let unknown = resend(&test.anon(), name).await.ok();
            assert_eq!(unknown.text("/data/resendVerification/__typename"), "PendingVerification");
            assert_eq!(unknown.text("/data/resendVerification/verificationId"), name);
            assert_eq!(shape(&unknown).2, shape(&known).2);
        }
        assert_eq!(test.mails().await.len(), mails);
    }

    async fn an_answered_request_sends_nothing_any_more(backend: Backend) {
        let test = TestApp::start(backend).await;
        let asked = test.anon().sign_up("ann@example.org").await.ok();
        let handle = asked.text("/data/signUp/verificationId");
        let letter = test.mail_to("ann@example.org").await;
        verify_ticket(&test.anon(), &letter.ticket()).await.ok();
        let again = resend(&test.anon(), &handle).await.ok();
        assert_eq!(again.text("/data/resendVerification/__typename"), "PendingVerification");
        assert_eq!(test.mails_to("ann@example.org").await, 1);
    }

    async fn whoever_asked_without_having_the_mailbox_is_not_told_that_its_owner_answered(backend: Backend) {
        let test = TestApp::with(backend, LIMITED).await;
        let stranger = test.anon().calling_from("198.51.100.9");
        let both = ["ann@example.org", "nobody@example.org"];
        let ask_again = async |handles: &[String; 2]| {
            let told = handles.each_ref().map(async |handle| resend(&stranger, handle).await.ok());
            let [known, unknown] = told;
            let (known, unknown) = (known.await, unknown.await);
            let at = "/data/resendVerification/";
            assert_eq!([&known, &unknown].map(|told| told.text(&format!("{at}email"))), both);
            let [known, unknown] = [known, unknown].map(|mut told| {
                told.body["data"]["resendVerification"]["verificationId"] = json!("");
                told.body["data"]["resendVerification"]["handoffNumber"] = json!("");
                told.body["data"]["resendVerification"]["email"] = json!("");
                told.body
            });
            assert_eq!(known, unknown);
        };
        // A sign-up of the stranger, and then the owner's own.
        let mut handles = [String::new(), String::new()];
        for (handle, address) in handles.iter_mut().zip(both) {
            *handle = stranger.sign_up(address).await.ok().text("/data/signUp/verificationId");
        }
        // Mails that are due together leave in any order: the owner's is to be the newest.
        test.run_jobs().await;
        test.user("ann").await;
        for _ in 0..6 {
            ask_again(&handles).await;
        }
        // A reset, and then the owner's own.
        for (handle, address) in handles.iter_mut().zip(both) {
            *handle = ask(&stranger, address).await;
        }
        test.run_jobs().await;
        ask(&test.anon(), "ann@example.org").await;
        let ticket = test.mail_to("ann@example.org").await.ticket();
        by_ticket(&test.anon(), &ticket, NEW).await.ok();
        for _ in 0..6 {
            ask_again(&handles).await;
        }
    }

    async fn an_expired_request_sends_nothing_any_more(backend: Backend) {
        let test = TestApp::start(backend).await;
        let asked = test.anon().sign_up("ann@example.org").await.ok();
        assert_eq!(test.mails_to("ann@example.org").await, 1);
        test.clock.advance(TimeDelta::hours(24));
        resend(&test.anon(), &asked.text("/data/signUp/verificationId")).await.ok();
        assert_eq!(test.mails_to("ann@example.org").await, 1);
    }

    async fn a_request_answered_between_asking_and_sending_sends_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let asked = test.anon().sign_up("ann@example.org").await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        resend(&test.anon(), &asked.text("/data/signUp/verificationId")).await.ok();
        verify_ticket(&test.anon(), &ticket).await.ok();
        assert_eq!(test.mails_to("ann@example.org").await, 1);
    }

    async fn a_new_mail_gives_a_dead_code_five_new_tries(backend: Backend) {
        let test = TestApp::start(backend).await;
        let asked = test.anon().sign_up("ann@example.org").await.ok();
        let handle = asked.text("/data/signUp/verificationId");
        let first = test.mail_to("ann@example.org").await.code();
        for number in 1..=5 {
            let wrong = crate::account::verify_email_race::wrong(&first, number);
            assert_eq!(verify_code(&test.anon(), &handle, &wrong).await.code(), "INVALID_CODE");
        }
        resend(&test.anon(), &handle).await.ok();
        let second = test.mail_to("ann@example.org").await.code();
        verify_code(&test.anon(), &handle, &second).await.ok();
    }

    async fn asked_for_fifty_times_at_once_the_last_mail_is_the_one_that_counts(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let asked = test.anon().sign_up("ann@example.org").await.ok();
        let handle = asked.text("/data/signUp/verificationId");
        let first = test.mail_to("ann@example.org").await.code();
        let answers = race(50, |_| {
            let (client, handle) = (test.anon(), handle.clone());
            async move { resend(&client, &handle).await }
        }).await;
        for answer in answers {
            answer.ok();
        }
        let last = test.mail_to("ann@example.org").await.code();
        assert_ne!(last, first);
        verify_code(&test.anon(), &handle, &last).await.ok();
    }
}
