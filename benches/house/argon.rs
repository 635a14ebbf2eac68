//! The raw rate of Argon2id: what these cores can do in this moment with the hashes alone, each thread reusing its
//! memory. Shared machines drift, so that it is measured right before and right after what is compared with it.

use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};

/// KiB, passes and lanes: the server's defaults.
pub const COST: (u32, u32, u32) = (19_456, 2, 1);

pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Hashes a second on so many threads at once.
pub async fn rate(threads: usize, time: Duration) -> f64 {
    tokio::task::spawn_blocking(move || {
        let workers: Vec<_> = (0..threads)
            .map(|_| thread::spawn(move || rate_of_one(time)))
            .collect();
        let rates = workers
            .into_iter()
            .map(|worker| worker.join().expect("a hash can be computed"));
        rates.sum()
    })
    .await
    .expect("the hashes can be computed")
}

fn rate_of_one(time: Duration) -> f64 {
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
    // The first one pays for touching the memory.
    hash(0);
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < time {
        count += 1;
        hash(count);
    }
    count as f64 / start.elapsed().as_secs_f64()
}
