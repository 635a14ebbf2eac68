//! The command line.

mod admin;
mod archive;
mod doctor;
mod hasura;
mod keys;
mod migrate;
mod serve;
mod signals;

use std::process::ExitCode;
use std::time::Duration;

use admin::{
    ApplicationCommand, ConnectionCommand, Data, House, Shown, TenantCommand, UserCommand,
    administer,
};
use clap::{Parser, Subcommand};

use crate::config::{self, Config, Environment};
use crate::error::Error;
use crate::telemetry::{self, Traces};

/// For threads that are still at it when a command has ended.
const FAREWELL: Duration = Duration::from_secs(1);

/// The front door of a GraphQL application.
#[derive(Parser)]
#[command(name = "vestibule", version, after_long_help = config::manual())]
struct Cli {
    /// Without a command: `serve`.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API; in development on http://127.0.0.1:4000 with a SQLite file and a built-in inbox
    Serve,
    /// Apply migrations and exit; safe when several instances start at once
    Migrate,
    /// Rotate, list and retire the keys that sign access tokens
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Copy a SQLite database while it is in use
    Backup(archive::Backup),
    /// Put such a copy into the place of the database; nobody is signed in then
    Restore(archive::Restore),
    /// What a database that was restored by other means needs
    #[command(subcommand)]
    Epoch(archive::Epoch),
    /// Look at database, mail, clock, public address, keys and redirects, and say how to mend what is amiss
    Doctor(doctor::Doctor),
    /// What Hasura is given: metadata with a remote schema, and the settings of its engine
    #[command(subcommand)]
    Hasura(hasura::Hasura),
    /// Print the schema in GraphQL's schema definition language
    Schema {
        /// As a subgraph for Apollo Federation 2, without administration and `node`: what `_service { sdl }` answers
        #[arg(long)]
        federation: bool,
        /// The subgraph with administration and `node`
        #[arg(long, requires = "federation")]
        whole: bool,
    },
    /// Administer accounts
    User {
        #[command(subcommand)]
        command: UserCommand,
        #[command(flatten)]
        shown: Shown,
    },
    /// Administer applications
    Application {
        #[command(subcommand)]
        command: ApplicationCommand,
        #[command(flatten)]
        shown: Shown,
    },
    /// Administer connections: sets of accounts and the rules for them
    Connection {
        #[command(subcommand)]
        command: ConnectionCommand,
        #[command(flatten)]
        shown: Shown,
    },
    /// Administer tenants and their members
    Tenant {
        #[command(subcommand)]
        command: TenantCommand,
        #[command(flatten)]
        shown: Shown,
    },
}

/// Runs one command.
pub fn run() -> ExitCode {
    let result = match Cli::parse().command.unwrap_or(Command::Serve) {
        Command::Schema { federation, whole } => {
            let text = match federation {
                true => crate::graphql::subgraph(whole),
                false => crate::graphql::sdl(),
            };
            print!("{text}");
            Ok(())
        }
        Command::Serve => traced(serve::serve),
        Command::Migrate => configured(migrate::migrate),
        Command::Doctor(asked) => examined(&asked),
        Command::Hasura(command) => configured(|config| hasura::hasura(config, command)),
        Command::Backup(asked) => configured(|config| archive::backup(config, asked)),
        Command::Restore(asked) => configured(|config| archive::restore(config, asked)),
        Command::Epoch(command) => configured(|config| archive::epoch(config, command)),
        Command::User { command, shown } => {
            administered(async |house| command.run(house).await, shown)
        }
        Command::Application { command, shown } => {
            administered(async |house| command.run(house).await, shown)
        }
        Command::Connection { command, shown } => {
            administered(async |house| command.run(house).await, shown)
        }
        Command::Tenant { command, shown } => {
            administered(async |house| command.run(house).await, shown)
        }
        Command::Keys(command) => configured(|config| keys::keys(config, command)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::say_at_last(move || eprintln!("vestibule: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn administered(
    command: impl AsyncFnOnce(&House) -> Result<Data, Failure>,
    shown: Shown,
) -> Result<(), Failure> {
    configured(|config| administer(config, command, shown))
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn configured<Run: Future<Output = Result<(), Failure>>>(
    command: impl FnOnce(Config) -> Run,
) -> Result<(), Failure> {
    let environment = Environment::of_process();
    let config = config::load(&environment)?;
    let _log = telemetry::start(&config)?;
    run_on_threads(&environment, command(config))
}

/// The same for the doctor, who is asked what keeps the others from running.
fn examined(asked: &doctor::Doctor) -> Result<(), Failure> {
    let environment = Environment::of_process();
    let started =
        config::load(&environment).and_then(|config| Ok((telemetry::start(&config)?, config)));
    match started {
        Ok((_log, config)) => run_on_threads(&environment, doctor::doctor(config, asked)),
        Err(error) => doctor::refused(&error, asked),
    }
}

/// The same for what serves, which alone has traces.
fn traced<Run: Future<Output = Result<(), Failure>>>(
    command: impl FnOnce(Config, Option<Traces>) -> Run,
) -> Result<(), Failure> {
    let environment = Environment::of_process();
    let config = config::load(&environment)?;
    let (_log, traces) = telemetry::start_traced(&config)?;
    run_on_threads(&environment, command(config, traces))
}

fn run_on_threads(
    environment: &Environment,
    command: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    for name in environment.unknown() {
        tracing::warn!(
            name,
            "this variable is no setting; `vestibule --help` lists every one"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(command);
    // The system may look for an address that nobody waits for any more.
    runtime.shutdown_timeout(FAREWELL);
    done
}

/// What keeps a command from running, with the causes that the log of a request would have; a client never hears them.
fn explain(error: Error) -> Failure {
    let cause = error.cause();
    match error {
        Error::Outage(_) => format!(
            "the database cannot be used: {cause}. See that what VESTIBULE_DATABASE_URL names is there and lets us in, that \
             nobody else holds it locked, and that the disk has room"
        )
        .into(),
        Error::Database(_) => {
            format!("the database refuses (VESTIBULE_DATABASE_URL): {cause}").into()
        }
        _ => cause.into(),
    }
}
