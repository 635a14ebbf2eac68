//! TypeScript in a guide is that of `examples/web`, which is compiled and used in a browser by other tests.

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
