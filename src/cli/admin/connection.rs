//! `vestibule connection …`.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::{Ask, Data, Failure, House, Page, Switch, list};

#[derive(Debug, Subcommand)]
pub enum ConnectionCommand {
    /// Make a connection: a set of accounts with rules of its own
    Create {
        name: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Change the rules of a connection, from the next request on
    Update {
        name: String,
        #[command(flatten)]
        settings: Settings,
        /// Whether none of its accounts works
        #[arg(long)]
        disabled: Option<Switch>,
    },
    /// List connections, newest first
    List(Page),
    /// Show one connection
    Show { name: String },
    /// Delete a connection
    Delete {
        name: String,
        /// And every account in it
        #[arg(long)]
        delete_users: bool,
    },
}

/// What is left out stays as it is, or as it is for a new connection. A list is given by naming its option several times, and
/// emptied by naming it once with an empty text.
#[derive(Args, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Whether anyone may sign up
    #[arg(long, value_name = "on|off")]
    #[serde(rename = "signUpEnabled", skip_serializing_if = "Option::is_none")]
    sign_up: Option<Switch>,
    /// Whether a mail must be answered first
    #[arg(long, value_name = "on|off")]
    #[serde(
        rename = "emailVerificationRequired",
        skip_serializing_if = "Option::is_none"
    )]
    verification: Option<Switch>,
    /// Whether a sign-up needs a username
    #[arg(long, value_name = "on|off")]
    #[serde(rename = "usernameRequired", skip_serializing_if = "Option::is_none")]
    usernames: Option<Switch>,
    /// A domain whose addresses may sign up; `*.` before it for those below it; '' alone: every one
    #[arg(long = "allow-domain", value_name = "DOMAIN")]
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "list")]
    allowed_email_domains: Vec<String>,
    /// A domain whose addresses may not; '' alone: none
    #[arg(long = "block-domain", value_name = "DOMAIN")]
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "list")]
    blocked_email_domains: Vec<String>,
    #[command(flatten)]
    #[serde(skip_serializing_if = "Policy::is_empty")]
    password_policy: Policy,
}

#[derive(Args, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// NONE, LOW, FAIR, GOOD or EXCELLENT
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    strength: Option<String>,
    /// Characters of a password
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    min_length: Option<i32>,
    /// Former passwords that may not come back
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<i32>,
    /// Whether common passwords are refused
    #[arg(long, value_name = "on|off")]
    #[serde(skip_serializing_if = "Option::is_none")]
    reject_common: Option<Switch>,
    /// Whether parts of the account's own data are refused
    #[arg(long, value_name = "on|off")]
    #[serde(skip_serializing_if = "Option::is_none")]
    reject_personal_data: Option<Switch>,
}

impl Policy {
    fn is_empty(&self) -> bool {
        serde_json::to_value(self).is_ok_and(|policy| policy == json!({}))
    }
}

macro_rules! fields {
    () => {
        "{ id name signUpEnabled emailVerificationRequired usernameRequired allowedEmailDomains blockedEmailDomains \
         passwordPolicy { strength minLength history rejectCommon rejectPersonalData } disabled }"
    };
}

const CREATE: &str = concat!(
    "mutation($input: AdminCreateConnectionInput!) { adminCreateConnection(input: $input) ",
    fields!(),
    " }"
);
const UPDATE: &str = concat!(
    "mutation($input: AdminUpdateConnectionInput!) { adminUpdateConnection(input: $input) ",
    fields!(),
    " }"
);
const SHOW: &str = concat!(
    "query($name: String!) { adminConnection(name: $name) ",
    fields!(),
    " }"
);
const LIST: &str = "query($first: Int, $after: String) { adminConnections(first: $first, after: $after) \
    { nodes { name signUpEnabled emailVerificationRequired usernameRequired disabled } pageInfo { hasNextPage endCursor } } }";
const DELETE: &str = "mutation($input: AdminDeleteConnectionInput!) { adminDeleteConnection(input: $input) { name } }";

impl ConnectionCommand {
    pub async fn run(self, house: &House) -> Result<Data, Failure> {
        house.ask(self.ask()?).await
    }

    fn ask(self) -> Result<Ask, Failure> {
        Ok(match self {
            Self::Create { name, settings } => {
                let mut input = serde_json::to_value(settings)?;
                input["name"] = name.into();
                Ask::input(CREATE, input)
            }
            Self::Update {
                name,
                settings,
                disabled,
            } => {
                let mut input = serde_json::to_value(settings)?;
                input["name"] = name.into();
                if let Some(disabled) = disabled {
                    input["disabled"] = json!(disabled);
                }
                Ask::input(UPDATE, input)
            }
            Self::List(page) => page.of(LIST),
            Self::Show { name } => Ask {
                document: SHOW,
                variables: json!({ "name": name }),
            },
            Self::Delete { name, delete_users } => {
                Ask::input(DELETE, json!({ "name": name, "deleteUsers": delete_users }))
            }
        })
    }
}
