//! Administration on the command line. Every command is a document that the API answers, asked by an administrator
//! within this process: the same use cases, the same rules, the same errors.

mod application;
mod connection;
mod output;
mod tenant;
mod user;

pub use application::ApplicationCommand;
use async_graphql::{Request, Variables};
use clap::{Args, ValueEnum};
pub use connection::ConnectionCommand;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
pub use tenant::TenantCommand;
pub use user::UserCommand;

use super::{Failure, explain};
use crate::app::App;
use crate::caller::Caller;
use crate::clock::{Clock, Rng};
use crate::config::Config;
use crate::event::Origin;
use crate::graphql::{self, HouseSchema};

/// How a command says what became of it.
#[derive(Args, Clone, Copy, Debug)]
pub struct Shown {
    /// Print JSON, as the API would answer
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

impl Serialize for Switch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*self == Self::On)
    }
}

/// One empty text is an empty list: no option at all leaves the list as it is.
fn list<S: Serializer>(given: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    let is_emptied = matches!(given, [only] if only.is_empty());
    serializer.collect_seq(if is_emptied { &[] } else { given })
}

/// Which page of a list.
#[derive(Args, Debug)]
pub struct Page {
    /// Lines of a page, at most 100
    #[arg(long, default_value_t = 100)]
    first: i32,
    /// The cursor that the page before ended with
    #[arg(long)]
    after: Option<String>,
}

impl Page {
    fn of(self, document: &'static str) -> Ask {
        Ask {
            document,
            variables: json!({ "first": self.first, "after": self.after }),
        }
    }
}

/// What a command asks of the API.
struct Ask {
    document: &'static str,
    variables: Value,
}

impl Ask {
    /// A document whose only variable is its input.
    fn input(document: &'static str, input: impl Serialize) -> Self {
        Self {
            document,
            variables: json!({ "input": input }),
        }
    }
}

/// What the API answers, in the order of the document.
pub type Data = async_graphql::Value;

/// The house, asked by whoever may run this program on its database: an administrator.
pub struct House {
    app: App,
    schema: HouseSchema,
}

impl House {
    /// The answer's `data`; its errors, each on a line, where there are some.
    async fn ask(&self, ask: Ask) -> Result<Data, Failure> {
        let caller = Caller {
            origin: Origin {
                ip: None,
                user_agent: Some("command line".to_owned()),
            },
            is_administrator: true,
            ..Caller::default()
        };
        let request = Request::new(ask.document)
            .variables(Variables::from_json(ask.variables))
            .data(caller);
        let mut response = self.schema.execute(request).await;
        let id = self.app.id().to_string();
        graphql::present(&mut response, &id, false);
        if response.errors.is_empty() {
            return Ok(response.data);
        }
        Err(output::complaint(&response.errors).into())
    }
}

/// Runs one command against the database of the settings, and prints what became of it.
pub async fn administer(
    config: Config,
    command: impl AsyncFnOnce(&House) -> Result<Data, Failure>,
    shown: Shown,
) -> Result<(), Failure> {
    let app = App::open(config, Clock::system(), Rng::system())
        .await
        .map_err(explain)?;
    let house = House {
        schema: graphql::schema(app.clone()),
        app,
    };
    let answer = command(&house).await;
    house.app.close().await;
    let answer = answer?;
    if shown.json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        print!("{}", output::readable(&answer));
    }
    Ok(())
}
