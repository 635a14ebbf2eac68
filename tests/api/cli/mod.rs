//! The program as its operator meets it.

mod admin;
mod backup;
mod commands;
mod doctor;
mod doctor_database;
mod dump;
mod epoch;
mod keys;
mod load;
mod production;
mod restore;
mod settings;
