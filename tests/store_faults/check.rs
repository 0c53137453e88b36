//! Whether the tables are what the events say, and hold what callers were told. Not: how they came to be.
//!
//! **The events are played over again; each commit has exactly one, so a row that does not fit was half a commit.**

use std::collections::{HashMap, HashSet};

use acceso::{EventKind, MailPurpose};

use crate::ledger::{Asked, Told};
use crate::life::{email, username};
use crate::tables::Tables;

/// What the events make of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    pub registrations: usize,
    pub is_confirmed: bool,
    pub changes: u32,
    pub sessions: usize,
    pub strikes: i64,
    pub logouts: usize,
    user: Option<Vec<u8>>,
}

/// By number of the person.
pub fn facts(tables: &Tables) -> HashMap<u32, Facts> {
    let mut all: HashMap<u32, Facts> = HashMap::new();
    for event in &tables.events {
        let Some(asked) = event.asked else { continue };
        let facts = all.entry(asked.life).or_default();
        let is = |kind: EventKind| event.kind == kind.code();
        if is(EventKind::RegistrationReceived) {
            facts.registrations += 1;
        } else if is(EventKind::RegistrationConfirmed) {
            (facts.is_confirmed, facts.registrations, facts.user) = (true, 0, event.user.clone());
        } else if is(EventKind::SignedIn) {
            (facts.sessions, facts.strikes) = (facts.sessions + 1, 0);
        } else if is(EventKind::LoginWrongPassword) {
            facts.strikes += 1;
        } else if is(EventKind::PasswordChanged) {
            (facts.sessions, facts.strikes, facts.changes) = (1, 0, facts.changes + 1);
        } else if is(EventKind::SignedOut) {
            (facts.sessions, facts.logouts) = (facts.sessions.saturating_sub(1), facts.logouts + 1);
        }
    }
    all
}

/// Mails by addressee and purpose: how many the events say were sent, and how many the post has.
struct Mails<'a> {
    sent: HashMap<(&'a [u8], &'a str), usize>,
    posted: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Mails<'a> {
    fn of(tables: &'a Tables, told: &'a Told) -> Self {
        let (mut sent, mut posted): (HashMap<_, usize>, HashMap<_, usize>) = (HashMap::new(), HashMap::new());
        for event in &tables.events {
            if let (Some(purpose), Some(user)) = (event.mail.as_deref(), event.user.as_deref())
                && event.kind == EventKind::MailSent(MailPurpose::PasswordChanged).code()
            {
                *sent.entry((user, purpose)).or_default() += 1;
            }
        }
        for (to, purpose, _) in &told.posted {
            *posted.entry((to.as_str(), purpose.as_str())).or_default() += 1;
        }
        Self { sent, posted }
    }

    fn sent(&self, user: &[u8], purpose: MailPurpose) -> usize {
        self.sent.get(&(user, purpose.code())).copied().unwrap_or_default()
    }

    fn posted(&self, to: &str, purpose: MailPurpose) -> usize {
        self.posted.get(&(to, purpose.code())).copied().unwrap_or_default()
    }
}

/// Everything that is wrong.
pub fn violations(tables: &Tables, told: &Told) -> Vec<String> {
    let mut found = told.violations.clone();
    found.extend(tables.damage.iter().cloned());
    found.extend(lost(tables, told));
    let (all, mails) = (facts(tables), Mails::of(tables, told));
    for (life, facts) in &all {
        found.extend(half_done(*life, facts, tables, &mails).into_iter().map(|what| format!("{life}: {what}")));
        found.extend(mail_lost(*life, facts, tables, &mails).into_iter().map(|what| format!("{life}: {what}")));
    }
    let known: HashSet<String> = all.keys().map(|life| username(*life)).collect();
    let strangers = tables.users.keys().chain(tables.registrations.keys()).filter(|name| !known.contains(*name));
    found.extend(strangers.map(|name| format!("{name} came without an event")));
    found
}

/// What was acknowledged has its event; and no call has two.
fn lost(tables: &Tables, told: &Told) -> Vec<String> {
    let mut found = Vec::new();
    let mut kinds: HashMap<Asked, &str> = HashMap::new();
    for event in &tables.events {
        if let Some(asked) = event.asked
            && let Some(first) = kinds.insert(asked, &event.kind)
        {
            found.push(format!("{asked:?} has two events, {first} and {}", event.kind));
        }
    }
    for (asked, expected) in &told.acknowledged {
        match kinds.get(asked) {
            None => found.push(format!("{asked:?} was acknowledged and is lost")),
            Some(kind) if !expected.iter().any(|one| one.code() == *kind) => {
                found.push(format!("{asked:?} was told {expected:?}, and {kind} was done"));
            }
            Some(_) => {}
        }
    }
    found
}

fn half_done(life: u32, facts: &Facts, tables: &Tables, mails: &Mails<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut expect = |what: &str, row: i64, event: i64| {
        if row != event {
            found.push(format!("{what}: {row} by the rows, {event} by the events"));
        }
    };
    let count = |number: usize| i64::try_from(number).expect("a count");
    let (name, user) = (username(life), tables.users.get(&username(life)));
    expect("users", i64::from(user.is_some()), i64::from(facts.is_confirmed));
    let registrations = tables.registrations.get(&name).copied().unwrap_or_default();
    expect("registrations", count(registrations), count(facts.registrations));
    let Some(user) = user else { return found };
    expect("users of another id", i64::from(facts.user.as_ref() != Some(&user.id)), 0);
    expect("strikes", user.strikes, facts.strikes);
    expect("sessions", count(tables.sessions.get(&user.id).copied().unwrap_or_default()), count(facts.sessions));
    let changes = i64::from(facts.changes);
    for (purpose, caused) in [(MailPurpose::RegistrationConfirmed, 1), (MailPurpose::PasswordChanged, changes)] {
        let waiting = tables.mail_to_users.get(&(user.id.clone(), purpose.code().to_owned())).copied();
        let rows = count(waiting.unwrap_or_default() + mails.sent(&user.id, purpose));
        expect(purpose.code(), rows, caused);
    }
    found
}

/// A mail is waiting, or the post has it.
fn mail_lost(life: u32, facts: &Facts, tables: &Tables, mails: &Mails<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let posted = |purpose: MailPurpose| mails.posted(&email(life), purpose);
    let confirm = MailPurpose::ConfirmRegistration;
    let is_waiting = tables.mail_typed.contains_key(&(email(life), confirm.code().to_owned()));
    if facts.registrations > 0 && !is_waiting && posted(confirm) == 0 {
        found.push("the link is lost".to_owned());
    }
    if let Some(user) = &facts.user {
        for purpose in [MailPurpose::RegistrationConfirmed, MailPurpose::PasswordChanged] {
            if mails.sent(user, purpose) > posted(purpose) {
                found.push(format!("{} counts as sent, and was not", purpose.code()));
            }
        }
    }
    found
}
