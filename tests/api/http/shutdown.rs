//! The real program is told to stop while people sign in.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::harness::program::{Program, free_address};
use crate::harness::{PASSWORD, by_ticket, wire};
use crate::smtp::server::{MailServer, Manner, Seal};
use crate::support::metric;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_under_way_are_answered_and_the_program_ends_in_peace() {
    let settings = [
        ("VESTIBULE_PASSWORD_PASSES", "16"),
        ("VESTIBULE_PASSWORD_WAIT", "60000"),
        // A dozen guesses at one account at once are more than are looked at.
        ("VESTIBULE_RATE_LIMITS", "off"),
    ];
    let mut program = Program::serve(&settings).await;
    let address = program.address;
    let input = json!({ "input": { "email": "ann@example.org", "password": PASSWORD } });
    let pending = wire::run(address, "sign_up", input, &[]).await.json();
    assert_eq!(
        pending["data"]["signUp"]["__typename"], "PendingVerification",
        "{pending}"
    );
    let ticket = ticket(&program).await;
    let session = wire::run(address, "verify_email", by_ticket(&ticket), &[])
        .await
        .json();
    assert_eq!(
        session["data"]["verifyEmail"]["__typename"], "Session",
        "{session}"
    );

    let input = json!({ "input": { "login": "ann@example.org", "password": PASSWORD } });
    let request = wire::post(&wire::document("sign_in", input), &[]);
    let mut under_way = Vec::new();
    for _ in 0..12 {
        let mut stream = wire::connect(address).await;
        stream.write_all(&request).await.expect("a request");
        under_way.push(stream);
    }
    // All of them have been taken, and the sign-up before them.
    let end = Instant::now() + Duration::from_secs(60);
    while passwords(&program).await < 13 {
        assert!(Instant::now() < end, "not all are under way");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    program.terminate();
    for mut stream in under_way {
        let answer = wire::Wire::of(&wire::read_to_end(&mut stream).await);
        assert_eq!(
            answer.json()["data"]["signIn"]["__typename"],
            "Session",
            "{}",
            answer.body
        );
    }
    let status = program.ended().await;
    assert_eq!(status.code(), Some(0), "{}", program.output());
    assert!(
        tokio::net::TcpStream::connect(address).await.is_err(),
        "nobody listens"
    );

    let database = format!("sqlite://{}/vestibule.db", program.folder.path().display());
    let db = sea_orm::Database::connect(database)
        .await
        .expect("the file");
    use sea_orm::ConnectionTrait;
    let count = sea_orm::Statement::from_string(
        db.get_database_backend(),
        "SELECT count(*) AS many FROM sessions",
    );
    let row = db
        .query_one_raw(count)
        .await
        .expect("a count")
        .expect("a row");
    assert_eq!(
        row.try_get::<i64>("", "many").unwrap(),
        13,
        "every acknowledged session is there"
    );
}

/// How many have been hashed, are being hashed, or wait for that.
async fn passwords(program: &Program) -> usize {
    let metrics = wire::get(program.address, "/metrics", &[]).await.body;
    let names = [
        "password_hash_seconds_count",
        "passwords_running",
        "passwords_waiting",
    ];
    names.iter().map(|name| metric(&metrics, name)).sum()
}

async fn ticket(program: &Program) -> String {
    for _ in 0..200 {
        let accept = [("accept", "application/json")];
        let mails = wire::get(program.address, "/dev/inbox", &accept)
            .await
            .json();
        if let Some(ticket) = mails[0]["ticket"].as_str() {
            return ticket.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no mail: {}", program.output());
}

/// A house with a mail in hand that its mail server does not take.
async fn with_a_mail_in_hand(mail: &MailServer, scheme: &str, shutdown: &str) -> Program {
    let url = format!("{scheme}://localhost:{}", mail.address.port());
    let program = Program::serve(&[
        ("VESTIBULE_SMTP_URL", url.as_str()),
        ("VESTIBULE_SMTP_TIMEOUT", "60000"),
        ("VESTIBULE_SHUTDOWN_TIMEOUT", shutdown),
    ])
    .await;
    let input = json!({ "input": { "email": "ann@example.org", "password": PASSWORD } });
    let pending = wire::run(program.address, "sign_up", input, &[]).await;
    assert_eq!(pending.status, 200, "{}", pending.body);
    for _ in 0..600 {
        if mail.connections() > 0 {
            return program;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no mail is on its way: {}", program.output());
}

/// In plain text it is the greeting that never comes, under TLS the handshake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_says_nothing_holds_up_no_end() {
    for (seal, scheme) in [(Seal::Plain, "smtp"), (Seal::Implicit, "smtps")] {
        let mail = MailServer::start(seal, Manner::HangsAtOnce, "localhost").await;
        let mut program = with_a_mail_in_hand(&mail, scheme, "1000").await;
        program.terminate();
        assert_eq!(
            program.ended().await.code(),
            Some(0),
            "{}",
            program.output()
        );
        assert!(program.output().contains("mail is still under way"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_waits_for_no_mail() {
    let mail = MailServer::start(Seal::Plain, Manner::HangsAt("EHLO"), "localhost").await;
    let mut program = with_a_mail_in_hand(&mail, "smtp", "300000").await;
    program.terminate();
    for _ in 0..600 {
        if program.output().contains("requests under way are finished") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    program.terminate();
    assert_eq!(
        program.ended().await.code(),
        Some(0),
        "{}",
        program.output()
    );
}

/// A database that takes its time keeps the house from opening.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_before_the_house_is_open_ends_it_in_peace() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://user@{}/house", silent.local_addr().unwrap());
    let settings = [
        ("VESTIBULE_DATABASE_URL", url.as_str()),
        ("VESTIBULE_DATABASE_TIMEOUT", "60000"),
    ];
    let mut program = Program::start(free_address(), &settings);
    let knocked = tokio::time::timeout(Duration::from_secs(30), silent.accept()).await;
    let _held = knocked.expect("it asks its database").unwrap();
    program.terminate();
    assert_eq!(
        program.ended().await.code(),
        Some(0),
        "{}",
        program.output()
    );
}
