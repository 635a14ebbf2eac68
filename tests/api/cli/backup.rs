//! A copy of a house that is in use, and what comes back with it: accounts, and nothing that opens a door.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::load::{Load, are_there};
use crate::harness::program::{Folder, Program, finish};
use crate::harness::{ADMIN_SECRET, Backend, Database, PASSWORD, by_ticket, wire};

const ANN: &str = "ann@example.org";
const NEW: &str = "another battery staple";

/// One public address, so that the tokens of one house are not strange to the next.
const SETTINGS: [(&str, &str); 5] = [
    ("VESTIBULE_PUBLIC_URL", "http://localhost:4000"),
    (
        "VESTIBULE_MASTER_KEY",
        "dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzIDEyMzQ=",
    ),
    ("VESTIBULE_ADMIN_SECRET", ADMIN_SECRET),
    ("VESTIBULE_RATE_LIMITS", "off"),
    ("VESTIBULE_PASSWORD_WAIT", "30000"),
];

pub async fn serve(url: &str) -> Program {
    let mut settings = SETTINGS.to_vec();
    settings.push(("VESTIBULE_DATABASE_URL", url));
    Program::serve(&settings).await
}

/// What a command says, and whether it went well.
pub fn command(url: &str, arguments: &[&str]) -> (bool, String) {
    let mut settings = SETTINGS.to_vec();
    settings.push(("VESTIBULE_DATABASE_URL", url));
    let output = finish(&Folder::new(), &settings, arguments);
    let text = |octets| String::from_utf8_lossy(octets).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.success(), said)
}

/// The answer's only field, or null.
pub async fn ask(house: SocketAddr, query: &str, input: Value, headers: &[(&str, &str)]) -> Value {
    let answer = wire::run(house, query, json!({ "input": input }), headers).await;
    let answer = answer.json();
    let fields = answer["data"].as_object();
    let field = fields.and_then(|fields| fields.values().next());
    field
        .filter(|field| !field.is_null())
        .cloned()
        .unwrap_or(answer)
}

pub fn text(value: &Value, name: &str) -> String {
    let text = value[name].as_str();
    text.unwrap_or_else(|| panic!("no {name}: {value}"))
        .to_owned()
}

pub async fn move_in(house: SocketAddr) {
    let input = json!({ "email": ANN, "password": PASSWORD, "emailVerified": true });
    let secret = [("x-vestibule-admin-secret", ADMIN_SECRET)];
    text(&ask(house, "admin_create_user", input, &secret).await, "id");
}

pub async fn sign_in(house: SocketAddr, password: &str) -> Value {
    ask(
        house,
        "sign_in",
        json!({ "login": ANN, "password": password }),
        &[],
    )
    .await
}

/// The reason why the token names nobody, or an empty text where it does.
pub async fn reason(house: SocketAddr, session: &Value) -> String {
    let bearer = format!("Bearer {}", text(session, "accessToken"));
    let answer = wire::run(house, "me", json!({}), &[("authorization", &bearer)]).await;
    let answer = answer.json();
    let reason = answer["errors"][0]["extensions"]["reason"].as_str();
    reason.unwrap_or_default().to_owned()
}

pub async fn refresh(house: SocketAddr, session: &Value) -> String {
    let input = json!({ "refreshToken": text(session, "refreshToken") });
    let answer = ask(house, "refresh_session", input, &[]).await;
    let code = answer["errors"][0]["extensions"]["code"].as_str();
    code.unwrap_or_default().to_owned()
}

async fn kids(house: SocketAddr) -> Vec<Value> {
    let set = wire::get(house, "/.well-known/jwks.json", &[]).await.json();
    let keys = set["keys"].as_array().expect("keys");
    keys.iter().map(|key| key["kid"].clone()).collect()
}

/// The ticket of the newest mail.
async fn ticket(house: SocketAddr) -> String {
    for _ in 0..400 {
        let inbox = wire::get(house, "/dev/inbox", &[("accept", "application/json")]).await;
        if let Some(ticket) = inbox.json()[0]["ticket"].as_str() {
            return ticket.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no mail");
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

pub fn url_of(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_under_load_opens_elsewhere_with_its_accounts_and_without_a_session() {
    let folder = Folder::new();
    let url = url_of(&folder.path().join("house.db"));
    let house = serve(&url).await;
    move_in(house.address).await;
    let (before, revoked) = (
        sign_in(house.address, PASSWORD).await,
        sign_in(house.address, PASSWORD).await,
    );
    ask(
        house.address,
        "request_password_reset",
        json!({ "email": ANN }),
        &[],
    )
    .await;
    let ticket = ticket(house.address).await;
    let keys = kids(house.address).await;

    let load = Load::on(house.address);
    load.reaches(6).await;
    let copy = folder.path().join("copy.db");
    let name = copy.to_str().unwrap();
    let signed_up = load.acknowledged();
    let (well, said) = command(&url, &["backup", name]);
    assert!(well && said.contains("the master key"), "{said}");
    load.reaches(load.acknowledged().len() + 6).await;
    load.end().await;
    assert_eq!(mode(&copy), 0o600);

    // What happens after the copy.
    let out = json!({ "refreshToken": text(&revoked, "refreshToken") });
    ask(house.address, "sign_out", out, &[]).await;
    let after = sign_in(house.address, PASSWORD).await;
    let bearer = format!("Bearer {}", text(&after, "accessToken"));
    let change = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    ask(
        house.address,
        "change_password",
        change,
        &[("authorization", &bearer)],
    )
    .await;

    let (well, said) = command(&url, &["backup", name]);
    assert!(!well && said.contains("nothing is overwritten"), "{said}");
    let (well, said) = command(&url, &["restore", name]);
    assert!(!well && said.contains("move it away"), "{said}");
    let place = url_of(&folder.path().join("new.db"));
    let (well, said) = command(&place, &["restore", name]);
    assert!(well && said.contains("signs in again"), "{said}");
    assert_eq!(mode(&folder.path().join("new.db")), 0o600);
    let names = std::fs::read_dir(folder.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name());
    assert!(
        names
            .into_iter()
            .all(|name| !name.to_string_lossy().ends_with(".part"))
    );
    are_there(&place, &signed_up).await;

    let restored = serve(&place).await;
    for session in [&before, &revoked, &after] {
        assert_ne!(reason(restored.address, session).await, "");
        assert_eq!(
            refresh(restored.address, session).await,
            "INVALID_REFRESH_TOKEN"
        );
    }
    let kids_now = kids(restored.address).await;
    assert!(
        kids_now.len() == 1 && !keys.contains(&kids_now[0]),
        "{kids_now:?}"
    );
    let mut reset = by_ticket(&ticket)["input"].take();
    reset["newPassword"] = json!(NEW);
    let answer = ask(restored.address, "reset_password", reset, &[]).await;
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "INVALID_TICKET",
        "{answer}"
    );
    // As it was at the copy.
    assert!(sign_in(restored.address, NEW).await["accessToken"].is_null());
    let opened = sign_in(restored.address, PASSWORD).await;
    assert_eq!(reason(restored.address, &opened).await, "");
    assert_eq!(refresh(restored.address, &opened).await, "");
}

/// Whoever puts the file into its place without asking anybody gets no session, either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_merely_put_into_place_holds_no_session_and_no_private_key() {
    let folder = Folder::new();
    let url = url_of(&folder.path().join("house.db"));
    let copy = folder.path().join("copy.db");
    let mut house = serve(&url).await;
    move_in(house.address).await;
    let session = sign_in(house.address, PASSWORD).await;
    let (well, said) = command(&url, &["backup", copy.to_str().unwrap()]);
    assert!(well, "{said}");
    assert_eq!(
        reason(house.address, &session).await,
        "",
        "the house itself goes on"
    );
    house.terminate();
    assert!(house.ended().await.success());
    let place = folder.path().join("house.db");
    std::fs::rename(&copy, &place).unwrap();
    for end in ["-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{end}", place.display())));
    }
    let restored = serve(&url).await;
    assert_eq!(
        refresh(restored.address, &session).await,
        "INVALID_REFRESH_TOKEN"
    );
    text(&sign_in(restored.address, PASSWORD).await, "accessToken");
}

#[test]
fn what_is_no_database_of_ours_is_neither_copied_nor_restored_and_leaves_nothing() {
    let folder = Folder::new();
    let (missing, place) = (
        folder.path().join("missing.db"),
        folder.path().join("place.db"),
    );
    let copy = folder.path().join("copy.db");
    let (well, said) = command(&url_of(&missing), &["backup", copy.to_str().unwrap()]);
    assert!(!well && said.contains("there is no database"), "{said}");
    let noise = folder.file("noise.db", &"no database ".repeat(1_000));
    let empty = folder.file("empty.db", "");
    for from in [noise.as_str(), empty.as_str(), "nowhere.db"] {
        let (well, said) = command(&url_of(&place), &["restore", from]);
        assert!(!well && !said.contains("panicked"), "{from}: {said}");
    }
    let (well, said) = command(
        &url_of(Path::new(&noise)),
        &["backup", copy.to_str().unwrap()],
    );
    assert!(!well && !said.contains("panicked"), "{said}");
    let mut left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["empty.db", "noise.db"]);
    // What somebody else keeps beside the copy is theirs.
    let other = folder.file("copy.db.part", "theirs");
    let (well, said) = command(
        &url_of(Path::new(&noise)),
        &["backup", copy.to_str().unwrap()],
    );
    assert!(!well && said.contains("nothing is overwritten"), "{said}");
    assert_eq!(std::fs::read_to_string(other).unwrap(), "theirs");
    assert!(!copy.exists());
}

on_both_databases! {
    async fn a_new_epoch_ends_whatever_opened_a_door(backend: Backend) {
        let database = Database::empty(backend).await;
        let url = database.url();
        let house = serve(&url).await;
        move_in(house.address).await;
        let session = sign_in(house.address, PASSWORD).await;
        ask(house.address, "request_password_reset", json!({ "email": ANN }), &[]).await;
        let ticket = ticket(house.address).await;
        let keys = kids(house.address).await;
        let (well, said) = command(&url, &["epoch", "next", "--json"]);
        assert!(well, "{said}");
        let ended: Value = said.lines().find_map(|line| serde_json::from_str(line).ok()).expect("JSON");
        assert_eq!((&ended["sessions"], &ended["verifications"], &ended["keys"]), (&json!(1), &json!(1), &json!(1)));
        assert_ne!(reason(house.address, &session).await, "");
        assert_eq!(refresh(house.address, &session).await, "INVALID_REFRESH_TOKEN");
        let mut reset = by_ticket(&ticket)["input"].take();
        reset["newPassword"] = json!(NEW);
        let answer = ask(house.address, "reset_password", reset, &[]).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID_TICKET", "{answer}");
        // The key set of a house that is open follows within seconds.
        for _ in 0..400 {
            if kids(house.address).await.iter().all(|kid| !keys.contains(kid)) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let opened = sign_in(house.address, PASSWORD).await;
        assert_eq!(reason(house.address, &opened).await, "");
        let events = ask(house.address, "admin_audit_events", json!({}), &[("x-vestibule-admin-secret", ADMIN_SECRET)]).await;
        assert!(events.to_string().contains("EPOCH_BEGUN"), "{events}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_told_how_it_is_copied() {
    let database = Database::empty(Backend::Postgres).await;
    let url = database.url();
    for (name, names) in [("backup", "pg_dump"), ("restore", "pg_restore")] {
        let (well, said) = command(&url, &[name, "copy.db"]);
        assert!(
            !well && said.contains(names) && said.contains("epoch next"),
            "{said}"
        );
    }
}
