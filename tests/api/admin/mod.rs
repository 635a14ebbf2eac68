mod connection;
mod user;
