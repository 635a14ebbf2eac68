//! A mail leads to what its application lists when the mail is made, and not to what it listed when somebody asked.

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, TestApp};
use crate::support::{bury, open_verifications, resend, sign_up_with, verify_ticket};
use crate::text::Overrides;

const THERE: &str = "https://app.example.org/in/done";
const ANN: &str = "ann@example.org";

/// Changes the default application.
async fn application(test: &TestApp, mut fields: Value) {
    fields["clientId"] = json!("default");
    let input = json!({ "input": fields });
    test.admin()
        .run("admin_update_application", input)
        .await
        .ok();
}

async fn list(test: &TestApp, addresses: &[&str]) {
    application(test, json!({ "allowedRedirectUrls": addresses })).await;
}

/// Asks for a mail that leads back, which leaves after the address was struck from the list; then for another one, after
/// it was listed again. Answers both links.
async fn links(test: &TestApp, to: &str, client: &Client, name: &str, input: Value) -> [String; 2] {
    let mut links = Vec::new();
    for listed in [[].as_slice(), &["https://*.example.org/in"]] {
        list(test, &["https://app.example.org/in"]).await;
        let mut input = input.clone();
        input["redirectTo"] = json!(THERE);
        let asked = client.run(name, json!({ "input": input })).await;
        asked.ok();
        list(test, listed).await;
        links.push(test.mail_to(to).await.link());
    }
    links.try_into().expect("two")
}

on_both_databases! {
    async fn an_address_that_was_struck_while_a_mail_waited_gets_no_ticket(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        let made = json!({ "input": { "email": "new@example.org", "sendInvitation": false } });
        let id = test.admin().run("admin_create_user", made).await.ok().text("/data/adminCreateUser/id");
        let change = json!({ "newEmail": "other@example.org", "currentPassword": PASSWORD });
        let (nobody, admin) = (test.anon(), test.admin());
        for (to, client, name, input, page) in [
            ("bob@example.org", &nobody, "sign_up", json!({ "email": "bob@example.org", "password": PASSWORD }), "verify"),
            (ANN, &nobody, "request_password_reset", json!({ "email": ANN }), "reset"),
            ("other@example.org", &ann, "request_email_change", change, "confirm-email"),
            (ANN, &admin, "admin_send_link", json!({ "userId": ann.user_id, "purpose": "PASSWORD_RESET" }), "reset"),
            ("new@example.org", &admin, "admin_send_link", json!({ "userId": id, "purpose": "INVITATION" }), "invitation"),
        ] {
            let [struck, listed] = links(&test, to, client, name, input).await;
            assert!(struck.starts_with(&format!("http://127.0.0.1:4000/{page}?ticket=")), "{name}: {struck}");
            assert!(listed.starts_with(&format!("{THERE}?ticket=")), "{name}: {listed}");
        }
    }

    async fn another_mail_goes_by_the_list_as_it_is_by_then(backend: Backend) {
        let test = TestApp::start(backend).await;
        list(&test, &["https://app.example.org/in"]).await;
        let pending = sign_up_with(&test.anon(), json!({ "redirectTo": THERE })).await.ok();
        let first = test.mail_to(ANN).await;
        assert!(first.link().starts_with(THERE), "{}", first.link());
        list(&test, &[]).await;
        resend(&test.anon(), &pending.text("/data/signUp/verificationId")).await.ok();
        let second = test.mail_to(ANN).await;
        assert_eq!(second.link(), format!("http://127.0.0.1:4000/verify?ticket={}", first.ticket()));
        verify_ticket(&test.anon(), &second.ticket()).await.ok();
    }

    async fn a_mail_that_is_tried_again_goes_by_the_list_as_it_is_by_then(backend: Backend) {
        let test = TestApp::start(backend).await;
        list(&test, &["https://app.example.org/in"]).await;
        sign_up_with(&test.anon(), json!({ "redirectTo": THERE })).await.ok();
        let mails = test.admin().run("admin_mails", json!({})).await.ok();
        let id = mails.text("/data/adminMails/nodes/0/id");
        bury(&test, &id).await;
        list(&test, &[]).await;
        test.admin().run("admin_retry_mail", json!({ "input": { "mailId": id } })).await.ok();
        let link = test.mail_to(ANN).await.link();
        assert!(link.starts_with("http://127.0.0.1:4000/verify?ticket="), "{link}");
    }

    async fn an_option_that_was_struck_while_a_mail_waited_is_left_out(backend: Backend) {
        let template = "A subject\nHello {{ options.team | default('nobody') }} {{ options.plan | default('nothing') }}\n{{ proof.link }}\n";
        let name = format!("listed-{backend:?}");
        let folder = Overrides::with(&name, &[("mail/sign_up.txt", template)]);
        let test = TestApp::with(backend, &[("VESTIBULE_TEMPLATES", folder.path())]).await;
        application(&test, json!({ "allowedTemplateOptions": ["team", "plan"] })).await;
        let options = json!({ "templateOptions": { "team": "Blue", "plan": "gold" } });
        let pending = sign_up_with(&test.anon(), options).await.ok();
        application(&test, json!({ "allowedTemplateOptions": ["plan"] })).await;
        let said = async || test.mail_to(ANN).await.text().lines().next().unwrap_or_default().to_owned();
        assert_eq!(said().await, "Hello nobody gold");
        // What is stored is as it was asked for: another mail tells it where it is listed again.
        assert!(open_verifications(&test).await[0].template_options.is_some());
        application(&test, json!({ "allowedTemplateOptions": ["team", "plan"] })).await;
        resend(&test.anon(), &pending.text("/data/signUp/verificationId")).await.ok();
        assert_eq!(said().await, "Hello Blue gold");
    }
}
