//! `verifyEmail`: many at once on the same proof.

use std::collections::BTreeMap;

use crate::harness::{TestApp, race};
use crate::support::{PATIENT, accounts, tally, verify_code, verify_ticket};

/// The `number`th code after the right one.
pub fn wrong(code: &str, number: u32) -> String {
    let code: u32 = code.parse().expect("six digits");
    format!("{:06}", (code + number) % 1_000_000)
}

fn one_of(many: usize, refusal: &str) -> BTreeMap<String, usize> {
    BTreeMap::from([(String::new(), 1), (refusal.to_owned(), many - 1)])
}

on_both_databases! {
    async fn of_fifty_with_one_ticket_one_gets_the_session(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        test.anon().sign_up("ann@example.org").await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let answers = race(50, |_| {
            let (client, ticket) = (test.anon(), ticket.clone());
            async move { verify_ticket(&client, &ticket).await }
        }).await;
        assert_eq!(tally(&answers), one_of(50, "INVALID_TICKET"));
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 1);
    }

    async fn of_fifty_with_one_ticket_of_a_known_account_one_gets_the_session(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        test.require_verification(false).await;
        test.anon().sign_up("ann@example.org").await.ok();
        test.require_verification(true).await;
        test.anon().sign_in("ann@example.org", crate::harness::PASSWORD).await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let answers = race(50, |_| {
            let (client, ticket) = (test.anon(), ticket.clone());
            async move { verify_ticket(&client, &ticket).await }
        }).await;
        assert_eq!(tally(&answers), one_of(50, "INVALID_TICKET"));
    }

    async fn of_fifty_with_one_code_one_gets_the_session(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let asked = test.anon().sign_up("ann@example.org").await.ok();
        let handle = asked.text("/data/signUp/verificationId");
        let code = test.mail_to("ann@example.org").await.code();
        let answers = race(50, |_| {
            let (client, handle, code) = (test.anon(), handle.clone(), code.clone());
            async move { verify_code(&client, &handle, &code).await }
        }).await;
        assert_eq!(tally(&answers), one_of(50, "INVALID_CODE"));
    }

    async fn of_a_ticket_and_its_code_at_once_one_gets_the_session(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let asked = test.anon().sign_up("ann@example.org").await.ok();
        let handle = asked.text("/data/signUp/verificationId");
        let letter = test.mail_to("ann@example.org").await;
        let answers = race(8, |number| {
            let (client, handle, code, ticket) = (test.anon(), handle.clone(), letter.code(), letter.ticket());
            async move {
                if number % 2 == 0 { verify_code(&client, &handle, &code).await } else { verify_ticket(&client, &ticket).await }
            }
        }).await;
        assert_eq!(answers.iter().filter(|answer| answer.code_or_ok().is_empty()).count(), 1, "{:?}", tally(&answers));
        assert!(!tally(&answers).contains_key("INTERNAL"), "{:?}", tally(&answers));
    }

    async fn of_the_answers_to_several_sign_ups_for_one_address_one_makes_the_account(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let mut proofs = Vec::new();
        for number in 0..5 {
            let password = format!("correct horse battery {number}");
            let fields = serde_json::json!({ "password": password });
            crate::support::sign_up_with(&test.anon(), fields).await.ok();
            proofs.push((test.mail_to("ann@example.org").await.ticket(), password));
        }
        let answers = race(50, |number| {
            let (client, ticket) = (test.anon(), proofs[number % 5].0.clone());
            async move { verify_ticket(&client, &ticket).await }
        }).await;
        assert_eq!(tally(&answers), one_of(50, "INVALID_TICKET"));
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 1);
        let winner = answers.iter().position(|answer| answer.code_or_ok().is_empty()).expect("a winner") % 5;
        for (number, (_, password)) in proofs.iter().enumerate() {
            let expected = if number == winner { "" } else { "INVALID_CREDENTIALS" };
            assert_eq!(test.anon().sign_in("ann@example.org", password).await.code_or_ok(), expected);
        }
    }

    async fn two_hundred_wrong_codes_at_once_kill_the_code_and_not_the_link(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let asked = test.anon().sign_up("ann@example.org").await.ok();
        let handle = asked.text("/data/signUp/verificationId");
        let letter = test.mail_to("ann@example.org").await;
        let answers = race(200, |number| {
            let guess = wrong(&letter.code(), u32::try_from(number).expect("few") + 1);
            let (client, handle) = (test.anon(), handle.clone());
            async move { verify_code(&client, &handle, &guess).await }
        }).await;
        assert_eq!(tally(&answers), BTreeMap::from([("INVALID_CODE".to_owned(), 200)]));
        assert_eq!(crate::support::open_verifications(&test).await[0].code_tries, 5);
        assert_eq!(verify_code(&test.anon(), &handle, &letter.code()).await.code(), "INVALID_CODE");
        verify_ticket(&test.anon(), &letter.ticket()).await.ok();
    }
}
