//! The states of an account's life and every legal change between them, as data. Not: what a change does to the record.
//!
//! **Code, tests and the diagram in the docs use this one table.**

/// Where an account stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountState {
    /// A registration waits for its confirmation; there is no user yet.
    Registered,
    /// The user signs in with a password of his own.
    Active,
    /// Wrong passwords have locked the password.
    Locked,
    /// Recovery is confirmed, and the mail with the temporary password is under way.
    AwaitingTemporary,
    /// The temporary password lets the user choose a new one.
    Temporary,
    /// The user may not sign in.
    Disabled,
    /// There is no such account any more.
    Removed,
}

/// What changes an account's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountChange {
    /// The registration is confirmed by its link, name and password.
    Confirm,
    /// The registration is not confirmed in time.
    Expire,
    /// A wrong password, below the threshold.
    Strike,
    /// The wrong password that locks.
    Lock,
    /// A lock with a duration is over.
    LockEnds,
    /// A login; a stored hash of older cost is renewed.
    SignIn,
    /// The owner of the mailbox confirms the recovery.
    ConfirmRecovery,
    /// The temporary password is made, for its mail.
    MintTemporary,
    /// The owner changes the password, or chooses one on the page of the link.
    ChoosePassword,
    /// The clinic disables, or no patient is left.
    Disable,
    /// The clinic enables, or a patient is found again: the credential is what it was.
    Enable,
    /// The registry links other patients.
    Relink,
    /// The clinic removes.
    Remove,
}

use AccountChange as C;
use AccountState as S;

/// Every legal change of an account: from, by, to.
pub const TRANSITIONS: &[(AccountState, AccountChange, AccountState)] = &[
    (S::Registered, C::Confirm, S::Active),
    (S::Registered, C::Expire, S::Removed),
    (S::Active, C::SignIn, S::Active),
    (S::Active, C::Strike, S::Active),
    (S::Active, C::Lock, S::Locked),
    (S::Locked, C::LockEnds, S::Active),
    (S::Active, C::ConfirmRecovery, S::AwaitingTemporary),
    (S::Locked, C::ConfirmRecovery, S::AwaitingTemporary),
    (S::AwaitingTemporary, C::ConfirmRecovery, S::AwaitingTemporary),
    (S::Temporary, C::ConfirmRecovery, S::AwaitingTemporary),
    (S::AwaitingTemporary, C::MintTemporary, S::Temporary),
    (S::Temporary, C::MintTemporary, S::Temporary),
    (S::Active, C::ChoosePassword, S::Active),
    (S::Locked, C::ChoosePassword, S::Active),
    (S::AwaitingTemporary, C::ChoosePassword, S::Active),
    (S::Temporary, C::ChoosePassword, S::Active),
    (S::Active, C::Disable, S::Disabled),
    (S::Locked, C::Disable, S::Disabled),
    (S::AwaitingTemporary, C::Disable, S::Disabled),
    (S::Temporary, C::Disable, S::Disabled),
    (S::Disabled, C::Disable, S::Disabled),
    (S::Disabled, C::Enable, S::Active),
    (S::Disabled, C::Enable, S::Locked),
    (S::Disabled, C::Enable, S::AwaitingTemporary),
    (S::Disabled, C::Enable, S::Temporary),
    (S::Active, C::Relink, S::Active),
    (S::Locked, C::Relink, S::Locked),
    (S::AwaitingTemporary, C::Relink, S::AwaitingTemporary),
    (S::Temporary, C::Relink, S::Temporary),
    (S::Disabled, C::Relink, S::Disabled),
    (S::Active, C::Remove, S::Removed),
    (S::Locked, C::Remove, S::Removed),
    (S::AwaitingTemporary, C::Remove, S::Removed),
    (S::Temporary, C::Remove, S::Removed),
    (S::Disabled, C::Remove, S::Removed),
];
