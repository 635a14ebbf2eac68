//! Whether the time of an answer tells if an address is known: 200 timings of each kind, in random order, on one
//! connection. The area under the curve is the chance that a known address takes longer than an unknown one: 0.5 tells
//! nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::Connection;
use super::house::House;
use super::plan::Limits;
use super::visitor::PASSWORD;

const TIMINGS: usize = 200;
/// Between two requests, so that the mail of one does not slow the next down.
const PAUSE: Duration = Duration::from_millis(8);
const KNOWN: &str = "known@example.org";
const ASKER: &str = "asker@example.org";
const UNKNOWN: &str = "unknown@example.org";

/// One operation: what is sent for a known address, and for an unknown one.
struct Pair {
    name: &'static str,
    known: String,
    unknown: String,
    headers: String,
}

pub struct Likeness {
    pub name: &'static str,
    pub area: f64,
    pub known: Duration,
    pub unknown: Duration,
}

pub async fn on(database: &str, folder: &Path) -> Vec<Likeness> {
    // It asks the same again and again: limits would answer.
    let house = House::start(database, folder, Limits::Off).await;
    let mut connection = Connection::open(house.address).await.expect("a connection");
    house.require_verification(false).await;
    sign_up(&mut connection, KNOWN).await;
    let asker = sign_up(&mut connection, ASKER).await;
    house.require_verification(true).await;
    let bearer = format!(
        "authorization: Bearer {}\r\n",
        asker["accessToken"].as_str().unwrap_or_default()
    );
    let handle = |answer: Value| {
        answer["verificationId"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let known_handle = handle(sign_up(&mut connection, KNOWN).await);
    let unknown_handle = handle(sign_up(&mut connection, UNKNOWN).await);
    let pair =
        |name, input: fn(&str) -> Value, (known, unknown): (&str, &str), headers: &str| Pair {
            name,
            known: document(name, input(known)),
            unknown: document(name, input(unknown)),
            headers: headers.to_owned(),
        };
    let addresses = (KNOWN, UNKNOWN);
    let pairs = [
        pair(
            "signUp",
            |email| json!({ "email": email, "password": PASSWORD }),
            addresses,
            "",
        ),
        pair(
            "signIn",
            |email| json!({ "login": email, "password": "not the password" }),
            addresses,
            "",
        ),
        pair(
            "resendVerification",
            |id| json!({ "verificationId": id }),
            (&known_handle, &unknown_handle),
            "",
        ),
        pair(
            "requestPasswordReset",
            |email| json!({ "email": email }),
            addresses,
            "",
        ),
        pair(
            "requestEmailChange",
            |email| json!({ "newEmail": email, "currentPassword": PASSWORD }),
            addresses,
            &bearer,
        ),
    ];
    let mut found = Vec::new();
    for pair in pairs {
        found.push(measure(&mut connection, &pair).await);
    }
    found
}

async fn measure(connection: &mut Connection, pair: &Pair) -> Likeness {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    let mut dice: u64 = 0x9e37_79b9_7f4a_7c15;
    while known.len() < TIMINGS || unknown.len() < TIMINGS {
        // A linear congruential generator shuffles well enough for an order that nobody attacks.
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let first = if unknown.len() == TIMINGS {
            true
        } else {
            known.len() < TIMINGS && dice >> 63 == 1
        };
        let body = if first { &pair.known } else { &pair.unknown };
        let begun = Instant::now();
        connection
            .post(&pair.headers, body)
            .await
            .expect("an answer");
        let taken = begun.elapsed();
        if first {
            known.push(taken)
        } else {
            unknown.push(taken)
        }
        tokio::time::sleep(PAUSE).await;
    }
    let longer = |a: &Duration, b: &Duration| {
        if a > b {
            1.0
        } else if a == b {
            0.5
        } else {
            0.0
        }
    };
    let pairs: f64 = known
        .iter()
        .map(|a| unknown.iter().map(|b| longer(a, b)).sum::<f64>())
        .sum();
    known.sort();
    unknown.sort();
    Likeness {
        name: pair.name,
        area: pairs / (TIMINGS * TIMINGS) as f64,
        known: known[TIMINGS / 2],
        unknown: unknown[TIMINGS / 2],
    }
}

async fn sign_up(connection: &mut Connection, email: &str) -> Value {
    let body = document("signUp", json!({ "email": email, "password": PASSWORD }));
    let answer = connection
        .post("", &body)
        .await
        .expect("an answer to a sign-up");
    let mut answer: Value = serde_json::from_str(&answer.body).expect("JSON");
    answer["data"]["signUp"].take()
}

fn document(mutation: &str, input: Value) -> String {
    let input_type = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
    let query = format!(
        "mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ __typename \
         ... on Session {{ accessToken }} ... on PendingVerification {{ verificationId }} }} }}"
    );
    json!({ "query": query, "variables": { "input": input } }).to_string()
}
