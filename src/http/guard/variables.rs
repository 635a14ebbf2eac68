//! Variables, before anything runs (GraphQL specification, section 6.1.2 "Coercing Variable Values"). The engine fills in
//! defaults too late for `@skip` and `@include`, misses a variable that must be there only at the field that uses it, and
//! takes one that was not sent for null.

use std::convert::Infallible;

use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, InlineFragment, OperationDefinition,
    Selection, SelectionSet,
};
use async_graphql::{Name, Pos, Positioned, Value, Variables};

/// Stands for a variable that was not sent: no document and no JSON can hold this name.
const ABSENT: &str = "\0";

/// A document whose variables were not all sent.
pub struct Incomplete {
    /// As it is written, for the engine to judge: nothing of it runs. What was not sent is null among its variables.
    pub written: (ExecutableDocument, Variables),
    /// To be run when the engine has found nothing wrong. Variables are written out, and what was not sent is not there.
    pub meant: ExecutableDocument,
}

/// Fills in the defaults. Answers nothing where every variable is there then, or where no operation is chosen: the
/// engine will say so.
///
/// # Errors
/// Says which variable must be there, and is missing or null.
pub fn complete(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    variables: &mut Variables,
) -> Result<Option<Incomplete>, String> {
    let Some(operation) = chosen(document, operation_name) else {
        return Ok(None);
    };
    let mut missing = Vec::new();
    for definition in &operation.variable_definitions {
        let definition = &definition.node;
        let (name, of) = (&definition.name.node, &definition.var_type.node);
        match (variables.get(name), &definition.default_value) {
            (Some(Value::Null), _) if !of.nullable => {
                return Err(format!("Variable `${name}` of type `{of}` is null."));
            }
            (Some(_), _) => {}
            (None, Some(default)) => {
                variables.insert(name.clone(), default.node.clone());
            }
            (None, None) if !of.nullable => {
                return Err(format!("Variable `${name}` of type `{of}` is missing."));
            }
            (None, None) => missing.push(name.clone()),
        }
    }
    if missing.is_empty() {
        return Ok(None);
    }
    let meant = Writer::of(variables).meant(document, operation_name);
    let mut nulls = variables.clone();
    nulls.extend(missing.into_iter().map(|name| (name, Value::Null)));
    let written = (idle(document.clone(), operation_name), nulls);
    Ok(Some(Incomplete { written, meant }))
}

/// The operation that will run, as the engine chooses it.
fn chosen<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a OperationDefinition> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(&operation.node),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(all), Some(name)) => all.get(name).map(|one| &one.node),
        (DocumentOperations::Multiple(all), None) if all.len() == 1 => {
            all.values().next().map(|one| &one.node)
        }
        (DocumentOperations::Multiple(_), None) => None,
    }
}

/// The same document with every operation skipped whole.
fn idle(mut document: ExecutableDocument, name: Option<&str>) -> ExecutableDocument {
    match &mut document.operations {
        DocumentOperations::Single(operation) => skip(&mut operation.node),
        DocumentOperations::Multiple(all) => all
            .iter_mut()
            .filter(|(other, _)| name.is_none_or(|name| *other == name))
            .for_each(|(_, operation)| skip(&mut operation.node)),
    }
    document
}

fn skip(operation: &mut OperationDefinition) {
    fn here<T>(node: T) -> Positioned<T> {
        Positioned::new(node, Pos::default())
    }
    let skip = Directive {
        name: here(Name::new("skip")),
        arguments: vec![(
            here(Name::new("if")),
            here(Value::Boolean(true).into_value()),
        )],
    };
    let whole = InlineFragment {
        type_condition: None,
        directives: vec![here(skip)],
        selection_set: operation.selection_set.clone(),
    };
    operation.selection_set.node.items = vec![here(Selection::InlineFragment(here(whole)))];
}

/// Writes variables out.
struct Writer<'a> {
    variables: &'a Variables,
    /// Fragments that were met.
    spreads: Vec<Name>,
}

impl<'a> Writer<'a> {
    fn of(variables: &'a Variables) -> Self {
        Self {
            variables,
            spreads: Vec::new(),
        }
    }

    /// The operation alone, with the fragments that it spreads: others may use variables in their own way.
    fn meant(mut self, document: &ExecutableDocument, name: Option<&str>) -> ExecutableDocument {
        let operations = match &document.operations {
            DocumentOperations::Single(operation) => {
                DocumentOperations::Single(self.operation(operation))
            }
            DocumentOperations::Multiple(all) => DocumentOperations::Multiple(
                all.iter()
                    .filter(|(other, _)| name.is_none_or(|name| *other == name))
                    .map(|(name, operation)| (name.clone(), self.operation(operation)))
                    .collect(),
            ),
        };
        let mut meant = ExecutableDocument {
            operations,
            fragments: Default::default(),
        };
        while let Some(name) = self.spreads.pop() {
            if meant.fragments.contains_key(&name) {
                continue;
            }
            if let Some(fragment) = document.fragments.get(&name) {
                let mut fragment = fragment.clone();
                self.directives(&mut fragment.node.directives);
                self.set(&mut fragment.node.selection_set.node);
                meant.fragments.insert(name, fragment);
            }
        }
        meant
    }

    fn operation(
        &mut self,
        operation: &Positioned<OperationDefinition>,
    ) -> Positioned<OperationDefinition> {
        let mut operation = operation.clone();
        operation.node.variable_definitions.clear();
        self.directives(&mut operation.node.directives);
        self.set(&mut operation.node.selection_set.node);
        operation
    }

    fn set(&mut self, set: &mut SelectionSet) {
        for selection in &mut set.items {
            self.directives(selection.node.directives_mut());
            match &mut selection.node {
                Selection::Field(field) => {
                    let field = &mut field.node;
                    field.arguments.retain_mut(|(_, value)| {
                        let written = written(value.node.clone().into_const_with(self.find()));
                        let is_there = written.is_some();
                        value.node = written.unwrap_or_default().into_value();
                        is_there
                    });
                    self.set(&mut field.selection_set.node);
                }
                Selection::InlineFragment(inline) => self.set(&mut inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    self.spreads.push(spread.node.fragment_name.node.clone());
                }
            }
        }
    }

    fn directives(&self, directives: &mut [Positioned<Directive>]) {
        for directive in directives {
            for (_, value) in &mut directive.node.arguments {
                let written = written(value.node.clone().into_const_with(self.find()));
                value.node = written.unwrap_or_default().into_value();
            }
        }
    }

    fn find(&self) -> impl FnMut(Name) -> Result<Value, Infallible> + use<'a> {
        let variables = self.variables;
        move |name| {
            let value = variables.get(&name).cloned();
            Ok(value.unwrap_or_else(|| Value::Enum(Name::new(ABSENT))))
        }
    }
}

/// Without what was not sent: an argument and an object's entry are left out (section 3.10 "Input Objects"), an item of a
/// list is null.
fn written(value: Result<Value, Infallible>) -> Option<Value> {
    let Ok(value) = value;
    match value {
        Value::Enum(name) if name == ABSENT => None,
        Value::Object(entries) => {
            let entries = entries.into_iter();
            let entries = entries.filter_map(|(name, value)| Some((name, written(Ok(value))?)));
            Some(Value::Object(entries.collect()))
        }
        Value::List(items) => {
            let items = items.into_iter();
            let items = items.map(|item| written(Ok(item)).unwrap_or_default());
            Some(Value::List(items.collect()))
        }
        value => Some(value),
    }
}
