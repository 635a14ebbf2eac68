//! `adminUsers`: accounts by page.

use async_graphql::{ID, InputObject};
use entity::user::{Column, Entity, Model};
use entity::{connection, tenant_member};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, DbBackend, EntityTrait, QueryFilter, Select};
use uuid::Uuid;

use crate::admin::page::{self, Connection, List, PageArguments, Row};
use crate::app::App;
use crate::error::Result;
use crate::user::view::UserStatus;
use crate::user::{self as users, Selection, User};
use crate::value::storable;

const LIST: List<Column> = List {
    name: "users",
    id: Column::Id,
};

/// Which accounts: those to which everything that is given applies.
#[derive(Debug, Default, InputObject)]
pub struct UserFilter {
    /// The beginning of the address, compared without regard to case.
    pub email_starts_with: Option<String>,
    pub status: Option<UserStatus>,
    /// Who has this role.
    pub role: Option<String>,
    /// Who belongs to this tenant.
    pub tenant_id: Option<ID>,
    /// Who lives in this connection.
    pub connection: Option<String>,
}

impl Row for Model {
    fn id(&self) -> Uuid {
        self.id
    }
}

/// # Errors
/// `INVALID_INPUT` for forged cursors and sizes out of bounds. A filter by something that is not there finds nobody.
pub async fn admin_users(
    app: &App,
    arguments: PageArguments,
    filter: UserFilter,
    selection: Selection,
    counted: bool,
) -> Result<Connection<User>> {
    let select = filtered(app, filter);
    let page = page::read(app, select, LIST, &arguments, counted).await?;
    let nodes =
        users::view::load_all(app.db.read(), page.rows.clone(), None, selection, app.now()).await?;
    Ok(Connection::new(app, LIST.name, page, nodes))
}

fn filtered(app: &App, filter: UserFilter) -> Select<Entity> {
    let mut select = Entity::find();
    if let Some(start) = filter.email_starts_with {
        select = select.filter(starts_with(app, Column::EmailKey, &start));
    }
    if let Some(status) = filter.status {
        select = select.filter(status.condition());
    }
    if let Some(role) = filter.role {
        select = select.filter(has_role(app, storable(&role)));
    }
    if let Some(tenant) = filter.tenant_id {
        let tenant: Uuid = tenant.parse().unwrap_or_default();
        let members = Query::select()
            .column(tenant_member::Column::UserId)
            .from(tenant_member::Entity)
            .and_where(tenant_member::Column::TenantId.eq(tenant))
            .to_owned();
        select = select.filter(Column::Id.in_subquery(members));
    }
    if let Some(name) = filter.connection {
        let named = Query::select()
            .column(connection::Column::Id)
            .from(connection::Entity)
            .and_where(connection::Column::Name.eq(storable(&name)))
            .to_owned();
        select = select.filter(Column::ConnectionId.in_subquery(named));
    }
    select
}

/// Whether a column `email_key` begins so, without regard to case.
pub(super) fn starts_with(app: &App, column: impl ColumnTrait, start: &str) -> Expr {
    if start.contains('\0') {
        // No address does, and PostgreSQL cannot be asked.
        return Expr::val(false);
    }
    let start = start.to_lowercase();
    // Keys are ASCII, so that nothing that begins so comes after the highest ASCII character.
    let end = format!("{start}\u{7f}");
    let key = match app.db.backend() {
        DbBackend::Postgres => Expr::cust("email_key COLLATE \"C\""),
        _ => Expr::col(column),
    };
    key.clone().gte(start).and(key.lt(end))
}

/// PostgreSQL has an index of the roles; SQLite walks along the pages and looks into each list.
fn has_role(app: &App, role: &str) -> Expr {
    match app.db.backend() {
        DbBackend::Postgres => {
            let wanted = serde_json::json!([role]);
            Expr::col(Column::Roles).binary(
                sea_orm::sea_query::extension::postgres::PgBinOper::Contains,
                Expr::val(wanted),
            )
        }
        _ => {
            let roles = Query::select()
                .column("value")
                .from_function(
                    sea_orm::sea_query::Func::cust("json_each")
                        .arg(Expr::col((Entity, Column::Roles))),
                    "role",
                )
                .to_owned();
            Expr::val(role).in_subquery(roles)
        }
    }
}
