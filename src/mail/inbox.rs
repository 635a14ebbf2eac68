//! The development inbox: where mail stays when no mail server is set. In memory, bounded, gone with the process: its
//! mails hold live tickets, which must not rest anywhere.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::Mail;

/// Older mails give way.
const ROOM: usize = 500;

/// A mail that arrived, and when.
#[derive(Clone, Debug)]
pub struct Received {
    pub mail: Mail,
    pub sent_at: DateTime<Utc>,
}

/// A handle on the mails; all handles share them.
#[derive(Clone, Debug, Default)]
pub struct Inbox(Arc<Mutex<VecDeque<Received>>>);

impl Inbox {
    pub fn put(&self, mail: Mail, sent_at: DateTime<Utc>) {
        let mut mails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        mails.truncate(ROOM - 1);
        mails.push_front(Received { mail, sent_at });
    }

    /// Newest first.
    pub fn list(&self) -> Vec<Received> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}
