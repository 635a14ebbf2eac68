# English. Every other language has the same messages; a test and the start of the program hold them together.

product-name = Vestibule

## What all mails share

mail-when = When: { $at }
mail-from = From: { $from ->
    [unknown] an unknown network address
   *[other] { $from }
}
mail-copy-link = If the button does not work, copy this address into your browser:
mail-code-there = Or enter this code where you asked for it, within 10 minutes:
mail-automatic = { product-name } sent this message automatically; replies are not read.

## Confirm the address of a sign-up

sign-up-subject = Confirm your e-mail address
sign-up-intro = Someone, hopefully you, signed up with this e-mail address.
sign-up-link = To confirm it, open this link within 24 hours:
sign-up-button = Confirm this address
sign-up-ignore = If this was not you, do nothing: no account exists until the address is confirmed.

## Someone signed up with the address of an account

sign-up-taken-subject = You already have an account
sign-up-taken-intro = Someone, hopefully you, tried to sign up with this e-mail address.
sign-up-taken-next = You already have an account with this address, so no new one was made. Sign in instead.
sign-up-taken-ignore = If this was not you, there is nothing to do: your account and its password are as they were.

## Confirm the address of an account

verify-email-subject = Confirm your e-mail address
verify-email-intro = Someone, hopefully you, signed in to the account with this e-mail address. The address has not been confirmed yet.
verify-email-link = To confirm it, open this link within 24 hours:
verify-email-button = Confirm this address
verify-email-ignore = If this was not you, someone knows the password of this account: sign in and change it.

## Choose a new password

reset-password-subject = Reset your password
reset-password-intro = Someone, hopefully you, asked to reset the password of your account.
reset-password-link = To choose a new password, open this link within 60 minutes:
reset-password-button = Choose a new password
reset-password-ignore = If this was not you, do nothing: your password stays as it is. Give neither the link nor the code to anyone.

## An invitation

invitation-subject = You have been invited
invitation-intro = An account with this e-mail address was made for you.
invitation-link = To accept, open this link within 7 days and choose a password:
invitation-button = Accept and choose a password
invitation-ignore = If you did not expect this, do nothing: without a password nobody can sign in to the account.

## The password was reset

password-reset-subject = Your password was reset
password-reset-intro = A new password was set for your account, and every session of the account was ended.
password-reset-ignore = If this was not you, someone can read your mail: change the password of your mailbox, then reset the password of this account.
reset-not-same = This is not the password that was named when the reset was asked for.

## The password was changed

change-password-subject = Your password was changed
change-password-intro = The password of your account was changed. Every other session of the account was ended.
change-password-ignore = If this was not you, someone else may control your account: reset your password at once, or ask the people who run this service for help.

## Confirm a new address

change-email-subject = Confirm your new e-mail address
change-email-intro = Someone, hopefully you, asked to use this e-mail address for an account from now on.
change-email-link = To confirm it, open this link within 24 hours:
change-email-button = Confirm the new address
change-email-ignore = If this was not you, do nothing: without your confirmation the address is not used.

## Someone asked for an address that an account has

change-email-taken-subject = Someone asked for your e-mail address
change-email-taken-intro = Someone, hopefully you, asked to use this e-mail address for another account.
change-email-taken-next = The address belongs to your account already, so nothing was changed.
change-email-taken-ignore = If this was not you, there is nothing to do: your account is as it was.

## The address was changed; to the old one

email-changed-subject = Your e-mail address was changed
email-changed-intro = The e-mail address of your account is now { $address }. This address no longer belongs to the account.
email-changed-undo = If this was not you, take the change back within 72 hours with this link:
email-changed-button = Take the change back
email-changed-effect = That restores this address, ends every session of the account, and starts a reset of its password.

## What all pages share

page-over-title = This link no longer works
page-closed-title = Signing up is closed at the moment
page-closed = Nothing has been lost: your link stays good until it expires. Try again later, or ask the people who run this service.
page-busy-title = Please try again in a moment
page-busy = The service is busy. Your link is still good: go back and try once more.
page-done = You can close this page and go back to the application.

## /verify

verify-title = Confirm your e-mail address
verify-lead = One click, and the address is yours to sign in with.
verify-button = Confirm this address
verify-ignore = You did not ask for this? Close the page: nothing happens without the click.
verify-done-title = Your address is confirmed
verify-done = Thank you. You can sign in now.
verify-over = It has been used already, or it is older than 24 hours, or a part of it is missing.
verify-over-next = Try to sign in: if that works, the address is confirmed. Otherwise go back to the application and sign up again, for a fresh link.
handoff-title = Does another device show a number?
handoff-lead = If you signed up or signed in on another device and it shows a number, tap the same number here: that device is signed in. You have one try.
handoff-approved-title = Go on at your other device
handoff-approved = That is the right number: your other device is signed in within a moment.
handoff-refused-title = That is another number
handoff-refused = Nobody was signed in, and no number can be picked any more.
handoff-refused-next = You can still confirm the address here. If no device of yours shows a number, close the page: somebody else may have asked for this mail.

## /reset

reset-title = Choose a new password
reset-lead = It replaces your old password, and every session of your account is ended.
reset-label = New password
reset-hint = { $least ->
    [one] At least one character.
   *[other] At least { $least } characters. A few words in a row are easy to remember.
}
reset-button = Save the new password
reset-unmet = This password cannot be used:
reset-ignore = You did not ask for this? Close the page: your password stays as it is.
reset-done-title = Your new password is saved
reset-done = Every session of your account was ended. Sign in with the new password.
reset-over = It has been used already, or it is older than 60 minutes, or a part of it is missing.
reset-over-next = Go back to the application and ask for a password reset again, for a fresh link.

## /invitation

invitation-page-title = Welcome: choose a password
invitation-page-lead = With it you sign in to the account that was made for you.
invitation-page-label = Password
invitation-page-button = Save the password
invitation-page-ignore = You did not expect this? Close the page: without a password nobody can sign in to the account.
invitation-page-done-title = Your password is saved
invitation-page-done = Welcome. Your address is confirmed, and you can sign in now.
invitation-page-over = It has been used already, or it is older than 7 days, or a part of it is missing.
invitation-page-over-next = Try to sign in if you have chosen a password. Otherwise ask whoever invited you for another invitation.

## /confirm-email

confirm-email-title = Confirm your new e-mail address
confirm-email-lead = One click, and this address replaces the old one of your account.
confirm-email-button = Use this address
confirm-email-ignore = You did not ask for this? Close the page: nothing happens without the click.
confirm-email-done-title = Your new address is confirmed
confirm-email-done = From now on you sign in with the new address.
confirm-email-over = It has been used already, or it is older than 24 hours, or a part of it is missing.
confirm-email-over-next = Sign in and look at your account: if the address is not the new one, ask for the change again, for a fresh link.

## /undo-email-change

undo-email-change-title = Take back the change of your e-mail address
undo-email-change-lead = Your account gets its former address back, every session is ended, and you choose a new password.
undo-email-change-button = Take the change back
undo-email-change-ignore = Did you change the address yourself? Close the page: nothing happens without the click.
undo-email-change-done-title = The change is taken back
undo-email-change-done = Your account has its former address again, and every session was ended. We have sent a mail to that address, with which you choose a new password.
undo-email-change-over = It has been used already, or it is older than 72 hours, or a part of it is missing.
undo-email-change-over-next = Try to reset your password with your former address. If that does not work, ask the people who run this service for help.

## The rules of a password policy

rule-min-length = { $least ->
    [one] Use at least one character.
   *[other] Use at least { $least } characters.
}
rule-max-length = { $most ->
    [one] Use at most one character.
   *[other] Use at most { $most } characters.
}
rule-character-classes = Use three of these: small letters, capitals, digits, other characters.
rule-lower-upper-digit = Use small letters, capitals and digits.
rule-repeats = Do not repeat one character several times in a row.
rule-common = Use a password that is not among the most common ones.
rule-personal-data = Leave out your name, your username and your e-mail address.
rule-breached = Use a password that is not known from a data breach.
rule-history = { $count ->
    [one] Choose a password other than your last one.
   *[other] Choose a password other than your last { $count }.
}
