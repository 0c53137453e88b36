//! A short life of one user, written down as processes write it, in which all is well. Not: taken from a run.
//!
//! **Each call is named, so that a test can say which one it tampers with.**

use crate::evidence::{Evidence, Rules};
use crate::log::{Answer, Asked, Call, CommitLine, Instant, Intent, Landed, MailLine, Step};
use crate::tables::{EventRow, MailboxRow, SessionRow, Tables, UserRow};

pub const ANA: &str = "ana@pacientes.example";
pub const USER: &str = "aa";
pub const RIGHT: &str = "Tres tristes 3";
pub const NEW: &str = "Cuatro gatos 4";
pub const NEWEST: &str = "Cinco gatos 5";
pub const TEMPORARY: &str = "temporaria";

/// The mailbox's part, the same for all links of it.
const MAILBOX: &str = "mailboxmailboxmailbox";

pub fn link(name: &str) -> String {
    format!("{MAILBOX}-{name}")
}

pub struct Story {
    pub evidence: Evidence,
    now: Instant,
    version: u64,
    mailbox: u64,
}

pub fn login(password: &str) -> Asked {
    Asked::Login { username: "ana".into(), password: password.into(), replaces: None }
}

pub fn change(token: &str, current: &str, new: &str) -> Asked {
    Asked::ChangePassword { token: token.into(), current: current.into(), new: new.into() }
}

pub fn register() -> Asked {
    Asked::Register { email: ANA.into(), username: "ana".into(), password: RIGHT.into() }
}

pub fn confirm(name: &str) -> Asked {
    Asked::Confirm { token: link(name), username: "ana".into(), password: RIGHT.into() }
}

pub fn confirm_recovery(name: &str) -> Asked {
    Asked::ConfirmRecovery { token: link(name) }
}

impl Story {
    fn tick(&mut self) -> Instant {
        self.now += 10;
        self.now
    }

    fn commit(&mut self, call: Option<&str>) -> &mut CommitLine {
        let (begun, ended) = (self.tick(), self.tick());
        self.evidence.commits.push(CommitLine {
            begun,
            ended,
            landed: Landed::Done,
            call: call.map(str::to_owned),
            events: Vec::new(),
            users: Vec::new(),
            mailboxes: Vec::new(),
            queued: Vec::new(),
            settled: Vec::new(),
        });
        self.evidence.commits.last_mut().expect("the commit")
    }

    fn event(&mut self, kind: &str, mail: Option<&str>, user: Option<&str>, call: Option<&str>) {
        let number = i64::try_from(self.evidence.tables.events.len()).expect("a number") + 1;
        self.evidence.tables.events.push(EventRow {
            number,
            at: number,
            kind: kind.to_owned(),
            mail: mail.map(str::to_owned),
            user: user.map(str::to_owned),
            call: call.map(str::to_owned),
        });
    }

    /// A call with its commit and its event. About Ana if `replaces` says whether her record changes.
    pub fn call(&mut self, id: &str, asked: Asked, answer: Answer, kind: &str, replaces: Option<bool>) {
        let begun = self.tick();
        let (from, to) = (self.version, self.version + u64::from(replaces == Some(true)));
        self.version = to;
        let line = self.commit(Some(id));
        line.events.push((kind.to_owned(), None));
        if replaces.is_some() {
            line.users.push(Step { id: USER.into(), from, to });
        }
        self.event(kind, None, replaces.map(|_| USER), Some(id));
        let ended = self.tick();
        self.evidence.calls.push(Call { id: id.to_owned(), begun, ended, asked, answer });
    }

    /// A call that holds nothing of Ana's, but is about her.
    pub fn look(&mut self, id: &str, asked: Asked, answer: Answer, kind: &str) {
        self.call(id, asked, answer, kind, None);
        self.evidence.tables.events.last_mut().expect("its event").user = Some(USER.into());
    }

    /// A call without an event.
    pub fn ask(&mut self, id: &str, asked: Asked, answer: Answer) {
        let (begun, ended) = (self.tick(), self.tick());
        self.evidence.calls.push(Call { id: id.to_owned(), begun, ended, asked, answer });
    }

    /// What the last commit asked to mail, and what a courier made of it.
    fn mail(&mut self, purpose: &str, addressee: &str, secret: Option<&str>) {
        let id = format!("{purpose} {}", self.evidence.mails.len());
        let user = addressee.starts_with(USER).then(|| USER.to_owned());
        let intent = Intent { id: id.clone(), purpose: purpose.into(), addressee: addressee.into(), user };
        self.evidence.commits.last_mut().expect("a commit").queued.push(intent);
        if purpose == "temporary_password" {
            let step = Step { id: USER.into(), from: self.version, to: self.version + 1 };
            self.version += 1;
            self.commit(None).users.push(step);
        }
        let at = self.tick();
        let (purpose, secret) = (purpose.to_owned(), secret.map(str::to_owned));
        let step = Step { id: "mailbox".into(), from: self.mailbox, to: self.mailbox + 1 };
        self.mailbox += 1;
        let line = self.commit(None);
        line.mailboxes.push(step);
        line.settled.push(id.clone());
        line.events.push(("mail_sent".to_owned(), Some(purpose.clone())));
        self.event("mail_sent", Some(&purpose), None, None);
        self.evidence.mails.push(MailLine { at, id, purpose, to: ANA.into(), taken: true, secret });
    }

    fn wrong(&mut self, id: &str) {
        self.call(id, login("Equivocada 1"), Answer::Rejected, "login_wrong_password", Some(true));
    }

    /// Ana registers, changes her password, is locked, recovers, and is in at the end with one strike.
    pub fn new() -> Self {
        let rules = Rules { threshold: 4, sessions_per_user: 4, users_per_address: 3 };
        let (calls, commits, mails, tables) = (Vec::new(), Vec::new(), Vec::new(), Tables::default());
        let evidence = Evidence { rules, calls, commits, mails, tables };
        let mut story = Self { evidence, now: 0, version: 0, mailbox: 0 };
        story.call("register", register(), Answer::Accepted, "registration_received", None);
        story.mail("confirm_registration", &format!("{ANA} "), Some(&link("first")));
        story.call("confirm", confirm("first"), Answer::Confirmed, "registration_confirmed", Some(true));
        story.mail("registration_confirmed", "aa 1", None);
        story.enters();
        story.is_locked_and_recovers();
        story.leaves();
        story.at_the_end()
    }

    fn enters(&mut self) {
        self.call("login", login(RIGHT), Answer::SignedIn { token: "S1".into() }, "signed_in", Some(false));
        self.wrong("wrong 1");
        self.wrong("wrong 2");
        self.ask("visit", Asked::Session { token: "S1".into() }, Answer::Visitor);
        let changed = Answer::Changed { token: "S2".into() };
        self.call("change", change("S1", RIGHT, NEW), changed, "password_changed", Some(true));
        self.mail("password_changed", "aa 2", None);
        self.ask("late visit", Asked::Session { token: "S1".into() }, Answer::NoVisitor);
    }

    fn is_locked_and_recovers(&mut self) {
        self.wrong("wrong 3");
        self.wrong("wrong 4");
        self.wrong("wrong 5");
        self.call("lock", login("Equivocada 1"), Answer::Rejected, "login_locked", Some(true));
        self.mail("user_locked", "aa 2", None);
        self.look("while locked", login(NEW), Answer::Rejected, "login_while_locked");
        let recover = Asked::RecoverPassword { email: ANA.into(), username: "ana".into() };
        self.call("recover", recover, Answer::Accepted, "recovery_requested", None);
        self.mail("confirm_recovery", &format!("{ANA} ana"), Some(&link("second")));
        self.call("recovery", confirm_recovery("second"), Answer::Accepted, "recovery_confirmed", Some(true));
        self.mail("temporary_password", "aa 3", Some(TEMPORARY));
        let answer = Answer::MustChangePassword { token: "S3".into() };
        self.call("temporary", login(TEMPORARY), answer, "signed_in_temporarily", Some(false));
        let changed = Answer::Changed { token: "S4".into() };
        self.call("choice", change("S3", "", NEWEST), changed, "password_changed", Some(true));
        self.mail("password_changed", "aa 4", None);
    }

    fn leaves(&mut self) {
        self.call("second login", login(NEWEST), Answer::SignedIn { token: "S5".into() }, "signed_in", Some(false));
        self.look("log-out", Asked::LogOut { token: "S5".into() }, Answer::Done, "signed_out");
        self.wrong("last");
    }

    fn at_the_end(mut self) -> Self {
        let version = |counted: u64| i64::try_from(counted).expect("a version");
        self.evidence.tables.users.push(UserRow {
            id: USER.into(),
            version: version(self.version),
            generation: 4,
            username: "ana".into(),
            email: ANA.into(),
            credential: "chosen".into(),
            strikes: Some(1),
            locked_at: None,
        });
        self.evidence.tables.sessions.push(SessionRow { user: USER.into(), call: "choice".into() });
        let mailbox = MailboxRow { id: "mailbox".into(), version: version(self.mailbox) };
        self.evidence.tables.mailboxes.push(mailbox);
        self
    }

    /// Later calls went on with the record after the end was read.
    pub fn and_so_on(&mut self) {
        self.evidence.tables.users[0].version = i64::try_from(self.version).expect("a version");
    }
}
