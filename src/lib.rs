//! The whole life of a patient portal's user account.

pub mod adapter;
mod client;
mod clock;
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
pub use flow::session::{SessionInfo, Visitor};
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
pub use port::error::BoxError;
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
pub use user::{AccountChange, AccountState, DisabledBy, Patients, Status, TRANSITIONS, User};
