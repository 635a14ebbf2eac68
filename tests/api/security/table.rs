//! `docs/security-checks.md` is complete, and what it names is there.

use std::collections::BTreeMap;
use std::path::Path;

/// How many checks each group has.
const GROUPS: [(&str, usize); 12] = [
    ("GQL", 12),
    ("ACC", 11),
    ("PW", 8),
    ("AUTH", 8),
    ("SES", 12),
    ("JWT", 7),
    ("TOK", 11),
    ("HO", 6),
    ("AZ", 12),
    ("WEB", 5),
    ("LEAK", 4),
    ("REL", 16),
];
/// Id and proof of every row.
fn rows() -> BTreeMap<String, String> {
    let table = include_str!("../../../docs/security-checks.md");
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    let lines = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| check"));
    let mut rows = BTreeMap::new();
    for cells in lines.map(cells) {
        assert_eq!(cells.len(), 3, "{cells:?}");
        assert_eq!(
            rows.insert(cells[0].clone(), cells[2].clone()),
            None,
            "{} stands twice",
            cells[0]
        );
    }
    rows
}

#[test]
fn every_check_has_a_row() {
    let rows = rows();
    let ids = GROUPS
        .iter()
        .flat_map(|(group, many)| (1..=*many).map(move |number| format!("{group}-{number:02}")))
        .collect::<Vec<_>>();
    for id in &ids {
        let proof = rows.get(id).unwrap_or_else(|| panic!("{id} has no row"));
        assert!(
            proof.contains("::") || proof.contains("does not apply"),
            "{id} has no test and no reason"
        );
    }
    assert_eq!(rows.len(), ids.len(), "a row that is no check");
}

/// `SECURITY.md` promises what the table proves.
#[test]
fn every_promise_names_a_row() {
    let promises = include_str!("../../../SECURITY.md");
    let rows = rows();
    let words = promises.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let is_id = |word: &&str| {
        word.split_once('-')
            .is_some_and(|(group, _)| GROUPS.iter().any(|(known, _)| *known == group))
    };
    let ids: Vec<_> = words.filter(is_id).collect();
    assert!(ids.len() > 30, "{ids:?}");
    for id in ids {
        assert!(rows.contains_key(id), "{id} is no check");
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let mut seen = 0;
    for (id, proof) in rows() {
        for named in proof.split('`').filter(|part| part.contains("::")) {
            let (file, name) = named.split_once("::").expect("a file and a test");
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            let source = std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{id}: {file}: {error}"));
            assert!(
                source.contains(&format!("fn {name}(")),
                "{id}: {file} has no test {name}"
            );
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen} tests are named");
}
