//! The program as its operator meets it.

mod admin;
mod commands;
mod production;
mod settings;
