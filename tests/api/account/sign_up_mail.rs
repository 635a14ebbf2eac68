//! `signUp`: which mails leave, how many, and what stands in them.

use chrono::TimeDelta;
use serde_json::json;

use crate::harness::TestApp;
use crate::support::{LIMITED, hits, resend, shape, sign_up_with, time, verify_ticket};

on_both_databases! {
    async fn beyond_five_mails_an_hour_the_answer_is_the_same_and_none_goes(backend: Backend) {
        let test = TestApp::with(backend, LIMITED).await;
        let first = test.anon().sign_up("ann@example.org").await.ok();
        for number in 2..=7 {
            let answer = test.anon().sign_up("ann@example.org").await.ok();
            assert_eq!(shape(&answer), shape(&first));
            assert_eq!(test.mails_to("ann@example.org").await, number.min(5));
        }
        assert_eq!(hits(&test, "mails_of_network_to_address").await, 2);
        // The bound is the address's, not the house's.
        test.anon().sign_up("bob@example.org").await.ok();
        assert_eq!(test.mails_to("bob@example.org").await, 1);
        test.clock.advance(TimeDelta::hours(1) - TimeDelta::seconds(1));
        test.anon().sign_up("ann@example.org").await.ok();
        assert_eq!(test.mails_to("ann@example.org").await, 5);
        test.clock.advance(TimeDelta::seconds(1));
        test.anon().sign_up("ANN@example.org").await.ok();
        assert_eq!(test.mails_to("ANN@example.org").await, 1);
    }

    async fn mails_asked_for_again_count_in_the_same_budget(backend: Backend) {
        let test = TestApp::with(backend, LIMITED).await;
        let pending = test.anon().sign_up("ann@example.org").await.ok();
        let handle = pending.text("/data/signUp/verificationId");
        test.run_jobs().await;
        for number in 2..=7 {
            resend(&test.anon(), &handle).await.ok();
            assert_eq!(test.mails_to("ann@example.org").await, number.min(5));
        }
        let refused = resend(&test.anon(), &handle).await.ok();
        let again = time(&refused, "/data/resendVerification/resendAt");
        assert_eq!(again, test.app.now() + TimeDelta::hours(1));
        // The code of the last mail that went is still good.
        let code = test.mail_to("ann@example.org").await.code();
        crate::support::verify_code(&test.anon(), &handle, &code).await.ok();
    }

    async fn the_time_of_the_next_mail_tells_nothing_about_an_address(backend: Backend) {
        let test = TestApp::with(backend, LIMITED).await;
        test.user("ann").await;
        test.clock.advance(TimeDelta::hours(1));
        for number in 1..=6 {
            let taken = test.anon().sign_up("ann@example.org").await.ok();
            let free = test.anon().sign_up("new@example.org").await.ok();
            let again = time(&taken, "/data/signUp/resendAt");
            assert_eq!(again, time(&free, "/data/signUp/resendAt"), "number {number}");
            let expected = if number < 5 { TimeDelta::zero() } else { TimeDelta::hours(1) };
            assert_eq!(again, test.app.now() + expected, "number {number}");
        }
    }

    async fn one_network_causes_a_bounded_number_of_mails(backend: Backend) {
        let settings = [LIMITED[0], ("VESTIBULE_MAILS_PER_NETWORK", "3")];
        let test = TestApp::with(backend, &settings).await;
        for number in 1..=5 {
            // All of one IPv6 customer.
            let stranger = test.anon().calling_from(&format!("2001:db8:1:2::{number}"));
            stranger.sign_up(&format!("user{number}@example.org")).await.ok();
        }
        assert_eq!(test.mails().await.len(), 3);
        assert_eq!(hits(&test, "mails_of_network").await, 2);
        // What did not go has not used up the address's own budget.
        let elsewhere = test.anon().calling_from("2001:db8:1:3::1");
        elsewhere.sign_up("user5@example.org").await.ok();
        assert_eq!(test.mails_to("user5@example.org").await, 1);
    }

    async fn a_link_is_made_of_the_public_address_alone(backend: Backend) {
        let test = TestApp::start(backend).await;
        let poisoned = ["host", "x-forwarded-host", "x-forwarded-server", "x-original-url", "x-rewrite-url", "origin", "referer"]
            .into_iter()
            .fold(test.anon(), |client, name| client.header(name, "evil.example"))
            .header("forwarded", "host=evil.example;proto=https")
            .header("x-forwarded-for", "6.6.6.6")
            .header("x-forwarded-proto", "https")
            .header("user-agent", "evil.example");
        poisoned.sign_up("ann@example.org").await.ok();
        let letter = test.mail_to("ann@example.org").await;
        assert_eq!(letter.link(), format!("http://127.0.0.1:4000/verify?ticket={}", letter.ticket()));
        for part in [letter.text(), &letter.0.mail.content.html] {
            assert!(!part.contains("evil") && !part.contains("6.6.6.6"), "{part}");
            assert!(part.contains("127.0.0.1") && part.contains("2026-11-20 12:00 UTC"), "{part}");
        }
    }

    async fn the_link_leads_to_the_redirect_with_ticket_and_purpose(backend: Backend) {
        let test = TestApp::start(backend).await;
        let fields = json!({ "redirectTo": "http://localhost:3000/done?next=%2Fhome&x=1#top" });
        sign_up_with(&test.anon(), fields).await.ok();
        let letter = test.mail_to("ann@example.org").await;
        let expected = format!(
            "http://localhost:3000/done?next=%2Fhome&x=1&ticket={}&purpose=EMAIL_VERIFICATION#top",
            letter.ticket()
        );
        assert_eq!(letter.link(), expected);
        assert!(letter.text().lines().any(|line| line == expected), "{}", letter.text());
        assert!(letter.text().lines().any(|line| line == letter.code()), "{}", letter.text());
        verify_ticket(&test.anon(), &letter.ticket()).await.ok();
    }

    async fn the_link_has_one_ticket_whatever_the_redirect_has(backend: Backend) {
        let test = TestApp::start(backend).await;
        let planted = "http://localhost:3000/done?x=1&ticket=planted&purpose=PASSWORD_RESET&tick%65t=planted";
        sign_up_with(&test.anon(), json!({ "redirectTo": planted })).await.ok();
        let letter = test.mail_to("ann@example.org").await;
        let ticket = letter.ticket();
        assert_eq!(letter.link(), format!("http://localhost:3000/done?x=1&ticket={ticket}&purpose=EMAIL_VERIFICATION"));
    }

    async fn no_text_of_the_caller_stands_in_a_mail_to_an_unverified_address(backend: Backend) {
        let test = TestApp::start(backend).await;
        let fields = json!({
            "displayName": "Visit evil.example", "givenName": "evil.example", "familyName": "evil.example",
            "middleName": "evil.example", "metadata": { "note": "evil.example" }, "locale": "de",
        });
        sign_up_with(&test.anon().header("user-agent", "evil.example"), fields).await.ok();
        let content = test.mail_to("ann@example.org").await.0.mail.content;
        for part in [&content.subject, &content.text, &content.html] {
            assert!(!part.contains("evil"), "{part}");
        }
    }
}
