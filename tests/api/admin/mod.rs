mod account;
mod application;
mod connection;
