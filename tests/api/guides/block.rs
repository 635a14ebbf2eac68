//! The fenced blocks of a guide, in their order.

/// What stands between two fences.
pub struct Block {
    /// The first word after the fence; empty where there is none.
    pub language: String,
    pub text: String,
    /// Of the opening fence, in the file.
    pub line: usize,
}

/// # Panics
/// When a fence is not closed.
pub fn blocks(guide: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = guide.lines().enumerate();
    while let Some((at, fence)) = lines.next() {
        let Some(info) = fence.trim_start().strip_prefix("```") else {
            continue;
        };
        let mut text = String::new();
        loop {
            let (_, line) = lines.next().expect("every fence is closed");
            if line.trim_start().starts_with("```") {
                break;
            }
            text.push_str(line);
            text.push('\n');
        }
        blocks.push(Block {
            language: info.split_whitespace().next().unwrap_or("").to_owned(),
            text,
            line: at + 1,
        });
    }
    blocks
}

/// The commands of a block of shell: a line each, or more lines where a quote or a backslash holds them together.
pub fn commands(text: &str) -> Vec<String> {
    let (mut commands, mut command) = (Vec::new(), String::new());
    for line in text.lines() {
        if command.is_empty() && (line.trim().is_empty() || line.starts_with('#')) {
            continue;
        }
        command.push_str(line);
        command.push('\n');
        if !line.ends_with('\\') && !is_open(&command) {
            commands.push(std::mem::take(&mut command));
        }
    }
    assert!(command.is_empty(), "a command without an end: {command}");
    commands
}

/// Whether a quote is not closed.
fn is_open(command: &str) -> bool {
    let (mut quote, mut escaped, mut before) = (None, false, ' ');
    let mut is_comment = false;
    for c in command.chars() {
        match (quote, c) {
            _ if is_comment => is_comment = c != '\n',
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (None, '#') if before.is_whitespace() => is_comment = true,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
        before = c;
    }
    quote.is_some()
}

/// The operations of a block of GraphQL: each begins at the left edge.
pub fn operations(text: &str) -> Vec<String> {
    let mut operations: Vec<String> = Vec::new();
    for line in text.lines() {
        let begins = ["query", "mutation", "{"]
            .iter()
            .any(|word| line.starts_with(word));
        match operations.last_mut() {
            Some(operation) if !begins => operation.push_str(line),
            _ => operations.push(line.to_owned()),
        }
        if let Some(operation) = operations.last_mut() {
            operation.push('\n');
        }
    }
    operations
}
