pub mod account;
mod application;
mod connection;
