//! The tenants that users belong to.

use entity::{tenant, tenant_member, user};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::error::Result;

/// One membership, with the name that the tenant has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub user_id: Uuid,
    pub tenant_id: Uuid,
    pub name: String,
    pub roles: Vec<String>,
}

/// Whether the user of a statement about users belongs to a tenant.
pub fn exists() -> Expr {
    let member = (tenant_member::Entity, tenant_member::Column::UserId);
    let own = Query::select()
        .column(member)
        .from(tenant_member::Entity)
        .and_where(Expr::col(member).equals((user::Entity, user::Column::Id)))
        .to_owned();
    Expr::exists(own)
}

/// The memberships of these users, in one query, by the age of the tenants.
///
/// # Errors
/// When the database does not answer.
pub async fn of(db: &impl ConnectionTrait, users: &[Uuid]) -> Result<Vec<Membership>> {
    let rows = tenant_member::Entity::find()
        .filter(tenant_member::Column::UserId.is_in(users.iter().copied()))
        .order_by_asc(tenant_member::Column::TenantId)
        .find_also_related(tenant::Entity)
        .all(db)
        .await?;
    let membership = |(member, tenant): (tenant_member::Model, Option<tenant::Model>)| {
        Some(Membership {
            user_id: member.user_id,
            tenant_id: member.tenant_id,
            name: tenant?.name,
            roles: member.roles.0,
        })
    };
    Ok(rows.into_iter().filter_map(membership).collect())
}
