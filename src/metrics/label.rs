//! The words that may stand in labels, each list whole: every one of them is counted from 0 on, so that the first of its kind
//! is an increase, too.

/// An enum of words.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of])* $variant,)+
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

words! {
    /// Limits that refuse something. The names are stable: operators have rules on them.
    LimitName {
        WrongPasswordsOfAccount = "wrong_passwords_of_account",
        WrongPasswordsOfNetwork = "wrong_passwords_of_network",
        SignUpsOfNetwork = "sign_ups_of_network",
        MailsToAddress = "mails_to_address",
        MailsOfNetwork = "mails_of_network",
        MailsOfNetworkToAddress = "mails_of_network_to_address",
        /// Devices that wait for a mail to be answered.
        WaitsAtOnce = "waits_at_once",
    }
}

words! {
    /// What becomes of a password that is to be hashed.
    PasswordRefusal {
        /// No place was left in the queue.
        QueueFull = "queue_full",
        /// It would have waited, or has waited, longer than it may.
        TooSlow = "too_slow",
    }
}

words! {
    /// What became of an attempt to hand a mail over.
    MailOutcome {
        Sent = "sent",
        Retried = "retried",
        GivenUp = "given_up",
    }
}

words! {
    /// What became of a span of a trace.
    SpanOutcome {
        /// The collector took it.
        Sent = "sent",
        /// No place was left in the queue.
        Dropped = "dropped",
        /// The collector did not take it, or not in time.
        Failed = "failed",
    }
}

/// How operations end that rules watch, by their root field. Others are counted once they come.
pub(super) const WATCHED: [(&str, &[&str]); 2] = [
    (
        "signIn",
        &[
            "ok",
            "INVALID_CREDENTIALS",
            "ACCOUNT_DISABLED",
            "RATE_LIMITED",
            "OVERLOADED",
            "INTERNAL",
        ],
    ),
    (
        "refreshSession",
        &["ok", "INVALID_REFRESH_TOKEN", "OVERLOADED", "INTERNAL"],
    ),
];
