//! `vestibule hasura`: what Hasura is given, so that nobody has to write it by hand.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;
use url::Url;

use super::{Failure, explain};
use crate::app::App;
use crate::clock::{Clock, Rng};
use crate::config::Config;
use crate::hasura::{
    self, ANONYMOUS, Customization, JwtSecret, Mode, Plan, RemoteSchema, environment,
};
use crate::realm::place::{self, DEFAULT};

#[derive(Subcommand)]
pub enum Hasura {
    /// Print the API as a remote schema in Hasura's metadata, with each role's part of it
    Metadata(Box<Metadata>),
    /// Print the settings of Hasura's engine, for `docker run --env-file`: how it learns who is asking
    Environment(Environment),
}

#[derive(Args)]
struct Common {
    /// Where Hasura reaches this house, if not at its public address: `http://vestibule:4000`
    #[arg(long)]
    url: Option<Url>,
    /// The applications whose tokens count; several times for several. With one alone, each request that comes through
    /// Hasura is of this application [default: default]
    #[arg(long, value_name = "ID")]
    client_id: Vec<String>,
    /// The role of who is not signed in [default: VESTIBULE_HASURA_ANONYMOUS_ROLE, or else anonymous]
    #[arg(long, value_name = "ROLE")]
    anonymous_role: Option<String>,
    /// Nobody signs up or in through Hasura: no role for who is not signed in
    #[arg(long, conflicts_with = "anonymous_role")]
    no_anonymous: bool,
}

#[derive(Args)]
pub struct Metadata {
    /// As what
    #[arg(long, value_enum, default_value = "yaml")]
    format: Format,
    /// What `export_metadata` answered (`-`: standard input): with `--format json`, everything in it stays
    #[arg(long, value_name = "FILE")]
    merge: Option<PathBuf>,
    /// What Hasura calls the remote schema
    #[arg(long, default_value = "vestibule")]
    name: String,
    /// The field of Hasura's roots below which the fields stand; without, they stand beside all others
    #[arg(long, value_name = "FIELD")]
    namespace: Option<String>,
    /// What the names of the types begin with in Hasura
    #[arg(long, value_name = "PREFIX")]
    type_prefix: Option<String>,
    /// What the names of the root fields begin with in Hasura
    #[arg(long, value_name = "PREFIX")]
    field_prefix: Option<String>,
    /// Seconds for which Hasura waits for an answer [default: a little longer than this house takes at most,
    /// `awaitVerification` aside]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    timeout: Option<u32>,
    /// A role of users; several times for several [default: the roles of the applications, from the database]
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    /// Leave descriptions out
    #[arg(long)]
    brief: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub struct Environment {
    /// Hasura asks the house with every request (webhook mode), so that what is revoked ends at once, instead of checking
    /// tokens by itself
    #[arg(long)]
    webhook: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The file `metadata/remote_schemas.yaml`, which `hasura metadata apply` reads
    Yaml,
    /// A request `replace_metadata`, which replaces ALL metadata: with `--merge`, nothing is lost
    Json,
    /// A request that adds the remote schema to an engine that does not have it yet, and touches nothing else
    Bulk,
}

pub async fn hasura(config: Config, command: Hasura) -> Result<(), Failure> {
    match command {
        Hasura::Metadata(asked) => metadata(config, *asked).await,
        Hasura::Environment(asked) => {
            let mode = if asked.webhook {
                Mode::Webhook
            } else {
                Mode::Jwt
            };
            print!("{}", asked.common.environment(&config, mode)?);
            let is_set = config.settings.hasura_anonymous_role.is_some();
            if asked.webhook && !is_set && !asked.common.no_anonymous {
                eprintln!(
                    "vestibule: who sends no token is refused; VESTIBULE_HASURA_ANONYMOUS_ROLE is the role of such \
                     requests in webhook mode, so that people sign up and in through Hasura"
                );
            }
            Ok(())
        }
    }
}

async fn metadata(config: Config, asked: Metadata) -> Result<(), Failure> {
    if asked.merge.is_some() && asked.format != Format::Json {
        return Err("--merge goes with --format json".into());
    }
    let exported = asked.merge.as_deref().map(read).transpose()?;
    let settings = asked.common.environment(&config, Mode::Jwt)?;
    if !config.introspection() {
        eprintln!(
            "vestibule: Hasura reads the schema by introspection, which is off here: VESTIBULE_INTROSPECTION=on"
        );
    }
    let format = asked.format;
    let remote = RemoteSchema::new(plan(config, asked).await?, &crate::graphql::sdl())?;
    let request = match format {
        Format::Yaml => {
            print!("{}{}", head(&settings), hasura::yaml(&remote)?);
            return Ok(());
        }
        Format::Json => {
            if exported.is_none() {
                eprintln!(
                    "vestibule: this request replaces ALL metadata of the engine that it is sent to; \
                     --merge keeps what is there."
                );
            }
            hasura::replacement(&remote, exported)?
        }
        Format::Bulk => hasura::bulk(&remote),
    };
    eprint!("{}", head(&settings));
    println!("{}", serde_json::to_string_pretty(&request)?);
    Ok(())
}

async fn plan(config: Config, asked: Metadata) -> Result<Plan, Failure> {
    let settings = &config.settings;
    let longest = (settings.read_timeout + settings.request_timeout).div_ceil(1_000) + 5;
    let timeout = match asked.timeout {
        Some(timeout) => timeout,
        None => u32::try_from(longest)?,
    };
    let common = asked.common;
    let (base, anonymous) = (common.base(&config), common.anonymous(&config));
    let client_id = match common.client_id.as_slice() {
        [only] if only != DEFAULT => Some(only.clone()),
        _ => None,
    };
    let roles = if asked.role.is_empty() {
        roles_of(config, &common.client_ids()).await?
    } else {
        asked.role
    };
    Ok(Plan {
        name: asked.name,
        base,
        timeout,
        customization: Customization {
            namespace: asked.namespace,
            type_prefix: asked.type_prefix,
            field_prefix: asked.field_prefix,
        },
        client_id,
        roles,
        anonymous,
        described: !asked.brief,
    })
}

/// What the tokens of these applications may carry. To Hasura's `admin` everything is allowed, so that no part is made.
async fn roles_of(config: Config, client_ids: &[String]) -> Result<Vec<String>, Failure> {
    let app = App::open(config, Clock::system(), Rng::system())
        .await
        .map_err(explain)?;
    let mut roles = Vec::new();
    let mut missing = None;
    for client_id in client_ids {
        match place::application(&app, client_id).await {
            Ok(Some(application)) => roles.extend(application.roles.0),
            _ => missing = Some(client_id),
        }
    }
    app.close().await;
    if let Some(client_id) = missing {
        return Err(format!("there is no application `{client_id}` that is open").into());
    }
    roles.retain(|role| role != hasura::ADMIN);
    Ok(roles)
}

impl Common {
    fn environment(&self, config: &Config, mode: Mode) -> Result<String, Failure> {
        let base = self.base(config);
        let secret = JwtSecret::new(&base, config.issuer(), &self.client_ids());
        let anonymous = self.anonymous(config);
        Ok(environment(mode, &base, &secret, anonymous.as_deref())?)
    }

    /// Without what is appended to it; the address of the API is taken for that of the house.
    fn base(&self, config: &Config) -> String {
        let given = self.url.as_ref().map(|url| {
            let base = url.as_str().trim_end_matches('/');
            base.strip_suffix("/graphql").unwrap_or(base).to_owned()
        });
        given.unwrap_or_else(|| config.issuer().to_owned())
    }

    fn client_ids(&self) -> Vec<String> {
        match self.client_id.as_slice() {
            [] => vec![DEFAULT.to_owned()],
            some => some.to_vec(),
        }
    }

    fn anonymous(&self, config: &Config) -> Option<String> {
        let set = config.settings.hasura_anonymous_role.clone();
        let role = self.anonymous_role.clone().or(set);
        (!self.no_anonymous).then(|| role.unwrap_or_else(|| ANONYMOUS.to_owned()))
    }
}

/// Comments, because settings of the engine stand in no metadata.
fn head(settings: &str) -> String {
    let mut head = String::from(
        "# A remote schema for Hasura. To its engine belong these settings (`vestibule hasura environment`):\n",
    );
    for line in settings.lines() {
        head.push_str(&format!("#   {line}\n"));
    }
    head
}

fn read(path: &Path) -> Result<Value, Failure> {
    let text = if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        text
    } else {
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?
    };
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}
