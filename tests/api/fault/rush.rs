//! More people sign in at once than the machine can hash, while limits count: each is heard, or told in time when to come
//! back; memory keeps its bound, and who is signed in goes on. Nobody waits before asking again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::as_many_as;
use super::{is_full, is_what_is_shipped, rounds};
use crate::harness::program::Program;
use crate::harness::{ADMIN_SECRET, Database, MASTER_KEY, PASSWORD, wire};

/// Limits count, and nobody reaches that of the one network that all are of.
const COUNTED: [(&str, &str); 4] = [
    ("VESTIBULE_RATE_LIMITS", "on"),
    ("VESTIBULE_FAILURES_PER_NETWORK", "1000000"),
    ("VESTIBULE_ADMIN_SECRET", ADMIN_SECRET),
    ("VESTIBULE_MASTER_KEY", MASTER_KEY),
];
/// A short form has a queue that is full at once, whatever the machine, and bears a crowded one.
const SHORT: [(&str, &str); 5] = [
    ("VESTIBULE_PASSWORD_WORKERS", "1"),
    ("VESTIBULE_PASSWORD_PASSES", "8"),
    ("VESTIBULE_PASSWORD_QUEUE", "5"),
    ("VESTIBULE_DATABASE_TIMEOUT", "60000"),
    ("VESTIBULE_REQUEST_TIMEOUT", "120000"),
];
/// No core hashes so many passwords in the second and a half that somebody waits for a turn.
const TOO_MANY: usize = 250;
/// Guesses at one account at once that are taken without a wait, whatever becomes of them.
const GUESSES: usize = 4;
/// KiB that one hash takes by default, and what else may be held.
pub const HASH: u64 = 19 * 1024;
pub const REST: u64 = 64 * 1024;
/// 99 of 100 looks at an account take no longer beside a rush: where the machine runs what is shipped, and where it runs what was
/// built for tests.
const LOOK: [Duration; 2] = [Duration::from_millis(15), Duration::from_millis(200)];
const PAUSE: Duration = Duration::from_millis(20);
/// What is refused is refused with 503.
const ACCEPT: (&str, &str) = ("accept", "application/graphql-response+json");

/// By then whoever is refused knows.
fn soon() -> Duration {
    Duration::from_secs(if is_full() { 2 } else { 60 })
}

/// What is answered, which must not be an error.
pub async fn ask(
    address: SocketAddr,
    query: &str,
    input: Value,
    headers: &[(&str, &str)],
) -> Value {
    let answer = wire::run(address, query, json!({ "input": input }), headers).await;
    let body = answer.json();
    assert!(body["errors"].is_null(), "{query}: {body}");
    body["data"].clone()
}

/// So many accounts that sign in, and the access token of one more, which does not.
async fn settle(address: SocketAddr, many: usize) -> (Vec<String>, String) {
    let admin = [("x-vestibule-admin-secret", ADMIN_SECRET)];
    let unverified = json!({ "name": "default", "emailVerificationRequired": false });
    ask(address, "admin_update_connection", unverified, &admin).await;
    let (mut logins, mut access) = (Vec::new(), String::new());
    for number in 0..=many {
        let login = format!("person{number}@example.org");
        let input = json!({ "email": login, "password": PASSWORD });
        let opened = ask(address, "sign_up", input, &[]).await;
        let token = opened["signUp"]["accessToken"].as_str();
        access = token.expect("a session").to_owned();
        logins.push(login);
    }
    logins.truncate(many);
    (logins, access)
}

/// What somebody came to see who asked again and again.
#[derive(Default)]
struct Seen {
    heard: Vec<Duration>,
    refused: Vec<Duration>,
}

/// Signs in, and again at once after every answer, until then.
async fn sign_in_until(end: Instant, address: SocketAddr, login: String) -> Seen {
    let input = json!({ "input": { "login": login, "password": PASSWORD } });
    let request = wire::post_and_keep(&wire::document("sign_in", input), &[ACCEPT]);
    let (mut kept, mut seen) = (wire::Kept::default(), Seen::default());
    while Instant::now() < end {
        let asked = Instant::now();
        let octets = kept.exchange(address, &request).await;
        let answer = wire::Wire::of(&octets.expect("a connection"));
        let took = asked.elapsed();
        let body = answer.json();
        match answer.status {
            200 => {
                assert_eq!(body["data"]["signIn"]["__typename"], "Session", "{body}");
                seen.heard.push(took);
            }
            503 => {
                assert_eq!(body["errors"][0]["extensions"]["code"], "OVERLOADED");
                assert!(answer.head.contains("\r\nretry-after: "), "{}", answer.head);
                seen.refused.push(took);
            }
            status => panic!("{status}: {body}"),
        }
    }
    seen
}

/// Looks at an account now and then, until then; answers how long each look took, the quickest first.
async fn look_until(end: Instant, address: SocketAddr, access: &str) -> Vec<Duration> {
    let bearer = format!("Bearer {access}");
    let headers = [ACCEPT, ("authorization", bearer.as_str())];
    let request = wire::post_and_keep(&wire::document("me", json!({})), &headers);
    let (mut kept, mut took) = (wire::Kept::default(), Vec::new());
    while Instant::now() < end {
        let asked = Instant::now();
        let octets = kept.exchange(address, &request).await;
        let answer = wire::Wire::of(&octets.expect("a connection"));
        took.push(asked.elapsed());
        let body = answer.json();
        assert!(body["data"]["me"]["id"].is_string(), "{body}");
        tokio::time::sleep(PAUSE).await;
    }
    took.sort_unstable();
    took
}

/// So many sign in at once; says what came of it. Where they are too many for any machine, some must be refused.
async fn rush(
    program: &Program,
    logins: &[String],
    access: &str,
    (many, is_too_many): (usize, bool),
) -> String {
    let (address, many) = (program.address, as_many_as(many));
    let end = Instant::now() + Duration::from_secs(rounds(1, 10) as u64);
    let people = logins.iter().cycle().take(many);
    let signing_in: Vec<_> = people
        .map(|login| tokio::spawn(sign_in_until(end, address, login.clone())))
        .collect();
    let looks = look_until(end, address, access).await;
    let mut all = Seen::default();
    for one in signing_in {
        let seen = one.await.expect("somebody who is well or told why not");
        all.heard.extend(seen.heard);
        all.refused.extend(seen.refused);
    }
    assert!(!all.heard.is_empty(), "nobody was heard");
    let longest = all.refused.iter().max().copied().unwrap_or_default();
    assert!(longest < soon(), "{longest:?} for a refusal");
    // A quick machine hears a small rush in time, and has no excess to refuse.
    let waited = all.heard.iter().max().copied().unwrap_or_default();
    let is_refused = !all.refused.is_empty();
    assert!(
        is_refused || (!is_too_many && waited < soon()),
        "nobody was refused, and {waited:?} waited"
    );
    let most = looks.get(looks.len() * 99 / 100).copied();
    let most = most.expect("somebody looked");
    if is_full() {
        let allowed = LOOK[usize::from(!is_what_is_shipped())];
        assert!(most < allowed, "{most:?} for a look");
    }
    format!(
        "{many} at once: {} heard within {waited:?}, {} refused within {longest:?}; 99 of 100 looks within {most:?}",
        all.heard.len(),
        all.refused.len()
    )
}

on_both_databases! {
    async fn whoever_rushes_in_is_heard_or_told_in_time_and_memory_keeps_its_bound(backend: Backend) {
        let database = Database::empty(backend).await;
        let url = database.url();
        let mut settings = vec![("VESTIBULE_DATABASE_URL", url.as_str()), ("VESTIBULE_LOG", "error")];
        settings.extend(COUNTED);
        if !is_full() {
            settings.extend(SHORT);
        }
        let program = Program::serve(&settings).await;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (rushes, workers) = if is_full() {
            (vec![(200, false), (500.max(TOO_MANY * cores), true)], cores)
        } else {
            (vec![(40, true)], 1)
        };
        // No worker has its block of memory yet.
        let idle = program.memory();
        let most = rushes.iter().map(|(many, _)| many).max().expect("a rush");
        let (logins, access) = settle(program.address, most.div_ceil(GUESSES)).await;
        let bound = idle + workers as u64 * HASH + REST;
        for rushing in rushes {
            let came = rush(&program, &logins, &access, rushing).await;
            let peak = program.peak();
            println!("{backend:?}: {came}; {idle} KiB idle, {peak} at most, {bound} allowed");
            assert!(peak <= bound, "{peak} KiB of {bound}");
        }
    }
}
