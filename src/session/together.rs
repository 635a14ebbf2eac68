//! Sign-ins whose passwords are found to be right at the same time are written in one transaction: the workers tell several at
//! once where many wait (ADR 30). Only those for whom nothing has changed since; everybody else goes alone, where it is
//! decided why.

use std::sync::Arc;

use entity::{audit_event, session};
use sea_orm::{ActiveValue::Set, EntityTrait, IntoActiveModel};
use uuid::Uuid;

use super::note::note_all;
use super::open::{Opened, Opening, begin, finish};
use crate::app::App;
use crate::caller::Caller;
use crate::db::padded;
use crate::error::Result;
use crate::event::{self, Event, Kind};
use crate::hasher::Company;
use crate::identity::{Arrival, Arrived, membership};
use crate::limit::Backoff;
use crate::secret::Secret;

/// What goes with a sign-in.
#[derive(Debug)]
pub struct Beside {
    /// Of the sign-in; the session is still to be named.
    pub event: Event,
    /// Whether the connection asks for a verified address.
    pub verified: bool,
    /// The counter of wrong guesses that this one ends.
    pub guesses: Option<String>,
}

/// Opens a session beside those who come now; nothing, where it has to be opened alone.
///
/// # Errors
/// When the database refuses.
pub async fn open_together(
    app: &App,
    caller: &Caller,
    opening: &Opening,
    beside: &Beside,
    company: Company,
) -> Result<Option<Box<Opened>>> {
    let user = &opening.user;
    // Of the first sign-in ever, more is told.
    let (Some(password_hash), Some(_)) = (&user.password_hash, user.last_sign_in_at) else {
        return Ok(None);
    };
    let (session, refresh) = begin(app, caller, opening);
    let event = Event {
        session: Some(session.id),
        ..beside.event.clone()
    };
    let arrival = Arrival {
        password_hash: Secret::new(password_hash.clone()),
        user_changed_at: user.updated_at,
        application_changed_at: opening.application.updated_at,
        verified: beside.verified,
        event: event.row(Uuid::nil(), app.now(), &caller.origin),
        guesses: beside.guesses.clone(),
        session: session.clone(),
    };
    let house = app.clone();
    let work = move |arrivals: Vec<Arrival>| {
        let app = house.clone();
        async move { write(&app, &arrivals).await }
    };
    let found = app
        .arrivals
        .ask_with_company(arrival, || company.arrive(), work);
    let Some(Arrived { user, memberships }) = found.await? else {
        return Ok(None);
    };
    let application = Arc::new(opening.application.clone());
    let opened = Opened::new(session, user, application, refresh);
    finish(app, opened, &memberships).map(Some)
}

/// What of this is to be written, in one transaction. Whoever came alone goes alone: that is two statements less.
async fn write(app: &App, arrivals: &[Arrival]) -> Result<Vec<Option<Arrived>>> {
    if arrivals.len() == 1 {
        return Ok(vec![None]);
    }
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            let now = app.now();
            let noted = note_all(&tx, arrivals, now).await?;
            let both = arrivals.iter().zip(&noted);
            let written = both.filter_map(|(arrival, noted)| noted.is_some().then_some(arrival));
            let written = Vec::from_iter(written);
            if written.is_empty() {
                return Ok(arrivals.iter().map(|_| None).collect());
            }
            let sessions = written
                .iter()
                .map(|one| one.session.clone().into_active_model());
            session::Entity::insert_many(sessions)
                .exec_without_returning(&tx)
                .await?;
            let events = written.iter().map(|one| audit_event::ActiveModel {
                id: Set(app.rng.id(now)),
                at: Set(now),
                ..one.event.clone()
            });
            event::write_all(&tx, events).await?;
            let members = noted
                .iter()
                .flatten()
                .filter(|(_, has_tenants)| *has_tenants);
            let members = Vec::from_iter(members.map(|(user, _)| user.id));
            let memberships = if members.is_empty() {
                Vec::new()
            } else {
                membership::of(&tx, &padded(&members)).await?
            };
            // After the rows of the users, as everywhere, and late: guesses of others wait for whoever holds a counter.
            let guesses = Vec::from_iter(written.iter().filter_map(|one| one.guesses.clone()));
            Backoff::forget_all(&tx, guesses).await?;
            tx.commit().await?;
            for _ in written {
                app.metrics.event(Kind::SignedIn.as_str());
            }
            let arrived = noted.into_iter().map(|noted| {
                let (user, _) = noted?;
                let own = memberships.iter().filter(|one| one.user_id == user.id);
                Some(Arrived {
                    memberships: own.cloned().collect(),
                    user,
                })
            });
            Ok(arrived.collect())
        })
        .await
}
