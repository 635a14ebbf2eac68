//! The raw rate of Argon2id: what these cores can do in this moment with the hashes alone, each thread reusing its
//! memory. Shared machines drift, so that it is measured right before and right after what is compared with it.

use std::thread;
use std::time::{Duration, Instant};

use super::process;
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// KiB, passes and lanes: the server's defaults.
pub const COST: (u32, u32, u32) = (19_456, 2, 1);

pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// What the cores can do with the hashes alone.
#[derive(Clone, Copy)]
pub struct Raw {
    /// Hashes a second.
    pub rate: f64,
    /// Processor time of one hash.
    pub each: Duration,
}

impl Raw {
    pub fn mean(self, other: Self) -> Self {
        Self {
            rate: f64::midpoint(self.rate, other.rate),
            each: (self.each + other.each) / 2,
        }
    }
}

/// Hashes on so many threads at once.
pub async fn raw(threads: usize, time: Duration) -> Raw {
    tokio::task::spawn_blocking(move || {
        let own_time = || process::time_of(std::process::id()).expect("what this process spent");
        let before = own_time();
        let workers: Vec<_> = (0..threads)
            .map(|_| thread::spawn(move || hash_for(time)))
            .collect();
        let counts: Vec<(f64, f64)> = workers
            .into_iter()
            .map(|worker| worker.join().expect("a hash can be computed"))
            .collect();
        let count: f64 = counts.iter().map(|(count, _)| count).sum();
        Raw {
            rate: counts.iter().map(|(count, seconds)| count / seconds).sum(),
            each: (own_time() - before).div_f64(count),
        }
    })
    .await
    .expect("the hashes can be computed")
}

/// How many hashes in how many seconds.
fn hash_for(time: Duration) -> (f64, f64) {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, Some(32)).expect("a cost that Argon2id allows");
    let mut blocks = vec![Block::default(); params.block_count()];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = |number: u64| {
        let mut output = [0; 32];
        argon
            .hash_password_into_with_memory(
                b"correct horse battery staple",
                &u128::from(number).to_le_bytes(),
                &mut output,
                &mut blocks,
            )
            .expect("a hash");
        std::hint::black_box(output);
    };
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < time {
        hash(count);
        count += 1;
    }
    (count as f64, start.elapsed().as_secs_f64())
}
