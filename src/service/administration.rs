//! What the clinic's staff and its jobs do, as calls. None of these is for a visitor's request.

use crate::account::AccountState;
use crate::client::Client;
use crate::error::Error;
use crate::event::EventKind;
use crate::flow::administration::{Administered, PatientsRefreshed, disable, enable, refresh, remove, revoke_sessions};
use crate::identity::UserId;
use crate::patient::Patient;
use crate::port::error::BoxError;
use crate::port::user_store::Backlog;
use crate::service::{Acceso, Inner};
use crate::user::User;

impl Acceso {
    /// Shuts a user out: no login, every session ended, every link dead. Records one event.
    pub async fn disable(&self, user: UserId, client: &Client) -> Result<Administered, Error> {
        let read = || self.inner.store.user(user);
        self.inner.carry_out(client, None, read, |user, _, m, _| disable(user.as_ref(), m)).await
    }

    /// Lets a user in again, with the password (or the lock) that he had. Who awaited a temporary password is sent one.
    /// Who was disabled because no patient was left stays so: [`refresh_patients`](Self::refresh_patients) lifts that.
    /// Records one event.
    pub async fn enable(&self, user: UserId, client: &Client) -> Result<Administered, Error> {
        let read = || self.inner.store.user(user);
        self.inner.carry_out(client, None, read, |user, _, m, fresh| enable(user.as_ref(), m, fresh)).await
    }

    /// Removes a user for good; the id is never used again, the user name may be. Events stay. Records one event.
    pub async fn remove(&self, user: UserId, client: &Client) -> Result<Administered, Error> {
        let read = || self.inner.store.user(user);
        self.inner.carry_out(client, None, read, |user, _, m, _| remove(user.as_ref(), m)).await
    }

    /// Ends every session of a user. Records one event.
    pub async fn revoke_sessions(&self, user: UserId, client: &Client) -> Result<Administered, Error> {
        let read = || self.inner.store.user(user);
        self.inner.carry_out(client, None, read, |user, _, m, _| revoke_sessions(user.as_ref(), m)).await
    }

    /// Reads the patient records of the user's address again, for a host's nightly job: links those that are there now,
    /// disables the user if none is left, and lifts exactly that when some are found again. Records one event.
    ///
    /// `Unavailable` if the registry cannot be asked; nothing changes then.
    pub async fn refresh_patients(&self, user: UserId, client: &Client) -> Result<PatientsRefreshed, Error> {
        let read = || self.inner.read_refresh(user);
        self.inner
            .carry_out(client, None, read, |(user, records), _, m, fresh| refresh(user.as_ref(), records, m, fresh))
            .await
    }

    /// Where a user's account stands, for the staff whom a patient calls: locked, awaiting a temporary password, disabled.
    /// `None` if there is no such user. Never for a visitor's request: it tells that the account exists.
    pub async fn account_state(&self, user: UserId) -> Result<Option<AccountState>, Error> {
        let unknown = Client::unknown();
        let user = self.inner.read(self.inner.store.user(user), &unknown).await?;
        let when = self.inner.moment(&unknown).when();
        Ok(user.map(|user| user.state(when)))
    }

    /// How much mail waits, for a health check: a queue whose oldest is overdue by more than two leases means that no courier
    /// runs, and one that grows without being overdue that mail does not leave. `docs::stores` has a check to copy.
    pub async fn mail_backlog(&self) -> Result<Backlog, Error> {
        self.inner.store.mail_backlog().await.map_err(Error::unavailable)
    }

    /// To be called once on a store restored from a backup, or copied for staging, before the courier runs and before
    /// serving: forgets every session, link, registration and mail of the copy, so that it neither mails real patients nor
    /// honours old links. Chosen passwords and locks are those of the backup. Records one event.
    pub async fn after_restore(&self, client: &Client) -> Result<(), Error> {
        self.inner.store.forget_live().await.map_err(Error::unavailable)?;
        self.inner
            .carry_out(client, None, || async { Ok(()) }, |(), _, m, _| m.refuse((), EventKind::RestoreForgotten, None))
            .await
    }
}

impl Inner {
    async fn read_refresh(&self, user: UserId) -> Result<(Option<User>, Vec<Patient>), BoxError> {
        let Some(user) = self.store.user(user).await? else { return Ok((None, Vec::new())) };
        let records = self.registry.patients_with_email(user.email()).await?;
        Ok((Some(user), records))
    }
}
