//! A user as a store keeps it. Not: a form that a handler may answer with.
//!
//! **Reading refuses what no version of this crate can have written.**

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::identity::{EmailAddress, FullName, UserId, Username};
use crate::language::Language;
use crate::secret::PasswordHash;
use crate::stored::{or_null, stored_as};
use crate::user::{Credential, Patients, Status, User};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserDocument {
    pub(crate) id: UserId,
    pub(crate) username: Username,
    pub(crate) email: EmailAddress,
    pub(crate) full_name: FullName,
    pub(crate) patients: Patients,
    pub(crate) language: Language,
    pub(crate) status: Status,
    pub(crate) credential: CredentialDocument,
    pub(crate) generation: u64,
    pub(crate) version: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) changed_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum CredentialDocument {
    Chosen {
        hash: String,
        strikes: u16,
        #[serde(deserialize_with = "or_null")]
        locked_since: Option<Timestamp>,
    },
    AwaitingTemporary,
    Temporary {
        hash: String,
        minted_at: Timestamp,
        expires_at: Timestamp,
    },
}

impl From<&User> for UserDocument {
    fn from(user: &User) -> Self {
        Self {
            id: user.id,
            username: user.username.clone(),
            email: user.email.clone(),
            full_name: user.full_name.clone(),
            patients: user.patients.clone(),
            language: user.language,
            status: user.status,
            credential: match &user.credential {
                Credential::Chosen { hash, strikes, locked_since } => CredentialDocument::Chosen {
                    hash: hash.as_phc().to_owned(),
                    strikes: *strikes,
                    locked_since: *locked_since,
                },
                Credential::AwaitingTemporary => CredentialDocument::AwaitingTemporary,
                Credential::Temporary { hash, minted_at, expires_at } => CredentialDocument::Temporary {
                    hash: hash.as_phc().to_owned(),
                    minted_at: *minted_at,
                    expires_at: *expires_at,
                },
            },
            generation: user.generation,
            version: user.version,
            created_at: user.created_at,
            changed_at: user.changed_at,
        }
    }
}

impl TryFrom<UserDocument> for User {
    type Error = &'static str;

    fn try_from(document: UserDocument) -> Result<Self, Self::Error> {
        if document.version == 0 || document.generation == 0 {
            return Err("a user's version and generation begin with 1");
        }
        Ok(Self {
            id: document.id,
            username: document.username,
            email: document.email,
            full_name: document.full_name,
            patients: document.patients,
            language: document.language,
            status: document.status,
            credential: match document.credential {
                CredentialDocument::Chosen { hash, strikes, locked_since } => {
                    Credential::Chosen { hash: PasswordHash::from_phc(hash), strikes, locked_since }
                }
                CredentialDocument::AwaitingTemporary => Credential::AwaitingTemporary,
                CredentialDocument::Temporary { hash, minted_at, expires_at } => {
                    Credential::Temporary { hash: PasswordHash::from_phc(hash), minted_at, expires_at }
                }
            },
            generation: document.generation,
            version: document.version,
            created_at: document.created_at,
            changed_at: document.changed_at,
        })
    }
}

stored_as!(User, UserDocument);
