//! Writes definitions of types in the schema definition language, without their directives.

use std::fmt::Write;

use async_graphql::Positioned;
use async_graphql::parser::types::{
    EnumValueDefinition, FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind,
};

const INDENT: &str = "  ";

/// The definitions behind the roots, which are `Query` and `Mutation`. `behind` writes what follows an input value.
pub fn schema<'a>(
    definitions: impl Iterator<Item = &'a TypeDefinition>,
    described: bool,
    behind: &dyn Fn(&InputValueDefinition) -> String,
) -> String {
    let mut printer = Printer {
        text: "schema {\n  query: Query\n  mutation: Mutation\n}\n".to_owned(),
        described,
        behind,
    };
    for definition in definitions {
        printer.text.push('\n');
        printer.definition(definition);
    }
    printer.text
}

struct Printer<'a> {
    text: String,
    described: bool,
    behind: &'a dyn Fn(&InputValueDefinition) -> String,
}

impl Printer<'_> {
    fn definition(&mut self, definition: &TypeDefinition) {
        self.description(definition.description.as_ref(), "");
        let name = &definition.name.node;
        match &definition.kind {
            TypeKind::Scalar => self.line("", &format!("scalar {name}")),
            TypeKind::Object(object) => {
                let interfaces = implemented(&object.implements);
                self.open(&format!("type {name}{interfaces}"));
                self.fields(&object.fields);
            }
            TypeKind::Interface(interface) => {
                let interfaces = implemented(&interface.implements);
                self.open(&format!("interface {name}{interfaces}"));
                self.fields(&interface.fields);
            }
            TypeKind::Union(union) => {
                let members = union.members.iter().map(|member| member.node.as_str());
                let members: Vec<_> = members.collect();
                self.line("", &format!("union {name} = {}", members.join(" | ")));
            }
            TypeKind::Enum(values) => {
                self.open(&format!("enum {name}"));
                values.values.iter().for_each(|value| self.value(value));
                self.line("", "}");
            }
            TypeKind::InputObject(input) => {
                self.open(&format!("input {name}"));
                for field in &input.fields {
                    self.input(&field.node, INDENT);
                }
                self.line("", "}");
            }
        }
    }

    fn fields(&mut self, fields: &[Positioned<FieldDefinition>]) {
        for field in fields {
            let field = &field.node;
            self.description(field.description.as_ref(), INDENT);
            let (name, kind) = (&field.name.node, &field.ty.node);
            let values = || field.arguments.iter().map(|argument| &argument.node);
            if !self.described || values().all(|value| value.description.is_none()) {
                let values: Vec<_> = values().map(|value| self.written(value)).collect();
                let values = match values.join(", ") {
                    none if none.is_empty() => none,
                    some => format!("({some})"),
                };
                self.line(INDENT, &format!("{name}{values}: {kind}"));
                continue;
            }
            self.line(INDENT, &format!("{name}("));
            for argument in &field.arguments {
                self.input(&argument.node, &INDENT.repeat(2));
            }
            self.line(INDENT, &format!("): {kind}"));
        }
        self.line("", "}");
    }

    fn input(&mut self, value: &InputValueDefinition, indent: &str) {
        self.description(value.description.as_ref(), indent);
        let written = self.written(value);
        self.line(indent, &written);
    }

    fn written(&self, value: &InputValueDefinition) -> String {
        let default = value.default_value.as_ref();
        let default = default.map_or_else(String::new, |default| format!(" = {}", default.node));
        let behind = (self.behind)(value);
        let (name, kind) = (&value.name.node, &value.ty.node);
        format!("{name}: {kind}{default}{behind}")
    }

    fn value(&mut self, value: &Positioned<EnumValueDefinition>) {
        self.description(value.node.description.as_ref(), INDENT);
        self.line(INDENT, &value.node.value.node);
    }

    fn description(&mut self, description: Option<&Positioned<String>>, indent: &str) {
        let Some(description) = description.filter(|_| self.described) else {
            return;
        };
        self.line(indent, "\"\"\"");
        // The one sequence that would end it (GraphQL specification, section 2.9.4 "String Value").
        for line in description.node.replace("\"\"\"", "\\\"\"\"").lines() {
            self.line(indent, line.trim());
        }
        self.line(indent, "\"\"\"");
    }

    fn open(&mut self, head: &str) {
        self.line("", &format!("{head} {{"));
    }

    fn line(&mut self, indent: &str, line: &str) {
        // Writing into a text does not fail.
        let _ = writeln!(self.text, "{indent}{line}");
    }
}

fn implemented(names: &[Positioned<async_graphql::Name>]) -> String {
    let names: Vec<_> = names.iter().map(|name| name.node.as_str()).collect();
    match names.as_slice() {
        [] => String::new(),
        some => format!(" implements {}", some.join(" & ")),
    }
}
