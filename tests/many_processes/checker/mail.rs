//! No mail is left, and none about a user was lost. Not: what a mail says.
//!
//! A mail that a stranger asked for may come to nothing; that is the courier's to decide, out of sight.

use super::history::History;
use super::{Breach, Found};
use crate::log::{Intent, Landed, MailLine};

pub fn check(history: &History<'_>, found: &mut Found) {
    for purpose in &history.evidence.tables.mail {
        found.breach(Breach::MailLeft, format!("{purpose} still waits"));
    }
    let done = || history.evidence.commits.iter().filter(|line| line.landed == Landed::Done);
    let queued: Vec<&Intent> = done().flat_map(|line| &line.queued).collect();
    for intent in &queued {
        let equals = |other: &&Intent| other.purpose == intent.purpose && other.addressee == intent.addressee;
        let equals: Vec<&str> = queued.iter().copied().filter(equals).map(|equal| equal.id.as_str()).collect();
        let is_mailed = taken(history).any(|mail| equals.contains(&mail.id.as_str()));
        if !is_mailed && !may_come_to_nothing(history, intent, &queued) {
            found.breach(Breach::MailLost, format!("{intent:?}"));
        }
        let settled = done().filter(|line| line.settled.contains(&intent.id)).count();
        let unsure = history.evidence.commits.iter().any(|line| matches!(line.landed, Landed::Unknown(_)));
        if settled == 0 && !unsure {
            found.breach(Breach::MailLost, format!("nobody settled {intent:?}"));
        }
    }
    registered(history, found);
}

fn taken<'a>(history: &History<'a>) -> impl Iterator<Item = &'a MailLine> {
    history.evidence.mails.iter().filter(|mail| mail.taken)
}

/// Whether nobody misses the mail. Of notices of a lock there is one a day, and none about a lock that is over; of a
/// temporary password none once another password has come.
fn may_come_to_nothing(history: &History<'_>, intent: &Intent, queued: &[&Intent]) -> bool {
    let Some(user) = &intent.user else { return true };
    let Some(row) = history.evidence.tables.users.iter().find(|row| row.id == *user) else { return false };
    let generation = intent.addressee.rsplit(' ').next().and_then(|text| text.parse::<i64>().ok());
    let is_over = generation.is_some_and(|generation| row.generation > generation);
    match intent.purpose.as_str() {
        "user_locked" => {
            let alike = |other: &&&Intent| other.purpose == intent.purpose && other.user == intent.user;
            let mut others = queued.iter().filter(alike);
            is_over || others.any(|other| taken(history).any(|mail| mail.id == other.id))
        }
        "temporary_password" => is_over,
        _ => false,
    }
}

/// Each address of a patient that registered has had a link.
fn registered(history: &History<'_>, found: &mut Found) {
    let queued = history.evidence.commits.iter().filter(|line| line.landed == Landed::Done);
    for intent in queued.flat_map(|line| &line.queued).filter(|intent| intent.purpose == "confirm_registration") {
        let address = intent.addressee.trim_end();
        if !address.ends_with(crate::ports::CLINIC) {
            if history.evidence.mails.iter().any(|mail| mail.to == address) {
                found.breach(Breach::UserUnproven, format!("{address} is nobody's and was mailed"));
            }
        } else if !taken(history).any(|mail| mail.purpose == "confirm_registration" && mail.to == address) {
            found.breach(Breach::MailLost, format!("{address} never had a link"));
        }
    }
}
