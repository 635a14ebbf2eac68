//! `vestibule tenant …`.

use clap::Subcommand;
use serde_json::json;

use super::{Ask, Data, Failure, House, Page};

#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Make a tenant
    Create { name: String },
    /// List tenants, newest first
    List(Page),
    /// Show one tenant
    Show { tenant_id: String },
    /// Give a tenant another name
    Rename { tenant_id: String, name: String },
    /// Make a user a member, with these roles and no others
    SetMember {
        tenant_id: String,
        user_id: String,
        /// Several times for several roles
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// End a membership
    RemoveMember { tenant_id: String, user_id: String },
    /// Delete a tenant with its memberships
    Delete { tenant_id: String },
}

const CREATE: &str =
    "mutation($input: AdminCreateTenantInput!) { adminCreateTenant(input: $input) { id name } }";
const LIST: &str = "query($first: Int, $after: String) { adminTenants(first: $first, after: $after) \
    { nodes { id name } pageInfo { hasNextPage endCursor } } }";
const SHOW: &str = "query($id: ID!) { adminTenant(id: $id) { id name } }";
const RENAME: &str =
    "mutation($input: AdminUpdateTenantInput!) { adminUpdateTenant(input: $input) { id name } }";
const SET_MEMBER: &str = "mutation($input: AdminSetTenantMemberInput!) { adminSetTenantMember(input: $input) \
    { id email tenants { tenantId tenantName roles } } }";
const REMOVE_MEMBER: &str = "mutation($input: AdminRemoveTenantMemberInput!) { adminRemoveTenantMember(input: $input) \
    { id email tenants { tenantId tenantName roles } } }";
const DELETE: &str =
    "mutation($input: AdminDeleteTenantInput!) { adminDeleteTenant(input: $input) { tenantId } }";

impl TenantCommand {
    pub async fn run(self, house: &House) -> Result<Data, Failure> {
        house.ask(self.ask()).await
    }

    fn ask(self) -> Ask {
        match self {
            Self::Create { name } => Ask::input(CREATE, json!({ "name": name })),
            Self::List(page) => page.of(LIST),
            Self::Show { tenant_id } => Ask {
                document: SHOW,
                variables: json!({ "id": tenant_id }),
            },
            Self::Rename { tenant_id, name } => {
                Ask::input(RENAME, json!({ "tenantId": tenant_id, "name": name }))
            }
            Self::SetMember {
                tenant_id,
                user_id,
                roles,
            } => Ask::input(
                SET_MEMBER,
                json!({ "tenantId": tenant_id, "userId": user_id, "roles": roles }),
            ),
            Self::RemoveMember { tenant_id, user_id } => Ask::input(
                REMOVE_MEMBER,
                json!({ "tenantId": tenant_id, "userId": user_id }),
            ),
            Self::Delete { tenant_id } => Ask::input(DELETE, json!({ "tenantId": tenant_id })),
        }
    }
}
