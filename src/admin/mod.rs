//! What administrators may ask and do. Every resolver begins with the guard.

mod account;
pub mod page;
mod realm;

pub use account::{AdminCreateUserInput, AdminUpdateUserInput, UserFilter, UserLookup};
use async_graphql::MergedObject;
pub use realm::{
    AdminUpdateApplicationInput, AdminUpdateConnectionInput, Application, ConnectionSettings,
};

#[derive(Default, MergedObject)]
pub struct AdminQuery(account::AccountAdminQuery);

#[derive(Default, MergedObject)]
pub struct AdminMutation(account::AccountAdminMutation, realm::RealmAdminMutation);
