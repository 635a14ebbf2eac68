//! `adminUsers`: pages, filters, and what a hostile client makes of them.

use entity::session;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::{Value, json};

use super::steps::{NOBODY, created, delete_as};
use crate::harness::{Answer, PASSWORD, TestApp};
use crate::support::{administer, disable, reason};

async fn list(test: &TestApp, arguments: Value) -> Answer {
    test.admin().run("admin_users", arguments).await
}

/// The local parts of the page's addresses; edges and nodes are the same.
fn names(answer: &Answer) -> Vec<String> {
    let local = |email: &Value| {
        let email = email.as_str().expect("an address");
        email.split('@').next().unwrap_or_default().to_owned()
    };
    let of = |pointer: &str, field: &str| -> Vec<String> {
        let list = answer.at(pointer);
        let list = list.as_array().unwrap_or_else(|| panic!("{}", answer.body));
        let email = |item: &Value| local(item.pointer(field).expect("an address"));
        list.iter().map(email).collect()
    };
    let nodes = of("/data/adminUsers/nodes", "/email");
    assert_eq!(of("/data/adminUsers/edges", "/node/email"), nodes);
    nodes
}

fn info(answer: &Answer) -> (bool, bool) {
    let is = |name: &str| answer.at(&format!("/data/adminUsers/pageInfo/{name}")) == json!(true);
    (is("hasPreviousPage"), is("hasNextPage"))
}

fn cursor(answer: &Answer, name: &str) -> String {
    answer.text(&format!("/data/adminUsers/pageInfo/{name}"))
}

/// `u1` to `u<many>`, the last one the newest.
async fn users(test: &TestApp, many: usize) {
    for number in 1..=many {
        created(test, json!({ "email": format!("u{number}@example.org") })).await;
        // Ids of one millisecond have no order.
        test.clock.advance(chrono::TimeDelta::milliseconds(1));
    }
}

on_both_databases! {
    async fn pages_forward_meet_at_their_ends(backend: Backend) {
        let test = TestApp::start(backend).await;
        users(&test, 7).await;
        let first = list(&test, json!({ "first": 3 })).await.ok();
        assert_eq!((names(&first), info(&first)), (vec!["u7".to_owned(), "u6".into(), "u5".into()], (false, true)));
        assert_eq!(first.at("/data/adminUsers/totalCount"), json!(7));
        let cursors = |answer: &Answer| (answer.text("/data/adminUsers/edges/0/cursor"), answer.text("/data/adminUsers/edges/2/cursor"));
        assert_eq!(cursors(&first), (cursor(&first, "startCursor"), cursor(&first, "endCursor")));
        let second = list(&test, json!({ "first": 3, "after": cursor(&first, "endCursor") })).await.ok();
        assert_eq!((names(&second), info(&second)), (vec!["u4".to_owned(), "u3".into(), "u2".into()], (true, true)));
        assert_eq!(second.at("/data/adminUsers/totalCount"), json!(7));
        let third = list(&test, json!({ "first": 3, "after": cursor(&second, "endCursor") })).await.ok();
        assert_eq!((names(&third), info(&third)), (vec!["u1".to_owned()], (true, false)));
        let over = list(&test, json!({ "first": 3, "after": cursor(&third, "endCursor") })).await.ok();
        assert_eq!((names(&over), info(&over)), (vec![], (true, false)));
        assert!(over.at("/data/adminUsers/pageInfo/startCursor").is_null() && over.at("/data/adminUsers/pageInfo/endCursor").is_null());
    }

    async fn pages_backward_meet_at_their_ends_in_the_same_order(backend: Backend) {
        let test = TestApp::start(backend).await;
        users(&test, 7).await;
        let last = list(&test, json!({ "last": 3 })).await.ok();
        assert_eq!((names(&last), info(&last)), (vec!["u3".to_owned(), "u2".into(), "u1".into()], (true, false)));
        let before = list(&test, json!({ "last": 3, "before": cursor(&last, "startCursor") })).await.ok();
        assert_eq!((names(&before), info(&before)), (vec!["u6".to_owned(), "u5".into(), "u4".into()], (true, true)));
        let first = list(&test, json!({ "last": 3, "before": cursor(&before, "startCursor") })).await.ok();
        assert_eq!((names(&first), info(&first)), (vec!["u7".to_owned()], (false, true)));
        let over = list(&test, json!({ "last": 3, "before": cursor(&first, "startCursor") })).await.ok();
        assert_eq!((names(&over), info(&over)), (vec![], (false, true)));
    }

    async fn a_page_that_ends_with_the_list_has_none_after_it(backend: Backend) {
        let test = TestApp::start(backend).await;
        let empty = list(&test, json!({})).await.ok();
        assert_eq!((names(&empty), info(&empty), empty.at("/data/adminUsers/totalCount")), (vec![], (false, false), json!(0)));
        users(&test, 4).await;
        for size in [4, 5, 100] {
            for way in ["first", "last"] {
                let page = list(&test, json!({ way: size })).await.ok();
                assert_eq!((names(&page).len(), info(&page)), (4, (false, false)), "{way} {size}");
            }
        }
        let two = list(&test, json!({ "first": 2 })).await.ok();
        let rest = list(&test, json!({ "first": 2, "after": cursor(&two, "endCursor") })).await.ok();
        assert_eq!((names(&rest), info(&rest)), (vec!["u2".to_owned(), "u1".into()], (true, false)));
        let head = list(&test, json!({ "last": 2, "before": cursor(&rest, "startCursor") })).await.ok();
        assert_eq!((names(&head), info(&head)), (vec!["u4".to_owned(), "u3".into()], (false, true)));
        // Between two cursors, from either end.
        let all = list(&test, json!({})).await.ok();
        let between = json!({ "after": cursor(&all, "startCursor"), "before": cursor(&all, "endCursor") });
        assert_eq!(names(&list(&test, between.clone()).await.ok()), ["u3", "u2"]);
        let (mut one, mut other) = (between.clone(), between);
        (one["first"], other["last"]) = (json!(1), json!(1));
        let (one, other) = (list(&test, one).await.ok(), list(&test, other).await.ok());
        assert_eq!((names(&one), info(&one)), (vec!["u3".to_owned()], (true, true)));
        assert_eq!((names(&other), info(&other)), (vec!["u2".to_owned()], (true, true)));
        // None at all is a size, too.
        for way in ["first", "last"] {
            let none = list(&test, json!({ way: 0 })).await.ok();
            assert!(names(&none).is_empty(), "{way}");
            assert_eq!(none.at("/data/adminUsers/totalCount"), json!(4));
        }
    }

    async fn fifty_where_nothing_is_asked_for_and_a_hundred_at_most(backend: Backend) {
        let test = TestApp::start(backend).await;
        users(&test, 101).await;
        let usual = list(&test, json!({})).await.ok();
        assert_eq!((names(&usual).len(), info(&usual), usual.at("/data/adminUsers/totalCount")), (50, (false, true), json!(101)));
        let most = list(&test, json!({ "first": 100 })).await.ok();
        assert_eq!((names(&most).len(), info(&most)), (100, (false, true)));
        let mut seen = names(&most);
        seen.extend(names(&list(&test, json!({ "first": 100, "after": cursor(&most, "endCursor") })).await.ok()));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 101);
        // Whoever goes away between two pages shifts nothing, and a cursor outlives its row.
        let gone = most.text("/data/adminUsers/nodes/99/id");
        delete_as(&test.admin(), &gone).await.ok();
        assert_eq!(names(&list(&test, json!({ "first": 1, "after": cursor(&most, "endCursor") })).await.ok()), ["u1"]);
    }

    async fn sizes_and_cursors_that_are_none_are_told(backend: Backend) {
        let test = TestApp::start(backend).await;
        users(&test, 2).await;
        test.anon().sign_up("ann@example.org").await.ok();
        let page = list(&test, json!({})).await.ok();
        let good = cursor(&page, "endCursor");
        let other = test.admin().run("admin_pending_sign_ups", json!({})).await.ok();
        let other = other.text("/data/adminPendingSignUps/pageInfo/endCursor");
        let id = page.text("/data/adminUsers/nodes/0/id");
        let mut flipped = good.clone();
        let head = flipped.remove(0);
        flipped.insert(0, if head == 'A' { 'B' } else { 'A' });
        for (arguments, issues) in [
            (json!({ "first": -1 }), vec!["first:not_allowed"]), (json!({ "first": 101 }), vec!["first:not_allowed"]),
            (json!({ "last": 1_000_000_000 }), vec!["last:not_allowed"]), (json!({ "last": -2_147_483_648 }), vec!["last:not_allowed"]),
            (json!({ "first": 1, "last": 1 }), vec!["last:not_allowed"]),
            (json!({ "first": -1, "last": 101 }), vec!["first:not_allowed", "last:not_allowed", "last:not_allowed"]),
            (json!({ "after": "x", "before": "" }), vec!["after:format", "before:format"]),
            (json!({ "after": other }), vec!["after:format"]), (json!({ "before": id }), vec!["before:format"]),
            (json!({ "after": flipped }), vec!["after:format"]), (json!({ "after": good.to_lowercase() }), vec!["after:format"]),
            (json!({ "after": format!("{good}=") }), vec!["after:format"]), (json!({ "before": "\0" }), vec!["before:format"]),
            (json!({ "after": "x".repeat(10_000) }), vec!["after:format"]), (json!({ "after": "' OR 1=1 --" }), vec!["after:format"]),
        ] {
            let answer = list(&test, arguments.clone()).await;
            assert_eq!((answer.code().as_str(), answer.issues()), ("INVALID_INPUT", issues.into_iter().map(str::to_owned).collect()), "{arguments:.80}");
        }
        assert_eq!(list(&test, json!({ "first": 2_147_483_648_i64 })).await.code(), "GRAPHQL_VALIDATION_FAILED");
    }

    async fn every_filter_holds_alone_and_together(backend: Backend) {
        let test = TestApp::start(backend).await;
        let tenant = tenant(&test, "Acme").await;
        // active, unverified, invited, disabled
        for (name, fields) in [
            ("anna", json!({ "password": PASSWORD, "emailVerified": true, "roles": ["user", "editor"] })),
            ("ann", json!({ "password": PASSWORD, "roles": ["user"] })),
            ("bob", json!({ "roles": ["editor"] })),
            ("eve", json!({ "password": PASSWORD, "emailVerified": true, "roles": ["user", "editor2"] })),
        ] {
            let mut fields = fields;
            fields["email"] = json!(format!("{name}@example.org"));
            let id = created(&test, fields).await;
            test.clock.advance(chrono::TimeDelta::milliseconds(1));
            if ["anna", "bob"].contains(&name) {
                join(&test, &tenant, &id).await;
            }
        }
        disable(&test, "eve@example.org").await;
        let found = async |filter: Value| {
            let answer = list(&test, json!({ "filter": filter })).await.ok();
            let names = names(&answer);
            assert_eq!(answer.at("/data/adminUsers/totalCount"), json!(names.len()), "{filter}");
            names.join(" ")
        };
        for (filter, expected) in [
            (json!({}), "eve bob ann anna"), (json!({ "emailStartsWith": "" }), "eve bob ann anna"),
            (json!({ "emailStartsWith": "ann" }), "ann anna"), (json!({ "emailStartsWith": "ANN" }), "ann anna"),
            (json!({ "emailStartsWith": "ann@" }), "ann"), (json!({ "emailStartsWith": "ann@example.org" }), "ann"),
            (json!({ "emailStartsWith": "ann@example.orgx" }), ""), (json!({ "emailStartsWith": "nn" }), ""),
            (json!({ "status": "ACTIVE" }), "anna"), (json!({ "status": "UNVERIFIED" }), "ann"),
            (json!({ "status": "INVITED" }), "bob"), (json!({ "status": "DISABLED" }), "eve"),
            (json!({ "role": "editor" }), "bob anna"), (json!({ "role": "user" }), "eve ann anna"), (json!({ "role": "edit" }), ""),
            (json!({ "role": "Editor" }), ""), (json!({ "tenantId": tenant }), "bob anna"), (json!({ "tenantId": NOBODY }), ""),
            (json!({ "connection": "default" }), "eve bob ann anna"), (json!({ "connection": "nowhere" }), ""),
            (json!({ "emailStartsWith": "ann", "role": "editor" }), "anna"), (json!({ "role": "editor", "status": "INVITED" }), "bob"),
            (json!({ "status": "ACTIVE", "tenantId": tenant, "role": "editor", "emailStartsWith": "a", "connection": "default" }), "anna"),
            (json!({ "status": "DISABLED", "tenantId": tenant }), ""),
            // Null is as good as left out.
            (json!({ "emailStartsWith": null, "status": null, "role": null, "tenantId": null, "connection": null }), "eve bob ann anna"),
            // What is a wildcard elsewhere, or cannot be asked for.
            (json!({ "emailStartsWith": "%" }), ""), (json!({ "emailStartsWith": "an_" }), ""), (json!({ "emailStartsWith": "a*" }), ""),
            (json!({ "emailStartsWith": "ann\0" }), ""), (json!({ "emailStartsWith": "\0" }), ""), (json!({ "emailStartsWith": "' OR 1=1 --" }), ""),
            (json!({ "emailStartsWith": "\u{e4}" }), ""), (json!({ "emailStartsWith": "\u{10ffff}" }), ""), (json!({ "emailStartsWith": "x".repeat(10_000) }), ""),
            (json!({ "role": "" }), ""), (json!({ "role": "user\0" }), ""), (json!({ "role": "\0" }), ""), (json!({ "role": "\"user\"" }), ""), (json!({ "role": "%" }), ""),
            (json!({ "role": "' OR 1=1 --" }), ""), (json!({ "tenantId": "" }), ""), (json!({ "tenantId": "\0" }), ""), (json!({ "tenantId": "x" }), ""),
            (json!({ "connection": "default\0" }), ""), (json!({ "connection": "" }), ""), (json!({ "connection": "%" }), ""),
        ] {
            assert_eq!(found(filter.clone()).await, expected, "{filter:.80}");
        }
        assert_eq!(list(&test, json!({ "filter": { "status": "GONE" } })).await.code(), "GRAPHQL_VALIDATION_FAILED");
        // Pages of what is filtered.
        let page = list(&test, json!({ "first": 1, "filter": { "role": "editor" } })).await.ok();
        assert_eq!((names(&page), info(&page), page.at("/data/adminUsers/totalCount")), (vec!["bob".to_owned()], (false, true), json!(2)));
        let page = list(&test, json!({ "first": 1, "after": cursor(&page, "endCursor"), "filter": { "role": "editor" } })).await.ok();
        assert_eq!((names(&page), info(&page)), (vec!["anna".to_owned()], (true, false)));
    }

    async fn everything_of_each_user_shows_beside_the_right_one(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        test.clock.advance(chrono::TimeDelta::milliseconds(1));
        let bob = test.user("bob").await;
        let tenant = tenant(&test, "Acme").await;
        join(&test, &tenant, &bob.user_id).await;
        let page = list(&test, json!({})).await.ok();
        let nodes = page.at("/data/adminUsers/nodes");
        for (node, user) in nodes.as_array().unwrap().iter().zip([&bob, &ann]) {
            assert_eq!(node["id"], json!(user.user_id));
            assert_eq!((&node["connection"], &node["status"]), (&json!("default"), &json!("ACTIVE")));
            assert_eq!(node["sessions"], json!([{ "id": user.session_id }]));
        }
        assert_eq!(nodes[0]["tenants"], json!([{ "tenantId": tenant, "tenantName": "Acme", "roles": ["member"] }]));
        assert_eq!(nodes[1]["tenants"], json!([]));
        // Only below the edges it is loaded, too.
        let document = "{ adminUsers { edges { node { connection sessions { id } tenants { tenantName } } } } }";
        let answer = test.admin().query(document, json!({})).await.ok();
        let expected = json!({ "connection": "default", "sessions": [{ "id": bob.session_id }], "tenants": [{ "tenantName": "Acme" }] });
        assert_eq!(answer.at("/data/adminUsers/edges/0/node"), expected);
    }

    async fn many_sessions_of_one_user_leave_no_less_room_for_anothers(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        test.clock.advance(chrono::TimeDelta::milliseconds(1));
        test.user("bob").await;
        let own = session::Entity::find().order_by_desc(session::Column::CreatedAt).one(test.app.db.read()).await;
        let own = own.expect("an answer").expect("a session");
        let another = |number: i64| session::ActiveModel::from(session::Model {
            id: test.app.id(),
            created_at: own.created_at + chrono::TimeDelta::seconds(number),
            ..own.clone()
        });
        let rows: Vec<_> = (1..=250).map(another).collect();
        let newest = rows[249].id.clone().unwrap();
        session::Entity::insert_many(rows).exec_without_returning(test.app.db.write()).await.expect("rows");
        let nodes = list(&test, json!({})).await.ok().at("/data/adminUsers/nodes");
        assert_eq!((&nodes[1]["email"], &nodes[1]["sessions"]), (&json!("ann@example.org"), &json!([{ "id": ann.session_id }])));
        let many = nodes[0]["sessions"].as_array().expect("a list");
        assert_eq!((many.len(), &many[0]["id"]), (100, &json!(newest.to_string())));
    }

    async fn nobody_else_may_list_anyone(backend: Backend) {
        let test = TestApp::start(backend).await;
        let ann = test.user("ann").await;
        for arguments in [json!({}), json!({ "first": -1 }), json!({ "after": "x" })] {
            assert_eq!(reason(&test.anon().run("admin_users", arguments.clone()).await), "TOKEN_MISSING");
            let refused = ann.run("admin_users", arguments).await;
            assert_eq!(refused.code(), "FORBIDDEN");
            assert!(!refused.body.to_string().contains("ann@example.org"));
        }
    }
}

/// A longer page asks the database no more often.
#[tokio::test]
async fn a_page_takes_as_many_queries_however_long_it_is() {
    let test = TestApp::start(crate::harness::Backend::Postgres).await;
    test.user("ann").await;
    let tenant = tenant(&test, "Acme").await;
    for name in ["bob", "eve", "joe"] {
        let user = test.user(name).await;
        join(&test, &tenant, &user.user_id).await;
        administer(&test, &user.user_id, json!({ "displayName": "X" }))
            .await
            .ok();
    }
    let counter = counter::Counter::default();
    // While there is only one subscriber, other threads, which have none, decide for it what it is told.
    let _second = tracing::Dispatch::new(counter::Counter::default());
    let _guard = tracing::subscriber::set_default(counter.clone());
    // The first one wakes the log up.
    list(&test, json!({})).await.ok();
    let mut counts = Vec::new();
    for size in [1, 2, 4] {
        let before = counter.queries();
        let page = list(&test, json!({ "first": size })).await.ok();
        assert_eq!(names(&page).len(), size);
        counts.push(counter.queries() - before);
    }
    // Count, page, connections, sessions, memberships.
    assert_eq!(counts, [5, 5, 5]);
}

/// Counts the statements that this thread sends.
mod counter {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    #[derive(Clone, Default)]
    pub struct Counter(Arc<AtomicUsize>);

    impl Counter {
        pub fn queries(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
    }

    impl Subscriber for Counter {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "sqlx::query"
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }
}

/// A tenant, and a member of it: behind the API, which is tested elsewhere.
async fn tenant(test: &TestApp, name: &str) -> String {
    use entity::tenant::{ActiveModel, Entity};
    use sea_orm::{ActiveValue::Set, EntityTrait};
    let (id, now) = (test.app.id(), test.app.now());
    let row = ActiveModel {
        id: Set(id),
        name: Set(name.to_owned()),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let insert = Entity::insert(row).exec_without_returning(test.app.db.write());
    insert.await.expect("a tenant");
    id.to_string()
}

async fn join(test: &TestApp, tenant: &str, user: &str) {
    use entity::tenant_member::{ActiveModel, Entity};
    use sea_orm::{ActiveValue::Set, EntityTrait};
    let now = test.app.now();
    let row = ActiveModel {
        tenant_id: Set(tenant.parse().expect("an id")),
        user_id: Set(user.parse().expect("an id")),
        roles: Set(entity::StringList::of(["member"])),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let insert = Entity::insert(row).exec_without_returning(test.app.db.write());
    insert.await.expect("a member");
}
