//! What can be had once is had once, whichever of three instances is asked. Sign-ups of one address, refresh tokens, wrong
//! passwords and keys have such tests beside those of their operation.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::harness::{Answer, Backend, Client, Database, PASSWORD, TestApp, race};
use crate::support::{
    LIMITED, PATIENT, accounts, open_verifications, tally, verify_code, verify_ticket,
};

async fn three(database: Database) -> [TestApp; 3] {
    let settings = [PATIENT, LIMITED, &[("VESTIBULE_MAILS_PER_NETWORK", "1000")]].concat();
    let first = TestApp::on(database, &settings).await;
    let second = first.second_instance_with(&settings).await;
    let third = first.second_instance_with(&settings).await;
    [first, second, third]
}

/// Somebody at the door of each in turn.
fn doors(houses: &[TestApp; 3]) -> impl Fn(usize) -> Client + use<> {
    let clients: Vec<_> = houses.iter().map(TestApp::anon).collect();
    move |number| clients[number % clients.len()].clone()
}

async fn redeem(houses: [TestApp; 3]) {
    houses[0].anon().sign_up("ann@example.org").await.ok();
    let ticket = houses[0].mail_to("ann@example.org").await.ticket();
    let door = doors(&houses);
    let answers = race(48, |number| {
        let (client, ticket) = (door(number), ticket.clone());
        async move { verify_ticket(&client, &ticket).await }
    })
    .await;
    let expected = BTreeMap::from([(String::new(), 1), ("INVALID_TICKET".to_owned(), 47)]);
    assert_eq!(tally(&answers), expected);
    assert_eq!(accounts(&houses[0], "ann@example.org").await.len(), 1);
}

async fn guess(houses: [TestApp; 3]) {
    let asked = houses[0].anon().sign_up("ann@example.org").await.ok();
    let handle = asked.text("/data/signUp/verificationId");
    let code: u32 = houses[0]
        .mail_to("ann@example.org")
        .await
        .code()
        .parse()
        .unwrap();
    let door = doors(&houses);
    let answers = race(60, |number| {
        let guess = format!("{:06}", (code as usize + number + 1) % 1_000_000);
        let (client, handle) = (door(number), handle.clone());
        async move { verify_code(&client, &handle, &guess).await }
    })
    .await;
    assert_eq!(
        tally(&answers),
        BTreeMap::from([("INVALID_CODE".to_owned(), 60)])
    );
    assert_eq!(open_verifications(&houses[0]).await[0].code_tries, 5);
    let right = format!("{code:06}");
    assert_eq!(
        verify_code(&houses[2].anon(), &handle, &right).await.code(),
        "INVALID_CODE"
    );
}

async fn send(houses: [TestApp; 3]) {
    const MAILS: usize = 100;
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
            async move {
                client
                    .sign_up(&format!("a{group}b{number}@example.org"))
                    .await
            }
        })
        .await;
        assert_eq!(tally(&answers), BTreeMap::from([(String::new(), 10)]));
    }
    let mut sent = Vec::new();
    for _ in 0..600 {
        sent = houses
            .iter()
            .flat_map(|house| house.app.inbox.as_ref().unwrap().list())
            .map(|received| received.mail.to)
            .collect();
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
    let after: usize = houses
        .iter()
        .map(|house| house.app.inbox.as_ref().unwrap().list().len())
        .sum();
    assert_eq!((sent.len(), after), (MAILS, MAILS));
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), MAILS, "nobody got two");
}

async fn sign_up(houses: [TestApp; 3]) {
    houses[0].require_verification(false).await;
    let door = doors(&houses);
    let answers = race(30, |number| {
        let client = door(number);
        async move { client.sign_up("ann@example.org").await }
    })
    .await;
    let expected = BTreeMap::from([(String::new(), 1), ("EMAIL_TAKEN".to_owned(), 29)]);
    assert_eq!(tally(&answers), expected);
}

async fn refresh(houses: [TestApp; 3]) {
    let ann = houses[0].user("ann").await;
    let door = doors(&houses);
    let answers = race(30, |number| {
        let (client, token) = (door(number), ann.refresh_token.clone());
        async move { client.refresh(&token).await }
    })
    .await;
    assert_eq!(tally(&answers), BTreeMap::from([(String::new(), 30)]));
    let token = |answer: &Answer| answer.text("/data/refreshSession/refreshToken");
    let mut tokens: Vec<_> = answers.iter().map(token).collect();
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "one chain");
}

/// One of the guesses is right, and comes too late or among the first.
async fn sign_in(houses: [TestApp; 3]) {
    houses[0].user("ann").await;
    let door = doors(&houses);
    let answers = race(90, |number| {
        let password = if number == 45 { PASSWORD } else { "wrong" };
        let client = door(number).calling_from(&format!("198.51.100.{}", number + 1));
        async move { client.sign_in("ann@example.org", password).await }
    })
    .await;
    let tally = tally(&answers);
    let looked_at = 90 - tally.get("RATE_LIMITED").copied().unwrap_or_default();
    assert!((5..=11).contains(&looked_at), "{tally:?}");
    assert!(!tally.contains_key("OVERLOADED"), "{tally:?}");
}

/// Declares each race on SQLite, on PostgreSQL, and on PostgreSQL where whoever loses a race is told so.
macro_rules! races {
    ($($name:ident: $race:ident,)+) => {
        $(
            mod $name {
                use super::*;

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_sqlite() {
                    $race(three(Database::fresh(Backend::Sqlite).await).await).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_postgres() {
                    $race(three(Database::fresh(Backend::Postgres).await).await).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_serialisable_postgres() {
                    $race(three(Database::serialisable().await).await).await;
                }
            }
        )+
    };
}

races! {
    a_ticket_is_redeemed_once: redeem,
    wrong_codes_are_counted_together: guess,
    of_a_hundred_mails_each_leaves_once: send,
    one_sign_up_of_an_address_makes_the_account: sign_up,
    a_refresh_token_has_one_successor: refresh,
    few_of_many_guesses_are_looked_at: sign_in,
}
