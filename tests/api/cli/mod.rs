//! The program as its operator meets it.

mod admin;
mod commands;
mod keys;
mod production;
mod settings;
