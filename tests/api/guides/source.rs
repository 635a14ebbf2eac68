//! What a guide shows without running it: TypeScript is that of `examples/web`, which is compiled and used in a browser by
//! other tests; names in the tables are those of the schema; links lead to files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// # Panics
/// When no file of the example holds these lines one after the other; a line `// …` stands for any number of lines.
pub fn assert_shown(text: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/web");
    let shown: Vec<_> = text.split("// …").map(lines).collect();
    let mut files = vec![root.join("codegen.ts"), root.join("vite.config.ts")];
    gather(&root.join("src"), &mut files);
    let is_there = files.iter().any(|file| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let file = lines(&text);
        let mut rest = file.as_slice();
        shown.iter().all(|part| match find(rest, part) {
            Some(end) => {
                rest = &rest[end..];
                true
            }
            None => false,
        })
    });
    assert!(is_there, "no file of examples/web holds this:\n{text}");
}

/// Without what indents them, and without empty ones.
fn lines(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).collect()
}

/// The end of the part in the lines.
fn find(lines: &[&str], part: &[&str]) -> Option<usize> {
    (0..=lines.len().checked_sub(part.len())?)
        .find(|&at| lines[at..].starts_with(part))
        .map(|at| at + part.len())
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// # Panics
/// When a link leads to no file.
pub fn assert_links(page: &Path, text: &str) {
    let folder = page.parent().expect("a page in a folder");
    for link in text.split("](").skip(1) {
        let link = link.split([')', '#']).next().unwrap_or_default();
        if !link.contains("://") {
            assert!(folder.join(link).exists(), "{}: {link}", page.display());
        }
    }
}

/// # Panics
/// When the last cell of a row, which is ours, names in code what the schema does not.
pub fn assert_names(text: &str) {
    let schema = include_str!("../../../schema.graphql");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let known: HashSet<_> = schema.split(|c: char| !is_part(c)).collect();
    let rows = text.lines().filter_map(|line| line.strip_suffix(" |"));
    for cell in rows.filter_map(|row| row.rsplit(" | ").next()) {
        // Between backticks; paths, headers and beginnings of names (`admin…`) are no names.
        let code = cell.split('`').skip(1).step_by(2);
        let names = code.filter(|code| !code.contains(['/', '-', '…']));
        for name in names.flat_map(|code| code.split(|c: char| !is_part(c))) {
            let is_number = name.chars().all(|c| c.is_ascii_digit());
            assert!(is_number || known.contains(name), "no such name: {cell}");
        }
    }
}
