//! The clock jumps: five minutes ahead, back again, and four hundred days ahead.

use chrono::TimeDelta;

use crate::harness::{PASSWORD, TestApp};
use crate::support::{LIMITED, another_session, verify_ticket};

on_both_databases! {
    async fn a_clock_that_jumps_locks_nobody_up_and_brings_nothing_back(backend: Backend) {
        let test = TestApp::with(backend, LIMITED).await;
        let ann = test.user("ann").await;
        let ended = another_session(&test, "ann").await;
        ended.run("sign_out", serde_json::json!({})).await.ok();
        let used = test.mail_to("ann@example.org").await.ticket();
        let stays_out = async || {
            assert!(ended.me().await.at("/data/me").is_null());
            assert_eq!(test.anon().refresh(&ended.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
            assert_eq!(verify_ticket(&test.anon(), &used).await.code(), "INVALID_TICKET");
        };

        test.clock.advance(TimeDelta::minutes(5));
        for _ in 0..6 {
            let code = test.anon().sign_in("ann@example.org", "wrong").await.code();
            assert!(code == "INVALID_CREDENTIALS" || code == "RATE_LIMITED", "{code}");
        }
        let bob = test.anon().sign_up("bob@example.org").await.ok();
        assert_eq!(bob.text("/data/signUp/__typename"), "PendingVerification");
        let early = test.anon().refresh(&ann.refresh_token).await.ok();
        let ann = test.anon().signed_in(&early.at("/data/refreshSession"));
        stays_out().await;

        // Her token is of the future now, and so are the limits: she fetches another one, as when it has expired.
        test.clock.advance(TimeDelta::minutes(-5));
        let again = test.anon().refresh(&ann.refresh_token).await.ok();
        let ann = test.anon().signed_in(&again.at("/data/refreshSession"));
        ann.me().await.ok();
        stays_out().await;
        let waits = test.anon().sign_in("ann@example.org", PASSWORD).await;
        if !waits.code_or_ok().is_empty() {
            let seconds = waits.at("/errors/0/extensions/retryAfter").as_i64().unwrap_or(i64::MAX);
            assert!(seconds <= 5 * 60 + 2, "{seconds}");
            test.clock.advance(TimeDelta::seconds(seconds));
        }
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        test.clock.advance(TimeDelta::minutes(6));
        let letter = test.mail_to("bob@example.org").await;
        verify_ticket(&test.anon(), &letter.ticket()).await.ok();

        test.clock.advance(TimeDelta::days(400));
        assert!(ann.me().await.at("/data/me").is_null());
        assert_eq!(test.anon().refresh(&ann.refresh_token).await.code(), "INVALID_REFRESH_TOKEN");
        stays_out().await;
        assert!(test.app.worker.prune().await.expect("a clean-up") > 0);
        stays_out().await;
        test.anon().sign_in("ann@example.org", PASSWORD).await.ok();
        test.user("carol").await;
    }

    /// An instance that was started with a wrong clock, and is put right.
    async fn a_clock_that_was_far_ahead_shuts_no_limit_and_stops_no_clean_up(backend: Backend) {
        let settings = [LIMITED, &[("VESTIBULE_SIGN_UPS_PER_NETWORK", "2")]].concat();
        let test = TestApp::with(backend, &settings).await;
        test.user("ann").await;
        let guess = async || test.anon().sign_in("ann@example.org", "wrong").await.code();
        test.clock.advance(TimeDelta::days(40));
        for _ in 0..5 {
            assert_eq!(guess().await, "INVALID_CREDENTIALS");
        }
        assert_eq!(guess().await, "RATE_LIMITED");
        test.anon().sign_up("bob@example.org").await.ok();
        test.anon().sign_up("carol@example.org").await.ok();
        assert_eq!(test.anon().sign_up("dave@example.org").await.code(), "RATE_LIMITED");
        test.app.worker.prune().await.expect("a clean-up");

        test.clock.advance(TimeDelta::days(-40));
        test.anon().sign_up("dave@example.org").await.ok();
        assert_eq!(guess().await, "INVALID_CREDENTIALS");
        // It waits as if the clock had never been wrong.
        assert_eq!(guess().await, "RATE_LIMITED");
        test.clock.advance(TimeDelta::hours(2));
        assert!(test.app.worker.prune().await.expect("a clean-up") > 0);
    }
}
