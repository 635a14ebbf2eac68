//! Mail leaves by SMTP, to a small server of the tests' own.

pub mod delivery;
mod failure;
pub mod server;
mod tls;
mod worker;

use entity::job;
use sea_orm::EntityTrait;

use self::server::MailServer;
use crate::harness::{Backend, TestApp};

async fn house(backend: Backend, mail: &MailServer, more: &[(&str, &str)]) -> TestApp {
    let url = format!("smtp://{}", mail.address);
    let mut settings = vec![("VESTIBULE_SMTP_URL", url.as_str())];
    settings.extend(more);
    TestApp::with(backend, &settings).await
}

/// All jobs, as they rest in the database; those that were tried most often first.
async fn jobs(test: &TestApp) -> Vec<job::Model> {
    let mut jobs = job::Entity::find()
        .all(test.app.db.read())
        .await
        .expect("jobs");
    jobs.sort_by_key(|job| -job.attempts);
    jobs
}

/// The only one.
async fn job(test: &TestApp) -> job::Model {
    let jobs = jobs(test).await;
    assert_eq!(jobs.len(), 1);
    jobs.into_iter().next().expect("a job")
}

/// Why the only one was not taken: it waits for its second attempt.
async fn reason(test: &TestApp) -> String {
    let waiting = job(test).await;
    assert_eq!(
        (waiting.attempts, waiting.done_at, waiting.buried_at),
        (1, None, None)
    );
    assert_eq!(waiting.claimed_until, None);
    waiting.last_error.expect("a reason")
}
