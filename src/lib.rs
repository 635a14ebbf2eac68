//! Vestibule, the front door of a GraphQL application: it signs people up, verifies their e-mail, signs them in, keeps
//! their sessions and lets them change their password, all through GraphQL.
//!
//! # The map
//!
//! Imports point downward only; `tests/floors.rs` keeps it so.
//!
//! | floor | modules | what a line there may touch |
//! |---|---|---|
//! | doors | [`cli`], [`http`], [`hasura`], [`graphql`] | clap, axum, the rooms; no entities, no SQL |
//! | rooms | [`federation`] and [`node`] → [`admin`] → [`account`] → [`password`] → [`verification`] → [`session`] → [`user`] → [`realm`], [`locksmith`], [`archive`] and [`doctor`] | `mod.rs`: resolvers of three lines; every other file one use case, told top to bottom: it begins and commits |
//! | hall | [`app`], [`caller`], [`beside`], [`scalar`] | what every room sees |
//! | services | [`job`], [`mail`], [`text`], [`key`], [`hasher`], [`breach`], [`ticket`], [`event`], [`limit`], [`identity`], [`waiting`], [`db`] | a connection that is handed in; they begin no transaction and never see `App` |
//! | ground | [`config`], [`telemetry`], [`metrics`], [`error`], [`value`], [`clock`], [`secret`] | values, settings, failures |
//!
//! Below the ground lie three crates: `entity`, the tables, `migration`, their history, and `argon`, the call that takes nearly
//! all of the processor's time.
//!
//! # One sign-up, walked
//!
//! `http/graphql.rs` guards the request and builds a [`caller::Caller`] → `account/mod.rs` → `account/sign_up.rs`:
//! find application and connection, check the input, the policy, hash (slow, so before the transaction), begin, write
//! the pending sign-up and its mail's job, record the event, commit, answer → later `job/worker.rs` claims the job,
//! derives ticket and code, and hands the letter to `mail/`.

pub mod account;
pub mod admin;
pub mod app;
pub mod archive;
pub mod beside;
pub mod breach;
pub mod caller;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod doctor;
pub mod error;
pub mod event;
pub mod federation;
pub mod graphql;
pub mod hasher;
pub mod hasura;
pub mod http;
pub mod identity;
pub mod job;
pub mod key;
pub mod limit;
pub mod locksmith;
pub mod mail;
pub mod metrics;
pub mod node;
pub mod password;
pub mod realm;
pub mod scalar;
pub mod secret;
pub mod session;
pub mod telemetry;
pub mod text;
pub mod ticket;
pub mod user;
pub mod value;
pub mod verification;
pub mod waiting;
