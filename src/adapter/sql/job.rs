//! What a store over SQL can be asked to write, and what came of it. Not: how a database writes it.
//!
//! **Each job is one transaction of its own, or is taken back alone.**

use crate::adapter::sql::Statement;
use crate::clock::Timestamp;
use crate::mail::intent::MailIntent;
use crate::port::error::BoxError;
use crate::port::user_store::{Claim, Committed, Purged};

/// One thing to write.
#[derive(Clone)]
pub(in crate::adapter) enum Job {
    Commit(Vec<Statement>),
    /// The second is where in the queue to look first.
    Claim(Claim, i64),
    Purge(Timestamp, u32),
    PurgeEvents(Timestamp, u32),
    ForgetLive,
}

/// What came of the job of the same name.
pub(in crate::adapter) enum Written {
    Commit(Committed),
    Claim(Vec<MailIntent>),
    Purge(Purged),
    PurgeEvents(u64),
    ForgetLive,
}

/// A job was answered with what came of another one.
#[derive(Debug, thiserror::Error)]
#[error("an answer to another question")]
struct Mistaken;

impl Written {
    pub(in crate::adapter) fn committed(self) -> Result<Committed, BoxError> {
        if let Self::Commit(committed) = self { Ok(committed) } else { Err(Mistaken.into()) }
    }

    pub(in crate::adapter) fn claimed(self) -> Result<Vec<MailIntent>, BoxError> {
        if let Self::Claim(claimed) = self { Ok(claimed) } else { Err(Mistaken.into()) }
    }

    pub(in crate::adapter) fn purged(self) -> Result<Purged, BoxError> {
        if let Self::Purge(purged) = self { Ok(purged) } else { Err(Mistaken.into()) }
    }

    pub(in crate::adapter) fn purged_events(self) -> Result<u64, BoxError> {
        if let Self::PurgeEvents(events) = self { Ok(events) } else { Err(Mistaken.into()) }
    }
}
