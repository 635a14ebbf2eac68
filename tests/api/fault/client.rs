//! Clients that dawdle, fall asleep, or come in thousands: each is sent away in time, and people sign in all the while.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::rush::{HASH, REST, ask};
use super::{is_full, rounds};
use crate::harness::program::Program;
use crate::harness::{ADMIN_SECRET, PASSWORD, wire};

const LOGIN: &str = "resident@example.org";

/// No client may hold a connection for longer that does not send what it began: the read timeout of 10 seconds for the
/// headers, another one for the body, and room for a crowded machine.
fn longest() -> Duration {
    Duration::from_secs(if is_full() { 30 } else { 60 })
}

/// By then a sign-in is answered, whatever others do.
fn soon() -> Duration {
    Duration::from_secs(if is_full() { 5 } else { 60 })
}

/// KiB.
const ROOM: u64 = 200 * 1024;
/// KiB that the headers of one connection may take: the 32 that are read, in a room that doubles while it grows.
const HEADERS: u64 = 64;
/// Connections that the house holds by default.
const HELD_BY_DEFAULT: usize = 10_000;

/// As many connections as this process may open; the machine's limit is told where it is lower.
pub fn as_many_as(wanted: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let limit = line.and_then(|line| line.split_whitespace().nth(3)?.parse::<usize>().ok());
    // Other tests run in this process, too.
    let room = limit.unwrap_or(1024).saturating_sub(600);
    if room < wanted {
        let said = format!("{room} connections instead of {wanted}: `ulimit -n` allows no more");
        // Whoever asks for all of it would take the smaller number for the larger one.
        assert!(!is_full(), "{said}; `ulimit -n 20000` first");
        println!("{said}");
    }
    wanted.min(room)
}

/// A house with limits, as it is by default, and with an account that was made before the trouble begins.
async fn serve_under(before: &str, settings: &[(&str, &str)]) -> Program {
    let mut all = vec![("VESTIBULE_ADMIN_SECRET", ADMIN_SECRET)];
    all.extend(settings);
    let program = Program::serve_under(before, &all).await;
    move_in(program.address).await;
    people_sign_in(program.address).await;
    program
}

async fn move_in(address: SocketAddr) {
    let admin = [("x-vestibule-admin-secret", ADMIN_SECRET)];
    let unverified = json!({ "name": "default", "emailVerificationRequired": false });
    ask(address, "admin_update_connection", unverified, &admin).await;
    let input = json!({ "email": LOGIN, "password": PASSWORD });
    ask(address, "sign_up", input, &[]).await;
}

async fn serve(settings: &[(&str, &str)]) -> Program {
    serve_under("", settings).await
}

/// Somebody signs in, as often as there is time: a right password ends what limits have counted.
async fn people_sign_in(address: SocketAddr) {
    let input = json!({ "login": LOGIN, "password": PASSWORD });
    let answer = ask(address, "sign_in", input, &[]).await;
    assert_eq!(answer["signIn"]["__typename"], "Session", "{answer}");
}

/// The same, in time; says how long it took.
async fn people_sign_in_soon(address: SocketAddr) -> Duration {
    let asked = Instant::now();
    people_sign_in(address).await;
    let took = asked.elapsed();
    assert!(took < soon(), "{took:?} for a sign-in");
    took
}

/// People sign in until this has ended; also answered: how long the longest sign-in took.
async fn while_people_sign_in<T>(address: SocketAddr, work: JoinHandle<T>) -> (T, Duration) {
    let mut longest_sign_in = Duration::ZERO;
    while !work.is_finished() {
        longest_sign_in = longest_sign_in.max(people_sign_in_soon(address).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    (work.await.expect("the end of it"), longest_sign_in)
}

/// Sends the beginning, then an octet now and then, until the other side closes; says how long that took.
fn dawdle(address: SocketAddr, beginning: String, pause: Duration) -> JoinHandle<Duration> {
    tokio::spawn(async move {
        let mut stream = wire::connect(address).await;
        drop(stream.write_all(beginning.as_bytes()).await);
        let started = Instant::now();
        let (mut reading, mut writing) = stream.into_split();
        let dripping = async {
            while writing.write_all(b"a").await.is_ok() {
                tokio::time::sleep(pause).await;
            }
        };
        let closed = async {
            let mut sink = tokio::io::sink();
            drop(tokio::io::copy(&mut reading, &mut sink).await);
        };
        let end = async {
            tokio::select! {
                () = dripping => {}
                () = closed => {}
            }
        };
        let end = tokio::time::timeout(longest(), end).await;
        end.expect("closed in time");
        started.elapsed()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_slow_requests_are_ended_and_people_sign_in_all_the_while() {
    let settings = [
        // The default in the full form; a short one does not wait so long.
        ("VESTIBULE_READ_TIMEOUT", ["2000", "10000"][rounds(0, 1)]),
    ];
    let program = serve(&settings).await;
    let address = program.address;
    let many = as_many_as(rounds(200, 5_000));
    let headers = "POST /graphql HTTP/1.1\r\nhost: localhost\r\nx: ".to_owned();
    let body = "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                content-length: 1000\r\n\r\n{"
        .to_owned();
    let pause = Duration::from_secs(rounds(1, 5) as u64);
    let mut slow = Vec::new();
    for number in 0..many {
        let beginning = if number % 5 == 0 { &body } else { &headers };
        slow.push(dawdle(address, beginning.clone(), pause));
    }
    let ended = tokio::spawn(async move {
        let mut last = Duration::ZERO;
        for slow in slow {
            last = last.max(slow.await.expect("a slow client"));
        }
        last
    });
    let (last, longest_sign_in) = while_people_sign_in(address, ended).await;
    people_sign_in_soon(address).await;
    println!(
        "{many} slow requests: the last one was ended after {last:?}; {longest_sign_in:?} for a sign-in"
    );
}

/// Waits until the house holds this many descriptors, and says how many it holds then.
async fn holds(program: &Program, many: usize) -> usize {
    let end = Instant::now() + soon();
    loop {
        let held = program.descriptors();
        if held >= many {
            return held;
        }
        assert!(Instant::now() < end, "{held} descriptors of {many}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_idle_connections_cost_little_and_are_closed() {
    let program = serve(&[]).await;
    let before = (program.memory(), program.descriptors());
    // More than the house holds by default, in the full form.
    let many = as_many_as(rounds(300, 12_000));
    let mut idle = Vec::new();
    for _ in 0..many {
        idle.push(wire::connect(program.address).await);
    }
    // Looked at before anybody signs in: on a crowded machine, those who came first may be closed by the end of that.
    let nearly_all = many.min(HELD_BY_DEFAULT) * 9 / 10;
    let held = holds(&program, before.1 + nearly_all).await - before.1;
    let grown = program.memory().saturating_sub(before.0);
    let took = people_sign_in_soon(program.address).await;
    println!("{many} idle connections, {held} held: {grown} KiB more, {took:?} for a sign-in");
    assert!(grown < ROOM, "{grown} KiB");
    let end = Instant::now() + longest();
    while program.descriptors() > before.1 + 20 {
        assert!(Instant::now() < end, "they stay open");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(idle);
    people_sign_in(program.address).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_holds_a_connection_makes_room_for_who_asks() {
    const HELD: usize = 100;
    // For silence alone nobody is closed before the sign-in has to be answered.
    let settings = [
        ("VESTIBULE_HTTP_CONNECTIONS", "100"),
        ("VESTIBULE_READ_TIMEOUT", "60000"),
    ];
    let program = serve(&settings).await;
    let before = program.descriptors();
    let mut idle = Vec::new();
    for _ in 0..3 * HELD {
        idle.push(wire::connect(program.address).await);
    }
    let asked = Instant::now();
    people_sign_in(program.address).await;
    let took = asked.elapsed();
    assert!(took < soon().min(Duration::from_secs(30)), "{took:?}");
    let held = program.descriptors().saturating_sub(before);
    assert!(held > HELD / 2, "{held} are held");
    assert!(held < 2 * HELD, "{held} are held");
    drop(idle);
    people_sign_in_soon(program.address).await;
}

/// Soft and hard, as the system counts them for this process.
fn limits(program: &Program) -> [String; 2] {
    let path = format!("/proc/{}/limits", program.id());
    let limits = std::fs::read_to_string(path).expect("a running program");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut words = line.expect("a limit").split_whitespace().skip(3);
    [(); 2].map(|()| words.next().expect("a number").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_house_takes_as_many_descriptors_as_it_may_have_and_says_where_they_are_few() {
    let program = Program::serve_under("ulimit -Sn 256", &[]).await;
    let [soft, hard] = limits(&program);
    assert_eq!(soft, hard);
    let scarce = "fewer files and sockets may be open";
    let few = [("VESTIBULE_HTTP_CONNECTIONS", "100")];
    let mut program = Program::serve_under("ulimit -n 300", &few).await;
    program.terminate();
    assert!(program.ended().await.success());
    assert!(!program.output().contains(scarce), "{}", program.output());
    let program = Program::serve_under("ulimit -n 300", &[]).await;
    program.output_with(scarce).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_house_without_a_free_descriptor_opens_again_by_itself() {
    let soon = [("VESTIBULE_READ_TIMEOUT", "2000")];
    let program = serve_under("ulimit -n 64", &soon).await;
    let mut idle = Vec::new();
    for _ in 0..150 {
        // The system takes what the house cannot, up to the length of its queue.
        let opened = TcpStream::connect(program.address);
        match tokio::time::timeout(Duration::from_secs(1), opened).await {
            Ok(Ok(stream)) => idle.push(stream),
            Ok(Err(_)) | Err(_) => break,
        }
    }
    let end = Instant::now() + longest();
    while !program.output().contains("a connection cannot be accepted") {
        assert!(Instant::now() < end, "{}", program.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Those who wait behind the idle ones are answered once these are closed for their silence.
    people_sign_in(program.address).await;
    drop(idle);
    people_sign_in(program.address).await;
}

/// Connections that the system lets wait for one program.
fn longest_queue() -> usize {
    let text = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
    text.trim().parse().unwrap_or(128)
}

/// Connections that wait to be let in, as the system counts them.
fn at_the_door(address: SocketAddr) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux tells");
    let port = format!(":{:04X}", address.port());
    let mut listening = table.lines().filter_map(|line| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let is_it = columns.get(1)?.ends_with(&port) && *columns.get(3)? == "0A";
        is_it.then(|| columns.get(4)?.split_once(':')).flatten()
    });
    let (_, waiting) = listening.next().expect("its listener");
    usize::from_str_radix(waiting, 16).expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rush_of_connections_waits_at_the_door_while_nobody_is_let_in() {
    let program = serve(&[]).await;
    let many = as_many_as(rounds(400, 3_000)).min(longest_queue());
    program.freeze();
    let coming: Vec<_> = (0..many)
        .map(|_| tokio::spawn(TcpStream::connect(program.address)))
        .collect();
    let mut there = Vec::new();
    for one in coming {
        there.push(one.await.expect("a client").expect("a connection"));
    }
    // A connection that found no room may look open to whoever made it.
    let end = Instant::now() + longest();
    loop {
        let come = at_the_door(program.address);
        if come >= many {
            break;
        }
        assert!(Instant::now() < end, "{come} of {many}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    program.thaw();
    people_sign_in_soon(program.address).await;
    drop(there);
    people_sign_in_soon(program.address).await;
}

/// Headers without end, as fast as they are taken, on one connection after the other; says how many were cut off.
async fn flood(address: SocketAddr, ends: Instant) -> usize {
    let line = format!("x: {}\r\n", "a".repeat(1_000));
    let mut cut_off = 0;
    while Instant::now() < ends {
        let mut stream = wire::connect(address).await;
        drop(stream.write_all(b"GET /livez HTTP/1.1\r\n").await);
        let sending = async { while stream.write_all(line.as_bytes()).await.is_ok() {} };
        let sent = tokio::time::timeout(longest(), sending).await;
        sent.expect("cut off in time");
        cut_off += 1;
    }
    cut_off
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_headers_are_cut_off_and_people_sign_in_all_the_while() {
    let program = serve(&[]).await;
    let (address, idle) = (program.address, program.memory());
    let ends = Instant::now() + Duration::from_secs(rounds(2, 20) as u64);
    let many = rounds(20, 100);
    let floods: Vec<_> = (0..many)
        .map(|_| tokio::spawn(flood(address, ends)))
        .collect();
    let ended = tokio::spawn(async move {
        let mut cut_off = 0;
        for flood in floods {
            cut_off += flood.await.expect("a flood");
        }
        cut_off
    });
    let (cut_off, longest_sign_in) = while_people_sign_in(address, ended).await;
    // Not what is held afterwards: a house that kept all that it was sent would give it back with the connection.
    let peak = program.peak();
    let workers = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let bound = idle + many as u64 * HEADERS + workers * HASH + REST;
    println!(
        "{cut_off} floods of headers: {longest_sign_in:?} for a sign-in; {idle} KiB idle, {peak} at most, {bound} allowed"
    );
    assert!(peak <= bound, "{peak} KiB of {bound}");
}
