//! What the clinic's staff and its nightly job do to a user. Not: anything that a visitor can ask for.
//!
//! **Staff can shut out, let in and remove, and never learn or set a password.**

use crate::entropy::Fresh;
use crate::event::EventKind;
use crate::flow::{Moment, Refreshed, Step, awaited_mail, refreshed};
use crate::patient::Patient;
use crate::plan::{Commit, Plan};
use crate::user::{DisabledBy, Status, User};

/// The answer to a call of the clinic's staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Administered {
    /// Done.
    Done,
    /// It was so already.
    Unchanged,
    /// There is no such user.
    NoSuchUser,
}

/// What a new look into the patient records made of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum PatientsRefreshed {
    /// The same patients.
    Unchanged,
    /// Other patients, one at least.
    Relinked,
    /// None is left: the user is disabled, every session has ended.
    Disabled,
    /// Some were found again: the user is enabled.
    Enabled,
    /// There is no such user.
    NoSuchUser,
}

fn without_effect<T>(answer: T, user: Option<&User>, m: &Moment<'_>) -> Step<T> {
    m.refuse(answer, EventKind::StaffCallWithoutEffect, user.map(User::id))
}

pub(crate) fn disable(user: Option<&User>, m: &Moment<'_>) -> Step<Administered> {
    let Some(user) = user else { return without_effect(Administered::NoSuchUser, None, m) };
    let already = matches!(user.status(), Status::Disabled { by: DisabledBy::Clinic, .. });
    match user.disabled(DisabledBy::Clinic, m.when()) {
        Some(disabled) if !already => {
            let commit = Commit::new()
                .replace_user(user, disabled)
                .close_sessions_of(user.id(), None)
                .record(m.event(EventKind::UserDisabled, Some(user.id())));
            Step::Done(Plan { answer: Administered::Done, commit })
        }
        _ => without_effect(Administered::Unchanged, Some(user), m),
    }
}

pub(crate) fn enable(user: Option<&User>, m: &Moment<'_>, fresh: &mut Fresh) -> Step<Administered> {
    let Some(user) = user else { return without_effect(Administered::NoSuchUser, None, m) };
    // Who has no patient is let in by the patient record alone.
    let by_clinic = matches!(user.status(), Status::Disabled { by: DisabledBy::Clinic, .. });
    match user.enabled(m.when()) {
        Some(enabled) if by_clinic => {
            let commit = enabling(user, enabled, EventKind::UserEnabled, m, fresh);
            Step::Done(Plan { answer: Administered::Done, commit })
        }
        _ => without_effect(Administered::Unchanged, Some(user), m),
    }
}

fn enabling(user: &User, enabled: User, kind: EventKind, m: &Moment<'_>, fresh: &mut Fresh) -> Commit {
    let mail = awaited_mail(&enabled, m, fresh);
    let commit = Commit::new().replace_user(user, enabled).record(m.event(kind, Some(user.id())));
    match mail {
        Some(mail) => commit.queue_mail(mail),
        None => commit,
    }
}

pub(crate) fn remove(user: Option<&User>, m: &Moment<'_>) -> Step<Administered> {
    let Some(user) = user else { return without_effect(Administered::NoSuchUser, None, m) };
    let commit = Commit::new()
        .remove_user(user)
        .close_sessions_of(user.id(), None)
        .record(m.event(EventKind::UserRemoved, Some(user.id())));
    Step::Done(Plan { answer: Administered::Done, commit })
}

pub(crate) fn revoke_sessions(user: Option<&User>, m: &Moment<'_>) -> Step<Administered> {
    let Some(user) = user else { return without_effect(Administered::NoSuchUser, None, m) };
    // Guarded, so that a login that is under way lands before, and its session ends too, or after.
    let commit = Commit::new()
        .guard_user(user)
        .close_sessions_of(user.id(), None)
        .record(m.event(EventKind::SessionsRevoked, Some(user.id())));
    Step::Done(Plan { answer: Administered::Done, commit })
}

pub(crate) fn refresh(
    user: Option<&User>,
    records: &[Patient],
    m: &Moment<'_>,
    fresh: &mut Fresh,
) -> Step<PatientsRefreshed> {
    let Some(user) = user else { return without_effect(PatientsRefreshed::NoSuchUser, None, m) };
    let event = |kind| m.event(kind, Some(user.id()));
    let (answer, commit) = match refreshed(user, records, m) {
        Refreshed::Unchanged => {
            (PatientsRefreshed::Unchanged, Commit::new().record(event(EventKind::PatientsConfirmed)))
        }
        Refreshed::Relinked(next) => (
            PatientsRefreshed::Relinked,
            Commit::new().replace_user(user, next).record(event(EventKind::PatientsChanged)),
        ),
        Refreshed::Disabled(next) => (
            PatientsRefreshed::Disabled,
            Commit::new()
                .replace_user(user, next)
                .close_sessions_of(user.id(), None)
                .record(event(EventKind::UserDisabledNoPatients)),
        ),
        Refreshed::Enabled(next) => {
            (PatientsRefreshed::Enabled, enabling(user, next, EventKind::UserEnabledPatientsFound, m, fresh))
        }
    };
    Step::Done(Plan { answer, commit })
}
