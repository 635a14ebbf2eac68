mod access_token;
mod cookie;
mod crowd;
mod earlier;
mod refresh_session;
mod revoke_session;
mod sign_out;
mod taken_away;
