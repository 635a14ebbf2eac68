mod create_user;
mod delete_user;
mod steps;
mod update_user;
mod user;
