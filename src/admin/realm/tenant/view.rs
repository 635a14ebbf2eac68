//! What administrators see of a tenant, and what its name may be.

use async_graphql::{ID, SimpleObject};
use entity::tenant::Model;
use uuid::Uuid;

use crate::admin::page::Row;
use crate::error::{Error, Result};
use crate::scalar::DateTime;
use crate::value;

/// Code points of a name.
const LENGTH: usize = 100;

/// A customer's organisation: users may be members of several, with roles of their own in each.
#[derive(Clone, Debug, SimpleObject)]
pub struct Tenant {
    /// What tokens carry.
    pub(crate) id: ID,
    /// No other tenant has it.
    name: String,
    created_at: DateTime,
    updated_at: DateTime,
}

impl From<Model> for Tenant {
    fn from(row: Model) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            created_at: DateTime(row.created_at),
            updated_at: DateTime(row.updated_at),
        }
    }
}

impl Row for Model {
    fn id(&self) -> Uuid {
        self.id
    }
}

/// # Errors
/// `INVALID_INPUT` for a name that is empty, too long or holds control characters.
pub fn check_name(given: &str) -> Result<String> {
    match value::text("name", Some(given), LENGTH) {
        Ok(Some(name)) => Ok(name),
        Ok(None) => Err(Error::invalid("name", "required", "A name is required.")),
        Err(issue) => Err(Error::InvalidInput(vec![issue])),
    }
}
