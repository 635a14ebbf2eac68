//! Who is asking: what the door saw of the request, and the session behind its bearer, looked up once and only when a
//! field needs it. A bad bearer makes a caller anonymous with a reason; it never fails the request.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::app::App;
use crate::error::{Error, Reason, Result};
use crate::event::Origin;
use crate::hasher::Turn;
use crate::identity::Identity;
use crate::key::Claims;
use crate::metrics::Stopwatch;
use crate::secret::Secret;
use crate::value::{Locale, network_of};

/// The role of a user who may do what the admin secret may. Only administrators grant it.
pub const ADMINISTRATOR: &str = "vestibule-admin";

/// The name of the application, and of the connection, that serve where none is named.
pub const DEFAULT: &str = "default";

/// One request's caller.
#[derive(Debug, Default)]
pub struct Caller {
    pub ip: Option<IpAddr>,
    pub origin: Origin,
    pub locale: Option<Locale>,
    /// Header `x-client-id`.
    pub client_id: Option<String>,
    /// Header `Origin`: which page of the web asks, where it is a browser that does.
    pub browser_origin: Option<String>,
    /// Our own cookies: client id and refresh token. Only `refreshSession` and `signOut` look at them.
    pub cookies: Vec<(String, Secret)>,
    /// Header `Authorization: Bearer`, or the reason why there is none.
    pub bearer: Bearer,
    /// The admin secret was right.
    pub is_administrator: bool,
    /// The gateway's secret was right. It proves the gateway, and nothing about whom it asks for.
    pub through_gateway: bool,
    /// The operation has one field: nothing before it has changed anything.
    pub does_one_thing: bool,
    /// What the request has had of the threads that hash passwords.
    pub turn: Turn,
    /// How long the request has waited for somebody to answer a mail: no time of the house's.
    pub waited: Arc<Stopwatch>,
    /// Looked up when it is first asked for.
    pub(crate) identity: OnceCell<Result<Arc<Identity>, Reason>>,
}

/// What the `Authorization` header held.
#[derive(Debug, Default)]
pub enum Bearer {
    #[default]
    Missing,
    /// Another scheme, or two headers.
    Malformed,
    Token(Secret),
}

/// Whose account a caller may see.
#[derive(Clone, Copy, Debug)]
pub enum Sight<'a> {
    /// Everybody's: an administrator, signed in or with the admin secret alone.
    All(Option<&'a Identity>),
    /// The own one.
    Own(&'a Identity),
    /// Nobody's: not signed in.
    Nothing(Reason),
}

impl Caller {
    /// The signed-in user and session.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` with its reason; `OVERLOADED` when the database does not answer.
    pub async fn identity(&self, app: &App) -> Result<&Identity> {
        let found = self.identity.get_or_try_init(|| self.look_up(app)).await?;
        match found {
            Ok(identity) => Ok(identity),
            Err(reason) => Err(Error::Unauthenticated(*reason)),
        }
    }

    /// As [`Caller::identity`], with nothing for a caller who sent no bearer at all.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for a bearer that is expired, revoked or none of ours.
    pub async fn identity_if_any(&self, app: &App) -> Result<Option<&Identity>> {
        match self.identity(app).await {
            Ok(identity) => Ok(Some(identity)),
            Err(Error::Unauthenticated(Reason::TokenMissing)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lets pass who holds the admin secret, or is signed in with the role [`ADMINISTRATOR`].
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for who is not signed in, `FORBIDDEN` for who is.
    pub async fn require_administrator(&self, app: &App) -> Result<()> {
        if self.is_administrator {
            return Ok(());
        }
        if self.identity(app).await?.is_administrator() {
            Ok(())
        } else {
            Err(Error::Forbidden)
        }
    }

    /// Whose account this caller may see, for fields that find things by nothing but an id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sight(&self, app: &App) -> Result<Sight<'_>> {
        let found = self.identity.get_or_try_init(|| self.look_up(app)).await?;
        Ok(match found {
            Ok(identity) if self.is_administrator || identity.is_administrator() => {
                Sight::All(Some(identity))
            }
            Ok(identity) => Sight::Own(identity),
            Err(_) if self.is_administrator => Sight::All(None),
            Err(reason) => Sight::Nothing(*reason),
        })
    }

    /// The administrator who acts, where that is a user: the admin secret names nobody.
    pub fn acting_user(&self) -> Option<Uuid> {
        let identity = self.identity.get().and_then(|found| found.as_ref().ok());
        identity
            .filter(|_| !self.is_administrator)
            .map(|identity| identity.user.id)
    }

    /// The claims of the bearer, where we signed it, expired or not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claims(&self, app: &App) -> Result<Option<Arc<Claims>>> {
        match &self.bearer {
            Bearer::Token(token) => app.keys.verify(app.db.read(), token.expose()).await,
            Bearer::Missing | Bearer::Malformed => Ok(None),
        }
    }

    /// The refresh cookie of the application that the request names; of the only one where it names none and there is but
    /// one, and of the default application otherwise. With the client id that it was set for.
    pub fn refresh_cookie(&self) -> Option<&(String, Secret)> {
        let wanted = match (&self.client_id, self.cookies.as_slice()) {
            (None, [only]) => return Some(only),
            (wanted, _) => wanted.as_deref().unwrap_or(DEFAULT),
        };
        self.cookies
            .iter()
            .find(|(client_id, _)| client_id == wanted)
    }

    /// What limits count: an IPv4 address or an IPv6 /64; callers without an address share one.
    pub fn network(&self) -> String {
        self.ip.map_or_else(|| "unknown".to_owned(), network_of)
    }

    async fn look_up(&self, app: &App) -> Result<Result<Arc<Identity>, Reason>> {
        let claims = match (&self.bearer, self.claims(app).await?) {
            (Bearer::Missing, _) => return Ok(Err(Reason::TokenMissing)),
            (_, Some(claims)) => claims,
            (_, None) => return Ok(Err(Reason::TokenInvalid)),
        };
        let differs = self
            .client_id
            .as_ref()
            .is_some_and(|client_id| *client_id != claims.client_id);
        let now = app.now();
        if differs || claims.iat > now.timestamp() + 60 {
            return Ok(Err(Reason::TokenInvalid));
        }
        if claims.exp <= now.timestamp() {
            return Ok(Err(Reason::TokenExpired));
        }
        let Some(identity) = app.identities.find(claims.sid).await? else {
            return Ok(Err(Reason::SessionRevoked));
        };
        let same =
            identity.user.id == claims.sub && identity.application.client_id == claims.client_id;
        Ok(if same {
            Ok(identity)
        } else {
            Err(Reason::TokenInvalid)
        })
    }
}

impl Identity {
    /// Whether the user has the role [`ADMINISTRATOR`].
    pub fn is_administrator(&self) -> bool {
        self.user.roles.0.iter().any(|role| role == ADMINISTRATOR)
    }
}
