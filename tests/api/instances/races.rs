//! What can be had once is had once, whichever of three instances is asked. Sign-ups of one address, refresh tokens, wrong
//! passwords and keys have such tests beside those of their operation.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::harness::{Backend, Client, TestApp, race};
use crate::support::{PATIENT, accounts, open_verifications, tally, verify_code, verify_ticket};

async fn three(backend: Backend) -> [TestApp; 3] {
    let first = TestApp::with(backend, PATIENT).await;
    let second = first.second_instance_with(PATIENT).await;
    let third = first.second_instance_with(PATIENT).await;
    [first, second, third]
}

/// Somebody at the door of each in turn.
fn doors(houses: &[TestApp; 3]) -> impl Fn(usize) -> Client + use<> {
    let clients: Vec<_> = houses.iter().map(TestApp::anon).collect();
    move |number| clients[number % clients.len()].clone()
}

on_both_databases! {
    async fn a_ticket_is_redeemed_once(backend: Backend) {
        let houses = three(backend).await;
        houses[0].anon().sign_up("ann@example.org").await.ok();
        let ticket = houses[0].mail_to("ann@example.org").await.ticket();
        let door = doors(&houses);
        let answers = race(48, |number| {
            let (client, ticket) = (door(number), ticket.clone());
            async move { verify_ticket(&client, &ticket).await }
        }).await;
        let expected = BTreeMap::from([(String::new(), 1), ("INVALID_TICKET".to_owned(), 47)]);
        assert_eq!(tally(&answers), expected);
        assert_eq!(accounts(&houses[0], "ann@example.org").await.len(), 1);
    }

    async fn wrong_codes_are_counted_together(backend: Backend) {
        let houses = three(backend).await;
        let asked = houses[0].anon().sign_up("ann@example.org").await.ok();
        let handle = asked.text("/data/signUp/verificationId");
        let code: u32 = houses[0].mail_to("ann@example.org").await.code().parse().unwrap();
        let door = doors(&houses);
        let answers = race(60, |number| {
            let guess = format!("{:06}", (code as usize + number + 1) % 1_000_000);
            let (client, handle) = (door(number), handle.clone());
            async move { verify_code(&client, &handle, &guess).await }
        }).await;
        assert_eq!(tally(&answers), BTreeMap::from([("INVALID_CODE".to_owned(), 60)]));
        assert_eq!(open_verifications(&houses[0]).await[0].code_tries, 5);
        let right = format!("{code:06}");
        assert_eq!(verify_code(&houses[2].anon(), &handle, &right).await.code(), "INVALID_CODE");
    }

    async fn of_a_hundred_mails_each_leaves_once(backend: Backend) {
        const MAILS: usize = 100;
        let houses = three(backend).await;
        let (stop, told) = watch::channel(false);
        let workers: Vec<_> = houses
            .iter()
            .map(|house| tokio::spawn(house.app.worker.clone().run(told.clone())))
            .collect();
        let door = doors(&houses);
        // Asked for while all three are at work.
        for group in 0..MAILS / 10 {
            let answers = race(10, |number| {
                let client = door(number);
                async move { client.sign_up(&format!("a{group}b{number}@example.org")).await }
            }).await;
            assert_eq!(tally(&answers), BTreeMap::from([(String::new(), 10)]));
        }
        let mut sent = Vec::new();
        for _ in 0..600 {
            sent = houses.iter().flat_map(|house| house.app.inbox.as_ref().unwrap().list()).map(|received| received.mail.to).collect();
            if sent.len() >= MAILS {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        stop.send(true).expect("the workers go on");
        for worker in workers {
            worker.await.expect("the worker ends in peace");
        }
        // Whatever is still due would leave now.
        for house in &houses {
            house.run_jobs().await;
        }
        let after: usize = houses.iter().map(|house| house.app.inbox.as_ref().unwrap().list().len()).sum();
        assert_eq!((sent.len(), after), (MAILS, MAILS));
        sent.sort();
        sent.dedup();
        assert_eq!(sent.len(), MAILS, "nobody got two");
    }
}
