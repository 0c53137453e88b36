//! A signed-in user changes the password. Not: the recovery of a forgotten one.
//!
//! **A session alone is not enough, a wrong current password is a strike like any other, and afterwards every session but
//! a new one is dead.**

use std::sync::Arc;

use serde::Deserialize;

use crate::account::AccountState;
use crate::entropy::Fresh;
use crate::event::EventKind;
use crate::fault::{Fault, Field, Rule};
use crate::flow::{
    Moment, Run, Runs, SignedIn, Step, Typed, new_password_faults, open_session, personal_words, redacted,
};
use crate::mail::MailPurpose;
use crate::plan::{Commit, Plan};
use crate::secret::Password;
use crate::session::{Session, SessionKind};
use crate::user::User;

/// What the page *Cambiar Contraseña* asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordChangeForm {
    /// The present password. Not looked at in a session that was opened with a temporary one.
    #[serde(default = "nothing")]
    pub current: Password,
    /// The new password.
    pub new: Password,
    /// The new password again.
    pub repeated: Password,
}

fn nothing() -> Password {
    Password::new("")
}

redacted!(PasswordChangeForm);

/// The answer to a change of password.
#[derive(Debug)]
#[must_use]
pub enum PasswordChange {
    /// Done. Every session has ended, and this new one takes the place of the one that asked.
    Changed(SignedIn),
    /// Everything that is wrong with the form. Nothing has happened.
    Invalid(Vec<Fault>),
    /// The current password is wrong, or the password is locked. The strike that locks has ended this session too.
    Rejected,
    /// The token opens no session that could change a password: log in.
    NotSignedIn,
}

/// What was read.
pub(crate) type Facts = Option<(Session, Arc<User>)>;

pub(crate) fn decide(
    facts: &Facts,
    form: &PasswordChangeForm,
    runs: &Runs,
    m: &Moment<'_>,
    fresh: &mut Fresh,
) -> Step<PasswordChange> {
    let refused = |user| m.refuse(PasswordChange::NotSignedIn, EventKind::PasswordChangeRefused, user);
    let Some((session, user)) = facts else { return refused(None) };
    if !session.is_live(m.now, m.policy) || !user.is_active() {
        return refused(Some(user.id()));
    }
    let change = Change { session, user, form, runs, m };
    match (session.kind(), user.state(m.when())) {
        (SessionKind::Full, AccountState::Active | AccountState::Locked) => change.of_chosen(fresh),
        (SessionKind::MustChangePassword, AccountState::Temporary) if m.may_sign_in(user) => change.of_temporary(fresh),
        _ => refused(Some(user.id())),
    }
}

struct Change<'a> {
    session: &'a Session,
    user: &'a User,
    form: &'a PasswordChangeForm,
    runs: &'a Runs,
    m: &'a Moment<'a>,
}

impl Change<'_> {
    fn of_chosen(&self, fresh: &mut Fresh) -> Step<PasswordChange> {
        let mut faults = self.faults();
        if self.form.current.text().is_empty() && !self.form.current.is_over_long() {
            faults.insert(0, Fault::new(Field::Current, Rule::Empty));
        } else if self.form.new.matches(&self.form.current) {
            faults.push(Fault::new(Field::Password, Rule::Unchanged));
        }
        if !faults.is_empty() {
            return self.invalid(faults);
        }
        let Some(stored) = self.user.stored_hash() else { return self.refuse(EventKind::PasswordChangeRefused) };
        let run = Run::Verify { stored: stored.clone(), typed: Typed::Password, renew: false };
        let Some(ran) = self.runs.of(&run) else { return Step::Hash(run) };
        if ran.corrupt {
            return self.refuse(EventKind::CorruptCredential);
        }
        match self.user.state(self.m.when()) {
            AccountState::Active if ran.matched => self.hashed(fresh),
            AccountState::Active => self.wrong(fresh),
            _ => self.refuse(EventKind::PasswordChangeWhileLocked),
        }
    }

    fn of_temporary(&self, fresh: &mut Fresh) -> Step<PasswordChange> {
        let faults = self.faults();
        if !faults.is_empty() {
            return self.invalid(faults);
        }
        let Some(stored) = self.user.stored_hash() else { return self.refuse(EventKind::PasswordChangeRefused) };
        let run = Run::Verify { stored: stored.clone(), typed: Typed::New, renew: false };
        match self.runs.of(&run) {
            None => Step::Hash(run),
            Some(ran) if ran.matched => self.invalid(vec![Fault::new(Field::Password, Rule::Unchanged)]),
            Some(_) => self.hashed(fresh),
        }
    }

    fn faults(&self) -> Vec<Fault> {
        new_password_faults(&self.form.new, &self.form.repeated, &personal_words(self.user), self.m)
    }

    fn hashed(&self, fresh: &mut Fresh) -> Step<PasswordChange> {
        let run = Run::Hash { typed: Typed::New };
        let Some(hash) = self.runs.of(&run).and_then(|ran| ran.hash.clone()) else { return Step::Hash(run) };
        let (m, user) = (self.m, self.user);
        let Some(changed) = user.with_password(hash, m.when()) else {
            return self.refuse(EventKind::PasswordChangeRefused);
        };
        let opening = open_session(&changed, SessionKind::Full, self.session.is_remembered(), m, fresh);
        let commit = Commit::new()
            .guard_session(self.session)
            .close_sessions_of(user.id(), None)
            .open_session(opening.session.clone(), m.policy.session.per_user)
            .queue_mail(m.mail_to(&changed, MailPurpose::PasswordChanged, fresh))
            .record(m.event(EventKind::PasswordChanged, Some(user.id())))
            .replace_user(user, changed);
        Step::Done(Plan { answer: PasswordChange::Changed(opening.into()), commit })
    }

    fn wrong(&self, fresh: &mut Fresh) -> Step<PasswordChange> {
        let (m, user) = (self.m, self.user);
        // Judged on the strength of the session: one that has ended meanwhile judges nothing.
        let commit = match user.struck(m.when()) {
            None => return self.refuse(EventKind::PasswordChangeWhileLocked),
            Some((false, struck)) => Commit::new()
                .guard_session(self.session)
                .replace_user(user, struck)
                .record(m.event(EventKind::PasswordChangeWrongPassword, Some(user.id()))),
            Some((true, locked)) => Commit::new()
                .guard_session(self.session)
                .replace_user(user, locked)
                .close_session(*self.session.digest())
                .queue_mail(m.mail_to(user, MailPurpose::UserLocked, fresh))
                .record(m.event(EventKind::PasswordChangeLocked, Some(user.id()))),
        };
        Step::Done(Plan { answer: PasswordChange::Rejected, commit })
    }

    fn invalid(&self, faults: Vec<Fault>) -> Step<PasswordChange> {
        self.m.refuse(PasswordChange::Invalid(faults), EventKind::PasswordChangeInvalid, Some(self.user.id()))
    }

    fn refuse(&self, kind: EventKind) -> Step<PasswordChange> {
        self.m.refuse(PasswordChange::Rejected, kind, Some(self.user.id()))
    }
}
