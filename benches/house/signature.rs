//! What a core can sign. A refresh signs one token, so that this compares machines where cheap requests are meant, as the raw
//! rate of Argon2id does for sign-ins.

use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

/// A token's octets before its signature, or so.
const MESSAGE: [u8; 700] = [b'x'; 700];

/// ES256 signatures a second, on one core.
pub async fn rate(time: Duration) -> f64 {
    tokio::task::spawn_blocking(move || {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let rng = SystemRandom::new();
        let start = Instant::now();
        let mut count = 0;
        while start.elapsed() < time {
            std::hint::black_box(pair.sign(&rng, &MESSAGE).expect("a signature"));
            count += 1;
        }
        f64::from(count) / start.elapsed().as_secs_f64()
    })
    .await
    .expect("the signatures can be made")
}
