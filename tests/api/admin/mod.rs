pub mod account;
mod application;
mod connection;
pub mod realm;
mod trail;
