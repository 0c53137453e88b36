//! Sessions live from what opened them to what ends them, and not a moment longer. Not: the passwords that open them.

use std::collections::HashMap;

use super::history::{History, Operation, session_of};
use super::{Breach, Found};
use crate::log::{Answer, Asked, Call, Instant};

/// A session, by what was done to it.
struct Life<'a> {
    opener: &'a Call,
    user: &'a str,
    /// The token, unless the answer with it was lost.
    token: Option<&'a str>,
    /// What ended it, by when it landed: between these.
    ends: Vec<(Instant, Instant)>,
    /// When room was made for another one that may have taken its place.
    crowded: Option<Instant>,
}

impl Life<'_> {
    fn is_over_for_certain(&self, at: Instant) -> bool {
        self.ends.iter().any(|(_, ended)| *ended < at)
    }

    fn may_be_over(&self, at: Instant) -> bool {
        self.ends.iter().any(|(begun, _)| *begun < at) || self.crowded.is_some_and(|begun| begun < at)
    }
}

pub fn check(history: &History<'_>, found: &mut Found) {
    let mut lives: Vec<Life<'_>> = Vec::new();
    for (user, operations) in &history.timelines {
        lives.extend(of_user(history, user, operations));
    }
    at_the_end(history, &lives, found);
    let by_token: HashMap<&str, &Life<'_>> = lives.iter().filter_map(|life| Some((life.token?, life))).collect();
    for call in &history.evidence.calls {
        if let Some(life) = session_of(&call.asked).and_then(|token| by_token.get(token)) {
            asked(history, call, life, found);
        }
    }
}

fn opens(operation: &Operation<'_>) -> bool {
    matches!(operation.kind, "signed_in" | "signed_in_temporarily" | "password_changed")
}

/// Whether the operation ends a session that was there before it.
fn ends(operation: &Operation<'_>, token: Option<&str>) -> bool {
    let own = session_of(&operation.call.asked) == token && token.is_some();
    match operation.kind {
        "signed_in_temporarily" | "recovery_confirmed" | "password_changed" | "signed_out_everywhere" => true,
        "password_change_locked" => own,
        "other_sessions_closed" => !own,
        _ => false,
    }
}

fn of_user<'a>(history: &History<'a>, user: &'a str, operations: &[Operation<'a>]) -> Vec<Life<'a>> {
    let mut lives = Vec::new();
    for (at, opening) in operations.iter().enumerate().filter(|(_, operation)| opens(operation)) {
        let token = opening.call.answer.opened();
        let later = &operations[at + 1..];
        let mut ended: Vec<(Instant, Instant)> =
            later.iter().filter(|one| ends(one, token)).map(|one| (one.begun, one.ended)).collect();
        for call in token.iter().flat_map(|token| history.evidence.calls.iter().filter(move |call| closes(call, token)))
        {
            if matches!(history.kind(call), Some("signed_out" | "signed_in" | "signed_in_temporarily")) {
                ended.push(history.span(call));
            }
        }
        let crowded = crowded(history, opening, later);
        lives.push(Life { opener: opening.call, user, token, ends: ended, crowded });
    }
    lives
}

/// A log-out, or a login in its place.
fn closes(call: &Call, session: &str) -> bool {
    match &call.asked {
        Asked::LogOut { token } | Asked::Login { replaces: Some(token), .. } => token == session,
        _ => false,
    }
}

/// The newest of a user's sessions stay. It may be gone once as many came after it as there is room for, those that are
/// over counted too, because they may have been there then.
fn crowded(history: &History<'_>, opening: &Operation<'_>, later: &[Operation<'_>]) -> Option<Instant> {
    let room = history.evidence.rules.sessions_per_user;
    // Within one millisecond chance decides which is newer; clocks are read before commits, so one may come out older.
    let others = later.iter().filter(|one| opens(one));
    let mut newer = 0;
    for other in others {
        newer += 1;
        if newer >= room || other.at <= opening.at {
            return Some(other.begun);
        }
    }
    None
}

fn at_the_end(history: &History<'_>, lives: &[Life<'_>], found: &mut Found) {
    let mut rows: HashMap<&str, usize> = HashMap::new();
    for row in &history.evidence.tables.sessions {
        *rows.entry(&row.user).or_default() += 1;
        if !lives.iter().any(|life| life.opener.id == row.call && life.user == row.user) {
            found.breach(Breach::SessionSurvived, format!("nobody opened {row:?}"));
        }
    }
    for (user, count) in rows {
        if count > history.evidence.rules.sessions_per_user {
            found.breach(Breach::SessionSurvived, format!("{count} of user {user}"));
        }
    }
    for life in lives {
        let is_there = history.evidence.tables.sessions.iter().any(|row| row.call == life.opener.id);
        if is_there && !life.ends.is_empty() {
            found.breach(Breach::SessionSurvived, format!("that of {:?} is still there", life.opener));
        }
        if !is_there && !life.may_be_over(Instant::MAX) {
            found.breach(Breach::SessionLost, format!("that of {:?} is gone", life.opener));
        }
    }
}

/// Whether a call that came with the session was answered as the session was at some instant of it.
fn asked(history: &History<'_>, call: &Call, life: &Life<'_>, found: &mut Found) {
    let let_in = match (&call.asked, &call.answer, history.kind(call)) {
        (_, Answer::Unavailable { .. } | Answer::Busy, _) => return,
        (Asked::Session { .. }, Answer::Visitor, _) => true,
        (Asked::Session { .. }, _, _) => {
            // A session for nothing but to change the password lets nobody in.
            if matches!(life.opener.answer, Answer::MustChangePassword { .. }) {
                return;
            }
            false
        }
        (_, _, Some("session_refused" | "password_change_refused")) => {
            if matches!(life.opener.answer, Answer::MustChangePassword { .. }) {
                return;
            }
            false
        }
        _ => true,
    };
    let (begun, ended) = (call.begun, call.ended);
    if let_in && life.is_over_for_certain(begun) {
        found.breach(Breach::SessionSurvived, format!("{call:?} by that of {:?}", life.opener));
    }
    if !let_in && !life.may_be_over(ended) {
        found.breach(Breach::SessionLost, format!("{call:?} by that of {:?}", life.opener));
    }
}
