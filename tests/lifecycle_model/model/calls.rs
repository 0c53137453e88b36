//! What each call comes to, by the design. Not: the courier's work.
//!
//! **A call changes the model wholly or not at all.**

use acceso::{Administered, LockDuration, MailPurpose, PatientsRefreshed, Policy, Recovery, UserId};

use super::{Account, Credential, Model, NEW, Registration, Session, Status, Who, key, ms};
use crate::call::{Answer, Call, Staff};
use crate::cast::UNFIT;

/// At most so many registrations are tried at one confirmation.
const MOST_TRIED: usize = 8;

fn temporary(policy: &Policy) -> bool {
    matches!(policy.recovery, Recovery::TemporaryPassword { .. })
}

impl Model {
    pub fn call(&mut self, call: &Call) -> Answer {
        match call {
            Call::Register { email, name, password } => self.register(email, name, password),
            Call::Confirm { token, name, password, reference } => {
                self.confirm(token, name, password, reference.as_deref())
            }
            Call::Login { name, password, stay, replaces } => self.login(name, password, *stay, replaces.as_deref()),
            Call::RecoverUsername { email } => {
                self.queue(MailPurpose::UserNames, Who::Typed { email: key(email), name: None });
                Answer::Accepted
            }
            Call::RecoverPassword { email, name } => {
                let who = Who::Typed { email: key(email), name: Some(name.clone()) };
                self.queue(MailPurpose::ConfirmRecovery, who);
                Answer::Accepted
            }
            Call::ConfirmRecovery { token } => self.confirm_recovery(token),
            Call::Choose { token, new } => self.choose(token, new),
            Call::Change { session, current, new } => self.change(session, current, new),
            Call::Visit { session } => self.visit(session, true),
            Call::VisitRestricted { session } => self.visit(session, false),
            Call::Sessions { session } => Answer::Listed(self.live(session, true).map(|asking| {
                let live = |other: &&Session| other.user == asking.user && self.lasts(other);
                self.sessions.iter().filter(live).count()
            })),
            Call::LogOut { session } => {
                self.sessions.retain(|other| other.token.as_deref() != Some(session));
                Answer::Done
            }
            Call::CloseOthers { session } => self.end(session, true),
            Call::LogOutEverywhere { session } => self.end(session, false),
            Call::Staff { act, user } => self.staff(*act, *user),
            Call::Restore => self.restore(),
        }
    }

    fn register(&mut self, email: &str, name: &str, password: &str) -> Answer {
        if password == UNFIT {
            return Answer::Invalid;
        }
        if self.named(name).is_some() {
            return Answer::UsernameTaken;
        }
        self.registrations.push(Registration {
            id: None,
            email: key(email),
            name: name.into(),
            password: password.into(),
            at: self.now,
        });
        self.queue(MailPurpose::ConfirmRegistration, Who::Typed { email: key(email), name: None });
        Answer::Accepted
    }

    fn confirm(&mut self, token: &str, name: &str, password: &str, reference: Option<&str>) -> Answer {
        let Some((email, _)) = self.link(token, MailPurpose::ConfirmRegistration) else { return Answer::LinkInvalid };
        if self.registry.down {
            return Answer::Unavailable;
        }
        let fits = |r: &&Registration| r.email == email && r.name == name && self.waits(r);
        let mut tried: Vec<&Registration> = self.registrations.iter().rev().filter(fits).collect();
        tried.sort_by_key(|r| (reference.is_none() || r.id.as_deref() != reference, std::cmp::Reverse(r.at)));
        if !tried.into_iter().take(MOST_TRIED).any(|registration| registration.password == password) {
            return Answer::Rejected;
        }
        let Some((patients, to)) = self.eligible(&email) else { return Answer::NotAPatient };
        let users = self.accounts.iter().filter(|account| account.email == email).count();
        if users >= usize::from(self.policy.email.max_users) {
            return Answer::TooManyUsers;
        }
        if self.named(name).is_some() {
            return Answer::UsernameTaken;
        }
        self.registrations.retain(|r| !(r.email == email && r.name == name));
        let letters = self.boxes.entry(email.clone()).or_default();
        letters.retain(|letter| letter.kind != MailPurpose::ConfirmRegistration);
        self.accounts.push(Account {
            id: NEW,
            name: name.into(),
            email: email.clone(),
            to,
            patients,
            status: Status::Active,
            credential: Credential::Chosen { password: password.into(), strikes: 0, locked_at: None },
            generation: 1,
            created: self.now,
        });
        self.queue(MailPurpose::RegistrationConfirmed, Who::User { id: NEW, generation: 1 });
        self.queue(MailPurpose::ConfirmRegistration, Who::Typed { email, name: None });
        Answer::Confirmed
    }

    fn login(&mut self, name: &str, password: &str, stay: bool, replaces: Option<&str>) -> Answer {
        let Some(account) = self.named(name) else { return Answer::Rejected };
        if account.status != Status::Active || self.is_locked(account) {
            return Answer::Rejected;
        }
        let (id, name) = (account.id, account.name.clone());
        match &account.credential {
            Credential::Chosen { password: right, .. } if right == password => {
                self.close_presented(replaces);
                self.account_mut(id).credential =
                    Credential::Chosen { password: password.into(), strikes: 0, locked_at: None };
                let (ends_at, remembered) = self.open(id, true, stay);
                Answer::SignedIn { name, ends_at, remembered }
            }
            Credential::Chosen { .. } => {
                self.strike(id);
                Answer::Rejected
            }
            Credential::Temporary { password: right, minted, ends }
                if right.as_deref() == Some(password) && self.holds(*minted, *ends, self.temporary_lifetime()) =>
            {
                self.close_presented(replaces);
                self.sessions.retain(|session| session.user != id);
                let (ends_at, _) = self.open(id, false, false);
                Answer::MustChangePassword { ends_at }
            }
            Credential::Temporary { .. } | Credential::Awaiting => Answer::Rejected,
        }
    }

    fn temporary_lifetime(&self) -> i64 {
        match self.policy.recovery {
            Recovery::TemporaryPassword { lifetime, .. } => ms(lifetime),
            Recovery::ChoosePassword => 0,
        }
    }

    fn close_presented(&mut self, token: Option<&str>) {
        self.sessions.retain(|session| token.is_none() || session.token.as_deref() != token);
    }

    /// A wrong password that was judged: whether it locked.
    fn strike(&mut self, id: UserId) -> bool {
        let lockout = self.policy.lockout;
        let now = self.now;
        let account = self.account_mut(id);
        let generation = account.generation;
        let Credential::Chosen { strikes, locked_at, .. } = &mut account.credential else { return false };
        let limit = match lockout.duration {
            LockDuration::Doubling { hard_limit, .. } => hard_limit,
            LockDuration::UntilRecovery | LockDuration::Fixed(_) => lockout.threshold,
        };
        if matches!(lockout.duration, LockDuration::Fixed(_)) && locked_at.is_some() {
            // The lock is over, and the count starts anew.
            *strikes = 0;
        }
        *strikes = (*strikes + 1).min(limit);
        let locks = *strikes >= lockout.threshold;
        *locked_at = locks.then_some(now);
        if locks {
            self.queue(MailPurpose::UserLocked, Who::User { id, generation });
        }
        locks
    }

    /// Opens a session; the oldest beyond the policy's number go.
    fn open(&mut self, user: UserId, full: bool, stay: bool) -> (i64, bool) {
        let policy = self.policy.session;
        let remembered = policy.remembered.filter(|_| stay && full);
        let span = match (full, remembered) {
            (false, _) => policy.restricted,
            (true, Some(remembered)) => remembered.absolute,
            (true, None) => policy.absolute,
        };
        let mut ends = self.now + ms(span);
        if let Some(Credential::Temporary { ends: latest, .. }) = self.account(user).map(|account| &account.credential)
        {
            ends = ends.min(*latest);
        }
        let keep = usize::from(policy.per_user);
        while self.sessions.iter().filter(|session| session.user == user).count() >= keep {
            self.evict_oldest(user);
        }
        let remembered = remembered.is_some();
        let (opened, seen) = (self.now, self.now);
        self.sessions.push(Session { token: None, user, full, remembered, opened, seen, ends });
        (ends, remembered)
    }

    fn evict_oldest(&mut self, user: UserId) {
        let of_user = self.sessions.iter().enumerate().filter(|(_, session)| session.user == user);
        if let Some((at, _)) = of_user.min_by_key(|(_, session)| session.opened) {
            self.sessions.remove(at);
        }
    }

    fn recovery_link(&self, token: &str) -> Option<UserId> {
        let (_, user) = self.link(token, MailPurpose::ConfirmRecovery)?;
        self.account(user?).filter(|account| account.status == Status::Active).map(|account| account.id)
    }

    fn recovered(&mut self, id: UserId, credential: Credential) {
        self.account_mut(id).credential = credential;
        self.begin_generation(id);
        self.sessions.retain(|session| session.user != id);
        for letters in self.boxes.values_mut() {
            letters.retain(|letter| !(letter.kind == MailPurpose::ConfirmRecovery && letter.user == Some(id)));
        }
    }

    fn notify(&mut self, kind: MailPurpose, id: UserId) {
        let generation = self.account_mut(id).generation;
        self.queue(kind, Who::User { id, generation });
    }

    fn confirm_recovery(&mut self, token: &str) -> Answer {
        let Some(id) = self.recovery_link(token).filter(|_| temporary(&self.policy)) else {
            return Answer::LinkInvalid;
        };
        self.recovered(id, Credential::Awaiting);
        self.notify(MailPurpose::TemporaryPassword, id);
        Answer::Accepted
    }

    fn choose(&mut self, token: &str, new: &str) -> Answer {
        let Some(id) = self.recovery_link(token).filter(|_| !temporary(&self.policy)) else {
            return Answer::LinkInvalid;
        };
        if new == UNFIT {
            return Answer::Invalid;
        }
        self.recovered(id, Credential::Chosen { password: new.into(), strikes: 0, locked_at: None });
        self.notify(MailPurpose::PasswordChanged, id);
        Answer::Changed
    }

    fn change(&mut self, token: &str, current: &str, new: &str) -> Answer {
        let asking = self.sessions.iter().find(|session| session.token.as_deref() == Some(token)).cloned();
        let Some(asking) = asking.filter(|session| self.lasts(session)) else { return Answer::NotSignedIn };
        let Some(account) = self.account(asking.user).filter(|account| account.status == Status::Active) else {
            return Answer::NotSignedIn;
        };
        let id = account.id;
        match (&account.credential, asking.full) {
            (Credential::Chosen { password, .. }, true) => {
                if new == UNFIT || current.is_empty() || new == current {
                    return Answer::Invalid;
                }
                if self.is_locked(account) {
                    return Answer::Rejected;
                }
                if password != current {
                    if self.strike(id) {
                        self.close_presented(Some(token));
                    }
                    return Answer::Rejected;
                }
            }
            (Credential::Temporary { password, minted, ends }, false)
                if self.holds(*minted, *ends, self.temporary_lifetime()) =>
            {
                if new == UNFIT || password.as_deref() == Some(new) {
                    return Answer::Invalid;
                }
            }
            _ => return Answer::NotSignedIn,
        }
        self.account_mut(id).credential = Credential::Chosen { password: new.into(), strikes: 0, locked_at: None };
        self.begin_generation(id);
        self.sessions.retain(|session| session.user != id);
        self.open(id, true, asking.remembered);
        self.notify(MailPurpose::PasswordChanged, id);
        Answer::Changed
    }

    /// By its times alone.
    fn lasts(&self, session: &Session) -> bool {
        let policy = &self.policy.session;
        let (idle, absolute) = match (session.full, session.remembered, policy.remembered) {
            (false, ..) => (policy.restricted, policy.restricted),
            (true, true, Some(remembered)) => (remembered.idle, remembered.absolute),
            (true, ..) => (policy.idle, policy.absolute),
        };
        self.holds(session.opened, session.ends, ms(absolute))
            && self.holds(session.seen, session.seen + ms(idle), ms(idle))
    }

    fn live(&self, token: &str, full: bool) -> Option<&Session> {
        let session = self.sessions.iter().find(|session| session.token.as_deref() == Some(token))?;
        let active = self.account(session.user).is_some_and(|account| account.status == Status::Active);
        (active && session.full == full && self.lasts(session)).then_some(session)
    }

    fn visit(&mut self, token: &str, full: bool) -> Answer {
        let Some(session) = self.live(token, full) else { return Answer::Visitor(None) };
        let name = self.account(session.user).map(|account| account.name.clone());
        let (now, touch) = (self.now, ms(self.policy.session.touch_interval));
        for session in self.sessions.iter_mut().filter(|session| session.token.as_deref() == Some(token)) {
            if now - session.seen >= touch {
                session.seen = now;
            }
        }
        Answer::Visitor(name)
    }

    fn end(&mut self, token: &str, others_only: bool) -> Answer {
        let Some(user) = self.live(token, true).map(|session| session.user) else { return Answer::Ended(false) };
        let stays = |session: &Session| others_only && session.token.as_deref() == Some(token);
        self.sessions.retain(|session| session.user != user || stays(session));
        Answer::Ended(true)
    }

    fn staff(&mut self, act: Staff, id: UserId) -> Answer {
        let Some(account) = self.account(id).cloned() else {
            return match act {
                Staff::Refresh => Answer::Refreshed(PatientsRefreshed::NoSuchUser),
                _ => Answer::Staff(Administered::NoSuchUser),
            };
        };
        match act {
            Staff::Disable if account.status == Status::DisabledByClinic => Answer::Staff(Administered::Unchanged),
            Staff::Disable => {
                self.disable(id, Status::DisabledByClinic);
                Answer::Staff(Administered::Done)
            }
            Staff::Enable if account.status == Status::DisabledByClinic => {
                self.enable(id);
                Answer::Staff(Administered::Done)
            }
            // Who has no patient is let in by the patient record alone.
            Staff::Enable => Answer::Staff(Administered::Unchanged),
            Staff::Remove => {
                self.accounts.retain(|account| account.id != id);
                self.sessions.retain(|session| session.user != id);
                Answer::Staff(Administered::Done)
            }
            Staff::Revoke => {
                self.sessions.retain(|session| session.user != id);
                Answer::Staff(Administered::Done)
            }
            Staff::Refresh if self.registry.down => Answer::Unavailable,
            Staff::Refresh => Answer::Refreshed(self.refresh(&account)),
        }
    }

    pub fn disable(&mut self, id: UserId, status: Status) {
        self.account_mut(id).status = status;
        self.begin_generation(id);
        self.sessions.retain(|session| session.user != id);
    }

    fn enable(&mut self, id: UserId) {
        self.account_mut(id).status = Status::Active;
        if self.account_mut(id).credential == Credential::Awaiting {
            self.notify(MailPurpose::TemporaryPassword, id);
        }
    }

    fn refresh(&mut self, account: &Account) -> PatientsRefreshed {
        let id = account.id;
        match (self.eligible(&account.email), account.status) {
            (None, Status::Active) => {
                self.disable(id, Status::WithoutPatients);
                PatientsRefreshed::Disabled
            }
            (None, _) => PatientsRefreshed::Unchanged,
            (Some((patients, _)), status) => {
                let same = patients == account.patients;
                self.account_mut(id).patients = patients;
                match status {
                    Status::WithoutPatients => {
                        self.enable(id);
                        PatientsRefreshed::Enabled
                    }
                    _ if same => PatientsRefreshed::Unchanged,
                    _ => PatientsRefreshed::Relinked,
                }
            }
        }
    }

    /// A restored backup: nothing of it may be used or mailed but chosen passwords and their locks.
    fn restore(&mut self) -> Answer {
        self.sessions.clear();
        self.registrations.clear();
        self.boxes.clear();
        self.rows.clear();
        for account in &mut self.accounts {
            if matches!(account.credential, Credential::Temporary { .. }) {
                account.credential = Credential::Awaiting;
            }
        }
        Answer::Done
    }
}
