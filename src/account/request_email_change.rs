//! `requestEmailChange`: the owner proves the current password, and the new address gets a mail. A taken address gets the
//! same answer; its owner is told.

use std::sync::Arc;

use async_graphql::InputObject;
use entity::verification::Purpose;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::identity::Identity;
use crate::password::choose::connection_of;
use crate::password::prove;
use crate::realm::place::Place;
use crate::realm::{domain, redirect, template_options};
use crate::scalar::Json;
use crate::secret::Secret;
use crate::session::Outcome;
use crate::value::{Email, Issues, Locale};
use crate::verification::{self as proofs, Request, address};

/// The address to have from now on.
#[derive(Debug, InputObject)]
pub struct RequestEmailChangeInput {
    /// Becomes the account's when its mail is answered, not before.
    pub new_email: String,
    /// The password as it is now.
    #[graphql(secret)]
    pub current_password: Secret,
    /// Where the e-mailed link leads back to; must match the application's allow-list.
    pub redirect_to: Option<String>,
    /// Values for the e-mail template: names that the application lists.
    pub template_options: Option<Json>,
}

/// # Errors
/// `UNAUTHENTICATED`, `INVALID_INPUT`, `REDIRECT_NOT_ALLOWED`, `INVALID_CREDENTIALS`, `RATE_LIMITED` after too many wrong
/// passwords, `OVERLOADED`; never whether the address is taken.
pub async fn request_email_change(
    app: &App,
    caller: &Caller,
    input: RequestEmailChangeInput,
) -> Result<Outcome> {
    let Identity {
        session,
        user,
        application,
        ..
    } = caller.identity(app).await?.clone();
    let mut issues = Issues::default();
    let email = issues.take(Email::parse("newEmail", &input.new_email));
    let template_options =
        template_options::check(&application, input.template_options, &mut issues);
    issues.none()?;
    let email = email.ok_or(Error::InvalidInput(Vec::new()))?;
    if email.key() == user.email_key {
        return Err(Error::invalid(
            "newEmail",
            "not_allowed",
            "This is the address of your account already.",
        ));
    }
    let connection = connection_of(app, &user).await?;
    domain::admits(&connection, "newEmail", &email)
        .map_err(|issue| Error::InvalidInput(vec![issue]))?;
    let redirect_to =
        redirect::check_given(&app.config, &application, input.redirect_to.as_deref())?;
    prove::current_password(app, caller, &user, &input.current_password).await?;

    let locale = Locale::parse("locale", &user.locale).unwrap_or_default();
    let place = Place {
        application: Arc::unwrap_or_clone(application),
        connection,
    };
    app.db
        .transact(|| async {
            let tx = app.db.begin().await?;
            prove::hold(&tx, &user).await?;
            let taken = address::is_taken(
                &tx,
                user.connection_id,
                email.key(),
                Some(user.id),
                app.now(),
            )
            .await?;
            let request = Request {
                user: Some(user.id),
                decoy: taken,
                redirect_to: redirect_to.clone(),
                template_options: template_options.clone(),
                ..Request::new(Purpose::EmailChange, &place, &email, &locale)
            };
            let (row, resend_at) = proofs::start::start(app, &tx, caller, request).await?;
            // The last wish counts. The earlier ones come after the counters, as for whoever asks for another mail.
            let (purpose, newest) = (Purpose::EmailChange, Some(row.id));
            address::void(&tx, user.id, purpose, newest, app.now()).await?;
            let event = Event {
                application: Some(place.application.id),
                connection: Some(place.connection.id),
                ..Event::by_user(Kind::EmailChangeRequested, user.id)
            };
            app.record(&tx, &caller.origin, event).await?;
            prove::hold_session(&tx, &session).await?;
            tx.commit().await?;
            app.worker.wake();
            Ok(proofs::pending(app, &row, resend_at))
        })
        .await
}
