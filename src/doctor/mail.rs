//! Whether mail can leave, and does.

use chrono::{DateTime, TimeDelta, Utc};

use super::Finding;
use crate::clock::Rng;
use crate::config::Config;
use crate::db::Db;
use crate::job;
use crate::mail::{Content, Mail, Mailer, SmtpOptions};

const AREA: &str = "mail";
/// A mail that waits longer is worth a word.
const SLOW: TimeDelta = TimeDelta::minutes(10);

pub async fn look(
    config: &Config,
    send_to: Option<&str>,
    (now, rng): (DateTime<Utc>, &Rng),
    findings: &mut Vec<Finding>,
) {
    let settings = &config.settings;
    let Some(url) = &settings.smtp_url else {
        findings.push(Finding::ok(AREA, "it stays in the built-in inbox"));
        findings.extend(send_to.map(|to| {
            Finding::warning(
                AREA,
                format!("no mail went to {to}: no mail server is set"),
                "set VESTIBULE_SMTP_URL",
            )
        }));
        return;
    };
    let options = SmtpOptions {
        url,
        authority: settings.smtp_ca.as_deref(),
        timeout: std::time::Duration::from_millis(settings.smtp_timeout),
    };
    let mailer = match Mailer::smtp(&options, settings.mail_from.clone()) {
        Ok(mailer) => mailer,
        Err(error) => {
            findings.push(Finding::problem(AREA, error.cause(), "mend that setting"));
            return;
        }
    };
    match mailer.greet().await {
        Ok(said) => findings.push(Finding::ok(AREA, said)),
        Err(error) => {
            findings.push(Finding::problem(
                AREA,
                format!("the mail server cannot be used: {error}"),
                "look at VESTIBULE_SMTP_URL (host, port, user, password) and VESTIBULE_SMTP_CA, and at the server's own log",
            ));
            return;
        }
    }
    if let Some(to) = send_to {
        findings.push(match mailer.send(test_mail(to), rng.id(now), now).await {
            Ok(()) => Finding::ok(
                AREA,
                format!("a mail to {to} was taken: see whether it arrives"),
            ),
            Err(error) => Finding::problem(
                AREA,
                format!("a mail to {to} was not taken: {error}"),
                "look at VESTIBULE_MAIL_FROM, and at what the server says",
            ),
        });
    }
}

fn test_mail(to: &str) -> Mail {
    let said = "This is a mail of `vestibule doctor`. Nothing is to be done.";
    Mail {
        to: to.to_owned(),
        content: Content {
            subject: "Vestibule can send mail".to_owned(),
            text: said.to_owned(),
            html: format!("<p>{said}</p>"),
            purpose: "TEST",
            proof: None,
        },
    }
}

pub async fn look_at_outbox(db: &Db, now: DateTime<Utc>, findings: &mut Vec<Finding>) {
    findings.push(match job::backlog(db.read()).await {
        Ok(backlog) if backlog.oldest.is_some_and(|oldest| now - oldest > SLOW) => {
            Finding::warning(
                AREA,
                format!(
                    "{} wait in the outbox, the oldest for more than ten minutes",
                    backlog.waiting
                ),
                "see whether a server runs; `adminMails` tells what the mail server said",
            )
        }
        Ok(backlog) => Finding::ok(AREA, format!("{} wait in the outbox", backlog.waiting)),
        Err(error) => Finding::problem(AREA, error.cause(), "see the database above"),
    });
    match job::given_up(db.read()).await {
        Ok(0) => {}
        Ok(many) => findings.push(Finding::warning(
            AREA,
            format!("{many} were given up: nobody has received them"),
            "`adminMails` tells why; mend that, and `adminRetryMail` sends one again, `adminDiscardMail` forgets it",
        )),
        Err(error) => findings.push(Finding::problem(AREA, error.cause(), "see the database above")),
    }
}
