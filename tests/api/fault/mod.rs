//! What happens to a machine: the program is killed, its database falls, stands still or is full, clients dawdle or
//! rush in, the clock jumps. Whatever was acknowledged is there afterwards, nothing is half done, and nobody has to mend anything.
//!
//! A short form runs with every other test; `VESTIBULE_FAULTS=full` asks for every round. What was measured is printed
//! (`--nocapture`); a speed is judged in the full form only.

mod client;
mod database;
mod disk;
mod kill;
mod log;
mod rush;
mod soak;
mod time;
mod town;
mod writer;

/// So many of something: a few in the short form, all of them in the full one.
fn rounds(short: usize, full: usize) -> usize {
    if is_full() { full } else { short }
}

fn is_full() -> bool {
    std::env::var("VESTIBULE_FAULTS").is_ok_and(|form| form == "full")
}

/// Whether `VESTIBULE_TEST_PROGRAM` names what is run, rather than what was built along.
fn is_what_is_shipped() -> bool {
    std::env::var_os("VESTIBULE_TEST_PROGRAM").is_some_and(|path| !path.is_empty())
}
