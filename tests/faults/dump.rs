//! Everything that a store holds, as one document to compare and to search. Not: a backup.
//!
//! **It is read through the port alone, by every way in which the port finds a record.**

#![allow(dead_code, reason = "each test uses its own part of it")]

use std::collections::BTreeSet;

use acceso::{
    Claim, Commit, Digest, EmailAddress, MailboxId, RegistrationId, Stored, Timestamp, UserId, UserStore, Username,
    Write,
};
use serde_json::{Value, json};

use crate::common::kept::Kept;

/// The keys that were ever written, by which the port finds what is there.
#[derive(Debug, Clone, Default)]
pub struct Known {
    users: BTreeSet<UserId>,
    names: BTreeSet<Username>,
    emails: BTreeSet<EmailAddress>,
    registrations: BTreeSet<RegistrationId>,
    mailboxes: BTreeSet<MailboxId>,
    sessions: BTreeSet<Digest>,
}

impl Known {
    /// Takes in the keys of a commit, whether or not it lands.
    pub fn learn(&mut self, commit: &Commit) {
        for write in commit.writes() {
            match write {
                Write::InsertMailbox(mailbox) | Write::ReplaceMailbox { mailbox, .. } => {
                    self.mailboxes.insert(mailbox.id());
                    self.emails.insert(mailbox.email().clone());
                }
                Write::InsertRegistration(registration) => {
                    self.registrations.insert(registration.id());
                    self.names.insert(registration.username().clone());
                    self.emails.insert(registration.email().clone());
                }
                Write::InsertUser(user) | Write::ReplaceUser { user, .. } => {
                    self.users.insert(user.id());
                    self.names.insert(user.username().clone());
                    self.emails.insert(user.email().clone());
                }
                Write::OpenSession { session, .. } => {
                    self.sessions.insert(*session.digest());
                }
                _ => {}
            }
        }
    }
}

/// All but the rows of mail, of which only the number is told: they may be under a courier's lease.
pub async fn dump(store: &impl Kept, known: &Known) -> Value {
    let there = "the store is there";
    let (mut users, mut registrations, mut mailboxes, mut sessions) = (vec![], vec![], vec![], vec![]);
    let mut index = vec![];
    for id in &known.users {
        users.extend(store.user(*id).await.expect(there).map(document));
        let mut of = store.sessions_of(*id).await.expect(there);
        of.sort_by_key(|session| *session.digest());
        let of: Vec<Value> = of.into_iter().map(document).collect();
        index.extend((!of.is_empty()).then(|| json!({ "sessions of": id, "are": of })));
    }
    for name in &known.names {
        let named = store.user_named(name).await.expect(there);
        index.extend(named.map(|user| json!({ "named": name, "is": user.id() })));
    }
    for email in &known.emails {
        let mut of: Vec<UserId> =
            store.users_with_email(email).await.expect(there).iter().map(acceso::User::id).collect();
        of.sort_unstable();
        let waiting = store.registrations(email, None, u32::MAX).await.expect(there);
        let waiting: Vec<RegistrationId> = waiting.iter().map(acceso::Registration::id).collect();
        let mailbox = store.mailbox_of(email).await.expect(there).map(|mailbox| mailbox.id());
        if !(of.is_empty() && waiting.is_empty() && mailbox.is_none()) {
            index.push(json!({ "at": email.key(), "users": of, "registrations": waiting, "mailbox": mailbox }));
        }
    }
    for id in &known.registrations {
        registrations.extend(store.registration(*id).await.expect(there).map(document));
    }
    for id in &known.mailboxes {
        mailboxes.extend(store.mailbox(*id).await.expect(there).map(document));
    }
    for digest in &known.sessions {
        sessions.extend(store.session(digest).await.expect(there).map(|(session, _)| document(session)));
    }
    let backlog = store.mail_backlog().await.expect(there);
    json!({
        "users": users,
        "registrations": registrations,
        "mailboxes": mailboxes,
        "sessions": sessions,
        "index": index,
        "mail waiting": [backlog.typed, backlog.to_users],
        "events": store.kept().await,
    })
}

/// The rows of mail, without their leases. Takes them under a lease that has ended already, so it must not be called while
/// a courier is at work.
pub async fn mail_rows(store: &impl UserStore, now: Timestamp) -> Value {
    let (end, limit) = (Timestamp::from_millis(i64::MAX), u32::MAX);
    let all = Claim { now: end, lease_until: now, latest_due: end, limit };
    let mut rows = store.claim_due_mail(all).await.expect("the store is there");
    rows.sort_by_key(acceso::MailIntent::id);
    rows.into_iter()
        .map(|row| {
            let mut row = document(row);
            row.as_object_mut().expect("a record").remove("lease");
            row
        })
        .collect()
}

/// Sessions, users and the like in their stored form.
pub fn document<T>(record: T) -> Value
where
    Stored<T>: serde::Serialize,
{
    serde_json::to_value(Stored(record)).expect("a document")
}
