//! What Linux tells of a process: the time it spent on a processor, and the memory that it holds.

use std::collections::HashMap;
use std::time::Duration;

/// Ticks a second in which Linux tells processor time to programs, on every machine.
const TICKS: u64 = 100;
pub const MIB: f64 = 1_048_576.0;

struct Stat {
    name: String,
    parent: u32,
    own: u64,
    /// Of children that have ended.
    ended: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = (
        text.split_once('(')?.1.rsplit_once(')')?.0,
        text.rsplit_once(')')?.1,
    );
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        name: name.to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        own: ticks(11)? + ticks(12)?,
        ended: ticks(13)? + ticks(14)?,
    })
}

fn time(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS)
}

/// Processor time of one process with all its threads.
pub fn time_of(pid: u32) -> Option<Duration> {
    Some(time(stat(pid)?.own))
}

/// Processor time of a process and everything that it started.
pub fn time_of_tree(root: u32) -> Option<Duration> {
    let processes: HashMap<u32, Stat> = std::fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?)))
        .collect();
    let below = |pid: u32| {
        let mut at = pid;
        while at != root {
            match processes.get(&at) {
                Some(stat) => at = stat.parent,
                None => return false,
            }
        }
        true
    };
    let own: u64 = processes
        .iter()
        .filter(|(pid, _)| below(**pid))
        .map(|(_, stat)| stat.own)
        .sum();
    Some(time(own + processes.get(&root)?.ended))
}

/// The parent of a process, where both are of that name: what PostgreSQL's processes hang below.
pub fn parent_of_same_name(pid: u32, name: &str) -> Option<u32> {
    let child = stat(pid).filter(|stat| stat.name.starts_with(name))?;
    let parent = stat(child.parent)?;
    parent.name.starts_with(name).then_some(child.parent)
}

/// Memory that a process holds now, in MiB.
pub fn memory(pid: u32) -> Option<f64> {
    status(pid, "VmRSS:")
}

/// The most memory that a process has ever held, in MiB.
pub fn peak_memory(pid: u32) -> Option<f64> {
    status(pid, "VmHWM:")
}

fn status(pid: u32, name: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / MIB)
}
