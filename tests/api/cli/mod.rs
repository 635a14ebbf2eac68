//! The program as its operator meets it.

mod admin;
mod backup;
mod commands;
mod keys;
mod production;
mod settings;
