//! `vestibule application …`.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::{Ask, Data, Failure, House, Page, Switch, list};

#[derive(Debug, Subcommand)]
pub enum ApplicationCommand {
    /// Make an application
    Create {
        name: String,
        #[command(flatten)]
        settings: Settings,
        /// Made up if left out
        #[arg(long)]
        client_id: Option<String>,
    },
    /// Change an application, from the next request on
    Update {
        client_id: String,
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        settings: Settings,
        /// Whether nobody comes in through it
        #[arg(long)]
        disabled: Option<Switch>,
    },
    /// List applications, newest first
    List(Page),
    /// Show one application
    Show { client_id: String },
    /// Delete an application with its sessions
    Delete { client_id: String },
}

/// What is left out stays as it is, or as it is for a new application. A list is given by naming its option several times, and
/// emptied by naming it once with an empty text.
#[derive(Args, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// A connection that it enables; the first is its default
    #[arg(long = "connection", value_name = "NAME")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    connections: Vec<String>,
    /// Where mailed links may lead back to; '' alone: nowhere but below the public address
    #[arg(long = "redirect-url", value_name = "URL")]
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "list")]
    allowed_redirect_urls: Vec<String>,
    /// Whose pages may call it; '' alone: nobody's
    #[arg(long = "origin", value_name = "ORIGIN")]
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "list")]
    allowed_origins: Vec<String>,
    /// What its tokens may carry
    #[arg(long = "role", value_name = "ROLE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    /// What anyone may ask for at sign-up
    #[arg(long = "sign-up-role", value_name = "ROLE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sign_up_roles: Vec<String>,
    /// Of a sign-up that names none
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    default_role: Option<String>,
    /// A claim that clients may ask for; '' alone: none
    #[arg(long = "custom-claim", value_name = "NAME")]
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "list")]
    allowed_custom_claims: Vec<String>,
    /// A value that clients may put into mails; '' alone: none
    #[arg(long = "template-option", value_name = "NAME")]
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "list")]
    allowed_template_options: Vec<String>,
    /// Whether a reset may name the new password when it is asked for
    #[arg(long = "password-in-reset-request", value_name = "on|off")]
    #[serde(skip_serializing_if = "Option::is_none")]
    password_in_reset_request_allowed: Option<Switch>,
    /// Seconds
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_ttl: Option<i32>,
    /// Seconds
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_ttl: Option<i32>,
}

macro_rules! fields {
    () => {
        "{ clientId name connections allowedRedirectUrls allowedOrigins roles signUpRoles defaultRole allowedCustomClaims \
         allowedTemplateOptions passwordInResetRequestAllowed accessTokenTtl refreshTokenTtl disabled }"
    };
}

const CREATE: &str = concat!(
    "mutation($input: AdminCreateApplicationInput!) { adminCreateApplication(input: $input) ",
    fields!(),
    " }"
);
const UPDATE: &str = concat!(
    "mutation($input: AdminUpdateApplicationInput!) { adminUpdateApplication(input: $input) ",
    fields!(),
    " }"
);
const SHOW: &str = concat!(
    "query($clientId: String!) { adminApplication(clientId: $clientId) ",
    fields!(),
    " }"
);
const LIST: &str = "query($first: Int, $after: String) { adminApplications(first: $first, after: $after) \
    { nodes { clientId name connections roles disabled } pageInfo { hasNextPage endCursor } } }";
const DELETE: &str = "mutation($input: AdminDeleteApplicationInput!) { adminDeleteApplication(input: $input) { clientId } }";

impl ApplicationCommand {
    pub async fn run(self, house: &House) -> Result<Data, Failure> {
        house.ask(self.ask()?).await
    }

    fn ask(self) -> Result<Ask, Failure> {
        Ok(match self {
            Self::Create {
                name,
                settings,
                client_id,
            } => {
                let mut input = serde_json::to_value(settings)?;
                input["name"] = name.into();
                if let Some(client_id) = client_id {
                    input["clientId"] = client_id.into();
                }
                Ask::input(CREATE, input)
            }
            Self::Update {
                client_id,
                name,
                settings,
                disabled,
            } => {
                let mut input = serde_json::to_value(settings)?;
                input["clientId"] = client_id.into();
                if let Some(name) = name {
                    input["name"] = name.into();
                }
                if let Some(disabled) = disabled {
                    input["disabled"] = json!(disabled);
                }
                Ask::input(UPDATE, input)
            }
            Self::List(page) => page.of(LIST),
            Self::Show { client_id } => Ask {
                document: SHOW,
                variables: json!({ "clientId": client_id }),
            },
            Self::Delete { client_id } => Ask::input(DELETE, json!({ "clientId": client_id })),
        })
    }
}
