//! A store that finds one user and one session whatever is asked, and keeps nothing: what is measured over it is the crate
//! alone. Not: a store.
//!
//! **It breaks every sentence of the contract; no benchmark rests on what it keeps.**

use std::sync::Arc;

use acceso::{
    Backlog, BoxError, Claim, Commit, Committed, Digest, EmailAddress, Entropy, EntropyError, MailIntent, Mailbox,
    MailboxId, Purged, Registration, RegistrationId, Session, Timestamp, User, UserId, UserStore, Username,
};
use async_trait::async_trait;

/// Finds what it was given, or nothing.
#[derive(Default)]
pub(crate) struct Nothing {
    pub(crate) session: Option<(Session, Arc<User>)>,
}

#[async_trait]
impl UserStore for Nothing {
    async fn user(&self, _: UserId) -> Result<Option<User>, BoxError> {
        Ok(None)
    }

    async fn user_named(&self, _: &Username) -> Result<Option<User>, BoxError> {
        Ok(None)
    }

    async fn users_with_email(&self, _: &EmailAddress) -> Result<Vec<User>, BoxError> {
        Ok(Vec::new())
    }

    async fn registration(&self, _: RegistrationId) -> Result<Option<Registration>, BoxError> {
        Ok(None)
    }

    async fn registrations(
        &self,
        _: &EmailAddress,
        _: Option<&Username>,
        _: u32,
    ) -> Result<Vec<Registration>, BoxError> {
        Ok(Vec::new())
    }

    async fn mailbox(&self, _: MailboxId) -> Result<Option<Mailbox>, BoxError> {
        Ok(None)
    }

    async fn mailbox_of(&self, _: &EmailAddress) -> Result<Option<Mailbox>, BoxError> {
        Ok(None)
    }

    async fn session(&self, _: &Digest) -> Result<Option<(Session, Arc<User>)>, BoxError> {
        Ok(self.session.clone())
    }

    async fn sessions_of(&self, _: UserId) -> Result<Vec<Session>, BoxError> {
        Ok(Vec::new())
    }

    async fn commit(&self, _: &Commit) -> Result<Committed, BoxError> {
        Ok(Committed::Done)
    }

    async fn claim_due_mail(&self, _: Claim) -> Result<Vec<MailIntent>, BoxError> {
        Ok(Vec::new())
    }

    async fn mail_backlog(&self) -> Result<Backlog, BoxError> {
        Ok(Backlog::default())
    }

    async fn purge(&self, _: Timestamp, _: u32) -> Result<Purged, BoxError> {
        Ok(Purged::default())
    }

    async fn forget_live(&self) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Bytes that cost nothing, always the same: fit for nothing but a store that keeps nothing.
pub(crate) struct Sevens;

impl Entropy for Sevens {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(7);
        Ok(())
    }
}
