//! The whole life of a patient portal's user account.

pub mod adapter;
mod client;
mod clock;
mod entropy;
mod fault;
mod identity;
mod language;
mod patient;
mod port;
mod secret;

pub use client::{Client, DeviceLabel};
pub use clock::{Clock, SystemClock, Timestamp};
pub use entropy::{Entropy, EntropyError, OsEntropy};
pub use fault::{Fault, Field, Rule};
pub use identity::{
    EmailAddress, FullName, MailId, MailboxId, ParseError, PatientId, RegistrationId, SessionId, UserId, Username,
};
pub use language::Language;
pub use patient::Patient;
pub use port::{BoxError, PatientRegistry};
pub use secret::{Digest, Password, PasswordHash, SessionToken};
