//! No name twice, and each user proven by a registration and a link. Not: the link's own life.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::history::History;
use super::{Breach, Found};
use crate::log::{Answer, Asked, Call, Instant};

/// When each name was confirmed: between these.
type Confirmed<'a> = HashMap<&'a str, (Instant, Instant)>;

pub fn check(history: &History<'_>, found: &mut Found) {
    let confirmed = confirmations(history, found);
    let mut names = HashSet::new();
    let mut of_address: BTreeMap<&str, usize> = BTreeMap::new();
    for user in &history.evidence.tables.users {
        if !names.insert(&user.username) {
            found.breach(Breach::NameTwice, format!("two users {}", user.username));
        }
        if !confirmed.contains_key(user.username.as_str()) {
            found.breach(Breach::UserUnproven, format!("nobody confirmed {}", user.username));
        }
        *of_address.entry(&user.email).or_default() += 1;
    }
    for (email, users) in of_address {
        if users > history.evidence.rules.users_per_address {
            found.breach(Breach::UserUnproven, format!("{users} users of {email}"));
        }
    }
    for name in confirmed.keys().filter(|name| !history.users_by_name.contains_key(**name)) {
        found.breach(Breach::UpdateLost, format!("{name} was confirmed and is no user"));
    }
    answers(history, &confirmed, found);
}

fn confirmations<'a>(history: &History<'a>, found: &mut Found) -> Confirmed<'a> {
    let mut confirmed = HashMap::new();
    for call in history.landed("registration_confirmed") {
        let Asked::Confirm { token, username, password } = &call.asked else { continue };
        if confirmed.insert(username.as_str(), history.span(call)).is_some() {
            found.breach(Breach::NameTwice, format!("two confirmations of {username}, one of them {call:?}"));
        }
        let mailed = history.evidence.mails.iter().find(|mail| mail.secret.as_ref() == Some(token));
        let proven = mailed.is_some_and(|mail| {
            let owner = history.users_by_name.get(username.as_str());
            owner.is_some_and(|user| user.email == mail.to)
                && history.evidence.calls.iter().any(|other| registers(other, call, &mail.to, username, password))
        });
        if !proven {
            found.breach(Breach::UserUnproven, format!("{call:?}"));
        }
    }
    confirmed
}

fn registers(call: &Call, before: &Call, address: &str, name: &str, secret: &str) -> bool {
    let fits = match &call.asked {
        Asked::Register { email, username, password } => email == address && username == name && password == secret,
        _ => false,
    };
    fits && call.begun < before.ended && matches!(call.answer, Answer::Accepted | Answer::Unavailable { .. })
}

/// Whether names were taken when a call said so, and free when it said that.
fn answers(history: &History<'_>, confirmed: &Confirmed<'_>, found: &mut Found) {
    for call in &history.evidence.calls {
        let (name, taken) = match (&call.asked, history.kind(call)) {
            (Asked::Register { username, .. }, Some("registration_name_taken"))
            | (Asked::Confirm { username, .. }, Some("confirmation_name_taken")) => (username, true),
            (Asked::Register { username, .. }, Some("registration_received"))
            | (Asked::Login { username, .. }, Some("login_unknown")) => (username, false),
            _ => continue,
        };
        let possible = match confirmed.get(name.as_str()) {
            Some((begun, _)) if taken => *begun < call.ended,
            Some((_, ended)) => *ended > call.begun,
            None => !taken,
        };
        if !possible {
            found.breach(Breach::NameAnswer, format!("{name} taken: {taken}, against {call:?}"));
        }
    }
}
