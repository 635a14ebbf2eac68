//! What is done with the keys while the house is open: new ones, old ones, another master key. No client asks for any of
//! it: the command line does, or the clock.

mod reseal;
mod retire;
mod rotate;
mod round;

pub use reseal::reseal;
pub use retire::{Refusal, retire, retire_outlived};
pub use rotate::{Start, rotate, rotate_if_due};
pub use round::{run, tend};

use serde_json::{Value, json};

use crate::app::App;
use crate::error::Result;
use crate::key::{self, SigningKey};

/// Every key that there ever was, in the order in which they sign.
///
/// # Errors
/// When the database does not answer.
pub async fn list(app: &App) -> Result<Vec<SigningKey>> {
    key::list(app.db.read(), app.now()).await
}

/// What the audit trail keeps of a key.
fn details(key: &SigningKey) -> Value {
    json!({ "kid": key.kid, "algorithm": key.algorithm.as_str(), "signsFrom": key.signs_from })
}
