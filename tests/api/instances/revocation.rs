//! Whatever ends a session, asked for at one instance, has ended it at another one that remembers it, by the time it is
//! answered.

use serde_json::{Value, json};

use super::lease::{Regular, at, two};
use crate::account::email_change::change;
use crate::harness::{Client, PASSWORD, TestApp};
use crate::password::steps::{NEW, ask};
use crate::support::{another_session, assert_alive, reason};

/// What the one instance is asked.
struct Ending {
    /// The session that ends, at the door of the other instance.
    session: Client,
    /// Who asks.
    by: Client,
    document: &'static str,
    input: Value,
    /// Where the answer says what was done, and how.
    told: (&'static str, Value),
}

impl Ending {
    async fn happens(self, there: &TestApp) {
        let Self {
            session,
            by,
            document,
            input,
            told: (place, told),
        } = self;
        let doors = [session.clone(), at(there, &session)];
        for door in &doors {
            // Once to be remembered, and once from memory.
            assert_alive(&door.me().await);
            assert_alive(&door.me().await);
        }
        let answer = by.run(document, json!({ "input": input })).await;
        // Nothing may come in between: a moment later the other instance asks anyway.
        for door in &doors {
            let refused = door.me().await;
            assert_eq!(reason(&refused), "SESSION_REVOKED", "{document}: {input}");
        }
        assert_eq!(answer.at(place), told, "{document}: {}", answer.body);
        let refreshed = session.refresh(&session.refresh_token).await;
        assert_eq!(refreshed.code(), "INVALID_REFRESH_TOKEN", "{document}");
    }
}

/// Somebody who is signed in at the one instance, and once more at the other.
async fn twice(here: &TestApp, there: &TestApp, name: &str) -> (Client, Client) {
    let session = here.user(name).await;
    let other = another_session(there, name).await;
    (session, other)
}

/// By people themselves, who are signed in.
async fn by_another_session(here: &TestApp, there: &TestApp) -> Vec<Ending> {
    let mut endings = Vec::new();
    let mut add = |session, by, document, input, told| {
        endings.push(Ending {
            session,
            by,
            document,
            input,
            told,
        });
    };
    let count = |sessions: u32| ("/data/signOut/revokedSessions", json!(sessions));
    let (session, _) = twice(here, there, "current").await;
    let own = at(there, &session);
    add(session, own, "sign_out", json!({}), count(1));
    for (name, scope, ended) in [("others", "OTHERS", 1), ("all", "ALL", 2)] {
        let (session, other) = twice(here, there, name).await;
        let input = json!({ "scope": scope });
        add(session, other, "sign_out", input, count(ended));
    }

    let (session, other) = twice(here, there, "one").await;
    let id = json!(session.session_id);
    let told = ("/data/revokeSession/sessionId", id.clone());
    let input = json!({ "sessionId": id });
    add(session, other, "revoke_session", input, told);

    let (session, other) = twice(here, there, "changed").await;
    let told = ("/data/changePassword/sessionId", json!(other.session_id));
    let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    add(session, other, "change_password", input, told);

    let (session, other) = twice(here, there, "leaves").await;
    let told = ("/data/deleteUser/userId", json!(session.user_id));
    let input = json!({ "currentPassword": PASSWORD });
    add(session, other, "delete_user", input, told);
    endings
}

/// By whoever holds a mail or a token, signed in or not.
async fn by_a_secret(here: &TestApp, there: &TestApp) -> Vec<Ending> {
    let reset = here.user("forgetful").await;
    here.run_jobs().await;
    ask(&here.anon(), "forgetful@example.org").await;
    let ticket = here.mail_to("forgetful@example.org").await.ticket();
    let reset = Ending {
        session: reset,
        by: there.anon(),
        document: "reset_password",
        input: json!({ "proof": { "ticket": ticket }, "newPassword": NEW }),
        told: ("/data/resetPassword/__typename", json!("Session")),
    };

    let ann = here.user("moved").await;
    let moved = change(here, &ann, "elsewhere@example.org").await;
    let ticket = here.mail_to("moved@example.org").await.ticket();
    let undone = Ending {
        session: moved,
        by: there.anon(),
        document: "undo_email_change",
        input: json!({ "ticket": ticket }),
        told: (
            "/data/undoEmailChange/__typename",
            json!("PendingVerification"),
        ),
    };

    let robbed = here.user("robbed").await;
    let next = there.anon().refresh(&robbed.refresh_token).await.ok();
    let next = next.text("/data/refreshSession/refreshToken");
    there.anon().refresh(&next).await.ok();
    let reused = Ending {
        input: json!({ "refreshToken": robbed.refresh_token }),
        session: robbed,
        by: there.anon(),
        document: "refresh_session",
        told: ("/errors/0/extensions/code", json!("INVALID_REFRESH_TOKEN")),
    };
    vec![reset, undone, reused]
}

/// By administrators, to one account.
async fn by_administrators(here: &TestApp, there: &TestApp) -> Vec<Ending> {
    const ONE: &str = "/data/adminRevokeSessions/revokedSessions";
    let mut endings = Vec::new();
    let ways = [
        ("admin_revoke_sessions", json!({}), (ONE, Some(json!(1)))),
        (
            "admin_update_user",
            json!({ "disabled": true }),
            ("/data/adminUpdateUser/disabled", Some(json!(true))),
        ),
        (
            "admin_update_user",
            json!({ "password": NEW }),
            ("/data/adminUpdateUser/id", None),
        ),
        (
            "admin_delete_user",
            json!({}),
            ("/data/adminDeleteUser/userId", None),
        ),
    ];
    for (number, (document, mut input, (place, told))) in ways.into_iter().enumerate() {
        let session = here.user(&format!("person{number}")).await;
        let id = json!(session.user_id);
        input["userId"] = id.clone();
        endings.push(Ending {
            session,
            by: there.admin(),
            document,
            input,
            // Where nothing else is told, it is whom it was done to.
            told: (place, told.unwrap_or(id)),
        });
    }
    let (session, _) = twice(here, there, "single").await;
    endings.push(Ending {
        input: json!({ "userId": session.user_id, "sessionId": session.session_id }),
        session,
        by: there.admin(),
        document: "admin_revoke_sessions",
        told: (ONE, json!(1)),
    });
    endings
}

/// Somebody who came through an application, and lives in a connection, that are nobody else's.
async fn apart(here: &TestApp, name: &str) -> Client {
    let run = async |document: &str, input: Value| {
        let input = json!({ "input": input });
        here.admin().run(document, input).await.ok();
    };
    let connection = json!({ "name": name, "emailVerificationRequired": false });
    run("admin_create_connection", connection).await;
    let enabled = json!([name, "default"]);
    let application = json!({ "name": name, "clientId": name, "connections": enabled });
    run("admin_create_application", application).await;
    let input = json!({ "email": "ann@example.org", "password": PASSWORD, "clientId": name });
    let answer = here.anon().run("sign_up", json!({ "input": input })).await;
    here.anon().signed_in(&answer.ok().at("/data/signUp"))
}

/// By administrators, to all who came through an application, or live in a connection.
async fn by_settings(here: &TestApp, there: &TestApp) -> Vec<Ending> {
    let ways = [
        (
            "admin_update_application",
            json!({ "clientId": "shop", "disabled": true }),
            ("/data/adminUpdateApplication/disabled", json!(true)),
        ),
        (
            "admin_update_application",
            json!({ "clientId": "desk", "connections": ["default"] }),
            (
                "/data/adminUpdateApplication/connections",
                json!(["default"]),
            ),
        ),
        (
            "admin_delete_application",
            json!({ "clientId": "kiosk" }),
            ("/data/adminDeleteApplication/clientId", json!("kiosk")),
        ),
        (
            "admin_update_connection",
            json!({ "name": "staff", "disabled": true }),
            ("/data/adminUpdateConnection/disabled", json!(true)),
        ),
        (
            "admin_delete_connection",
            json!({ "name": "guests", "deleteUsers": true }),
            ("/data/adminDeleteConnection/deletedUsers", json!(1)),
        ),
    ];
    let mut endings = Vec::new();
    for (document, input, told) in ways {
        let name = input["clientId"].as_str().or(input["name"].as_str());
        endings.push(Ending {
            session: apart(here, name.expect("a name")).await,
            by: there.admin(),
            document,
            input,
            told,
        });
    }
    endings
}

on_both_databases! {
    async fn what_ends_a_session_has_ended_it_at_the_other_instance_by_the_time_it_is_answered(backend: Backend) {
        let (here, there) = two(backend).await;
        let mut endings = by_another_session(&here, &there).await;
        endings.extend(by_a_secret(&here, &there).await);
        endings.extend(by_administrators(&here, &there).await);
        endings.extend(by_settings(&here, &there).await);
        let regular = Regular::comes(here.user("regular").await);
        for ending in endings {
            ending.happens(&there).await;
        }
        regular.leave().await;
    }
}
