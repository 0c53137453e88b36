//! Whether some serial order explains what the processes were answered and what the database holds. Not: the rules as the
//! core has them; these are written anew from the design.
//!
//! **A commit that holds a user gets its event's number while it does, so a user's events by number are the serial order
//! of what was decided about him.** What holds no user may have happened at any instant between its call's beginning and
//! its end, and must be true at one of them.

mod events;
mod history;
mod links;
mod mail;
mod names;
mod passwords;
mod sessions;
mod story;
mod tampered;
mod versions;

use std::fmt;

use history::History;

use crate::evidence::Evidence;

/// What no serial order explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breach {
    /// Two users with one name, or two confirmations of it.
    NameTwice,
    /// A name was taken, or free, against the answer.
    NameAnswer,
    /// A user without the registration or the link that proves him, or more of an address than are allowed.
    UserUnproven,
    /// Two uses of one link.
    LinkUsedTwice,
    /// The use of a link that another use, or a newer password, had killed.
    DeadLinkUsed,
    /// A link was called invalid that nothing had ended.
    LinkRefused,
    /// A count of strikes, or a lock, that the guesses do not give.
    StrikesWrong,
    /// A guess was judged although the user was locked.
    GuessBeyondThreshold,
    /// A login, or a change, with a password that was not the user's at that moment.
    WrongPasswordAccepted,
    /// A strike for the right password.
    RightPasswordRejected,
    /// An answer that no state of the user gives which held during the call.
    AnswerUnexplained,
    /// A session that is still there, or was let in, after what ended it.
    SessionSurvived,
    /// A session that is gone although nothing ended it.
    SessionLost,
    /// A mail about a user that was asked for and never sent.
    MailLost,
    /// Mail that still waits at the end.
    MailLeft,
    /// A call without its event.
    EventMissing,
    /// More events than calls.
    EventTooMany,
    /// An event that is not the answer's.
    EventUnlikeAnswer,
    /// Two commits on one version of a record, or a version that no commit made.
    UpdateLost,
    /// A later call landed before one that had ended when it began.
    OrderImpossible,
}

/// A breach, and what happened.
#[derive(Debug, Clone)]
pub struct Violation {
    pub breach: Breach,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.breach, self.what)
    }
}

/// Violations as they are found.
#[derive(Default)]
struct Found(Vec<Violation>);

impl Found {
    fn breach(&mut self, breach: Breach, what: impl Into<String>) {
        self.0.push(Violation { breach, what: what.into() });
    }
}

/// Everything that is wrong with the evidence.
pub fn check(evidence: &Evidence) -> Vec<Violation> {
    let history = History::of(evidence);
    let mut found = Found::default();
    events::check(&history, &mut found);
    versions::check(&history, &mut found);
    names::check(&history, &mut found);
    links::check(&history, &mut found);
    passwords::check(&history, &mut found);
    sessions::check(&history, &mut found);
    mail::check(&history, &mut found);
    found.0
}
