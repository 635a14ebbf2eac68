//! No table has become stricter than the release before knows it. A statement of that release may well be prepared on the
//! newest schema, and what it writes be refused all the same: by an index that is unique now, a condition, a reference, a
//! column that may be null no more or is of another type. `rules.*.txt` are the rules that it knows, one on a line, as each
//! database's catalogues tell them.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::{is_to_keep, rows, write};
use crate::harness::{Backend, Database};

/// By table: `UNIQUE (id)`, `id NOT NULL`, `id TYPE uuid`.
type Rules = BTreeMap<String, BTreeSet<String>>;

/// Every unique index, whatever it is called and whatever made it: a key, a constraint, or itself.
const ON_POSTGRES: &str = "
    WITH tables AS (
        SELECT oid, relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'seaql_migrations'
    ), columns AS (
        SELECT tables.relname, attname, attnotnull, atthasdef, format_type(atttypid, atttypmod) AS kind
        FROM tables JOIN pg_attribute ON attrelid = tables.oid WHERE attnum > 0 AND NOT attisdropped
    )
    SELECT relname || ': ' || attname || ' TYPE ' || kind FROM columns
    UNION ALL SELECT relname || ': ' || attname || ' NOT NULL' FROM columns WHERE attnotnull
    UNION ALL SELECT relname || ': ' || attname || ' DEFAULT' FROM columns WHERE atthasdef
    UNION ALL SELECT relname || ': UNIQUE ' || substring(pg_get_indexdef(indexrelid) FROM ' USING [a-z]+ (.*)$')
        FROM tables JOIN pg_index ON indrelid = tables.oid WHERE indisunique
    UNION ALL SELECT relname || ': ' || pg_get_constraintdef(pg_constraint.oid)
        FROM tables JOIN pg_constraint ON conrelid = tables.oid WHERE contype IN ('c', 'f', 'x')";

/// All but conditions, which no catalogue lists. Names of types are shown in one case or another, by SQLite's version.
const ON_SQLITE: &str = r#"
    WITH tables AS (
        SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'seaql_migrations'
    ), columns AS (
        SELECT tables.name AS owner, it.* FROM tables JOIN pragma_table_info(tables.name) it
    ), indexes AS (
        SELECT tables.name AS owner, it.* FROM tables JOIN pragma_index_list(tables.name) it WHERE it."unique" = 1
    )
    SELECT owner || ': ' || name || ' TYPE ' || lower(type) FROM columns
    UNION ALL SELECT owner || ': ' || name || ' NOT NULL' FROM columns WHERE "notnull" = 1
    UNION ALL SELECT owner || ': ' || name || ' DEFAULT' FROM columns WHERE dflt_value IS NOT NULL
    UNION ALL SELECT owner || ': UNIQUE (' || group_concat(name, ', ') || ')'
        FROM (SELECT owner, name FROM columns WHERE pk > 0 ORDER BY owner, pk) GROUP BY owner
    UNION ALL SELECT owner || ': UNIQUE (' || (SELECT group_concat(name, ', ') FROM pragma_index_info(indexes.name)) || ')'
        FROM indexes WHERE origin = 'u'
    UNION ALL SELECT owner || ': UNIQUE ' || replace(substr(made.sql, instr(made.sql, '(')), '"', '')
        FROM indexes JOIN sqlite_master made ON made.name = indexes.name WHERE origin = 'c'
    UNION ALL SELECT tables.name || ': FOREIGN KEY (' || group_concat(it."from", ', ') || ') REFERENCES ' || it."table"
        || '(' || group_concat(it."to", ', ') || ') ON UPDATE ' || it.on_update || ' ON DELETE ' || it.on_delete
        FROM tables JOIN pragma_foreign_key_list(tables.name) it GROUP BY tables.name, it.id"#;

const TABLES_OF_SQLITE: &str = "SELECT name || ': ' || sql FROM sqlite_master WHERE type = 'table'";

fn kept(backend: Backend) -> Rules {
    by_table(match backend {
        Backend::Sqlite => include_str!("../rules.sqlite.txt").lines(),
        Backend::Postgres => include_str!("../rules.postgres.txt").lines(),
    })
}

fn keep(backend: Backend, rules: &Rules) {
    let mut lines = String::new();
    for (table, rules) in rules {
        for rule in rules {
            lines.push_str(&format!("{table}: {rule}\n"));
        }
    }
    write(backend, "rules", "txt", &lines);
}

fn by_table<'a>(lines: impl Iterator<Item = &'a str>) -> Rules {
    let mut rules = Rules::new();
    for line in lines {
        let (table, rule) = line.split_once(": ").expect("a table and its rule");
        let of_table = rules.entry(table.to_owned()).or_default();
        of_table.insert(rule.to_owned());
    }
    rules
}

/// Those of the newest schema.
async fn found(db: &DatabaseConnection, backend: Backend) -> Rules {
    let lines = match backend {
        Backend::Postgres => rows(db, ON_POSTGRES).await,
        Backend::Sqlite => {
            let mut lines = rows(db, ON_SQLITE).await;
            for made in rows(db, TABLES_OF_SQLITE).await {
                let (table, text) = made.split_once(": ").expect("a table and its text");
                let conditions = conditions(text).into_iter();
                lines.extend(conditions.map(|condition| format!("{table}: CHECK {condition}")));
            }
            lines
        }
    };
    by_table(lines.iter().map(String::as_str))
}

/// What stands behind every `CHECK` of a table's text, with its parentheses.
fn conditions(text: &str) -> Vec<String> {
    let mut conditions = Vec::new();
    for (at, word) in text.to_ascii_uppercase().match_indices("CHECK") {
        let rest = text[at + word.len()..].trim_start();
        let mut depth = 0;
        let closes = |c: char| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        };
        // Nothing, where it is but a part of a name.
        if let Some(end) = rest.find(closes).filter(|end| *end > 0) {
            let words: Vec<_> = rest[..=end].split_whitespace().collect();
            conditions.push(words.join(" "));
        }
    }
    conditions
}

fn columns(rules: &BTreeSet<String>) -> BTreeSet<&str> {
    let types = rules.iter().filter_map(|rule| rule.split_once(" TYPE "));
    types.map(|(column, _)| column).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

/// Whether no row that the release before writes breaks this rule of a table that it knows: it leaves new columns out.
fn is_about_new_columns(rule: &str, rules: &BTreeSet<String>, known: &BTreeSet<String>) -> bool {
    // No rule by itself: what is left out is not empty then.
    if rule.ends_with(" DEFAULT") {
        return true;
    }
    let (all, old) = (columns(rules), columns(known));
    // Whether an insertion must name a new one is asked of the statements.
    if let Some(column) = words(rule).next().filter(|word| all.contains(word)) {
        return !old.contains(column);
    }
    // Of the other rules, these alone are broken by what is empty.
    if rule.contains("NULLS NOT DISTINCT")
        || (rule.starts_with("CHECK") && rule.contains("NOT NULL"))
    {
        return false;
    }
    // The other table may well have columns of the same names.
    let own = rule.split(" REFERENCES ").next().unwrap_or(rule);
    let named: Vec<&str> = words(own).filter(|word| all.contains(word)).collect();
    let is_left_empty = |column: &&str| {
        let has = |rule: &str| rules.contains(&format!("{column} {rule}"));
        !old.contains(*column) && !has("NOT NULL") && !has("DEFAULT")
    };
    !named.is_empty() && named.iter().all(is_left_empty)
}

/// What is asked of the rows that the release before writes, and it does not know of. What is asked no more harms nobody.
fn stricter(kept: &Rules, found: &Rules) -> Vec<String> {
    let mut stricter = Vec::new();
    for (table, rules) in found {
        // It writes into no table that is new.
        let Some(known) = kept.get(table) else {
            continue;
        };
        for rule in rules.difference(known) {
            if !is_about_new_columns(rule, rules, known) {
                stricter.push(format!(
                    "{table}: {rule}: the release before does not know of this rule, and goes on meanwhile; \
                     see CONTRIBUTING.md, Expand and contract"
                ));
            }
        }
    }
    stricter
}

/// A database of the newest schema. It goes with the first of the two.
async fn migrated(backend: Backend) -> (Database, DatabaseConnection) {
    let database = Database::empty(backend).await;
    let db = database.connect().await;
    let tx = migration::begin_alone(&db).await.unwrap();
    migration::apply(&tx).await.unwrap();
    tx.commit().await.unwrap();
    (database, db)
}

/// What is found to be stricter after these changes of the newest schema.
async fn stricter_after(backend: Backend, changes: &str) -> Vec<String> {
    let (_database, db) = migrated(backend).await;
    db.execute_unprepared(changes).await.unwrap();
    stricter(&kept(backend), &found(&db, backend).await)
}

on_both_databases! {
    async fn no_table_is_stricter_than_the_release_before_knows_it(backend: Backend) {
        let (_database, db) = migrated(backend).await;
        let found = found(&db, backend).await;
        if is_to_keep() {
            return keep(backend, &found);
        }
        let kept = kept(backend);
        let many: usize = kept.values().map(BTreeSet::len).sum();
        assert!(kept.len() > 15 && many > 300, "{} tables, {many} rules", kept.len());
        let stricter = stricter(&kept, &found);
        assert!(stricter.is_empty(), "{}", stricter.join("\n"));
    }

    async fn a_rule_that_is_stricter_is_noticed(backend: Backend) {
        let changes = match backend {
            Backend::Postgres => "ALTER TABLE attempt_counters ALTER COLUMN failures TYPE bigint; \
                ALTER TABLE attempt_counters ALTER COLUMN expires_at SET NOT NULL; \
                ALTER TABLE attempt_counters ADD CHECK (failures >= 0); \
                ALTER TABLE attempt_counters ADD FOREIGN KEY (key) REFERENCES limit_counters (key); \
                CREATE UNIQUE INDEX stricter ON attempt_counters (next_at)",
            // It changes no column: a migration makes the table anew.
            Backend::Sqlite => "DROP TABLE attempt_counters; CREATE TABLE attempt_counters (\
                key varchar NOT NULL PRIMARY KEY REFERENCES limit_counters (key), failures bigint NOT NULL CHECK (failures >= 0), \
                next_at timestamp_with_timezone_text NOT NULL, expires_at timestamp_with_timezone_text NOT NULL); \
                CREATE UNIQUE INDEX stricter ON attempt_counters (next_at)",
        };
        let stricter = stricter_after(backend, changes).await;
        for rule in ["CHECK (", "FOREIGN KEY (key) ", "UNIQUE (next_at)", "expires_at NOT NULL", "failures TYPE bigint"] {
            let rule = format!("attempt_counters: {rule}");
            assert!(stricter.iter().any(|stricter| stricter.starts_with(&rule)), "{rule}: {stricter:?}");
        }
        assert_eq!(stricter.len(), 5, "{stricter:?}");
    }

    async fn a_rule_of_a_new_column_that_what_is_left_out_breaks_is_noticed(backend: Backend) {
        let changes = "ALTER TABLE attempt_counters ADD COLUMN shade text NOT NULL DEFAULT 'none'; \
            ALTER TABLE attempt_counters ADD COLUMN colour text CHECK (colour IS NOT NULL); \
            ALTER TABLE attempt_counters ADD COLUMN tint text DEFAULT 'none'; \
            CREATE UNIQUE INDEX stricter ON attempt_counters (shade); \
            CREATE UNIQUE INDEX strictest ON attempt_counters (tint); \
            CREATE UNIQUE INDEX strict ON attempt_counters (failures, colour)";
        let stricter = stricter_after(backend, changes).await;
        for rule in ["CHECK (", "UNIQUE (shade)", "UNIQUE (tint)", "UNIQUE (failures, colour)"] {
            let rule = format!("attempt_counters: {rule}");
            assert!(stricter.iter().any(|stricter| stricter.starts_with(&rule)), "{rule}: {stricter:?}");
        }
        assert_eq!(stricter.len(), 4, "{stricter:?}");
    }

    async fn a_rule_of_what_is_new_or_that_is_gone_is_none_for_the_release_before(backend: Backend) {
        let changes = "CREATE TABLE newer (id uuid PRIMARY KEY, name text NOT NULL UNIQUE CHECK (name <> '')); \
            ALTER TABLE attempt_counters ADD COLUMN tenant_id uuid REFERENCES tenants (id); \
            ALTER TABLE attempt_counters ADD COLUMN shade text NOT NULL DEFAULT 'none'; \
            ALTER TABLE attempt_counters ADD COLUMN colour text CHECK (colour <> ''); \
            CREATE UNIQUE INDEX newest ON attempt_counters (tenant_id, colour) WHERE colour IS NOT NULL; \
            DROP INDEX users_email_key";
        let stricter = stricter_after(backend, changes).await;
        assert!(stricter.is_empty(), "{stricter:?}");
    }
}
