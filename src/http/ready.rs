//! From the parameters of a request to what runs.

use std::sync::Arc;

use async_graphql::{Request, ServerError, Variables};
use serde_json::{Map, Value};

use super::guard::{Incomplete, Read, Reader, Refusal, Unfit, complete};
use crate::caller::Caller;
use crate::error::Code;

/// A request that may run.
pub struct Ready {
    pub request: Request,
    /// The document as it is written, where that is not what runs: the engine is to find it valid first.
    pub written: Option<Box<Request>>,
    /// What was read, where its being valid depends on nothing else.
    pub lasting: Option<Arc<Read>>,
}

impl Ready {
    /// Says who asks.
    pub fn of(mut self, caller: Caller) -> Self {
        self.request = self.request.data(caller);
        self
    }
}

/// Reads the text.
///
/// # Errors
/// Says why it is no document that may run.
pub fn read(
    reader: &Reader,
    text: &str,
    operation_name: Option<&str>,
) -> Result<Arc<Read>, (Code, String)> {
    reader.read(text, operation_name).map_err(unfit)
}

/// Completes the variables.
///
/// # Errors
/// Says why the document is not to run with these.
pub fn make_ready(
    read: Arc<Read>,
    operation_name: Option<&str>,
    variables: Option<Map<String, Value>>,
) -> Result<Ready, (Code, String)> {
    let mut variables = variables.map_or_else(Variables::default, |variables| {
        Variables::from_json(Value::Object(variables))
    });
    if !read.uses.are_few(&variables) {
        let message = "The operation holds too many copies of its variables.";
        return Err((Code::QueryTooComplex, message.to_owned()));
    }
    let incomplete = complete(&read.executable, operation_name, &mut variables)
        .map_err(|message| (Code::GraphqlValidationFailed, message))?;
    // The engine reads no text where there is a document.
    let request = |document, variables| {
        let mut request = Request::new("").variables(variables);
        request.set_parsed_query(document);
        request.operation_name = operation_name.map(str::to_owned);
        request
    };
    let (request, written) = match incomplete {
        None => (request(read.executable.clone(), variables), None),
        Some(Incomplete { written, meant }) => {
            let written = request(written.0, written.1);
            (request(meant, variables), Some(Box::new(written)))
        }
    };
    Ok(Ready {
        request,
        written,
        lasting: Some(read).filter(|read| read.is_without_variables),
    })
}

fn unfit(unfit: Unfit) -> (Code, String) {
    match unfit {
        Unfit::Refused(Refusal::TooComplex(message)) => (Code::QueryTooComplex, message.to_owned()),
        Unfit::Refused(Refusal::Invalid(message)) => {
            (Code::GraphqlValidationFailed, message.to_owned())
        }
        Unfit::Unreadable(error) => (Code::GraphqlParseFailed, parse_message(&error)),
    }
}

/// Where the document stops making sense, and why. The parser's own message quotes the line, which may hold a password.
fn parse_message(error: &ServerError) -> String {
    let Some((_, reason)) = error.message.rsplit_once("\n  = ") else {
        return error.message.clone();
    };
    match error.locations.first() {
        Some(at) => format!("Line {}, column {}: {reason}.", at.line, at.column),
        None => format!("The document does not parse: {reason}."),
    }
}
