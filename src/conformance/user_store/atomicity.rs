//! That a commit lands wholly or not at all. Not: what makes it a conflict.
//!
//! **Of a commit with one write that misses nothing is left, whichever kind that write is and wherever it stands.**

use crate::conformance::common::{Found, ensure, same};
use crate::mail::intent::MailIntent;
use crate::mailbox::Mailbox;
use crate::plan::{Commit, Write};
use crate::port::error::BoxError;
use crate::port::user_store::UserStore;
use crate::session::Session;
use crate::user::User;

use super::fixture::{
    NOW, at, claim_at, claim_of_all, digest, email_of, event, fields, mail_id, mailbox, mailbox_id, registration,
    registration_id, registration_of, session, struck, typed, user, user_id, user_of, username, with_link,
};
use super::subject::Subject;

/// How many kinds of write there are; [`every_kind`] makes one commit of them all.
const KINDS: usize = 19;

/// A store with something for each kind of write to hit.
async fn prepared(subject: &Subject) -> Result<Vec<MailIntent>, BoxError> {
    let commit = Commit::new()
        .insert_mailbox(mailbox(1))
        .insert_registration(registration(1))
        .insert_registration(registration_of(2, "otra", email_of(50)))
        .insert_registration(registration_of(3, "otra", email_of(50)))
        .insert_user(user(1))
        .insert_user(user(2))
        .insert_user(user(3));
    let opened = (1..=9).map(|n| session(n, user_id(if n < 5 { 1 } else { 3 })));
    let commit = opened.fold(commit, |commit, session| commit.open_session(session, 9));
    let commit = (1..=3).map(typed).fold(commit, Commit::queue_mail);
    subject.done("preparing", commit).await?;
    let mut claimed = subject.claim(claim_at(NOW)).await?;
    claimed.sort_by_key(MailIntent::id);
    same("the count of claimed rows", &claimed.len(), &3)?;
    Ok(claimed)
}

/// One write of each kind, each of which hits.
fn every_kind(claimed: &[MailIntent]) -> Commit {
    let [held, settled, postponed] = claimed else { return Commit::new() };
    Commit::new()
        .insert_mailbox(Mailbox::new(mailbox_id(90), email_of(90)))
        .replace_mailbox(&mailbox(1), with_link(&mailbox(1), 1, at(9)))
        .remove_registration(registration_id(1))
        .remove_registrations_of(email_of(50), Some(username("otra")))
        .insert_registration(registration(90))
        .remove_user(&user(2))
        .guard_user(&user(3))
        .replace_user(&user(1), struck(&user(1)))
        .insert_user(user(90))
        .guard_session(&session(1, user_id(1)))
        .touch_session(&session(2, user_id(1)), at(77))
        .close_session(digest(3))
        .close_sessions_of(user_id(1), Some(digest(2)))
        .open_session(session(90, user_id(3)), 2)
        .hold_mail(held.id(), held.lease().number)
        .settle_mail(std::slice::from_ref(settled))
        .postpone_mail(std::slice::from_ref(postponed), at(1), 4)
        .queue_mail(typed(90))
        .record(event(90))
}

/// Writes that miss, one of each kind that must hit, named.
fn misses(claimed: &[MailIntent]) -> Vec<(&'static str, Commit)> {
    let stale = |row: &MailIntent| MailIntent { lease: crate::mail::intent::Lease::default(), ..row.clone() };
    let rows: Vec<MailIntent> = claimed.iter().map(stale).collect();
    let absent = |row: u32| -> MailIntent { MailIntent { id: mail_id(row), ..typed(row) } };
    let read_late = user(3).with_version(9);
    let last = u32::MAX;
    vec![
        ("InsertMailbox of a taken id", Commit::new().insert_mailbox(Mailbox::new(mailbox_id(1), email_of(91)))),
        ("InsertMailbox of a taken address", Commit::new().insert_mailbox(Mailbox::new(mailbox_id(last), email_of(1)))),
        ("ReplaceMailbox", Commit::new().replace_mailbox(&mailbox(last), mailbox(last))),
        ("RemoveRegistration", Commit::new().remove_registration(registration_id(last))),
        ("InsertRegistration", Commit::new().insert_registration(registration(90))),
        ("RemoveUser", Commit::new().remove_user(&user(4))),
        ("GuardUser", Commit::new().guard_user(&read_late)),
        ("ReplaceUser", Commit::new().replace_user(&read_late, struck(&read_late))),
        ("InsertUser", Commit::new().insert_user(user_of(last, "paciente-3", email_of(91)))),
        ("GuardSession", Commit::new().guard_session(&session(80, user_id(1)))),
        ("OpenSession", Commit::new().open_session(session(90, user_id(3)), 2)),
        ("HoldMail", Commit::new().hold_mail(mail_id(2), 0)),
        ("SettleMail", Commit::new().settle_mail(&rows[2..])),
        ("SettleMail of no row", Commit::new().settle_mail(&[absent(last)])),
        ("PostponeMail", Commit::new().postpone_mail(&rows[..1], at(1), 4)),
        ("QueueMail", Commit::new().queue_mail(MailIntent { id: mail_id(1), ..typed(91) })),
        ("QueueMail, the last of all", Commit::new().queue_mail(typed(90))),
    ]
}

/// All that the store shows, but its mail.
async fn shown(store: &dyn UserStore) -> Result<serde_json::Value, BoxError> {
    let numbers = [1, 2, 3, 4, 90, u32::MAX];
    let mut all = Vec::new();
    for number in numbers {
        all.push(store.user(user_id(number)).await?.as_ref().map(fields));
        all.push(store.user_named(user(number).username()).await?.as_ref().map(fields));
        all.extend(sorted(store.users_with_email(&email_of(number)).await?.iter().map(fields)));
        all.push(store.registration(registration_id(number)).await?.as_ref().map(fields));
        all.push(store.mailbox(mailbox_id(number)).await?.as_ref().map(fields));
        all.push(store.mailbox_of(&email_of(number)).await?.as_ref().map(fields));
        all.extend(sorted(store.sessions_of(user_id(number)).await?.iter().map(fields)));
    }
    all.extend(sorted(store.registrations(&email_of(50), None, 99).await?.iter().map(fields)));
    for number in (1..=9).chain([80, 90]) {
        let found = store.session(&digest(number)).await?;
        all.push(found.map(|(session, user)| serde_json::json!([fields::<Session>(&session), fields::<User>(&user)])));
    }
    Ok(serde_json::json!(all))
}

fn sorted(records: impl Iterator<Item = serde_json::Value>) -> Vec<Option<serde_json::Value>> {
    let mut records: Vec<_> = records.collect();
    records.sort_by_key(ToString::to_string);
    records.into_iter().map(Some).collect()
}

pub(super) async fn a_refused_commit_leaves_nothing(subject: Subject) -> Found {
    let claimed = prepared(&subject).await?;
    let before = shown(subject.store()).await?;
    for (kind, missing) in misses(&claimed) {
        subject.conflict(&format!("a commit with a {kind} that misses"), every_kind(&claimed).and(missing)).await?;
        let after = shown(subject.store()).await?;
        ensure!(after == before, "a commit refused for a {kind} leaves {after} where {before} was");
        same(&format!("the count of events after a {kind} that missed"), &subject.events_at(at(90)).await, &0)?;
        for row in &claimed {
            let holding = Commit::new().hold_mail(row.id(), row.lease().number);
            subject.done(&format!("holding a mail after a {kind} that missed"), holding).await?;
        }
    }
    let rows = subject.claim(claim_of_all()).await?;
    let mut found: Vec<_> =
        rows.iter().map(|row| (row.id(), row.due_at(), row.attempts(), row.lease().number)).collect();
    found.sort_unstable();
    let expected: Vec<_> = claimed.iter().map(|row| (row.id(), row.due_at(), row.attempts(), 2)).collect();
    same("the mail after all refusals", &found, &expected)
}

pub(super) async fn every_kind_of_write_lands(subject: Subject) -> Found {
    let claimed = prepared(&subject).await?;
    let commit = every_kind(&claimed);
    same("the count of kinds in the commit", &kinds(&commit), &KINDS)?;
    subject.done("a commit of every kind of write", commit).await?;
    let store = subject.store();
    ensure!(store.mailbox(mailbox_id(90)).await?.is_some(), "InsertMailbox has not landed");
    let version = store.mailbox(mailbox_id(1)).await?.map(|kept| (kept.version(), kept.last_link_ends()));
    same("the mailbox after ReplaceMailbox", &version, &Some((2, Some(at(9)))))?;
    ensure!(store.registration(registration_id(1)).await?.is_none(), "RemoveRegistration has not landed");
    ensure!(store.registrations(&email_of(50), None, 9).await?.is_empty(), "RemoveRegistrationsOf has not landed");
    ensure!(store.registration(registration_id(90)).await?.is_some(), "InsertRegistration has not landed");
    ensure!(store.user(user_id(2)).await?.is_none(), "RemoveUser has not landed");
    same("the guarded user's version", &store.user(user_id(3)).await?.map(|user| user.version()), &Some(1))?;
    same("the replaced user's version", &store.user(user_id(1)).await?.map(|user| user.version()), &Some(2))?;
    ensure!(store.user(user_id(90)).await?.is_some(), "InsertUser has not landed");
    let left = store.sessions_of(user_id(1)).await?;
    let left: Vec<_> = left.iter().map(|session| (*session.digest(), session.last_seen())).collect();
    same("the sessions after TouchSession and the closings", &left, &vec![(digest(2), at(77))])?;
    let mut left: Vec<_> = store.sessions_of(user_id(3)).await?.iter().map(|session| *session.digest()).collect();
    left.sort_unstable();
    same("the sessions after OpenSession", &left, &vec![digest(9), digest(90)])?;
    subject.has_events(&[event(90)]).await?;
    let rows = subject.claim(claim_of_all()).await?;
    let mut found: Vec<_> =
        rows.iter().map(|row| (row.id(), row.due_at(), row.attempts(), row.lease().number)).collect();
    found.sort_unstable();
    let expected = vec![(mail_id(1), NOW, 0, 2), (mail_id(3), at(1), 4, 2), (mail_id(90), NOW, 0, 1)];
    same("the mail after HoldMail, SettleMail, PostponeMail and QueueMail", &found, &expected)
}

fn kinds(commit: &Commit) -> usize {
    let mut kinds: Vec<_> = commit.writes().iter().map(std::mem::discriminant::<Write>).collect();
    let mut distinct = 0;
    while let Some(kind) = kinds.pop() {
        distinct += usize::from(!kinds.contains(&kind));
    }
    distinct
}
