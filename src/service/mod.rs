//! The service that a host holds: it reads facts, lets a flow decide, hashes where the flow asks for it, and commits once.
//! Not: any rule; those are in the flows.
//!
//! **Nothing is written but by `carry_out`, the touch of a session, the note of a record that cannot be read, and the
//! courier.**

pub(crate) mod administration;
pub(crate) mod builder;
pub(crate) mod confirmation;
pub(crate) mod courier;
pub(crate) mod hashing;
pub(crate) mod login;
pub(crate) mod password_change;
pub(crate) mod password_recovery;
pub(crate) mod registration;
pub(crate) mod session;
pub(crate) mod username_recovery;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::client::Client;
use crate::clock::{Clock, Timestamp};
use crate::entropy::{Entropy, Fresh};
use crate::error::Error;
use crate::event::{Event, EventKind};
use crate::flow::{Moment, Run, Runs, Step, Typed};
use crate::plan::{Commit, Plan};
use crate::policy::Policy;
use crate::port::error::{BoxError, UnreadableRecord};
use crate::port::mailer::Mailer;
use crate::port::patient_registry::PatientRegistry;
use crate::port::user_store::{Committed, UserStore};
use crate::secret::Password;
use crate::service::builder::Builder;
use crate::service::hashing::{HashPool, Permit, RETRY_AFTER, RunError};
use crate::text::Portal;

/// The whole life of user accounts, over the host's store, registry and mailer. One cheap handle: clone it freely.
///
/// Every call can be dropped at any await: it has then happened wholly or not at all, and can be repeated. Every call
/// fails with [`Error::Unavailable`] if the store cannot be asked, and with [`Error::Busy`] if too much is asked at once.
#[derive(Clone)]
pub struct Acceso {
    inner: Arc<Inner>,
}

/// The paths of the pages that mailed links open.
#[derive(Debug, Clone)]
pub(crate) struct Pages {
    pub(crate) confirmation: String,
    pub(crate) password_recovery: String,
}

impl Default for Pages {
    fn default() -> Self {
        Self { confirmation: "/confirmation".into(), password_recovery: "/password-recovery/confirmation".into() }
    }
}

/// What the handles and the courier share.
pub(crate) struct Inner {
    pub(crate) store: Arc<dyn UserStore>,
    pub(crate) registry: Arc<dyn PatientRegistry>,
    pub(crate) policy: Policy,
    pub(crate) portal: Portal,
    pub(crate) pages: Pages,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pool: HashPool,
    waiting: Gauge,
}

/// How much typed mail waits, asked of the store at most once a second, by whoever comes first: so that it costs the same
/// whoever is asked about.
#[derive(Debug)]
struct Gauge {
    typed: AtomicU64,
    read_at: AtomicI64,
}

const GAUGE_INTERVAL: Duration = Duration::from_secs(1);

/// The typed passwords of a request, and the place in the queue that it hashes under.
pub(crate) struct Hashing<'a> {
    pub(crate) permit: &'a Permit,
    pub(crate) password: Option<&'a Password>,
    pub(crate) new: Option<&'a Password>,
}

/// More conflicts than this beyond the strikes that lock are not strangers' guesses, but a store in trouble.
const SPARE_ATTEMPTS: u16 = 16;

/// The most runs of Argon2 for one request: eight registrations to try, and a new hash after each stale one.
const MOST_RUNS: usize = 16;

#[derive(Debug, thiserror::Error)]
enum Exhausted {
    #[error("the commit met a conflict every time")]
    Conflicts,
    #[error("the decision asked for too many hashes")]
    Runs,
    #[error("the decision drew more randomness than there was")]
    Randomness,
    #[error("the decision asked for a hash of a password that was not typed")]
    Password,
}

impl Acceso {
    /// Begins to put the service together. The three ports are arguments, so that none can be forgotten; each may be an
    /// `Arc`.
    pub fn builder(
        store: impl UserStore + 'static,
        registry: impl PatientRegistry + 'static,
        mailer: impl Mailer + 'static,
    ) -> Builder {
        Builder::new(Arc::new(store), Arc::new(registry), Arc::new(mailer))
    }

    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// What the pages are built from: name, address, contact and clock.
    #[allow(dead_code, reason = "the pages of feature `axum` ask for it")]
    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// What the clinic decided.
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// Ends the hashing threads of the calls and waits for them; the courier's own ends with the courier. Calls that need a hash are answered with an error from then on; what
    /// waits in the queue too. Dropping the last handle and the courier does the same without waiting.
    ///
    /// Dropping the future leaves the threads to end by themselves.
    pub async fn shutdown(&self) {
        self.inner.pool.close();
        let (done, ended) = tokio::sync::oneshot::channel();
        let inner = Arc::clone(&self.inner);
        let joiner = std::thread::Builder::new().name("acceso-shutdown".into()).spawn(move || {
            inner.pool.join();
            let _ = done.send(());
        });
        // Without a thread to wait on, nobody waits: the pool is closed all the same.
        if joiner.is_ok() {
            let _ = ended.await;
        }
    }
}

impl fmt::Debug for Acceso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceso").field("portal", &self.inner.portal.name).finish_non_exhaustive()
    }
}

impl Inner {
    #[allow(clippy::too_many_arguments, reason = "each is a part of the service, and the builder has them all")]
    pub(crate) fn new(
        store: Arc<dyn UserStore>,
        registry: Arc<dyn PatientRegistry>,
        policy: Policy,
        portal: Portal,
        pages: Pages,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        pool: HashPool,
    ) -> Self {
        let waiting = Gauge { typed: AtomicU64::new(0), read_at: AtomicI64::new(i64::MIN) };
        Self { store, registry, policy, portal, pages, clock, entropy, pool, waiting }
    }

    pub(crate) fn moment<'a>(&'a self, client: &'a Client) -> Moment<'a> {
        Moment { now: self.clock.now(), policy: &self.policy, portal_name: &self.portal.name, client }
    }

    pub(crate) fn fresh(&self) -> Result<Fresh, Error> {
        Fresh::draw(&*self.entropy).map_err(Error::unavailable)
    }

    /// Refuses everybody alike while more requests of strangers wait for delivery than the policy allows.
    pub(crate) async fn room_for_mail(&self) -> Result<(), Error> {
        let now = self.clock.now().as_millis();
        let read_at = self.waiting.read_at.load(Ordering::Acquire);
        let stale = now.abs_diff(read_at) >= u64::try_from(GAUGE_INTERVAL.as_millis()).unwrap_or(u64::MAX);
        let mine =
            stale && self.waiting.read_at.compare_exchange(read_at, now, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if mine {
            let typed = self.store.mail_backlog().await.map_err(Error::unavailable)?.typed;
            self.waiting.typed.store(typed, Ordering::Release);
        }
        let full = self.waiting.typed.load(Ordering::Acquire) >= u64::from(self.policy.mail.max_waiting);
        if full { Err(Error::Busy { retry_after: 60 * GAUGE_INTERVAL }) } else { Ok(()) }
    }

    /// Reads, decides, hashes where the decision asks for it, and commits; again from the start if the commit met a
    /// conflict, and only then: a commit whose answer was lost may have landed.
    pub(crate) async fn carry_out<F, R, T>(
        &self,
        client: &Client,
        hashing: Option<Hashing<'_>>,
        read: impl Fn() -> R,
        decide: impl Fn(&F, &Runs, &Moment<'_>, &mut Fresh) -> Step<T>,
    ) -> Result<T, Error>
    where
        R: Future<Output = Result<F, BoxError>>,
    {
        let mut fresh = self.fresh()?;
        let mut runs = Runs::default();
        let mut asked = 0;
        for _ in 0..self.policy.lockout.threshold.saturating_add(SPARE_ATTEMPTS) {
            let facts = self.read(read(), client).await?;
            let Plan { answer, commit } = loop {
                fresh.rewind();
                let step = decide(&facts, &runs, &self.moment(client), &mut fresh);
                if fresh.overdrawn() {
                    return Err(Error::unavailable(Exhausted::Randomness));
                }
                match step {
                    Step::Done(plan) => break plan,
                    Step::Hash(_) if asked == MOST_RUNS => return Err(Error::unavailable(Exhausted::Runs)),
                    Step::Hash(run) => {
                        asked += 1;
                        let ran = self.hash(hashing.as_ref(), run.clone()).await?;
                        runs.add(run, ran);
                    }
                }
            };
            match self.store.commit(&commit).await.map_err(Error::unavailable)? {
                Committed::Done => return Ok(answer),
                Committed::Conflict => {}
            }
        }
        Err(Error::unavailable(Exhausted::Conflicts))
    }

    /// What the store was asked for, or what the call answers if that failed.
    pub(crate) async fn read<T>(
        &self,
        asked: impl Future<Output = Result<T, BoxError>>,
        client: &Client,
    ) -> Result<T, Error> {
        match asked.await {
            Ok(found) => Ok(found),
            Err(cause) => {
                self.note_unreadable(&cause, client).await;
                Err(Error::unavailable(cause))
            }
        }
    }

    /// That a record is there and cannot be read is for the staff to know. If the event cannot be written either, the
    /// error has to do.
    pub(crate) async fn note_unreadable(&self, cause: &BoxError, client: &Client) {
        if let Some(record) = cause.downcast_ref::<UnreadableRecord>() {
            let event = Event::new(self.clock.now(), EventKind::RecordUnreadable, record.user(), client);
            let _ = self.store.commit(&Commit::new().record(event)).await;
        }
    }

    async fn hash(&self, hashing: Option<&Hashing<'_>>, run: Run) -> Result<crate::flow::Ran, Error> {
        let hashing = hashing.ok_or_else(|| Error::unavailable(Exhausted::Password))?;
        let password = match run {
            Run::Dummy => hashing.password.or(hashing.new),
            Run::Verify { typed, .. } | Run::Hash { typed } => match typed {
                Typed::Password => hashing.password,
                Typed::New => hashing.new,
            },
        };
        let password = password.ok_or_else(|| Error::unavailable(Exhausted::Password))?;
        self.pool.run(hashing.permit, run, password).await.map_err(|error| match error {
            // Nothing has been written, and a later try finds room.
            RunError::Late => Error::Busy { retry_after: RETRY_AFTER },
            error => Error::unavailable(error),
        })
    }

    pub(crate) fn pool(&self) -> &HashPool {
        &self.pool
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
