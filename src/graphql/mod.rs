//! Merges the slices into one schema, and presents errors: the only place where a failure gets its public shape.

mod asked_first;
mod gateway;
mod nulls;

pub use gateway::{GatewaySchema, gateway_schema, subgraph};
pub use nulls::put_nulls;

use async_graphql::{
    EmptySubscription, MergedObject, ObjectType, PathSegment, Response, Schema, SchemaBuilder,
    ServerError, ValidationMode, Value,
};

use self::asked_first::AskedFirst;
use crate::account::{AccountMutation, AccountQuery};
use crate::admin::{AdminMutation, AdminQuery};
use crate::app::App;
use crate::error::{Code, Error, Issue};
use crate::node::NodeQuery;
use crate::password::PasswordMutation;
use crate::realm::{ErrorCode, RealmQuery};
use crate::session::SessionMutation;

/// What can be asked. Nothing here changes anything.
#[derive(Default, MergedObject)]
#[graphql(name = "Query")]
pub struct AllQueries(AccountQuery, RealmQuery, AdminQuery, NodeQuery);

/// What can be done. Everything that may change who is signed in answers a `SessionResult`. One operation may hold one
/// mutation that takes a password, ticket, code or refresh token, administrators' aside, and five mutations in all.
#[derive(Default, MergedObject)]
#[graphql(name = "Mutation")]
pub struct AllMutations(
    AccountMutation,
    PasswordMutation,
    SessionMutation,
    AdminMutation,
);

/// `me` is what clients ask most.
pub type Query = AskedFirst<AccountQuery, AllQueries>;

/// Every client refreshes.
pub type Mutation = AskedFirst<SessionMutation, AllMutations>;

/// The schema of the house.
pub type HouseSchema = Schema<Query, Mutation, EmptySubscription>;

/// More errors than this say nothing more, and would make an answer larger than its question.
const MOST_ERRORS: usize = 10;

/// The schema with the house behind it.
pub fn schema(app: App) -> HouseSchema {
    furnished(bare::<Query, Mutation>(), app).finish()
}

/// As [`schema`], for documents that it has found valid before: most rules are not looked at again, and whatever those would refuse is let
/// through.
pub fn trusting_schema(app: App) -> HouseSchema {
    let builder = furnished(bare::<Query, Mutation>(), app);
    builder.validation_mode(ValidationMode::Fast).finish()
}

fn furnished<Q: ObjectType + 'static>(
    builder: Builder<Q, Mutation>,
    app: App,
) -> Builder<Q, Mutation> {
    let discreet = !app.config.introspection();
    let builder = builder.data(app);
    if discreet {
        builder.disable_suggestions()
    } else {
        builder
    }
}

/// The schema's text (SDL), exactly what `schema.graphql` holds.
pub fn sdl() -> String {
    bare::<Query, Mutation>().finish().sdl()
}

type Builder<Q, M> = SchemaBuilder<Q, M, EmptySubscription>;

fn bare<Q, M>() -> Builder<Q, M>
where
    Q: ObjectType + Default + 'static,
    M: ObjectType + Default + 'static,
{
    // The guards of the HTTP handler are tighter; these hold for whoever executes without them.
    Schema::build(Q::default(), M::default(), EmptySubscription)
        .limit_recursive_depth(32)
        .limit_directives(5)
}

/// What the transport has to know beside the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Presented {
    /// The request was refused before any field ran: there is no `data`.
    pub refused: bool,
    /// Seconds for `Retry-After`, with the code that asks for it.
    pub retry: Option<(Code, u32)>,
}

/// Gives every error its code and masks what is not known to be safe; what is masked goes to the log under the
/// request's id.
///
/// `discreet` is whether the schema is not to be shown: the engine suggests arguments of directives whatever it is told.
pub fn present(response: &mut Response, request_id: &str, discreet: bool) -> Presented {
    // Ours come from running alone, the engine's with a path then: a panic or a deadline has none.
    let while_running =
        |error: &ServerError| !error.path.is_empty() || error.source::<Error>().is_some();
    let ran = response.data != Value::Null || response.errors.iter().any(while_running);
    let mut presented = Presented {
        refused: !ran && !response.errors.is_empty(),
        retry: None,
    };
    response.errors.truncate(MOST_ERRORS);
    for error in &mut response.errors {
        if let Some(ours) = error.source::<Error>()
            && let Some(seconds) = ours.retry_after()
        {
            presented.retry = Some((ours.code(), seconds));
        }
        present_one(error, request_id);
        if let Some(at) = error.message.find(" Did you mean").filter(|_| discreet) {
            error.message.truncate(at);
        }
    }
    presented
}

fn present_one(error: &mut ServerError, request_id: &str) {
    match (error.source::<Error>(), &error.source) {
        (Some(ours), _) => {
            let extensions = extensions_of(ours, request_id);
            if ours.code() == Code::Internal {
                log_masked(&error.path, request_id, &ours.cause());
            }
            set_extensions(error, extensions);
        }
        // The engine's own: about the document or its variables, made of nothing but the request and the schema.
        (None, None) => {
            unquote(&mut error.message);
            set_extensions(error, vec![code_extension(Code::GraphqlValidationFailed)]);
        }
        (None, Some(_)) => {
            log_masked(&error.path, request_id, &error.message);
            let masked = Error::internal("an error of an unknown kind");
            error.message = masked.to_string();
            set_extensions(error, extensions_of(&masked, request_id));
        }
    }
    // Not a part of the answer, and never to be printed with it.
    error.source = None;
}

/// Some of the engine's messages quote the value that does not fit. That may be a password in the wrong place, and
/// clients log what they are told.
fn unquote(message: &mut String) {
    if let Some(at) = message.find(", found ") {
        message.truncate(at);
        message.push('.');
    }
}

fn log_masked(path: &[PathSegment], request_id: &str, cause: &str) {
    tracing::error!(request_id, ?path, cause, "an internal error was masked");
}

fn extensions_of(error: &Error, request_id: &str) -> Vec<(&'static str, Value)> {
    let mut extensions = vec![code_extension(error.code())];
    if let Some(seconds) = error.retry_after() {
        extensions.push(("retryAfter", seconds.into()));
    }
    match error {
        Error::Unauthenticated(reason) => extensions.push(("reason", reason.as_str().into())),
        Error::InvalidInput(issues) | Error::WeakPassword(issues) => {
            extensions.push(("issues", Value::List(issues.iter().map(issue).collect())));
        }
        Error::Database(_) | Error::Internal(_) => {
            extensions.push(("requestId", request_id.into()))
        }
        _ => {}
    }
    extensions
}

/// `extensions.code` as the schema spells it.
pub fn code_extension(code: Code) -> (&'static str, Value) {
    (
        "code",
        async_graphql::resolver_utils::enum_value(ErrorCode::from(code)),
    )
}

fn issue(issue: &Issue) -> Value {
    let fields = [
        ("path", &*issue.path),
        ("rule", issue.rule),
        ("message", &*issue.message),
    ];
    Value::Object(
        fields
            .into_iter()
            .map(|(name, value)| (async_graphql::Name::new(name), value.into()))
            .collect(),
    )
}

/// Fills `extensions` of an error.
pub fn set_extensions(error: &mut ServerError, extensions: Vec<(&'static str, Value)>) {
    let values = error.extensions.get_or_insert_default();
    for (name, value) in extensions {
        values.set(name, value);
    }
}
