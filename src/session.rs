//! The record of a signed-in visitor. Not: the token, of which only the digest is kept.
//!
//! **A session ends by itself, at the latest when its policy says so, however busy it is.**

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client::DeviceLabel;
use crate::clock::{Timestamp, within};
use crate::identity::{SessionId, UserId};
use crate::policy::Policy;
use crate::secret::Digest;
use crate::stored::{or_null, stored_as};

/// What a session is good for. Closed: a host must be able to tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// Everything.
    Full,
    /// Nothing but to change the password: it was opened with a temporary one.
    MustChangePassword,
}

/// A session as the store keeps it.
#[derive(Debug, Clone)]
pub struct Session {
    pub(crate) digest: Digest,
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) kind: SessionKind,
    pub(crate) remembered: bool,
    pub(crate) opened_at: Timestamp,
    pub(crate) last_seen: Timestamp,
    pub(crate) absolute_end: Timestamp,
    pub(crate) device: Option<DeviceLabel>,
}

impl Session {
    /// The digest of the token: the key by which a request finds it.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The id for lists that a person reads; opens nothing.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Whose it is.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// What it is good for.
    pub fn kind(&self) -> SessionKind {
        self.kind
    }

    /// Whether the visitor asked to stay signed in.
    pub fn is_remembered(&self) -> bool {
        self.remembered
    }

    /// When the password was typed that opened it.
    pub fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// When it was last used, to the policy's touch interval.
    pub fn last_seen(&self) -> Timestamp {
        self.last_seen
    }

    /// When it ends at the latest; purge removes it from then on.
    pub fn absolute_end(&self) -> Timestamp {
        self.absolute_end
    }

    /// The device that it was opened on, as the host named it.
    pub fn device(&self) -> Option<&DeviceLabel> {
        self.device.as_ref()
    }

    /// The session with what its column holds, for a store that keeps "last seen" beside the document.
    #[must_use]
    pub fn with_last_seen(mut self, last_seen: Timestamp) -> Self {
        self.last_seen = last_seen;
        self
    }

    pub(crate) fn is_live(&self, now: Timestamp, policy: &Policy) -> bool {
        let (idle, absolute) = self.spans(policy);
        within(now, self.opened_at, self.absolute_end, absolute)
            && within(now, self.last_seen, self.last_seen.after(idle), idle)
    }

    pub(crate) fn wants_touch(&self, now: Timestamp, policy: &Policy) -> bool {
        now.since(self.last_seen) >= policy.session.touch_interval
    }

    fn spans(&self, policy: &Policy) -> (Duration, Duration) {
        match self.kind {
            SessionKind::MustChangePassword => (policy.session.restricted, policy.session.restricted),
            SessionKind::Full => policy.session_spans(self.remembered),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionDocument {
    digest: [u8; 32],
    id: SessionId,
    user: UserId,
    kind: SessionKind,
    remembered: bool,
    opened_at: Timestamp,
    last_seen: Timestamp,
    absolute_end: Timestamp,
    #[serde(deserialize_with = "or_null")]
    device: Option<DeviceLabel>,
}

impl From<&Session> for SessionDocument {
    fn from(session: &Session) -> Self {
        Self {
            digest: *session.digest.as_bytes(),
            id: session.id,
            user: session.user,
            kind: session.kind,
            remembered: session.remembered,
            opened_at: session.opened_at,
            last_seen: session.last_seen,
            absolute_end: session.absolute_end,
            device: session.device.clone(),
        }
    }
}

impl From<SessionDocument> for Session {
    fn from(document: SessionDocument) -> Self {
        Self {
            digest: Digest::from_bytes(document.digest),
            id: document.id,
            user: document.user,
            kind: document.kind,
            remembered: document.remembered,
            opened_at: document.opened_at,
            last_seen: document.last_seen,
            absolute_end: document.absolute_end,
            device: document.device,
        }
    }
}

stored_as!(Session, SessionDocument);
