pub mod account;
mod application;
mod connection;
mod realm;
mod trail;
