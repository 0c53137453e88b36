//! Several handles of one store, each with connections of its own, that share the calls; and what must live as long as
//! they do. Not: a store.
//!
//! **What one handle has written, the next call reads through another.**

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use acceso::{
    Backlog, BoxError, Claim, Commit, Committed, Digest, EmailAddress, MailIntent, Mailbox, MailboxId, Purged,
    Registration, RegistrationId, Session, Timestamp, User, UserId, UserStore, Username,
};
use async_trait::async_trait;

/// The handles, and a guard that is dropped after them.
pub struct Handles<S, G> {
    opened: Vec<S>,
    next: AtomicUsize,
    _guard: G,
}

impl<S, G> Handles<S, G> {
    pub fn new(handles: impl IntoIterator<Item = S>, guard: G) -> Self {
        Self { opened: handles.into_iter().collect(), next: AtomicUsize::new(0), _guard: guard }
    }

    /// The one whose turn it is.
    pub fn one(&self) -> &S {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        &self.opened[turn % self.opened.len()]
    }
}

#[async_trait]
impl<S: UserStore, G: Send + Sync> UserStore for Handles<S, G> {
    async fn user(&self, id: UserId) -> Result<Option<User>, BoxError> {
        self.one().user(id).await
    }

    async fn user_named(&self, name: &Username) -> Result<Option<User>, BoxError> {
        self.one().user_named(name).await
    }

    async fn users_with_email(&self, email: &EmailAddress) -> Result<Vec<User>, BoxError> {
        self.one().users_with_email(email).await
    }

    async fn registration(&self, id: RegistrationId) -> Result<Option<Registration>, BoxError> {
        self.one().registration(id).await
    }

    async fn registrations(
        &self,
        email: &EmailAddress,
        name: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<Registration>, BoxError> {
        self.one().registrations(email, name, limit).await
    }

    async fn mailbox(&self, id: MailboxId) -> Result<Option<Mailbox>, BoxError> {
        self.one().mailbox(id).await
    }

    async fn mailbox_of(&self, email: &EmailAddress) -> Result<Option<Mailbox>, BoxError> {
        self.one().mailbox_of(email).await
    }

    async fn session(&self, digest: &Digest) -> Result<Option<(Session, Arc<User>)>, BoxError> {
        self.one().session(digest).await
    }

    async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, BoxError> {
        self.one().sessions_of(user).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, BoxError> {
        self.one().commit(commit).await
    }

    async fn claim_due_mail(&self, claim: Claim) -> Result<Vec<MailIntent>, BoxError> {
        self.one().claim_due_mail(claim).await
    }

    async fn mail_backlog(&self) -> Result<Backlog, BoxError> {
        self.one().mail_backlog().await
    }

    async fn purge(&self, now: Timestamp, limit: u32) -> Result<Purged, BoxError> {
        self.one().purge(now, limit).await
    }

    async fn forget_live(&self) -> Result<(), BoxError> {
        self.one().forget_live().await
    }
}
