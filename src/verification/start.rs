//! Asks somebody to answer a mail: writes the request down, and the mail into the outbox where the budget allows one.

use chrono::{DateTime, Utc};
use entity::StringList;
use entity::verification::{self, Purpose};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::caller::Caller;
use crate::error::Result;
use crate::job::Task;
use crate::limit::{Limit, Verdict};
use crate::metrics::LimitName;
use crate::realm::place::Place;
use crate::ticket::{CODE_TRIES, digest_of, link_life, named_digest};
use crate::value::{Email, Locale};

/// The round of a request that no mail was sent for yet; the first mail starts the next.
const UNMAILED: i32 = 0;

/// What is to be proved.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub purpose: Purpose,
    pub place: &'a Place,
    pub user: Option<Uuid>,
    pub email: &'a Email,
    pub locale: &'a Locale,
    /// The address is taken: the request looks the same and never redeems.
    pub decoy: bool,
    pub code_challenge: Option<String>,
    pub redirect_to: Option<String>,
    pub template_options: Option<Value>,
    /// Extra claims of the session that redeeming opens.
    pub custom_claims: Option<Value>,
    /// Nobody gets the handle that a code is entered with and a device waits with, so that there is neither.
    pub by_link_only: bool,
    /// A reset that names its password at once: its hash, and the rules that it did not meet.
    pub password_hash: Option<String>,
    pub password_issues: Option<StringList>,
}

impl<'a> Request<'a> {
    /// The least that every request has.
    pub fn new(purpose: Purpose, place: &'a Place, email: &'a Email, locale: &'a Locale) -> Self {
        Self {
            purpose,
            place,
            user: None,
            email,
            locale,
            decoy: false,
            code_challenge: None,
            redirect_to: None,
            template_options: None,
            custom_claims: None,
            by_link_only: false,
            password_hash: None,
            password_issues: None,
        }
    }
}

/// Writes the request and its mail, whatever the budget says: a notice that somebody's own account was touched.
///
/// # Errors
/// When the database does not answer.
pub async fn notify(
    app: &App,
    tx: &impl ConnectionTrait,
    caller: &Caller,
    request: Request<'_>,
) -> Result<verification::Model> {
    let row = insert(app, tx, caller, request).await?;
    mail(app, tx, &row).await?;
    Ok(row)
}

/// Writes the request and its first mail, inside the caller's transaction. Wake the worker after the commit. Also
/// answered: the earliest time for another mail.
///
/// # Errors
/// When the database does not answer.
pub async fn start(
    app: &App,
    tx: &impl ConnectionTrait,
    caller: &Caller,
    request: Request<'_>,
) -> Result<(verification::Model, DateTime<Utc>)> {
    let row = insert(app, tx, caller, request).await?;
    let budget = budget(app, tx, caller, &row).await?;
    if !budget.allowed {
        return Ok((without_mail(tx, row).await?, budget.again_at));
    }
    mail(app, tx, &row).await?;
    Ok((row, budget.again_at))
}

async fn mail(app: &App, tx: &impl ConnectionTrait, row: &verification::Model) -> Result<()> {
    let task = Task::SendVerification {
        verification: row.id,
        round: row.code_round,
    };
    app.enqueue(tx, &task).await
}

/// Keeps a request without a mail for who asks for the mail later, in the place of the one before it: of those that one
/// network asks for beyond the budget, an address has one, however often it is asked. Sign-ups have a bound of their own.
async fn without_mail(
    tx: &impl ConnectionTrait,
    row: verification::Model,
) -> Result<verification::Model> {
    use verification::Column;
    if row.purpose != Purpose::SignUp {
        verification::Entity::delete_many()
            .filter(Column::ConnectionId.eq(row.connection_id))
            .filter(Column::EmailKey.eq(&row.email_key))
            .filter(Column::Purpose.eq(row.purpose))
            .filter(Column::AskedFromNetwork.eq(&row.asked_from_network))
            .filter(Column::CodeRound.eq(UNMAILED))
            .exec(tx)
            .await?;
    }
    verification::Entity::update_many()
        .col_expr(Column::CodeRound, UNMAILED.into())
        .filter(Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    Ok(verification::Model {
        code_round: UNMAILED,
        ..row
    })
}

/// Writes the request down, without a mail: for who hands the link over otherwise.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(
    app: &App,
    tx: &impl ConnectionTrait,
    caller: &Caller,
    request: Request<'_>,
) -> Result<verification::Model> {
    let now = app.now();
    let id = app.id();
    let row = verification::Model {
        id,
        purpose: request.purpose,
        connection_id: request.place.connection.id,
        application_id: request.place.application.id,
        user_id: request.user,
        email: request.email.as_str().to_owned(),
        email_key: request.email.key().to_owned(),
        locale: request.locale.as_str().to_owned(),
        decoy: request.decoy,
        handle_digest: digest_of(&app.tickets.handle(id)),
        ticket_digest: digest_of(app.tickets.ticket(id).expose()),
        code_round: 1,
        code_tries: if request.by_link_only { CODE_TRIES } else { 0 },
        code_expires_at: None,
        code_challenge: request.code_challenge,
        redirect_to: request.redirect_to,
        template_options: request.template_options,
        custom_claims: request.custom_claims,
        password_hash: request.password_hash,
        password_issues: request.password_issues,
        asked_from_ip: caller.origin.ip.clone(),
        asked_from_network: caller.network(),
        created_at: now,
        expires_at: now + link_life(request.purpose),
        consumed_at: None,
        handoff_approved_at: None,
        handoff_closed_at: request.by_link_only.then_some(now),
        handoff_event_id: None,
    };
    verification::Entity::insert(verification::ActiveModel::from(row.clone()))
        .exec_without_returning(tx)
        .await?;
    Ok(row)
}

/// Counts one more mail to this address, asked for by this network, and says whether it may go. Where it may not, the
/// caller answers the same and sends nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn budget(
    app: &App,
    tx: &impl ConnectionTrait,
    caller: &Caller,
    row: &verification::Model,
) -> Result<Verdict> {
    let settings = &app.config.settings;
    let now = app.now();
    // The network first: who has used up the own budget does not use up the address's.
    let by_network = Limit::per_hour(settings.mails_per_network)
        .count(tx, &network_counter(&caller.network()), now)
        .await?;
    if settings.rate_limits.is_on() && !by_network.allowed {
        app.metrics.limit_hit(LimitName::MailsOfNetwork);
        return Ok(by_network);
    }
    // Then what this network has asked for this address: a stranger uses up no more than a share.
    let to = address_counter(row.connection_id, &row.email_key);
    let share = format!("{to} from {}", named_digest(&caller.network()));
    let by_share = Limit::per_hour(settings.mails_per_address)
        .count(tx, &share, now)
        .await?;
    if settings.rate_limits.is_on() && !by_share.allowed {
        app.metrics.limit_hit(LimitName::MailsOfNetworkToAddress);
        return Ok(by_share);
    }
    // Counted where limits are off, too: the counter's row makes those who ask for one address follow one another.
    let by_address = Limit::per_hour(settings.mails_per_address_in_all)
        .count(tx, &to, now)
        .await?;
    if !settings.rate_limits.is_on() {
        return Ok(Verdict {
            allowed: true,
            again_at: now,
        });
    }
    if !by_address.allowed {
        app.metrics.limit_hit(LimitName::MailsToAddress);
    }
    let again_at = by_address.again_at.max(by_network.again_at);
    Ok(Verdict {
        again_at: again_at.max(by_share.again_at),
        ..by_address
    })
}

/// The name of a network's counter; the address itself does not stand in it.
fn network_counter(network: &str) -> String {
    format!("mail from {}", named_digest(network))
}

/// The name of an address's counter; the address itself does not stand in it.
pub fn address_counter(connection: Uuid, email_key: &str) -> String {
    format!("mail to {connection} {}", named_digest(email_key))
}
