//! What a user is in which tenant.

use std::collections::BTreeMap;

use uuid::Uuid;

pub use crate::identity::membership::{Membership, of};
use crate::key::TenantClaim;

/// Octets that a user's memberships may take in a token; it is more than twenty memberships with a role each.
pub const OCTETS: usize = 1_536;

/// As a token carries them.
pub fn claim(memberships: &[Membership]) -> BTreeMap<Uuid, TenantClaim> {
    let claim = |membership: &Membership| {
        let roles = membership.roles.clone();
        (membership.tenant_id, TenantClaim { roles })
    };
    memberships.iter().map(claim).collect()
}

/// Whether one user's memberships are together no larger than a token takes.
pub fn fit(memberships: &[Membership]) -> bool {
    serde_json::to_string(&claim(memberships)).is_ok_and(|json| json.len() <= OCTETS)
}
