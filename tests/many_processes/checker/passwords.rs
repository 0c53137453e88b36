//! Every guess judged by the password of its moment, every strike counted, and the lock at the threshold. Not: sessions.

use super::history::{History, Operation};
use super::{Breach, Found};
use crate::log::{Answer, Asked, Call, Instant};
use crate::tables::UserRow;

/// A user's credential after an operation.
#[derive(Debug, Clone, PartialEq)]
enum State {
    Nobody,
    Chosen {
        password: String,
        strikes: i64,
    },
    /// From the confirmation of a recovery on, until a password is chosen. The temporary ones are mailed after this.
    Recovering {
        since: Instant,
    },
}

struct Life<'a> {
    history: &'a History<'a>,
    user: &'a UserRow,
    state: State,
    generation: i64,
    /// Guesses judged since the last success or new password.
    judged: i64,
}

pub fn check(history: &History<'_>, found: &mut Found) {
    for user in &history.evidence.tables.users {
        let operations = &history.timelines[user.id.as_str()];
        let mut life = Life { history, user, state: State::Nobody, generation: 0, judged: 0 };
        let mut states = vec![State::Nobody];
        for operation in operations {
            life.apply(operation, found);
            states.push(life.state.clone());
        }
        life.compare(found);
        for call in &history.evidence.calls {
            explain(history, call, user, operations, &states, found);
        }
    }
}

impl Life<'_> {
    fn apply(&mut self, operation: &Operation<'_>, found: &mut Found) {
        match (operation.kind, &operation.call.asked) {
            ("registration_confirmed", Asked::Confirm { password, .. }) => {
                self.state = State::Chosen { password: password.clone(), strikes: 0 };
                self.generation = 1;
            }
            ("signed_in", Asked::Login { password, .. }) => self.opens(operation, password, found),
            ("signed_in_temporarily", Asked::Login { password, .. }) => {
                self.opens_for_change(operation, password, found);
            }
            ("login_wrong_password" | "login_locked", Asked::Login { password, .. }) => {
                self.strike(operation, password, found);
            }
            ("password_change_wrong_password" | "password_change_locked", Asked::ChangePassword { current, .. }) => {
                self.strike(operation, current, found);
            }
            ("recovery_confirmed", Asked::ConfirmRecovery { .. }) => {
                self.state = State::Recovering { since: operation.begun };
                (self.generation, self.judged) = (self.generation + 1, 0);
            }
            ("password_changed", Asked::ChangePassword { current, new, .. }) => {
                if let State::Chosen { .. } = &self.state {
                    self.opens(operation, current, found);
                }
                self.state = State::Chosen { password: new.clone(), strikes: 0 };
                (self.generation, self.judged) = (self.generation + 1, 0);
            }
            _ => {}
        }
    }

    /// A success with a chosen password.
    fn opens(&mut self, operation: &Operation<'_>, typed: &str, found: &mut Found) {
        match &mut self.state {
            State::Chosen { password, strikes } if *strikes < self.history.evidence.rules.threshold => {
                if password != typed {
                    found.breach(Breach::WrongPasswordAccepted, format!("it was {password:?} at {operation:?}"));
                }
                (*strikes, self.judged) = (0, 0);
            }
            state => found.breach(Breach::WrongPasswordAccepted, format!("{state:?} at {operation:?}")),
        }
    }

    /// A login with a temporary password: one that was mailed after the recovery was confirmed.
    fn opens_for_change(&mut self, operation: &Operation<'_>, typed: &str, found: &mut Found) {
        let State::Recovering { since } = self.state else {
            found.breach(Breach::WrongPasswordAccepted, format!("{:?} at {operation:?}", self.state));
            return;
        };
        let mut mails = self.history.evidence.mails.iter();
        let is_mailed = mails.any(|mail| {
            mail.purpose == "temporary_password"
                && mail.to == self.user.email
                && mail.secret.as_deref() == Some(typed)
                && (since..operation.ended).contains(&mail.at)
        });
        if !is_mailed {
            found.breach(Breach::WrongPasswordAccepted, format!("not mailed since the recovery: {operation:?}"));
        }
    }

    fn strike(&mut self, operation: &Operation<'_>, typed: &str, found: &mut Found) {
        let threshold = self.history.evidence.rules.threshold;
        self.judged += 1;
        match &mut self.state {
            State::Chosen { password, strikes } => {
                if password == typed {
                    found.breach(Breach::RightPasswordRejected, format!("{operation:?}"));
                }
                *strikes += 1;
                if self.judged > threshold {
                    found.breach(Breach::GuessBeyondThreshold, format!("the {}th: {operation:?}", self.judged));
                }
                let locks = operation.kind.ends_with("locked");
                if locks != (*strikes == threshold) {
                    found.breach(Breach::StrikesWrong, format!("{strikes} after {operation:?}"));
                }
            }
            state => found.breach(Breach::AnswerUnexplained, format!("{state:?} at {operation:?}")),
        }
    }

    /// With what the database holds at the end.
    fn compare(&self, found: &mut Found) {
        let row = self.user;
        let threshold = self.history.evidence.rules.threshold;
        let fits = match &self.state {
            State::Nobody => false,
            State::Chosen { strikes, .. } => {
                row.credential == "chosen"
                    && row.strikes == Some(*strikes)
                    && row.locked_at.is_some() == (*strikes == threshold)
            }
            State::Recovering { .. } => row.credential != "chosen" && row.strikes.is_none(),
        };
        if !fits || row.generation != self.generation {
            let what = format!("generation {} and {:?}, but {row:?}", self.generation, self.state);
            found.breach(Breach::StrikesWrong, what);
        }
    }
}

/// Whether the user was, at some instant of the call, as its answer says.
fn explain(
    history: &History<'_>,
    call: &Call,
    user: &UserRow,
    operations: &[Operation<'_>],
    states: &[State],
    found: &mut Found,
) {
    let Some(event) = history.events.get(call.id.as_str()).and_then(|events| events.first()) else { return };
    if event.user.as_deref() != Some(&user.id) || matches!(call.answer, Answer::Unavailable { .. }) {
        return;
    }
    let threshold = history.evidence.rules.threshold;
    let is_possible: &dyn Fn(&State) -> bool = match event.kind.as_str() {
        "login_while_locked" | "password_change_while_locked" => {
            &|state| matches!(state, State::Chosen { strikes, .. } if *strikes >= threshold)
        }
        "login_wrong_temporary" => &|state| matches!(state, State::Recovering { .. }),
        _ => return,
    };
    let (least, most) = History::window(operations, call);
    if !states[least..=most].iter().any(is_possible) {
        let what = format!("{} was {:?} during {call:?}", user.username, &states[least..=most]);
        found.breach(Breach::AnswerUnexplained, what);
    }
}
