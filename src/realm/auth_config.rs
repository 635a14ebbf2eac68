//! `authConfig`: what a page needs to know before anyone types.

use async_graphql::{Enum, SimpleObject};

use super::place;
use super::policy::PasswordPolicy;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{Code, Result};

/// The rules of one application and connection.
#[derive(Clone, Debug, SimpleObject)]
pub struct AuthConfig {
    /// Whether `signUp` is open.
    sign_up_enabled: bool,
    /// Whether `signUp` answers a `PendingVerification` first: show a field for the mailed code.
    email_verification_required: bool,
    /// Whether `signUp` asks for a username.
    username_required: bool,
    /// What a sign-up may ask for in `allowedRoles`.
    sign_up_roles: Vec<String>,
    /// The default role of a sign-up that names none.
    default_role: String,
    /// The languages that mail is written in (BCP 47).
    locales: Vec<String>,
    /// The rules for new passwords.
    password_policy: PasswordPolicy,
    /// Every code that `extensions.code` can hold.
    error_codes: Vec<ErrorCode>,
}

pub async fn auth_config(
    app: &App,
    caller: &Caller,
    client_id: Option<&str>,
    connection: Option<&str>,
) -> Result<AuthConfig> {
    let place = place::find(app, caller, client_id, connection).await?;
    let (application, connection) = (place.application, place.connection);
    Ok(AuthConfig {
        sign_up_enabled: connection.sign_up_enabled,
        email_verification_required: connection.email_verification_required,
        username_required: connection.username_required,
        sign_up_roles: application.sign_up_roles.0,
        default_role: application.default_role,
        locales: app.texts.languages().map(str::to_owned).collect(),
        password_policy: PasswordPolicy::from(&connection),
        error_codes: <ErrorCode as async_graphql::resolver_utils::EnumType>::items()
            .iter()
            .map(|item| item.value)
            .collect(),
    })
}

/// The values of `extensions.code` in an entry of `errors[]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Code")]
pub enum ErrorCode {
    /// The field needs a signed-in user. The only code on which a client should refresh; `extensions.reason` is
    /// `TOKEN_MISSING`, `TOKEN_EXPIRED`, `TOKEN_INVALID` or `SESSION_REVOKED`.
    Unauthenticated,
    /// Signed in, and not allowed.
    Forbidden,
    /// Some input is not acceptable; `extensions.issues` is a list of `{path, rule, message}`, the path below `input`.
    InvalidInput,
    /// The password policy refuses the password; `extensions.issues` has one entry for each rule that is not met.
    WeakPassword,
    /// Another account has this address. Only where existence cannot be concealed.
    EmailTaken,
    /// Another account has this username.
    UsernameTaken,
    /// Unknown login, not yet verified, or wrong password: which of them, nobody is told.
    InvalidCredentials,
    /// The account is disabled. Only after the right password.
    AccountDisabled,
    /// The ticket of a mailed link is unknown, expired, used, or not the caller's.
    InvalidTicket,
    /// The mailed code is wrong, expired, used, or not the caller's.
    InvalidCode,
    /// The refresh token is unknown, expired, used, or of another application: sign in again.
    InvalidRefreshToken,
    /// The connection takes no sign-ups.
    SignUpDisabled,
    /// The application does not list this redirect address.
    RedirectNotAllowed,
    /// The refresh cookie came from, or without, an Origin that the application does not list.
    OriginNotAllowed,
    /// Too many attempts; `extensions.retryAfter` is in seconds.
    RateLimited,
    /// The queue of the password hashing is full or the wait in it too long, no seat is free for `awaitVerification`, the
    /// database does not answer, or the request has had its time; `extensions.retryAfter` is in seconds.
    Overloaded,
    /// There is nothing of this name or id.
    NotFound,
    /// An administrator named something that is there already.
    AlreadyExists,
    /// The document is not GraphQL.
    GraphqlParseFailed,
    /// The document or its variables do not fit the schema.
    GraphqlValidationFailed,
    /// Too deep, or too many fields, aliases, spreads, copies of variables, or `@skip` and its like; in one operation more than
    /// five mutations, two that take a credential, two of one name or alias, anything beside `awaitVerification`, or two fields
    /// that take lists of ids.
    QueryTooComplex,
    /// The HTTP request is not a GraphQL request.
    BadRequest,
    /// A defect of the server; `extensions.requestId` names it in the server's log.
    Internal,
}
