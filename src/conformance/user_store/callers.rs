//! Callers that go away in the middle. Not: stores that fail, which only the store's own tests can arrange.
//!
//! **A dropped future leaves the store wholly before or wholly after, and serving.** A check here that never ends has
//! found a lock or a connection that a dropped future kept.

use std::panic::resume_unwind;

use crate::conformance::common::{Found, dropped_after, ensure, same};
use crate::plan::Commit;
use crate::port::error::BoxError;
use crate::port::user_store::Committed;

use super::fixture::{
    LEASE_MILLIS, NOW, at, claim_at, digest, email_of, event, mailbox, mailbox_id, only, registration, registration_id,
    session, to_user, typed, user, user_id, with_password,
};
use super::subject::Subject;

/// A future that needs more polls than this is dropped in its first so many only.
const MOST_POLLS: u32 = 48;

/// How often a claim looks for a row that another one may hide for as long as it takes.
const MOST_TRIES: u32 = 1000;

/// A commit of several rooms, which leaves something of its number in each.
fn large(number: u32) -> Commit {
    Commit::new()
        .insert_mailbox(mailbox(number))
        .insert_registration(registration(number))
        .insert_user(user(number))
        .open_session(session(number, user_id(number)), 9)
        .queue_mail(to_user(number))
        .record(event(number))
}

/// Which rooms of the store show that commit, in an order that is not that of its writes.
async fn shown(subject: &Subject, number: u32) -> Result<[bool; 5], BoxError> {
    let store = subject.store();
    Ok([
        subject.events_at(at(i64::from(number))).await > 0,
        store.session(&digest(number)).await?.is_some(),
        store.user(user_id(number)).await?.is_some(),
        store.mailbox(mailbox_id(number)).await?.is_some(),
        store.registration(registration_id(number)).await?.is_some(),
    ])
}

/// That the commit of this number has landed wholly or not at all; it may still land while this looks.
async fn is_whole(subject: &Subject, number: u32) -> Found {
    let first = shown(subject, number).await?;
    if first.contains(&true) {
        let second = shown(subject, number).await?;
        ensure!(!second.contains(&false), "of a dropped commit only a part has landed: {second:?}");
    }
    let again = subject.commit(large(number)).await?;
    let landed = shown(subject, number).await?;
    ensure!(!landed.contains(&false), "of a commit repeated after it was dropped, a part is missing: {landed:?}");
    let seen = first.contains(&true);
    ensure!(!(seen && again == Committed::Done), "a commit that had landed is done once more");
    same("how often the commit's event is there", &subject.events_at(at(i64::from(number))).await, &1)
}

pub(super) async fn a_dropped_commit_has_landed_wholly_or_not_at_all(subject: Subject) -> Found {
    for polls in 1..=MOST_POLLS {
        let ended = dropped_after(polls, subject.store().commit(&large(polls))).await;
        is_whole(&subject, polls).await?;
        if let Some(committed) = ended {
            return same("a commit that was polled to its end", &committed?, &Committed::Done);
        }
    }
    Ok(())
}

pub(super) async fn a_dropped_commit_keeps_no_lock(subject: Subject) -> Found {
    subject.done("inserting a user", Commit::new().insert_user(user(1))).await?;
    for polls in 1..=MOST_POLLS {
        let read = subject.store().user(user_id(1)).await?.ok_or("the user is gone")?;
        let change = Commit::new().guard_user(&read).replace_user(&read, with_password(&read, polls));
        let change = dropped_after(polls, subject.store().commit(&change)).await;
        let now = subject.store().user(user_id(1)).await?.ok_or("the user is gone")?;
        // The dropped commit may land in between, so this one may be a conflict; it must end.
        let _ = subject.commit(Commit::new().replace_user(&now, user(1))).await?;
        if change.is_some() {
            return Ok(());
        }
    }
    Ok(())
}

pub(super) async fn a_dropped_claim_loses_no_row(subject: Subject) -> Found {
    for polls in 1..=MOST_POLLS {
        subject.done("queueing mail", Commit::new().queue_mail(typed(1))).await?;
        let ended = dropped_after(polls, subject.claim(claim_at(NOW))).await;
        // Whoever has gone away holds its rows until the lease ends and no longer. A claim still under way may hide them.
        let mut rows = Vec::new();
        for _ in 0..MOST_TRIES {
            if rows.is_empty() {
                rows = subject.claim(claim_at(at(LEASE_MILLIS))).await?;
            }
        }
        let row = only("the claim after a dropped one", rows)?;
        subject.done("settling the row", Commit::new().settle_mail(&[row])).await?;
        if ended.is_some() {
            return Ok(());
        }
    }
    Ok(())
}

pub(super) async fn a_dropped_read_or_purge_harms_nothing(subject: Subject) -> Found {
    subject.done("a first commit", large(1)).await?;
    let store = subject.store();
    for polls in 1..=4 {
        let _ = dropped_after(polls, store.user(user_id(1))).await;
        let _ = dropped_after(polls, store.user_named(user(1).username())).await;
        let _ = dropped_after(polls, store.users_with_email(&email_of(1))).await;
        let _ = dropped_after(polls, store.registration(registration_id(1))).await;
        let _ = dropped_after(polls, store.registrations(&email_of(1), None, 9)).await;
        let _ = dropped_after(polls, store.mailbox(mailbox_id(1))).await;
        let _ = dropped_after(polls, store.mailbox_of(&email_of(1))).await;
        let _ = dropped_after(polls, store.session(&digest(1))).await;
        let _ = dropped_after(polls, store.sessions_of(user_id(1))).await;
        let _ = dropped_after(polls, store.mail_backlog()).await;
        let _ = dropped_after(polls, store.purge(at(-9_000_000), 9)).await;
    }
    same("what is there after dropped reads", &shown(&subject, 1).await?, &[true; 5])?;
    subject.done("a commit after dropped reads", large(2)).await
}

pub(super) async fn a_restore_that_was_dropped_can_be_repeated(subject: Subject) -> Found {
    for polls in 1..=MOST_POLLS {
        subject.done("a first commit", large(polls)).await?;
        let ended = dropped_after(polls, subject.store().forget_live()).await;
        subject.store().forget_live().await?;
        let found = shown(&subject, polls).await?;
        same("what is left after a restore", &found, &[true, false, true, false, false])?;
        if ended.is_some() {
            return Ok(());
        }
    }
    Ok(())
}

pub(super) async fn a_caller_that_panics_harms_nobody(subject: Subject) -> Found {
    for polls in 1..=4 {
        let store = subject.share();
        let (alive, gone) = tokio::sync::oneshot::channel::<()>();
        subject.spawn(Box::pin(async move {
            // Declared first, so dropped last: whoever waits for it knows that the commit's future is gone.
            let _alive = alive;
            let commit = large(polls);
            let mut pending = store.commit(&commit);
            let _ = dropped_after(polls, pending.as_mut()).await;
            // A panic without the hook that prints: this one is meant.
            resume_unwind(Box::new("a caller that panics"));
        }));
        // An error is the sign: the sender is dropped, never used.
        let _ = gone.await;
        is_whole(&subject, polls).await?;
        subject.done("a commit after a panic", large(100 + polls)).await?;
    }
    Ok(())
}
