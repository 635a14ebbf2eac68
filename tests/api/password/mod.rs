mod change_password;
mod hashing;
mod sign_in;
