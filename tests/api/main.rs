//! One binary of tests. The tree mirrors the schema: `account/sign_up.rs` tests `signUp`.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on panics, and reads the real clock and environment where it waits for real things"
)]

#[macro_use]
mod harness;

mod account;
mod admin;
mod authorization;
mod cli;
mod fault;
mod federation;
mod fuzz;
mod guides;
mod hasura;
mod hostile_text;
mod http;
mod instances;
mod key;
mod mail;
mod node;
mod password;
mod plans;
mod realm;
mod security;
mod session;
mod smtp;
mod support;
mod text;
mod web;

#[path = "../advisories.rs"]
mod advisories;
#[path = "../floors.rs"]
mod floors;
#[path = "../kept/mod.rs"]
mod kept;
#[path = "../migrations.rs"]
mod migrations;
#[path = "../schema.rs"]
mod schema;
