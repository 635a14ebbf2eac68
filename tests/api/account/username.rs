//! Usernames: at sign-up, at sign-in, and when one is taken meanwhile.

use serde_json::{Value, json};

use crate::harness::{Answer, Client, PASSWORD, TestApp, race};
use crate::password::steps::connection;
use crate::support::{PATIENT, accounts, open_verifications, sign_up_with, tally};

async fn house(test: &TestApp) {
    connection(test, json!({ "usernameRequired": true })).await;
}

async fn sign_up(client: &Client, email: &str, username: &str) -> Answer {
    sign_up_with(client, json!({ "email": email, "username": username })).await
}

/// Handle, ticket and code of a sign-up.
async fn pending(test: &TestApp, email: &str, username: &str) -> (String, String, String) {
    let answer = sign_up(&test.anon(), email, username).await.ok();
    let letter = test.mail_to(email).await;
    (
        answer.text("/data/signUp/verificationId"),
        letter.ticket(),
        letter.code(),
    )
}

fn ticket(ticket: &str) -> Value {
    json!({ "ticket": ticket })
}

fn code(handle: &str, code: &str) -> Value {
    json!({ "code": { "verificationId": handle, "code": code } })
}

async fn verify(client: &Client, proof: Value, username: Option<&str>) -> Answer {
    let input = json!({ "proof": proof, "username": username });
    client.run("verify_email", json!({ "input": input })).await
}

/// `name@example.org` with this username.
async fn user(test: &TestApp, name: &str, username: &str) -> Client {
    let (_, proof, _) = pending(test, &format!("{name}@example.org"), username).await;
    let session = verify(&test.anon(), ticket(&proof), None).await.ok();
    test.anon().signed_in(&session.at("/data/verifyEmail"))
}

on_both_databases! {
    async fn where_the_connection_has_usernames_a_sign_up_needs_a_good_one(backend: Backend) {
        let test = TestApp::start(backend).await;
        house(&test).await;
        let long = "a".repeat(129);
        let table = [
            (Value::Null, "required"), (json!(""), "required"), (json!(long), "too_long"), (json!("an n"), "format"),
            (json!(" ann"), "format"), (json!("\u{e4}nn"), "format"), (json!("ann\0"), "format"), (json!("a/b"), "format"),
            (json!("ann@example.org"), "format"), (json!("\u{430}nn"), "format"), (json!("a\nb"), "format"),
        ];
        for (given, rule) in table {
            let answer = sign_up_with(&test.anon(), json!({ "username": given })).await;
            assert_eq!((answer.code(), answer.issues()), ("INVALID_INPUT".into(), vec![format!("username:{rule}")]), "{given}");
        }
        assert_eq!(sign_up_with(&test.anon(), json!({})).await.issues(), ["username:required"]);
        assert!(open_verifications(&test).await.is_empty());
        for good in ["a", "Ann.O'Hara-2", "x@y", "^$.!#-+'~_`", &"a".repeat(128)] {
            sign_up(&test.anon(), "ann@example.org", good).await.ok();
        }
    }

    async fn where_it_has_none_a_username_is_refused(backend: Backend) {
        let test = TestApp::start(backend).await;
        let answer = sign_up(&test.anon(), "ann@example.org", "ann").await;
        assert_eq!((answer.code(), answer.issues()), ("INVALID_INPUT".into(), vec!["username:not_allowed".to_owned()]));
        assert!(open_verifications(&test).await.is_empty());
        // Nor does an answered mail give one to who wished for none.
        test.anon().sign_up("ann@example.org").await.ok();
        let proof = ticket(&test.mail_to("ann@example.org").await.ticket());
        verify(&test.anon(), proof, Some("ann")).await.ok();
        assert_eq!(accounts(&test, "ann@example.org").await[0].username, None);
    }

    async fn one_signs_in_by_username_in_any_case_or_by_address(backend: Backend) {
        let test = TestApp::start(backend).await;
        house(&test).await;
        let neo = user(&test, "ann", "Neo").await;
        assert_eq!(neo.me().await.text("/data/me/username"), "Neo");
        for login in ["Neo", "neo", "NEO", "ann@example.org", "ANN@EXAMPLE.ORG"] {
            let session = test.anon().sign_in(login, PASSWORD).await.ok();
            assert_eq!(session.text("/data/signIn/user/id"), neo.user_id, "{login}");
        }
        for login in ["neo ", "ne", "n%", "", "neo@example.org", "neo\0"] {
            assert_eq!(test.anon().sign_in(login, PASSWORD).await.code(), "INVALID_CREDENTIALS", "{login:?}");
        }
        assert_eq!(test.anon().sign_in("neo", "not the password").await.code(), "INVALID_CREDENTIALS");
        connection(&test, json!({ "usernameRequired": false })).await;
        assert_eq!(test.anon().sign_in("neo", PASSWORD).await.code(), "INVALID_CREDENTIALS");
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
    }

    async fn a_taken_username_is_told_at_sign_up_in_any_case(backend: Backend) {
        let test = TestApp::start(backend).await;
        house(&test).await;
        user(&test, "ann", "Neo").await;
        let mails = test.mails().await.len();
        for taken in ["Neo", "neo", "NEO"] {
            assert_eq!(sign_up(&test.anon(), "bob@example.org", taken).await.code(), "USERNAME_TAKEN", "{taken}");
        }
        assert_eq!(test.mails().await.len(), mails);
        connection(&test, json!({ "emailVerificationRequired": false })).await;
        assert_eq!(sign_up(&test.anon(), "bob@example.org", "nEO").await.code(), "USERNAME_TAKEN");
        sign_up(&test.anon(), "bob@example.org", "neo2").await.ok();
    }

    async fn a_username_taken_meanwhile_consumes_nothing_and_another_one_works(backend: Backend) {
        let test = TestApp::start(backend).await;
        house(&test).await;
        let (handle, link, digits) = pending(&test, "bob@example.org", "NEO").await;
        user(&test, "ann", "neo").await;
        user(&test, "eve", "trinity").await;
        for _ in 0..6 {
            for proof in [ticket(&link), code(&handle, &digits)] {
                assert_eq!(verify(&test.anon(), proof.clone(), None).await.code(), "USERNAME_TAKEN");
                assert_eq!(verify(&test.anon(), proof.clone(), Some("Trinity")).await.code(), "USERNAME_TAKEN");
                let bad = verify(&test.anon(), proof, Some("a b")).await;
                assert_eq!((bad.code(), bad.issues()), ("INVALID_INPUT".into(), vec!["username:format".to_owned()]));
            }
        }
        assert!(accounts(&test, "bob@example.org").await.is_empty());
        let session = verify(&test.anon(), code(&handle, &digits), Some("Morpheus")).await.ok();
        let bob = test.anon().signed_in(&session.at("/data/verifyEmail"));
        assert_eq!(bob.me().await.text("/data/me/username"), "Morpheus");
        test.anon().sign_in("morpheus", PASSWORD).await.ok();
        assert_eq!(verify(&test.anon(), ticket(&link), Some("Switch")).await.code(), "INVALID_TICKET");
    }

    async fn of_twenty_that_wish_for_one_username_one_gets_it(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        house(&test).await;
        let mut proofs = Vec::new();
        for number in 0..20 {
            let (handle, link, digits) = pending(&test, &format!("user{number}@example.org"), "Neo").await;
            proofs.push(if number % 2 == 0 { ticket(&link) } else { code(&handle, &digits) });
        }
        let answers = race(20, |number| {
            let (client, proof) = (test.anon(), proofs[number].clone());
            async move { verify(&client, proof, None).await }
        }).await;
        let expected = [(String::new(), 1), ("USERNAME_TAKEN".to_owned(), 19)];
        assert_eq!(tally(&answers), expected.into());
        // Everyone else is still free to choose, all at once.
        let answers = race(20, |number| {
            let (client, proof) = (test.anon(), proofs[number].clone());
            async move { verify(&client, proof, Some(&format!("neo{number}"))).await }
        }).await;
        assert_eq!(tally(&answers).get(""), Some(&19), "{:?}", tally(&answers));
    }

    async fn of_twenty_that_sign_up_at_once_without_a_mail_one_gets_it(backend: Backend) {
        let test = TestApp::with(backend, PATIENT).await;
        house(&test).await;
        test.require_verification(false).await;
        let answers = race(20, |number| {
            let client = test.anon();
            async move { sign_up(&client, &format!("user{number}@example.org"), "Neo").await }
        }).await;
        let expected = [(String::new(), 1), ("USERNAME_TAKEN".to_owned(), 19)];
        assert_eq!(tally(&answers), expected.into());
    }
}
