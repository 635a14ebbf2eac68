//! What administrators may ask and do. Every resolver begins with the guard.

mod account;
pub mod page;
mod realm;
mod trail;

pub use account::{
    AdminCreateUserInput, AdminUpdateUserInput, PendingSignUp, UserFilter, UserLookup,
    pending_by_ids,
};
use async_graphql::MergedObject;
pub use realm::{
    Application, ConnectionSettings, Tenant, applications_by_ids, connections_by_ids,
    tenants_by_ids,
};
pub use trail::{AuditEvent, OutboxMail, events_by_ids, mails_by_ids};

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
