//! Keeps the map of `src/lib.rs` true: imports point downward only, and no file grows past what one can hold in mind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// From the doors down to the ground. Modules on one line may import each other only where `PEERS` says so.
const FLOORS: [&[&str]; 16] = [
    &["main", "cli"],
    &["http"],
    &["hasura"],
    &["graphql"],
    &["federation", "node"],
    &["admin"],
    &["account"],
    &["password"],
    &["verification"],
    &["session"],
    &["user"],
    &["realm"],
    &["locksmith", "archive", "doctor"],
    &["app", "caller", "beside", "scalar"],
    &[
        "job", "mail", "text", "key", "hasher", "breach", "ticket", "event", "limit", "identity",
        "waiting", "db",
    ],
    &[
        "config",
        "telemetry",
        "metrics",
        "error",
        "value",
        "clock",
        "secret",
    ],
];

/// Imports inside one floor; together they form no circle.
const PEERS: [(&str, &str); 17] = [
    ("caller", "app"),
    ("job", "mail"),
    ("job", "ticket"),
    ("job", "db"),
    ("identity", "db"),
    ("job", "event"),
    ("job", "limit"),
    ("limit", "db"),
    ("key", "ticket"),
    ("config", "secret"),
    ("telemetry", "config"),
    ("telemetry", "clock"),
    ("telemetry", "metrics"),
    ("value", "error"),
    ("mail", "ticket"),
    ("mail", "text"),
    ("job", "text"),
];

/// What a floor may not name: (top-level module, words).
const FORBIDDEN: [(&[&str], &[&str]); 3] = [
    (&["cli", "http"], &["entity::", "sea_orm::"]),
    (
        &[
            "job", "mail", "text", "key", "hasher", "breach", "ticket", "event", "limit",
            "identity", "waiting", "db",
        ],
        &["async_graphql", "axum::", ".begin()"],
    ),
    (
        &[
            "config",
            "telemetry",
            "metrics",
            "error",
            "value",
            "clock",
            "secret",
        ],
        &["async_graphql", "entity::", "axum::"],
    ),
];

/// SQL that not every engine speaks, and locks: what the table in `docs/several-instances.md` calls it, and the words by which the
/// source shows it.
const ENGINE: [(&str, &[&str]); 13] = [
    (
        "`SELECT … FOR UPDATE`",
        &["LockType::", "lock_exclusive", "lock_shared"],
    ),
    ("`INSERT … ON CONFLICT`", &["on_conflict", "ON CONFLICT"]),
    ("`->>` and `@>`", &["->>", "@>", "PgBinOper::"]),
    ("`COLLATE \"C\"`", &["COLLATE"]),
    ("`statement_timeout`", &["statement_timeout"]),
    ("`transaction_read_only`", &["transaction_read_only"]),
    ("`SHOW`", &["SHOW "]),
    (
        "`SET LOCAL statement_timeout`",
        &["SET LOCAL", "begin_patiently("],
    ),
    // What takes the lock of migrations names no function of PostgreSQL.
    ("`pg_", &["pg_", "begin_alone("]),
    ("`DISTINCT ON`", &["DISTINCT ON", "distinct_on"]),
    (
        "`unnest` and `ANY`",
        &["unnest", "UNNEST", "ANY(", "ANY (", "PgFunc::", "eq_any"],
    ),
    (
        "casts",
        &[
            "CAST(", "cast_as", "::text", "::int", "::bigint", "::uuid", "::json", "::time",
            "::bytea", "::inet", "::reg",
        ],
    ),
    ("another text than for SQLite", &["DbBackend::Postgres"]),
];

/// What distributed engines lack, or only pretend to have: no row of that table makes up for it. Migrations may name it.
const NOWHERE: [&str; 8] = [
    "pg_advisory",
    "LISTEN ",
    "NOTIFY ",
    "PgListener",
    "pg_notify",
    "txid_",
    "pg_current",
    "xmin",
];

/// Programs that people are told to run.
const PROGRAMS: [&str; 2] = ["pg_dump", "pg_restore"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every source file below `src/`, with its top-level module.
fn modules() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let module = |path: &Path| {
        let relative = path.strip_prefix(&root).unwrap();
        relative
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy()
            .trim_end_matches(".rs")
            .to_owned()
    };
    files
        .into_iter()
        .map(|path| {
            (
                module(&path),
                path.clone(),
                std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}

fn imported(text: &str) -> Vec<String> {
    text.split("crate::")
        .skip(1)
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

#[test]
fn imports_point_downward_only() {
    let floor_of: BTreeMap<&str, usize> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(floor, names)| names.iter().map(move |name| (*name, floor)))
        .collect();
    for (module, path, text) in modules().iter().filter(|(module, ..)| module != "lib") {
        let own = *floor_of
            .get(module.as_str())
            .unwrap_or_else(|| panic!("{module} stands on no floor"));
        for other in imported(text).iter().filter(|other| *other != module) {
            let Some(floor) = floor_of.get(other.as_str()) else {
                continue;
            };
            let peer = PEERS.contains(&(module.as_str(), other.as_str()));
            assert!(
                *floor > own || (*floor == own && peer),
                "{}: imports {other}, upward",
                path.display()
            );
        }
    }
}

#[test]
fn every_floor_names_only_what_it_may_touch() {
    for (module, path, text) in modules() {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (_, words) in FORBIDDEN
            .iter()
            .filter(|(modules, _)| modules.contains(&module.as_str()))
        {
            for word in *words {
                assert!(!code.contains(word), "{}: names {word}", path.display());
            }
        }
    }
}

/// By whichever of its names one is begun. A copy of a SQLite file has nobody else who could be faster.
#[test]
fn every_transaction_can_be_run_again() {
    for (module, path, text) in modules() {
        let count = |words: &str| text.matches(words).count();
        let begun = count(".begin()") + count("begin_alone(") + count("begin_patiently(")
            - count("begin_alone(&copy)");
        assert!(
            begun <= count(".transact("),
            "{}: begins a transaction outside of Db::transact",
            path.display()
        );
        assert!(
            module == "db" || count("begin_with_options(") == 0,
            "{}: begins a transaction past Db::begin",
            path.display()
        );
    }
}

/// Its lock is PostgreSQL's own, and stays where migrations are; others hold a row.
#[test]
fn only_who_migrates_is_alone() {
    for (_, path, text) in modules() {
        let count = |words: &str| text.matches(words).count();
        let alone = count("begin_alone(") - count("begin_alone(&copy)");
        assert!(
            alone <= count("migration::apply(&"),
            "{}: takes the migrations' lock for something else",
            path.display()
        );
    }
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "argon", "entity", "migration", "tests", "benches"] {
        sources(&root.join(folder), &mut files);
    }
    for path in files {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 400, "{}: {lines} lines", path.display());
    }
}

/// Two colons are a cast in a text alone; elsewhere they are Rust's.
fn stands_in(code: &str, word: &str) -> bool {
    if !word.starts_with("::") {
        return code.contains(word);
    }
    let plain = code.replace("\\\"", "").replace("'\"'", "");
    let mut texts = plain.split('"').skip(1).step_by(2);
    texts.any(|text| text.contains(word))
}

#[test]
fn a_cast_is_told_from_a_path() {
    let (path, cast) = (
        r#"let it = value::text("::1");"#,
        r#"ask(db, "now()::text")"#,
    );
    assert!(!stands_in(path, "::text") && stands_in(cast, "::text"));
    let quotes = r#"let marks = ('"', "\""); value::text("name")"#;
    assert!(!stands_in(quotes, "::text"));
}

/// Every source file below `src/` by its path from the root, without comments, unit tests and the programs that people run.
fn code() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    modules()
        .into_iter()
        .map(|(_, path, text)| {
            let path = path.strip_prefix(root).unwrap().to_string_lossy();
            let code = text.split("#[cfg(test)]\nmod tests").next();
            let lines = code
                .unwrap_or_default()
                .lines()
                .filter(|line| !line.trim().starts_with("//"));
            let code = lines.collect::<Vec<_>>().join("\n");
            let spare = |code: String, program: &&str| code.replace(program, "");
            (path.into_owned(), PROGRAMS.iter().fold(code, spare))
        })
        .collect()
}

/// Whoever brings another engine judges it by that table. What nobody uses has no row.
#[test]
fn every_file_with_sql_of_an_engine_is_named_where_engines_are_judged() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/several-instances.md")).unwrap();
    let code = code();
    for (what, words) in ENGINE {
        let about = |row: &&str| row.split('|').nth(1).is_some_and(|it| it.contains(what));
        let rows = page.lines().filter(about);
        let cells = rows.flat_map(|row| row.split('`'));
        let named: BTreeSet<&str> = cells.filter(|word| word.starts_with("src/")).collect();
        let uses = |code: &str| words.iter().any(|word| stands_in(code, word));
        let used = code.iter().filter(|(_, code)| uses(code));
        let used: BTreeSet<&str> = used.map(|(path, _)| path.as_str()).collect();
        assert_eq!(named, used, "{what}: named on the left, used on the right");
    }
}

#[test]
fn nothing_outside_of_migrations_names_what_distributed_engines_lack() {
    for (path, code) in code() {
        for word in NOWHERE {
            assert!(!code.contains(word), "{path}: names {word}");
        }
    }
}
