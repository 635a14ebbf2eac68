//! Names and ports that nobody else has: neither another run at the same time, nor one before that was killed.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

/// Below them are ports that people use, and one that no browser opens.
const LOWEST: u32 = 11_000;

/// Of this run: its process, which says whether the run is over, and its start, since numbers of processes come again.
pub fn run_name() -> &'static str {
    static NAME: LazyLock<String> = LazyLock::new(|| {
        let start = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        format!("{}_{:x}", std::process::id(), start.as_millis())
    });
    &NAME
}

/// Free, and given to nobody else: the system picks ports for those who ask for any from a range above these, and every
/// run begins elsewhere.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let many = highest() - LOWEST;
    let begin = std::process::id().wrapping_mul(7_919) % many;
    for _ in 0..many {
        let port = LOWEST + (begin + NEXT.fetch_add(1, Ordering::SeqCst)) % many;
        let port = u16::try_from(port).expect("a port");
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

/// Where the system's own range begins.
fn highest() -> u32 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let first = range
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok());
    // A machine that gives all of them away has none of its own to offer: then these are as good as any.
    first.filter(|first| *first >= 2 * LOWEST).unwrap_or(32_768)
}
