//! Wrong passwords of one network, at two instances. Those that an instance has in hand are its own knowledge until they were
//! wrong (ADR 29): what `docs/several-instances.md` says of the others is the most that comes of it.

use crate::harness::{Answer, Backend, Client, TestApp, race};
use crate::support::{LIMITED, PATIENT};

const LIMIT: usize = 6;

/// One password after the other at each, so that those who come at once are in hand at once.
const SETTINGS: &[(&str, &str)] = &[
    ("VESTIBULE_FAILURES_PER_NETWORK", "6"),
    ("VESTIBULE_PASSWORD_WORKERS", "1"),
    ("VESTIBULE_PASSWORD_PASSES", "16"),
];

async fn two(backend: Backend) -> [TestApp; 2] {
    let settings = [LIMITED, PATIENT, SETTINGS].concat();
    let first = TestApp::with(backend, &settings).await;
    let second = first.second_instance_with(&settings).await;
    [first, second]
}

/// At an account that nobody else guesses at.
async fn guess(client: Client, number: usize) -> Answer {
    let client = client.calling_from(&format!("2001:db8:1:1::{number:x}"));
    let login = format!("nobody{number}@example.org");
    client.sign_in(&login, "wrong").await
}

/// Whether the password was looked at; otherwise it was the limit.
fn was_looked_at(answer: &Answer) -> bool {
    match answer.code().as_str() {
        "INVALID_CREDENTIALS" => true,
        "RATE_LIMITED" => false,
        code => panic!("{code}"),
    }
}

/// Guesses at this instance until the limit is reached, and says how often.
async fn exhaust(house: &TestApp, first: usize) -> usize {
    for number in 0..=LIMIT {
        let answer = guess(house.anon(), first + number).await;
        if !was_looked_at(&answer) {
            assert_eq!(answer.at("/errors/0/extensions/retryAfter"), 3_600);
            return number;
        }
    }
    panic!("nothing limits the network");
}

on_both_databases! {
    async fn one_after_the_other_two_instances_look_at_no_more_than_one(backend: Backend) {
        let houses = two(backend).await;
        for number in 0..LIMIT {
            assert!(was_looked_at(&guess(houses[number % 2].anon(), number).await), "{number}");
        }
        for house in &houses {
            assert_eq!(exhaust(house, 100).await, 0);
        }
    }

    async fn of_those_at_once_each_instance_looks_at_no_more_than_the_limit(backend: Backend) {
        let houses = two(backend).await;
        let answers = race(40, |number| guess(houses[number % 2].anon(), number)).await;
        let mut looked_at = [0; 2];
        for (number, answer) in answers.iter().enumerate() {
            looked_at[number % 2] += usize::from(was_looked_at(answer));
        }
        // What was left, though the crowd was in each other's way.
        for (number, house) in houses.iter().enumerate() {
            looked_at[number] += exhaust(house, 100).await;
        }
        assert!(looked_at.iter().all(|looked_at| *looked_at <= LIMIT), "{looked_at:?}");
        // The first one of the network was looked at by somebody, and nothing was given away.
        assert!(looked_at.iter().sum::<usize>() >= LIMIT, "{looked_at:?}");
        for house in &houses {
            assert_eq!(exhaust(house, 200).await, 0);
        }
    }
}
