//! `/metrics` answers what an operator asks, to the operator alone.

use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::TransactionTrait;
use serde_json::json;

use crate::harness::program::Program;
use crate::harness::{ADMIN_SECRET, Backend, Client, PASSWORD, TestApp, free_port, race, wire};
use crate::smtp::server::{MailServer, Manner, Seal};
use crate::support::LIMITED;

/// The lines of the metrics.
async fn metrics(client: &Client) -> String {
    let answer = client.get("/metrics").await;
    assert_eq!(answer.status, 200);
    let kind = answer.headers["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    answer.body.as_str().expect("a text").to_owned()
}

/// What stands behind this name with these labels; 0 where there is none.
fn value(metrics: &str, name: &str) -> f64 {
    let rest = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    rest.map_or(0.0, |number| number.parse().expect("a number"))
}

fn outcome(metrics: &str, operation: &str, outcome: &str) -> f64 {
    let labels = format!("{{operation=\"{operation}\",outcome=\"{outcome}\"}}");
    value(metrics, &format!("vestibule_operations_total{labels}"))
}

on_both_databases! {
    async fn sign_ins_refreshes_mails_and_limits_are_counted_by_what_became_of_them(backend: Backend) {
        let test = TestApp::with(backend, LIMITED).await;
        let ann = test.user("ann").await;
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        for _ in 0..6 {
            test.anon().sign_in("ann@example.org", "wrong").await;
        }
        let next = ann.refresh(&ann.refresh_token).await.ok().text("/data/refreshSession/refreshToken");
        ann.refresh(&next).await.ok();
        ann.refresh(&ann.refresh_token).await;
        let now = metrics(&test.anon()).await;
        for (operation, ended, times) in [
            ("signUp", "ok", 1.0),
            ("verifyEmail", "ok", 1.0),
            ("signIn", "ok", 1.0),
            ("signIn", "INVALID_CREDENTIALS", 5.0),
            ("signIn", "RATE_LIMITED", 1.0),
            ("refreshSession", "ok", 2.0),
            ("refreshSession", "INVALID_REFRESH_TOKEN", 1.0),
        ] {
            assert_eq!(outcome(&now, operation, ended), times, "{operation} {ended}: {now}");
        }
        for (name, expected) in [
            ("vestibule_events_total{kind=\"refresh_token_reused\"}", 1.0),
            ("vestibule_limits_hit_total{limit=\"wrong_passwords_of_account\"}", 1.0),
            ("vestibule_mails_total{outcome=\"sent\"}", 1.0),
            ("vestibule_mails_waiting", 0.0),
            ("vestibule_passwords_waiting", 0.0),
            ("vestibule_passwords_running", 0.0),
            // One at the sign-up and six sign-ins that were looked at.
            ("vestibule_password_hash_seconds_count", 7.0),
            ("vestibule_password_wait_seconds_count", 7.0),
            ("vestibule_database_up", 1.0),
            ("vestibule_signing_keys", 1.0),
            ("process_start_time_seconds", 1_795_176_000.123),
        ] {
            assert_eq!(value(&now, name), expected, "{name}: {now}");
        }
        assert!(value(&now, "vestibule_database_begin_seconds_count") > 0.0, "{now}");
        assert!(now.contains("vestibule_signing_key_since_timestamp_seconds{kid="), "{now}");
        assert!(now.contains("vestibule_database_connections{pool="), "{now}");
        assert!(now.contains("vestibule_build_info{version="), "{now}");
        assert!(now.ends_with("# EOF\n"), "{now}");
        // The name of a key is random, and may hold any three letters.
        let public: String = now.lines().filter(|line| !line.contains("{kid=\"")).collect();
        for private in ["@", "ann", ann.user_id.as_str(), ann.session_id.as_str(), "127.0.0.1"] {
            assert!(!public.contains(private), "{private}: {now}");
        }
    }

    async fn a_sign_up_that_waits_for_its_mail_is_counted_whether_its_address_is_free_or_taken(backend: Backend) {
        let test = TestApp::start(backend).await;
        let counted = async || value(&metrics(&test.anon()).await, "vestibule_events_total{kind=\"sign_up_requested\"}");
        test.anon().sign_up("ann@example.org").await.ok();
        assert_eq!(counted().await, 1.0);
        let ticket = test.mail_to("ann@example.org").await.ticket();
        crate::support::verify_ticket(&test.anon(), &ticket).await.ok();
        test.anon().sign_up("ann@example.org").await.ok();
        assert_eq!(counted().await, 2.0);
        // What is refused leaves no event.
        assert_eq!(test.anon().sign_up("no address").await.code(), "INVALID_INPUT");
        assert_eq!(counted().await, 2.0);
    }

    async fn a_statement_that_waits_for_its_connection_is_seen_to_wait(backend: Backend) {
        let test = TestApp::with(backend, &[("VESTIBULE_DATABASE_CONNECTIONS", "1")]).await;
        let ann = test.user("ann").await;
        let seconds = async || value(&metrics(&test.anon()).await, "vestibule_database_statement_seconds_sum");
        let before = seconds().await;
        let held = test.app.db.read().begin().await.expect("the only connection");
        let wait = Duration::from_millis(400);
        let (me, ()) = tokio::join!(ann.me(), async {
            tokio::time::sleep(wait).await;
            held.rollback().await.expect("free again");
        });
        me.ok();
        let waited = seconds().await - before;
        assert!(waited >= wait.as_secs_f64(), "{waited}");
    }

    async fn a_transaction_that_is_given_up_while_it_waits_for_its_connection_is_seen_to_have_waited(backend: Backend) {
        let test = TestApp::with(backend, &[("VESTIBULE_DATABASE_CONNECTIONS", "1")]).await;
        let begins = async || {
            let now = metrics(&test.anon()).await;
            let of = |what: &str| value(&now, &format!("vestibule_database_begin_seconds_{what}"));
            (of("count"), of("sum"))
        };
        let (count, seconds) = begins().await;
        let held = test.app.db.begin().await.expect("the only connection");
        let wait = Duration::from_millis(400);
        assert!(tokio::time::timeout(wait, test.app.db.begin()).await.is_err(), "there is no other");
        held.rollback().await.expect("free again");
        let (more, waited) = begins().await;
        assert_eq!(more - count, 2.0);
        assert!(waited - seconds >= wait.as_secs_f64() / 2.0, "{waited}");
    }

    async fn what_waits_in_the_outbox_is_told_with_its_age(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.anon().sign_up("ann@example.org").await.ok();
        test.clock.advance(TimeDelta::seconds(90));
        test.anon().sign_up("bob@example.org").await.ok();
        let now = metrics(&test.anon()).await;
        assert_eq!(value(&now, "vestibule_mails_waiting"), 2.0, "{now}");
        assert_eq!(value(&now, "vestibule_mails_oldest_seconds"), 90.0, "{now}");
        test.run_jobs().await;
        let now = metrics(&test.anon()).await;
        assert_eq!(value(&now, "vestibule_mails_waiting"), 0.0, "{now}");
        assert_eq!(value(&now, "vestibule_mails_oldest_seconds"), 0.0, "{now}");
    }

    async fn a_mail_is_counted_with_every_attempt_by_what_became_of_it(backend: Backend) {
        let busy = Manner::AnswersRecipients("451 4.7.1 try again later");
        let mail = MailServer::start(Seal::Plain, busy, "localhost").await;
        let url = format!("smtp://{}", mail.address);
        let settings = [("VESTIBULE_SMTP_URL", url.as_str()), ("VESTIBULE_MAIL_ATTEMPTS", "3")];
        let test = TestApp::with(backend, &settings).await;
        let counted = async || {
            let now = metrics(&test.anon()).await;
            ["sent", "retried", "given_up"].map(|outcome| value(&now, &format!("vestibule_mails_total{{outcome=\"{outcome}\"}}")))
        };
        test.anon().sign_up("ann@example.org").await.ok();
        for expected in [[0.0, 1.0, 0.0], [0.0, 2.0, 0.0], [0.0, 2.0, 1.0]] {
            test.run_jobs().await;
            assert_eq!(counted().await, expected);
            test.clock.advance(TimeDelta::minutes(1));
        }
        mail.behave(Manner::AnswersRecipients("550 5.1.1 no such user here"));
        test.anon().sign_up("bob@example.org").await.ok();
        test.run_jobs().await;
        assert_eq!(counted().await, [0.0, 2.0, 2.0]);
        mail.behave(Manner::Takes);
        test.anon().sign_up("carl@example.org").await.ok();
        test.run_jobs().await;
        assert_eq!(counted().await, [1.0, 2.0, 2.0]);
    }

    async fn connections_are_counted_as_used_for_as_long_as_somebody_has_them(backend: Backend) {
        const HELD: usize = 4;
        let test = TestApp::start(backend).await;
        let pool = if backend == Backend::Sqlite { "read" } else { "all" };
        // Whoever asks has one, too, which may be on its way back.
        let become_so = async |is_so: fn(f64, f64) -> bool| {
            let mut now = String::new();
            for _ in 0..200 {
                now = metrics(&test.anon()).await;
                let of = |state: &str| {
                    let labels = format!("{{pool=\"{pool}\",state=\"{state}\"}}");
                    value(&now, &format!("vestibule_database_connections{labels}"))
                };
                if is_so(of("used"), of("idle")) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("{now}");
        };
        become_so(|used, _| used <= 1.0).await;
        let mut held = Vec::new();
        for _ in 0..HELD {
            held.push(test.app.db.read().begin().await.expect("a connection"));
        }
        become_so(|used, _| used >= HELD as f64).await;
        for held in held {
            held.rollback().await.expect("free again");
        }
        become_so(|used, idle| used <= 1.0 && idle >= HELD as f64).await;
    }

    async fn without_a_database_it_says_so_and_the_rest(backend: Backend) {
        let test = TestApp::start(backend).await;
        test.app.db.clone().close().await;
        let now = metrics(&test.anon()).await;
        assert_eq!(value(&now, "vestibule_database_up"), 0.0, "{now}");
        assert!(now.contains("vestibule_build_info"), "{now}");
        assert!(!now.contains("vestibule_mails_waiting"), "{now}");
    }
}

/// A rule that waits for an increase would miss the first of a series that begins with 1.
#[tokio::test]
async fn what_rules_watch_is_counted_from_zero_on() {
    let test = TestApp::start(Backend::Sqlite).await;
    let now = metrics(&test.anon()).await;
    for series in [
        "mails_total{outcome=\"given_up\"}",
        "mails_total{outcome=\"retried\"}",
        "limits_hit_total{limit=\"wrong_passwords_of_account\"}",
        "limits_hit_total{limit=\"waits_at_once\"}",
        "limits_hit_total{limit=\"mails_of_network_to_address\"}",
        "passwords_refused_total{reason=\"queue_full\"}",
        "passwords_refused_total{reason=\"too_slow\"}",
        "events_total{kind=\"refresh_token_reused\"}",
        "operations_total{operation=\"signIn\",outcome=\"INVALID_CREDENTIALS\"}",
        "operations_total{operation=\"refreshSession\",outcome=\"INTERNAL\"}",
    ] {
        assert!(
            now.contains(&format!("vestibule_{series} 0\n")),
            "{series}: {now}"
        );
    }
}

/// A label that a client could choose would be a memory that a client could fill.
#[tokio::test]
async fn nothing_that_a_client_writes_becomes_a_label() {
    let test = TestApp::start(Backend::Sqlite).await;
    let client = test.anon();
    for query in [
        "{ canary { id } }",
        "{ canary: authConfig { signUpEnabled } }",
        "mutation canary { canary: signOut { revokedSessions } }",
        "query canary { ...canary } fragment canary on Query { canary: me { id } }",
        "{ canary",
    ] {
        client.query(query, json!({})).await;
    }
    client.get("/canary").await;
    client.get("/verify?ticket=canary").await;
    let now = metrics(&client).await;
    assert!(!now.contains("canary"), "{now}");
    assert_eq!(outcome(&now, "authConfig", "ok"), 1.0, "{now}");
    assert_eq!(outcome(&now, "me", "ok"), 1.0, "{now}");
    assert_eq!(
        outcome(&now, "none", "GRAPHQL_VALIDATION_FAILED"),
        1.0,
        "{now}"
    );
    for route in ["/graphql", "/verify", "unknown"] {
        let count = format!("vestibule_http_request_seconds_count{{route=\"{route}\"");
        assert!(now.contains(&count), "{route}: {now}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_that_are_turned_away_are_counted_by_the_reason() {
    for (queue, wait, reason) in [("1", "60000", "queue_full"), ("256", "10", "too_slow")] {
        let settings = [
            ("VESTIBULE_PASSWORD_PASSES", "32"),
            ("VESTIBULE_PASSWORD_WORKERS", "1"),
            ("VESTIBULE_PASSWORD_QUEUE", queue),
            ("VESTIBULE_PASSWORD_WAIT", wait),
        ];
        let test = TestApp::with(Backend::Sqlite, &settings).await;
        let answers = race(8, |_| {
            let client = test.anon();
            async move { client.sign_in("ann@example.org", PASSWORD).await.code() }
        });
        let answers = answers.await;
        let refused = answers.iter().filter(|code| *code == "OVERLOADED").count();
        assert!(refused > 0, "{answers:?}");
        let now = metrics(&test.anon()).await;
        let counted = |reason: &str| {
            let labels = format!("{{reason=\"{reason}\"}}");
            value(&now, &format!("vestibule_passwords_refused_total{labels}"))
        };
        assert_eq!(counted(reason), refused as f64, "{now}");
        let all = counted("queue_full") + counted("too_slow");
        assert_eq!(all, refused as f64, "{now}");
        assert_eq!(outcome(&now, "signIn", "OVERLOADED"), all, "{now}");
    }
}

#[tokio::test]
async fn in_production_it_answers_at_an_address_of_its_own_and_nowhere_else() {
    let own = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut settings = vec![
        ("VESTIBULE_MODE", "production"),
        ("VESTIBULE_PUBLIC_URL", "https://auth.example.org"),
        (
            "VESTIBULE_MASTER_KEY",
            "dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzIDEyMzQ=",
        ),
        ("VESTIBULE_ADMIN_SECRET", ADMIN_SECRET),
        ("VESTIBULE_SMTP_URL", "smtp://127.0.0.1:9"),
    ];
    let closed = Program::serve(&settings).await;
    assert_eq!(wire::get(closed.address, "/metrics", &[]).await.status, 404);
    let bind = own.to_string();
    settings.push(("VESTIBULE_METRICS_BIND", &bind));
    let mut open = Program::serve(&settings).await;
    assert_eq!(wire::get(open.address, "/metrics", &[]).await.status, 404);
    let answer = wire::get(own, "/metrics", &[]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("vestibule_database_up 1"));
    assert_eq!(wire::get(own, "/graphql", &[]).await.status, 404);
    open.terminate();
    assert!(open.ended().await.success());
}
