//! A request comes with a session; its owner lists and ends sessions. Not: how one is opened.
//!
//! **What ended stays ended: looking at a session never brings one back.**

use std::sync::Arc;

use crate::client::DeviceLabel;
use crate::clock::Timestamp;
use crate::event::EventKind;
use crate::flow::{Moment, Step};
use crate::identity::SessionId;
use crate::plan::{Commit, Plan};
use crate::secret::Digest;
use crate::session::{Session, SessionKind};
use crate::user::User;

/// A signed-in visitor.
#[derive(Debug, Clone)]
pub struct Visitor {
    session: Session,
    user: Arc<User>,
}

impl Visitor {
    /// Who it is. The patients linked here were proved earlier: check each at use.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// The id of this session in [`Acceso::sessions`](crate::Acceso::sessions).
    pub fn session(&self) -> SessionId {
        self.session.id()
    }

    /// When the password was typed: ask for it again before something grave if that is long ago.
    pub fn authenticated_at(&self) -> Timestamp {
        self.session.opened_at()
    }

    /// Whether the visitor asked to stay signed in.
    pub fn is_remembered(&self) -> bool {
        self.session.is_remembered()
    }

    /// When the session ends at the latest.
    pub fn ends_at(&self) -> Timestamp {
        self.session.absolute_end()
    }
}

/// A visitor who has logged in with a temporary password: not signed in, and only to be shown the page that changes it.
#[derive(Debug, Clone)]
pub struct RestrictedVisitor {
    session: Session,
    user: Arc<User>,
}

impl RestrictedVisitor {
    /// Who it is.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// When the session ends at the latest.
    pub fn ends_at(&self) -> Timestamp {
        self.session.absolute_end()
    }
}

impl From<Visitor> for RestrictedVisitor {
    fn from(Visitor { session, user }: Visitor) -> Self {
        Self { session, user }
    }
}

/// One line of a user's list of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// Names it, to end it.
    pub id: SessionId,
    /// Whether it is the one that asked for the list.
    pub is_this: bool,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was last used, to the policy's touch interval.
    pub last_seen: Timestamp,
    /// The device, as the host named it.
    pub device: Option<DeviceLabel>,
    /// Whether it is kept beyond the browser's end.
    pub remembered: bool,
}

/// What was read.
pub(crate) type Facts = Option<(Session, Arc<User>)>;

/// The session and its user, if it is live and of this kind.
pub(crate) fn live<'a>(facts: &'a Facts, kind: SessionKind, m: &Moment<'_>) -> Option<(&'a Session, &'a Arc<User>)> {
    let (session, user) = facts.as_ref()?;
    let matches = session.kind() == kind && session.is_live(m.now, m.policy) && user.is_active();
    matches.then_some((session, user))
}

/// The visitor, and a note of "last seen" if the last one is old enough.
pub(crate) fn visitor(facts: Facts, kind: SessionKind, m: &Moment<'_>) -> (Option<Visitor>, Option<Commit>) {
    if live(&facts, kind, m).is_none() {
        return (None, None);
    }
    let Some((session, user)) = facts else { return (None, None) };
    let touch = session.wants_touch(m.now, m.policy).then(|| Commit::new().touch_session(&session, m.now));
    (Some(Visitor { session, user }), touch)
}

/// The user's live sessions, the one that asks first, then the last seen first.
pub(crate) fn list(asking: &Session, sessions: Vec<Session>, m: &Moment<'_>) -> Vec<SessionInfo> {
    let live = sessions.into_iter().filter(|session| session.is_live(m.now, m.policy));
    let mut list: Vec<SessionInfo> = live
        .map(|session| SessionInfo {
            id: session.id(),
            is_this: session.digest() == asking.digest(),
            opened_at: session.opened_at(),
            last_seen: session.last_seen(),
            device: session.device().cloned(),
            remembered: session.is_remembered(),
        })
        .collect();
    list.sort_by_key(|info| (!info.is_this, std::cmp::Reverse(info.last_seen), info.id));
    list
}

/// Ends the session of the token, whatever became of it meanwhile: also a dead one is taken away.
pub(crate) fn log_out(facts: &Facts, digest: Digest, m: &Moment<'_>) -> Step<()> {
    let Some((_, user)) = facts else { return m.refuse((), EventKind::SessionRefused, None) };
    let commit = Commit::new().close_session(digest).record(m.event(EventKind::SignedOut, Some(user.id())));
    Step::Done(Plan { answer: (), commit })
}

/// Which sessions their owner ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    One(SessionId),
    Others,
    All,
}

/// Ends sessions of the owner of a live one. `None` if the asking session is not live.
pub(crate) fn end(facts: &Facts, sessions: &[Session], ending: Ending, m: &Moment<'_>) -> Step<Option<()>> {
    let Some((session, user)) = live(facts, SessionKind::Full, m) else {
        return m.refuse(None, EventKind::SessionRefused, facts.as_ref().map(|(_, user)| user.id()));
    };
    // A session that a change of password has just ended must not end the new one.
    let commit = Commit::new().guard_session(session);
    let (commit, kind) = match ending {
        Ending::One(id) => {
            let named = sessions.iter().find(|other| other.id() == id && other.user() == user.id());
            let commit = match named {
                Some(named) => commit.close_session(*named.digest()),
                None => commit,
            };
            (commit, EventKind::SessionClosed)
        }
        Ending::Others => {
            (commit.close_sessions_of(user.id(), Some(*session.digest())), EventKind::OtherSessionsClosed)
        }
        Ending::All => (commit.close_sessions_of(user.id(), None), EventKind::SignedOutEverywhere),
    };
    Step::Done(Plan { answer: Some(()), commit: commit.record(m.event(kind, Some(user.id()))) })
}
