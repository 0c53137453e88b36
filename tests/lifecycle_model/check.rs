//! The comparison of what is stored and of what would be answered. Not: any step.
//!
//! **Nothing is changed by looking: a probe's commit never lands.**

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use acceso::{BoxError, DisabledBy, MailPurpose, Recovery, SessionKind, Status as Stands, Stored, User, UserStore};
use proptest::prelude::*;

use crate::call::Call;
use crate::cast::{EMAILS, NAMES, UNFIT};
use crate::model::{Account, Credential, Model, Status, Who};
use crate::play::{Game, Played};
use crate::world::World;

/// What the store in memory answers without ever waiting.
pub fn at_once<T>(future: impl Future<Output = Result<T, BoxError>>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done.expect("memory is there"),
        Poll::Pending => unreachable!("memory never waits"),
    }
}

/// Users, registrations, sessions and waiting mail, as the store has them and as the model does.
pub fn compare(world: &World, model: &Model) -> Played {
    let store = &world.ports.store;
    for email in EMAILS {
        let address = email.parse().expect("an address");
        let mut stored: Vec<String> = at_once(store.users_with_email(&address)).iter().map(stored_account).collect();
        let expected = model.accounts.iter().filter(|account| account.email == email);
        let mut expected: Vec<String> = expected.map(expected_account).collect();
        stored.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(stored, expected);
        let registrations = at_once(store.registrations(&address, None, u32::MAX));
        let mut stored: Vec<String> = registrations.iter().map(|registration| registration.id().to_string()).collect();
        let of_address = model.registrations.iter().filter(|registration| registration.email == email);
        let mut expected: Vec<String> = of_address.filter_map(|registration| registration.id.clone()).collect();
        stored.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(stored, expected, "registrations of {}", email);
    }
    for account in &model.accounts {
        let mut stored: Vec<_> = at_once(store.sessions_of(account.id))
            .iter()
            .map(|s| {
                let full = s.kind() == SessionKind::Full;
                let times = (s.opened_at().as_millis(), s.last_seen().as_millis(), s.absolute_end().as_millis());
                (times, full, s.is_remembered())
            })
            .collect();
        let of_user = model.sessions.iter().filter(|session| session.user == account.id);
        let mut expected: Vec<_> = of_user.map(|s| ((s.opened, s.seen, s.ends), s.full, s.remembered)).collect();
        stored.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(stored, expected, "sessions of {}", account.name);
    }
    let backlog = at_once(store.mail_backlog());
    let typed = model.rows.iter().filter(|row| matches!(row.who, Who::Typed { .. })).count();
    prop_assert_eq!((backlog.typed, backlog.to_users), (typed as u64, (model.rows.len() - typed) as u64));
    Ok(())
}

fn stored_account(user: &User) -> String {
    let document = serde_json::to_value(Stored(user)).expect("a document");
    let credential = &document["credential"];
    let credential = if let Some(chosen) = credential.get("chosen") {
        format!("chosen, {} strikes, locked {}", chosen["strikes"], chosen["locked_since"])
    } else if let Some(temporary) = credential.get("temporary") {
        format!("temporary from {} to {}", temporary["minted_at"], temporary["expires_at"])
    } else {
        "awaiting".to_owned()
    };
    let status = match user.status() {
        Stands::Active => Status::Active,
        Stands::Disabled { by: DisabledBy::Clinic, .. } => Status::DisabledByClinic,
        Stands::Disabled { by: DisabledBy::NoPatients, .. } => Status::WithoutPatients,
    };
    let patients: Vec<&str> = user.patients().iter().map(acceso::PatientId::as_str).collect();
    let (name, to, generation) = (user.username().as_str(), user.email().as_str(), user.generation());
    format!("{name} <{to}> {patients:?} {status:?} generation {generation}: {credential}")
}

fn expected_account(account: &Account) -> String {
    let credential = match &account.credential {
        Credential::Chosen { strikes, locked_at, .. } => {
            let locked = locked_at.map_or("null".to_owned(), |at| at.to_string());
            format!("chosen, {strikes} strikes, locked {locked}")
        }
        Credential::Awaiting => "awaiting".to_owned(),
        Credential::Temporary { minted, ends, .. } => format!("temporary from {minted} to {ends}"),
    };
    let Account { name, to, patients, status, generation, .. } = account;
    format!("{name} <{to}> {patients:?} {status:?} generation {generation}: {credential}")
}

impl Game {
    pub fn compare(&self) -> Played {
        compare(&self.world, &self.model)
    }

    /// What passwords, links and sessions would be answered now: a third of them each time, all of them in three steps.
    pub fn probe(&mut self, turn: usize) -> Played {
        match turn % 3 {
            0 => self.probe_passwords(),
            1 => self.probe_links(),
            _ => self.probe_sessions(),
        }
    }

    pub fn probe_all(&mut self) -> Played {
        self.probe_passwords()?;
        self.probe_links()?;
        self.probe_sessions()
    }

    fn same(&mut self, call: &Call) -> Played {
        self.tally.probes += 1;
        let expected = self.model.clone().call(call);
        prop_assert_eq!(self.world.dry(call), expected, "probed with {:?}", call);
        Ok(())
    }

    fn probe_passwords(&mut self) -> Played {
        for name in NAMES {
            // Of a name that nobody has, one password tells as much as all.
            let most = if self.model.named(name).is_some() { usize::MAX } else { 1 };
            let known: Vec<String> = self.passwords.get(name).into_iter().flatten().take(most).cloned().collect();
            for password in known {
                self.same(&Call::Login { name: name.into(), password, stay: false, replaces: None })?;
            }
        }
        Ok(())
    }

    fn probe_links(&mut self) -> Played {
        let by_mail = matches!(self.world.policy.recovery, Recovery::TemporaryPassword { .. });
        let tokens = self.tokens.clone();
        for (kind, token) in &tokens {
            let token = token.clone();
            let call = match kind {
                MailPurpose::ConfirmRegistration => {
                    Call::Confirm { token, name: "nobody-here".into(), password: "x".into(), reference: None }
                }
                _ if by_mail => Call::ConfirmRecovery { token },
                _ => Call::Choose { token, new: UNFIT.into() },
            };
            self.same(&call)?;
        }
        // A link for the other door, and any link for any registration of its address.
        let Some((kind, token)) = tokens.last().cloned() else { return Ok(()) };
        if kind == MailPurpose::ConfirmRecovery {
            let (name, password) = (NAMES[0].into(), "x".into());
            return self.same(&Call::Confirm { token, name, password, reference: None });
        }
        self.same(&Call::ConfirmRecovery { token: token.clone() })?;
        self.same(&Call::Choose { token: token.clone(), new: UNFIT.into() })?;
        let waiting: Vec<_> = self.model.registrations.iter().rev().take(4).cloned().collect();
        for registration in waiting {
            let (name, password) = (registration.name, registration.password);
            self.same(&Call::Confirm { token: token.clone(), name, password, reference: registration.id })?;
        }
        Ok(())
    }

    fn probe_sessions(&mut self) -> Played {
        for session in self.sessions.clone() {
            self.same(&Call::Visit { session: session.clone() })?;
            self.same(&Call::VisitRestricted { session })?;
        }
        Ok(())
    }
}
