//! What the courier owes, by the design: which rows it may claim, what each comes to, and what a mailbox remembers.
//! Not: in which order it works, which is its own affair.
//!
//! **Nothing is mailed that this does not expect, and all that it expects is mailed.**

use acceso::{Addressee, MailId, MailPurpose, Recovery, UserId};

use super::{Account, Credential, Letter, Link, Model, SKEW, Status, Who, ms};

/// A mailbox remembers at most so many mails of one purpose and user.
const MOST_LETTERS: usize = 8;
const DAY: i64 = 24 * 60 * 60 * 1000;

/// Rows that ask for the same thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub kind: MailPurpose,
    pub who: Who,
    pub rows: Vec<MailId>,
}

/// What a group comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Expect {
    Nothing,
    /// The address is nobody's: its registrations go.
    Forget,
    /// No patient is left: the user is disabled instead of mailed.
    Disable(UserId),
    /// The registry must be asked first, and is down.
    Wait,
    Mail {
        to: String,
        names: Vec<String>,
    },
}

pub fn who(addressee: &Addressee) -> Who {
    match addressee {
        Addressee::Typed { email, username } => {
            let name = username.as_ref().map(|name| name.as_str().to_owned());
            Who::Typed { email: email.key().to_owned(), name }
        }
        Addressee::User { id, generation } => Who::User { id: *id, generation: *generation },
    }
}

fn has_link(kind: MailPurpose) -> bool {
    matches!(kind, MailPurpose::ConfirmRegistration | MailPurpose::ConfirmRecovery)
}

impl Model {
    pub fn purpose_lifetime(&self, kind: MailPurpose) -> i64 {
        match kind {
            MailPurpose::ConfirmRegistration => ms(self.policy.registration_lifetime),
            MailPurpose::UserNames | MailPurpose::ConfirmRecovery => ms(self.policy.recovery_link_lifetime),
            _ => ms(self.policy.mail.notice_lifetime),
        }
    }

    /// Groups all of whose rows are due and free.
    pub fn claimable(&self) -> Vec<Group> {
        let mail = &self.policy.mail;
        let (lease, latest_due) = (ms(mail.lease), self.now + ms(mail.retry_longest) + SKEW);
        let mut groups: Vec<(Group, bool)> = Vec::new();
        for row in &self.rows {
            let due = row.due <= self.now || row.due > latest_due;
            let free = row.lease.is_none_or(|until| until <= self.now || until > self.now + lease + SKEW);
            let id = row.id.expect("a row that is known");
            match groups.iter_mut().find(|(group, _)| group.kind == row.kind && group.who == row.who) {
                Some((group, ready)) => {
                    group.rows.push(id);
                    *ready &= due && free;
                }
                None => groups.push((Group { kind: row.kind, who: row.who.clone(), rows: vec![id] }, due && free)),
            }
        }
        groups.into_iter().filter(|(_, ready)| *ready).map(|(group, _)| group).collect()
    }

    pub fn expect(&self, group: &Group) -> Expect {
        let queued = self.rows.iter().filter(|row| row.id.is_some_and(|id| group.rows.contains(&id)));
        let newest = queued.map(|row| row.queued).max().unwrap_or(self.now);
        if self.now - newest >= self.purpose_lifetime(group.kind) {
            return Expect::Nothing;
        }
        let expected = match &group.who {
            Who::Typed { email, name } => self.expect_typed(group, email, name.as_deref()),
            Who::User { id, generation } => match self.account(*id) {
                Some(account) => self.expect_for(group, account, account.generation == *generation),
                None => Expect::Nothing,
            },
        };
        match &expected {
            Expect::Mail { .. } if self.is_braked(group) => Expect::Nothing,
            _ => expected,
        }
    }

    fn expect_typed(&self, group: &Group, email: &str, name: Option<&str>) -> Expect {
        match group.kind {
            MailPurpose::ConfirmRegistration => {
                // One of a wrong clock's future counts too: it hides no older ones.
                let lifetime = ms(self.policy.registration_lifetime);
                if !self.registrations.iter().any(|other| other.email == email && self.now < other.at + lifetime) {
                    return Expect::Nothing;
                }
                if self.registry.down {
                    return Expect::Wait;
                }
                match self.eligible(email) {
                    Some((_, to)) => Expect::Mail { to, names: Vec::new() },
                    None => Expect::Forget,
                }
            }
            MailPurpose::UserNames => {
                let active = |account: &&Account| account.email == email && account.status == Status::Active;
                let mut users: Vec<&Account> = self.accounts.iter().filter(active).collect();
                users.sort_by_key(|account| (account.created, account.id));
                let Some(oldest) = users.first() else { return Expect::Nothing };
                let to = oldest.to.clone();
                let mut names: Vec<String> = users.iter().map(|account| account.name.clone()).collect();
                names.sort_unstable();
                Expect::Mail { to, names }
            }
            _ => {
                let user = name.and_then(|name| self.named(name));
                let fits = |account: &&Account| account.email == email && account.status == Status::Active;
                match user.filter(fits) {
                    Some(account) => Expect::Mail { to: account.to.clone(), names: Vec::new() },
                    None => Expect::Nothing,
                }
            }
        }
    }

    fn expect_for(&self, group: &Group, account: &Account, same_generation: bool) -> Expect {
        let mail = Expect::Mail { to: account.to.clone(), names: Vec::new() };
        match group.kind {
            MailPurpose::TemporaryPassword => {
                let awaited = matches!(account.credential, Credential::Awaiting | Credential::Temporary { .. });
                if !same_generation || !awaited || account.status != Status::Active {
                    Expect::Nothing
                } else if !self.registry.down && self.eligible(&account.email).is_none() {
                    Expect::Disable(account.id)
                } else {
                    mail
                }
            }
            MailPurpose::UserLocked if !same_generation => Expect::Nothing,
            _ => mail,
        }
    }

    /// Whose mailbox remembers mails of this group, and about which user; `None` if none does.
    fn remembered_in(&self, group: &Group) -> Option<(String, Option<UserId>)> {
        match (group.kind, &group.who) {
            (MailPurpose::ConfirmRegistration | MailPurpose::UserNames, Who::Typed { email, .. }) => {
                Some((email.clone(), None))
            }
            (MailPurpose::ConfirmRecovery, Who::Typed { email, name }) => {
                let user = name.as_deref().and_then(|name| self.named(name))?;
                Some((email.clone(), Some(user.id)))
            }
            (MailPurpose::UserLocked, Who::User { id, .. }) => Some((self.account(*id)?.email.clone(), Some(*id))),
            _ => None,
        }
    }

    fn interval(&self, mails: usize) -> i64 {
        let doublings = u32::try_from(mails.saturating_sub(1)).expect("few mails");
        (ms(self.policy.mail.brake_first) << doublings.min(40)).min(ms(self.policy.mail.brake_longest))
    }

    fn is_braked(&self, group: &Group) -> bool {
        let Some((email, user)) = self.remembered_in(group) else { return false };
        let letters = self.boxes.get(&email).into_iter().flatten();
        let others: Vec<&Letter> = letters
            .filter(|letter| letter.kind == group.kind && letter.user == user && !group.rows.contains(&letter.row))
            .collect();
        if has_link(group.kind) {
            let alive: Vec<&Letter> = others.into_iter().filter(|letter| self.is_alive(letter)).collect();
            let lies_there = alive.iter().any(|letter| letter.handed);
            let last = alive.iter().map(|letter| letter.minted).max();
            return lies_there && last.is_some_and(|last| self.now - last < self.interval(alive.len()));
        }
        let handed: Vec<&Letter> = others.into_iter().filter(|letter| letter.handed).collect();
        let Some(last) = handed.iter().map(|letter| letter.minted).max() else { return false };
        let span = match group.kind {
            MailPurpose::UserLocked => ms(self.policy.mail.lock_notice_interval),
            _ => self.interval(handed.len()),
        };
        self.holds(last, last + span, span)
    }

    /// The commit before the mail has landed; a link in it was made for the generation that the core had read.
    pub fn mint(&mut self, group: &Group, generation: Option<u64>) {
        let now = self.now;
        if let (MailPurpose::TemporaryPassword, Who::User { id, .. }) = (group.kind, &group.who) {
            let Recovery::TemporaryPassword { lifetime, .. } = self.policy.recovery else { return };
            let eligible = self.account(*id).and_then(|account| self.eligible(&account.email));
            let registry_down = self.registry.down;
            let account = self.account_mut(*id);
            account.credential = Credential::Temporary { password: None, minted: now, ends: now + ms(lifetime) };
            if let (Some((patients, _)), false) = (eligible, registry_down) {
                account.patients = patients;
            }
            return;
        }
        let Some((email, user)) = self.remembered_in(group) else { return };
        let alike = |letter: &Letter| letter.kind == group.kind && letter.user == user;
        let mut letters = self.boxes.remove(&email).unwrap_or_default();
        self.forget_the_past(&mut letters);
        letters.retain(|letter| !(alike(letter) && group.rows.contains(&letter.row) && !letter.handed));
        while letters.iter().filter(|letter| alike(letter)).count() >= MOST_LETTERS {
            let places = letters.iter().enumerate().filter(|(_, letter)| alike(letter));
            let worst = places.min_by_key(|(_, letter)| (letter.handed, letter.minted)).map(|(at, _)| at);
            letters.remove(worst.expect("there are as many"));
        }
        let row = *group.rows.first().expect("a group has a row");
        let ends = now + self.link_lifetime(group.kind);
        let present = user.and_then(|id| self.account(id)).map(|account| account.generation);
        let outlived = user.is_some() && present != generation;
        let link = has_link(group.kind).then_some(Link { token: None, ends, outlived });
        letters.push(Letter { kind: group.kind, user, row, minted: now, handed: false, link });
        self.boxes.insert(email, letters);
    }

    /// Dead links, and mails too old to brake anything.
    fn forget_the_past(&self, letters: &mut Vec<Letter>) {
        let last = |of: &Letter| {
            letters
                .iter()
                .filter(|other| other.kind == of.kind && other.user == of.user)
                .map(|other| other.minted)
                .max()
        };
        let keeps = |letter: &Letter| {
            let span = match letter.kind {
                MailPurpose::UserLocked => ms(self.policy.mail.lock_notice_interval),
                _ => DAY,
            };
            match letter.link {
                Some(_) => self.is_alive(letter),
                None => last(letter).is_some_and(|last| self.holds(last, last + span, span)),
            }
        };
        let kept: Vec<Letter> = letters.iter().filter(|letter| keeps(letter)).cloned().collect();
        *letters = kept;
    }

    /// What came out of the mailer: the plain text of what was minted.
    pub fn mailed(&mut self, group: &Group, token: Option<String>, temporary: Option<String>) {
        if let (Some(text), Who::User { id, .. }) = (temporary, &group.who)
            && let Credential::Temporary { password, .. } = &mut self.account_mut(*id).credential
        {
            *password = Some(text);
        }
        if let Some(text) = token
            && let Some(letter) = self.minted_for(group)
            && let Some(link) = &mut letter.link
        {
            link.token = Some(text);
        }
    }

    fn minted_for(&mut self, group: &Group) -> Option<&mut Letter> {
        let now = self.now;
        let is = |letter: &&mut Letter| group.rows.contains(&letter.row) && letter.minted == now && !letter.handed;
        self.boxes.values_mut().flatten().find(is)
    }

    pub fn handed(&mut self, group: &Group) {
        if let Some(letter) = self.minted_for(group) {
            letter.handed = true;
        }
    }

    /// Refused for good: its link is dead, and it brakes nothing.
    pub fn refused(&mut self, group: &Group) {
        let now = self.now;
        for letters in self.boxes.values_mut() {
            letters.retain(|l| !(group.rows.contains(&l.row) && l.minted == now && !l.handed));
        }
    }

    pub fn settle(&mut self, rows: &[MailId]) {
        self.rows.retain(|row| !row.id.is_some_and(|id| rows.contains(&id)));
    }

    /// How long the pause after so many failures is: from half of the whole to the whole.
    pub fn pause(&self, attempts: u32) -> (i64, i64) {
        let mail = &self.policy.mail;
        let whole = (ms(mail.retry_first) << (attempts - 1).min(40)).min(ms(mail.retry_longest));
        (whole / 2, whole)
    }

    pub fn purge(&mut self) {
        let now = self.now;
        let lifetime = ms(self.policy.registration_lifetime);
        self.sessions.retain(|session| session.ends > now);
        self.registrations.retain(|registration| registration.at + lifetime > now);
        let accounts = &self.accounts;
        self.boxes.retain(|email, letters| {
            let last_link = letters.iter().filter_map(|letter| letter.link.as_ref()).map(|link| link.ends).max();
            last_link.is_some_and(|end| end > now) || accounts.iter().any(|account| account.email == *email)
        });
    }
}
