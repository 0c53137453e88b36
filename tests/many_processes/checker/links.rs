//! Each link used once at most, and only while nothing had killed it. Not: who may register or recover.

use super::history::{History, Operation};
use super::{Breach, Found};
use crate::log::{Asked, Call, Instant, MailLine};

/// Live links of one kind that a mailbox remembers: the oldest goes when there are more.
const REMEMBERED: usize = 8;

/// The part of a token that names its mailbox: 16 bytes of base64url.
fn mailbox(token: &str) -> &str {
    token.get(..21).unwrap_or(token)
}

fn token(call: &Call) -> &str {
    match &call.asked {
        Asked::Confirm { token, .. } | Asked::ConfirmRecovery { token } => token,
        _ => "",
    }
}

pub fn check(history: &History<'_>, found: &mut Found) {
    for kind in ["registration_confirmed", "recovery_confirmed"] {
        let used = history.landed(kind);
        for (at, call) in used.iter().enumerate() {
            if used[..at].iter().any(|earlier| token(earlier) == token(call)) {
                found.breach(Breach::LinkUsedTwice, format!("{call:?}"));
            }
        }
    }
    let confirmations = history.landed("registration_confirmed");
    for call in &confirmations {
        dead_registration(history, call, &confirmations, found);
    }
    for operations in history.timelines.values() {
        for (at, operation) in operations.iter().enumerate().filter(|(_, one)| one.kind == "recovery_confirmed") {
            dead_recovery(history, operation, &operations[..at], found);
        }
    }
    refused(history, &confirmations, found);
}

/// When a mailer was given the token: its link was made before.
fn mailed<'a>(history: &History<'a>, token: &str) -> Option<&'a MailLine> {
    history.evidence.mails.iter().find(|mail| mail.secret.as_deref() == Some(token))
}

/// Another use of the mailbox that began after the mail went out, and had ended when this one began.
fn dead_registration(history: &History<'_>, call: &Call, confirmations: &[&Call], found: &mut Found) {
    let Some(mail) = mailed(history, token(call)) else { return };
    let (begun, _) = history.span(call);
    let killer = confirmations.iter().find(|other| {
        let (other_begun, other_ended) = history.span(other);
        other.id != call.id
            && mailbox(token(other)) == mailbox(token(call))
            && other_begun > mail.at
            && other_ended < begun
    });
    if let Some(killer) = killer {
        found.breach(Breach::DeadLinkUsed, format!("{call:?} after {killer:?}"));
    }
}

/// A newer password that began after the mail went out, and came before this use.
fn dead_recovery(history: &History<'_>, used: &Operation<'_>, before: &[Operation<'_>], found: &mut Found) {
    let Some(mail) = mailed(history, token(used.call)) else {
        found.breach(Breach::DeadLinkUsed, format!("nobody was mailed the link of {used:?}"));
        return;
    };
    let killer = before.iter().find(|earlier| is_new_generation(earlier) && earlier.begun > mail.at);
    if let Some(killer) = killer {
        found.breach(Breach::DeadLinkUsed, format!("{used:?} after {killer:?}"));
    }
}

fn is_new_generation(operation: &Operation<'_>) -> bool {
    matches!(operation.kind, "recovery_confirmed" | "password_changed")
}

/// A link that was called invalid must have been killed by something that had begun.
fn refused(history: &History<'_>, confirmations: &[&Call], found: &mut Found) {
    let mails = &history.evidence.mails;
    for call in &history.evidence.calls {
        let of_registration = match history.kind(call) {
            Some("confirmation_link_invalid") => true,
            Some("recovery_link_invalid") => false,
            _ => continue,
        };
        let Some(mail) = mailed(history, token(call)) else { continue };
        let newer = |other: &&MailLine| other.purpose == mail.purpose && other.to == mail.to && other.id != mail.id;
        // The link was made after its mail was asked for.
        let made = asked_for(history, &mail.id);
        let is_killed = if of_registration {
            let is_of_mailbox = |other: &&&Call| mailbox(token(other)) == mailbox(token(call));
            let mut spans = confirmations.iter().filter(is_of_mailbox).map(|other| history.span(other));
            spans.any(|(begun, ended)| begun < call.ended && ended > made)
        } else {
            has_new_generation(history, &mail.to, made, call.ended)
        };
        // A second try of the same mail has another link, and the first is dead.
        let is_replaced = mails.iter().any(|other| other.id == mail.id && other.at > mail.at);
        if !is_killed && !is_replaced && mails.iter().filter(newer).count() < REMEMBERED {
            found.breach(Breach::LinkRefused, format!("{call:?}"));
        }
    }
}

fn asked_for(history: &History<'_>, mail: &str) -> Instant {
    let mut commits = history.evidence.commits.iter();
    commits.find(|line| line.queued.iter().any(|intent| intent.id == mail)).map_or(0, |line| line.begun)
}

/// Whether a user of the address may have got another password between these.
fn has_new_generation(history: &History<'_>, address: &str, after: Instant, before: Instant) -> bool {
    let users = history.evidence.tables.users.iter().filter(|user| user.email == address);
    let mut operations = users.flat_map(|user| &history.timelines[user.id.as_str()]);
    operations.any(|one| is_new_generation(one) && one.begun < before && one.ended > after)
}
