//! Which pages of the web may call (CORS), and use a refresh cookie: exact origins (RFC 6454), as applications list them.

use entity::application::{self, Column, Entity};
use sea_orm::sea_query::extension::postgres::PgBinOper;
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query};
use sea_orm::{ColumnTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect};
use serde_json::json;

use crate::app::App;
use crate::config::Config;
use crate::error::Result;
use crate::value::storable;

/// Longer ones are nobody's.
const LENGTH: usize = 300;

/// Whether the application lists the origin, letter by letter as browsers write it. The house's own pages always may.
pub fn is_listed(config: &Config, application: &application::Model, given: &str) -> bool {
    is_own(config, given)
        || application
            .allowed_origins
            .0
            .iter()
            .any(|listed| listed == given)
}

/// Whether the application of this client id, or any where none is named, lists the origin. A preflight names none: which
/// application it is for stands in a header that it only announces.
///
/// # Errors
/// When the database does not answer.
pub async fn is_listed_by(app: &App, given: &str, client_id: Option<&str>) -> Result<bool> {
    if given.len() > LENGTH {
        return Ok(false);
    }
    if is_own(&app.config, given) {
        return Ok(true);
    }
    let mut listing = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::DisabledAt.is_null())
        .filter(lists(app, storable(given)));
    if let Some(client_id) = client_id {
        listing = listing.filter(Column::ClientId.eq(storable(client_id)));
    }
    let found: Vec<uuid::Uuid> = listing.into_tuple().all(app.db.read()).await?;
    Ok(!found.is_empty())
}

fn is_own(config: &Config, given: &str) -> bool {
    config.public_url.origin().ascii_serialization() == given
}

fn lists(app: &App, given: &str) -> Expr {
    match app.db.backend() {
        DbBackend::Postgres => Expr::col((Entity, Column::AllowedOrigins))
            .binary(PgBinOper::Contains, Expr::val(json!([given]))),
        _ => {
            let listed = Query::select()
                .column("value")
                .from_function(
                    Func::cust("json_each").arg(Expr::col((Entity, Column::AllowedOrigins))),
                    "origin",
                )
                .to_owned();
            Expr::val(given).in_subquery(listed)
        }
    }
}
