//! `adminSetTenantMember` and `adminRemoveTenantMember`: who belongs to a tenant, and with which roles.

use async_graphql::{ID, InputObject};
use entity::{StringList, tenant, tenant_member, user};
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
};
use serde_json::json;
use uuid::Uuid;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::realm::{role, tenant as memberships};
use crate::user::{self as users, Selection, User};
use crate::value::Issues;

/// Who is to belong to which tenant.
#[derive(Debug, InputObject)]
pub struct AdminSetTenantMemberInput {
    /// `Tenant.id`.
    pub tenant_id: ID,
    /// `User.id`.
    pub user_id: ID,
    /// The user's roles there, at most 50, replaced whole; they say nothing elsewhere. All memberships of a user together
    /// take at most 1,536 octets of a token: more than twenty with a role each.
    pub roles: Vec<String>,
}

/// Who is to belong to a tenant no more.
#[derive(Debug, InputObject)]
pub struct AdminRemoveTenantMemberInput {
    /// `Tenant.id`.
    pub tenant_id: ID,
    /// `User.id`.
    pub user_id: ID,
}

/// # Errors
/// `NOT_FOUND` for an unknown tenant or user; `INVALID_INPUT` for roles that are none, and for more than fits a token.
pub async fn admin_set_tenant_member(
    app: &App,
    caller: &Caller,
    input: AdminSetTenantMemberInput,
    selection: Selection,
) -> Result<User> {
    use tenant_member::{ActiveModel, Column, Entity};
    let mut issues = Issues::default();
    role::check_names("roles", &input.roles, &mut issues);
    issues.none()?;
    let (tenant, user) = ids(&input.tenant_id, &input.user_id)?;
    let now = app.now();
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let user = touch(app, &tx, user).await?;
            tenant::Entity::find_by_id(tenant)
                .lock(LockType::KeyShare)
                .one(&tx)
                .await?
                .ok_or(Error::NotFound)?;
            let row = ActiveModel {
                tenant_id: Set(tenant),
                user_id: Set(user.id),
                roles: Set(StringList(input.roles.clone())),
                created_at: Set(now),
                updated_at: Set(now),
            };
            let again = OnConflict::columns([Column::TenantId, Column::UserId])
                .update_columns([Column::Roles, Column::UpdatedAt])
                .to_owned();
            Entity::insert(row)
                .on_conflict(again)
                .exec_without_returning(&tx)
                .await?;
            // Added up while the user's row is held: no other membership comes in between.
            if !memberships::fit(&memberships::of(&tx, &[user.id]).await?) {
                return Err(Error::invalid(
                    "roles",
                    "too_many",
                    format!(
                        "All memberships of a user take at most {} octets of JSON.",
                        memberships::OCTETS
                    ),
                ));
            }
            let event = Event {
                user: Some(user.id),
                tenant: Some(tenant),
                connection: Some(user.connection_id),
                details: json!({ "roles": input.roles }),
                ..Event::by_administrator(Kind::TenantMemberSet, caller.acting_user())
            };
            app.record(&tx, &caller.origin, event).await?;
            let view = users::view::load(&tx, user, None, selection, now).await?;
            tx.commit().await?;
            Ok(view)
        })
        .await
}

/// # Errors
/// `NOT_FOUND` for who does not belong to the tenant.
pub async fn admin_remove_tenant_member(
    app: &App,
    caller: &Caller,
    input: AdminRemoveTenantMemberInput,
    selection: Selection,
) -> Result<User> {
    let (tenant, user) = ids(&input.tenant_id, &input.user_id)?;
    let now = app.now();
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let user = touch(app, &tx, user).await?;
            let removed = tenant_member::Entity::delete_by_id((tenant, user.id))
                .exec(&tx)
                .await?;
            if removed.rows_affected == 0 {
                return Err(Error::NotFound);
            }
            let event = Event {
                user: Some(user.id),
                tenant: Some(tenant),
                connection: Some(user.connection_id),
                ..Event::by_administrator(Kind::TenantMemberRemoved, caller.acting_user())
            };
            app.record(&tx, &caller.origin, event).await?;
            let view = users::view::load(&tx, user, None, selection, now).await?;
            tx.commit().await?;
            Ok(view)
        })
        .await
}

fn ids(tenant: &ID, user: &ID) -> Result<(Uuid, Uuid)> {
    let id = |id: &ID| id.parse::<Uuid>().map_err(|_| Error::NotFound);
    Ok((id(tenant)?, id(user)?))
}

/// The user's row first, as in every other change of an account.
async fn touch(app: &App, tx: &impl ConnectionTrait, id: Uuid) -> Result<user::Model> {
    user::Entity::update_many()
        .col_expr(user::Column::UpdatedAt, app.now().into())
        .filter(user::Column::Id.eq(id))
        .exec(tx)
        .await?;
    user::Entity::find_by_id(id)
        .one(tx)
        .await?
        .ok_or(Error::NotFound)
}
