//! What the tests of several operations share beside the harness.

use chrono::{DateTime, Utc};
use entity::{audit_event, user, verification};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder,
};
use serde_json::{Value, json};

use crate::harness::{Answer, Backend, Client, PASSWORD, TestApp};

/// A crowded machine must not turn a race into an overload.
pub const PATIENT: &[(&str, &str)] = &[
    ("VESTIBULE_PASSWORD_WAIT", "60000"),
    ("VESTIBULE_REQUEST_TIMEOUT", "120000"),
    ("VESTIBULE_DATABASE_TIMEOUT", "60000"),
];

pub const LIMITED: &[(&str, &str)] = &[("VESTIBULE_RATE_LIMITS", "on")];

/// Signs up with these fields over a good address and [`PASSWORD`].
pub async fn sign_up_with(client: &Client, fields: Value) -> Answer {
    let mut input = json!({ "email": "ann@example.org", "password": PASSWORD });
    merge(&mut input, &fields);
    client.run("sign_up", json!({ "input": input })).await
}

fn merge(input: &mut Value, fields: &Value) {
    for (name, value) in fields.as_object().expect("an object") {
        input[name] = value.clone();
    }
}

pub async fn verify_ticket(client: &Client, ticket: &str) -> Answer {
    client
        .run("verify_email", crate::harness::by_ticket(ticket))
        .await
}

pub async fn verify_code(client: &Client, handle: &str, code: &str) -> Answer {
    client
        .run("verify_email", crate::harness::by_code(handle, code))
        .await
}

pub async fn resend(client: &Client, handle: &str) -> Answer {
    let input = json!({ "verificationId": handle });
    client
        .run("resend_verification", json!({ "input": input }))
        .await
}

/// Another session of a user of [`TestApp::user`], with tokens in the client.
pub async fn another_session(test: &TestApp, name: &str) -> Client {
    let login = format!("{name}@example.org");
    let answer = test.anon().sign_in(&login, PASSWORD).await.ok();
    test.anon().signed_in(&answer.at("/data/signIn"))
}

/// `extensions.reason` of the only error.
pub fn reason(answer: &Answer) -> String {
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    answer.text("/errors/0/extensions/reason")
}

/// Asserts that the access token works.
#[track_caller]
pub fn assert_alive(answer: &Answer) {
    assert!(answer.at("/data/me/id").is_string(), "{}", answer.body);
}

/// Everything that an answer tells, with what names one request (ids, times, the caller's own address) made equal. The
/// length goes with the address.
pub fn shape(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id" | "content-length"))
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    headers.sort();
    let mut body = answer.body.clone();
    mask(&mut body);
    (answer.status.as_u16(), headers, body)
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match name.as_str() {
                    "verificationId" | "email" | "expiresAt" | "resendAt" => {
                        assert!(member.is_string(), "{name}: {member}");
                        *member = json!("masked");
                    }
                    "handoffNumber" if !member.is_null() => {
                        assert!((10..=99).contains(&member.as_i64().expect("a number")));
                        *member = json!("masked");
                    }
                    _ => mask(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

/// How many answers have each code; an empty one for those that went well.
pub fn tally(answers: &[Answer]) -> std::collections::BTreeMap<String, usize> {
    let mut tally = std::collections::BTreeMap::new();
    for answer in answers {
        *tally.entry(answer.code_or_ok()).or_default() += 1;
    }
    tally
}

/// The audit events of a kind, oldest first.
pub async fn events(test: &TestApp, kind: &str) -> Vec<audit_event::Model> {
    audit_event::Entity::find()
        .filter(audit_event::Column::Kind.eq(kind))
        .order_by_asc(audit_event::Column::At)
        .all(test.app.db.read())
        .await
        .expect("the audit trail")
}

/// Accounts with this address.
pub async fn accounts(test: &TestApp, email_key: &str) -> Vec<user::Model> {
    user::Entity::find()
        .filter(user::Column::EmailKey.eq(email_key))
        .all(test.app.db.read())
        .await
        .expect("the users")
}

/// Lets pages of these origins use the default application.
pub async fn list_origins(test: &TestApp, origins: &[&str]) {
    use entity::application::{Column, Entity};
    Entity::update_many()
        .col_expr(Column::AllowedOrigins, json!(origins).into())
        .filter(Column::ClientId.eq("default"))
        .exec(test.app.db.write())
        .await
        .expect("a list of origins");
}

/// Gives a mail of the outbox up, as the worker does after its last try.
pub async fn bury(test: &TestApp, id: &str) {
    use entity::job::{Column, Entity};
    Entity::update_many()
        .col_expr(Column::BuriedAt, test.app.now().into())
        .filter(Column::Id.eq(id.parse::<uuid::Uuid>().expect("an id")))
        .exec(test.app.db.write())
        .await
        .expect("a mail that was given up");
}

/// Requests for verification that are still open, oldest first.
pub async fn open_verifications(test: &TestApp) -> Vec<verification::Model> {
    verification::Entity::find()
        .filter(verification::Column::ConsumedAt.is_null())
        .order_by_asc(verification::Column::CreatedAt)
        .all(test.app.db.read())
        .await
        .expect("the verifications")
}

/// An administrator changes these fields of a user.
pub async fn administer(test: &TestApp, user_id: &str, mut fields: Value) -> Answer {
    fields["userId"] = json!(user_id);
    let admin = test.admin();
    admin
        .run("admin_update_user", json!({ "input": fields }))
        .await
}

/// An administrator disables the account of this address.
pub async fn disable(test: &TestApp, email_key: &str) {
    let user = accounts(test, email_key).await.pop().expect("a user");
    let id = user.id.to_string();
    administer(test, &id, json!({ "disabled": true }))
        .await
        .ok();
}

pub fn time(answer: &Answer, pointer: &str) -> DateTime<Utc> {
    answer.text(pointer).parse().expect("a date-time")
}

/// The header (0) or the claims (1) of a JWT, unverified.
pub fn jwt_part(token: &str, part: usize) -> Value {
    use base64::Engine;
    let part = token.split('.').nth(part).expect("a JWT");
    let octets = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(part)
        .expect("base64url");
    serde_json::from_slice(&octets).expect("JSON")
}

/// How many passwords the house has hashed since it was opened, those in hand included.
pub async fn hashes(test: &TestApp) -> usize {
    let running = test.app.hasher.running();
    let metrics = test.anon().get("/metrics").await;
    running
        + metric(
            metrics.body.as_str().expect("a text"),
            "password_hash_seconds_count",
        )
}

/// A number of the metrics, by its name with its labels; 0 where there is none.
pub fn metric(metrics: &str, name: &str) -> usize {
    let number = |line: &str| -> Option<f64> {
        let line = line.strip_prefix("vestibule_")?.strip_prefix(name)?;
        line.strip_prefix(' ')?.parse().ok()
    };
    metrics.lines().find_map(number).unwrap_or_default() as usize
}

/// How many statements the house has sent outside of transactions, with those for this answer.
pub async fn statements(test: &TestApp) -> usize {
    sent(test).await.0
}

/// The same, and how many transactions it has begun.
async fn sent(test: &TestApp) -> (usize, usize) {
    let metrics = test.anon().get("/metrics").await.body;
    let metrics = metrics.as_str().expect("a text");
    let count = |name| metric(metrics, name);
    (
        count("database_statement_seconds_count"),
        count("database_begin_seconds_count"),
    )
}

/// How many statements outside of transactions, and how many transactions, one request takes while nobody asks for anything
/// else: the least of several, because the first ones may have to look up what is remembered from then on.
pub async fn least_cost(test: &TestApp, mut request: impl AsyncFnMut()) -> (usize, usize) {
    let mut least = (usize::MAX, usize::MAX);
    for _ in 0..5 {
        let (first, second) = (sent(test).await, sent(test).await);
        request().await;
        let last = sent(test).await;
        // Each answer counts what it took itself.
        let statements = last.0 - second.0 - (second.0 - first.0);
        least = (least.0.min(statements), least.1.min(last.1 - second.1));
    }
    least
}

/// How often a limit has refused something.
pub async fn hits(test: &TestApp, limit: &str) -> usize {
    let metrics = test.anon().get("/metrics").await.body;
    let name = format!("limits_hit_total{{limit=\"{limit}\"}}");
    metric(metrics.as_str().expect("a text"), &name)
}

/// Asserts that no column of any table holds the secret, as text or as octets.
pub async fn assert_not_at_rest(test: &TestApp, backend: Backend, secret: &str) {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let dump = dump_without(test.app.db.read(), backend, Some(POSITION)).await;
    assert!(dump.contains("ann@example.org"), "the dump sees the tables");
    // As a word: six digits may well stand inside of a longer number.
    let is_word = |at: usize, needle: &str| {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        !is_part(dump[..at].chars().next_back())
            && !is_part(dump[at + needle.len()..].chars().next())
    };
    let found = dump
        .match_indices(secret)
        .any(|(at, needle)| is_word(at, needle));
    assert!(!found, "a secret rests in the database");
    assert!(
        !dump.to_lowercase().contains(&hex),
        "a secret rests as octets"
    );
}

/// Every row of every table, one on a line.
pub async fn dump(test: &TestApp, backend: Backend) -> String {
    dump_of(test.app.db.read(), backend).await
}

/// The same, of any database.
pub async fn dump_of(db: &DatabaseConnection, backend: Backend) -> String {
    dump_without(db, backend, None).await
}

/// The number of a transaction, which may be any: six digits among them.
const POSITION: (&str, &str) = ("identity_changes", "position");

/// The same, without this column of this table.
async fn dump_without(
    db: &DatabaseConnection,
    backend: Backend,
    without: Option<(&str, &str)>,
) -> String {
    let texts = async |statement: String| -> Vec<String> {
        let statement = sea_orm::Statement::from_string(db.get_database_backend(), statement);
        let rows = db.query_all_raw(statement).await.expect("rows");
        rows.iter()
            .map(|row| row.try_get_by_index::<String>(0).expect("a text"))
            .collect()
    };
    let column =
        |of: &str| without.map_or("", |(table, column)| if table == of { column } else { "" });
    let mut dump = Vec::new();
    match backend {
        Backend::Postgres => {
            let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
            for table in texts(tables.into()).await {
                let row = match column(&table) {
                    "" => "t::text".to_owned(),
                    column => format!("(to_jsonb(t) - '{column}')::text"),
                };
                dump.extend(texts(format!("SELECT {row} FROM \"{table}\" t")).await);
            }
        }
        Backend::Sqlite => {
            let tables = "SELECT name FROM sqlite_master WHERE type = 'table'";
            for table in texts(tables.into()).await {
                let columns = format!(
                    "SELECT 'quote(\"' || name || '\")' FROM pragma_table_info('{table}') WHERE name <> '{}'",
                    column(&table)
                );
                let columns = texts(columns).await.join(" || ' ' || ");
                dump.extend(texts(format!("SELECT {columns} FROM \"{table}\"")).await);
            }
        }
    }
    dump.join("\n")
}
