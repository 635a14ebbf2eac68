//! People who sign up while their house is copied, and what of that must be in the copy.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::json;

use super::backup::{ask, text};
use crate::harness::PASSWORD;

/// Signs people up until it is told to stop, and remembers who was told so.
pub struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Vec<String>>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    pub fn on(house: SocketAddr) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let acknowledged = Arc::<Mutex<Vec<String>>>::default();
        let tasks = (0..3).map(|task| {
            let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                let mut number = 0;
                while !stop.load(Ordering::SeqCst) {
                    let email = format!("guest-{task}-{number}@example.org");
                    let input = json!({ "email": email, "password": PASSWORD });
                    let pending = ask(house, "sign_up", input, &[]).await;
                    text(&pending, "verificationId");
                    acknowledged.lock().unwrap().push(email);
                    number += 1;
                }
            })
        });
        Self {
            tasks: tasks.collect(),
            stop,
            acknowledged,
        }
    }

    /// The addresses of all whose sign-up was answered by now.
    pub fn acknowledged(&self) -> Vec<String> {
        self.acknowledged.lock().unwrap().clone()
    }

    pub async fn reaches(&self, many: usize) {
        for _ in 0..1_200 {
            if self.acknowledged.lock().unwrap().len() >= many {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the house stands still");
    }

    pub async fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.expect("every sign-up is answered");
        }
    }
}

/// Each of these sign-ups is in the database, with what it asked for: only there can it be seen, because no link of before
/// the copy opens anything.
pub async fn are_there(url: &str, addresses: &[String]) {
    let db = Database::connect(url).await.expect("the database answers");
    let asked = "SELECT v.email FROM verifications v JOIN pending_sign_ups p ON p.verification_id = v.id \
                 WHERE v.purpose = 'sign_up'";
    let asked = Statement::from_string(db.get_database_backend(), asked);
    let rows = db.query_all_raw(asked).await.expect("sign-ups");
    db.close().await.expect("a closed connection");
    let found: HashSet<String> = rows
        .iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect();
    let missing: Vec<_> = addresses
        .iter()
        .filter(|address| !found.contains(*address))
        .collect();
    assert!(
        missing.is_empty(),
        "acknowledged before the copy began: {missing:?}"
    );
}
