//! What administrators may ask and do. Every resolver begins with the guard.

mod account;
pub mod page;
mod realm;
mod trail;

pub use account::{AdminCreateUserInput, AdminUpdateUserInput, UserFilter, UserLookup};
use async_graphql::MergedObject;
pub use realm::{Application, ConnectionSettings, Tenant};

#[derive(Default, MergedObject)]
pub struct AdminQuery(
    account::AccountAdminQuery,
    realm::RealmAdminQuery,
    trail::TrailAdminQuery,
);

#[derive(Default, MergedObject)]
pub struct AdminMutation(
    account::AccountAdminMutation,
    realm::RealmAdminMutation,
    trail::TrailAdminMutation,
);
