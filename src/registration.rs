//! A registration that waits for its confirmation. Not: a user.
//!
//! **A registration reserves nothing and answers nothing: no name, no address, no login.**

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Timestamp, within};
use crate::identity::{EmailAddress, FullName, RegistrationId, Username};
use crate::language::Language;
use crate::secret::PasswordHash;
use crate::stored::stored_as;

/// What a visitor typed, waiting for the owner of the mailbox to confirm it.
#[derive(Debug, Clone)]
pub struct Registration {
    pub(crate) id: RegistrationId,
    pub(crate) username: Username,
    pub(crate) email: EmailAddress,
    pub(crate) full_name: FullName,
    pub(crate) hash: PasswordHash,
    pub(crate) language: Language,
    pub(crate) registered_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl Registration {
    /// The id, which is the visitor's reference too.
    pub fn id(&self) -> RegistrationId {
        self.id
    }

    /// The name asked for; any number of registrations may have the same.
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// The address as typed.
    pub fn email(&self) -> &EmailAddress {
        &self.email
    }

    /// When it was made; newer ones come first in a store's list.
    pub fn registered_at(&self) -> Timestamp {
        self.registered_at
    }

    /// When it is over, whatever happens; purge removes it from then on.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Whether it can be confirmed no more. One that a clock once wrong has dated into the future is not over, and cannot
    /// be confirmed either: it must not stand for the older ones behind it.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    pub(crate) fn is_waiting(&self, now: Timestamp, lifetime: Duration) -> bool {
        within(now, self.registered_at, self.expires_at, lifetime)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistrationDocument {
    id: RegistrationId,
    username: Username,
    email: EmailAddress,
    full_name: FullName,
    hash: String,
    language: Language,
    registered_at: Timestamp,
    expires_at: Timestamp,
}

impl From<&Registration> for RegistrationDocument {
    fn from(registration: &Registration) -> Self {
        Self {
            id: registration.id,
            username: registration.username.clone(),
            email: registration.email.clone(),
            full_name: registration.full_name.clone(),
            hash: registration.hash.as_phc().to_owned(),
            language: registration.language,
            registered_at: registration.registered_at,
            expires_at: registration.expires_at,
        }
    }
}

impl From<RegistrationDocument> for Registration {
    fn from(document: RegistrationDocument) -> Self {
        Self {
            id: document.id,
            username: document.username,
            email: document.email,
            full_name: document.full_name,
            hash: PasswordHash::from_phc(document.hash),
            language: document.language,
            registered_at: document.registered_at,
            expires_at: document.expires_at,
        }
    }
}

stored_as!(Registration, RegistrationDocument);
