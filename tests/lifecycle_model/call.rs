//! Calls and answers as plain data, so that the core and the model can be asked the same thing. Not: who asks, or why.
//!
//! **An answer holds all that a caller learns, secrets aside; those are the call's fruit.**

use acceso::{Administered, PatientsRefreshed, UserId};

/// One call of the public interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Register { email: String, name: String, password: String },
    Confirm { token: String, name: String, password: String, reference: Option<String> },
    Login { name: String, password: String, stay: bool, replaces: Option<String> },
    RecoverUsername { email: String },
    RecoverPassword { email: String, name: String },
    ConfirmRecovery { token: String },
    Choose { token: String, new: String },
    Change { session: String, current: String, new: String },
    Visit { session: String },
    VisitRestricted { session: String },
    Sessions { session: String },
    LogOut { session: String },
    CloseOthers { session: String },
    LogOutEverywhere { session: String },
    Staff { act: Staff, user: UserId },
    Restore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staff {
    Disable,
    Enable,
    Remove,
    Revoke,
    Refresh,
}

/// What the caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    Invalid,
    UsernameTaken,
    Confirmed,
    LinkInvalid,
    Rejected,
    NotAPatient,
    TooManyUsers,
    SignedIn { name: String, ends_at: i64, remembered: bool },
    MustChangePassword { ends_at: i64 },
    Changed,
    NotSignedIn,
    Visitor(Option<String>),
    Listed(Option<usize>),
    Ended(bool),
    Staff(Administered),
    Refreshed(PatientsRefreshed),
    Done,
    Busy,
    Unavailable,
}

/// What the caller holds afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fruit {
    pub reference: Option<String>,
    pub session: Option<String>,
}
