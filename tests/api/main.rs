//! One binary of tests. The tree mirrors the schema: `account/sign_up.rs` tests `signUp`.

#[macro_use]
mod harness;

mod account;
mod admin;
mod cli;
mod http;
mod mail;
mod password;
mod realm;
mod session;
mod smtp;
mod web;

#[path = "../floors.rs"]
mod floors;
#[path = "../migrations.rs"]
mod migrations;
#[path = "../schema.rs"]
mod schema;
