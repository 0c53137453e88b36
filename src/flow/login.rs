//! A user logs in. Not: whether a password is good, which was judged when it was set.
//!
//! **Unknown, unconfirmed, wrong, locked and disabled get one answer for the same work, and a session opens only in a
//! commit that rests on the version whose strikes were read.**

use serde::Deserialize;

use crate::account::AccountState;
use crate::clock::Timestamp;
use crate::entropy::Fresh;
use crate::event::EventKind;
use crate::flow::{Moment, Opening, Ran, Run, Runs, SignedIn, Step, Typed, open_session, redacted};
use crate::identity::Username;
use crate::mail::MailPurpose;
use crate::plan::{Commit, Plan};
use crate::secret::{Password, SessionToken};
use crate::session::SessionKind;
use crate::user::User;

/// What the page *Ingrese a su cuenta* asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginForm {
    /// The user name.
    pub username: String,
    /// The password, or the temporary one.
    pub password: Password,
    /// A session that the browser still presents: a login that succeeds ends it, so that no one can have planted it.
    #[serde(skip)]
    pub replaces: Option<SessionToken>,
}

impl LoginForm {
    /// A login of a browser without a session.
    pub fn new(username: impl Into<String>, password: impl Into<Password>) -> Self {
        Self { username: username.into(), password: password.into(), replaces: None }
    }

    /// With the session that the browser presents.
    #[must_use]
    pub fn replacing(mut self, token: SessionToken) -> Self {
        self.replaces = Some(token);
        self
    }
}

/// Whether the visitor asked to stay signed in ("Mantener sesión iniciada").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stay {
    /// For as long as the policy keeps one signed in; if it does not, as [`Stay::Session`].
    SignedIn,
    /// Until the browser is closed, or the session ends by itself.
    #[default]
    Session,
}

/// The answer to a login.
#[derive(Debug)]
#[must_use]
pub enum Login {
    /// The user is signed in.
    SignedIn(SignedIn),
    /// The temporary password was right: the only thing that can be done is to change the password.
    MustChangePassword(Restricted),
    /// No. Unknown name, unconfirmed registration, wrong password, locked or disabled: which one is not told.
    Rejected,
}

/// A session that was opened with a temporary password. [`Acceso::session`](crate::Acceso::session) does not know it.
///
/// It is no [`SignedIn`], so that no handler takes one for the other:
/// ```compile_fail,E0308
/// # use acceso::{Login, SignedIn};
/// fn signed_in(login: Login) -> Option<SignedIn> {
///     match login {
///         Login::SignedIn(session) | Login::MustChangePassword(session) => Some(session),
///         Login::Rejected => None,
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Restricted {
    /// For the visitor's browser; a secret.
    pub token: SessionToken,
    /// When it ends at the latest.
    pub ends_at: Timestamp,
}

pub(crate) struct Request {
    pub(crate) username: Option<Username>,
    pub(crate) password: Password,
    replaces: Option<SessionToken>,
    stay: Stay,
}

redacted!(LoginForm, Request);

pub(crate) fn parse(form: LoginForm, stay: Stay) -> Request {
    Request { username: form.username.parse().ok(), password: form.password, replaces: form.replaces, stay }
}

pub(crate) fn decide(
    user: Option<&User>,
    request: &Request,
    runs: &Runs,
    m: &Moment<'_>,
    fresh: &mut Fresh,
) -> Step<Login> {
    let run = match user.and_then(User::stored_hash) {
        Some(stored) => {
            let renew = user.is_some_and(|user| m.may_sign_in(user));
            Run::Verify { stored: stored.clone(), typed: Typed::Password, renew }
        }
        None => Run::Dummy,
    };
    let Some(ran) = runs.of(&run) else { return Step::Hash(run) };
    let rejected = |kind| m.refuse(Login::Rejected, kind, user.map(User::id));
    let Some(user) = user else { return rejected(EventKind::LoginUnknown) };
    if ran.corrupt {
        return rejected(EventKind::CorruptCredential);
    }
    match user.state(m.when()) {
        AccountState::Active if ran.matched => Step::Done(signed_in(user, ran, request, m, fresh)),
        AccountState::Active => Step::Done(wrong(user, m, fresh)),
        AccountState::Locked => rejected(EventKind::LoginWhileLocked),
        AccountState::Temporary if ran.matched && m.may_sign_in(user) => {
            Step::Done(signed_in_temporarily(user, request, m, fresh))
        }
        AccountState::Temporary | AccountState::AwaitingTemporary => rejected(EventKind::LoginWrongTemporary),
        AccountState::Registered | AccountState::Disabled | AccountState::Removed => {
            rejected(EventKind::LoginWhileDisabled)
        }
    }
}

fn signed_in(user: &User, ran: &Ran, request: &Request, m: &Moment<'_>, fresh: &mut Fresh) -> Plan<Login> {
    let opening = open_session(user, SessionKind::Full, request.stay == Stay::SignedIn, m, fresh);
    let commit = without_presented(Commit::new(), request)
        .replace_or_guard_user(user, user.signed_in(ran.hash.clone(), m.when()))
        .open_session(opening.session.clone(), m.policy.session.per_user)
        .record(m.event(EventKind::SignedIn, Some(user.id())));
    Plan { answer: Login::SignedIn(opening.into()), commit }
}

/// An earlier session of the temporary password ends: two people with it must not both change the password.
fn signed_in_temporarily(user: &User, request: &Request, m: &Moment<'_>, fresh: &mut Fresh) -> Plan<Login> {
    let Opening { token, session } = open_session(user, SessionKind::MustChangePassword, false, m, fresh);
    let ends_at = session.absolute_end;
    let commit = without_presented(Commit::new(), request)
        .guard_user(user)
        .close_sessions_of(user.id(), None)
        .open_session(session, 1)
        .record(m.event(EventKind::SignedInTemporarily, Some(user.id())));
    Plan { answer: Login::MustChangePassword(Restricted { token, ends_at }), commit }
}

fn without_presented(commit: Commit, request: &Request) -> Commit {
    match &request.replaces {
        Some(presented) => commit.close_session(presented.digest()),
        None => commit,
    }
}

fn wrong(user: &User, m: &Moment<'_>, fresh: &mut Fresh) -> Plan<Login> {
    let id = Some(user.id());
    let commit = match user.struck(m.when()) {
        Some((true, locked)) => {
            let notice = m.mail_to(user, MailPurpose::UserLocked, fresh);
            Commit::new().replace_user(user, locked).queue_mail(notice).record(m.event(EventKind::LoginLocked, id))
        }
        Some((false, struck)) => {
            Commit::new().replace_user(user, struck).record(m.event(EventKind::LoginWrongPassword, id))
        }
        None => Commit::new().record(m.event(EventKind::LoginWhileLocked, id)),
    };
    Plan { answer: Login::Rejected, commit }
}
