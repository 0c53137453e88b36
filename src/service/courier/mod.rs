//! The courier: claims intents, lets `flow::delivery` decide, commits, sends, settles. Not: what is mailed to whom.
//!
//! **An intent is settled only after the mailer took the mail, or when there is nothing to mail; whatever breaks between,
//! it is tried again.**

mod concurrent;
mod receivers;
mod stop;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::client::Client;
use crate::clock::{CLOCK_SKEW, Timestamp};
use crate::error::Error;
use crate::flow::delivery::{Content, Delivery, Facts, Group, Outgoing, Sent, decide, postpone, settle};
use crate::flow::{Runs, Step};
use crate::identity::Username;
use crate::mail::intent::{Addressee, MailIntent};
use crate::mail::{Mail, MailPurpose};
use crate::password::temporary;
use crate::plan::{Commit, Plan};
use crate::policy::{LockDuration, Recovery};
use crate::port::error::BoxError;
use crate::port::mailer::{Mailer, SendError};
use crate::port::user_store::{Claim, Committed, Purged};
use crate::secret::Password;
use crate::service::Inner;
use crate::service::courier::concurrent::{Running, contained, unless_over};
use crate::service::courier::receivers::Receivers;
use crate::service::courier::stop::Stop;
use crate::service::hashing::{Admission, HashPool};
use crate::text::{Letter, letter};

/// Delivers what the calls have asked to mail. Without one running, no mail leaves.
///
/// Several may run on one store, in one process or many. Dropping one loses nothing: what it held is tried again when its
/// lease has ended, so a mail that was under way may arrive twice. A mailer that has not answered when half of the lease is
/// over is dropped, and its mail tried again after a pause.
///
/// It tells nobody of an error of a port: what failed is tried again. Log the causes in your adapters, and watch
/// [`mail_backlog`](crate::Acceso::mail_backlog).
#[must_use = "no mail leaves unless the courier runs"]
pub struct Courier {
    work: Work,
    purged_at: Option<Timestamp>,
}

/// What one delivery needs; shared by those that run at once.
#[derive(Clone)]
struct Work {
    inner: Arc<Inner>,
    mailer: Arc<dyn Mailer>,
    pool: Arc<HashPool>,
    receivers: Arc<Receivers>,
}

/// What one round has come to, in groups of equal intents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Delivered {
    /// Claimed: the sum of the following.
    pub claimed: u32,
    /// Handed to the mailer.
    pub sent: u32,
    /// Refused by the mailer for good.
    pub refused: u32,
    /// Settled without a mail: nobody's, braked, too late, or without effect.
    pub unsent: u32,
    /// To be tried again after a pause.
    pub postponed: u32,
    /// Left to whoever claims it next: the lease was lost, or the store was not there to settle it.
    pub left: u32,
}

/// What became of one group.
enum Outcome {
    Sent,
    Refused,
    /// To be settled together with others of its kind: the group, and what goes with it.
    Nothing(Group, Commit),
    Settled,
    Postponed,
    Left,
}

/// More conflicts than this, and another courier has the group.
const ATTEMPTS: usize = 8;

/// At most this much of each kind is purged at a time, so that a purge never holds a store for long.
const PURGE_LIMIT: u32 = 1_000;

/// Whether a purge met its limit: the rest is taken at the next tick, or a flood would outgrow what is purged.
#[derive(PartialEq, Eq)]
enum Purging {
    Enough,
    LeftSome,
}

impl Courier {
    pub(crate) fn new(inner: Arc<Inner>, mailer: Arc<dyn Mailer>, pool: HashPool) -> Self {
        let receivers = Arc::new(Receivers::of(inner.policy.mail));
        Self { work: Work { inner, mailer, pool: Arc::new(pool), receivers }, purged_at: None }
    }

    /// Runs until the future is dropped: claims every tick, delivers several at a time, purges. A store that is not there is
    /// asked again at the next tick.
    ///
    /// `sleep` waits, by whichever runtime the host has: `tokio::spawn(courier.run(tokio::time::sleep))`. A host that ends
    /// in order uses [`run_until`](Self::run_until).
    pub async fn run<S, F>(self, sleep: S)
    where
        S: Fn(Duration) -> F,
        F: Future<Output = ()>,
    {
        self.run_until(std::future::pending(), sleep).await;
    }

    /// [`run`](Self::run), until `stop` is ready: then claims no more, and ends when every mail that it holds is delivered or
    /// given back, at the latest when its [lease](crate::MailPolicy::lease) ends. Who cannot wait so long drops the
    /// future: what is dropped is tried again, as after a crash.
    ///
    /// ```
    /// # use acceso::{Acceso, adapter::memory::*};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (_acceso, courier) = Acceso::builder(MemoryStore::new(), MemoryRegistry::new(), MemoryMailer::new())
    /// #     .portal("Clínica del Sol", "https://portal.example").build()?;
    /// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    /// let courier = tokio::spawn(courier.run_until(async { drop(stopped.await) }, tokio::time::sleep));
    /// // When the host ends:
    /// drop(stop);
    /// courier.await?;
    /// # Ok(()) }
    /// ```
    pub async fn run_until<S, F>(mut self, stop: impl Future<Output = ()>, sleep: S)
    where
        S: Fn(Duration) -> F,
        F: Future<Output = ()>,
    {
        let policy = &Arc::clone(&self.work.inner).policy;
        let mut running = self.running();
        let mut stop = std::pin::pin!(stop);
        let mut stop = Stop::at(stop.as_mut());
        while !stop.is_given().await {
            let mut more = false;
            // More would only wait while their leases run out.
            if !running.is_full()
                && let Ok(groups) = running.during(self.work.claim()).await
            {
                more = groups.len() >= usize::from(policy.mail.claim);
                for group in groups {
                    running.add(self.work.clone().deliver(group));
                }
            }
            let tick = stop.or(sleep(policy.mail.tick));
            if more {
                // A flood must not set the pace: the next ones are claimed as soon as there is room.
                running.until_room(tick).await;
            } else {
                running.during(tick).await;
            }
            let done = running.take_done();
            running.during(self.work.settle_together(done)).await;
            let purging = self.purging();
            if running.during(purging).await == Purging::LeftSome {
                self.purged_at = None;
            }
        }
        // A mailer that hangs is looked at now and then, or its lease would not end it.
        while !running.is_idle() {
            running.until_idle(sleep(policy.mail.tick)).await;
        }
        self.work.settle_together(running.take_done()).await;
    }

    /// One round, for tests and scripts: claims once, and waits until everything claimed is delivered or given back.
    ///
    /// `Unavailable` if nothing could be claimed.
    pub async fn deliver_due(&mut self) -> Result<Delivered, Error> {
        let groups = self.work.claim().await.map_err(Error::unavailable)?;
        let mut running = self.running();
        for group in groups {
            running.add(self.work.clone().deliver(group));
        }
        running.finish().await;
        let delivered = self.work.settle_together(running.take_done()).await;
        if self.purging().await == Purging::LeftSome {
            self.purged_at = None;
        }
        Ok(delivered)
    }

    fn running<'a>(&self) -> Running<'a, Outcome> {
        Running::at_most(usize::from(self.work.inner.policy.mail.parallel_sends))
    }

    fn purging(&mut self) -> impl Future<Output = Purging> + use<> {
        let now = self.work.inner.now();
        let interval = self.work.inner.policy.mail.purge_interval;
        // A clock that went back must not put purging off for long.
        let due = self.purged_at.is_none_or(|at| at > now || now.since(at) >= interval);
        if due {
            self.purged_at = Some(now);
        }
        let inner = Arc::clone(&self.work.inner);
        async move {
            if !due {
                return Purging::Enough;
            }
            // A store that is not there is asked the next time.
            match contained(inner.store.purge(now, PURGE_LIMIT)).await {
                Ok(Ok(Purged { sessions, registrations, mailboxes }))
                    if sessions.max(registrations).max(mailboxes) >= u64::from(PURGE_LIMIT) =>
                {
                    Purging::LeftSome
                }
                _ => Purging::Enough,
            }
        }
    }
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").finish_non_exhaustive()
    }
}

impl Work {
    /// Whatever panics here, the random source included, the courier goes on at the next tick.
    async fn claim(&self) -> Result<Vec<Group>, BoxError> {
        contained(self.claimed()).await?
    }

    /// Claims what is due, in random order, so that no mail's delay tells what came before it.
    async fn claimed(&self) -> Result<Vec<Group>, BoxError> {
        let mail = &self.inner.policy.mail;
        let now = self.inner.now();
        let claim = Claim {
            now,
            lease_until: now.after(mail.lease),
            latest_due: now.after(mail.retry_longest).after(CLOCK_SKEW),
            limit: u32::from(mail.claim),
        };
        let claimed: Vec<MailIntent> = self.inner.store.claim_due_mail(claim).await?;
        let mut places = Vec::new();
        for group in Group::by_equals(claimed) {
            let mut place = [0; 8];
            self.inner.entropy.fill(&mut place)?;
            places.push((place, group));
        }
        places.sort_by_key(|(place, _)| *place);
        Ok(places.into_iter().map(|(_, group)| group).collect())
    }

    /// Only while the lease lasts, or reads that never return would hold every place.
    async fn deliver(self, group: Group) -> Outcome {
        let lease = group.clone();
        let delivered = Box::pin(contained(self.delivered(group)));
        match unless_over(|| self.lease_has_ended(&lease), delivered).await {
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) | None => Outcome::Left,
        }
    }

    async fn delivered(&self, group: Group) -> Outcome {
        // A link that is made with no time left to send it is made in vain.
        if self.left_of_lease(&group) < self.inner.policy.mail.lease / 4 {
            return Outcome::Left;
        }
        match self.decided(&group).await {
            Ok(Decided::Nothing(commit)) => Outcome::Nothing(group, commit),
            Ok(Decided::Settled) => Outcome::Settled,
            Ok(Decided::Lost) => Outcome::Left,
            Ok(Decided::Send(sending)) => self.sent(&group, &sending.0, &sending.1).await,
            Err(cause) => {
                // Whatever panics in there, the group is given back.
                let _ = contained(self.inner.note_unreadable(&cause, &Client::unknown())).await;
                self.postponed(&group).await
            }
        }
    }

    fn lease_has_ended(&self, group: &Group) -> bool {
        self.left_of_lease(group).is_zero()
    }

    /// Nothing, too, of a lease from before the clock went back: a send that hangs would keep its place till then.
    fn left_of_lease(&self, group: &Group) -> Duration {
        let left = group.lease_ends().map(|end| end.since(self.inner.now())).unwrap_or_default();
        if left > self.inner.policy.mail.lease.saturating_add(CLOCK_SKEW) { Duration::ZERO } else { left }
    }

    /// Reads, decides and commits, as a request does.
    async fn decided(&self, group: &Group) -> Result<Decided, BoxError> {
        let client = Client::unknown();
        if let Some(commit) = group.expired(&self.inner.moment(&client)) {
            return Ok(Decided::Nothing(commit));
        }
        let mut fresh = self.inner.fresh()?;
        let secret = self.temporary_password(group)?;
        let mut runs = Runs::default();
        for _ in 0..ATTEMPTS {
            let facts = contained(self.read(group)).await??;
            let plan = loop {
                fresh.rewind();
                match decide(group, &facts, &runs, &self.inner.moment(&client), &mut fresh) {
                    Step::Done(plan) => break plan,
                    Step::Hash(run) => {
                        let password = secret.as_ref().ok_or("a hash of nothing")?;
                        let permit = self.pool.admit(Admission::Other)?;
                        let ran = self.pool.run(&permit, run.clone(), password).await?;
                        runs.add(run, ran);
                    }
                }
            };
            if fresh.overdrawn() {
                return Err("the decision drew more randomness than there was".into());
            }
            let Plan { answer, commit } = plan;
            let decided = match answer {
                Delivery::Nothing => return Ok(Decided::Nothing(commit)),
                Delivery::Settled => Decided::Settled,
                Delivery::Send(outgoing) => {
                    let mail = self.written(group, &outgoing, secret.as_ref());
                    Decided::Send(Box::new((outgoing, mail)))
                }
            };
            match contained(self.inner.store.commit(&commit)).await?? {
                Committed::Done => return Ok(decided),
                Committed::Conflict => {}
            }
        }
        Ok(Decided::Lost)
    }

    fn temporary_password(&self, group: &Group) -> Result<Option<Password>, BoxError> {
        match (group.purpose(), self.inner.policy.recovery) {
            (MailPurpose::TemporaryPassword, Recovery::TemporaryPassword { length, .. }) => {
                Ok(Some(temporary::draw(&*self.inner.entropy, usize::from(length))?))
            }
            _ => Ok(None),
        }
    }

    /// Only what the purpose needs; the mailbox before the sets.
    async fn read(&self, group: &Group) -> Result<Facts, BoxError> {
        let store = &self.inner.store;
        let none = Facts::default;
        match (group.purpose(), group.addressee()) {
            (MailPurpose::ConfirmRegistration, Addressee::Typed { email, .. }) => {
                let mailbox = store.mailbox_of(email).await?;
                let registration = store.registrations(email, None, 1).await?.pop();
                let records = match registration {
                    Some(_) => Some(self.inner.registry.patients_with_email(email).await?),
                    None => None,
                };
                Ok(Facts { mailbox, registration, records, ..none() })
            }
            (_, Addressee::Typed { email, username: None }) => {
                let mailbox = store.mailbox_of(email).await?;
                Ok(Facts { mailbox, users: store.users_with_email(email).await?, ..none() })
            }
            (_, Addressee::Typed { email, username: Some(name) }) => {
                let mailbox = store.mailbox_of(email).await?;
                Ok(Facts { mailbox, user: store.user_named(name).await?, ..none() })
            }
            (MailPurpose::TemporaryPassword, Addressee::User { id, .. }) => {
                let user = store.user(*id).await?;
                let records = match &user {
                    // Down is no reason to keep a patient out: she goes in with the patients that she had.
                    Some(user) => {
                        contained(self.inner.registry.patients_with_email(user.email())).await.ok().and_then(Result::ok)
                    }
                    None => None,
                };
                Ok(Facts { records, user, ..none() })
            }
            (purpose, Addressee::User { id, .. }) => {
                let user = store.user(*id).await?;
                let mailbox = match &user {
                    Some(user) if purpose == MailPurpose::UserLocked => store.mailbox_of(user.email()).await?,
                    _ => None,
                };
                Ok(Facts { mailbox, user, ..none() })
            }
        }
    }

    fn written(&self, group: &Group, outgoing: &Outgoing, secret: Option<&Password>) -> Mail {
        let Inner { portal, pages, policy, .. } = &*self.inner;
        let link = |path: &str, token: &str| Zeroizing::new(format!("{}{path}?token={token}", portal.home));
        let until_recovery = policy.lockout.duration == LockDuration::UntilRecovery;
        let words = |content: &Letter<'_>| letter(content, portal, outgoing.language);
        let words = match &outgoing.content {
            Content::ConfirmRegistration(token) => {
                let link = link(&pages.confirmation, &token.reveal());
                words(&Letter::ConfirmRegistration { link: &link, lifetime: policy.registration_lifetime })
            }
            Content::ConfirmRecovery(token) => {
                let link = link(&pages.password_recovery, &token.reveal());
                words(&Letter::ConfirmRecovery { link: &link, lifetime: policy.recovery_link_lifetime })
            }
            Content::ChoosePassword(token) => {
                let link = link(&pages.password_recovery, &token.reveal());
                words(&Letter::ChoosePassword { link: &link, lifetime: policy.recovery_link_lifetime })
            }
            Content::UserNames(names) => {
                let usernames: Vec<&str> = names.iter().map(Username::as_str).collect();
                words(&Letter::UserNames { usernames: &usernames })
            }
            Content::TemporaryPassword(lifetime) => {
                let password = secret.map_or("", Password::text);
                words(&Letter::TemporaryPassword { password, lifetime: *lifetime })
            }
            Content::RegistrationConfirmed => words(&Letter::RegistrationConfirmed),
            Content::PasswordChanged => words(&Letter::PasswordChanged),
            Content::UserLocked => words(&Letter::UserLocked { until_recovery }),
        };
        Mail {
            id: group.id(),
            to: outgoing.to.clone(),
            purpose: group.purpose(),
            language: outgoing.language,
            subject: words.subject,
            text: Zeroizing::new(words.text),
            html: Zeroizing::new(words.html),
        }
    }

    /// Half of what is left of the lease is for the mailer, the rest for giving the group back: so whoever hangs comes
    /// back after a pause, and not at the head of the queue.
    async fn sent(&self, group: &Group, outgoing: &Outgoing, mail: &Mail) -> Outcome {
        let left = self.left_of_lease(group);
        // Later, and somebody else may be minting another.
        if left.is_zero() {
            return Outcome::Left;
        }
        let begun = self.inner.now();
        let sent = match self.receivers.enter(&outgoing.to, begun) {
            None => Sent::Later,
            Some(place) => {
                let over = || self.lease_has_ended(group) || self.inner.now().since(begun) >= left / 2;
                let answer = unless_over(over, contained(self.mailer.send(mail))).await;
                let sent = match answer {
                    Some(Ok(Ok(()))) => Sent::Handed,
                    Some(Ok(Err(SendError::Permanent(_)))) => Sent::Refused,
                    Some(Ok(Err(SendError::Transient(_))) | Err(_)) | None => Sent::Later,
                };
                place.leave(sent, begun, self.inner.now());
                sent
            }
        };
        match (self.settled(group, outgoing, sent).await, sent) {
            (Ok(true), Sent::Handed) => Outcome::Sent,
            (Ok(true), Sent::Refused) => Outcome::Refused,
            (Ok(true), Sent::Later) => Outcome::Postponed,
            (Ok(false) | Err(_), _) => Outcome::Left,
        }
    }

    async fn settled(&self, group: &Group, outgoing: &Outgoing, sent: Sent) -> Result<bool, BoxError> {
        let client = Client::unknown();
        let mut fresh = self.inner.fresh()?;
        for _ in 0..ATTEMPTS {
            let mailbox = match outgoing.mailbox {
                Some(id) => contained(self.inner.store.mailbox(id)).await??,
                None => None,
            };
            fresh.rewind();
            let moment = self.inner.moment(&client);
            let commit = settle(group, outgoing, sent, mailbox.as_ref(), &moment, &mut fresh);
            match contained(self.inner.store.commit(&commit)).await?? {
                Committed::Done => return Ok(true),
                Committed::Conflict => {}
            }
        }
        Ok(false)
    }

    async fn postponed(&self, group: &Group) -> Outcome {
        let client = Client::unknown();
        let Ok(mut fresh) = self.inner.fresh() else { return Outcome::Left };
        let commit = postpone(group, &self.inner.moment(&client), &mut fresh);
        match contained(self.inner.store.commit(&commit)).await {
            Ok(Ok(Committed::Done)) => Outcome::Postponed,
            _ => Outcome::Left,
        }
    }

    /// Counts, and settles in one commit all that came to nothing; one by one if one of them was lost to another courier.
    async fn settle_together(&self, done: Vec<Outcome>) -> Delivered {
        let mut delivered = Delivered::default();
        let mut nothing = Vec::new();
        for outcome in done {
            delivered.claimed += 1;
            match outcome {
                Outcome::Sent => delivered.sent += 1,
                Outcome::Refused => delivered.refused += 1,
                Outcome::Settled => delivered.unsent += 1,
                Outcome::Postponed => delivered.postponed += 1,
                Outcome::Left => delivered.left += 1,
                Outcome::Nothing(group, commit) => nothing.push((group, commit)),
            }
        }
        let count = u32::try_from(nothing.len()).unwrap_or(u32::MAX);
        let (mut all, mut each) = (Commit::new(), Vec::new());
        for (group, commit) in nothing {
            let commit = commit.settle_mail(group.intents());
            all = all.and(commit.clone());
            each.push(commit);
        }
        if each.is_empty() {
            return delivered;
        }
        match contained(self.inner.store.commit(&all)).await {
            Ok(Ok(Committed::Done)) => delivered.unsent += count,
            // One of them was lost to another courier, or is more than the store takes at once.
            _ => {
                for commit in each {
                    match contained(self.inner.store.commit(&commit)).await {
                        Ok(Ok(Committed::Done)) => delivered.unsent += 1,
                        _ => delivered.left += 1,
                    }
                }
            }
        }
        delivered
    }
}

/// What a decision has come to, once committed.
enum Decided {
    Nothing(Commit),
    Settled,
    Send(Box<(Outgoing, Mail)>),
    Lost,
}
