//! More sign-ins at once than the machine can hash: memory keeps its bound, the excess is told when to come back, and
//! nothing is done for who has left. How long all of it takes is measured by `cargo bench --bench house`, never asserted.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::harness::program::Program;
use crate::harness::{Backend, Database, MASTER_KEY, PASSWORD, race, wire};
use crate::support::metric;

/// What one hash takes by default, and what else may be held, in MiB.
const HASH: f64 = 19.0;
const REST: f64 = 64.0;

/// For one at a time: hundreds of connections are open in this process.
static ROOM: Semaphore = Semaphore::const_new(1);

/// A line of `/proc/<id>/status`, in MiB.
fn memory(id: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.expect("a number") / 1024.0
}

/// Passwords that have been hashed, that are being hashed, and that wait.
pub async fn passwords(program: &Program) -> [usize; 3] {
    let metrics = wire::get(program.address, "/metrics", &[]).await.body;
    let names = [
        "password_hash_seconds_count",
        "passwords_running",
        "passwords_waiting",
    ];
    names.map(|name| metric(&metrics, name))
}

fn sign_in() -> serde_json::Value {
    json!({ "input": { "login": "ann@example.org", "password": PASSWORD } })
}

/// A house whose memory is as large as it is when it has done everything once.
struct Warm {
    program: Program,
    /// What its memory may come to, in MiB.
    bound: f64,
    /// Goes after the program.
    _database: Database,
    _room: SemaphorePermit<'static>,
}

async fn warm(backend: Backend, settings: &[(&str, &str)]) -> Warm {
    let room = ROOM.acquire().await.expect("it is never closed");
    let database = Database::empty(backend).await;
    let url = database.url();
    let mut settings = settings.to_vec();
    settings.extend([
        ("VESTIBULE_DATABASE_URL", url.as_str()),
        ("VESTIBULE_MASTER_KEY", MASTER_KEY),
        ("VESTIBULE_RATE_LIMITS", "off"),
        ("VESTIBULE_LOG", "error"),
    ]);
    let program = Program::serve(&settings).await;
    let answer = wire::run(program.address, "sign_in", sign_in(), &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // One worker has its block of memory by now.
    let base = memory(program.id(), "VmRSS:") - HASH;
    Warm {
        program,
        bound: base + cores as f64 * HASH + REST,
        _database: database,
        _room: room,
    }
}

async fn wire_sign_in(address: std::net::SocketAddr) -> wire::Wire {
    let accept = [("accept", "application/graphql-response+json")];
    wire::run(address, "sign_in", sign_in(), &accept).await
}

on_both_databases! {
    async fn two_hundred_sign_ins_at_once_are_heard_or_told_when_to_come_back(backend: Backend) {
        // Long enough for a queue, whatever the machine.
        let slow = [
            ("VESTIBULE_PASSWORD_PASSES", "8"),
            ("VESTIBULE_PASSWORD_QUEUE", "20"),
        ];
        let house = warm(backend, &slow).await;
        let (program, bound) = (&house.program, house.bound);
        let address = program.address;
        let answers = race(200, |_| wire_sign_in(address)).await;
        let (mut heard, mut refused) = (0, 0);
        for answer in answers {
            match answer.status {
                200 => {
                    let code = &answer.json()["errors"][0]["extensions"]["code"];
                    assert_eq!(code, "INVALID_CREDENTIALS", "{}", answer.body);
                    heard += 1;
                }
                503 => {
                    assert!(answer.head.contains("retry-after: 2"), "{}", answer.head);
                    assert_eq!(
                        answer.json()["errors"][0]["extensions"]["code"],
                        "OVERLOADED"
                    );
                    refused += 1;
                }
                status => panic!("{status}: {}", answer.body),
            }
        }
        assert!(heard > 0 && refused > 0, "{heard} heard, {refused} refused");
        let peak = memory(program.id(), "VmHWM:");
        assert!(peak <= bound, "{peak:.1} MiB of {bound:.1}");
    }
}

/// Five hundred send a request, and these octets behind it, and leave.
async fn nothing_is_hashed_for_who_has_left(backend: Backend, behind_it: &[u8]) {
    const GONE: usize = 500;
    // The house hears of each that it has gone, while a few are hashed.
    const FEW: usize = 20;
    // All of them would be waited for, and hashed.
    let patient = [
        ("VESTIBULE_PASSWORD_PASSES", "8"),
        ("VESTIBULE_PASSWORD_QUEUE", "1000"),
        ("VESTIBULE_PASSWORD_WAIT", "60000"),
        ("VESTIBULE_DATABASE_TIMEOUT", "30000"),
        ("VESTIBULE_REQUEST_TIMEOUT", "120000"),
    ];
    let house = warm(backend, &patient).await;
    let (program, bound) = (&house.program, house.bound);
    let end = Instant::now() + Duration::from_secs(120);
    let before: usize = passwords(program).await.iter().sum();
    let mut request = wire::post(&wire::document("sign_in", sign_in()), &[]);
    request.extend_from_slice(behind_it);
    let mut leaving = Vec::new();
    for _ in 0..GONE {
        let mut stream = wire::connect(program.address).await;
        stream.write_all(&request).await.expect("a request");
        leaving.push(stream);
    }
    let [hashed, running, waiting] = loop {
        let now = passwords(program).await;
        if now.iter().sum::<usize>() >= before + GONE {
            break now;
        }
        assert!(Instant::now() < end, "{now:?} have come");
        // Each look is work for the house, too.
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(waiting > 2 * FEW, "{waiting} wait");
    drop(leaving);
    // Behind all of them, as far as they still wait.
    let answer = wire_sign_in(program.address).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let behind = loop {
        let [now, running, waiting] = passwords(program).await;
        if running + waiting == 0 {
            break now - hashed;
        }
        assert!(Instant::now() < end, "they go on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert!(
        behind <= running + FEW + 1,
        "{behind} of {waiting} behind {running}"
    );
    let peak = memory(program.id(), "VmHWM:");
    assert!(peak <= bound, "{peak:.1} MiB of {bound:.1}");
}

on_both_databases! {
    async fn nothing_is_hashed_for_five_hundred_who_have_left(backend: Backend) {
        nothing_is_hashed_for_who_has_left(backend, b"").await;
    }

    /// The server itself does not look for the end while it has octets that it did not use yet.
    async fn nothing_is_hashed_for_five_hundred_who_have_said_too_much_and_left(backend: Backend) {
        nothing_is_hashed_for_who_has_left(backend, b"\r\n").await;
    }
}
