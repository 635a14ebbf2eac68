//! Tries every template in every language with invented values, so that a broken one refuses the start.

use std::sync::Arc;

use minijinja::value::Object;

use super::files::Files;
use super::{FALLBACK, RULE_MESSAGES, TextError, Texts, Value, context};

/// Templates that others take in; they are tried there.
const PARTS: [&str; 4] = [
    "mail/layout.html",
    "mail/part.html",
    "page/layout.html",
    "page/part.html",
];

/// Of the pages behind mailed links.
const STATES: [&str; 5] = ["ask", "done", "over", "closed", "busy"];

pub(super) fn try_all(texts: &Texts, files: &Files) -> Result<(), TextError> {
    let ids: Vec<&str> = texts.0[FALLBACK].ids().collect();
    for (tag, language) in texts.0.iter() {
        let values = [("least", 8), ("most", 128), ("count", 5)]
            .map(|(name, number)| (name, Value::from(number)));
        for id in &ids {
            let known = language.ids().any(|known| known == *id);
            let formatted = language.message(id, &values);
            let problem = match formatted {
                Err(problem) if !known || RULE_MESSAGES.contains(id) => problem,
                _ => continue,
            };
            let (file, line) = language.place(id, tag);
            return Err(TextError::Broken {
                file,
                line,
                problem,
            });
        }
        for name in files.templates.keys() {
            for sample in samples(name) {
                texts.render(name, tag, &sample)?;
            }
        }
    }
    Ok(())
}

/// What each template is tried with: every state of a page, and a mail with and without options.
fn samples(template: &str) -> Vec<Value> {
    if PARTS.contains(&template) {
        return Vec::new();
    }
    if template == "page/inbox.html" {
        return vec![inbox(true, false), inbox(false, false), inbox(false, true)];
    }
    if ["page/reset.html", "page/invitation.html"].contains(&template) {
        return STATES
            .into_iter()
            .flat_map(|state| [reset(state, &[]), reset(state, &["One rule.", "Another."])])
            .collect();
    }
    if template == "page/verify.html" {
        let page = |(state, choices): (&str, Option<[i32; 3]>)| {
            context! { state, ticket => "sample", choices => choices.map(Vec::from) }
        };
        let more = [
            ("ask", Some([12, 34, 56])),
            ("approved", None),
            ("refused", None),
        ];
        let all = STATES.map(|state| (state, None)).into_iter().chain(more);
        return all.map(page).collect();
    }
    if template.starts_with("page/") {
        let page = |state| context! { state, ticket => "sample" };
        return STATES.into_iter().map(page).collect();
    }
    let mut samples = vec![
        mail(template, "192.0.2.7", context! {}),
        mail(template, "unknown", Value::from_object(AnyOption)),
    ];
    if template.contains("/verify_email.") || template.contains("/reset_password.") {
        // Where an administrator asks, there is a link and no code.
        let proof = context! { link => "https://id.example.org/?ticket=sample", code => () };
        let asked = context! { at => "2026-11-20 12:00 UTC", from => "unknown" };
        samples.push(context! { proof, asked, options => context! {} });
    }
    samples
}

/// Each mail with what it is given and no more, so that a template cannot ask for a link that its mail has not.
fn mail(template: &str, from: &str, options: Value) -> Value {
    let asked = context! { at => "2026-11-20 12:00 UTC", from };
    let name = template.rsplit(['/', '.']).nth(1).unwrap_or_default();
    match name {
        "sign_up" | "verify_email" | "reset_password" | "change_email" => {
            context! { proof => proof(), asked, options }
        }
        "invitation" => {
            let proof = context! { link => "https://id.example.org/invitation?ticket=sample" };
            context! { proof, asked, options }
        }
        "email_changed" => context! {
            new_email => "new@example.org",
            undo_link => "https://id.example.org/undo-email-change?ticket=sample",
            asked,
            options,
        },
        _ => context! { asked, options },
    }
}

fn proof() -> Value {
    context! { link => "https://id.example.org/verify?ticket=sample", code => "012345" }
}

fn reset(state: &str, unmet: &[&'static str]) -> Value {
    context! {
        state, ticket => "sample", least => 8, unmet => unmet.to_vec(),
        client_id => "sample", connection => "sample",
    }
}

fn inbox(smtp: bool, filled: bool) -> Value {
    let mail = |proof: Value| {
        context! {
            subject => "Sample", to => "ann@example.org", time => "12:00:00", purpose => "SAMPLE",
            text => "Sample", html => "<p>Sample</p>", proof,
        }
    };
    let mails = if filled {
        vec![mail(proof()), mail(Value::from(()))]
    } else {
        Vec::new()
    };
    context! { smtp, mails }
}

/// Has every option: a template must cope with options that are there as well as with none.
#[derive(Debug)]
struct AnyOption;

impl Object for AnyOption {
    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::from("sample"))
    }
}
