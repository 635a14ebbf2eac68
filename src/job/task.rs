//! What there is to do, as sentences. They hold ids only: tickets and codes are made when the mail leaves.

use chrono::{DateTime, Utc};
use entity::verification::Purpose;
use entity::{user, verification};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::mail::{Asked, Letter, Mail, Options, Proof};
use crate::text::Texts;
use crate::ticket::{CODE_LIFE, TicketKey};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Task {
    /// Send the mail of a verification in its given round; for a decoy, tell the owner of the address.
    SendVerification { verification: Uuid, round: i32 },
    /// Tell a user that the password was changed.
    SendPasswordChanged {
        user: Uuid,
        at: DateTime<Utc>,
        from: Option<String>,
    },
}

/// What making a mail needs to know.
#[derive(Clone, Debug)]
pub struct Desk {
    pub tickets: TicketKey,
    /// Without a trailing slash.
    pub public_url: String,
    pub texts: Texts,
}

impl Task {
    /// The mail, or nothing where it has become pointless: answered already, asked for anew, the account gone.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn mail(
        &self,
        desk: &Desk,
        db: &impl ConnectionTrait,
        now: DateTime<Utc>,
    ) -> Result<Option<Mail>> {
        let (to, locale, letter) = match self {
            Self::SendVerification {
                verification,
                round,
            } => {
                let Some(row) = start_code(db, *verification, *round, now).await? else {
                    return Ok(None);
                };
                if row.decoy {
                    let Some(owner) = owner_of(db, &row).await? else {
                        return Ok(None);
                    };
                    // To the address as its owner stored it, never as the stranger typed it.
                    (owner.email, owner.locale, Letter::SignUpTaken(asked(&row)))
                } else {
                    let proof = desk.proof(&row)?;
                    let letter = match row.purpose {
                        Purpose::SignUp => Letter::SignUp(proof, asked(&row)),
                        Purpose::EmailVerification => Letter::VerifyEmail(proof, asked(&row)),
                    };
                    (row.email, row.locale, letter)
                }
            }
            Self::SendPasswordChanged { user, at, from } => {
                let Some(user) = user::Entity::find_by_id(*user).one(db).await? else {
                    return Ok(None);
                };
                (
                    user.email,
                    user.locale,
                    Letter::ChangePassword(Asked {
                        at: *at,
                        from: from.clone(),
                    }),
                )
            }
        };
        let content = letter
            .render(&desk.texts, &locale, &Options::new())
            .map_err(Error::internal)?;
        Ok(Some(Mail { to, content }))
    }
}

/// The code lives from handing the mail over; that moment is written down before it is handed over, because the mail
/// may be read before its server has answered us.
async fn start_code(
    db: &impl ConnectionTrait,
    id: Uuid,
    round: i32,
    now: DateTime<Utc>,
) -> Result<Option<verification::Model>> {
    use verification::Column;
    let started = verification::Entity::update_many()
        .col_expr(Column::CodeExpiresAt, (now + CODE_LIFE).into())
        .filter(Column::Id.eq(id))
        .filter(Column::CodeRound.eq(round))
        .filter(Column::ConsumedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .exec(db)
        .await?;
    if started.rows_affected == 0 {
        return Ok(None);
    }
    Ok(verification::Entity::find_by_id(id).one(db).await?)
}

async fn owner_of(
    db: &impl ConnectionTrait,
    row: &verification::Model,
) -> Result<Option<user::Model>> {
    Ok(user::Entity::find()
        .filter(user::Column::ConnectionId.eq(row.connection_id))
        .filter(user::Column::EmailKey.eq(&row.email_key))
        .one(db)
        .await?)
}

fn asked(row: &verification::Model) -> Asked {
    Asked {
        at: row.created_at,
        from: row.asked_from_ip.clone(),
    }
}

impl Desk {
    fn proof(&self, row: &verification::Model) -> Result<Proof> {
        let ticket = self.tickets.ticket(row.id);
        let link = match &row.redirect_to {
            Some(address) => {
                let mut link = Url::parse(address).map_err(Error::internal)?;
                link.query_pairs_mut()
                    .append_pair("ticket", ticket.expose())
                    .append_pair("purpose", "EMAIL_VERIFICATION");
                link.to_string()
            }
            None => format!("{}/verify?ticket={}", self.public_url, ticket.expose()),
        };
        Ok(Proof {
            link,
            ticket,
            code: self.tickets.code(row.id, row.code_round),
        })
    }
}
