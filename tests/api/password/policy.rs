//! The rules of a connection, wherever a password is chosen.

use serde_json::{Value, json};

use super::steps::{change, connection, policy};
use crate::harness::{Answer, Client, PASSWORD, TestApp};
use crate::support::{events, sign_up_with};

/// Nothing but length and composition.
async fn bare(test: &TestApp, strength: &str) -> Answer {
    let rules = json!({ "strength": strength, "rejectCommon": false, "rejectPersonalData": false });
    policy(test, rules).await.ok()
}

async fn sign_up(client: &Client, password: &str) -> Answer {
    sign_up_with(client, json!({ "password": password })).await
}

/// The rules that a sign-up with the password breaks.
async fn unmet(client: &Client, password: &str) -> Vec<String> {
    rules(&sign_up(client, password).await, "password:")
}

fn rules(answer: &Answer, path: &str) -> Vec<String> {
    if answer.code_or_ok().is_empty() {
        return Vec::new();
    }
    assert_eq!(answer.code(), "WEAK_PASSWORD", "{}", answer.body);
    let rule = |issue: &String| issue.strip_prefix(path).expect("the path").to_owned();
    answer.issues().iter().map(rule).collect()
}

/// A level, its minimum, what it takes, and what it refuses for which rules.
type Level = (
    &'static str,
    i32,
    &'static [&'static str],
    &'static [(&'static str, &'static [&'static str])],
);

const CLASSES: &[&str] = &["character_classes"];
const LENGTH: &[&str] = &["min_length"];
const BOTH: &[&str] = &["min_length", "character_classes"];
const LEVELS: [Level; 5] = [
    ("NONE", 1, &["z", " ", "\u{1f98a}"], &[("", LENGTH)]),
    (
        "LOW",
        6,
        &["zzzzzz", "\u{5bc6}\u{7801}\u{5bc6}\u{7801}\u{5bc6}\u{7801}"],
        &[("zzzzz", LENGTH)],
    ),
    (
        "FAIR",
        8,
        &["Abcdefg1", "\u{c4}bcdefg1"],
        &[
            ("Abcdef1", LENGTH),
            ("abcdefg1", CLASSES),
            ("ABCDEFG1", CLASSES),
            ("Abcdefg-", CLASSES),
            ("abcdef1-", CLASSES),
            ("abcdefg", BOTH),
        ],
    ),
    (
        "GOOD",
        8,
        &["Abcdefg1", "abcdef1-", "ABCDEF1-", "Abcdefg-", "Abcdef1-"],
        &[
            ("Abcde1-", LENGTH),
            ("abcdefg1", CLASSES),
            ("ABCDEFG-", CLASSES),
            ("1234567-", CLASSES),
            ("abcdefg", BOTH),
        ],
    ),
    (
        "EXCELLENT",
        10,
        &["Abcdefgh1i", "aabbccdd1-", "Aa11--aa11"],
        &[
            ("Abcdefg1-", LENGTH),
            ("abcdefghi1", CLASSES),
            ("Abcccdefg1", &["repeats"]),
            ("Abcdef1---", &["repeats"]),
            ("aaa", &["min_length", "character_classes", "repeats"]),
        ],
    ),
];

on_both_databases! {
    async fn each_level_asks_at_sign_up_for_its_length_and_its_composition(backend: Backend) {
        let test = TestApp::start(backend).await;
        for (level, least, good, bad) in LEVELS {
            let set = bare(&test, level).await;
            let shown = set.at("/data/adminUpdateConnection/passwordPolicy");
            assert_eq!((&shown["strength"], &shown["minLength"]), (&json!(level), &json!(least)));
            for password in good {
                assert_eq!(unmet(&test.anon(), password).await, Vec::<String>::new(), "{level} {password}");
            }
            for (password, expected) in bad {
                assert_eq!(unmet(&test.anon(), password).await, *expected, "{level} {password}");
            }
        }
    }

    async fn each_level_asks_the_same_where_a_password_is_changed(backend: Backend) {
        let test = TestApp::start(backend).await;
        let mut ann = test.user("ann").await;
        let mut current = PASSWORD.to_owned();
        for (level, _, good, bad) in LEVELS {
            bare(&test, level).await;
            for (password, expected) in bad {
                let answer = change(&ann, &current, password).await;
                assert_eq!(rules(&answer, "newPassword:"), *expected, "{level} {password}");
            }
            let answer = change(&ann, &current, good[0]).await.ok();
            ann = test.anon().signed_in(&answer.at("/data/changePassword"));
            current = good[0].to_owned();
        }
    }

    async fn a_level_brings_its_own_minimum_unless_one_is_named(backend: Backend) {
        let test = TestApp::start(backend).await;
        let set = async |rules: Value| {
            let set = policy(&test, rules).await.ok().at("/data/adminUpdateConnection/passwordPolicy");
            (set["strength"].clone(), set["minLength"].clone(), set["history"].clone())
        };
        assert_eq!(set(json!({})).await, (json!("NONE"), json!(8), json!(0)));
        assert_eq!(set(json!({ "strength": "EXCELLENT" })).await, (json!("EXCELLENT"), json!(10), json!(0)));
        assert_eq!(set(json!({ "strength": "FAIR", "minLength": 12 })).await, (json!("FAIR"), json!(12), json!(0)));
        assert_eq!(unmet(&test.anon(), "Zqxwvkjhg12").await, ["min_length"]);
        assert_eq!(set(json!({ "minLength": 3 })).await, (json!("FAIR"), json!(3), json!(0)));
        assert_eq!(unmet(&test.anon(), "Zq7").await, Vec::<String>::new());
        assert_eq!(unmet(&test.anon(), "zq7").await, ["character_classes"]);
        assert_eq!(set(json!({ "history": 2 })).await, (json!("FAIR"), json!(3), json!(2)));
        assert_eq!(set(json!({ "strength": "LOW" })).await, (json!("LOW"), json!(6), json!(2)));
        let told = test.anon().run("auth_config", json!({})).await.ok();
        let expected = json!({
            "strength": "LOW", "minLength": 6, "maxLength": 256, "history": 2, "rejectCommon": true, "rejectPersonalData": true,
        });
        assert_eq!(told.at("/data/authConfig/passwordPolicy"), expected);
    }

    async fn what_is_out_of_bounds_is_refused_and_changes_nothing(backend: Backend) {
        let test = TestApp::start(backend).await;
        let before = test.anon().run("auth_config", json!({})).await.ok();
        let words = |many: usize| (0..many).map(|number| format!("word {number}")).collect::<Vec<_>>();
        let table = [
            (json!({ "minLength": 0 }), vec!["minLength:not_allowed"]),
            (json!({ "minLength": -1 }), vec!["minLength:not_allowed"]),
            (json!({ "minLength": 129 }), vec!["minLength:not_allowed"]),
            (json!({ "history": -1 }), vec!["history:not_allowed"]),
            (json!({ "history": 25 }), vec!["history:not_allowed"]),
            (json!({ "strength": "FAIR", "minLength": 0, "history": 25 }), vec!["minLength:not_allowed", "history:not_allowed"]),
            (json!({ "rejectCommon": false, "dictionary": words(1_001) }), vec!["dictionary:too_many"]),
            (json!({ "dictionary": ["fine", ""] }), vec!["dictionary:format"]),
            (json!({ "dictionary": ["x".repeat(129)] }), vec!["dictionary:format"]),
            (json!({ "dictionary": ["nul\0"] }), vec!["dictionary:format"]),
        ];
        for (rules, issues) in table {
            let answer = policy(&test, rules.clone()).await;
            assert_eq!(answer.code(), "INVALID_INPUT", "{rules}");
            let expected: Vec<_> = issues.iter().map(|issue| format!("passwordPolicy.{issue}")).collect();
            assert_eq!(answer.issues(), expected);
        }
        let unknown = policy(&test, json!({ "strength": "SUPERB" })).await;
        assert_eq!(unknown.code(), "GRAPHQL_VALIDATION_FAILED");
        let after = test.anon().run("auth_config", json!({})).await.ok();
        assert_eq!(after.at("/data"), before.at("/data"));
        assert!(events(&test, "connection_updated").await.is_empty());
        for rules in [
            json!({ "minLength": 1, "history": 0 }), json!({ "minLength": 128, "history": 24, "dictionary": words(1_000) }),
            json!({ "dictionary": ["x".repeat(128)] }), json!({ "dictionary": [] }),
        ] {
            policy(&test, rules).await.ok();
        }
    }

    async fn common_passwords_and_own_words_are_refused_in_any_case(backend: Backend) {
        let test = TestApp::start(backend).await;
        policy(&test, json!({ "dictionary": ["Vestibule-Haus", "cafe\u{301} zur Post"] })).await.ok();
        let common = ["password1", "PASSWORD1", "PaSsWoRd1", "Vestibule-Haus", "vestibule-haus", "VESTIBULE-HAUS",
            "caf\u{e9} zur post", "CAFE\u{301} ZUR POST"];
        for password in common {
            assert_eq!(unmet(&test.anon(), password).await, ["common"], "{password}");
        }
        // A word of the dictionary is the whole password, not a part of it.
        assert_eq!(unmet(&test.anon(), "Vestibule-Haus 7").await, Vec::<String>::new());
        policy(&test, json!({ "rejectCommon": false })).await.ok();
        assert_eq!(unmet(&test.anon(), "password1").await, Vec::<String>::new());
        assert_eq!(unmet(&test.anon(), "vestibule-haus").await, Vec::<String>::new());
    }

    async fn no_part_of_what_is_known_of_a_person_stands_in_the_password(backend: Backend) {
        let test = TestApp::start(backend).await;
        connection(&test, json!({ "usernameRequired": true, "emailVerificationRequired": false })).await;
        let person = json!({
            "email": "wintermute@example.org", "username": "Straylight", "displayName": "Neuro Mancer",
            "givenName": "Dixie-Flatline", "middleName": "Aerol", "familyName": "Zo\u{308}ega",
            "metadata": { "name": "Molly Millions", "first": "Armitage", "last_name": "Riviera", "note": "Hideo Boxer", "nickname": 7 },
        });
        let words = ["wintermute", "straylight", "neuro", "Mancer", "dixie", "FLATLINE", "dixie-flatline", "aerol",
            "zo\u{308}ega", "z\u{f6}ega", "molly", "millions", "armitage", "riviera"];
        for word in words {
            let mut fields = person.clone();
            fields["password"] = json!(format!("7391 {word} 5826"));
            let answer = sign_up_with(&test.anon(), fields).await;
            assert_eq!(rules(&answer, "password:"), ["personal_data"], "{word}");
        }
        // Neither the domain, nor short words, nor what is no name.
        let mut fields = person.clone();
        fields["password"] = json!("example hideo boxer 7391");
        let session = sign_up_with(&test.anon(), fields).await.ok().at("/data/signUp");
        let case = test.anon().signed_in(&session);
        for word in words {
            let answer = change(&case, "example hideo boxer 7391", &format!("7391 {word} 5826")).await;
            assert_eq!(rules(&answer, "newPassword:"), ["personal_data"], "{word}");
        }
        policy(&test, json!({ "rejectPersonalData": false })).await.ok();
        change(&case, "example hideo boxer 7391", "7391 wintermute 5826").await.ok();
    }

    async fn former_passwords_do_not_come_back(backend: Backend) {
        let test = TestApp::start(backend).await;
        let mut ann = test.user("ann").await;
        policy(&test, json!({ "history": 2 })).await.ok();
        let all = [PASSWORD, "the second of my horses", "the third of my horses", "the fourth of my horses"];
        for pair in all.windows(2) {
            assert_eq!(rules(&change(&ann, pair[0], pair[0]).await, "newPassword:"), ["history"]);
            test.clock.advance(chrono::TimeDelta::seconds(1));
            let answer = change(&ann, pair[0], pair[1]).await.ok();
            ann = test.anon().signed_in(&answer.at("/data/changePassword"));
        }
        // The present one and the two before it; the one before those may come back.
        for former in &all[1..] {
            assert_eq!(rules(&change(&ann, all[3], former).await, "newPassword:"), ["history"], "{former}");
        }
        let answer = change(&ann, all[3], all[0]).await.ok();
        ann = test.anon().signed_in(&answer.at("/data/changePassword"));
        policy(&test, json!({ "history": 0 })).await.ok();
        change(&ann, all[0], all[3]).await.ok();
    }

    async fn a_rule_is_explained_in_the_language_of_the_caller(backend: Backend) {
        let test = TestApp::start(backend).await;
        let german = test.anon().header("accept-language", "de");
        let messages = async |client: &Client, password: &str| {
            let answer = sign_up(client, password).await;
            assert_eq!(answer.code(), "WEAK_PASSWORD");
            let issues = answer.at("/errors/0/extensions/issues");
            let text = |issue: &Value| issue["message"].as_str().expect("a message").to_owned();
            issues.as_array().expect("issues").iter().map(text).collect::<Vec<_>>()
        };
        policy(&test, json!({ "strength": "EXCELLENT" })).await.ok();
        let expected = [
            "Verwenden Sie mindestens 10 Zeichen.",
            "Verwenden Sie drei dieser Arten: Kleinbuchstaben, Gro\u{df}buchstaben, Ziffern, andere Zeichen.",
            "Wiederholen Sie ein Zeichen nicht mehrmals hintereinander.",
            "Verwenden Sie ein Passwort, das nicht zu den h\u{e4}ufigsten geh\u{f6}rt.",
        ];
        assert_eq!(messages(&german, "aaa").await, expected);
        assert_eq!(messages(&test.anon(), "aaa").await[0], "Use at least 10 characters.");
        policy(&test, json!({ "strength": "FAIR" })).await.ok();
        assert_eq!(messages(&german, "abcdefg9z").await, ["Verwenden Sie Kleinbuchstaben, Gro\u{df}buchstaben und Ziffern."]);
        assert_eq!(messages(&german, &"xK9".repeat(100)).await, ["Verwenden Sie h\u{f6}chstens 256 Zeichen."]);
        policy(&test, json!({ "strength": "NONE", "rejectCommon": false })).await.ok();
        assert_eq!(messages(&german, "").await, ["Verwenden Sie mindestens ein Zeichen."]);
        assert_eq!(messages(&german, "ann").await, ["Verwenden Sie weder Ihren Namen noch Ihren Benutzernamen noch Ihre E-Mail-Adresse."]);
    }
}
