//! What there is to do, as sentences. They hold ids only: tickets and codes are made when the mail leaves.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::verification::Purpose;
use entity::{application, user, verification};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::mail::{Asked, Letter, Mail, Options, Proof, redirect};
use crate::text::Texts;
use crate::ticket::{CODE_LIFE, CODE_TRIES, TicketKey, has_code};

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
    /// Tell a user that the password was reset.
    SendPasswordReset {
        user: Uuid,
        at: DateTime<Utc>,
        from: Option<String>,
    },
}

/// What making a mail needs to know.
#[derive(Clone, Debug)]
pub struct Desk {
    pub config: Arc<Config>,
    pub tickets: TicketKey,
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
        let (to, locale, letter, options) = match self {
            Self::SendVerification {
                verification,
                round,
            } => {
                let Some(row) = start_code(db, *verification, *round, now).await? else {
                    return Ok(None);
                };
                let application = application::Entity::find_by_id(row.application_id);
                let Some(application) = application.one(db).await? else {
                    return Ok(None);
                };
                let Some((to, locale, letter)) = desk.letter(db, &row, &application).await? else {
                    return Ok(None);
                };
                (to, locale, letter, options_of(&row, &application))
            }
            Self::SendPasswordChanged { user, at, from } => {
                let Some(user) = user::Entity::find_by_id(*user).one(db).await? else {
                    return Ok(None);
                };
                let asked = Asked {
                    at: *at,
                    from: from.clone(),
                };
                (
                    user.email,
                    user.locale,
                    Letter::ChangePassword(asked),
                    Options::new(),
                )
            }
            Self::SendPasswordReset { user, at, from } => {
                let Some(user) = user::Entity::find_by_id(*user).one(db).await? else {
                    return Ok(None);
                };
                let asked = Asked {
                    at: *at,
                    from: from.clone(),
                };
                (
                    user.email,
                    user.locale,
                    Letter::PasswordReset(asked),
                    Options::new(),
                )
            }
        };
        let content = letter
            .render(&desk.texts, &locale, &options)
            .map_err(Error::internal)?;
        Ok(Some(Mail { to, content }))
    }
}

/// Takes out of an address what is said there in our name: a page takes the first of two tickets, and that would be whatever
/// ticket the asking client wrote there.
fn forget_ours(link: &mut Url) {
    let is_ours = |name: &str| matches!(name, "ticket" | "purpose");
    if !link.query_pairs().any(|(name, _)| is_ours(&name)) {
        return;
    }
    let others: Vec<_> = link
        .query_pairs()
        .filter(|(name, _)| !is_ours(name))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    link.query_pairs_mut().clear().extend_pairs(others);
}

/// Those that the application still lists.
fn options_of(row: &verification::Model, application: &application::Model) -> Options {
    let stored = row.template_options.as_ref();
    let mut options = stored
        .and_then(|options| options.as_object().cloned())
        .unwrap_or_default();
    options.retain(|name, _| application.allowed_template_options.0.contains(name));
    options
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
    /// What a verification has to say, to whom, in which language. Nothing, where there is nobody to tell: a reset for an
    /// address without an account.
    async fn letter(
        &self,
        db: &impl ConnectionTrait,
        row: &verification::Model,
        application: &application::Model,
    ) -> Result<Option<(String, String, Letter)>> {
        if row.decoy {
            // To the address as its owner stored it, never as the stranger typed it.
            let told = owner_of(db, row).await?.and_then(|owner| {
                let letter = match row.purpose {
                    Purpose::SignUp => Letter::SignUpTaken(asked(row)),
                    Purpose::EmailChange => Letter::ChangeEmailTaken(asked(row)),
                    _ => return None,
                };
                Some((owner.email, owner.locale, letter))
            });
            return Ok(told);
        }
        let proof = self.proof(row, application);
        let letter = match row.purpose {
            Purpose::SignUp => Letter::SignUp(proof, asked(row)),
            Purpose::EmailVerification => Letter::VerifyEmail(proof, asked(row)),
            Purpose::PasswordReset => Letter::ResetPassword(proof, asked(row)),
            Purpose::Invitation => Letter::Invitation(proof, asked(row)),
            Purpose::EmailChange => Letter::ChangeEmail(proof, asked(row)),
            Purpose::EmailChangeUndo => {
                let user = match row.user_id {
                    Some(id) => user::Entity::find_by_id(id).one(db).await?,
                    None => None,
                };
                let Some(user) = user else {
                    return Ok(None);
                };
                Letter::EmailChanged {
                    new_email: user.email,
                    undo: proof,
                    asked: asked(row),
                }
            }
        };
        let to = if row.purpose == Purpose::PasswordReset {
            // The row keeps the address as the asking client wrote it; its owner's spelling is nobody else's.
            match owner_of(db, row).await? {
                Some(owner) => owner.email,
                None => return Ok(None),
            }
        } else {
            row.email.clone()
        };
        Ok(Some((to, row.locale.clone(), letter)))
    }

    /// The address that the mail of a verification leads to, with the ticket in its query: the page of the house, too, where
    /// the application does not list the stored one any more.
    pub fn link(&self, row: &verification::Model, application: &application::Model) -> String {
        let ticket = self.tickets.ticket(row.id);
        let (page, purpose) = match row.purpose {
            Purpose::SignUp | Purpose::EmailVerification => ("verify", "EMAIL_VERIFICATION"),
            Purpose::PasswordReset => ("reset", "PASSWORD_RESET"),
            Purpose::Invitation => ("invitation", "INVITATION"),
            Purpose::EmailChange => ("confirm-email", "EMAIL_CHANGE"),
            Purpose::EmailChangeUndo => ("undo-email-change", "EMAIL_CHANGE"),
        };
        match redirect::still_open(&self.config, application, row.redirect_to.as_deref()) {
            Some(mut link) => {
                forget_ours(&mut link);
                link.query_pairs_mut()
                    .append_pair("ticket", ticket.expose())
                    .append_pair("purpose", purpose);
                link.to_string()
            }
            None => format!("{}/{page}?ticket={}", self.config.issuer(), ticket.expose()),
        }
    }

    fn proof(&self, row: &verification::Model, application: &application::Model) -> Proof {
        let (link, ticket) = (self.link(row, application), self.tickets.ticket(row.id));
        // One that nobody can try any more is not told.
        let code = (has_code(row.purpose) && row.code_tries < CODE_TRIES)
            .then(|| self.tickets.code(row.purpose, row.id, row.code_round));
        Proof { link, ticket, code }
    }
}
