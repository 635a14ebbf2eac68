//! The program as its operator meets it.

mod commands;
mod log;
mod production;
mod settings;
