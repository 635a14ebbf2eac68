//! What people read: `name: value` for one thing, a table for several; in the order in which it was asked for.

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, ServerError, Value};

type Fields = IndexMap<Name, Value>;

/// The things of an answer, as lines.
pub fn readable(answer: &Value) -> String {
    let Value::Object(things) = answer else {
        return String::new();
    };
    let mut text = String::new();
    for thing in things.values() {
        let Value::Object(fields) = thing else {
            text.push_str("There is none.\n");
            continue;
        };
        match fields.get("nodes") {
            Some(Value::List(nodes)) => text.push_str(&table(nodes)),
            _ => text.push_str(&one(fields)),
        }
        if let Some(Value::Object(page)) = fields.get("pageInfo")
            && let (Some(Value::Boolean(true)), Some(cursor)) =
                (page.get("hasNextPage"), page.get("endCursor"))
        {
            text.push_str(&format!("\nMore: --after {}\n", word(cursor)));
        }
    }
    text
}

/// Errors, each with its code and what exactly is wrong.
pub fn complaint(errors: &[ServerError]) -> String {
    let mut lines = Vec::new();
    for error in errors {
        let extension = |name| {
            error
                .extensions
                .as_ref()
                .and_then(|values| values.get(name))
        };
        let code = extension("code").map(word).unwrap_or_default();
        lines.push(format!("{code}: {}", error.message));
        let Some(Value::List(issues)) = extension("issues") else {
            continue;
        };
        for issue in issues {
            if let Value::Object(issue) = issue {
                let text = |name: &str| issue.get(name).map(word).unwrap_or_default();
                lines.push(format!("  {}: {}", text("path"), text("message")));
            }
        }
    }
    lines.join("\n")
}

fn one(fields: &Fields) -> String {
    let width = fields
        .keys()
        .map(|name| name.len())
        .max()
        .unwrap_or_default();
    let line = |(name, value): (&Name, &Value)| format!("{name:width$}  {}\n", word(value));
    fields.iter().map(line).collect()
}

fn table(rows: &[Value]) -> String {
    let rows: Vec<&Fields> = rows
        .iter()
        .filter_map(|row| match row {
            Value::Object(fields) => Some(fields),
            _ => None,
        })
        .collect();
    let Some(first) = rows.first() else {
        return "There are none.\n".to_owned();
    };
    let names: Vec<&Name> = first.keys().collect();
    let mut lines: Vec<Vec<String>> = vec![names.iter().map(ToString::to_string).collect()];
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
        Value::Boolean(on) => if *on { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Enum(name) => name.to_string(),
        Value::List(items) if items.iter().all(|item| !matches!(item, Value::Object(_))) => {
            items.iter().map(word).collect::<Vec<_>>().join(", ")
        }
        other => serde_json::to_string(other).unwrap_or_default(),
    };
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(json: serde_json::Value) -> Value {
        Value::from_json(json).unwrap()
    }

    #[test]
    fn several_things_are_a_table_and_one_is_a_list_of_its_fields() {
        let nodes = json!([{ "id": "1", "roles": ["a", "b"] }, { "id": "22", "roles": [] }]);
        let page = json!({ "adminTenants": { "nodes": nodes, "pageInfo": { "hasNextPage": true, "endCursor": "c" } } });
        assert_eq!(
            readable(&value(page)),
            "id  roles\n1   a, b\n22\n\nMore: --after c\n"
        );
        let one = json!({ "adminTenant": { "disabled": false, "id": "1", "username": null } });
        assert_eq!(
            readable(&value(one)),
            "disabled  no\nid        1\nusername  -\n"
        );
        assert_eq!(
            readable(&value(json!({ "adminTenant": null }))),
            "There is none.\n"
        );
    }

    #[test]
    fn nothing_that_a_user_wrote_reaches_the_terminal_as_a_command() {
        let one = json!({ "adminUser": { "displayName": "\u{1b}[31mred\u{7}\nid  x" } });
        assert_eq!(readable(&value(one)), "displayName  [31mredid  x\n");
    }

    #[test]
    fn a_complaint_names_code_and_path() {
        let mut error = ServerError::new("Some input is not acceptable.", None);
        let issue = value(json!([{ "path": "email", "rule": "format", "message": "No address." }]));
        crate::graphql::set_extensions(
            &mut error,
            vec![("code", "INVALID_INPUT".into()), ("issues", issue)],
        );
        assert_eq!(
            complaint(&[error]),
            "INVALID_INPUT: Some input is not acceptable.\n  email: No address."
        );
    }
}
