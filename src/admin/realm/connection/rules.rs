//! The rules of a connection as an administrator gives them: checked, and put into what is stored.

use async_graphql::{InputObject, MaybeUndefined};
use entity::StringList;
use entity::connection::ActiveModel;
use sea_orm::ActiveValue::Set;
use serde_json::{Map, Value, json};

use crate::admin::realm::null;
use crate::error::Issue;
use crate::realm::domain;
use crate::realm::policy::{MAX_DICTIONARY, MAX_HISTORY, MAX_MIN_LENGTH, PasswordStrength};
use crate::value::Issues;

/// Rules for new passwords. What is left out stays; a `strength` without a `minLength` brings its own minimum.
#[derive(Debug, InputObject)]
pub struct PasswordPolicyInput {
    pub strength: MaybeUndefined<PasswordStrength>,
    /// Unicode code points: 1 to 128.
    pub min_length: MaybeUndefined<i32>,
    /// How many former passwords may not come back: 0 to 24. What was chosen before the switch is not known.
    pub history: MaybeUndefined<i32>,
    /// Refuse passwords of a list of a hundred thousand, and of the dictionary.
    pub reject_common: MaybeUndefined<bool>,
    /// Refuse passwords that hold a part of the account's own data.
    pub reject_personal_data: MaybeUndefined<bool>,
    /// Own words that count as common; at most 1,000, compared without regard to case.
    pub dictionary: MaybeUndefined<Vec<String>>,
}

impl PasswordPolicyInput {
    /// Where something is changed: a null that would mean nothing is noted. Where something is made, it is what is left out.
    pub fn note_nulls(&self, issues: &mut Issues) {
        for (path, is_null) in [
            ("passwordPolicy.strength", self.strength.is_null()),
            ("passwordPolicy.minLength", self.min_length.is_null()),
            ("passwordPolicy.history", self.history.is_null()),
            ("passwordPolicy.rejectCommon", self.reject_common.is_null()),
            (
                "passwordPolicy.rejectPersonalData",
                self.reject_personal_data.is_null(),
            ),
        ] {
            if is_null {
                null::refuse(path, issues);
            }
        }
    }
}

/// What is given, by whichever mutation; the rest stays as it is.
#[derive(Debug, Default)]
pub struct Rules {
    pub sign_up_enabled: Option<bool>,
    pub email_verification_required: Option<bool>,
    pub username_required: Option<bool>,
    pub allowed_email_domains: Option<Vec<String>>,
    pub blocked_email_domains: Option<Vec<String>>,
    pub password_policy: Option<PasswordPolicyInput>,
}

impl Rules {
    /// Puts the rules into the row, and answers what the audit trail tells of them; what is wrong is noted.
    pub fn apply(self, row: &mut ActiveModel, issues: &mut Issues) -> Map<String, Value> {
        let mut details = Map::new();
        let mut switch = |name: &str, given: Option<bool>| {
            let given = given?;
            details.insert(name.into(), json!(given));
            Some(Set(given))
        };
        if let Some(enabled) = switch("signUpEnabled", self.sign_up_enabled) {
            row.sign_up_enabled = enabled;
        }
        if let Some(required) = switch(
            "emailVerificationRequired",
            self.email_verification_required,
        ) {
            row.email_verification_required = required;
        }
        if let Some(required) = switch("usernameRequired", self.username_required) {
            row.username_required = required;
        }
        let mut domains = |name: &'static str, given: Option<Vec<String>>| {
            let domains = domain::check(name, &given?, issues);
            details.insert(name.into(), json!(domains));
            Some(Set(StringList(domains)))
        };
        if let Some(allowed) = domains("allowedEmailDomains", self.allowed_email_domains) {
            row.allowed_email_domains = allowed;
        }
        if let Some(blocked) = domains("blockedEmailDomains", self.blocked_email_domains) {
            row.blocked_email_domains = blocked;
        }
        if let Some(policy) = self.password_policy {
            apply_policy(policy, row, issues);
            details.insert("passwordPolicy".into(), json!("changed"));
        }
        details
    }
}

fn apply_policy(policy: PasswordPolicyInput, row: &mut ActiveModel, issues: &mut Issues) {
    let mut within = |path: &'static str, value: i32, least: i32, most: i32| {
        if !(least..=most).contains(&value) {
            issues.push(Issue::new(
                path,
                "not_allowed",
                format!("{least} to {most}."),
            ));
        }
        Set(value)
    };
    let strength = policy.strength.take();
    let min_length = policy
        .min_length
        .take()
        .or(strength.map(PasswordStrength::min_length));
    if let Some(min_length) = min_length {
        row.password_min_length = within("passwordPolicy.minLength", min_length, 1, MAX_MIN_LENGTH);
    }
    if let Some(history) = policy.history.take() {
        row.password_history = within("passwordPolicy.history", history, 0, MAX_HISTORY);
    }
    if let Some(strength) = strength {
        row.password_strength = Set(strength.as_str().to_owned());
    }
    if let Some(reject) = policy.reject_common.take() {
        row.password_reject_common = Set(reject);
    }
    if let Some(reject) = policy.reject_personal_data.take() {
        row.password_reject_personal_data = Set(reject);
    }
    if let Some(words) = null::list(policy.dictionary) {
        let path = "passwordPolicy.dictionary";
        if words.len() > MAX_DICTIONARY {
            issues.push(Issue::new(
                path,
                "too_many",
                format!("At most {MAX_DICTIONARY} words."),
            ));
        }
        let bad = |word: &String| {
            word.is_empty() || word.chars().count() > 128 || word.chars().any(char::is_control)
        };
        if words.iter().any(bad) {
            issues.push(Issue::new(path, "format", "Words of 1 to 128 characters."));
        }
        row.password_dictionary = Set(StringList(words));
    }
}
