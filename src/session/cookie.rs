//! The refresh token in a cookie (`tokenTransport: COOKIE`): no script can read it, it goes to this host alone, and it is
//! looked at by `refreshSession` and `signOut` only, together with the `Origin` of a page that the application lists.

use async_graphql::{Context, Enum, SimpleObject};
use entity::application;

use super::chain::Minted;
use crate::app::App;
use crate::caller::Caller;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::realm::origin;
use crate::scalar::DateTime;

const PATH: &str = "/";

/// How the refresh token travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum TokenTransport {
    /// In the answer.
    #[default]
    Body,
    /// In an HttpOnly cookie of this host, for pages of the origins that the application lists.
    Cookie,
}

/// How the cookie was set.
#[derive(Clone, Debug, SimpleObject)]
pub struct SessionCookie {
    /// One for each application.
    name: String,
    /// Always null: the cookie belongs to this host alone.
    domain: Option<String>,
    path: String,
    /// Seconds.
    max_age: i32,
    expires_at: DateTime,
}

impl TokenTransport {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Body => "BODY",
            Self::Cookie => "COOKIE",
        }
    }

    /// Of a session; what is not known counts as `BODY`.
    pub fn of(stored: &str) -> Self {
        match stored {
            "COOKIE" => Self::Cookie,
            _ => Self::Body,
        }
    }
}

/// Refuses a cookie that came from a page of another origin than the application lists, or from who knows where.
///
/// # Errors
/// `ORIGIN_NOT_ALLOWED`.
pub fn check_use(app: &App, page: Option<&str>, application: &application::Model) -> Result<()> {
    match page {
        Some(given) if origin::is_listed(&app.config, application, given) => Ok(()),
        _ => Err(Error::OriginNotAllowed),
    }
}

/// Sets no cookie for a page that could not use it. Whoever names no origin is no browser, and may hand the cookie on.
///
/// # Errors
/// `ORIGIN_NOT_ALLOWED`.
pub fn check_transport(
    app: &App,
    caller: &Caller,
    application: &application::Model,
    transport: TokenTransport,
) -> Result<()> {
    if transport == TokenTransport::Cookie && caller.browser_origin.is_some() {
        return check_use(app, caller.browser_origin.as_deref(), application);
    }
    Ok(())
}

/// Puts the token into the answer's cookie.
pub fn set(ctx: &Context<'_>, application: &application::Model, minted: &Minted) -> SessionCookie {
    let app = ctx.data_unchecked::<App>();
    let max_age = (minted.expires_at - app.now()).num_seconds();
    let name = name(&app.config, &application.client_id);
    append(ctx, &name, minted.token.expose(), max_age);
    SessionCookie {
        name,
        domain: None,
        path: PATH.to_owned(),
        max_age: i32::try_from(max_age).unwrap_or(i32::MAX),
        expires_at: DateTime(minted.expires_at),
    }
}

/// Takes the cookie away that the caller sent; whoever sent none keeps what there is.
pub fn clear(ctx: &Context<'_>, caller: &Caller) {
    if let Some((client_id, _)) = caller.refresh_cookie() {
        let app = ctx.data_unchecked::<App>();
        append(ctx, &name(&app.config, client_id), "", 0);
    }
}

/// Names and values are made of what a cookie may hold (RFC 6265 section 4.1.1): client ids, and base64url.
fn append(ctx: &Context<'_>, name: &str, value: &str, max_age: i64) {
    let secure = if ctx.data_unchecked::<App>().config.is_secure() {
        "; Secure"
    } else {
        ""
    };
    let cookie = format!(
        "{name}={value}; Path={PATH}; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}"
    );
    ctx.append_http_header("set-cookie", cookie);
}

fn name(config: &Config, client_id: &str) -> String {
    format!("{}{client_id}", config.cookie_prefix())
}
