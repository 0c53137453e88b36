//! The store that is being checked, and how. Not: the checks.
//!
//! **A check sees the store through its port alone; only events, which the port never reads, come another way.**

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::conformance::common::{Found, LocalFuture, Spawn, Task, Work, at_once, ensure, same, threads};
use crate::event::Event;
use crate::mail::intent::MailIntent;
use crate::plan::Commit;
use crate::port::error::BoxError;
use crate::port::user_store::{Claim, Committed, UserStore};

/// A new, empty store for one check; made by the macro, or by hand.
pub struct Subject {
    store: Arc<dyn UserStore>,
    events: Box<dyn Fn() -> LocalFuture<Vec<Event>>>,
    spawn: Spawn,
}

impl Subject {
    /// The store, and how to read every event that it has kept, in any order.
    pub fn new<S, E, F>(store: S, events: E) -> Self
    where
        S: UserStore + 'static,
        E: Fn(Arc<S>) -> F + 'static,
        F: Future<Output = Vec<Event>> + 'static,
    {
        let store = Arc::new(store);
        let read = Arc::clone(&store);
        Self { store, events: Box::new(move || Box::pin(events(Arc::clone(&read)))), spawn: threads() }
    }

    /// With tasks spawned in this way, in place of a thread for each: for a store that needs its runtime around it. It
    /// must return at once, and the tasks must run at the same time.
    #[must_use]
    pub fn spawned_by(mut self, spawn: impl Fn(Task) + Send + Sync + 'static) -> Self {
        self.spawn = Arc::new(spawn);
        self
    }

    pub(super) fn store(&self) -> &dyn UserStore {
        &*self.store
    }

    /// A handle for a task.
    pub(super) fn share(&self) -> Arc<dyn UserStore> {
        Arc::clone(&self.store)
    }

    pub(super) fn spawn(&self, task: Task) {
        (self.spawn)(task);
    }

    pub(super) async fn at_once<T: Send + 'static>(&self, tasks: Vec<Work<T>>) -> Result<Vec<T>, BoxError> {
        at_once(&self.spawn, tasks).await
    }

    /// Commits all of these at once.
    pub(super) async fn commit_at_once(&self, commits: Vec<Commit>) -> Result<Vec<Committed>, BoxError> {
        let task = |commit: Commit| -> Work<_> {
            let store = self.share();
            Box::pin(async move { store.commit(&commit).await })
        };
        self.at_once(commits.into_iter().map(task).collect()).await?.into_iter().collect()
    }

    pub(super) async fn commit(&self, commit: Commit) -> Result<Committed, BoxError> {
        self.store.commit(&commit).await
    }

    /// Commits what must land.
    pub(super) async fn done(&self, what: &str, commit: Commit) -> Found {
        let committed = self.store.commit(&commit).await?;
        ensure!(committed == Committed::Done, "{what} is a conflict");
        Ok(())
    }

    /// Commits what must be refused.
    pub(super) async fn conflict(&self, what: &str, commit: Commit) -> Found {
        let committed = self.store.commit(&commit).await?;
        ensure!(committed == Committed::Conflict, "{what} is done instead of a conflict");
        Ok(())
    }

    /// Claims at most so many groups.
    pub(super) async fn claim(&self, claim: Claim) -> Result<Vec<MailIntent>, BoxError> {
        self.store.claim_due_mail(claim).await
    }

    /// That the store keeps exactly these events.
    pub(super) async fn has_events(&self, expected: &[Event]) -> Found {
        let mut found = (self.events)().await;
        let place = |event: &Event| (event.at(), event.kind().code(), event.user(), event.address());
        let mut expected = expected.to_vec();
        found.sort_by_key(place);
        expected.sort_by_key(place);
        same("the list of events", &found, &expected)
    }

    /// How many events the store keeps of this instant.
    pub(super) async fn events_at(&self, at: Timestamp) -> usize {
        (self.events)().await.iter().filter(|event| event.at() == at).count()
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").finish_non_exhaustive()
    }
}
