//! What can be had once is had once, whichever of three instances is asked; afterwards it is had no more at any of them. Keys
//! have such tests beside those of their operation.

use std::collections::BTreeMap;

use entity::user;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::json;
use tokio::sync::watch;

use super::lease::at;
use crate::account::email_change::{confirm, request};
use crate::account::handoff::{self, Pending};
use crate::harness::{Answer, Backend, Client, Database, PASSWORD, TestApp, race};
use crate::password::steps::{NEW, ask, by_ticket, connection};
use crate::support::{
    LIMITED, PATIENT, accounts, another_session, assert_alive, events, open_verifications, reason,
    sign_up_with, tally, verify_code, verify_ticket,
};

const ANN: &str = "ann@example.org";

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

fn one_of(many: usize, refusal: &str) -> BTreeMap<String, usize> {
    BTreeMap::from([(String::new(), 1), (refusal.to_owned(), many - 1)])
}

/// Whose answer was a good one.
fn winner(answers: &[Answer]) -> usize {
    let won = |answer: &Answer| answer.code_or_ok().is_empty();
    answers.iter().position(won).expect("a winner")
}

async fn redeem(houses: [TestApp; 3]) {
    houses[0].anon().sign_up(ANN).await.ok();
    let ticket = houses[0].mail_to(ANN).await.ticket();
    let door = doors(&houses);
    let answers = race(48, |number| {
        let (client, ticket) = (door(number), ticket.clone());
        async move { verify_ticket(&client, &ticket).await }
    })
    .await;
    assert_eq!(tally(&answers), one_of(48, "INVALID_TICKET"));
    assert_eq!(accounts(&houses[0], ANN).await.len(), 1);
}

async fn guess(houses: [TestApp; 3]) {
    let asked = houses[0].anon().sign_up(ANN).await.ok();
    let handle = asked.text("/data/signUp/verificationId");
    let code: u32 = houses[0].mail_to(ANN).await.code().parse().unwrap();
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
        async move { client.sign_up(ANN).await }
    })
    .await;
    assert_eq!(tally(&answers), one_of(30, "EMAIL_TAKEN"));
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
        async move { client.sign_in(ANN, password).await }
    })
    .await;
    let tally = tally(&answers);
    let looked_at = 90 - tally.get("RATE_LIMITED").copied().unwrap_or_default();
    assert!((5..=11).contains(&looked_at), "{tally:?}");
    assert!(!tally.contains_key("OVERLOADED"), "{tally:?}");
}

async fn reset(houses: [TestApp; 3]) {
    let ann = houses[0].user("ann").await;
    houses[0].run_jobs().await;
    ask(&houses[0].anon(), ANN).await;
    let ticket = houses[0].mail_to(ANN).await.ticket();
    let door = doors(&houses);
    let answers = race(24, |number| {
        let (client, ticket) = (door(number), ticket.clone());
        async move { by_ticket(&client, &ticket, &format!("{NEW} {number}")).await }
    })
    .await;
    assert_eq!(tally(&answers), one_of(24, "INVALID_TICKET"));
    let won = winner(&answers);
    let fresh = houses[0]
        .anon()
        .signed_in(&answers[won].at("/data/resetPassword"));
    for house in &houses {
        let again = by_ticket(&house.anon(), &ticket, "yet another horse battery").await;
        assert_eq!(again.code(), "INVALID_TICKET");
        assert_alive(&at(house, &fresh).me().await);
        assert_eq!(reason(&at(house, &ann).me().await), "SESSION_REVOKED");
        let password = format!("{NEW} {won}");
        house.anon().sign_in(ANN, &password).await.ok();
    }
}

async fn wish_for_a_username(houses: [TestApp; 3]) {
    let rules = json!({ "usernameRequired": true, "emailVerificationRequired": false });
    connection(&houses[0], rules).await;
    let door = doors(&houses);
    let wish = |number: usize, username: &'static str| {
        let (client, email) = (door(number), format!("user{number}@example.org"));
        async move { sign_up_with(&client, json!({ "email": email, "username": username })).await }
    };
    let answers = race(20, |number| wish(number, ["Neo", "neo"][number / 3 % 2])).await;
    assert_eq!(tally(&answers), one_of(20, "USERNAME_TAKEN"));
    for late in 20..23 {
        assert_eq!(wish(late, "NEO").await.code(), "USERNAME_TAKEN");
    }
    let users = user::Entity::find().count(houses[0].app.db.read()).await;
    assert_eq!(users.expect("a number"), 1);
}

async fn confirm_a_change(houses: [TestApp; 3]) {
    let ann = houses[0].user("ann").await;
    request(&ann, "new@example.org").await.ok();
    let ticket = houses[0].mail_to("new@example.org").await.ticket();
    let answers = race(24, |number| {
        let (client, ticket) = (at(&houses[number % 3], &ann), ticket.clone());
        async move { confirm(&client, &ticket).await }
    })
    .await;
    assert_eq!(tally(&answers), one_of(24, "INVALID_TICKET"));
    for house in &houses {
        let ann = at(house, &ann);
        assert_eq!(
            ann.me().await.ok().text("/data/me/email"),
            "new@example.org"
        );
        assert_eq!(confirm(&ann, &ticket).await.code(), "INVALID_TICKET");
    }
    assert_eq!(events(&houses[0], "email_changed").await.len(), 1);
}

/// Each of them with a ticket of their own.
async fn move_to_one_address(houses: [TestApp; 3]) {
    let mut people = Vec::new();
    for name in ["ann", "bob", "cid"] {
        let person = houses[0].user(name).await;
        request(&person, "new@example.org").await.ok();
        let ticket = houses[0].mail_to("new@example.org").await.ticket();
        people.push((person, ticket));
    }
    let answers = race(18, |number| {
        let (person, ticket) = people[number % 3].clone();
        let client = at(&houses[number / 3 % 3], &person);
        async move { confirm(&client, &ticket).await }
    })
    .await;
    assert_eq!(tally(&answers), one_of(18, "INVALID_TICKET"));
    let moved = winner(&answers) % 3;
    for (number, name) in ["ann", "bob", "cid"].into_iter().enumerate() {
        let name = if number == moved { "new" } else { name };
        for house in &houses {
            let me = at(house, &people[number].0).me().await.ok();
            assert_eq!(me.text("/data/me/email"), format!("{name}@example.org"));
        }
    }
}

/// Whichever comes first, nothing of the session is left.
async fn leave(houses: [TestApp; 3]) {
    const TOKEN: &str = "/data/refreshSession/refreshToken";
    houses[0].user("ann").await;
    for round in 0..6 {
        let ann = another_session(&houses[0], "ann").await;
        let answers = race(6, |number| {
            let client = at(&houses[number % 3], &ann);
            async move {
                if number == round {
                    client.run("sign_out", json!({})).await
                } else {
                    client.refresh(&client.refresh_token).await
                }
            }
        })
        .await;
        let ended = answers[round].at("/data/signOut/revokedSessions");
        assert_eq!(ended, 1, "{}", answers[round].body);
        let codes = ["", "INVALID_REFRESH_TOKEN"];
        let tally = tally(&answers);
        assert!(
            tally.keys().all(|code| codes.contains(&code.as_str())),
            "{tally:?}"
        );
        let refreshed = answers
            .iter()
            .filter(|answer| answer.at(TOKEN).is_string())
            .map(|answer| ann.clone().signed_in(&answer.at("/data/refreshSession")));
        for session in refreshed.chain([ann.clone()]) {
            for house in &houses {
                let session = at(house, &session);
                assert_eq!(reason(&session.me().await), "SESSION_REVOKED");
                let answer = session.refresh(&session.refresh_token).await;
                assert_eq!(answer.code(), "INVALID_REFRESH_TOKEN");
            }
        }
    }
}

/// Several fingers, which do not agree.
async fn pick(houses: [TestApp; 3]) {
    let pending = Pending::of(&houses[0], ANN).await;
    let choices = handoff::choices(&houses[0], &pending.ticket).await;
    let door = doors(&houses);
    let answers = race(18, |number| {
        let (client, ticket) = (door(number), pending.ticket.clone());
        let choice = choices[number / 3 % 3];
        async move { handoff::pick(&client, &ticket, choice).await }
    })
    .await;
    let codes = ["", "INVALID_TICKET"];
    let tally = tally(&answers);
    assert!(
        tally.keys().all(|code| codes.contains(&code.as_str())),
        "{tally:?}"
    );
    let approved = events(&houses[0], "handoff_approved").await.len();
    let refused = events(&houses[0], "handoff_refused").await.len();
    assert_eq!(approved + refused, 1);
    let after = ["INVALID_TICKET", ""][approved];
    for house in &houses {
        let again = handoff::pick(&house.anon(), &pending.ticket, pending.number).await;
        assert_eq!(again.code_or_ok(), after);
    }
    let mut waited = Vec::new();
    for house in &houses {
        let answer = handoff::wait(&house.anon(), &pending.handle).await.ok();
        waited.push(handoff::kind(&answer));
    }
    let first = ["PendingVerification", "Session"][approved];
    assert_eq!(
        waited,
        [first, "PendingVerification", "PendingVerification"]
    );
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
    a_ticket_resets_the_password_once: reset,
    a_username_is_one_persons: wish_for_a_username,
    a_change_of_address_is_confirmed_once: confirm_a_change,
    one_of_several_who_move_to_an_address_gets_it: move_to_one_address,
    who_signs_out_is_out_whatever_refreshes_beside_it: leave,
    of_many_picks_one_counts: pick,
}
