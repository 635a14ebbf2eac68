//! What people read: `name: value` for one thing, a table for several.

use serde_json::{Map, Value};

/// The things of an answer, as lines.
pub fn readable(answer: &Value) -> String {
    let Some(fields) = answer.as_object() else {
        return String::new();
    };
    let mut text = String::new();
    for thing in fields.values() {
        match thing.get("nodes").and_then(Value::as_array) {
            Some(nodes) => text.push_str(&table(nodes)),
            None => text.push_str(&one(thing)),
        }
        let more = thing.pointer("/pageInfo/hasNextPage") == Some(&Value::Bool(true));
        if let (true, Some(cursor)) = (more, thing.pointer("/pageInfo/endCursor")) {
            text.push_str(&format!("\nMore: --after {}\n", word(cursor)));
        }
    }
    text
}

/// Errors, each with its code and what exactly is wrong.
pub fn complaint(errors: &Value) -> String {
    let mut lines = Vec::new();
    for error in errors.as_array().into_iter().flatten() {
        let code = error.pointer("/extensions/code").map(word);
        let message = error.get("message").map(word).unwrap_or_default();
        lines.push(format!("{}: {message}", code.unwrap_or_default()));
        let issues = error
            .pointer("/extensions/issues")
            .and_then(Value::as_array);
        for issue in issues.into_iter().flatten() {
            let text = |name: &str| issue.get(name).map(word).unwrap_or_default();
            lines.push(format!("  {}: {}", text("path"), text("message")));
        }
    }
    lines.join("\n")
}

fn one(thing: &Value) -> String {
    let Some(fields) = thing.as_object() else {
        return "There is none.\n".to_owned();
    };
    let width = fields.keys().map(String::len).max().unwrap_or_default();
    let line = |(name, value): (&String, &Value)| format!("{name:width$}  {}\n", word(value));
    fields.iter().map(line).collect()
}

fn table(rows: &[Value]) -> String {
    let rows: Vec<&Map<String, Value>> = rows.iter().filter_map(Value::as_object).collect();
    let Some(first) = rows.first() else {
        return "There are none.\n".to_owned();
    };
    let names: Vec<&String> = first.keys().collect();
    let mut lines: Vec<Vec<String>> = vec![names.iter().map(|name| (*name).clone()).collect()];
    for row in &rows {
        let cells = names.iter().map(|name| row.get(*name).map(word));
        lines.push(cells.map(Option::unwrap_or_default).collect());
    }
    let width = |column: usize| {
        let cells = lines.iter().map(|cells| cells[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    let mut text = String::new();
    for cells in &lines {
        let padded = cells.iter().zip(&widths);
        let line: Vec<String> = padded
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A value as people write it. Control characters could play tricks on a terminal.
fn word(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::Bool(on) => if *on { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => {
            items.iter().map(word).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn several_things_are_a_table_and_one_is_a_list_of_its_fields() {
        let nodes = json!([{ "id": "1", "roles": ["a", "b"] }, { "id": "22", "roles": [] }]);
        let page = json!({ "adminTenants": { "nodes": nodes, "pageInfo": { "hasNextPage": true, "endCursor": "c" } } });
        assert_eq!(
            readable(&page),
            "id  roles\n1   a, b\n22\n\nMore: --after c\n"
        );
        let one = json!({ "adminTenant": { "id": "1", "disabled": false, "username": null } });
        assert_eq!(readable(&one), "disabled  no\nid        1\nusername  -\n");
        assert_eq!(
            readable(&json!({ "adminTenant": null })),
            "There is none.\n"
        );
    }

    #[test]
    fn nothing_that_a_user_wrote_reaches_the_terminal_as_a_command() {
        let one = json!({ "adminUser": { "displayName": "\u{1b}[31mred\u{7}\nid  x" } });
        assert_eq!(readable(&one), "displayName  [31mredid  x\n");
    }

    #[test]
    fn a_complaint_names_code_and_path() {
        let errors = json!([{ "message": "Some input is not acceptable.", "extensions": {
            "code": "INVALID_INPUT", "issues": [{ "path": "email", "rule": "format", "message": "No address." }],
        } }]);
        assert_eq!(
            complaint(&errors),
            "INVALID_INPUT: Some input is not acceptable.\n  email: No address."
        );
    }
}
