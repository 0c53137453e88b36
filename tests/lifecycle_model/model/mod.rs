//! What the design says of an account's life, as plain data. Not: anything taken from the core but its policy and its ids.
//!
//! **The model knows passwords and tokens in plain text and judges by them; it never calls a flow.**

pub mod calls;
pub mod mail;

use std::collections::BTreeMap;
use std::time::Duration;

use acceso::{Commit, LockDuration, MailId, MailPurpose, Policy, UserId, Write};

use crate::call::Fruit;

/// Clocks may differ by this much; what begins later than that was written by a clock that was wrong.
pub const SKEW: i64 = 5 * 60 * 1000;

/// The id of a user whose confirmation has just been modelled.
const NEW: UserId = UserId::from_bytes([0; 16]);

#[derive(Debug, Clone)]
pub struct Model {
    pub policy: Policy,
    pub now: i64,
    pub registry: Registry,
    /// In the order in which they came.
    pub registrations: Vec<Registration>,
    pub accounts: Vec<Account>,
    pub sessions: Vec<Session>,
    /// What was lately mailed, by the key of the address.
    pub boxes: BTreeMap<String, Vec<Letter>>,
    pub rows: Vec<Row>,
}

#[derive(Debug, Clone, Default)]
pub struct Registry {
    pub down: bool,
    pub patients: Vec<PatientRecord>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientRecord {
    pub id: String,
    /// As the record spells it.
    pub email: String,
    pub access: bool,
}

#[derive(Debug, Clone)]
pub struct Registration {
    pub id: Option<String>,
    pub email: String,
    pub name: String,
    pub password: String,
    pub at: i64,
}

#[derive(Debug, Clone)]
pub struct Account {
    pub id: UserId,
    pub name: String,
    pub email: String,
    /// As the patient record spelled it at confirmation.
    pub to: String,
    pub patients: Vec<String>,
    pub status: Status,
    pub credential: Credential,
    pub generation: u64,
    pub created: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Active,
    DisabledByClinic,
    WithoutPatients,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    Chosen {
        password: String,
        strikes: u16,
        locked_at: Option<i64>,
    },
    Awaiting,
    /// Nobody knows the password if its mail never came as far as the mailer.
    Temporary {
        password: Option<String>,
        minted: i64,
        ends: i64,
    },
}

#[derive(Debug, Clone)]
pub struct Session {
    /// Nobody knows the token if the answer was lost.
    pub token: Option<String>,
    pub user: UserId,
    pub full: bool,
    pub remembered: bool,
    pub opened: i64,
    pub seen: i64,
    pub ends: i64,
}

/// A mail that a mailbox remembers.
#[derive(Debug, Clone)]
pub struct Letter {
    pub kind: MailPurpose,
    pub user: Option<UserId>,
    /// The first of the rows that it was made for.
    pub row: MailId,
    pub minted: i64,
    pub handed: bool,
    pub link: Option<Link>,
}

#[derive(Debug, Clone)]
pub struct Link {
    pub token: Option<String>,
    pub ends: i64,
    /// The password has been changed, recovered or disabled since.
    pub outlived: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    Typed { email: String, name: Option<String> },
    User { id: UserId, generation: u64 },
}

#[derive(Debug, Clone)]
pub struct Row {
    /// Learnt from the commit that queued it.
    pub id: Option<MailId>,
    pub kind: MailPurpose,
    pub who: Who,
    pub queued: i64,
    pub due: i64,
    pub attempts: u32,
    pub lease: Option<i64>,
}

pub fn ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).expect("a span of a policy")
}

pub fn key(email: &str) -> String {
    email.trim().to_ascii_lowercase()
}

impl Model {
    pub fn new(policy: Policy, now: i64) -> Self {
        Self {
            policy,
            now,
            registry: Registry::default(),
            registrations: Vec::new(),
            accounts: Vec::new(),
            sessions: Vec::new(),
            boxes: BTreeMap::new(),
            rows: Vec::new(),
        }
    }

    /// Half-open, and not believed if only a wrong clock can have written it.
    pub fn holds(&self, begins: i64, ends: i64, span: i64) -> bool {
        self.now < ends && begins <= self.now + SKEW && ends <= self.now + span + SKEW
    }

    pub fn account(&self, id: UserId) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    pub fn named(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.name == name)
    }

    pub fn is_locked(&self, account: &Account) -> bool {
        let Credential::Chosen { strikes, locked_at: Some(at), .. } = account.credential else { return false };
        let lasts = |span: i64| self.holds(at, at + span, span);
        match self.policy.lockout.duration {
            LockDuration::UntilRecovery => true,
            LockDuration::Fixed(span) => lasts(ms(span)),
            LockDuration::Doubling { hard_limit, .. } if strikes >= hard_limit => true,
            LockDuration::Doubling { first, longest, .. } => {
                let doublings = u32::from(strikes - self.policy.lockout.threshold);
                lasts((ms(first) << doublings.min(40)).min(ms(longest)))
            }
        }
    }

    pub fn waits(&self, registration: &Registration) -> bool {
        let lifetime = ms(self.policy.registration_lifetime);
        self.holds(registration.at, registration.at + lifetime, lifetime)
    }

    pub fn link_lifetime(&self, kind: MailPurpose) -> i64 {
        match kind {
            MailPurpose::ConfirmRegistration => ms(self.policy.registration_lifetime),
            _ => ms(self.policy.recovery_link_lifetime),
        }
    }

    pub fn is_alive(&self, letter: &Letter) -> bool {
        letter
            .link
            .as_ref()
            .is_some_and(|link| !link.outlived && self.holds(letter.minted, link.ends, self.link_lifetime(letter.kind)))
    }

    /// The live link of the token: the key of its mailbox, and whose it is.
    pub fn link(&self, token: &str, kind: MailPurpose) -> Option<(String, Option<UserId>)> {
        let is = |letter: &&Letter| {
            letter.kind == kind && letter.link.as_ref().is_some_and(|link| link.token.as_deref() == Some(token))
        };
        self.boxes.iter().find_map(|(email, letters)| {
            let letter = letters.iter().find(is).filter(|letter| self.is_alive(letter))?;
            Some((email.clone(), letter.user))
        })
    }

    /// The patients of the address who may use the portal, with the spelling of the first; none for a placeholder.
    pub fn eligible(&self, email: &str) -> Option<(Vec<String>, String)> {
        let mut equals: Vec<&PatientRecord> =
            self.registry.patients.iter().filter(|record| key(&record.email) == email).collect();
        if equals.len() > usize::from(self.policy.email.max_patients) {
            return None;
        }
        equals.retain(|record| record.access);
        equals.sort_by(|a, b| a.id.cmp(&b.id));
        let spelled = equals.first()?.email.clone();
        Some((equals.into_iter().map(|record| record.id.clone()).collect(), spelled))
    }

    /// What was issued before is dead from now on.
    pub(super) fn begin_generation(&mut self, id: UserId) {
        if let Some(account) = self.accounts.iter_mut().find(|account| account.id == id) {
            account.generation += 1;
        }
        for letter in self.boxes.values_mut().flatten().filter(|letter| letter.user == Some(id)) {
            if let Some(link) = &mut letter.link {
                link.outlived = true;
            }
        }
    }

    pub(super) fn account_mut(&mut self, id: UserId) -> &mut Account {
        self.accounts.iter_mut().find(|account| account.id == id).expect("an account of the model")
    }

    pub(super) fn queue(&mut self, kind: MailPurpose, who: Who) {
        let now = self.now;
        self.rows.push(Row { id: None, kind, who, queued: now, due: now, attempts: 0, lease: None });
    }

    /// The ids that the core drew for what the model has just done, or what does not fit.
    pub fn learn(&mut self, commits: &[Commit], fruit: &Fruit) -> Result<(), String> {
        let writes = || commits.iter().flat_map(Commit::writes);
        for write in writes() {
            match write {
                Write::InsertUser(user) => self.name_new_user(user.id()),
                Write::InsertRegistration(new) => {
                    let registration = self.registrations.iter_mut().find(|registration| registration.id.is_none());
                    registration.ok_or("a registration that the model lacks")?.id = Some(new.id().to_string());
                }
                _ => {}
            }
        }
        for write in writes() {
            let Write::QueueMail(intent) = write else { continue };
            let who = mail::who(intent.addressee());
            let fits = |row: &&mut Row| row.id.is_none() && row.kind == intent.purpose() && row.who == who;
            let row = self.rows.iter_mut().find(fits);
            row.ok_or_else(|| format!("a mail that the model lacks: {:?} {who:?}", intent.purpose()))?.id =
                Some(intent.id());
        }
        if let Some(row) = self.rows.iter().find(|row| row.id.is_none()) {
            return Err(format!("a mail that the core lacks: {:?} {:?}", row.kind, row.who));
        }
        if self.registrations.iter().any(|registration| registration.id.is_none()) {
            return Err("a registration that the core lacks".into());
        }
        if let (Some(token), Some(session)) = (&fruit.session, self.sessions.last_mut()) {
            session.token = Some(token.clone());
        }
        Ok(())
    }

    fn name_new_user(&mut self, id: UserId) {
        for account in self.accounts.iter_mut().filter(|account| account.id == NEW) {
            account.id = id;
        }
        for row in &mut self.rows {
            if let Who::User { id: user, .. } = &mut row.who
                && *user == NEW
            {
                *user = id;
            }
        }
    }

    /// Every instant ahead at which something ends or becomes possible again.
    pub fn limits(&self) -> Vec<i64> {
        let session = &self.policy.session;
        let idle = |s: &Session| match (s.full, s.remembered, &session.remembered) {
            (false, ..) => ms(session.restricted),
            (true, true, Some(remembered)) => ms(remembered.idle),
            _ => ms(session.idle),
        };
        let brakes = [1, 2, 4, 8, 16, 32, 64]
            .map(|n| (n * ms(self.policy.mail.brake_first)).min(ms(self.policy.mail.brake_longest)));
        let letters = self.boxes.values().flatten();
        let mut limits: Vec<i64> = Vec::new();
        limits.extend(self.registrations.iter().map(|r| r.at + ms(self.policy.registration_lifetime)));
        limits
            .extend(self.sessions.iter().flat_map(|s| [s.ends, s.seen + idle(s), s.seen + ms(session.touch_interval)]));
        limits.extend(letters.clone().filter_map(|letter| letter.link.as_ref()).map(|link| link.ends));
        limits.extend(letters.clone().flat_map(|letter| brakes.map(|brake| letter.minted + brake)));
        limits.extend(letters.map(|letter| letter.minted + ms(self.policy.mail.lock_notice_interval)));
        limits.extend(
            self.rows
                .iter()
                .flat_map(|row| [Some(row.due), row.lease, Some(row.queued + self.purpose_lifetime(row.kind))])
                .flatten(),
        );
        for account in &self.accounts {
            match (&account.credential, self.policy.lockout.duration) {
                (Credential::Temporary { ends, .. }, _) => limits.push(*ends),
                (Credential::Chosen { locked_at: Some(at), .. }, LockDuration::Fixed(span)) => {
                    limits.push(at + ms(span));
                }
                (
                    Credential::Chosen { locked_at: Some(at), strikes, .. },
                    LockDuration::Doubling { first, longest, .. },
                ) => {
                    let doublings = strikes.saturating_sub(self.policy.lockout.threshold).min(40);
                    limits.push(at + (ms(first) << doublings).min(ms(longest)));
                }
                _ => {}
            }
        }
        limits.retain(|limit| *limit > self.now);
        limits.sort_unstable();
        limits.dedup();
        limits
    }
}
