mod application;
mod connection;
mod user;
