//! Afterwards: is everything there that was acknowledged, and is anything half done?

use std::collections::BTreeMap;

use entity::verification::Purpose;
use entity::{audit_event, former_password, job, user, verification};
use sea_orm::sea_query::Query;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, PaginatorTrait,
    QueryFilter, Statement,
};
use uuid::Uuid;

use super::person::{Person, Stage};
use super::{RESET, Town, VERIFY};
use crate::harness::{PASSWORD, TestApp};
use crate::support::verify_ticket;

/// So many people at most are asked whether they are as they were told; of a larger town every so many.
const ASKED: usize = 2_000;

/// What must be counted and be none.
const HALF_DONE: [(&str, &str); 7] = [
    (
        "users without a password",
        "SELECT count(*) FROM users WHERE password_hash IS NULL",
    ),
    (
        "users whose sign-up nobody wrote down",
        "SELECT count(*) FROM users u WHERE NOT EXISTS (SELECT 1 FROM audit_events e \
         WHERE e.user_id = u.id AND e.kind = 'signed_up')",
    ),
    (
        "sign-ups that do not say what was asked for",
        "SELECT count(*) FROM verifications v WHERE v.purpose = 'sign_up' AND v.consumed_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM pending_sign_ups p WHERE p.verification_id = v.id)",
    ),
    (
        "open sessions without a newest token",
        "SELECT count(*) FROM sessions WHERE revoked_at IS NULL AND refresh_digest IS NULL",
    ),
    (
        "sessions whose beginning nobody wrote down",
        "SELECT count(*) FROM sessions s WHERE NOT EXISTS (SELECT 1 FROM audit_events e \
         WHERE e.user_id = s.user_id AND e.session_id = s.id \
         AND e.kind IN ('signed_up', 'email_verified', 'signed_in', 'password_reset'))",
    ),
    (
        "sessions that outlived a change of the password",
        "SELECT count(*) FROM sessions s JOIN audit_events e ON e.user_id = s.user_id \
         WHERE s.revoked_at IS NULL AND s.id <> e.session_id AND s.created_at < e.at \
         AND e.kind IN ('password_changed', 'password_reset')",
    ),
    (
        "users with more or fewer former passwords than changes that were written down",
        "SELECT count(*) FROM users u WHERE \
         (SELECT count(*) FROM former_passwords f WHERE f.user_id = u.id) <> \
         (SELECT count(*) FROM audit_events e WHERE e.user_id = u.id \
         AND e.kind IN ('password_changed', 'password_reset'))",
    ),
];

/// How much was acknowledged, and is there.
#[derive(Debug, Default)]
pub struct Books {
    pub accounts: usize,
    /// Sessions that had ended.
    pub ended: usize,
    /// Passwords that have given way to others.
    pub former: usize,
}

impl Town {
    /// Looks through a house on the same database, some minutes later: mail that a dead process had in hand has left.
    pub async fn check_the_books(&self, test: &TestApp) -> Books {
        test.run_jobs().await;
        nothing_is_half_done(test).await;
        let people = std::mem::take(&mut *self.people.lock().unwrap());
        let (mut twice, mut books) = (0, Books::default());
        let apart = people.len().div_ceil(ASKED).max(1);
        for person in people.iter().step_by(apart) {
            twice += self.mails_of(person);
            match person.stage {
                Stage::Asked | Stage::SignedUp => self.can_still_verify(test, person).await,
                Stage::Account => {
                    is_there(test, person).await;
                    books.accounts += 1;
                    books.former += person.former.len();
                }
                Stage::Deleted => is_gone(test, person).await,
            }
            are_out(test, person).await;
            books.ended += person.ended.len();
        }
        println!(
            "{} people, of whom one in {apart} was asked: {books:?}, {twice} mails that came again",
            people.len()
        );
        books
    }

    /// Every acknowledged sign-up has its mail, and one that came again says the same. Answers how many came again.
    fn mails_of(&self, person: &Person) -> usize {
        let messages = self.mail.messages_to(&person.email);
        let notices = messages.iter().filter(|mail| mail.proof().is_none());
        let notices = notices.count();
        assert!(notices >= person.notices, "{person:?}: a notice is lost");
        // Whoever heard nothing asked again: their mails differ.
        let can_reset = messages.iter().any(|mail| mail.leads_to(RESET));
        assert!(
            can_reset || !person.asked_for_reset,
            "{person:?}: no mail to reset the password"
        );
        let of_sign_up = messages.iter().filter(|mail| mail.leads_to(VERIFY));
        let mut proofs: Vec<_> = of_sign_up.filter_map(|mail| mail.proof()).collect();
        assert!(
            !proofs.is_empty() || person.stage == Stage::Asked,
            "{person:?}: no mail"
        );
        let all = proofs.len();
        proofs.dedup();
        assert!(proofs.len() <= 1, "{person:?}: {proofs:?}");
        all - proofs.len()
    }

    /// Nobody verified: there is no account, and the mail that came makes one.
    async fn can_still_verify(&self, test: &TestApp, person: &Person) {
        let early = test.anon().sign_in(&person.email, PASSWORD).await;
        assert_eq!(early.code(), "INVALID_CREDENTIALS", "{person:?}");
        let messages = self.mail.messages_to(&person.email);
        if let Some((ticket, _)) = messages.iter().find_map(|mail| mail.proof()) {
            verify_ticket(&test.anon(), &ticket).await.ok();
            is_there(test, person).await;
        }
    }
}

async fn is_there(test: &TestApp, person: &Person) {
    let mut entered = Vec::new();
    for (newer, password) in person.passwords.iter().enumerate() {
        let answer = test.anon().sign_in(&person.email, password).await;
        if answer.code_or_ok().is_empty() {
            entered.push((newer, test.anon().signed_in(&answer.at("/data/signIn"))));
        } else {
            assert_eq!(answer.code(), "INVALID_CREDENTIALS", "{person:?}");
        }
    }
    assert_eq!(entered.len(), 1, "one password works: {person:?}");
    for password in &person.former {
        let answer = test.anon().sign_in(&person.email, password).await;
        assert_eq!(answer.code(), "INVALID_CREDENTIALS", "{person:?}");
    }
    let (newer, client) = &entered[0];
    // Whichever password works: those that gave way to it are remembered, and with them goes all that a change brings.
    let changes = person.former.len() + newer;
    assert_eq!(replaced(test, &client.user_id).await, changes, "{person:?}");
    let name = client.me().await.ok().text("/data/me/displayName");
    assert!(person.names.contains(&name), "{name}: {person:?}");
    if let Some(session) = &person.session {
        let answer = test.anon().refresh(&session.refresh).await;
        assert_eq!(answer.code_or_ok(), "", "{person:?}");
    }
}

/// Passwords that a user had before.
async fn replaced(test: &TestApp, user: &str) -> usize {
    let user: Uuid = user.parse().expect("an id");
    let former = former_password::Entity::find().filter(former_password::Column::UserId.eq(user));
    let many = former.count(test.app.db.read()).await;
    many.expect("a number of passwords") as usize
}

async fn is_gone(test: &TestApp, person: &Person) {
    for password in &person.passwords {
        let answer = test.anon().sign_in(&person.email, password).await;
        assert_eq!(answer.code(), "INVALID_CREDENTIALS", "{person:?}");
    }
}

async fn are_out(test: &TestApp, person: &Person) {
    for tokens in &person.ended {
        let me = test.anon().bearer(&tokens.access).me().await;
        assert!(me.at("/data/me").is_null(), "{person:?}: {}", me.body);
        let answer = test.anon().refresh(&tokens.refresh).await;
        assert_eq!(answer.code(), "INVALID_REFRESH_TOKEN", "{person:?}");
    }
}

async fn nothing_is_half_done(test: &TestApp) {
    let db = test.app.db.read();
    is_whole(db).await;
    for (what, statement) in HALF_DONE {
        let found = numbers(db, statement).await;
        assert_eq!(found, [0], "{what}");
    }
    let jobs = job::Entity::find().all(db).await.expect("the outbox");
    for job in &jobs {
        assert!(job.done_at.is_some(), "a mail is left: {job:?}");
    }
    every_change_has_its_notice(db, &jobs).await;
    let asked = verification::Entity::find()
        .all(db)
        .await
        .expect("requests");
    for request in asked.iter().filter(|row| row.purpose == Purpose::SignUp) {
        let id = request.id.to_string();
        let has_job = jobs
            .iter()
            .any(|job| job.task["verification"] == id.as_str());
        assert!(has_job, "a sign-up without a mail: {request:?}");
    }
}

/// For each time that somebody's password was changed or reset there is one mail that tells of it; with an account, both go.
async fn every_change_has_its_notice(db: &DatabaseConnection, jobs: &[job::Model]) {
    use audit_event::{Column, Entity};
    let there = Query::select()
        .column(user::Column::Id)
        .from(user::Entity)
        .to_owned();
    let changes = Entity::find()
        .filter(Column::Kind.is_in(["password_changed", "password_reset"]))
        .filter(Column::UserId.in_subquery(there))
        .all(db)
        .await
        .expect("the trail");
    let mut untold: BTreeMap<(String, String), i64> = BTreeMap::new();
    for change in changes {
        let whose = change.user_id.expect("a user").to_string();
        let notice = format!("send_{}", change.kind);
        *untold.entry((notice, whose)).or_default() += 1;
    }
    for job in jobs {
        let text = |name: &str| job.task[name].as_str().unwrap_or_default().to_owned();
        if text("kind").starts_with("send_password_") {
            *untold.entry((text("kind"), text("user"))).or_default() -= 1;
        }
    }
    untold.retain(|_, many| *many != 0);
    assert!(untold.is_empty(), "changes less notices: {untold:?}");
}

/// SQLite's own look at its file.
pub async fn is_whole(db: &DatabaseConnection) {
    if db.get_database_backend() != DbBackend::Sqlite {
        return;
    }
    let ask = |pragma: &str| Statement::from_string(DbBackend::Sqlite, format!("PRAGMA {pragma}"));
    let found = db.query_all_raw(ask("integrity_check")).await;
    let found = found.expect("a look at the file");
    let said: Vec<String> = found
        .iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect();
    assert_eq!(said, ["ok"]);
    let orphans = db.query_all_raw(ask("foreign_key_check")).await;
    assert!(orphans.expect("a look at the file").is_empty());
}

pub async fn numbers(db: &DatabaseConnection, statement: &str) -> Vec<i64> {
    let statement = Statement::from_string(db.get_database_backend(), statement);
    let rows = db.query_all_raw(statement).await.expect("a count");
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}
