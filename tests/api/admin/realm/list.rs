use serde_json::{Value, json};

use super::{admin, application, assert_issues, only, tenant};
use crate::harness::TestApp;

async fn page(test: &TestApp, list: &str, arguments: Value) -> Value {
    only(test.admin().run(&format!("admin_{list}"), arguments).await)
}

fn names(page: &Value) -> Vec<String> {
    let name = |node: &Value| {
        let name = node["name"].as_str().or(node["clientId"].as_str());
        name.expect("a name").to_owned()
    };
    page["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .map(name)
        .collect()
}

on_both_databases! {
    async fn every_list_is_walked_in_both_directions_newest_first(backend: Backend) {
        let test = TestApp::start(backend).await;
        for number in 0..5 {
            test.clock.advance(chrono::TimeDelta::seconds(1));
            let name = format!("n{number}");
            only(admin(&test, "create_connection", json!({ "name": name })).await);
            application(&test, &name, json!({})).await;
            tenant(&test, &name).await;
        }
        for list in ["connections", "applications", "tenants"] {
            // The default one is made by the real clock, before or after the test's.
            let whole = page(&test, list, json!({})).await;
            let all = names(&whole);
            let made: Vec<_> = all.iter().filter(|name| *name != "default").collect();
            assert_eq!(made, ["n4", "n3", "n2", "n1", "n0"], "{list}");
            assert_eq!(whole["totalCount"], json!(all.len()));
            let (mut walked, mut after) = (Vec::new(), json!(null));
            loop {
                let page = page(&test, list, json!({ "first": 2, "after": after })).await;
                walked.extend(names(&page));
                assert_eq!(page["pageInfo"]["hasPreviousPage"], json!(!after.is_null()));
                if page["pageInfo"]["hasNextPage"] == json!(false) {
                    break;
                }
                after = page["pageInfo"]["endCursor"].clone();
            }
            assert_eq!(walked, all);
            let last = page(&test, list, json!({ "last": 2 })).await;
            assert_eq!(names(&last), all[all.len() - 2..]);
            let before = page(&test, list, json!({ "last": 2, "before": last["pageInfo"]["startCursor"] })).await;
            assert_eq!(names(&before), all[all.len() - 4..all.len() - 2]);
        }
    }

    async fn cursors_of_another_list_and_sizes_out_of_bounds_are_refused(backend: Backend) {
        let test = TestApp::start(backend).await;
        let cursor = page(&test, "connections", json!({})).await["edges"][0]["cursor"].clone();
        for list in ["admin_applications", "admin_tenants"] {
            assert_issues(&test.admin().run(list, json!({ "after": cursor })).await, &["after:format"]);
            assert_issues(&test.admin().run(list, json!({ "before": "nul\0" })).await, &["before:format"]);
            assert_issues(&test.admin().run(list, json!({ "first": 101 })).await, &["first:not_allowed"]);
            assert_issues(&test.admin().run(list, json!({ "last": -1 })).await, &["last:not_allowed"]);
            assert_issues(&test.admin().run(list, json!({ "first": 1, "last": 1 })).await, &["last:not_allowed"]);
        }
    }
}
