//! Each call that was answered has its one event, and each event its call. Not: whether the answer was right.

use std::collections::BTreeMap;

use super::history::History;
use super::{Breach, Found};
use crate::log::{Answer, Asked, Landed};

/// The kinds of events that go with an answer; none if the call records none.
fn kinds(asked: &Asked, answer: &Answer) -> &'static [&'static str] {
    match (asked, answer) {
        (Asked::Session { .. }, _) | (_, Answer::Busy) => &[],
        (Asked::Register { .. }, Answer::Accepted) => &["registration_received"],
        (Asked::Register { .. }, Answer::UsernameTaken) => &["registration_name_taken"],
        (Asked::Confirm { .. }, Answer::Confirmed) => &["registration_confirmed"],
        (Asked::Confirm { .. }, Answer::LinkInvalid) => &["confirmation_link_invalid"],
        (Asked::Confirm { .. }, Answer::Rejected) => &["confirmation_rejected"],
        (Asked::Confirm { .. }, Answer::UsernameTaken) => &["confirmation_name_taken"],
        (Asked::Confirm { .. }, Answer::TooManyUsers) => &["confirmation_too_many_users"],
        (Asked::Login { .. }, Answer::SignedIn { .. }) => &["signed_in"],
        (Asked::Login { .. }, Answer::MustChangePassword { .. }) => &["signed_in_temporarily"],
        (Asked::Login { .. }, Answer::Rejected) => {
            &["login_unknown", "login_wrong_password", "login_locked", "login_while_locked", "login_wrong_temporary"]
        }
        (Asked::ChangePassword { .. }, Answer::Changed { .. }) => &["password_changed"],
        (Asked::ChangePassword { .. }, Answer::Invalid) => &["password_change_invalid"],
        (Asked::ChangePassword { .. }, Answer::NotSignedIn) => &["password_change_refused"],
        (Asked::ChangePassword { .. }, Answer::Rejected) => {
            &["password_change_wrong_password", "password_change_locked", "password_change_while_locked"]
        }
        (Asked::LogOut { .. }, Answer::Done) => &["signed_out", "session_refused"],
        (Asked::LogOutEverywhere { .. }, Answer::Done) => &["signed_out_everywhere"],
        (Asked::CloseOtherSessions { .. }, Answer::Done) => &["other_sessions_closed"],
        (Asked::LogOutEverywhere { .. } | Asked::CloseOtherSessions { .. }, Answer::NoVisitor) => &["session_refused"],
        (Asked::RecoverPassword { .. }, Answer::Accepted) => &["recovery_requested"],
        (Asked::ConfirmRecovery { .. }, Answer::Accepted) => &["recovery_confirmed"],
        (Asked::ConfirmRecovery { .. }, Answer::LinkInvalid) => &["recovery_link_invalid"],
        _ => &["none that this answer has"],
    }
}

pub fn check(history: &History<'_>, found: &mut Found) {
    for call in &history.evidence.calls {
        let events = history.events.get(call.id.as_str()).map_or(&[][..], Vec::as_slice);
        if events.len() > 1 {
            found.breach(Breach::EventTooMany, format!("{} events of {call:?}", events.len()));
        }
        if matches!(call.answer, Answer::Unavailable { .. }) {
            continue;
        }
        let kinds = kinds(&call.asked, &call.answer);
        match events.first() {
            None if kinds.is_empty() => {}
            None => found.breach(Breach::EventMissing, format!("{call:?}")),
            Some(event) if !kinds.contains(&event.kind.as_str()) => {
                found.breach(Breach::EventUnlikeAnswer, format!("{} for {call:?}", event.kind));
            }
            Some(_) => {}
        }
    }
    for (call, events) in &history.events {
        if !history.calls.contains_key(call) {
            found.breach(Breach::EventTooMany, format!("{events:?} of no call"));
        }
    }
    of_couriers(history, found);
}

/// As many of each kind as commits recorded; more at most by those whose answer was lost.
fn of_couriers(history: &History<'_>, found: &mut Found) {
    let mut counts: BTreeMap<(&str, Option<&str>), [usize; 3]> = BTreeMap::new();
    for event in history.evidence.tables.events.iter().filter(|event| event.call.is_none()) {
        counts.entry((&event.kind, event.mail.as_deref())).or_default()[0] += 1;
    }
    for line in history.evidence.commits.iter().filter(|line| line.call.is_none()) {
        let place = match line.landed {
            Landed::Done => 1,
            Landed::Unknown(_) => 2,
            Landed::Conflict => continue,
        };
        for (kind, mail) in &line.events {
            counts.entry((kind, mail.as_deref())).or_default()[place] += 1;
        }
    }
    for (kind, [there, done, unknown]) in counts {
        if there < done {
            found.breach(Breach::EventMissing, format!("{there} events of couriers {kind:?}, {done} recorded"));
        }
        if there > done + unknown {
            found.breach(Breach::EventTooMany, format!("{there} events of couriers {kind:?}, {done} recorded"));
        }
    }
}
