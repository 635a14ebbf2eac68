//! `signUp`: many at once, and many for one address.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::json;

use crate::harness::{TestApp, race};
use crate::support::{PATIENT, accounts, open_verifications, sign_up_with, tally, verify_ticket};

const SPELLINGS: [&str; 5] = [
    "ann@example.org",
    "Ann@example.org",
    "ANN@EXAMPLE.ORG",
    "ann@Example.Org",
    "aNn@example.ORG",
];

on_both_databases! {
    async fn of_fifty_sign_ups_without_verification_one_makes_the_account(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        test.require_verification(false).await;
        let answers = race(50, |number| {
            let client = test.anon();
            async move { client.sign_up(SPELLINGS[number % 5]).await }
        }).await;
        let expected = BTreeMap::from([(String::new(), 1), ("EMAIL_TAKEN".to_owned(), 49)]);
        assert_eq!(tally(&answers), expected);
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 1);
    }

    async fn fifty_sign_ups_on_two_instances_make_one_account(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        test.require_verification(false).await;
        let other = TestApp::with_clock(test.database.clone(), PATIENT, test.clock.clone()).await;
        let answers = race(50, |number| {
            let client = if number % 2 == 0 { test.anon() } else { other.anon() };
            async move { client.sign_up(SPELLINGS[number % 5]).await }
        }).await;
        let expected = BTreeMap::from([(String::new(), 1), ("EMAIL_TAKEN".to_owned(), 49)]);
        assert_eq!(tally(&answers), expected);
    }

    async fn fifty_sign_ups_with_verification_all_answer_the_same_and_five_stay_open(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let answers = race(50, |number| {
            let client = test.anon();
            async move { client.sign_up(SPELLINGS[number % 5]).await }
        }).await;
        for answer in answers {
            assert_eq!(answer.ok().text("/data/signUp/__typename"), "PendingVerification");
        }
        assert_eq!(open_verifications(&test).await.len(), 5);
        let mails = test.mails().await;
        assert_eq!(mails.len(), 5);
        let ticket = mails[0].mail.content.proof.as_ref().expect("a proof").ticket.expose();
        verify_ticket(&test.anon(), ticket).await.ok();
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 1);
    }

    async fn a_sign_up_raced_with_the_answer_to_another_surfaces_no_defect(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        test.anon().sign_up("ann@example.org").await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let answers = race(20, |number| {
            let (client, ticket) = (test.anon(), ticket.clone());
            async move {
                // Together with the first one no more than may be open.
                if number % 5 == 0 {
                    client.sign_up("ann@example.org").await
                } else {
                    verify_ticket(&client, &ticket).await
                }
            }
        }).await;
        let expected = BTreeMap::from([(String::new(), 5), ("INVALID_TICKET".to_owned(), 15)]);
        assert_eq!(tally(&answers), expected);
        // Whatever was mailed before or after, only the account that was made is there.
        for received in test.mails().await {
            if let Some(proof) = &received.mail.content.proof {
                assert_eq!(verify_ticket(&test.anon(), proof.ticket.expose()).await.code(), "INVALID_TICKET");
            }
        }
        assert_eq!(accounts(&test, "ann@example.org").await.len(), 1);
    }

    async fn a_stranger_pushes_out_the_own_sign_ups_before_those_of_the_owner(backend: Backend) {
        let test = TestApp::start(backend).await;
        let owner = test.anon().calling_from("198.51.100.1");
        owner.sign_up("ann@example.org").await.ok();
        let wanted = test.mail_to("ann@example.org").await.ticket();
        let stranger = test.anon().calling_from("203.0.113.9");
        let mut tickets = Vec::new();
        for _ in 0..6 {
            test.clock.advance(TimeDelta::seconds(1));
            sign_up_with(&stranger, json!({ "password": "the password of a stranger" })).await.ok();
            tickets.push(test.mail_to("ann@example.org").await.ticket());
        }
        let open: Vec<_> = open_verifications(&test).await;
        assert_eq!(open.len(), 5);
        assert_eq!(verify_ticket(&test.anon(), &tickets[0]).await.code(), "INVALID_TICKET");
        assert_eq!(verify_ticket(&test.anon(), &tickets[1]).await.code(), "INVALID_TICKET");
        verify_ticket(&owner, &wanted).await.ok();
    }

    async fn nor_does_a_second_network_push_out_the_owner(backend: Backend) {
        let test = TestApp::start(backend).await;
        let owner = test.anon().calling_from("198.51.100.1");
        owner.sign_up("ann@example.org").await.ok();
        let wanted = test.mail_to("ann@example.org").await.ticket();
        for network in ["203.0.113.9", "203.0.113.9", "203.0.113.9", "203.0.113.9", "192.0.2.1", "192.0.2.1", "192.0.2.2"] {
            test.clock.advance(TimeDelta::seconds(1));
            test.anon().calling_from(network).sign_up("ann@example.org").await.ok();
        }
        assert_eq!(open_verifications(&test).await.len(), 5);
        verify_ticket(&owner, &wanted).await.ok();
    }

    async fn the_oldest_of_too_many_pending_sign_ups_is_void(backend: Backend) {
        let test = TestApp::start(backend).await;
        let mut tickets = Vec::new();
        for _ in 0..6 {
            test.clock.advance(TimeDelta::seconds(1));
            test.anon().sign_up("ann@example.org").await.ok();
            tickets.push(test.mail_to("ann@example.org").await.ticket());
        }
        assert_eq!(verify_ticket(&test.anon(), &tickets[0]).await.code(), "INVALID_TICKET");
        verify_ticket(&test.anon(), &tickets[1]).await.ok();
    }
}
