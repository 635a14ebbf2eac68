//! `adminMails`: the outbox, as far as it tells what became of which mail.

use std::collections::{BTreeSet, HashMap};

use async_graphql::{Enum, ID, InputObject, SimpleObject};
use entity::job::{Column, Entity, Model};
use entity::user;
use entity::verification::{self, Purpose};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::admin::page::{self, Connection, List, PageArguments, Row};
use crate::app::App;
use crate::error::Result;
use crate::job::Task;
use crate::scalar::DateTime;

const LIST: List<Column> = List {
    name: "mails",
    id: Column::Id,
};

/// Which mails.
#[derive(Debug, Default, InputObject)]
pub struct OutboxMailFilter {
    /// Those in this state.
    pub state: Option<OutboxMailState>,
}

/// What became of a mail so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OutboxMailState {
    /// It waits for its first or next attempt.
    Queued,
    /// The mail server took it, or nobody needed it any more when its turn came.
    Sent,
    /// It was given up: `lastError` says why.
    Failed,
}

/// What a mail says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OutboxMailPurpose {
    /// Confirm an address.
    EmailVerification,
    /// Someone signed up with the address of an account.
    AccountExists,
    /// Choose a new password.
    PasswordReset,
    /// An account was made for the reader, who chooses its password.
    Invitation,
    /// Confirm the new address of an account.
    EmailChange,
    /// Someone asked for an address that is an account's already.
    EmailChangeTaken,
    /// The address was changed; to the former one.
    EmailChanged,
    /// The password was changed.
    PasswordChanged,
    /// A new password was chosen by mail.
    PasswordWasReset,
}

/// A mail in the outbox. Its text is made when it leaves, and kept nowhere.
#[derive(Clone, Debug, SimpleObject)]
pub struct OutboxMail {
    pub(crate) id: ID,
    state: OutboxMailState,
    /// Null where what it tells of is gone.
    purpose: Option<OutboxMailPurpose>,
    /// Whom it goes to; null where nobody is to be told, or the account or request is gone.
    to: Option<String>,
    /// How often it was tried.
    attempts: i32,
    created_at: DateTime,
    /// Null unless it is queued.
    next_attempt_at: Option<DateTime>,
    sent_at: Option<DateTime>,
    failed_at: Option<DateTime>,
    /// What the mail server, or the network, said at the last attempt that failed.
    last_error: Option<String>,
}

impl Row for Model {
    fn id(&self) -> Uuid {
        self.id
    }
}

/// # Errors
/// `INVALID_INPUT` for forged cursors and sizes out of bounds.
pub async fn admin_mails(
    app: &App,
    arguments: PageArguments,
    filter: OutboxMailFilter,
    counted: bool,
) -> Result<Connection<OutboxMail>> {
    let mut select = Entity::find();
    if let Some(state) = filter.state {
        select = select.filter(state.condition());
    }
    let page = page::read(app, select, LIST, &arguments, counted).await?;
    let nodes = load_all(app.db.read(), &page.rows).await?;
    Ok(Connection::new(app, LIST.name, page, nodes))
}

/// Those of these ids that are mails of the outbox.
///
/// # Errors
/// When the database does not answer.
pub async fn mails_by_ids(app: &App, ids: &[Uuid]) -> Result<Vec<(Uuid, OutboxMail)>> {
    let named = Entity::find().filter(Column::Id.is_in(ids.iter().copied()));
    let rows = named.all(app.db.read()).await?;
    let ids = rows.iter().map(|row| row.id);
    Ok(ids.zip(load_all(app.db.read(), &rows).await?).collect())
}

impl OutboxMailState {
    fn condition(self) -> Condition {
        match self {
            Self::Queued => Condition::all()
                .add(Column::DoneAt.is_null())
                .add(Column::BuriedAt.is_null()),
            Self::Sent => Condition::all().add(Column::DoneAt.is_not_null()),
            Self::Failed => Condition::all().add(Column::BuriedAt.is_not_null()),
        }
    }

    fn of(row: &Model) -> Self {
        match (row.done_at, row.buried_at) {
            (Some(_), _) => Self::Sent,
            (None, Some(_)) => Self::Failed,
            (None, None) => Self::Queued,
        }
    }
}

/// Whose account a mail is about: for a request, the one that asked or was asked for. A sign-up has none yet.
///
/// # Errors
/// When the database does not answer.
pub async fn concerned(db: &impl ConnectionTrait, row: &Model) -> Result<Option<Uuid>> {
    let Some(verification) = verification_of(row) else {
        return Ok(user_of(row));
    };
    let found = verification::Entity::find_by_id(verification)
        .one(db)
        .await?;
    Ok(found.and_then(|row| row.user_id))
}

/// Whom a mail tells of something that was done, as its task has it.
fn user_of(row: &Model) -> Option<Uuid> {
    match task(row)? {
        Task::SendVerification { .. } => None,
        Task::SendPasswordChanged { user, .. } | Task::SendPasswordReset { user, .. } => Some(user),
    }
}

fn verification_of(row: &Model) -> Option<Uuid> {
    match task(row)? {
        Task::SendVerification { verification, .. } => Some(verification),
        _ => None,
    }
}

/// Nothing for one that a later version of the server wrote.
fn task(row: &Model) -> Option<Task> {
    serde_json::from_value(row.task.clone()).ok()
}

/// The views of these mails, with two queries however many they are.
///
/// # Errors
/// When the database does not answer.
pub async fn load_all(db: &impl ConnectionTrait, rows: &[Model]) -> Result<Vec<OutboxMail>> {
    let asked: BTreeSet<Uuid> = rows.iter().filter_map(verification_of).collect();
    let asked = match asked.len() {
        0 => Vec::new(),
        _ => {
            let rows = verification::Entity::find();
            let rows = rows.filter(verification::Column::Id.is_in(asked));
            rows.all(db).await?
        }
    };
    let told: BTreeSet<Uuid> = rows.iter().filter_map(user_of).collect();
    let told = match told.len() {
        0 => Vec::new(),
        _ => {
            let rows = user::Entity::find().filter(user::Column::Id.is_in(told));
            rows.all(db).await?
        }
    };
    let asked: HashMap<_, _> = asked.into_iter().map(|row| (row.id, row)).collect();
    let told: HashMap<_, _> = told.into_iter().map(|row| (row.id, row.email)).collect();
    let view = |row: &Model| {
        let (purpose, to) = match task(row) {
            Some(Task::SendVerification { verification, .. }) => {
                asked.get(&verification).map(request).unzip()
            }
            Some(Task::SendPasswordChanged { user, .. }) => (
                Some(OutboxMailPurpose::PasswordChanged),
                Some(told.get(&user).cloned()),
            ),
            Some(Task::SendPasswordReset { user, .. }) => (
                Some(OutboxMailPurpose::PasswordWasReset),
                Some(told.get(&user).cloned()),
            ),
            None => (None, None),
        };
        OutboxMail::new(row, purpose, to.flatten())
    };
    Ok(rows.iter().map(view).collect())
}

/// What the mail of a verification says, and to whom. A reset for an address without an account goes to nobody.
fn request(row: &verification::Model) -> (OutboxMailPurpose, Option<String>) {
    let purpose = match (row.purpose, row.decoy) {
        (Purpose::SignUp, true) => OutboxMailPurpose::AccountExists,
        (Purpose::SignUp | Purpose::EmailVerification, _) => OutboxMailPurpose::EmailVerification,
        (Purpose::PasswordReset, _) => OutboxMailPurpose::PasswordReset,
        (Purpose::Invitation, _) => OutboxMailPurpose::Invitation,
        (Purpose::EmailChange, true) => OutboxMailPurpose::EmailChangeTaken,
        (Purpose::EmailChange, false) => OutboxMailPurpose::EmailChange,
        (Purpose::EmailChangeUndo, _) => OutboxMailPurpose::EmailChanged,
    };
    let nobody = row.decoy && row.purpose == Purpose::PasswordReset;
    (purpose, (!nobody).then(|| row.email.clone()))
}

impl OutboxMail {
    fn new(row: &Model, purpose: Option<OutboxMailPurpose>, to: Option<String>) -> Self {
        let state = OutboxMailState::of(row);
        let queued = state == OutboxMailState::Queued;
        Self {
            id: row.id.into(),
            state,
            purpose,
            to,
            attempts: row.attempts,
            created_at: DateTime(row.created_at),
            next_attempt_at: queued.then_some(DateTime(row.run_at)),
            sent_at: row.done_at.map(DateTime),
            failed_at: row.buried_at.map(DateTime),
            last_error: row.last_error.clone(),
        }
    }
}
