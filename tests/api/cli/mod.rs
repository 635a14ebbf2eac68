//! The program as its operator meets it.

mod admin;
mod commands;
mod log;
mod production;
mod settings;
