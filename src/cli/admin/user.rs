//! `vestibule user …`.

use std::io::Read;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Ask, Data, Failure, House};

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make an account; without a password its owner chooses one by an invitation
    Create(Create),
    /// List accounts, newest first
    List(List),
    /// Show one account
    Show(Who),
    /// End every session of an account and let it sign in no more
    Disable(Who),
    /// Let a disabled account sign in again
    Enable(Who),
    /// Make a link with which its owner chooses a new password (the first one, where there is none)
    Reset(Reset),
    /// Delete an account and everything of it
    Delete(Who),
}

#[derive(Args, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Create {
    email: String,
    /// The connection `default` if left out
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    /// Read the password from standard input
    #[arg(long, conflicts_with = "invite")]
    #[serde(skip)]
    password_stdin: bool,
    /// Mail an invitation
    #[arg(long)]
    #[serde(rename = "sendInvitation")]
    invite: bool,
    /// Take the address as verified
    #[arg(long)]
    #[serde(rename = "emailVerified")]
    verified: bool,
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    /// BCP 47
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    /// Several times for several roles; `vestibule-admin` makes an administrator
    #[arg(long = "role", value_name = "ROLE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    default_role: Option<String>,
}

#[derive(Args, Debug)]
pub struct List {
    /// The beginning of the address
    #[arg(long)]
    email: Option<String>,
    #[arg(long)]
    role: Option<String>,
    #[arg(long)]
    connection: Option<String>,
    /// ACTIVE, UNVERIFIED, INVITED or DISABLED
    #[arg(long)]
    status: Option<String>,
    #[arg(long, default_value_t = 50)]
    first: i32,
    /// The cursor that the page before ended with
    #[arg(long)]
    after: Option<String>,
}

#[derive(Args, Debug)]
pub struct Who {
    /// Id or e-mail address
    user: String,
    /// Where the address lives; the connection `default` if left out
    #[arg(long)]
    connection: Option<String>,
}

#[derive(Args, Debug)]
pub struct Reset {
    #[command(flatten)]
    who: Who,
    /// Mail the link instead of printing it
    #[arg(long)]
    mail: bool,
}

const CREATE: &str = "mutation($input: AdminCreateUserInput!) { adminCreateUser(input: $input) \
    { id connection email username displayName roles defaultRole status } }";
const LIST: &str = "query($first: Int, $after: String, $filter: UserFilter) { adminUsers(first: $first, after: $after, filter: $filter) \
    { nodes { id connection email username displayName roles status createdAt lastSignInAt } pageInfo { hasNextPage endCursor } } }";
const SHOW: &str = "query($by: UserLookup!) { adminUser(by: $by) { id connection email emailVerified username phoneNumber \
    displayName locale roles defaultRole status metadata appMetadata tenants { tenantId tenantName roles } createdAt lastSignInAt } }";
const DISABLE: &str = "mutation($input: AdminUpdateUserInput!) { adminUpdateUser(input: $input) { id email status } }";
const DELETE: &str =
    "mutation($input: AdminDeleteUserInput!) { adminDeleteUser(input: $input) { userId } }";
const MAKE: &str =
    "mutation($input: AdminLinkInput!) { adminMakeLink(input: $input) { link expiresAt } }";
const SEND: &str =
    "mutation($input: AdminLinkInput!) { adminSendLink(input: $input) { expiresAt } }";

impl UserCommand {
    pub async fn run(self, house: &House) -> Result<Data, Failure> {
        match self {
            Self::Create(create) => house.ask(create.ask()?).await,
            Self::List(list) => house.ask(list.ask()).await,
            Self::Show(who) => house.ask(who.look_up()).await,
            Self::Disable(who) => who.set_disabled(house, true).await,
            Self::Enable(who) => who.set_disabled(house, false).await,
            Self::Reset(reset) => reset.run(house).await,
            Self::Delete(who) => {
                let input = json!({ "userId": who.id(house).await? });
                house.ask(Ask::input(DELETE, input)).await
            }
        }
    }
}

impl Create {
    fn ask(self) -> Result<Ask, Failure> {
        let mut input = serde_json::to_value(&self)?;
        if self.password_stdin {
            let mut password = String::new();
            std::io::stdin().read_to_string(&mut password)?;
            input["password"] = password.trim_end_matches(['\r', '\n']).into();
        }
        Ok(Ask::input(CREATE, input))
    }
}

impl List {
    fn ask(self) -> Ask {
        let filter = json!({
            "emailStartsWith": self.email, "role": self.role, "connection": self.connection, "status": self.status,
        });
        Ask {
            document: LIST,
            variables: json!({ "first": self.first, "after": self.after, "filter": filter }),
        }
    }
}

impl Who {
    fn look_up(&self) -> Ask {
        let by = if self.user.contains('@') {
            json!({ "email": { "email": self.user, "connection": self.connection } })
        } else {
            json!({ "id": self.user })
        };
        Ask {
            document: SHOW,
            variables: json!({ "by": by }),
        }
    }

    async fn found(&self, house: &House) -> Result<Value, Failure> {
        let found = house.ask(self.look_up()).await?.into_json()?;
        match &found["adminUser"] {
            Value::Null => Err("NOT_FOUND: there is no such account".into()),
            user => Ok(user.clone()),
        }
    }

    async fn id(&self, house: &House) -> Result<Value, Failure> {
        Ok(self.found(house).await?["id"].clone())
    }

    async fn set_disabled(&self, house: &House, disabled: bool) -> Result<Data, Failure> {
        let input = json!({ "userId": self.id(house).await?, "disabled": disabled });
        house.ask(Ask::input(DISABLE, input)).await
    }
}

impl Reset {
    async fn run(self, house: &House) -> Result<Data, Failure> {
        let user = self.who.found(house).await?;
        let purpose = if user["status"] == "INVITED" {
            "INVITATION"
        } else {
            "PASSWORD_RESET"
        };
        let input = json!({ "userId": user["id"], "purpose": purpose });
        let document = if self.mail { SEND } else { MAKE };
        house.ask(Ask::input(document, input)).await
    }
}
