//! The record of a user and every legal change of it. Not: when a change is due, which the flows decide.
//!
//! **No change happens that [`TRANSITIONS`] does not list.**

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Timestamp, within};
use crate::identity::{EmailAddress, FullName, PatientId, UserId, Username};
use crate::language::Language;
use crate::policy::{LockDuration, Lockout};
use crate::registration::Registration;
use crate::secret::PasswordHash;
use crate::stored::{or_null, stored_as};

/// A patient's account: confirmed, and linked to at least one patient.
#[derive(Debug, Clone)]
pub struct User {
    id: UserId,
    username: Username,
    email: EmailAddress,
    full_name: FullName,
    patients: Patients,
    language: Language,
    status: Status,
    credential: Credential,
    generation: u64,
    version: u64,
    created_at: Timestamp,
    changed_at: Timestamp,
}

/// Whether the clinic lets a user in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Status {
    /// May sign in.
    Active,
    /// May not.
    Disabled {
        /// Since when.
        since: Timestamp,
        /// By whom.
        by: DisabledBy,
    },
}

/// Who disabled a user. Closed: each is lifted in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledBy {
    /// The clinic's staff; lifted by them alone.
    Clinic,
    /// The registry: no patient of the address was left. Lifted when one is found again.
    NoPatients,
}

/// What a user proves himself with.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// A password of the user's own choice. The lock is a lock of this password, so that replacing it ends the lock.
    Chosen { hash: PasswordHash, strikes: u16, locked_since: Option<Timestamp> },
    /// Recovery is confirmed; the temporary password is not made yet.
    AwaitingTemporary,
    /// A temporary password. It cannot be locked: 93 random bits need no limit of tries.
    Temporary { hash: PasswordHash, minted_at: Timestamp, expires_at: Timestamp },
}

/// The patients that a user's mailbox proved: one at least, each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<PatientId>", into = "Vec<PatientId>")]
pub struct Patients(Vec<PatientId>);

impl Patients {
    /// The ids, in their own order; `None` for none.
    pub(crate) fn new(mut ids: Vec<PatientId>) -> Option<Self> {
        ids.sort_unstable();
        ids.dedup();
        (!ids.is_empty()).then_some(Self(ids))
    }

    /// The ids in their own order, one at least.
    pub fn as_slice(&self) -> &[PatientId] {
        &self.0
    }
}

impl TryFrom<Vec<PatientId>> for Patients {
    type Error = &'static str;

    fn try_from(ids: Vec<PatientId>) -> Result<Self, Self::Error> {
        Self::new(ids).ok_or("a user without patients")
    }
}

impl From<Patients> for Vec<PatientId> {
    fn from(patients: Patients) -> Self {
        patients.0
    }
}

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

/// When a change is judged: the instant, and the clinic's rule of locks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct When {
    pub(crate) now: Timestamp,
    pub(crate) lockout: Lockout,
}

impl User {
    /// The user that a confirmed registration becomes.
    pub(crate) fn confirmed(
        id: UserId,
        registration: Registration,
        email: EmailAddress,
        patients: Patients,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            username: registration.username,
            email,
            full_name: registration.full_name,
            patients,
            language: registration.language,
            status: Status::Active,
            credential: Credential::Chosen { hash: registration.hash, strikes: 0, locked_since: None },
            generation: 1,
            version: 1,
            created_at: now,
            changed_at: now,
        }
    }

    /// The id, never reused.
    pub fn id(&self) -> UserId {
        self.id
    }

    /// The user name.
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// The address that mails go to, as the patient record spelled it at confirmation. It never changes.
    pub fn email(&self) -> &EmailAddress {
        &self.email
    }

    /// The name as declared at registration.
    pub fn full_name(&self) -> &FullName {
        &self.full_name
    }

    /// The patients that the mailbox proved when last asked. Check each at use: rights change.
    pub fn patients(&self) -> &[PatientId] {
        self.patients.as_slice()
    }

    /// The language of mails.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Whether the clinic lets the user in.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Counts confirmed recoveries, changes of password and disablings: what was issued before one is dead after it.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Counts the commits that changed the record. A store compares it, and never counts it up itself.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When the registration was confirmed.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When the credential, the status or the patients last changed.
    pub fn changed_at(&self) -> Timestamp {
        self.changed_at
    }

    pub(crate) fn with_version(mut self, version: u64) -> Self {
        self.version = version;
        self
    }

    pub(crate) fn credential(&self) -> &Credential {
        &self.credential
    }

    pub(crate) fn is_active(&self) -> bool {
        self.status == Status::Active
    }

    /// Where the account stands.
    pub(crate) fn state(&self, when: When) -> AccountState {
        match (&self.status, &self.credential) {
            (Status::Disabled { .. }, _) => S::Disabled,
            (Status::Active, credential) => credential.state(when),
        }
    }

    /// The hash that a login is verified against, whether or not it could succeed: so that a locked or a disabled user
    /// costs the same work.
    pub(crate) fn stored_hash(&self) -> Option<&PasswordHash> {
        match &self.credential {
            Credential::Chosen { hash, .. } | Credential::Temporary { hash, .. } => Some(hash),
            Credential::AwaitingTemporary => None,
        }
    }

    /// Whether the right password opens a session now.
    pub(crate) fn may_sign_in(&self, when: When, temporary_lifetime: Duration) -> bool {
        match (self.state(when), &self.credential) {
            (S::Active, _) => true,
            (S::Temporary, Credential::Temporary { minted_at, expires_at, .. }) => {
                within(when.now, *minted_at, *expires_at, temporary_lifetime)
            }
            _ => false,
        }
    }

    /// After a wrong password: whether it locked, and the record. `None` if a wrong one does not count now.
    pub(crate) fn struck(&self, when: When) -> Option<(bool, Self)> {
        let Credential::Chosen { hash, strikes, locked_since } = &self.credential else { return None };
        let Lockout { threshold, duration } = when.lockout;
        let (before, limit) = match duration {
            LockDuration::UntilRecovery => (*strikes, threshold),
            LockDuration::Doubling { hard_limit, .. } => (*strikes, hard_limit),
            // A lock that is over has done its work: the count starts anew.
            LockDuration::Fixed(_) => (if locked_since.is_some() { 0 } else { *strikes }, threshold),
        };
        let strikes = before.saturating_add(1).min(limit);
        let locks = strikes >= threshold;
        let credential = Credential::Chosen { hash: hash.clone(), strikes, locked_since: locks.then_some(when.now) };
        let change = if locks { C::Lock } else { C::Strike };
        self.change(change, when, |user| user.credential = credential).map(|user| (locks, user))
    }

    /// After a login: strikes forgotten, and the hash renewed if there is a newer one. `None` if that changes nothing.
    pub(crate) fn signed_in(&self, renewed: Option<PasswordHash>, when: When) -> Option<Self> {
        let Credential::Chosen { hash, strikes, locked_since } = &self.credential else { return None };
        if *strikes == 0 && locked_since.is_none() && renewed.is_none() {
            return None;
        }
        let hash = renewed.unwrap_or_else(|| hash.clone());
        self.change(C::SignIn, when, |user| {
            user.credential = Credential::Chosen { hash, strikes: 0, locked_since: None }
        })
    }

    /// Recovery is confirmed: the old password is dead, and the lock with it.
    pub(crate) fn recovery_confirmed(&self, when: When) -> Option<Self> {
        self.change(C::ConfirmRecovery, when, |user| {
            user.credential = Credential::AwaitingTemporary;
            user.begin_generation(when.now);
        })
    }

    /// A temporary password was made.
    pub(crate) fn with_temporary(&self, hash: PasswordHash, lifetime: Duration, when: When) -> Option<Self> {
        let (minted_at, expires_at) = (when.now, when.now.after(lifetime));
        self.change(C::MintTemporary, when, |user| {
            user.credential = Credential::Temporary { hash, minted_at, expires_at };
            user.changed_at = when.now;
        })
    }

    /// The owner has chosen a new password.
    pub(crate) fn with_password(&self, hash: PasswordHash, when: When) -> Option<Self> {
        self.change(C::ChoosePassword, when, |user| {
            user.credential = Credential::Chosen { hash, strikes: 0, locked_since: None };
            user.begin_generation(when.now);
        })
    }

    /// Disabled. What was issued before is dead, also after enabling again.
    pub(crate) fn disabled(&self, by: DisabledBy, when: When) -> Option<Self> {
        self.change(C::Disable, when, |user| {
            user.status = Status::Disabled { since: when.now, by };
            user.begin_generation(when.now);
        })
    }

    /// Enabled again, with the credential as it was.
    pub(crate) fn enabled(&self, when: When) -> Option<Self> {
        self.change(C::Enable, when, |user| {
            user.status = Status::Active;
            user.changed_at = when.now;
        })
    }

    /// Linked to these patients. `None` if they are the same.
    pub(crate) fn relinked(&self, patients: Patients, when: When) -> Option<Self> {
        if patients == self.patients {
            return None;
        }
        self.change(C::Relink, when, |user| {
            user.patients = patients;
            user.changed_at = when.now;
        })
    }

    /// The record after a restore from a backup, if it is another: a temporary password of the backup is forgotten, and
    /// the next confirmed recovery makes a new one. For [`UserStore::forget_live`](crate::UserStore::forget_live).
    pub fn after_restore(&self) -> Option<Self> {
        let mut next = self.clone();
        next.credential = match &self.credential {
            Credential::Temporary { .. } => Credential::AwaitingTemporary,
            Credential::Chosen { .. } | Credential::AwaitingTemporary => return None,
        };
        next.version = self.version.saturating_add(1);
        Some(next)
    }

    fn begin_generation(&mut self, now: Timestamp) {
        self.generation = self.generation.saturating_add(1);
        self.changed_at = now;
    }

    /// Makes the change if the table lists it, and its outcome.
    fn change(&self, change: AccountChange, when: When, make: impl FnOnce(&mut Self)) -> Option<Self> {
        let from = self.state(when);
        let mut changed = self.clone();
        make(&mut changed);
        TRANSITIONS.contains(&(from, change, changed.state(when))).then_some(changed)
    }
}

impl Credential {
    fn state(&self, when: When) -> AccountState {
        match self {
            Self::Chosen { strikes, locked_since: Some(since), .. } if is_locked(*strikes, *since, when) => S::Locked,
            Self::Chosen { .. } => S::Active,
            Self::AwaitingTemporary => S::AwaitingTemporary,
            Self::Temporary { .. } => S::Temporary,
        }
    }
}

fn is_locked(strikes: u16, since: Timestamp, When { now, lockout }: When) -> bool {
    let lasts = |span: Duration| within(now, since, since.after(span), span);
    match lockout.duration {
        LockDuration::UntilRecovery => true,
        LockDuration::Fixed(span) => lasts(span),
        LockDuration::Doubling { hard_limit, .. } if strikes >= hard_limit => true,
        LockDuration::Doubling { first, longest, .. } => {
            let doublings = u32::from(strikes.saturating_sub(lockout.threshold));
            lasts(first.saturating_mul(2_u32.saturating_pow(doublings)).min(longest))
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserDocument {
    id: UserId,
    username: Username,
    email: EmailAddress,
    full_name: FullName,
    patients: Patients,
    language: Language,
    status: Status,
    credential: CredentialDocument,
    generation: u64,
    version: u64,
    created_at: Timestamp,
    changed_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum CredentialDocument {
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
