//! `adminUser`: one account.

use async_graphql::{ID, InputObject, OneofObject};
use entity::{connection, user};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::app::App;
use crate::error::{Error, Result};
use crate::realm::place::DEFAULT;
use crate::user::{self as users, Selection, User};
use crate::value::{Email, storable};

/// Which account: exactly one of the two.
#[derive(Debug, OneofObject)]
pub enum UserLookup {
    Id(ID),
    Email(UserEmailLookup),
}

/// An address is unique within a connection.
#[derive(Debug, InputObject)]
pub struct UserEmailLookup {
    /// Compared without regard to case.
    pub email: String,
    /// The connection `default` if left out.
    pub connection: Option<String>,
}

/// # Errors
/// `INVALID_INPUT` for what is no address; a malformed id names nobody.
pub async fn admin_user(app: &App, by: UserLookup, selection: Selection) -> Result<Option<User>> {
    let found = match by {
        UserLookup::Id(id) => match id.parse::<Uuid>() {
            Ok(id) => user::Entity::find_by_id(id).one(app.db.read()).await?,
            Err(_) => None,
        },
        UserLookup::Email(lookup) => by_email(app, lookup).await?,
    };
    match found {
        Some(user) => users::view::load(app.db.read(), user, None, selection, app.now())
            .await
            .map(Some),
        None => Ok(None),
    }
}

async fn by_email(app: &App, lookup: UserEmailLookup) -> Result<Option<user::Model>> {
    let email =
        Email::parse("email", &lookup.email).map_err(|issue| Error::InvalidInput(vec![issue]))?;
    let name = lookup.connection.as_deref().unwrap_or(DEFAULT);
    let connection = connection::Entity::find()
        .filter(connection::Column::Name.eq(storable(name)))
        .one(app.db.read())
        .await?;
    let Some(connection) = connection else {
        return Ok(None);
    };
    Ok(user::Entity::find()
        .filter(user::Column::ConnectionId.eq(connection.id))
        .filter(user::Column::EmailKey.eq(email.key()))
        .one(app.db.read())
        .await?)
}
