//! Administration on the command line: the same use cases as the API's.

use std::io::Write;
use std::process::{Output, Stdio};

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::program::{Folder, command};
use crate::harness::{PASSWORD, TestApp};
use crate::support::events;

/// The program, on the database of a house that is open.
struct Shell<'a> {
    test: &'a TestApp,
    folder: Folder,
}

impl<'a> Shell<'a> {
    fn beside(test: &'a TestApp) -> Self {
        Self {
            test,
            folder: Folder::new(),
        }
    }

    async fn type_in(&self, line: &[&str], input: &str) -> Output {
        let url = self.test.database.url();
        let settings = [
            ("VESTIBULE_DATABASE_URL", url.as_str()),
            (
                "VESTIBULE_MASTER_KEY",
                "dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzIDEyMzQ=",
            ),
        ];
        let mut command = command(&self.folder, &settings, line);
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("its input");
        // A command that reads nothing may have ended already.
        drop(stdin.write_all(input.as_bytes()));
        drop(stdin);
        tokio::task::spawn_blocking(move || child.wait_with_output())
            .await
            .unwrap()
            .expect("its output")
    }

    /// What a command that goes well prints.
    async fn run(&self, line: &[&str]) -> String {
        let output = self.type_in(line, "").await;
        let (said, complaint) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{line:?}: {said}{complaint}");
        said
    }

    async fn json(&self, line: &[&str]) -> Value {
        let mut line = line.to_vec();
        line.push("--json");
        serde_json::from_str(&self.run(&line).await).expect("JSON")
    }

    /// What a command that is refused complains about.
    async fn refused(&self, line: &[&str]) -> String {
        let output = self.type_in(line, "").await;
        assert_eq!(
            output.status.code(),
            Some(1),
            "{line:?}: {}",
            text(&output.stdout)
        );
        assert!(output.stdout.is_empty());
        text(&output.stderr)
    }
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

on_both_databases! {
    async fn an_account_is_made_shown_disabled_enabled_and_deleted(backend: Backend) {
        let test = TestApp::start(backend).await;
        let shell = Shell::beside(&test);
        let line = [
            "user", "create", "Ann@example.org", "--password-stdin", "--verified", "--role", "user", "--role", "editor",
            "--default-role", "editor", "--display-name", "Ann", "--json",
        ];
        let output = shell.type_in(&line, &format!("{PASSWORD}\n")).await;
        let made: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(made["adminCreateUser"]["roles"], json!(["user", "editor"]));
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();

        let shown = shell.run(&["user", "show", "ann@example.org"]).await;
        assert!(shown.contains("Ann@example.org") && shown.contains("user, editor"), "{shown}");
        let listed = shell.run(&["user", "list", "--email", "ANN"]).await;
        assert_eq!(listed.lines().count(), 2, "{listed}");

        shell.run(&["user", "disable", "ann@example.org"]).await;
        assert_eq!(test.anon().sign_in("ann@example.org", PASSWORD).await.code(), "ACCOUNT_DISABLED");
        let id = made["adminCreateUser"]["id"].as_str().expect("an id");
        shell.run(&["user", "enable", id]).await;
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        shell.run(&["user", "delete", id]).await;
        assert_eq!(shell.run(&["user", "show", id]).await, "There is none.\n");
        assert!(shell.refused(&["user", "disable", id]).await.contains("NOT_FOUND"));
    }

    async fn the_rules_are_those_of_the_api(backend: Backend) {
        let test = TestApp::start(backend).await;
        let shell = Shell::beside(&test);
        test.user("ann").await;
        assert!(shell.refused(&["user", "create", "ann@example.org"]).await.contains("EMAIL_TAKEN"));
        let complaint = shell.refused(&["user", "create", "no address"]).await;
        assert!(complaint.contains("INVALID_INPUT") && complaint.contains("  email: "), "{complaint}");
        let weak = shell.type_in(&["user", "create", "bob@example.org", "--password-stdin"], "password").await;
        assert!(text(&weak.stderr).contains("WEAK_PASSWORD"));
        assert!(shell.refused(&["user", "create", "bob@example.org", "--role", "vestibule-root"]).await.contains("reserved"));
        assert_eq!(shell.run(&["user", "list", "--email", "bob"]).await, "There are none.\n");
    }

    async fn an_administrator_is_made_and_the_trail_tells_by_whom(backend: Backend) {
        let test = TestApp::start(backend).await;
        let shell = Shell::beside(&test);
        let line = ["user", "create", "root@example.org", "--password-stdin", "--verified", "--role", "vestibule-admin", "--default-role", "vestibule-admin"];
        assert!(shell.type_in(&line, PASSWORD).await.status.success());
        let answer = test.anon().sign_in("root@example.org", PASSWORD).await.ok();
        let root = test.anon().signed_in(&answer.at("/data/signIn"));
        root.query("{ adminUsers(first: 1) { totalCount } }", json!({})).await.ok();
        let made = events(&test, "user_created").await;
        assert_eq!((made.len(), made[0].actor.as_str()), (1, "administrator"));
        assert_eq!(made[0].user_agent.as_deref(), Some("command line"));
    }

    async fn a_reset_is_a_link_that_works_once_and_an_invitation_for_who_has_no_password(backend: Backend) {
        let test = TestApp::start_now(backend).await;
        let shell = Shell::beside(&test);
        test.user("ann").await;
        shell.run(&["user", "create", "bob@example.org"]).await;
        for (login, page) in [("ann@example.org", "/reset?ticket="), ("bob@example.org", "/invitation?ticket=")] {
            let made = shell.json(&["user", "reset", login]).await;
            let link = made["adminMakeLink"]["link"].as_str().expect("a link").to_owned();
            let (_, ticket) = link.split_once(page).unwrap_or_else(|| panic!("{link}"));
            let input = json!({ "proof": { "ticket": ticket }, "newPassword": "a brand new horse battery" });
            let reset = async || test.anon().run("reset_password", json!({ "input": input })).await;
            reset().await.ok();
            assert_eq!(reset().await.code(), "INVALID_TICKET");
            test.anon().sign_in(login, "a brand new horse battery").await.ok();
        }
        shell.run(&["user", "create", "cy@example.org", "--invite"]).await;
        test.clock.advance(TimeDelta::minutes(1));
        assert_eq!(test.mail_to("cy@example.org").await.purpose(), "INVITATION");
        shell.run(&["user", "reset", "ann@example.org", "--mail"]).await;
        test.clock.advance(TimeDelta::minutes(1));
        assert_eq!(test.mail_to("ann@example.org").await.purpose(), "PASSWORD_RESET");
    }

    async fn applications_connections_and_tenants_are_kept(backend: Backend) {
        let test = TestApp::start(backend).await;
        let shell = Shell::beside(&test);
        let ann = test.user("ann").await;
        shell.run(&["connection", "create", "staff", "--verification", "off", "--allow-domain", "Example.org", "--strength", "FAIR"]).await;
        shell.run(&["application", "create", "The shop", "--client-id", "shop", "--connection", "staff", "--origin", "https://shop.example.org", "--role", "user", "--sign-up-role", "user", "--default-role", "user"]).await;
        let shop = shell.json(&["application", "show", "shop"]).await;
        assert_eq!(shop["adminApplication"]["connections"], json!(["staff"]));
        let sign_up = async |email: &str| {
            let input = json!({ "clientId": "shop", "email": email, "password": "Correct Horse 1" });
            test.anon().run("sign_up", json!({ "input": input })).await
        };
        sign_up("bob@example.org").await.ok();
        assert_eq!(sign_up("bob@example.com").await.issues(), ["email:not_allowed"]);
        shell.run(&["connection", "update", "staff", "--sign-up", "off"]).await;
        assert_eq!(sign_up("cy@example.org").await.code(), "SIGN_UP_DISABLED");
        assert!(shell.run(&["connection", "list"]).await.contains("staff"));
        shell.run(&["application", "update", "shop", "--access-token-ttl", "60"]).await;
        assert!(shell.run(&["application", "list"]).await.contains("shop"));
        assert!(shell.refused(&["connection", "delete", "staff"]).await.contains("INVALID_INPUT"));
        shell.run(&["application", "delete", "shop"]).await;
        shell.run(&["connection", "delete", "staff", "--delete-users"]).await;
        assert_eq!(shell.run(&["connection", "show", "staff"]).await, "There is none.\n");

        let tenant = shell.json(&["tenant", "create", "Acme"]).await["adminCreateTenant"]["id"].clone();
        let tenant = tenant.as_str().expect("an id");
        shell.run(&["tenant", "set-member", tenant, &ann.user_id, "--role", "owner"]).await;
        let tenants = ann.query("{ me { tenants { tenantName roles } } }", json!({})).await.ok();
        assert_eq!(tenants.at("/data/me/tenants"), json!([{ "tenantName": "Acme", "roles": ["owner"] }]));
        shell.run(&["tenant", "rename", tenant, "Acme Ltd"]).await;
        assert!(shell.run(&["tenant", "list"]).await.contains("Acme Ltd"));
        shell.run(&["tenant", "remove-member", tenant, &ann.user_id]).await;
        shell.run(&["tenant", "delete", tenant]).await;
        assert_eq!(shell.run(&["tenant", "show", tenant]).await, "There is none.\n");
    }

    async fn a_list_is_emptied_by_one_empty_text_and_stays_where_none_is_given(backend: Backend) {
        let test = TestApp::start(backend).await;
        let shell = Shell::beside(&test);
        let lists = [
            ("--origin", "allowedOrigins", "https://app.example.org"), ("--redirect-url", "allowedRedirectUrls", "https://app.example.org/"),
            ("--custom-claim", "allowedCustomClaims", "plan"), ("--template-option", "allowedTemplateOptions", "plan"),
        ];
        for (option, name, value) in lists {
            let update = async |line: &[&str]| {
                let line = [&["application", "update", "default"], line].concat();
                shell.json(&line).await["adminUpdateApplication"][name].clone()
            };
            assert_eq!(update(&[option, value]).await, json!([value]));
            assert_eq!(update(&["--access-token-ttl", "600"]).await, json!([value]), "{name}");
            let line = ["application", "update", "default", option, value, option, ""];
            assert!(shell.refused(&line).await.contains("INVALID_INPUT"), "{name}: beside others it is no entry");
            assert_eq!(update(&[option, ""]).await, json!([]), "{name}");
        }
        for (option, name) in [("--allow-domain", "allowedEmailDomains"), ("--block-domain", "blockedEmailDomains")] {
            let update = async |line: &[&str]| {
                let line = [&["connection", "update", "default"], line].concat();
                shell.json(&line).await["adminUpdateConnection"][name].clone()
            };
            assert_eq!(update(&[option, "example.org"]).await, json!(["example.org"]));
            assert_eq!(update(&["--sign-up", "on"]).await, json!(["example.org"]), "{name}");
            assert_eq!(update(&[option, ""]).await, json!([]), "{name}");
        }
    }

    async fn every_list_says_where_it_goes_on_and_goes_on_there(backend: Backend) {
        let test = TestApp::start(backend).await;
        let shell = Shell::beside(&test);
        for number in 1..=2 {
            shell.run(&["tenant", "create", &format!("name-{number}")]).await;
            shell.run(&["connection", "create", &format!("name-{number}")]).await;
            shell.run(&["application", "create", &format!("name-{number}"), "--connection", "default"]).await;
        }
        for thing in ["tenant", "connection", "application"] {
            let first = shell.run(&[thing, "list", "--first", "1"]).await;
            assert!(first.contains("name-2") && !first.contains("name-1"), "{first}");
            let (_, cursor) = first.trim_end().split_once("More: --after ").unwrap_or_else(|| panic!("{first}"));
            let rest = shell.run(&[thing, "list", "--after", cursor]).await;
            assert!(rest.contains("name-1") && !rest.contains("name-2") && !rest.contains("More:"), "{rest}");
        }
    }
}
