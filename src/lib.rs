//! The whole life of a patient portal's user account: a patient whose e-mail stands in the clinic's records registers,
//! confirms by mail, logs in, stays signed in, is locked out after wrong passwords, recovers the user name or the password,
//! and changes the password. Not: a database, a mail server or a web framework; the host plugs its own into three traits.
//!
//! **No answer, no count of store calls and no delay tells a stranger who is a patient.**
//!
//! # An account in memory
//!
//! ```
//! use std::sync::Arc;
//! use acceso::adapter::memory::{MemoryMailer, MemoryRegistry, MemoryStore};
//! use acceso::{Acceso, Client, Login, LoginForm, Stay};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (acceso, courier) = Acceso::builder(MemoryStore::new(), MemoryRegistry::new(), MemoryMailer::new())
//!     .portal("Clínica del Sol", "https://portal.example")
//!     .build()?;
//! tokio::spawn(courier.run(tokio::time::sleep));
//!
//! let form = LoginForm::new("anapena", "Tres tristes 3");
//! match acceso.login(form, Stay::Session, &Client::unknown()).await? {
//!     Login::SignedIn(session) => println!("Set-Cookie: __Host-session={}", session.token.reveal()),
//!     Login::MustChangePassword(restricted) => println!("until {}", restricted.ends_at),
//!     Login::Rejected => println!("wrong, unconfirmed or locked: which one is not told"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The [README](https://github.com/acceso-rs/acceso) goes the whole way, from registration to a session.
//!
//! # Where to go
//!
//! - [`Acceso`] is the service: each page of the portal is one call. [`Acceso::builder`] puts it together.
//! - [`Courier`] delivers the mails. Without one running, none leaves.
//! - [`UserStore`], [`PatientRegistry`] and [`Mailer`] are what you implement; [`adapter`] has some of each.
//! - [`Policy`] is what the clinic decides; [`docs::defaults`] argues every value.
//! - [`docs::stores`] helps to choose a store and to look after it, [`docs::registry`] to ask the clinic's records, and
//!   [`docs::mail`] to send mail that arrives.
//! - [`docs::threats`] says what is covered and what remains your duty, [`docs::architecture`] how it is built.
//! - [`text`] has a sentence for every fault and answer, in Spanish and English.
//!
//! # Features
//!
//! None is on by default, and none changes what the core does: each adds names.
//!
//! | feature | adds |
//! |---|---|
//! | `directory` | `adapter::directory`: a patient registry over a clinic's export, FHIR R4 NDJSON or CSV |
//! | `fhir` | `adapter::fhir`: a patient registry over the clinic's own system, asked by FHIR R4 |
//! | `maildir` | `adapter::maildir`: mails as files that a mail program opens, for development |
//! | `smtp` | `adapter::smtp`: mails over SMTP, with TLS and DKIM |
//! | `sqlite` | `adapter::sqlite`: accounts in one file |
//! | `postgres`, `postgres-tls` | `adapter::postgres`: accounts in PostgreSQL, for one process or many |
//! | `axum` | `web`: extractors for signed-in visitors, and the pages to mount in an axum application |
//! | `conformance` | `conformance`: named checks for a store, a registry and a mailer of your own |
//! | `test-util` | `test_util`: a clock to turn, entropy to fix, hashing that tests do not wait for |

mod account;
pub mod adapter;
mod client;
mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod docs;
mod entropy;
mod error;
mod event;
mod fault;
mod flow;
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
mod service;
mod session;
mod stored;
#[cfg(feature = "test-util")]
pub mod test_util;
pub mod text;
mod user;
#[cfg(feature = "axum")]
pub mod web;

pub use account::{AccountChange, AccountState, TRANSITIONS};
pub use client::{Client, DeviceLabel};
pub use clock::{Clock, SystemClock, Timestamp};
pub use entropy::{Entropy, EntropyError, OsEntropy};
pub use error::Error;
pub use event::{Event, EventKind};
pub use fault::{Fault, Field, Rule};
pub use flow::administration::{Administered, PatientsRefreshed};
pub use flow::confirmation::{Confirmation, ConfirmationForm};
pub use flow::login::{Login, LoginForm, Restricted, Stay};
pub use flow::password_change::{PasswordChange, PasswordChangeForm};
pub use flow::password_recovery::{PasswordChoice, PasswordChoiceForm, PasswordRecoveryForm, RecoveryConfirmation};
pub use flow::registration::{Registering, RegistrationForm};
pub use flow::session::{RestrictedVisitor, SessionInfo, Visitor};
pub use flow::username_recovery::UsernameRecoveryForm;
pub use flow::{RecoveryRequest, SignedIn};
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
pub use port::error::{BoxError, UnreadableRecord};
pub use port::mailer::{Mailer, SendError};
pub use port::patient_registry::PatientRegistry;
pub use port::user_store::{Backlog, Claim, Committed, Purged, UserStore};
pub use registration::Registration;
pub use secret::{Digest, Password, PasswordHash, SessionToken};
pub use service::Acceso;
pub use service::builder::{BuildError, Builder, PortalBuilder};
pub use service::courier::{Courier, Delivered};
pub use session::{Session, SessionKind};
pub use stored::Stored;
pub use user::{DisabledBy, Patients, Status, User};
