//! GraphQL over HTTP, as the specification's working draft and the public audit suite read it. Our own handler, because
//! the stock one takes any content type, any size, and mutations by GET.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::{PathSegment, ServerError};
use async_graphql_axum::GraphQLResponse;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, VARY};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracing::{Instrument, Span};

use super::guard;
use super::layer::{RequestId, Waited};
use super::negotiate::{self, Media};
use super::ready;
use super::{House, caller, graphiql};
use crate::app::App;
use crate::error::{Code, Error, RETRY_AFTER as PAUSE};
use crate::graphql;
use crate::telemetry::TRACED;

/// Octets of a body.
const BODY: usize = 64 * 1024;
/// Octets of an operation's name that traces keep.
const OPERATION_NAME: usize = 64;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<Map<String, Value>>,
    /// Taken because the specification has them; nothing reads them.
    #[serde(rename = "extensions")]
    _extensions: Option<Map<String, Value>>,
}

/// A request that is answered before anything runs.
struct Refused {
    status: StatusCode,
    code: Code,
    message: String,
    allow: Option<&'static str>,
}

impl Refused {
    fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            allow: None,
        }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::BadRequest, message)
    }
}

pub async fn handle(house: &House, request: Request) -> Response {
    let development = house.app.config.is_development();
    let Some(media) = negotiate::accepted(
        request.headers(),
        development && request.method() == Method::GET,
    ) else {
        let message = "Only application/graphql-response+json and application/json can be had.";
        let refused = Refused::new(StatusCode::NOT_ACCEPTABLE, Code::BadRequest, message);
        return refuse(refused, Media::Json);
    };
    if media == Media::Html {
        return graphiql::page();
    }
    match answer(house, request, media).await {
        Ok(response) => response,
        Err(refused) => refuse(refused, media),
    }
}

async fn answer(house: &House, request: Request, media: Media) -> Result<Response, Refused> {
    let (app, asked) = (&house.app, Instant::now());
    let mut caller = caller::caller(app, request.headers(), request.extensions());
    let request_id = request
        .extensions()
        .get::<RequestId>()
        .map(|id| Arc::clone(&id.0));
    let reads_only = request.method() == Method::GET;
    let parameters = parameters(house, request).await?;
    let Parameters {
        query,
        operation_name: operation,
        variables,
        ..
    } = parameters;
    let text = query.ok_or_else(|| Refused::bad("`query` is missing."))?;
    let unfit = |(code, message): (Code, String)| request_error(media, code, message);
    let read = ready::read(&house.reader, &text, operation.as_deref()).map_err(unfit)?;
    let document = &read.document;
    if reads_only && document.writes {
        let message = "A GET request runs queries only.";
        let refused = Refused::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest, message);
        return Err(Refused {
            allow: Some("POST"),
            ..refused
        });
    }
    if document.introspects && !app.config.introspection() && !caller.is_administrator {
        return Err(request_error(
            media,
            Code::GraphqlValidationFailed,
            "Introspection is switched off.",
        ));
    }
    let ready = ready::make_ready(Arc::clone(&read), operation.as_deref(), variables);
    let ready = ready.map_err(unfit)?;
    let mut deadline = Duration::from_millis(app.config.settings.request_timeout);
    if document.roots.iter().any(|root| root.field == guard::WAITS) {
        deadline += Duration::from_millis(app.config.settings.verification_wait);
    }
    caller.does_one_thing = document.roots.len() == 1;
    let waited = Arc::clone(&caller.waited);
    let through_gateway = caller.through_gateway;
    // Whatever wraps a future moves all of it: what is large goes to the heap first.
    let run = Box::pin(house.engine.execute(ready.of(caller), through_gateway));
    let run = AssertUnwindSafe(run.instrument(traced(document))).catch_unwind();
    let mut response = match tokio::time::timeout(deadline, run).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => failed(Error::internal("a resolver panicked")),
        Err(_) => failed(Error::Overloaded { retry_after: PAUSE }),
    };
    if document.writes && !(response.is_ok() && document.roots.iter().all(revokes_nothing)) {
        app.identities.settle().await;
    }
    if read.marked {
        guard::unmark(&mut response.data);
    }
    graphql::put_nulls(&text, operation.as_deref(), &mut response);
    let request_id = request_id.as_deref().unwrap_or_default();
    let (mut answer, code) = shape(app, response, &document.roots, media, request_id);
    let mut waited = waited.read();
    if code == Some(Code::Overloaded) {
        waited += house.hold.back(&document.roots, asked).await;
    }
    answer.extensions_mut().insert(Waited(waited));
    Ok(answer)
}

/// Whether a field that was answered without an error has left everybody as they were: an exchanged refresh token was the
/// caller's own, and a new session is in nobody's memory.
fn revokes_nothing(root: &guard::Root) -> bool {
    ["refreshSession", "signIn"].contains(&&*root.field)
}

/// The operation as traces show it: what kind it is and what its author calls it.
fn traced(document: &guard::Document) -> Span {
    let kind = if document.writes { "mutation" } else { "query" };
    let name = document.name.as_ref().map_or("", |name| name.as_str());
    // Names are ASCII.
    let name = name.get(..OPERATION_NAME).unwrap_or(name);
    tracing::trace_span!(
        target: TRACED,
        "operation",
        otel.name = %format_args!("{kind} {name}").to_string().trim_end(),
        graphql.operation.type = kind,
        graphql.operation.name = name,
    )
}

/// Reads `query`, `operationName`, `variables` and `extensions` from the query of a GET or the body of a POST.
async fn parameters(house: &House, request: Request) -> Result<Parameters, Refused> {
    match *request.method() {
        Method::GET => from_query(request.uri().query().unwrap_or_default()),
        Method::POST => {
            if !negotiate::is_json(request.headers()) {
                let message = "The body must be declared as application/json in UTF-8.";
                return Err(Refused::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    Code::BadRequest,
                    message,
                ));
            }
            let patience = Duration::from_millis(house.app.config.settings.read_timeout);
            from_body(request.into_body(), patience).await
        }
        _ => {
            let message = "GraphQL is asked by GET or POST.";
            let refused = Refused::new(StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest, message);
            Err(Refused {
                allow: Some("GET, POST"),
                ..refused
            })
        }
    }
}

fn from_query(query: &str) -> Result<Parameters, Refused> {
    let mut parameters = Parameters::default();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if value.is_empty() {
            continue;
        }
        let object = || {
            serde_json::from_str(&value)
                .map_err(|_| Refused::bad(format!("`{name}` must be a JSON object.")))
        };
        match &*name {
            "query" => parameters.query = Some(value.into_owned()),
            "operationName" => parameters.operation_name = Some(value.into_owned()),
            "variables" => parameters.variables = object()?,
            "extensions" => parameters._extensions = object()?,
            _ => {}
        }
    }
    Ok(parameters)
}

async fn from_body(body: Body, patience: Duration) -> Result<Parameters, Refused> {
    let octets = match tokio::time::timeout(patience, to_bytes(body, BODY)).await {
        Ok(Ok(octets)) => octets,
        Ok(Err(_)) => {
            let message = format!("The body is incomplete or larger than {BODY} octets.");
            return Err(Refused::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                Code::BadRequest,
                message,
            ));
        }
        Err(_) => {
            let message = "The body did not arrive in time.";
            return Err(Refused::new(
                StatusCode::REQUEST_TIMEOUT,
                Code::BadRequest,
                message,
            ));
        }
    };
    let first = octets.iter().find(|octet| !octet.is_ascii_whitespace());
    if first == Some(&b'[') {
        return Err(Refused::bad(
            "Several operations in one request are not supported.",
        ));
    }
    serde_json::from_slice(&octets)
        // The parser's own message may quote what was sent.
        .map_err(|error| {
            Refused::bad(format!(
                "The body is no GraphQL request (line {}, column {}).",
                error.line(),
                error.column()
            ))
        })
}

/// Clients that read `application/json` alone discard the body of anything but 200.
fn request_error(media: Media, code: Code, message: impl Into<String>) -> Refused {
    let status = if media == Media::GraphqlResponse {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    };
    Refused::new(status, code, message)
}

fn failed(error: Error) -> async_graphql::Response {
    let mut error: ServerError =
        async_graphql::Error::from(error).into_server_error(async_graphql::Pos::default());
    // No place in the document is to blame.
    error.locations.clear();
    async_graphql::Response::from_errors(vec![error])
}

fn refuse(refused: Refused, media: Media) -> Response {
    let (name, code) = graphql::code_extension(refused.code);
    let body = json!({ "errors": [{ "message": refused.message, "extensions": { name: code } }] });
    let mut response = (refused.status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media.content_type());
    headers.insert(VARY, HeaderValue::from_static("accept"));
    if let Some(allow) = refused.allow {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}

/// Counts what became of each root field. Of a request that was refused, no name is known to be one of the schema's.
fn count(app: &App, roots: &[guard::Root], response: &async_graphql::Response, refused: bool) {
    let code = |error: &ServerError| {
        let code = error.extensions.as_ref().and_then(|all| all.get("code"));
        match code {
            Some(async_graphql::Value::Enum(name)) => name.to_string(),
            _ => String::from("unknown"),
        }
    };
    if refused {
        let outcome = response.errors.first().map(code).unwrap_or_default();
        app.metrics.operation("none", &outcome);
        return;
    }
    for root in roots {
        let about = |error: &&ServerError| match error.path.first() {
            Some(PathSegment::Field(key)) => *key == *root.key,
            _ => true,
        };
        let outcome = response.errors.iter().find(about).map(code);
        let outcome = outcome.as_deref().unwrap_or("ok");
        app.metrics.operation(&root.field, outcome);
    }
}

/// Presents the errors, and gives the answer its status: a request error has no `data`. Says of which code the error is that
/// asks the client to come back.
fn shape(
    app: &App,
    mut response: async_graphql::Response,
    roots: &[guard::Root],
    media: Media,
    request_id: &str,
) -> (Response, Option<Code>) {
    let presented = graphql::present(&mut response, request_id, !app.config.introspection());
    count(app, roots, &response, presented.refused);
    let mut answer = if presented.refused {
        let status = if media == Media::GraphqlResponse {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        };
        (status, json!({ "errors": response.errors }).to_string()).into_response()
    } else {
        GraphQLResponse::from(response).into_response()
    };
    if let Some((code, seconds)) = presented.retry {
        answer
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
        if media == Media::GraphqlResponse {
            *answer.status_mut() = if code == Code::RateLimited {
                StatusCode::TOO_MANY_REQUESTS
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
        }
    }
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, media.content_type());
    answer
        .headers_mut()
        .insert(VARY, HeaderValue::from_static("accept"));
    (answer, presented.retry.map(|(code, _)| code))
}
