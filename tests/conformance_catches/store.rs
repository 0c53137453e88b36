//! A store in memory written from the public API alone, with one bug that can be switched on.
//!
//! **With no bug it keeps the whole contract; with one it breaks the sentence that the bug is named for.**

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use acceso::{
    Addressee, Backlog, BoxError, Claim, Clock, Commit, Committed, Digest, EmailAddress, Event, Lease, MailId,
    MailIntent, Mailbox, MailboxId, Purged, Registration, RegistrationId, Session, SystemClock, Timestamp, User,
    UserId, UserStore, Username, Write,
};
use async_trait::async_trait;

use crate::bug::{Bug, is_like, let_others_in, pause, through, with_field};

#[derive(Default, Clone)]
struct State {
    users: BTreeMap<UserId, User>,
    registrations: BTreeMap<RegistrationId, Registration>,
    mailboxes: BTreeMap<MailboxId, Mailbox>,
    sessions: BTreeMap<Digest, Session>,
    closed: BTreeMap<Digest, Session>,
    mail: BTreeMap<MailId, MailIntent>,
    events: Vec<Event>,
}

pub(crate) struct PlantedStore {
    bug: Option<Bug>,
    state: Mutex<State>,
    /// The state before the last commit, for the bug of lagging reads.
    before: Mutex<State>,
    locked: AtomicBool,
}

impl PlantedStore {
    pub(crate) fn new(bug: Option<Bug>) -> Self {
        Self { bug, state: Mutex::default(), before: Mutex::default(), locked: AtomicBool::new(false) }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.state().events.clone()
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> MutexGuard<'_, State> {
        if self.has(Bug::ReadsLag) { self.before.lock().unwrap_or_else(PoisonError::into_inner) } else { self.state() }
    }

    fn same_address(&self, one: &EmailAddress, other: &EmailAddress) -> bool {
        match self.bug {
            Some(Bug::ComparesAddressesAsSpelled) => one.as_str() == other.as_str(),
            Some(Bug::ComparesAddressesByPattern) => is_like(one.key(), other.key()),
            _ => one == other,
        }
    }

    fn same_name(&self, one: &Username, other: &Username) -> bool {
        let plain = |name: &Username| name.as_str().replace(['.', '_', '-'], "");
        if self.has(Bug::ComparesNamesWithoutPunctuation) { plain(one) == plain(other) } else { one == other }
    }

    fn absent<T>(&self, found: Option<T>) -> Result<Option<T>, BoxError> {
        if found.is_none() && self.has(Bug::AnswersAbsenceWithAnError) { Err("no rows".into()) } else { Ok(found) }
    }

    fn listed<T>(&self, found: impl Iterator<Item = T>) -> Vec<T> {
        found.take(if self.has(Bug::ListsTenAtMost) { 10 } else { usize::MAX }).collect()
    }

    fn kept_user(&self, user: &User) -> User {
        let user = user.clone();
        match self.bug {
            Some(Bug::FoldsLetters) => through(user, |text| text.replace('ñ', "n")),
            Some(Bug::KeepsNumbersAsFloats) => with_field(user, |document| {
                #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let rounded = document["generation"].as_u64().map(|number| (number as f64) as u64);
                document["generation"] = rounded.into();
            }),
            Some(Bug::LosesStrikes) => with_field(user, |document| {
                if let Some(strikes) = document.pointer_mut("/credential/chosen/strikes") {
                    *strikes = 0.into();
                }
            }),
            Some(Bug::CountsVersions) => with_field(user, |document| {
                document["version"] = document["version"].as_u64().map(|version| version.saturating_add(1)).into();
            }),
            _ => user,
        }
    }

    fn insert<K: Ord, V>(&self, rows: &mut BTreeMap<K, V>, key: K, value: V, taken: bool) -> bool {
        let free = (!rows.contains_key(&key) && !taken) || self.has(Bug::OverwritesOnInsert);
        if free {
            rows.insert(key, value);
        }
        free
    }

    fn user_at(&self, state: &State, id: UserId, version: u64) -> bool {
        state.users.get(&id).is_some_and(|user| match self.bug {
            Some(Bug::IgnoresUserVersions) => true,
            Some(Bug::AcceptsNewerVersions) => user.version() <= version,
            _ => user.version() == version,
        })
    }

    fn under_lease(&self, state: &State, id: MailId, lease: u64) -> bool {
        let now = SystemClock.now();
        state.mail.get(&id).is_some_and(|row| match self.bug {
            Some(Bug::AllowsAnyLease) => true,
            Some(Bug::AsksItsOwnClock) => {
                row.lease().number == lease && row.lease().until.is_some_and(|until| until > now)
            }
            _ => row.lease().number == lease && row.lease().until.is_some(),
        })
    }

    /// Applies one write; false if it touched no row or its key is taken.
    fn apply(&self, state: &mut State, write: &Write, seen: &State) -> bool {
        match write {
            Write::InsertMailbox(mailbox) => {
                let taken = state.mailboxes.values().any(|other| self.same_address(other.email(), mailbox.email()));
                let taken = taken && !self.has(Bug::AllowsTwoMailboxesOfAnAddress);
                self.insert(&mut state.mailboxes, mailbox.id(), mailbox.clone(), taken)
            }
            Write::ReplaceMailbox { mailbox, expected } => {
                let any = self.has(Bug::IgnoresMailboxVersions);
                let hit = state.mailboxes.get(&mailbox.id()).is_some_and(|kept| any || kept.version() == *expected);
                if hit {
                    let kept = mailbox.clone();
                    let kept = match self.bug {
                        Some(Bug::LosesLinks) => with_field(kept, |document| {
                            document["entries"].as_array_mut().expect("a list").truncate(1);
                        }),
                        _ => kept,
                    };
                    state.mailboxes.insert(mailbox.id(), kept);
                }
                hit
            }
            Write::RemoveRegistration { id } => {
                state.registrations.remove(id).is_some() || self.has(Bug::RemovesAbsentRegistrations)
            }
            Write::RemoveRegistrationsOf { email, username } => {
                let before = state.registrations.len();
                state.registrations.retain(|_, kept| {
                    !self.same_address(email, kept.email())
                        || username.as_ref().is_some_and(|name| !self.same_name(name, kept.username()))
                });
                state.registrations.len() < before
            }
            Write::InsertRegistration(registration) => {
                let kept = registration.clone();
                let kept = match self.bug {
                    Some(Bug::ForgetsTheLanguage) => with_field(kept, |document| document["language"] = "es".into()),
                    _ => kept,
                };
                self.insert(&mut state.registrations, registration.id(), kept, false)
            }
            Write::RemoveUser { id, version } => {
                let hit = self.user_at(state, *id, *version);
                if hit {
                    state.users.remove(id);
                    if self.has(Bug::RemovesMailWithItsUser) {
                        state
                            .mail
                            .retain(|_, row| !matches!(row.addressee(), Addressee::User { id: of, .. } if of == id));
                    }
                }
                hit
            }
            Write::GuardUser { id, version } => match self.bug {
                Some(Bug::GuardsNoUser) => true,
                Some(Bug::GuardsBeforeTheLock) => self.user_at(seen, *id, *version),
                _ => self.user_at(state, *id, *version),
            },
            Write::ReplaceUser { user, expected } => {
                let hit = self.user_at(state, user.id(), *expected);
                if hit {
                    state.users.insert(user.id(), self.kept_user(user));
                }
                hit
            }
            Write::InsertUser(user) => {
                let named = state.users.values().any(|other| self.same_name(other.username(), user.username()));
                let addressed = state.users.values().any(|other| other.email() == user.email());
                let taken = (named && !self.has(Bug::AllowsTwoUsersOfAName))
                    || (addressed && self.has(Bug::AllowsOneUserOfAnAddress));
                let shared = state.registrations.contains_key(&RegistrationId::from_bytes(*user.id().as_bytes()));
                let taken = taken || (shared && self.has(Bug::SharesIdsAmongRooms));
                let kept = self.kept_user(user);
                self.insert(&mut state.users, user.id(), kept, taken)
            }
            _ => self.apply_to_sessions(state, write, seen),
        }
    }

    fn apply_to_sessions(&self, state: &mut State, write: &Write, seen: &State) -> bool {
        match write {
            Write::GuardSession { digest } => match self.bug {
                Some(Bug::GuardsNoSession) => true,
                Some(Bug::GuardsSessionsBeforeTheLock) => seen.sessions.contains_key(digest),
                _ => state.sessions.contains_key(digest),
            },
            Write::TouchSession { digest, last_seen } => {
                if self.has(Bug::TouchesClosedSessions)
                    && let Some(closed) = state.closed.remove(digest)
                {
                    state.sessions.insert(*digest, closed);
                }
                let back = self.has(Bug::TouchesBackwards);
                let touched = state.sessions.get(digest).filter(|kept| back || kept.last_seen() < *last_seen).cloned();
                touched.is_some_and(|kept| state.sessions.insert(*digest, kept.with_last_seen(*last_seen)).is_some())
            }
            Write::CloseSession { digest } => {
                let closed = state.sessions.remove(digest);
                closed.is_some_and(|closed| {
                    let all = self.has(Bug::ClosesSessionsOfEverybody);
                    state.sessions.retain(|_, kept| !all || kept.user() == closed.user());
                    state.closed.insert(*digest, closed).is_none()
                })
            }
            Write::CloseSessionsOf { user, except } => {
                let before = state.sessions.len();
                let spared = |digest: &Digest| Some(*digest) == *except && !self.has(Bug::ClosesTheExceptedOne);
                let late =
                    |digest: &Digest| self.has(Bug::ClosesWhatItSawBefore) && !seen.sessions.contains_key(digest);
                state.sessions.retain(|digest, kept| kept.user() != *user || spared(digest) || late(digest));
                state.sessions.len() < before
            }
            Write::OpenSession { session, keep_at_most } => {
                let kept = session.clone();
                let kept = match self.bug {
                    Some(Bug::RoundsToSeconds) => with_field(kept, |document| {
                        document["last_seen"] = document["last_seen"].as_i64().map(|at| at / 1000 * 1000).into();
                    }),
                    _ => kept,
                };
                let hit = self.insert(&mut state.sessions, *session.digest(), kept, false);
                if hit {
                    self.make_room(state, session, usize::from(*keep_at_most), seen);
                }
                hit
            }
            _ => self.apply_to_mail(state, write),
        }
    }

    fn make_room(&self, state: &mut State, opened: &Session, keep_at_most: usize, seen: &State) {
        let everybody = self.has(Bug::EvictsOfEverybody);
        let counted = if self.has(Bug::LimitsByWhatItSawBefore) { &seen.sessions } else { &state.sessions };
        let mut others: Vec<&Session> = counted
            .values()
            .filter(|other| everybody || other.user() == opened.user())
            .filter(|other| other.digest() != opened.digest() || self.has(Bug::EvictsTheNewOne))
            .collect();
        if self.has(Bug::EvictsByLastSeen) {
            others.sort_by_key(|other| other.last_seen());
        } else {
            others.sort_by_key(|other| other.opened_at());
        }
        let mine = usize::from(!self.has(Bug::EvictsTheNewOne));
        let too_many = (others.len() + mine).saturating_sub(keep_at_most);
        let mut gone: Vec<Digest> = others.iter().take(too_many).map(|other| *other.digest()).collect();
        if self.has(Bug::EvictsAllOfOneInstant)
            && let Some(last) = others.get(too_many.wrapping_sub(1))
        {
            gone.extend(
                others.iter().filter(|other| other.opened_at() == last.opened_at()).map(|other| *other.digest()),
            );
        }
        state.sessions.retain(|digest, _| !gone.contains(digest));
    }

    fn apply_to_mail(&self, state: &mut State, write: &Write) -> bool {
        match write {
            Write::HoldMail { id, lease } => self.under_lease(state, *id, *lease),
            Write::SettleMail { id, lease, .. } => {
                let hit = self.under_lease(state, *id, *lease) || self.has(Bug::SettlesAnyLease);
                hit && state.mail.remove(id).is_some()
            }
            Write::PostponeMail { id, lease, due_at, attempts, .. } => {
                let hit = self.under_lease(state, *id, *lease);
                if hit && let Some(row) = state.mail.remove(id) {
                    let until = if self.has(Bug::KeepsTheLeaseWhenPostponed) { row.lease().until } else { None };
                    let attempts = if self.has(Bug::LosesAttempts) { row.attempts() } else { *attempts };
                    let number = row.lease().number;
                    state.mail.insert(*id, row.with_columns(*due_at, attempts, Lease { number, until }));
                }
                hit
            }
            Write::QueueMail(row) => {
                let kept = row.clone();
                let kept = match self.bug {
                    Some(Bug::ForgetsTheUserNameOfMail) => with_field(kept, |document| {
                        if let Some(name) = document.pointer_mut("/addressee/typed/username") {
                            *name = serde_json::Value::Null;
                        }
                    }),
                    _ => kept,
                };
                self.has(Bug::LosesMail) || self.insert(&mut state.mail, row.id(), kept, false)
            }
            Write::Record(event) => {
                if !self.has(Bug::LosesEvents) {
                    state.events.push(event.clone());
                }
                true
            }
            // Every other kind is handled by whoever handed this one on.
            _ => unreachable!("a write of another room"),
        }
    }

    /// Applies all writes, or none but what the bug leaves.
    fn apply_all(&self, writes: &[Write], seen: &State) -> Committed {
        let mut state = self.state();
        let mut next = state.clone();
        let mut writes: Vec<&Write> = writes.iter().collect();
        match self.bug {
            Some(Bug::InsertsBeforeItRemoves) => {
                writes.sort_by_key(|write| {
                    matches!(
                        write,
                        Write::RemoveUser { .. } | Write::RemoveRegistrationsOf { .. } | Write::SettleMail { .. }
                    )
                });
            }
            Some(Bug::OpensBeforeItCloses) => {
                writes.sort_by_key(|write| !matches!(write, Write::OpenSession { .. }));
            }
            _ => {}
        }
        let strict = |write: &Write| write.must_hit() || self.has(Bug::RefusesOptionalWrites);
        let missed = if self.has(Bug::ChecksBeforeTheLock) {
            let mut then = seen.clone();
            let missed = writes.iter().any(|write| !self.apply(&mut then, write, seen) && strict(write));
            for write in writes.iter().filter(|_| !missed) {
                let _ = self.apply(&mut next, write, seen);
            }
            missed
        } else {
            writes.iter().any(|write| !self.apply(&mut next, write, seen) && strict(write))
        };
        let empty = writes.is_empty() && self.has(Bug::RefusesAnEmptyCommit);
        if !missed && !empty {
            *self.before.lock().unwrap_or_else(PoisonError::into_inner) = std::mem::replace(&mut *state, next);
            return Committed::Done;
        }
        if self.has(Bug::IsNotAtomic) {
            *state = next;
        } else if self.has(Bug::KeepsEventsOfRefusedCommits) {
            let events =
                writes.iter().filter_map(|write| if let Write::Record(event) = write { Some(event) } else { None });
            state.events.extend(events.cloned());
        }
        Committed::Conflict
    }

    fn is_due(&self, row: &MailIntent, claim: Claim) -> bool {
        let late = Duration::from_millis(u64::from(self.has(Bug::DueOneMillisecondLate)));
        row.due_at().after(late) <= claim.now
            || (row.due_at() > claim.latest_due && !self.has(Bug::NeverDueWhenTooFarOff))
    }

    fn is_free(&self, row: &MailIntent, claim: Claim) -> bool {
        let late = Duration::from_millis(u64::from(self.has(Bug::LeaseEndsLate)));
        let void = claim.lease_until.after(Duration::from_secs(300));
        row.lease()
            .until
            .is_none_or(|until| until.after(late) <= claim.now || (until > void && !self.has(Bug::BelievesAnyLease)))
    }

    /// The ids of the rows to claim.
    fn claimable(&self, state: &State, claim: Claim) -> Vec<MailId> {
        let ready = |row: &MailIntent| self.is_due(row, claim) && self.is_free(row, claim);
        let mut groups: Vec<Vec<&MailIntent>> = Vec::new();
        for row in state.mail.values() {
            match groups.iter_mut().find(|group| group[0].is_equal_of(row) && !self.has(Bug::ClaimsEqualsApart)) {
                Some(group) => group.push(row),
                None => groups.push(vec![row]),
            }
        }
        if self.has(Bug::ClaimsBesideAHeldEqual) {
            for group in &mut groups {
                group.retain(|row| ready(row));
            }
        }
        groups.retain(|group| !group.is_empty() && group.iter().all(|row| ready(row)));
        let random = RandomState::new();
        groups.sort_by_key(|group| {
            let earliest = group.iter().map(|row| row.due_at()).min();
            match group[0].addressee() {
                Addressee::User { .. } => (u8::from(self.has(Bug::StrangersFirst)), earliest, 0),
                Addressee::Typed { .. } if self.has(Bug::StrangersInOrder) => (1, earliest, 0),
                Addressee::Typed { .. } => {
                    (u8::from(!self.has(Bug::StrangersFirst)), None, random.hash_one(group[0].id()))
                }
            }
        });
        let limit = usize::try_from(claim.limit).unwrap_or(usize::MAX);
        let ids = |groups: &[Vec<&MailIntent>]| groups.iter().flatten().map(|row| row.id()).collect::<Vec<_>>();
        match self.bug {
            Some(Bug::LimitCountsRows) => ids(&groups).into_iter().take(limit).collect(),
            _ => ids(&groups[..limit.min(groups.len())]),
        }
    }

    fn purge_from(&self, state: &mut State, seen: &State, now: Timestamp, limit: usize) -> Purged {
        let limit = if self.has(Bug::PurgesWithoutLimit) { usize::MAX } else { limit };
        let ended = |end: Timestamp| match self.bug {
            Some(Bug::PurgesLate) => end < now,
            Some(Bug::PurgesEarly) => end <= now.after(Duration::from_millis(1)),
            _ => end <= now,
        };
        let has_user = |users: &BTreeMap<UserId, User>, kept: &Mailbox| {
            users.values().any(|user| self.same_address(user.email(), kept.email()))
                && !self.has(Bug::PurgesMailboxesOfUsers)
        };
        let users = if self.has(Bug::PurgesWhatItSawBefore) { &seen.users } else { &state.users };
        let idle = |kept: &&Mailbox| {
            let over = kept.last_link_ends().is_none_or(ended);
            (over || self.has(Bug::PurgesMailboxesOfDeadAndLiveLinks)) && !has_user(users, kept)
        };
        let sessions: Vec<_> = state.sessions.values().filter(|kept| ended(kept.absolute_end())).collect();
        let sessions: Vec<_> = sessions.into_iter().take(limit).map(|kept| *kept.digest()).collect();
        let registrations: Vec<_> = state.registrations.values().filter(|kept| ended(kept.expires_at())).collect();
        let registrations: Vec<_> = registrations.into_iter().take(limit).map(Registration::id).collect();
        let mailboxes: Vec<_> = state.mailboxes.values().filter(idle).take(limit).map(Mailbox::id).collect();
        state.sessions.retain(|digest, _| !sessions.contains(digest));
        state.registrations.retain(|id, _| !registrations.contains(id));
        state.mailboxes.retain(|id, _| !mailboxes.contains(id));
        if self.has(Bug::PurgesMail) {
            state.mail.retain(|_, row| row.due_at() > now);
        }
        let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        Purged {
            sessions: count(sessions.len()),
            registrations: count(registrations.len()),
            mailboxes: count(mailboxes.len()),
        }
    }
}

#[async_trait]
impl UserStore for PlantedStore {
    async fn user(&self, id: UserId) -> Result<Option<User>, BoxError> {
        self.absent(self.read().users.get(&id).cloned())
    }

    async fn user_named(&self, name: &Username) -> Result<Option<User>, BoxError> {
        self.absent(self.read().users.values().find(|user| self.same_name(name, user.username())).cloned())
    }

    async fn users_with_email(&self, email: &EmailAddress) -> Result<Vec<User>, BoxError> {
        let state = if self.has(Bug::ListsLag) { self.before.lock() } else { self.state.lock() };
        let state = state.unwrap_or_else(PoisonError::into_inner);
        Ok(self.listed(state.users.values().filter(|user| self.same_address(email, user.email())).cloned()))
    }

    async fn registration(&self, id: RegistrationId) -> Result<Option<Registration>, BoxError> {
        self.absent(self.read().registrations.get(&id).cloned())
    }

    async fn registrations(
        &self,
        email: &EmailAddress,
        name: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<Registration>, BoxError> {
        let state = self.read();
        let name = name.filter(|_| !self.has(Bug::RegistrationsOfAnyName));
        let meant = |kept: &&Registration| {
            self.same_address(email, kept.email()) && name.is_none_or(|name| self.same_name(name, kept.username()))
        };
        let mut found: Vec<Registration> = state.registrations.values().filter(meant).cloned().collect();
        found.sort_by_key(|kept| std::cmp::Reverse(kept.registered_at()));
        if self.has(Bug::RegistrationsOldestFirst) {
            found.reverse();
        }
        found.truncate(usize::try_from(limit)?);
        Ok(found)
    }

    async fn mailbox(&self, id: MailboxId) -> Result<Option<Mailbox>, BoxError> {
        self.absent(self.read().mailboxes.get(&id).cloned())
    }

    async fn mailbox_of(&self, email: &EmailAddress) -> Result<Option<Mailbox>, BoxError> {
        self.absent(self.read().mailboxes.values().find(|kept| self.same_address(email, kept.email())).cloned())
    }

    async fn session(&self, digest: &Digest) -> Result<Option<(Session, Arc<User>)>, BoxError> {
        let mut state = self.read();
        let Some(session) = state.sessions.get(digest).cloned() else { return self.absent(None) };
        if self.has(Bug::ReadsASessionInTwoSteps) {
            drop(state);
            let_others_in();
            state = self.read();
        }
        Ok(state.users.get(&session.user()).map(|user| (session, Arc::new(user.clone()))))
    }

    async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, BoxError> {
        let state = self.read();
        Ok(self.listed(state.sessions.values().filter(|kept| kept.user() == user).cloned()))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, BoxError> {
        if self.has(Bug::KeepsALockWhenDropped) {
            if self.locked.swap(true, Ordering::SeqCst) {
                return Err("the store is locked".into());
            }
            pause().await;
            let committed = self.apply_all(commit.writes(), &State::default());
            self.locked.store(false, Ordering::SeqCst);
            return Ok(committed);
        }
        if self.has(Bug::LandsInTwoSteps) {
            let (first, second) = commit.writes().split_at(commit.writes().len() / 2);
            if self.apply_all(first, &State::default()) == Committed::Conflict {
                return Ok(Committed::Conflict);
            }
            let_others_in();
            pause().await;
            return Ok(self.apply_all(second, &State::default()));
        }
        let seen = self.state().clone();
        let looks_back = [
            Bug::GuardsBeforeTheLock,
            Bug::GuardsSessionsBeforeTheLock,
            Bug::ClosesWhatItSawBefore,
            Bug::LimitsByWhatItSawBefore,
            Bug::ChecksBeforeTheLock,
        ];
        if self.bug.is_some_and(|bug| looks_back.contains(&bug)) {
            let_others_in();
        }
        Ok(self.apply_all(commit.writes(), &seen))
    }

    async fn claim_due_mail(&self, claim: Claim) -> Result<Vec<MailIntent>, BoxError> {
        let mut state = self.state();
        let ids = self.claimable(&state, claim);
        if self.has(Bug::ClaimsWithoutALock) {
            drop(state);
            let_others_in();
            state = self.state();
        }
        let mut claimed = Vec::new();
        for id in ids {
            let Some(row) = state.mail.get(&id).cloned() else { continue };
            let lease = row.lease();
            let raised = match self.bug {
                Some(Bug::DoesNotRaiseTheLease) => {
                    let (due_at, attempts) = (row.due_at(), row.attempts());
                    row.with_columns(due_at, attempts, Lease { until: Some(claim.lease_until), ..lease })
                }
                _ => row.claimed_until(claim.lease_until),
            };
            if !self.has(Bug::ForgetsTheLeaseItGave) {
                state.mail.insert(id, raised.clone());
            }
            claimed.push(raised);
        }
        Ok(claimed)
    }

    async fn mail_backlog(&self) -> Result<Backlog, BoxError> {
        let state = self.read();
        let counted = |row: &&MailIntent| row.lease().until.is_none() || !self.has(Bug::BacklogWithoutHeldRows);
        let rows: Vec<&MailIntent> = state.mail.values().filter(counted).collect();
        let typed = rows.iter().filter(|row| matches!(row.addressee(), Addressee::Typed { .. })).count();
        Ok(Backlog {
            typed: u64::try_from(typed)?,
            to_users: u64::try_from(rows.len() - typed)?,
            oldest_due: rows.iter().map(|row| row.due_at()).min(),
        })
    }

    async fn purge(&self, now: Timestamp, limit: u32) -> Result<Purged, BoxError> {
        let seen = self.state().clone();
        if self.has(Bug::PurgesWhatItSawBefore) {
            let_others_in();
        }
        if self.has(Bug::PurgeRemovesMoreWhenDropped) {
            let sessions = std::mem::take(&mut self.state().sessions);
            pause().await;
            self.state().sessions.extend(sessions);
        }
        Ok(self.purge_from(&mut self.state(), &seen, now, usize::try_from(limit)?))
    }

    async fn forget_live(&self) -> Result<(), BoxError> {
        let mut state = self.state();
        let renewed: Vec<User> = state.users.values().filter_map(User::after_restore).collect();
        let mut next = State { users: std::mem::take(&mut state.users), ..State::default() };
        if !self.has(Bug::RestoreKeepsTemporaries) {
            next.users.extend(renewed.into_iter().map(|user| (user.id(), user)));
        }
        if self.has(Bug::RestoreKeepsMail) {
            next.mail = std::mem::take(&mut state.mail);
        }
        if !self.has(Bug::RestoreLosesEvents) {
            next.events = std::mem::take(&mut state.events);
        }
        *state = next;
        Ok(())
    }
}
