//! The evidence put in order: what was decided about each user, one after the other. Not: whether it may be so.
//!
//! **An operation's instants are those of its commit: it landed between them.**

use std::collections::{BTreeMap, HashMap};

use crate::evidence::Evidence;
use crate::log::{Answer, Asked, Call, CommitLine, Instant, Landed};
use crate::tables::{EventRow, UserRow};

/// Events of commits that hold their user.
const ORDERED: [&str; 11] = [
    "registration_confirmed",
    "signed_in",
    "signed_in_temporarily",
    "login_wrong_password",
    "login_locked",
    "recovery_confirmed",
    "password_changed",
    "password_change_wrong_password",
    "password_change_locked",
    "other_sessions_closed",
    "signed_out_everywhere",
];

pub struct History<'a> {
    pub evidence: &'a Evidence,
    pub calls: HashMap<&'a str, &'a Call>,
    /// The events of each call.
    pub events: HashMap<&'a str, Vec<&'a EventRow>>,
    /// The commit by which a call landed.
    pub commits: HashMap<&'a str, &'a CommitLine>,
    /// By user id.
    pub timelines: BTreeMap<&'a str, Vec<Operation<'a>>>,
    pub users_by_name: HashMap<&'a str, &'a UserRow>,
}

/// What was decided about a user.
#[derive(Debug, Clone)]
pub struct Operation<'a> {
    pub kind: &'a str,
    pub at: i64,
    pub call: &'a Call,
    pub begun: Instant,
    /// The greatest of all if no answer came.
    pub ended: Instant,
    /// The versions that it went from and to.
    pub step: Option<(u64, u64)>,
}

impl<'a> History<'a> {
    pub fn of(evidence: &'a Evidence) -> Self {
        let calls: HashMap<&str, &Call> = evidence.calls.iter().map(|call| (call.id.as_str(), call)).collect();
        let mut events: HashMap<&str, Vec<&EventRow>> = HashMap::new();
        for event in &evidence.tables.events {
            if let Some(call) = &event.call {
                events.entry(call).or_default().push(event);
            }
        }
        let mut commits: HashMap<&str, &CommitLine> = HashMap::new();
        for line in &evidence.commits {
            if let Some(call) = line.call.as_deref()
                && line.landed != Landed::Conflict
                && events.contains_key(call)
            {
                commits.insert(call, line);
            }
        }
        let users_by_name = evidence.tables.users.iter().map(|user| (user.username.as_str(), user)).collect();
        let mut history = Self { evidence, calls, events, commits, timelines: BTreeMap::new(), users_by_name };
        for user in &evidence.tables.users {
            let timeline = history.timeline(&user.id);
            history.timelines.insert(&user.id, timeline);
        }
        history
    }

    fn timeline(&self, user: &str) -> Vec<Operation<'a>> {
        let is_ordered =
            |event: &&EventRow| event.user.as_deref() == Some(user) && ORDERED.contains(&event.kind.as_str());
        let mut events: Vec<&EventRow> = self.evidence.tables.events.iter().filter(is_ordered).collect();
        events.sort_by_key(|event| event.number);
        events.into_iter().filter_map(|event| self.operation(user, event)).collect()
    }

    fn operation(&self, user: &str, event: &'a EventRow) -> Option<Operation<'a>> {
        let call = *self.calls.get(event.call.as_deref()?)?;
        let commit = self.commits.get(call.id.as_str());
        let (begun, ended) = match commit {
            Some(line) if line.landed == Landed::Done => (line.begun, line.ended),
            _ if matches!(call.answer, Answer::Unavailable { .. }) => (call.begun, Instant::MAX),
            _ => (call.begun, call.ended),
        };
        let step = commit.and_then(|line| line.users.iter().find(|step| step.id == user));
        let step = step.map(|step| (step.from, step.to));
        Some(Operation { kind: &event.kind, at: event.at, call, begun, ended, step })
    }

    /// The kind of the call's event, if it landed.
    pub fn kind(&self, call: &Call) -> Option<&'a str> {
        self.events.get(call.id.as_str())?.first().map(|event| event.kind.as_str())
    }

    /// When the call landed: between these.
    pub fn span(&self, call: &Call) -> (Instant, Instant) {
        match self.commits.get(call.id.as_str()) {
            Some(line) if line.landed == Landed::Done => (line.begun, line.ended),
            _ if matches!(call.answer, Answer::Unavailable { .. }) => (call.begun, Instant::MAX),
            _ => (call.begun, call.ended),
        }
    }

    /// Calls that landed with an event of this kind.
    pub fn landed(&self, kind: &str) -> Vec<&'a Call> {
        self.evidence.calls.iter().filter(|call| self.kind(call) == Some(kind)).collect()
    }

    /// How many of the operations had landed at least, and at most, at some instant of the call: the state that it saw
    /// was one of those after so many.
    pub fn window(operations: &[Operation<'_>], call: &Call) -> (usize, usize) {
        let least = operations.iter().rposition(|operation| operation.ended < call.begun).map_or(0, |at| at + 1);
        let most = operations.iter().position(|operation| operation.begun > call.ended).unwrap_or(operations.len());
        (least, most.max(least))
    }
}

/// The session that a call asks with.
pub fn session_of(asked: &Asked) -> Option<&str> {
    match asked {
        Asked::Session { token }
        | Asked::ChangePassword { token, .. }
        | Asked::LogOut { token }
        | Asked::LogOutEverywhere { token }
        | Asked::CloseOtherSessions { token } => Some(token),
        _ => None,
    }
}
