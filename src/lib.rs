//! The whole life of a patient portal's user account.

pub mod adapter;
mod client;
mod clock;
mod entropy;
mod event;
mod fault;
mod identity;
mod language;
mod link;
mod mail;
mod mailbox;
mod password;
mod patient;
mod plan;
mod policy;
mod port;
mod registration;
mod secret;
mod session;
mod stored;
pub mod text;
mod user;

pub use client::{Client, DeviceLabel};
pub use clock::{Clock, SystemClock, Timestamp};
pub use entropy::{Entropy, EntropyError, OsEntropy};
pub use event::{Event, EventKind};
pub use fault::{Fault, Field, Rule};
pub use identity::{
    EmailAddress, FullName, MailId, MailboxId, ParseError, PatientId, RegistrationId, SessionId, UserId, Username,
};
pub use language::Language;
pub use link::{LinkPurpose, LinkToken};
pub use mail::intent::{Addressee, Lease, MailIntent};
pub use mail::{Mail, MailPurpose};
pub use mailbox::Mailbox;
pub use password::PasswordRules;
pub use password::hash::HashCost;
pub use patient::Patient;
pub use plan::{Commit, Write};
pub use policy::{
    EmailPolicy, HashingLimits, LockDuration, Lockout, MailPolicy, Policy, PolicyError, Recovery, RememberedPolicy,
    SessionPolicy, SharedEmail,
};
pub use port::error::BoxError;
pub use port::mailer::{Mailer, SendError};
pub use port::patient_registry::PatientRegistry;
pub use port::user_store::{Backlog, Claim, Committed, Purged, UserStore};
pub use registration::Registration;
pub use secret::{Digest, Password, PasswordHash, SessionToken};
pub use session::{Session, SessionKind};
pub use stored::Stored;
pub use user::{AccountChange, AccountState, DisabledBy, Patients, Status, TRANSITIONS, User};
