//! Whatever is said to the house, and however it goes wrong: no secret stands in the log, in a table, in a mail that is
//! not its own, or in an answer that does not rightly hand it out.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::application::{Column, Entity};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use super::canary::{House, OPERATOR};
use super::hostile::hostile;
use crate::harness::{Backend, by_code, by_ticket};
use crate::smtp::server::Manner;

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";
const FIRST: &str = "canary-first-password-51b7";
const SECOND: &str = "canary-second-password-77e0";
const THIRD: &str = "canary-third-password-4410";
pub const WRONG: &str = "canary-wrong-20c4";
const VERIFIER: &str = "canary-verifier-dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1g";
const DONE: &str = "https://auth.example.org/done";
const PAGE: &str = "https://app.example.org";

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()))
}

fn proof(mut proof: Value, others: Value) -> Value {
    proof = proof["input"].take();
    for (name, value) in others.as_object().expect("an object") {
        proof[name] = value.clone();
    }
    proof
}

on_both_databases! {
    async fn no_secret_stands_anywhere_but_where_it_belongs(backend: Backend) {
        let mut house = House::open(backend).await;
        let session = sign_up_and_in(&mut house).await;
        passwords(&mut house, &session).await;
        let session = cookies(&mut house).await;
        addresses_and_accounts(&mut house, &session).await;
        refused_mail(&mut house).await;
        defect(&mut house, backend).await;
        hostile(&mut house).await;
        house.without_database(async |house| hostile(house).await).await;
        house.assert_discreet().await;
    }
}

async fn sign_up_and_in(house: &mut House) -> (String, String) {
    let input = json!({ "email": ANN, "password": FIRST, "redirectTo": DONE, "codeChallenge": challenge() });
    let pending = house.done("sign_up", input, &[]).await;
    let handle = house.keep(&pending["verificationId"]);
    let (ticket, code) = house.mailed(ANN, 0).await;
    for (by, verifier) in [
        (by_ticket(&ticket), WRONG),
        (by_code(&handle, WRONG), VERIFIER),
        (by_ticket(WRONG), VERIFIER),
    ] {
        house
            .run(
                "verify_email",
                proof(by, json!({ "codeVerifier": verifier })),
                &[],
            )
            .await;
    }
    let right = proof(by_code(&handle, &code), json!({ "codeVerifier": VERIFIER }));
    let verified = house.done("verify_email", right, &[]).await;
    house.session(&verified);

    let pending = house
        .done("sign_up", json!({ "email": BOB, "password": FIRST }), &[])
        .await;
    house.keep(&pending["verificationId"]);
    let (ticket, _) = house.mailed(BOB, 0).await;
    // A scanner and then a click.
    house
        .form("GET", &format!("/verify?ticket={ticket}"), "")
        .await;
    house.keep(&json!(ticket));
    house
        .form("POST", "/verify", &format!("ticket={WRONG}"))
        .await;

    house
        .run("sign_in", json!({ "login": ANN, "password": WRONG }), &[])
        .await;
    let opened = house
        .done("sign_in", json!({ "login": ANN, "password": FIRST }), &[])
        .await;
    let (_, refresh) = house.session(&opened);
    let refreshed = house
        .done("refresh_session", json!({ "refreshToken": refresh }), &[])
        .await;
    let next = house.session(&refreshed);
    // A lost answer: the same successor again.
    let again = house
        .done(
            "refresh_session",
            json!({ "refreshToken": refresh }),
            &[OPERATOR],
        )
        .await;
    house.session(&again);
    next
}

async fn passwords(house: &mut House, (access, _): &(String, String)) {
    let bearer = format!("Bearer {access}");
    for (current, new) in [(WRONG, SECOND), (FIRST, "canary"), (FIRST, SECOND)] {
        let change = json!({ "currentPassword": current, "newPassword": new });
        let answer = house
            .run("change_password", change, &[("authorization", &bearer)])
            .await;
        if answer["errors"].is_null() {
            house.session(&answer["data"]["changePassword"]);
        }
    }
    house
        .run(
            "check_password",
            json!({ "password": WRONG, "displayName": WRONG }),
            &[],
        )
        .await;

    let allowed = json!({ "clientId": "default", "passwordInResetRequestAllowed": true });
    house
        .done("admin_update_application", allowed, &[OPERATOR])
        .await;
    let ask = json!({ "email": ANN, "newPassword": THIRD, "redirectTo": DONE, "codeChallenge": challenge() });
    let pending = house.done("request_password_reset", ask, &[]).await;
    house.keep(&pending["verificationId"]);
    let (ticket, _) = house.mailed(ANN, 2).await;
    for verifier in [WRONG, VERIFIER] {
        let by = proof(by_ticket(&ticket), json!({ "codeVerifier": verifier }));
        let answer = house.run("reset_password", by, &[]).await;
        if verifier == VERIFIER {
            house.session(&answer["data"]["resetPassword"]);
        }
    }

    let pending = house
        .done("request_password_reset", json!({ "email": ANN }), &[])
        .await;
    house.keep(&pending["verificationId"]);
    let (ticket, code) = house.mailed(ANN, 4).await;
    assert_eq!(code.len(), 10, "the code of a reset");
    house
        .form("GET", &format!("/reset?ticket={ticket}"), "")
        .await;
    house.keep(&json!(ticket));
    house
        .form(
            "POST",
            "/reset",
            &format!("ticket={ticket}&password=canary"),
        )
        .await;
    house.keep(&json!(ticket));
    let page = house
        .form(
            "POST",
            "/reset",
            &format!("ticket={ticket}&password={FIRST}"),
        )
        .await;
    assert!(
        page.as_str().is_some_and(|page| page.contains("saved")),
        "{page}"
    );
}

/// A session whose refresh token is a cookie; answers an access token.
async fn cookies(house: &mut House) -> String {
    let db = house.connect().await;
    Entity::update_many()
        .col_expr(Column::AllowedOrigins, json!([PAGE]).into())
        .filter(Column::ClientId.eq("default"))
        .exec(&db)
        .await
        .expect("a list of origins");
    let into_cookie = json!({ "login": ANN, "password": FIRST, "tokenTransport": "COOKIE" });
    let opened = house
        .done("sign_in", into_cookie, &[("origin", PAGE)])
        .await;
    house.keep(&opened["accessToken"]);
    let token = house.cookie();
    let mut access = String::new();
    for origin in ["https://evil.example", PAGE] {
        let cookie = format!("__Host-vestibule-default={token}; other={WRONG}");
        let headers = [("origin", origin), ("cookie", cookie.as_str())];
        let answer = house.run("refresh_session", json!({}), &headers).await;
        if origin == PAGE {
            access = house.keep(&answer["data"]["refreshSession"]["accessToken"]);
            house.cookie();
        }
    }
    access
}

async fn addresses_and_accounts(house: &mut House, access: &str) {
    let bearer = format!("Bearer {access}");
    let signed_in = [("authorization", bearer.as_str())];
    for password in [WRONG, FIRST] {
        let ask = json!({ "newEmail": "anna@example.org", "currentPassword": password });
        house.run("request_email_change", ask, &signed_in).await;
    }
    let last = house.last();
    house.keep(&last["data"]["requestEmailChange"]["verificationId"]);
    let (ticket, _) = house.mailed("anna@example.org", 0).await;
    house
        .form("GET", &format!("/confirm-email?ticket={ticket}"), "")
        .await;
    house.keep(&json!(ticket));
    let mut by = by_ticket(&ticket);
    let confirmed = house
        .done("confirm_email_change", by["input"].take(), &signed_in)
        .await;
    house.keep(&confirmed["accessToken"]);
    let (undo, _) = house.mailed(ANN, 6).await;
    house
        .done("undo_email_change", json!({ "ticket": undo }), &[])
        .await;

    let cid = json!({ "email": "cid@example.org", "password": THIRD, "emailVerified": true });
    let cid = house.done("admin_create_user", cid, &[OPERATOR]).await;
    let new = json!({ "userId": cid["id"], "password": SECOND });
    house.done("admin_update_user", new, &[OPERATOR]).await;
    let link = json!({ "userId": cid["id"], "purpose": "PASSWORD_RESET" });
    let made = house.done("admin_make_link", link, &[OPERATOR]).await;
    let ticket = made["link"]
        .as_str()
        .and_then(|link| link.split("ticket=").nth(1));
    let ticket = house.keep(&json!(ticket));
    let reset = proof(by_ticket(&ticket), json!({ "newPassword": FIRST }));
    let opened = house.done("reset_password", reset, &[]).await;
    let (access, refresh) = house.session(&opened);
    house
        .done("sign_out", json!({ "refreshToken": refresh }), &[])
        .await;
    let bearer = format!("Bearer {access}");
    let leave = json!({ "currentPassword": FIRST });
    house
        .run("delete_user", leave, &[("authorization", &bearer)])
        .await;
}

/// The mail server quotes what it refuses.
async fn refused_mail(house: &mut House) {
    house.mail.behave(Manner::QuotesTheLink);
    let pending = house
        .done(
            "sign_up",
            json!({ "email": "dan@example.org", "password": FIRST }),
            &[],
        )
        .await;
    house.keep(&pending["verificationId"]);
    house.mailed("dan@example.org", 0).await;
    for _ in 0..200 {
        if house.program.output().contains("a mail is given up") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(
        house.program.output().contains("unwanted"),
        "the reason stands in the log"
    );
    house.mail.behave(Manner::Takes);
}

/// The database refuses a row for a reason that nobody thought of; PostgreSQL tells the whole row along with it.
async fn defect(house: &mut House, backend: Backend) {
    let refuse = match backend {
        Backend::Postgres => "ALTER TABLE pending_sign_ups ADD CHECK (display_name <> 'Fay')",
        Backend::Sqlite => {
            "CREATE TRIGGER refuse BEFORE INSERT ON pending_sign_ups WHEN NEW.display_name = 'Fay' \
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        }
    };
    house
        .connect()
        .await
        .execute_unprepared(refuse)
        .await
        .expect("a table");
    let answer = house
        .run(
            "sign_up",
            json!({ "email": "fay@example.org", "password": FIRST, "displayName": "Fay" }),
            &[],
        )
        .await;
    let error = &answer["errors"][0];
    assert_eq!(error["extensions"]["code"], "INTERNAL", "{answer}");
    assert_eq!(error["message"], "Something went wrong on our side.");
    let id = error["extensions"]["requestId"].as_str().expect("an id");
    let log = house.program.output_with("was masked").await;
    let line = log
        .lines()
        .find(|line| line.contains(id) && line.contains("was masked"));
    assert!(
        line.is_some_and(|line| line.contains("constraint") || line.contains("refused")),
        "{line:?}"
    );
}
