mod me;
mod resend_verification;
mod sign_up;
mod sign_up_input;
mod sign_up_mail;
mod sign_up_race;
mod verify_email;
mod verify_email_race;
