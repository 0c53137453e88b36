//! Rows as records. Not: the statements that ask for them.
//!
//! **A row that no version of this crate can have written is an error that names its column and never its value.**

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use crate::adapter::sql::SqlError;
use crate::adapter::sql::writes::{disabled_by_code, session_kind_code};
use crate::client::{Client, DeviceLabel};
use crate::clock::Timestamp;
use crate::event::{Event, EventKind};
use crate::identity::{MailId, MailboxId, RegistrationId, SessionId, UserId};
use crate::language::Language;
use crate::mail::MailPurpose;
use crate::mail::intent::{Addressee, Lease, MailIntent};
use crate::mailbox::{Mailbox, MailboxDocument};
use crate::port::error::{BoxError, UnreadableRecord};
use crate::port::user_store::Backlog;
use crate::registration::Registration;
use crate::secret::{Digest, PasswordHash};
use crate::session::{Session, SessionKind};
use crate::user::document::{CredentialDocument, UserDocument};
use crate::user::{DisabledBy, Patients, Status, User};

/// The columns of a row of either database; `None` for null.
pub(in crate::adapter) trait Cells {
    fn int(&self, column: &str) -> Result<Option<i64>, sqlx::Error>;
    fn text(&self, column: &str) -> Result<Option<String>, sqlx::Error>;
    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, sqlx::Error>;
    fn flag(&self, column: &str) -> Result<bool, sqlx::Error>;
}

/// Reads the columns of a driver's row.
macro_rules! cells_of {
    ($row:ty) => {
        impl $crate::adapter::sql::rows::Cells for $row {
            fn int(&self, column: &str) -> Result<Option<i64>, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }

            fn text(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }

            fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }

            fn flag(&self, column: &str) -> Result<bool, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }
        }
    };
}
pub(in crate::adapter) use cells_of;

/// Why a column cannot be what it says.
#[derive(Debug, thiserror::Error)]
#[error("column {column}: {what}")]
struct Unreadable {
    column: &'static str,
    what: &'static str,
}

type Read<T> = Result<T, BoxError>;

fn unreadable<T>(column: &'static str, what: &'static str) -> Read<T> {
    Err(Box::new(Unreadable { column, what }))
}

fn some<T>(column: &'static str, value: Result<Option<T>, sqlx::Error>) -> Read<T> {
    match value {
        Ok(Some(value)) => Ok(value),
        Ok(None) => unreadable(column, "is null"),
        // A value of another type than the column's; what it is stands in no error.
        Err(_) => unreadable(column, "has another type"),
    }
}

fn maybe<T>(column: &'static str, value: Result<Option<T>, sqlx::Error>) -> Read<Option<T>> {
    value.or_else(|_| unreadable(column, "has another type"))
}

fn id<const N: usize>(row: &impl Cells, column: &'static str) -> Read<[u8; N]> {
    let bytes = some(column, row.bytes(column))?;
    bytes.try_into().or_else(|_| unreadable(column, "has not the length of its kind"))
}

fn parsed<T: FromStr>(row: &impl Cells, column: &'static str) -> Read<T> {
    some(column, row.text(column))?.parse().or_else(|_| unreadable(column, "is not written as it must be"))
}

fn count<T: TryFrom<i64>>(row: &impl Cells, column: &'static str) -> Read<T> {
    T::try_from(some(column, row.int(column))?).or_else(|_| unreadable(column, "is out of range"))
}

fn instant(row: &impl Cells, column: &'static str) -> Read<Timestamp> {
    some(column, row.int(column)).map(Timestamp::from_millis)
}

fn maybe_instant(row: &impl Cells, column: &'static str) -> Read<Option<Timestamp>> {
    Ok(maybe(column, row.int(column))?.map(Timestamp::from_millis))
}

/// The one of `all` with the column's code.
fn coded<T: Copy>(row: &impl Cells, column: &'static str, all: &[T], code: fn(T) -> &'static str) -> Read<T> {
    let found = some(column, row.text(column))?;
    match all.iter().find(|one| code(**one) == found) {
        Some(one) => Ok(*one),
        None => unreadable(column, "is none of the known"),
    }
}

fn device(row: &impl Cells) -> Read<Option<DeviceLabel>> {
    Ok(maybe("device", row.text("device"))?.map(DeviceLabel::from))
}

/// Marks what went wrong as a record that is there and cannot be read.
fn record<T>(kind: &'static str, user: Option<UserId>, read: impl FnOnce() -> Read<T>) -> Read<T> {
    read().map_err(|cause| UnreadableRecord::new(kind, user, cause).into())
}

pub(in crate::adapter) fn user(row: &impl Cells) -> Read<User> {
    let whose = id(row, "id").ok().map(UserId::from_bytes);
    record("user", whose, || {
        let by = |by| coded(row, "disabled_by", &[DisabledBy::Clinic, DisabledBy::NoPatients], by);
        let status = match (some("status", row.text("status"))?.as_str(), maybe_instant(row, "disabled_at")?) {
            ("active", None) => Status::Active,
            ("disabled", Some(since)) => Status::Disabled { since, by: by(disabled_by_code)? },
            _ => return unreadable("status", "is none of the known, or lacks its time"),
        };
        let hash = || some("password_hash", row.text("password_hash"));
        let credential = match some("credential", row.text("credential"))?.as_str() {
            "chosen" => CredentialDocument::Chosen {
                hash: hash()?,
                strikes: count(row, "strikes")?,
                locked_since: maybe_instant(row, "locked_at")?,
            },
            "awaiting_temporary" => CredentialDocument::AwaitingTemporary,
            "temporary" => CredentialDocument::Temporary {
                hash: hash()?,
                minted_at: instant(row, "temporary_from")?,
                expires_at: instant(row, "temporary_until")?,
            },
            _ => return unreadable("credential", "is none of the known"),
        };
        let patients = serde_json::from_str::<Patients>(&some("patients", row.text("patients"))?)
            .or_else(|_| unreadable("patients", "is not a list of patients"))?;
        let document = UserDocument {
            id: UserId::from_bytes(id(row, "id")?),
            username: parsed(row, "username")?,
            email: parsed(row, "email")?,
            full_name: parsed(row, "full_name")?,
            patients,
            language: coded(row, "language", &Language::ALL, Language::code)?,
            status,
            credential,
            generation: count(row, "generation")?,
            version: count(row, "version")?,
            created_at: instant(row, "created_at")?,
            changed_at: instant(row, "changed_at")?,
        };
        Ok(User::try_from(document)?)
    })
}

pub(in crate::adapter) fn registration(row: &impl Cells) -> Read<Registration> {
    record("registration", None, || {
        Ok(Registration {
            id: RegistrationId::from_bytes(id(row, "id")?),
            username: parsed(row, "username")?,
            email: parsed(row, "email")?,
            full_name: parsed(row, "full_name")?,
            hash: PasswordHash::from_phc(some("password_hash", row.text("password_hash"))?),
            language: coded(row, "language", &Language::ALL, Language::code)?,
            registered_at: instant(row, "registered_at")?,
            expires_at: instant(row, "expires_at")?,
        })
    })
}

pub(in crate::adapter) fn mailbox(row: &impl Cells) -> Read<Mailbox> {
    record("mailbox", None, || {
        let entries = serde_json::from_str(&some("entries", row.text("entries"))?)
            .or_else(|_| unreadable("entries", "is not a list of mails"))?;
        let document = MailboxDocument {
            id: MailboxId::from_bytes(id(row, "id")?),
            email: parsed(row, "email")?,
            entries,
            version: count(row, "version")?,
        };
        Ok(Mailbox::try_from(document)?)
    })
}

pub(in crate::adapter) fn session(row: &impl Cells) -> Read<Session> {
    let whose = user_of(row);
    record("session", whose, || {
        Ok(Session {
            digest: Digest::from_bytes(id(row, "digest")?),
            id: SessionId::from_bytes(id(row, "session_id")?),
            user: UserId::from_bytes(id(row, "user_id")?),
            kind: coded(row, "kind", &[SessionKind::Full, SessionKind::MustChangePassword], session_kind_code)?,
            remembered: row.flag("remembered").or_else(|_| unreadable("remembered", "has another type"))?,
            opened_at: instant(row, "opened_at")?,
            last_seen: instant(row, "last_seen")?,
            absolute_end: instant(row, "absolute_end")?,
            device: device(row)?,
        })
    })
}

pub(in crate::adapter) fn session_and_user(row: &impl Cells) -> Read<(Session, Arc<User>)> {
    Ok((session(row)?, Arc::new(user(row)?)))
}

pub(in crate::adapter) fn mail(row: &impl Cells) -> Read<MailIntent> {
    record("mail", None, || {
        let addressee = match maybe("user_id", row.bytes("user_id"))? {
            Some(_) => {
                Addressee::User { id: UserId::from_bytes(id(row, "user_id")?), generation: count(row, "generation")? }
            }
            None => Addressee::Typed {
                email: parsed(row, "email")?,
                username: match maybe("username", row.text("username"))? {
                    Some(_) => Some(parsed(row, "username")?),
                    None => None,
                },
            },
        };
        Ok(MailIntent {
            id: MailId::from_bytes(id(row, "id")?),
            purpose: coded(row, "purpose", &MailPurpose::ALL, MailPurpose::code)?,
            addressee,
            queued_at: instant(row, "queued_at")?,
            due_at: instant(row, "due_at")?,
            attempts: count(row, "attempts")?,
            lease: Lease { number: count(row, "lease")?, until: maybe_instant(row, "lease_until")? },
        })
    })
}

/// An event with its number.
pub(in crate::adapter) fn event(row: &impl Cells) -> Read<(u64, Event)> {
    record("event", None, || {
        let code = some("kind", row.text("kind"))?;
        let kind = if maybe("mail", row.text("mail"))?.is_some() {
            let purpose = coded(row, "mail", &MailPurpose::ALL, MailPurpose::code)?;
            let kinds = [EventKind::MailSent, EventKind::MailRefused, EventKind::MailExpired];
            kinds.into_iter().map(|kind| kind(purpose)).find(|kind| kind.code() == code)
        } else {
            EventKind::INVENTORY.iter().find(|(_, known)| *known == code).map(|(kind, _)| *kind)
        };
        let Some(kind) = kind else { return unreadable("kind", "is none of the known") };
        let user = match maybe("user_id", row.bytes("user_id"))? {
            Some(_) => Some(UserId::from_bytes(id(row, "user_id")?)),
            None => None,
        };
        let mut client = Client::unknown();
        if maybe("address", row.text("address"))?.is_some() {
            client = client.with_address(parsed::<IpAddr>(row, "address")?);
        }
        if let Some(device) = device(row)? {
            client = client.with_device(device.as_str());
        }
        Ok((count(row, "number")?, Event::new(instant(row, "at")?, kind, user, &client)))
    })
}

/// The group of a row that may be claimed. One that cannot be read is left where it is: it stands in nobody's way.
pub(in crate::adapter) fn group_of(row: &impl Cells) -> Option<String> {
    row.text("group_key").ok().flatten()
}

/// Whose a row of mail is, as far as that can be read.
pub(in crate::adapter) fn user_of(row: &impl Cells) -> Option<UserId> {
    id(row, "user_id").ok().map(UserId::from_bytes)
}

pub(in crate::adapter) fn backlog(row: &impl Cells) -> Read<Backlog> {
    Ok(Backlog {
        typed: count(row, "typed")?,
        to_users: count(row, "to_users")?,
        oldest_due: maybe_instant(row, "oldest_due")?,
    })
}

/// The version of the schema, from the table of migrations.
pub(in crate::adapter) fn version(row: &impl Cells) -> Result<Option<i64>, SqlError> {
    Ok(row.int("version")?)
}
