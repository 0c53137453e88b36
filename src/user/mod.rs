//! The record of a user and every legal change of it. Not: when a change is due, which the flows decide.
//!
//! **No change happens that [`TRANSITIONS`](crate::TRANSITIONS) does not list.**

pub(crate) mod document;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::account::{AccountChange as C, AccountState as S, TRANSITIONS};
use crate::clock::{Timestamp, within};
use crate::identity::{EmailAddress, FullName, PatientId, UserId, Username};
use crate::language::Language;
use crate::policy::{LockDuration, Lockout};
use crate::registration::Registration;
use crate::secret::PasswordHash;

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
    pub(crate) fn state(&self, when: When) -> S {
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
    fn change(&self, change: C, when: When, make: impl FnOnce(&mut Self)) -> Option<Self> {
        let from = self.state(when);
        let mut changed = self.clone();
        make(&mut changed);
        TRANSITIONS.contains(&(from, change, changed.state(when))).then_some(changed)
    }
}

impl Credential {
    fn state(&self, when: When) -> S {
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
