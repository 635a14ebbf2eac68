//! The refresh token in a cookie.

use axum::http::HeaderValue;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, PASSWORD, TestApp};
use crate::support::{assert_alive, list_origins, reason};

const PAGE: &str = "https://app.example.org";
const HTTPS: &[(&str, &str)] = &[("VESTIBULE_PUBLIC_URL", "https://id.example.org")];

/// A page of the web that talks to the house.
fn page(test: &TestApp) -> Client {
    test.anon().header("origin", PAGE)
}

async fn sign_in(client: &Client) -> Answer {
    let input =
        json!({ "login": "ann@example.org", "password": PASSWORD, "tokenTransport": "COOKIE" });
    client.run("sign_in", json!({ "input": input })).await
}

/// Ann's account, and a cookie of hers as the browser sends it back.
async fn with_cookie(test: &TestApp) -> String {
    list_origins(test, &[PAGE]).await;
    test.user("ann").await;
    pair(&sign_in(&page(test)).await.ok())
}

/// `name=value` of the cookie that was set.
fn pair(answer: &Answer) -> String {
    let line = set_cookie(answer);
    line.split(';').next().unwrap_or_default().to_owned()
}

#[track_caller]
fn set_cookie(answer: &Answer) -> String {
    let lines: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(lines.len(), 1, "{lines:?} {}", answer.body);
    lines[0].to_str().expect("text").to_owned()
}

async fn refresh(client: &Client, cookie: &str) -> Answer {
    let client = client.clone().header("cookie", cookie);
    client.run("refresh_session", json!({})).await
}

async fn sign_out(client: &Client, cookie: &str) -> Answer {
    let client = client.clone().header("cookie", cookie);
    client.run("sign_out", json!({})).await
}

on_both_databases! {
    async fn the_token_goes_into_a_cookie_and_nowhere_else(backend: Backend) {
        let test = TestApp::with(backend, HTTPS).await;
        list_origins(&test, &[PAGE]).await;
        test.user("ann").await;
        let answer = sign_in(&page(&test)).await.ok();
        let session = answer.at("/data/signIn");
        assert!(session["refreshToken"].is_null() && session["accessToken"].is_string());
        let expected = json!({
            "name": "__Host-vestibule-default", "domain": null, "path": "/", "maxAge": 2_592_000,
            "expiresAt": session["refreshTokenExpiresAt"],
        });
        assert_eq!(session["cookie"], expected);
        let line = set_cookie(&answer);
        let (pair, attributes) = line.split_once("; ").expect("attributes");
        assert_eq!(attributes, "Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure");
        let token = pair.strip_prefix("__Host-vestibule-default=").expect("the name");
        assert!(token.len() >= 43 && !answer.body.to_string().contains(token));
    }

    async fn without_https_a_browser_takes_no_host_prefix(backend: Backend) {
        let test = TestApp::start(backend).await;
        list_origins(&test, &[PAGE]).await;
        test.user("ann").await;
        let answer = sign_in(&page(&test)).await.ok();
        let line = set_cookie(&answer);
        assert!(line.starts_with("vestibule-default=") && !line.contains("Secure"), "{line}");
    }

    async fn it_is_exchanged_for_the_next_one_by_a_listed_page(backend: Backend) {
        let test = TestApp::start(backend).await;
        let first = with_cookie(&test).await;
        let answer = refresh(&page(&test), &first).await.ok();
        let second = pair(&answer);
        assert_ne!(first, second);
        assert!(answer.at("/data/refreshSession/refreshToken").is_null());
        assert_eq!(answer.at("/data/refreshSession/cookie/path"), "/");
        let third = refresh(&page(&test), &format!("theme=dark; {second}; other=1")).await.ok();
        assert_alive(&test.anon().bearer(&third.text("/data/refreshSession/accessToken")).me().await.ok());
    }

    async fn no_other_page_can_use_it_and_nothing_is_spent(backend: Backend) {
        let test = TestApp::start(backend).await;
        let cookie = with_cookie(&test).await;
        for origin in [
            "https://evil.example", "null", "", "http://app.example.org", "https://app.example.org:444",
            "https://app.example.org/", "https://APP.example.org", "https://app.example.org.evil.example",
            "https://xapp.example.org", "https://app.example.orgx", "*",
        ] {
            let client = test.anon().header("origin", origin);
            assert_eq!(refresh(&client, &cookie).await.code(), "ORIGIN_NOT_ALLOWED", "{origin:?}");
            assert_eq!(sign_out(&client, &cookie).await.code(), "ORIGIN_NOT_ALLOWED", "{origin:?}");
        }
        assert_eq!(refresh(&test.anon(), &cookie).await.code(), "ORIGIN_NOT_ALLOWED");
        assert_eq!(sign_out(&test.anon(), &cookie).await.code(), "ORIGIN_NOT_ALLOWED");
        refresh(&page(&test), &cookie).await.ok();
    }

    async fn a_page_that_is_struck_from_the_list_loses_it_at_once(backend: Backend) {
        let test = TestApp::start(backend).await;
        let cookie = with_cookie(&test).await;
        list_origins(&test, &["https://other.example.org"]).await;
        assert_eq!(refresh(&page(&test), &cookie).await.code(), "ORIGIN_NOT_ALLOWED");
    }

    async fn a_page_that_could_not_use_it_gets_none_and_no_session(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let answer = sign_in(&page(&test)).await;
        assert_eq!(answer.code(), "ORIGIN_NOT_ALLOWED");
        assert!(answer.headers.get("set-cookie").is_none());
        assert_eq!(ann.query("{ me { sessions { id } } }", json!({})).await.ok().at("/data/me/sessions").as_array().map(Vec::len), Some(1));
        // Who names no origin is a server, which hands the cookie on.
        set_cookie(&sign_in(&test.anon()).await.ok());
    }

    async fn nothing_but_refresh_and_sign_out_looks_at_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        let cookie = with_cookie(&test).await;
        let client = page(&test).header("cookie", &cookie);
        assert!(client.me().await.ok().at("/data/me").is_null());
        let change = json!({ "currentPassword": PASSWORD, "newPassword": "another horse battery" });
        let answer = client.run("change_password", json!({ "input": change })).await;
        assert_eq!(reason(&answer), "TOKEN_MISSING");
    }

    async fn signing_out_ends_the_session_and_clears_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        let cookie = with_cookie(&test).await;
        let answer = sign_out(&page(&test), &cookie).await.ok();
        assert_eq!(answer.at("/data/signOut/revokedSessions"), 1);
        assert_eq!(set_cookie(&answer), "vestibule-default=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
        let spent = refresh(&page(&test), &cookie).await;
        assert_eq!(spent.code(), "INVALID_REFRESH_TOKEN");
        assert!(set_cookie(&spent).contains("Max-Age=0"));
        // A cookie that names nothing leaves the bearer to decide.
        let other = sign_in(&test.anon()).await.ok();
        let client = page(&test).bearer(&other.text("/data/signIn/accessToken"));
        assert_eq!(sign_out(&client, &cookie).await.ok().at("/data/signOut/revokedSessions"), 1);
    }

    async fn ending_other_sessions_keeps_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        let cookie = with_cookie(&test).await;
        let client = page(&test).header("cookie", &cookie);
        let answer = client.run("sign_out", json!({ "input": { "scope": "OTHERS" } })).await.ok();
        assert_eq!(answer.at("/data/signOut/revokedSessions"), 1);
        assert!(answer.headers.get("set-cookie").is_none());
        refresh(&page(&test), &cookie).await.ok();
    }

    async fn a_token_in_the_input_comes_first_and_needs_no_origin(backend: Backend) {
        let test = TestApp::start(backend).await;
        let cookie = with_cookie(&test).await;
        let bob = test.user("bob").await;
        let client = test.anon().header("cookie", &cookie);
        let answer = client.refresh(&bob.refresh_token).await.ok();
        assert_eq!(answer.text("/data/refreshSession/user/id"), bob.user_id);
        assert!(answer.headers.get("set-cookie").is_none());
    }

    async fn whoever_ends_another_session_keeps_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        let cookie = with_cookie(&test).await;
        let bob = test.user("bob").await;
        for (token, ended) in [("garbage", 0), (bob.refresh_token.as_str(), 1)] {
            let client = test.anon().header("cookie", &cookie);
            let answer = client.run("sign_out", json!({ "input": { "refreshToken": token } })).await.ok();
            assert_eq!(answer.at("/data/signOut/revokedSessions"), json!(ended));
            assert!(answer.headers.get("set-cookie").is_none());
        }
        // By another token of the owner's, everywhere: it is of no use any more.
        let other = sign_in(&page(&test)).await.ok();
        let other = pair(&other);
        let all = json!({ "input": { "scope": "ALL", "refreshToken": other.split_once('=').expect("a value").1 } });
        let client = test.anon().header("cookie", &cookie);
        assert!(set_cookie(&client.run("sign_out", all).await.ok()).contains("Max-Age=0"));
    }

    async fn each_application_has_its_own(backend: Backend) {
        let test = TestApp::start(backend).await;
        let cookie = with_cookie(&test).await;
        let both = format!("vestibule-other=garbage; {cookie}");
        let other = refresh(&page(&test).header("x-client-id", "other"), &both).await;
        assert_eq!(other.code(), "INVALID_REFRESH_TOKEN");
        assert!(set_cookie(&other).starts_with("vestibule-other=;"));
        refresh(&page(&test).header("x-client-id", "default"), &both).await.ok();
        let garbage = refresh(&page(&test), "vestibule-other=garbage").await;
        assert_eq!(garbage.code(), "INVALID_REFRESH_TOKEN");
    }

    async fn a_session_keeps_the_way_it_has_until_another_is_asked_for(backend: Backend) {
        let test = TestApp::start(backend).await;
        list_origins(&test, &[PAGE]).await;
        test.user("ann").await;
        let session = sign_in(&page(&test)).await.ok();
        let client = page(&test).bearer(&session.text("/data/signIn/accessToken"));
        let change = async |from: &str, to: &str, transport: Value| {
            let mut input = json!({ "currentPassword": from, "newPassword": to });
            if !transport.is_null() {
                input["tokenTransport"] = transport;
            }
            client.run("change_password", json!({ "input": input })).await.ok()
        };
        let kept = change(PASSWORD, "another horse battery", Value::Null).await;
        assert!(kept.at("/data/changePassword/refreshToken").is_null());
        refresh(&page(&test), &pair(&kept)).await.ok();
        let moved = change("another horse battery", "a third horse battery", json!("BODY")).await;
        assert!(moved.headers.get("set-cookie").is_none());
        let token = moved.text("/data/changePassword/refreshToken");
        let next = test.anon().refresh(&token).await.ok();
        assert!(next.at("/data/refreshSession/refreshToken").is_string());
    }

    async fn a_tab_that_comes_late_takes_no_cookie_from_the_one_that_changed_the_password(backend: Backend) {
        let test = TestApp::start(backend).await;
        list_origins(&test, &[PAGE]).await;
        test.user("ann").await;
        let signed_in = sign_in(&page(&test)).await.ok();
        let client = page(&test).bearer(&signed_in.text("/data/signIn/accessToken"));
        let input = json!({ "currentPassword": PASSWORD, "newPassword": "another horse battery" });
        let changed = client.run("change_password", json!({ "input": input })).await.ok();
        let late = refresh(&page(&test), &pair(&signed_in)).await;
        assert_eq!(late.code(), "INVALID_REFRESH_TOKEN");
        assert!(late.headers.get("set-cookie").is_none());
        let next = refresh(&page(&test), &pair(&changed)).await.ok();
        // After a while it is no tab that came late: the session ends, and the cookie with it.
        test.clock.advance(TimeDelta::seconds(31));
        let thief = refresh(&page(&test), &pair(&signed_in)).await;
        assert_eq!(thief.code(), "INVALID_REFRESH_TOKEN");
        assert!(set_cookie(&thief).contains("Max-Age=0"));
        assert_eq!(refresh(&page(&test), &pair(&next)).await.code(), "INVALID_REFRESH_TOKEN");
    }

    async fn a_mail_can_be_answered_into_a_cookie(backend: Backend) {
        let test = TestApp::start(backend).await;
        list_origins(&test, &[PAGE]).await;
        test.anon().sign_up("ann@example.org").await.ok();
        let ticket = test.mail_to("ann@example.org").await.ticket();
        let verify = async |client: &Client| {
            let input = json!({ "proof": { "ticket": ticket }, "tokenTransport": "COOKIE" });
            client.run("verify_email", json!({ "input": input })).await
        };
        let elsewhere = test.anon().header("origin", "https://evil.example");
        assert_eq!(verify(&elsewhere).await.code(), "ORIGIN_NOT_ALLOWED");
        // The ticket is still good.
        let answer = verify(&page(&test)).await.ok();
        refresh(&page(&test), &pair(&answer)).await.ok();
    }

    async fn hostile_cookie_headers_are_nobody(backend: Backend) {
        let test = TestApp::start(backend).await;
        with_cookie(&test).await;
        let long = "x".repeat(8_000);
        for cookie in [
            "", ";;;", "=", "vestibule-default", "vestibule-default=", "vestibule-=x", "vestibule-default=a=b",
            "vestibule-default=x; vestibule-default=y", "VESTIBULE-DEFAULT=x", &format!("vestibule-default={long}"),
        ] {
            let answer = refresh(&page(&test), cookie).await;
            assert!(["INVALID_REFRESH_TOKEN", "INVALID_INPUT"].contains(&answer.code().as_str()), "{cookie}: {}", answer.body);
        }
        let octets = HeaderValue::from_bytes(b"vestibule-default=\xff\xfe").expect("a header");
        let mut request = axum::http::Request::post("/graphql").header("content-type", "application/json");
        request = request.header("cookie", octets).header("origin", PAGE);
        let body = json!({ "query": "mutation { refreshSession { __typename } }" }).to_string();
        let answer = test.anon().send(request.body(body.into()).unwrap()).await;
        assert_eq!(answer.code(), "INVALID_INPUT");
    }
}
