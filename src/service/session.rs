//! Sessions, as calls.

use crate::client::Client;
use crate::error::Error;
use crate::flow::session::{Ending, Facts, RestrictedVisitor, SessionInfo, Visitor, end, list, live, log_out, visitor};
use crate::identity::SessionId;
use crate::port::error::BoxError;
use crate::secret::SessionToken;
use crate::service::{Acceso, Inner};
use crate::session::{Session, SessionKind};

impl Acceso {
    /// The visitor whose session the token opens, or `None`: unknown, ended, or opened with a temporary password.
    ///
    /// One read of the store; a note of "last seen" at most once in the policy's touch interval. Ask it for each request,
    /// and keep nothing of it beyond: a disabled user is out at the next one.
    pub async fn session(&self, token: &SessionToken) -> Result<Option<Visitor>, Error> {
        self.visitor(token, SessionKind::Full).await
    }

    /// The visitor who has logged in with a temporary password and must change it, or `None`. All he can do is
    /// [`change_password`](Self::change_password) and [`log_out`](Self::log_out).
    pub async fn restricted_session(&self, token: &SessionToken) -> Result<Option<RestrictedVisitor>, Error> {
        Ok(self.visitor(token, SessionKind::MustChangePassword).await?.map(RestrictedVisitor::from))
    }

    /// The live sessions of the token's user, this one first; `None` if the token opens no session.
    pub async fn sessions(&self, token: &SessionToken) -> Result<Option<Vec<SessionInfo>>, Error> {
        let unknown = Client::unknown();
        let facts = self.inner.read(self.inner.read_session(token), &unknown).await?;
        let moment = self.inner.moment(&unknown);
        let Some((session, user)) = live(&facts, SessionKind::Full, &moment) else { return Ok(None) };
        let sessions = self.inner.read(self.inner.store.sessions_of(user.id()), &unknown).await?;
        Ok(Some(list(session, sessions, &moment)))
    }

    /// Ends the session of the token, of whichever kind. Ending it again does nothing.
    ///
    /// Records one event.
    pub async fn log_out(&self, token: &SessionToken, client: &Client) -> Result<(), Error> {
        let read = || self.inner.read_session(token);
        self.inner.carry_out(client, None, read, |facts, _, m, _| log_out(facts, token.digest(), m)).await
    }

    /// Ends another session of the token's user, by its id in [`sessions`](Self::sessions); one that is not there, or not
    /// his, is left alone. `None` if the token opens no session.
    ///
    /// Records one event.
    pub async fn close_session(
        &self,
        token: &SessionToken,
        id: SessionId,
        client: &Client,
    ) -> Result<Option<()>, Error> {
        self.end(token, Ending::One(id), client).await
    }

    /// Ends all other sessions of the token's user. `None` if the token opens no session.
    ///
    /// Records one event.
    pub async fn close_other_sessions(&self, token: &SessionToken, client: &Client) -> Result<Option<()>, Error> {
        self.end(token, Ending::Others, client).await
    }

    /// Ends all sessions of the token's user, this one too. `None` if the token opens no session.
    ///
    /// Records one event.
    pub async fn log_out_everywhere(&self, token: &SessionToken, client: &Client) -> Result<Option<()>, Error> {
        self.end(token, Ending::All, client).await
    }

    async fn visitor(&self, token: &SessionToken, kind: SessionKind) -> Result<Option<Visitor>, Error> {
        let unknown = Client::unknown();
        let facts = self.inner.read(self.inner.read_session(token), &unknown).await?;
        let (visitor, touch) = visitor(facts, kind, &self.inner.moment(&unknown));
        if let Some(touch) = touch {
            // It relies on nothing that was read, so there is no conflict to meet.
            let _ = self.inner.store.commit(&touch).await.map_err(Error::unavailable)?;
        }
        Ok(visitor)
    }

    async fn end(&self, token: &SessionToken, ending: Ending, client: &Client) -> Result<Option<()>, Error> {
        let read = || self.inner.read_ending(token, ending);
        self.inner.carry_out(client, None, read, |(facts, sessions), _, m, _| end(facts, sessions, ending, m)).await
    }
}

impl Inner {
    async fn read_ending(&self, token: &SessionToken, ending: Ending) -> Result<(Facts, Vec<Session>), BoxError> {
        let facts = self.read_session(token).await?;
        let sessions = match (&facts, ending) {
            (Some((_, user)), Ending::One(_)) => self.store.sessions_of(user.id()).await?,
            _ => Vec::new(),
        };
        Ok((facts, sessions))
    }
}
