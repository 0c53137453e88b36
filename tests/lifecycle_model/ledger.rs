//! The promises in words, kept by a second account of what happened. Not: a model; it predicts nothing.
//!
//! **It judges by calls, answers and events alone, so that a mistake in the model cannot hide one in the core.**

use std::collections::{BTreeMap, BTreeSet};

use acceso::EventKind as E;
use acceso::{Commit, LockDuration, Mail, Policy, Stored, User, UserId, Write};
use proptest::prelude::*;

use crate::call::{Answer, Call};
use crate::cast::{EMAILS, Visitor};
use crate::check::at_once;
use crate::model::key;
use crate::play::Played;
use crate::world::{Outcome, World};

#[derive(Debug, Default)]
pub struct Ledger {
    /// Links that were used.
    spent: BTreeSet<String>,
    /// The mailbox that a link went to.
    mailed_to: BTreeMap<String, String>,
    /// Address, name and password of whatever was registered.
    registered: BTreeSet<(String, String, String)>,
    users: BTreeMap<UserId, Known>,
    /// Whose session, and after how many closings of all it was opened.
    sessions: BTreeMap<String, (UserId, u32)>,
}

#[derive(Debug, Default)]
struct Known {
    name: String,
    email: String,
    /// The password that was last proven or chosen; none while recovery is under way.
    password: Option<String>,
    /// The newest temporary password.
    temporary: Option<String>,
    /// How often all of his sessions ended.
    closings: u32,
    /// Wrong passwords judged since the last right one or new one, or since the last lock.
    judged: u16,
}

/// Accounts as a stranger's call found them.
pub type View = Option<Vec<serde_json::Value>>;

impl Ledger {
    pub fn mailed(&mut self, mail: &Mail, token: &str) {
        self.mailed_to.insert(token.to_owned(), mail.to().key().to_owned());
    }

    pub fn temporary(&mut self, user: UserId, text: &str) {
        if let Some(known) = self.users.get_mut(&user) {
            known.temporary = Some(text.to_owned());
        }
    }

    /// What a stranger's call must leave as it is: every account, but for strikes.
    pub fn before(world: &World, by: Option<Visitor>) -> View {
        by.filter(|by| !by.is_patient()).map(|by| accounts_of_others(world, by))
    }

    pub fn after(world: &World, by: Option<Visitor>, before: &View) -> Played {
        if let (Some(by), Some(before)) = (by, before) {
            prop_assert_eq!(before, &accounts_of_others(world, by), "{:?} changed somebody's account", by);
        }
        Ok(())
    }

    pub fn judge(&mut self, by: Option<Visitor>, call: &Call, outcome: &Outcome, policy: &Policy) -> Played {
        let answer = outcome.answer.as_ref();
        if let Call::Register { email, name, password } = call {
            self.registered.insert((key(email), name.clone(), password.clone()));
        }
        if let Call::Confirm { token, .. } | Call::ConfirmRecovery { token } | Call::Choose { token, .. } = call {
            let good = matches!(answer, Some(Answer::Confirmed | Answer::Accepted | Answer::Changed));
            prop_assert!(!good || !self.spent.contains(token), "a link worked twice: {:?}", call);
        }
        self.judge_entry(by, call, answer)?;
        if let (Some(session), Some(user)) = (&outcome.fruit.session, user_of(&outcome.landed)) {
            // Whatever the commit closed, it closed before it opened.
            self.note_events(call, &outcome.landed, policy)?;
            let closings = self.users.get(&user).map_or(0, |known| known.closings);
            self.sessions.insert(session.clone(), (user, closings));
        } else {
            self.note_events(call, &outcome.landed, policy)?;
        }
        Ok(())
    }

    /// Nobody gets in without proof.
    fn judge_entry(&self, by: Option<Visitor>, call: &Call, answer: Option<&Answer>) -> Played {
        let own = |known: &&Known| by.is_none_or(|by| by.mailbox() == Some(known.email.as_str()));
        match (call, answer) {
            (Call::Confirm { token, name, password, .. }, Some(Answer::Confirmed)) => {
                let email = self.mailed_to.get(token).cloned().unwrap_or_default();
                let registered = self.registered.contains(&(email, name.clone(), password.clone()));
                prop_assert!(registered, "confirmed what nobody registered: {:?}", call);
            }
            (Call::Login { password, .. }, Some(Answer::SignedIn { name, .. })) => {
                let proven = self.named(name).filter(own).any(|known| known.password.as_ref() == Some(password));
                prop_assert!(proven, "{:?} signed in without proof: {:?}", by, call);
            }
            (Call::Login { name, password, .. }, Some(Answer::MustChangePassword { .. })) => {
                let proven = self.named(name).filter(own).any(|known| known.temporary.as_ref() == Some(password));
                prop_assert!(proven, "{:?} signed in without proof: {:?}", by, call);
            }
            (Call::Visit { session } | Call::VisitRestricted { session }, Some(Answer::Visitor(Some(_)))) => {
                self.judge_session(by, session)?;
            }
            (Call::Change { session, .. }, Some(Answer::Changed)) => self.judge_session(by, session)?,
            _ => {}
        }
        Ok(())
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Known> {
        self.users.values().filter(move |known| known.name == name)
    }

    pub fn judge_session(&self, by: Option<Visitor>, session: &str) -> Played {
        let known = self.sessions.get(session).and_then(|(user, at)| Some((self.users.get(user)?, *at)));
        let lives = known.is_some_and(|(known, opened)| {
            opened == known.closings && by.is_none_or(|by| by.mailbox() == Some(known.email.as_str()))
        });
        prop_assert!(lives, "{:?} uses a session that has ended: {:?}", by, known);
        Ok(())
    }

    fn note_events(&mut self, call: &Call, landed: &[Commit], policy: &Policy) -> Played {
        for write in landed.iter().flat_map(Commit::writes) {
            match write {
                Write::InsertUser(user) => {
                    let (name, email) = (user.username().as_str().to_owned(), user.email().key().to_owned());
                    let password = match call {
                        Call::Confirm { password, .. } => Some(password.clone()),
                        _ => None,
                    };
                    self.users.insert(user.id(), Known { name, email, password, ..Known::default() });
                }
                Write::Record(event) => {
                    if let Some(user) = event.user() {
                        self.note_event(call, event.kind(), user, policy)?;
                    }
                }
                _ => {}
            }
        }
        let used = landed.iter().flat_map(Commit::writes).any(|write| {
            let Write::Record(event) = write else { return false };
            matches!(event.kind(), E::RegistrationConfirmed | E::RecoveryConfirmed | E::PasswordChosen)
        });
        if let (true, Call::Confirm { token, .. } | Call::ConfirmRecovery { token } | Call::Choose { token, .. }) =
            (used, call)
        {
            self.spent.insert(token.clone());
        }
        Ok(())
    }

    fn note_event(&mut self, call: &Call, kind: E, user: UserId, policy: &Policy) -> Played {
        let Some(known) = self.users.get_mut(&user) else { return Ok(()) };
        match kind {
            E::RecoveryConfirmed | E::UserRemoved => (known.password, known.temporary) = (None, None),
            E::PasswordChosen | E::PasswordChanged => {
                if let Call::Choose { new, .. } | Call::Change { new, .. } = call {
                    (known.password, known.temporary) = (Some(new.clone()), None);
                }
            }
            _ => {}
        }
        match kind {
            E::RecoveryConfirmed
            | E::PasswordChosen
            | E::PasswordChanged
            | E::UserRemoved
            | E::UserDisabled
            | E::UserDisabledNoPatients
            | E::SessionsRevoked
            | E::SignedInTemporarily
            | E::SignedOutEverywhere => known.closings += 1,
            _ => {}
        }
        match kind {
            E::LoginWrongPassword | E::LoginLocked | E::PasswordChangeWrongPassword | E::PasswordChangeLocked => {
                known.judged += 1;
                let most = match policy.lockout.duration {
                    LockDuration::Doubling { hard_limit, .. } => hard_limit,
                    LockDuration::UntilRecovery | LockDuration::Fixed(_) => policy.lockout.threshold,
                };
                prop_assert!(known.judged <= most, "{} wrong passwords were judged", known.judged);
                let begins_anew = matches!(policy.lockout.duration, LockDuration::Fixed(_));
                if begins_anew && matches!(kind, E::LoginLocked | E::PasswordChangeLocked) {
                    known.judged = 0;
                }
            }
            E::SignedIn | E::RecoveryConfirmed | E::PasswordChosen | E::PasswordChanged => known.judged = 0,
            _ => {}
        }
        Ok(())
    }
}

fn user_of(landed: &[Commit]) -> Option<UserId> {
    landed.iter().flat_map(Commit::writes).find_map(|write| match write {
        Write::OpenSession { session, .. } => Some(session.user()),
        _ => None,
    })
}

/// The accounts of addresses that are not the visitor's own, without strikes and what counts them.
fn accounts_of_others(world: &World, by: Visitor) -> Vec<serde_json::Value> {
    let of_others = EMAILS.iter().filter(|email| by.mailbox() != Some(**email));
    let store = &world.ports.store;
    let mut users: Vec<User> = of_others
        .flat_map(|email| at_once(acceso::UserStore::users_with_email(store, &email.parse().expect("an address"))))
        .collect();
    users.sort_by_key(User::id);
    let bare = |user: &User| {
        let mut document = serde_json::to_value(Stored(user)).expect("a document");
        if let Some(user) = document.as_object_mut() {
            user.remove("version");
            if let Some(chosen) = user.get_mut("credential").and_then(|c| c.get_mut("chosen")?.as_object_mut()) {
                chosen.remove("strikes");
                chosen.remove("locked_since");
            }
        }
        document
    };
    users.iter().map(bare).collect()
}
