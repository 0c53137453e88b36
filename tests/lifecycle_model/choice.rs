//! What a step's small numbers mean where the game stands: which mail, session or password a visitor takes. Not: the call.
//!
//! **A visitor chooses only from what he knows: strangers have no patient's password, mail or session.**

use acceso::{MailPurpose, Recovery, UserId};

use crate::call::{Call, Staff};
use crate::cast::{EMAILS, NAMES, UNFIT, Visitor};
use crate::model::Credential;
use crate::play::Game;
use crate::step::{Act, Seed};

/// Well formed, and no mailbox's.
pub const JUNK: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The newest first.
fn nth<T: Clone>(list: &[T], number: u8) -> Option<T> {
    let at = usize::from(number).checked_rem(list.len())?;
    list.iter().rev().nth(at).cloned()
}

fn of<const N: usize>(list: [&'static str; N], number: u8) -> String {
    list[usize::from(number) % N].to_owned()
}

impl Game {
    /// The call that the seed means for the visitor now; `None` if he has not what it takes.
    pub fn choose(&self, who: Visitor, seed: Seed) -> Option<Call> {
        let Seed { act, a, b, c, .. } = seed;
        Some(match act {
            Act::Register => {
                Call::Register { email: email(who, a), name: name(who, b), password: own_password(who, c) }
            }
            Act::Confirm => {
                let token = self.token(who, MailPurpose::ConfirmRegistration, a)?;
                let reference = nth(&self.hands[who as usize].references, c / 4).filter(|_| c.is_multiple_of(2));
                let (name, password) = match nth(&self.hands[who as usize].registered, c / 8) {
                    Some(registered) if b < 200 => registered,
                    _ => (name(who, b), own_password(who, c)),
                };
                Call::Confirm { token, name, password, reference }
            }
            Act::Login => {
                let name = name(who, a);
                let password = self.password(who, &name, b);
                let replaces = nth(&self.hands[who as usize].sessions, c).filter(|_| c.is_multiple_of(4));
                Call::Login { name, password, stay: c.is_multiple_of(2), replaces }
            }
            Act::RecoverUsername => Call::RecoverUsername { email: email(who, a) },
            Act::RecoverPassword => Call::RecoverPassword { email: email(who, a), name: name(who, b) },
            Act::UseRecovery => {
                let token = self.token(who, MailPurpose::ConfirmRecovery, a)?;
                let by_mail = matches!(self.world.policy.recovery, Recovery::TemporaryPassword { .. });
                if by_mail == (b < 240) {
                    Call::ConfirmRecovery { token }
                } else {
                    Call::Choose { token, new: own_password(who, c) }
                }
            }
            Act::Change => {
                let session = self.session(who, a)?;
                let current = self.password(who, &self.name_of_session(&session).unwrap_or_default(), b);
                Call::Change { session, current, new: self.new_password(who, c) }
            }
            Act::Visit => Call::Visit { session: self.session(who, a)? },
            Act::VisitRestricted => Call::VisitRestricted { session: self.session(who, a)? },
            Act::Sessions => Call::Sessions { session: self.session(who, a)? },
            Act::LogOut => Call::LogOut { session: self.session(who, a)? },
            Act::CloseOthers => Call::CloseOthers { session: self.session(who, a)? },
            Act::LogOutEverywhere => Call::LogOutEverywhere { session: self.session(who, a)? },
            Act::Restore => Call::Restore,
            Act::Disable => self.staff(Staff::Disable, a)?,
            Act::Enable => self.staff(Staff::Enable, a)?,
            Act::Remove => self.staff(Staff::Remove, a)?,
            Act::Revoke => self.staff(Staff::Revoke, a)?,
            Act::Refresh => self.staff(Staff::Refresh, a)?,
        })
    }

    /// One of the visitor's own, or the temporary one again.
    fn new_password(&self, who: Visitor, number: u8) -> String {
        let inbox = who.mailbox().and_then(|mailbox| self.inboxes.get(mailbox));
        let temporary = inbox.and_then(|inbox| inbox.temporaries.last());
        temporary.filter(|_| (225..=250).contains(&number)).cloned().unwrap_or_else(|| own_password(who, number))
    }

    fn staff(&self, act: Staff, number: u8) -> Option<Call> {
        let present: Vec<UserId> = self.model.accounts.iter().map(|account| account.id).collect();
        let user = if number < 240 { nth(&present, number)? } else { nth(&self.ids, number)? };
        Some(Call::Staff { act, user })
    }

    fn token(&self, who: Visitor, kind: MailPurpose, number: u8) -> Option<String> {
        let Some(inbox) = who.mailbox().and_then(|mailbox| self.inboxes.get(mailbox)) else {
            return Some(JUNK.to_owned());
        };
        match number {
            250.. => Some(JUNK[usize::from(number - 250)..].to_owned()),
            // A link of the other kind.
            240..250 => nth(&inbox.links, number).map(|(_, token)| token),
            _ => {
                let of_kind: Vec<String> =
                    inbox.links.iter().filter(|(other, _)| *other == kind).map(|(_, token)| token.clone()).collect();
                nth(&of_kind, number / 32)
            }
        }
    }

    fn session(&self, who: Visitor, number: u8) -> Option<String> {
        nth(&self.hands[who as usize].sessions, number / 32)
    }

    fn name_of_session(&self, token: &str) -> Option<String> {
        let session = self.model.sessions.iter().find(|session| session.token.as_deref() == Some(token))?;
        self.model.account(session.user).map(|account| account.name.clone())
    }

    /// What the visitor takes for the password of the name: often the right one, if it is his to know.
    fn password(&self, who: Visitor, name: &str, number: u8) -> String {
        let his = |email: &str| who.mailbox() == Some(email);
        let right = self.model.named(name).filter(|account| his(&account.email));
        let right = right.and_then(|account| match &account.credential {
            Credential::Chosen { password, .. } => Some(password.clone()),
            Credential::Temporary { password, .. } => {
                let inbox = who.mailbox().and_then(|mailbox| self.inboxes.get(mailbox))?;
                password.clone().filter(|password| inbox.temporaries.contains(password))
            }
            Credential::Awaiting => None,
        });
        match (right, number) {
            (Some(right), 0..150) => right,
            (_, 0..220) => own_password(who, number),
            (_, 220..250) => {
                let inbox = who.mailbox().and_then(|mailbox| self.inboxes.get(mailbox));
                inbox.and_then(|inbox| nth(&inbox.temporaries, number)).unwrap_or_else(|| own_password(who, number))
            }
            _ => String::new(),
        }
    }
}

fn own_password(who: Visitor, number: u8) -> String {
    if number > 250 { UNFIT.to_owned() } else { who.password(number) }
}

fn name(who: Visitor, number: u8) -> String {
    if who.is_patient() && number < 200 { who.name().to_owned() } else { of(NAMES, number) }
}

/// Patients type their own; strangers anybody's, in any spelling.
fn email(who: Visitor, number: u8) -> String {
    match who.mailbox().filter(|_| who.is_patient() && number < 230) {
        Some(own) => own.to_owned(),
        None if number.is_multiple_of(3) => of(EMAILS, number / 3).to_uppercase(),
        None => of(EMAILS, number / 3),
    }
}
