//! Sign-ins at the same time share statements and a transaction, and nothing else.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use entity::{application, attempt_counter, session, user};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Value, json};
use vestibule::hasher::Turn;
use vestibule::secret::Secret;

use super::steps::{NEW, change};
use super::turn::ONE_AT_A_TIME;
use crate::admin::realm::{application, set_member, tenant};
use crate::harness::{Answer, Backend, PASSWORD, TestApp, race};
use crate::support::{LIMITED, PATIENT, disable, events, hashes, jwt_part, metric};

const PEOPLE: usize = 10;
/// More than are written together at once.
const CROWD: usize = 120;

fn email(number: usize) -> String {
    format!("person{number}@example.org")
}

/// Of a session that was opened.
fn id(answer: &Answer) -> String {
    answer.text("/data/signIn/sessionId")
}

on_both_databases! {
    async fn in_a_crowd_everybody_signs_in_as_themselves_or_not_at_all(backend: Backend) {
        let settings = [PATIENT, LIMITED, &[("VESTIBULE_FAILURES_PER_NETWORK", "1000"), ("VESTIBULE_SIGN_UPS_PER_NETWORK", "1000")]].concat();
        let test = TestApp::with(backend, &settings).await;
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            people.push(test.user(&format!("person{number}")).await);
        }
        disable(&test, &email(0)).await;
        let theirs = tenant(&test, "Theirs").await;
        set_member(&test, &theirs, &people[4].user_id, &["owner"]).await.ok();
        change(&people[1], PASSWORD, NEW).await.ok();
        let before = events(&test, "signed_in").await.len();
        // One of them mistypes, one has left, one has another password by now; of a tenth one's, most come at once, from everywhere.
        let answers = race(CROWD, |number| {
            let address = format!("203.0.113.{number}");
            let client = test.anon().calling_from(&address).header("user-agent", &format!("device {number}"));
            async move {
                let person = if number < CROWD / 2 { number % PEOPLE } else { 9 };
                let password = if person == 2 && number >= 10 { "not the password" } else { PASSWORD };
                (person, number, client.sign_in(&email(person), password).await)
            }
        })
        .await;
        let mut opened = HashSet::new();
        for (person, number, answer) in &answers {
            match person {
                0 => assert!(["ACCOUNT_DISABLED", "RATE_LIMITED"].contains(&&*answer.code()), "{}", answer.body),
                1 => assert!(["INVALID_CREDENTIALS", "RATE_LIMITED"].contains(&&*answer.code()), "{}", answer.body),
                2 if *number >= 10 => assert!(["INVALID_CREDENTIALS", "RATE_LIMITED"].contains(&&*answer.code()), "{}", answer.body),
                _ => {
                    // Of one account at once, so many guesses are looked at as one after the other.
                    if answer.code_or_ok() == "RATE_LIMITED" {
                        continue;
                    }
                    assert_eq!(answer.text("/data/signIn/user/email"), email(*person));
                    let claims = jwt_part(&answer.text("/data/signIn/accessToken"), 1);
                    let of_tenants = if *person == 4 { json!({ &theirs: { "roles": ["owner"] } }) } else { Value::Null };
                    assert_eq!(claims["tenants"], of_tenants);
                    let bearer = test.anon().signed_in(&answer.at("/data/signIn"));
                    assert_eq!(bearer.me().await.ok().text("/data/me/email"), email(*person));
                    let next = bearer.refresh(&bearer.refresh_token).await.ok();
                    assert_eq!(next.text("/data/refreshSession/sessionId"), id(answer));
                    opened.insert((id(answer), *number));
                }
            }
        }
        assert!(opened.len() > PEOPLE, "{}", opened.len());
        let told = events(&test, "signed_in").await;
        assert_eq!(told.len(), before + opened.len());
        for (session, number) in &opened {
            let event = told.iter().find(|event| event.session_id.is_some_and(|id| id.to_string() == *session));
            let event = event.expect("an event of each");
            assert_eq!(event.ip_address, Some(format!("203.0.113.{number}")));
            assert_eq!(event.user_agent, Some(format!("device {number}")));
            let row = session::Entity::find_by_id(event.session_id.expect("a session"));
            let row = row.one(test.app.db.read()).await.expect("a row").expect("a session");
            assert_eq!((row.user_agent, Some(row.user_id)), (event.user_agent.clone(), event.user_id));
        }
        // Who was right has no wrong guesses left; nobody else's right password took them away.
        let counters = attempt_counter::Entity::find().all(test.app.db.read()).await.expect("counters");
        let keys = Vec::from_iter(counters.iter().map(|counter| counter.key.as_str()));
        let of = |person: usize| format!("sign-in of {}", people[person].user_id);
        for person in 3..9 {
            assert!(!keys.contains(&&*of(person)), "{person}");
        }
        assert!(keys.contains(&&*of(1)));
    }

    async fn in_a_crowd_everybody_finds_their_own_application_and_connection(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        let mutation = "mutation($i: AdminCreateConnectionInput!) { adminCreateConnection(input: $i) { name } }";
        for name in ["staff", "closed"] {
            let input = json!({ "name": name, "usernameRequired": true, "emailVerificationRequired": false });
            test.admin().query(mutation, json!({ "i": input })).await.ok();
        }
        let mutation = "mutation($i: AdminCreateApplicationInput!) { adminCreateApplication(input: $i) { clientId } }";
        let input = json!({ "clientId": "backstage", "name": "Backstage", "connections": ["staff", "closed"] });
        test.admin().query(mutation, json!({ "i": input })).await.ok();
        let sign_up = "mutation($i: SignUpInput!) { signUp(input: $i) { __typename } }";
        test.user("ann").await;
        for name in ["staff", "closed"] {
            let input = json!({ "clientId": "backstage", "connection": name, "email": "ann@example.org", "username": "ann", "password": NEW });
            test.anon().query(sign_up, json!({ "i": input })).await.ok();
        }
        let mutation = "mutation($i: AdminUpdateConnectionInput!) { adminUpdateConnection(input: $i) { name } }";
        test.admin().query(mutation, json!({ "i": { "name": "closed", "disabled": true } })).await.ok();
        let sign_in = "mutation($i: SignInInput!) { signIn(input: $i) { ... on Session { user { email username } accessToken } } }";
        let unknown = |field: &str| Err(vec![format!("{field}:unknown")]);
        let cases = [
            (json!({ "login": "ann@example.org", "password": PASSWORD }), Ok("default")),
            (json!({ "login": "ann@example.org", "password": NEW, "clientId": "backstage" }), Ok("backstage")),
            (json!({ "login": "ann", "password": NEW, "clientId": "backstage", "connection": "staff" }), Ok("backstage")),
            (json!({ "login": "ann", "password": NEW, "clientId": "backstage", "connection": "closed" }), unknown("connection")),
            (json!({ "login": "ann", "password": NEW, "connection": "staff" }), unknown("connection")),
            (json!({ "login": "ann", "password": NEW, "clientId": "nobody" }), unknown("clientId")),
            (json!({ "login": "ann", "password": PASSWORD, "clientId": "backstage" }), Err(vec![])),
            (json!({ "login": "", "password": PASSWORD }), Err(vec![])),
        ];
        let all = cases.clone();
        let answers = race(6 * cases.len(), |number| {
            let (client, (input, _)) = (test.anon(), all[number % all.len()].clone());
            async move { client.query(sign_in, json!({ "i": input })).await }
        })
        .await;
        for (number, answer) in answers.into_iter().enumerate() {
            match &cases[number % cases.len()].1 {
                Ok(client_id) => {
                    let token = answer.ok().text("/data/signIn/accessToken");
                    assert_eq!(jwt_part(&token, 1)["aud"], *client_id);
                }
                Err(issues) if issues.is_empty() => assert_eq!(answer.code(), "INVALID_CREDENTIALS"),
                Err(issues) => assert_eq!(answer.issues(), *issues),
            }
        }
    }

    async fn sign_ins_that_are_told_together_are_written_together(backend: Backend) {
        const MANY: usize = 32;
        let settings = [PATIENT, &[ONE_AT_A_TIME]].concat();
        let test = TestApp::with(backend, &settings).await;
        for number in 0..MANY {
            test.user(&format!("person{number}")).await;
        }
        let transactions = async || {
            let metrics = test.anon().get("/metrics").await.body;
            metric(metrics.as_str().expect("a text"), "database_begin_seconds_count")
        };
        // Where the machine is busy with something else, a hash takes so long that two or three are told together, or each alone.
        for _ in 0..60 {
            let before = transactions().await;
            let answers = race(MANY, |number| {
                let client = test.anon();
                async move { client.sign_in(&email(number), PASSWORD).await }
            })
            .await;
            for answer in answers {
                answer.ok();
            }
            let many = transactions().await - before;
            assert!(many > 0);
            println!("{many} transactions for {MANY} sign-ins");
            if many <= MANY / 2 {
                return;
            }
        }
        panic!("few of them together");
    }
}

/// Where they are held, a crowd would wait with all its own rows held; and so would the next ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_somebody_holds_keep_nobody_else_waiting_on_postgres() {
    const MANY: usize = 16;
    let settings = [PATIENT, &[ONE_AT_A_TIME]].concat();
    let test = TestApp::with(Backend::Postgres, &settings).await;
    application(&test, "backstage", json!({})).await;
    for number in 0..MANY {
        test.user(&format!("person{number}")).await;
    }
    for _ in 0..5 {
        let held = test.app.db.begin().await.expect("a transaction");
        let user = user::Entity::find().filter(user::Column::EmailKey.eq(email(0)));
        let user = user.lock(LockType::Update).all(&held).await;
        assert_eq!(user.expect("a user").len(), 1);
        let backstage = application::Entity::find();
        let backstage = backstage.filter(application::Column::ClientId.eq("backstage"));
        let backstage = backstage.lock(LockType::Update).all(&held).await;
        assert_eq!(backstage.expect("an application").len(), 1);
        let (done, mut others) = tokio::sync::mpsc::unbounded_channel();
        let test = &test;
        let all = race(MANY, |number| {
            let (client, done) = (test.anon(), done.clone());
            let client = match number {
                1 => client.header("x-client-id", "backstage"),
                _ => client,
            };
            async move {
                let answer = client.sign_in(&email(number), PASSWORD).await;
                done.send(number).expect("somebody listens");
                answer
            }
        });
        let released = async {
            let mut came = HashSet::new();
            while came.len() < MANY - 2 {
                let next = tokio::time::timeout(Duration::from_secs(30), others.recv()).await;
                came.insert(next.expect("nobody waits for others").expect("a number"));
            }
            assert!(!came.contains(&0) && !came.contains(&1), "{came:?}");
            held.rollback().await.expect("the end");
        };
        let (answers, ()) = tokio::join!(all, released);
        for (number, answer) in answers.into_iter().enumerate() {
            let token = answer.ok().text("/data/signIn/accessToken");
            let expected = if number == 1 { "backstage" } else { "default" };
            assert_eq!(jwt_part(&token, 1)["aud"], expected);
        }
    }
}

/// The worker keeps an answer while others wait, and those leave.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_would_be_told_with_others_is_told_though_those_leave() {
    let settings = [PATIENT, &[ONE_AT_A_TIME]].concat();
    let test = TestApp::with(Backend::Sqlite, &settings).await;
    let ask = || {
        let hasher = test.app.hasher.clone();
        tokio::spawn(async move {
            let (turn, password) = (Turn::default(), Secret::new(PASSWORD));
            hasher.hash(&turn, &password).await
        })
    };
    for _ in 0..20 {
        let before = hashes(&test).await;
        let first = ask();
        while test.app.hasher.running() == 0 && !first.is_finished() {
            tokio::task::yield_now().await;
        }
        let others = Vec::from_iter((0..12).map(|_| ask()));
        while hashes(&test).await == before {
            tokio::task::yield_now().await;
        }
        others.iter().for_each(tokio::task::JoinHandle::abort);
        let told = tokio::time::timeout(Duration::from_secs(30), first).await;
        told.expect("in time").expect("an answer").expect("a hash");
    }
}

/// Those who are let in and on their way to the line count as if they stood there, and are not waited for in vain.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_kept_for_those_who_are_on_their_way_but_not_for_long() {
    const COMING: usize = 5;
    let settings = [PATIENT, &[ONE_AT_A_TIME]].concat();
    let test = TestApp::with(Backend::Sqlite, &settings).await;
    let (hasher, password) = (&test.app.hasher, Secret::new(PASSWORD));
    let turns: [Turn; COMING] = std::array::from_fn(|_| Turn::default());
    let keep_places = || {
        let places = turns.each_ref().map(|turn| hasher.keep_place(turn));
        places.map(|place| place.expect("room"))
    };
    // Where the machine is busy with something else, a hash takes so long that each is told alone.
    let (mut together, mut least) = (false, Duration::MAX);
    for _ in 0..60 {
        let alone = Turn::default();
        let places = keep_places();
        // One of them comes at once, and the others not at all.
        let both = async {
            tokio::join!(
                hasher.verify(&alone, &password, None),
                hasher.verify(&turns[0], &password, None)
            )
        };
        let told = tokio::time::timeout(Duration::from_secs(30), both).await;
        let (first, second) = told.expect("in time");
        let company = [first, second].map(|one| one.expect("an answer").company.arrive());
        together |= company.iter().all(Option::is_some);
        drop(places);
        let places = keep_places();
        let asked = Instant::now();
        let told = hasher.verify(&alone, &password, None);
        let told = tokio::time::timeout(Duration::from_secs(30), told).await;
        told.expect("in time").expect("an answer");
        least = least.min(asked.elapsed());
        drop(places);
        if together && least < Duration::from_secs(1) {
            return;
        }
    }
    panic!("together: {together}; {least:?} for an answer that nobody came for");
}
