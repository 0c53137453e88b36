//! The intent to mail something to somebody: a row of the outbox. Not: the mail, which is made at delivery.
//!
//! **An intent holds no token, no password and no text.**

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::identity::{EmailAddress, MailId, UserId, Username};
use crate::mail::MailPurpose;
use crate::stored::{or_null, stored_as};

/// Who is meant, as far as the request knew.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Addressee {
    /// The address that a stranger typed; whether it is anybody's is found out at delivery.
    Typed {
        /// As typed.
        email: EmailAddress,
        /// The user name typed with it, where the form has one.
        #[serde(deserialize_with = "or_null")]
        username: Option<Username>,
    },
    /// A user.
    User {
        /// The user.
        id: UserId,
        /// The generation of the user's credential that the mail speaks of.
        generation: u64,
    },
}

/// Redacted: holds an address.
impl fmt::Debug for Addressee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Typed { .. } => f.write_str("Typed(…)"),
            Self::User { id, generation } => {
                f.debug_struct("User").field("id", id).field("generation", generation).finish()
            }
        }
    }
}

/// One row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailIntent {
    pub(crate) id: MailId,
    pub(crate) purpose: MailPurpose,
    pub(crate) addressee: Addressee,
    pub(crate) queued_at: Timestamp,
    pub(crate) due_at: Timestamp,
    pub(crate) attempts: u32,
    pub(crate) lease: Lease,
}

/// Who may deliver a row: the courier that was given this number, until it gives the row back or another is given a
/// higher one. That `until` is past takes nothing away by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// Counted up by each claim; 0 for a row never claimed.
    pub number: u64,
    /// Until when others leave the row alone; `None` if nobody holds it.
    #[serde(deserialize_with = "or_null")]
    pub until: Option<Timestamp>,
}

impl MailIntent {
    pub(crate) fn new(id: MailId, purpose: MailPurpose, addressee: Addressee, now: Timestamp) -> Self {
        Self { id, purpose, addressee, queued_at: now, due_at: now, attempts: 0, lease: Lease::default() }
    }

    /// The row's id.
    pub fn id(&self) -> MailId {
        self.id
    }

    /// What the mail is for.
    pub fn purpose(&self) -> MailPurpose {
        self.purpose
    }

    /// Who is meant. Rows with equal purpose and addressee are equals, and are claimed together.
    pub fn addressee(&self) -> &Addressee {
        &self.addressee
    }

    /// When it was asked for.
    pub fn queued_at(&self) -> Timestamp {
        self.queued_at
    }

    /// When it is to be tried next.
    pub fn due_at(&self) -> Timestamp {
        self.due_at
    }

    /// How often sending failed.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Who may deliver it.
    pub fn lease(&self) -> Lease {
        self.lease
    }

    /// The row with what its columns hold: for a store that keeps these beside the document.
    #[must_use]
    pub fn with_columns(mut self, due_at: Timestamp, attempts: u32, lease: Lease) -> Self {
        (self.due_at, self.attempts, self.lease) = (due_at, attempts, lease);
        self
    }

    /// The row as claimed: the lease number raised by one, held until then.
    #[must_use]
    pub fn claimed_until(mut self, until: Timestamp) -> Self {
        self.lease = Lease { number: self.lease.number.saturating_add(1), until: Some(until) };
        self
    }

    /// Whether `other` asks for the same thing.
    pub fn is_equal_of(&self, other: &Self) -> bool {
        self.purpose == other.purpose && self.addressee == other.addressee
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MailIntentDocument {
    id: MailId,
    purpose: MailPurpose,
    addressee: Addressee,
    queued_at: Timestamp,
    due_at: Timestamp,
    attempts: u32,
    lease: Lease,
}

impl From<&MailIntent> for MailIntentDocument {
    fn from(intent: &MailIntent) -> Self {
        Self {
            id: intent.id,
            purpose: intent.purpose,
            addressee: intent.addressee.clone(),
            queued_at: intent.queued_at,
            due_at: intent.due_at,
            attempts: intent.attempts,
            lease: intent.lease,
        }
    }
}

impl From<MailIntentDocument> for MailIntent {
    fn from(document: MailIntentDocument) -> Self {
        Self {
            id: document.id,
            purpose: document.purpose,
            addressee: document.addressee,
            queued_at: document.queued_at,
            due_at: document.due_at,
            attempts: document.attempts,
            lease: document.lease,
        }
    }
}

stored_as!(MailIntent, MailIntentDocument);
