//! A user store in memory.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;

use crate::clock::{CLOCK_SKEW, Timestamp};
use crate::event::Event;
use crate::identity::{EmailAddress, MailId, MailboxId, RegistrationId, UserId, Username};
use crate::mail::MailPurpose;
use crate::mail::intent::{Addressee, MailIntent};
use crate::mailbox::Mailbox;
use crate::plan::{Commit, Write};
use crate::port::error::BoxError;
use crate::port::user_store::{Backlog, Claim, Committed, Purged, UserStore};
use crate::registration::Registration;
use crate::secret::Digest;
use crate::session::Session;
use crate::user::User;

/// Accounts in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(RwLock<State>);

impl MemoryStore {
    /// Without accounts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every event so far, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.read().events.clone()
    }

    /// No write of ours panics half-way, so a lock that a caller's panic has poisoned guards a sound state.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct State {
    users: HashMap<UserId, Arc<User>>,
    user_ids_by_name: HashMap<Username, UserId>,
    user_ids_by_email: HashMap<EmailAddress, Vec<UserId>>,
    registrations: HashMap<RegistrationId, Registration>,
    registration_ids_by_email: HashMap<EmailAddress, Vec<RegistrationId>>,
    mailboxes: HashMap<MailboxId, Mailbox>,
    mailbox_ids_by_email: HashMap<EmailAddress, MailboxId>,
    sessions: HashMap<Digest, Session>,
    digests_by_user: HashMap<UserId, Vec<Digest>>,
    mail: HashMap<MailId, MailIntent>,
    mail_ids_by_group: HashMap<(MailPurpose, Addressee), Vec<MailId>>,
    events: Vec<Event>,
}

/// A row as it was before a write, to be put back if a later write of the commit misses.
enum Before {
    User(UserId, Option<Arc<User>>),
    Registration(RegistrationId, Option<Registration>),
    Mailbox(MailboxId, Option<Mailbox>),
    Session(Digest, Option<Session>),
    Mail(MailId, Option<MailIntent>),
    Events(usize),
}

/// The write touched no row although it must, or its key is taken.
struct Missed;

fn add<K: Eq + Hash, V>(index: &mut HashMap<K, Vec<V>>, key: K, value: V) {
    index.entry(key).or_default().push(value);
}

fn drop_from<K: Eq + Hash, V: PartialEq>(index: &mut HashMap<K, Vec<V>>, key: &K, value: &V) {
    if let Some(values) = index.get_mut(key) {
        values.retain(|other| other != value);
        if values.is_empty() {
            index.remove(key);
        }
    }
}

/// Rows and their indexes change together, and only here.
impl State {
    fn set_user(&mut self, id: UserId, next: Option<Arc<User>>) -> Before {
        let before = self.users.remove(&id);
        if let Some(user) = &before {
            self.user_ids_by_name.remove(user.username());
            drop_from(&mut self.user_ids_by_email, user.email(), &id);
        }
        if let Some(user) = next {
            self.user_ids_by_name.insert(user.username().clone(), id);
            add(&mut self.user_ids_by_email, user.email().clone(), id);
            self.users.insert(id, user);
        }
        Before::User(id, before)
    }

    fn set_registration(&mut self, id: RegistrationId, next: Option<Registration>) -> Before {
        let before = self.registrations.remove(&id);
        if let Some(registration) = &before {
            drop_from(&mut self.registration_ids_by_email, registration.email(), &id);
        }
        if let Some(registration) = next {
            add(&mut self.registration_ids_by_email, registration.email().clone(), id);
            self.registrations.insert(id, registration);
        }
        Before::Registration(id, before)
    }

    fn set_mailbox(&mut self, id: MailboxId, next: Option<Mailbox>) -> Before {
        let before = self.mailboxes.remove(&id);
        if let Some(mailbox) = &before {
            self.mailbox_ids_by_email.remove(mailbox.email());
        }
        if let Some(mailbox) = next {
            self.mailbox_ids_by_email.insert(mailbox.email().clone(), id);
            self.mailboxes.insert(id, mailbox);
        }
        Before::Mailbox(id, before)
    }

    fn set_session(&mut self, digest: Digest, next: Option<Session>) -> Before {
        let before = self.sessions.remove(&digest);
        if let Some(session) = &before {
            drop_from(&mut self.digests_by_user, &session.user(), &digest);
        }
        if let Some(session) = next {
            add(&mut self.digests_by_user, session.user(), digest);
            self.sessions.insert(digest, session);
        }
        Before::Session(digest, before)
    }

    fn set_mail(&mut self, id: MailId, next: Option<MailIntent>) -> Before {
        let before = self.mail.remove(&id);
        if let Some(intent) = &before {
            drop_from(&mut self.mail_ids_by_group, &group_of(intent), &id);
        }
        if let Some(intent) = next {
            add(&mut self.mail_ids_by_group, group_of(&intent), id);
            self.mail.insert(id, intent);
        }
        Before::Mail(id, before)
    }

    fn put_back(&mut self, before: Before) {
        let _ = match before {
            Before::User(id, user) => self.set_user(id, user),
            Before::Registration(id, registration) => self.set_registration(id, registration),
            Before::Mailbox(id, mailbox) => self.set_mailbox(id, mailbox),
            Before::Session(digest, session) => self.set_session(digest, session),
            Before::Mail(id, intent) => self.set_mail(id, intent),
            Before::Events(length) => {
                self.events.truncate(length);
                Before::Events(length)
            }
        };
    }

    fn user_at(&self, id: UserId, version: u64) -> Result<(), Missed> {
        self.users.get(&id).filter(|user| user.version() == version).map(|_| ()).ok_or(Missed)
    }

    fn mail_under(&self, id: MailId, lease: u64) -> Result<&MailIntent, Missed> {
        let holds = |intent: &&MailIntent| intent.lease().number == lease && intent.lease().until.is_some();
        self.mail.get(&id).filter(holds).ok_or(Missed)
    }

    /// Applies one write, and tells what stood there before.
    fn apply(&mut self, write: &Write) -> Result<Vec<Before>, Missed> {
        let free = |taken: bool| if taken { Err(Missed) } else { Ok(()) };
        Ok(vec![match write {
            Write::InsertMailbox(mailbox) => {
                free(
                    self.mailboxes.contains_key(&mailbox.id())
                        || self.mailbox_ids_by_email.contains_key(mailbox.email()),
                )?;
                self.set_mailbox(mailbox.id(), Some(mailbox.clone()))
            }
            Write::ReplaceMailbox { mailbox, expected } => {
                self.mailboxes.get(&mailbox.id()).filter(|stored| stored.version() == *expected).ok_or(Missed)?;
                self.set_mailbox(mailbox.id(), Some(mailbox.clone()))
            }
            Write::RemoveRegistration { id } => {
                free(!self.registrations.contains_key(id))?;
                self.set_registration(*id, None)
            }
            Write::RemoveRegistrationsOf { email, username } => {
                let meant = |id: &&RegistrationId| {
                    self.registrations
                        .get(id)
                        .is_some_and(|r| username.as_ref().is_none_or(|name| r.username() == name))
                };
                let ids = self.registration_ids_by_email.get(email);
                let ids: Vec<_> = ids.into_iter().flatten().filter(meant).copied().collect();
                return Ok(ids.into_iter().map(|id| self.set_registration(id, None)).collect());
            }
            Write::InsertRegistration(registration) => {
                free(self.registrations.contains_key(&registration.id()))?;
                self.set_registration(registration.id(), Some(registration.clone()))
            }
            Write::RemoveUser { id, version } => {
                self.user_at(*id, *version)?;
                self.set_user(*id, None)
            }
            // The state is locked until the commit ends, so what was seen here holds.
            Write::GuardUser { id, version } => return self.user_at(*id, *version).map(|()| Vec::new()),
            Write::ReplaceUser { user, expected } => {
                self.user_at(user.id(), *expected)?;
                let holder = self.user_ids_by_name.get(user.username());
                free(holder.is_some_and(|holder| *holder != user.id()))?;
                self.set_user(user.id(), Some(Arc::new(User::clone(user))))
            }
            Write::InsertUser(user) => {
                free(self.users.contains_key(&user.id()) || self.user_ids_by_name.contains_key(user.username()))?;
                self.set_user(user.id(), Some(Arc::new(User::clone(user))))
            }
            Write::GuardSession { digest } => return free(!self.sessions.contains_key(digest)).map(|()| Vec::new()),
            Write::TouchSession { digest, last_seen } => match self.sessions.get(digest) {
                Some(session) if session.last_seen() < *last_seen => {
                    let touched = session.clone().with_last_seen(*last_seen);
                    self.set_session(*digest, Some(touched))
                }
                _ => return Ok(Vec::new()),
            },
            Write::CloseSession { digest } => self.set_session(*digest, None),
            Write::CloseSessionsOf { user, except } => {
                let digests = self.digests_by_user.get(user).into_iter().flatten();
                let digests: Vec<_> = digests.filter(|digest| Some(**digest) != *except).copied().collect();
                return Ok(digests.into_iter().map(|digest| self.set_session(digest, None)).collect());
            }
            Write::OpenSession { session, keep_at_most } => {
                return self.open_session(session, usize::from(*keep_at_most));
            }
            Write::HoldMail { id, lease } => return self.mail_under(*id, *lease).map(|_| Vec::new()),
            Write::SettleMail { id, lease, .. } => {
                self.mail_under(*id, *lease)?;
                self.set_mail(*id, None)
            }
            Write::PostponeMail { id, lease, due_at, attempts, .. } => {
                let held = self.mail_under(*id, *lease)?;
                let free = crate::mail::intent::Lease { until: None, ..held.lease() };
                let postponed = held.clone().with_columns(*due_at, *attempts, free);
                self.set_mail(*id, Some(postponed))
            }
            Write::QueueMail(intent) => {
                free(self.mail.contains_key(&intent.id()))?;
                self.set_mail(intent.id(), Some(intent.clone()))
            }
            Write::Record(event) => {
                self.events.push(event.clone());
                Before::Events(self.events.len() - 1)
            }
        }])
    }

    fn open_session(&mut self, session: &Session, keep_at_most: usize) -> Result<Vec<Before>, Missed> {
        if self.sessions.contains_key(session.digest()) {
            return Err(Missed);
        }
        let mut others: Vec<(Timestamp, Digest)> =
            self.sessions_of(session.user()).map(|s| (s.opened_at(), *s.digest())).collect();
        others.sort_unstable();
        let too_many = (others.len() + 1).saturating_sub(keep_at_most);
        let mut before: Vec<Before> =
            others.into_iter().take(too_many).map(|(_, digest)| self.set_session(digest, None)).collect();
        before.push(self.set_session(*session.digest(), Some(session.clone())));
        Ok(before)
    }

    fn sessions_of(&self, user: UserId) -> impl Iterator<Item = &Session> {
        self.digests_by_user.get(&user).into_iter().flatten().filter_map(|digest| self.sessions.get(digest))
    }

    fn commit(&mut self, writes: &[Write]) -> Committed {
        let mut done = Vec::new();
        for write in writes {
            match self.apply(write) {
                Ok(before) => done.extend(before),
                Err(Missed) if !write.must_hit() => {}
                Err(Missed) => {
                    done.into_iter().rev().for_each(|before| self.put_back(before));
                    return Committed::Conflict;
                }
            }
        }
        Committed::Done
    }

    /// The groups that a claim may take, in the order in which to take them.
    fn claimable(&self, claim: Claim) -> Vec<&Vec<MailId>> {
        let is_due = |intent: &MailIntent| intent.due_at() <= claim.now || intent.due_at() > claim.latest_due;
        let is_free = |intent: &MailIntent| {
            intent.lease().until.is_none_or(|until| until <= claim.now || until > claim.lease_until.after(CLOCK_SKEW))
        };
        let ready = |id: &MailId| self.mail.get(id).is_some_and(|intent| is_due(intent) && is_free(intent));
        // A new hasher's keys are random, so the order among typed groups is.
        let random = RandomState::new();
        let place = |addressee: &Addressee, ids: &[MailId]| {
            let earliest = ids.iter().filter_map(|id| self.mail.get(id)).map(MailIntent::due_at).min();
            match addressee {
                Addressee::User { .. } => (0, earliest, 0),
                Addressee::Typed { .. } => (1, None, random.hash_one(addressee)),
            }
        };
        let groups = self.mail_ids_by_group.iter().filter(|(_, ids)| ids.iter().all(ready));
        let mut groups: Vec<_> = groups.map(|((_, addressee), ids)| (place(addressee, ids), ids)).collect();
        groups.sort_by_key(|(place, _)| *place);
        groups.into_iter().map(|(_, ids)| ids).collect()
    }

    fn purge(&mut self, now: Timestamp, limit: usize) -> Purged {
        let ended = |digest: &Digest| self.sessions.get(digest).is_some_and(|session| session.absolute_end() <= now);
        let sessions: Vec<_> = self.sessions.keys().filter(|digest| ended(digest)).take(limit).copied().collect();
        let expired = |id: &RegistrationId| self.registrations.get(id).is_some_and(|r| r.expires_at() <= now);
        let registrations: Vec<_> = self.registrations.keys().filter(|id| expired(id)).take(limit).copied().collect();
        let idle = |mailbox: &&Mailbox| {
            mailbox.last_link_ends().is_none_or(|end| end <= now)
                && !self.user_ids_by_email.contains_key(mailbox.email())
        };
        let mailboxes: Vec<_> = self.mailboxes.values().filter(idle).take(limit).map(Mailbox::id).collect();
        let purged = Purged {
            sessions: sessions.len() as u64,
            registrations: registrations.len() as u64,
            mailboxes: mailboxes.len() as u64,
        };
        for digest in sessions {
            self.set_session(digest, None);
        }
        for id in registrations {
            self.set_registration(id, None);
        }
        for id in mailboxes {
            self.set_mailbox(id, None);
        }
        purged
    }
}

fn group_of(intent: &MailIntent) -> (MailPurpose, Addressee) {
    (intent.purpose(), intent.addressee().clone())
}

#[async_trait]
impl UserStore for MemoryStore {
    async fn user(&self, id: UserId) -> Result<Option<User>, BoxError> {
        Ok(self.read().users.get(&id).map(|user| User::clone(user)))
    }

    async fn user_named(&self, name: &Username) -> Result<Option<User>, BoxError> {
        let state = self.read();
        let user = state.user_ids_by_name.get(name).and_then(|id| state.users.get(id));
        Ok(user.map(|user| User::clone(user)))
    }

    async fn users_with_email(&self, email: &EmailAddress) -> Result<Vec<User>, BoxError> {
        let state = self.read();
        let ids = state.user_ids_by_email.get(email).into_iter().flatten();
        Ok(ids.filter_map(|id| state.users.get(id)).map(|user| User::clone(user)).collect())
    }

    async fn registration(&self, id: RegistrationId) -> Result<Option<Registration>, BoxError> {
        Ok(self.read().registrations.get(&id).cloned())
    }

    async fn registrations(
        &self,
        email: &EmailAddress,
        name: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<Registration>, BoxError> {
        let state = self.read();
        // Ids stand in the order of insertion, so of two of one instant the later one comes first.
        let ids = state.registration_ids_by_email.get(email).into_iter().flatten().rev();
        let found = ids.filter_map(|id| state.registrations.get(id));
        let mut found: Vec<&Registration> = found.filter(|r| name.is_none_or(|name| r.username() == name)).collect();
        found.sort_by_key(|registration| std::cmp::Reverse(registration.registered_at()));
        Ok(found.into_iter().take(limit as usize).cloned().collect())
    }

    async fn mailbox(&self, id: MailboxId) -> Result<Option<Mailbox>, BoxError> {
        Ok(self.read().mailboxes.get(&id).cloned())
    }

    async fn mailbox_of(&self, email: &EmailAddress) -> Result<Option<Mailbox>, BoxError> {
        let state = self.read();
        Ok(state.mailbox_ids_by_email.get(email).and_then(|id| state.mailboxes.get(id)).cloned())
    }

    async fn session(&self, digest: &Digest) -> Result<Option<(Session, Arc<User>)>, BoxError> {
        let state = self.read();
        let Some(session) = state.sessions.get(digest) else { return Ok(None) };
        Ok(state.users.get(&session.user()).map(|user| (session.clone(), Arc::clone(user))))
    }

    async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, BoxError> {
        Ok(self.read().sessions_of(user).cloned().collect())
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, BoxError> {
        Ok(self.write().commit(commit.writes()))
    }

    async fn claim_due_mail(&self, claim: Claim) -> Result<Vec<MailIntent>, BoxError> {
        if self.read().claimable(claim).is_empty() {
            return Ok(Vec::new());
        }
        let mut state = self.write();
        let ids: Vec<MailId> =
            state.claimable(claim).into_iter().take(claim.limit as usize).flatten().copied().collect();
        let mut claimed = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(intent) = state.mail.get_mut(&id) {
                *intent = intent.clone().claimed_until(claim.lease_until);
                claimed.push(intent.clone());
            }
        }
        Ok(claimed)
    }

    async fn mail_backlog(&self) -> Result<Backlog, BoxError> {
        let state = self.read();
        let typed = state.mail.values().filter(|intent| matches!(intent.addressee(), Addressee::Typed { .. })).count();
        Ok(Backlog {
            typed: typed as u64,
            to_users: (state.mail.len() - typed) as u64,
            oldest_due: state.mail.values().map(MailIntent::due_at).min(),
        })
    }

    async fn purge(&self, now: Timestamp, limit: u32) -> Result<Purged, BoxError> {
        Ok(self.write().purge(now, limit as usize))
    }

    async fn forget_live(&self) -> Result<(), BoxError> {
        let mut state = self.write();
        let users: Vec<_> = state.users.values().filter_map(|user| user.after_restore()).collect();
        let events = std::mem::take(&mut state.events);
        let kept = std::mem::take(&mut state.users);
        *state = State { events, ..State::default() };
        for user in kept.into_values() {
            state.set_user(user.id(), Some(user));
        }
        for user in users {
            state.set_user(user.id(), Some(Arc::new(user)));
        }
        Ok(())
    }
}
