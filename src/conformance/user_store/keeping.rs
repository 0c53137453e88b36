//! What is kept, counted and removed beside commits: purge, backlog, and the day after a restore. Not: commits.
//!
//! **Nothing that a decision may rest on is removed.**

use std::time::{Duration, Instant};

use crate::clock::Timestamp;
use crate::conformance::common::{Found, ensure, same};
use crate::mailbox::Mailbox;
use crate::plan::Commit;
use crate::port::error::BoxError;
use crate::port::user_store::{Backlog, Purged};
use crate::registration::Registration;
use crate::session::Session;

use super::fixture::{
    NOW, at, claim_at, claim_of_all, digest, due, email, email_of, event, mailbox, mailbox_id, registration,
    registration_id, same_record, session, to_user, typed, user, user_id, user_of, with_link, with_temporary,
};
use super::subject::Subject;

/// How far a count may lag behind.
const LAG: Duration = Duration::from_secs(1);

/// Whether this is still there after a purge at each of -1, 0 and 1 ms from its end.
const LIVES: [(i64, bool); 3] = [(-1, true), (0, false), (1, false)];

async fn purge(subject: &Subject, now: Timestamp, expected: Purged) -> Found {
    same("what the purge says it removed", &subject.store().purge(now, 99).await?, &expected)
}

pub(super) async fn purge_removes_sessions_at_their_end(subject: Subject) -> Found {
    let limited = |number: u32, end| Session { absolute_end: end, ..session(number, user_id(1)) };
    let commit = Commit::new().insert_user(user(1)).open_session(limited(1, at(1000)), 9);
    subject.done("opening sessions", commit.open_session(limited(2, at(9000)), 9)).await?;
    for (millis, lives) in LIVES {
        let removed = u64::from(!lives && millis == 0);
        purge(&subject, at(1000 + millis), Purged { sessions: removed, ..Purged::default() }).await?;
        let found = subject.store().session(&digest(1)).await?.is_some();
        same(&format!("whether a session is there {millis} ms after its end"), &found, &lives)?;
    }
    ensure!(subject.store().session(&digest(2)).await?.is_some(), "a session before its end is gone");
    Ok(())
}

pub(super) async fn purge_removes_registrations_at_their_end(subject: Subject) -> Found {
    let limited = |number: u32, expires_at| Registration { expires_at, ..registration(number) };
    let commit = Commit::new().insert_registration(limited(1, at(1000))).insert_registration(limited(2, at(9000)));
    subject.done("inserting registrations", commit).await?;
    for (millis, lives) in LIVES {
        let removed = u64::from(!lives && millis == 0);
        purge(&subject, at(1000 + millis), Purged { registrations: removed, ..Purged::default() }).await?;
        let found = subject.store().registration(registration_id(1)).await?.is_some();
        same(&format!("whether a registration is there {millis} ms after its end"), &found, &lives)?;
        let listed = !subject.store().registrations(&email_of(1), None, 9).await?.is_empty();
        same("whether the registration is listed", &listed, &lives)?;
    }
    ensure!(subject.store().registration(registration_id(2)).await?.is_some(), "a waiting registration is gone");
    Ok(())
}

pub(super) async fn purge_removes_mailboxes_that_nothing_rests_on(subject: Subject) -> Found {
    let older = with_link(&mailbox(1), 7, at(500));
    let spelled = Mailbox::new(mailbox_id(4), email("OTRA@example.ORG"));
    let commit = Commit::new()
        .insert_mailbox(with_link(&older, 8, at(1000)))
        .insert_mailbox(with_link(&mailbox(2), 7, at(9000)))
        .insert_mailbox(with_link(&mailbox(3), 7, at(1000)))
        .insert_mailbox(spelled)
        .insert_user(user(3))
        .insert_user(user_of(4, "otra", email("otra@Example.org")));
    subject.done("inserting mailboxes", commit).await?;
    for (millis, lives) in LIVES {
        let removed = u64::from(!lives && millis == 0);
        purge(&subject, at(1000 + millis), Purged { mailboxes: removed, ..Purged::default() }).await?;
        let found = subject.store().mailbox(mailbox_id(1)).await?.is_some();
        same(&format!("whether a mailbox is there {millis} ms after the end of its last link"), &found, &lives)?;
        ensure!(subject.store().mailbox(mailbox_id(2)).await?.is_some(), "a mailbox with a live link is gone");
        ensure!(subject.store().mailbox(mailbox_id(3)).await?.is_some(), "a mailbox with a user is gone");
        ensure!(
            subject.store().mailbox(mailbox_id(4)).await?.is_some(),
            "a mailbox of a user spelled otherwise is gone"
        );
    }
    ensure!(subject.store().mailbox_of(&email_of(1)).await?.is_none(), "a purged mailbox is found by its address");
    subject.done("a mailbox without links", Commit::new().insert_mailbox(mailbox(1))).await?;
    subject.done("removing a user", Commit::new().remove_user(&user(3))).await?;
    purge(&subject, at(1001), Purged { mailboxes: 2, ..Purged::default() }).await?;
    ensure!(subject.store().mailbox(mailbox_id(2)).await?.is_some(), "a mailbox with a live link is gone");
    Ok(())
}

pub(super) async fn purge_keeps_users_mail_and_events(subject: Subject) -> Found {
    let commit = Commit::new()
        .insert_user(user(1))
        .insert_user(with_temporary(&user(2)))
        .queue_mail(typed(1))
        .queue_mail(due(to_user(2), at(9000)))
        .record(event(1));
    subject.done("a first commit", commit).await?;
    let last = Timestamp::from_millis(i64::MAX);
    purge(&subject, last, Purged::default()).await?;
    same_record("the user", subject.store().user(user_id(1)).await?.as_ref(), &user(1))?;
    let kept = subject.store().user(user_id(2)).await?;
    same_record("the user with a temporary password", kept.as_ref(), &with_temporary(&user(2)))?;
    same("the count of mails", &subject.claim(claim_of_all()).await?.len(), &2)?;
    subject.has_events(&[event(1)]).await
}

pub(super) async fn purge_removes_so_many_of_each_kind(subject: Subject) -> Found {
    let mut commit = Commit::new().insert_user(user(99));
    for number in 1..=7 {
        commit = commit
            .insert_mailbox(mailbox(number))
            .insert_registration(registration(number))
            .open_session(session(number, user_id(99)), 99);
    }
    subject.done("a first commit", commit).await?;
    let last = Timestamp::from_millis(i64::MAX);
    for (limit, removed, left) in [(0, 0, 7), (3, 3, 4), (3, 3, 1), (3, 1, 0), (3, 0, 0)] {
        let expected = Purged { sessions: removed, registrations: removed, mailboxes: removed };
        let purged = subject.store().purge(last, limit).await?;
        same(&format!("what a purge of {limit} of each kind says it removed"), &purged, &expected)?;
        same("the count of what is left", &(left, left, left), &remaining(&subject).await?)?;
    }
    Ok(())
}

/// How many sessions, registrations and mailboxes of the numbers up to 7 are there.
async fn remaining(subject: &Subject) -> Result<(usize, usize, usize), BoxError> {
    let store = subject.store();
    let (mut registrations, mut mailboxes) = (0, 0);
    for number in 1..=7 {
        registrations += usize::from(store.registration(registration_id(number)).await?.is_some());
        mailboxes += usize::from(store.mailbox(mailbox_id(number)).await?.is_some());
    }
    Ok((store.sessions_of(user_id(99)).await?.len(), registrations, mailboxes))
}

pub(super) async fn the_backlog_counts_every_row(subject: Subject) -> Found {
    counts(&subject, Backlog::default()).await?;
    let rows = [due(typed(1), at(5)), typed(2), due(to_user(3), at(-5)), to_user(4), due(to_user(5), at(9000))];
    let commit = rows.into_iter().fold(Commit::new(), Commit::queue_mail);
    subject.done("queueing mail", commit).await?;
    counts(&subject, Backlog { typed: 2, to_users: 3, oldest_due: Some(at(-5)) }).await?;
    let held = subject.claim(claim_at(NOW)).await?;
    same("the count of claimed rows", &held.len(), &3)?;
    counts(&subject, Backlog { typed: 2, to_users: 3, oldest_due: Some(at(-5)) }).await?;
    for row in held {
        subject.done("settling", Commit::new().settle_mail(&[row])).await?;
    }
    counts(&subject, Backlog { typed: 1, to_users: 1, oldest_due: Some(at(5)) }).await
}

/// That the backlog is this, at the latest in a read that begins when what was committed may lag behind no more.
async fn counts(subject: &Subject, expected: Backlog) -> Found {
    let committed = Instant::now();
    loop {
        let may_lag = committed.elapsed() <= LAG;
        let found = subject.store().mail_backlog().await?;
        if found == expected || !may_lag {
            return same("the backlog", &found, &expected);
        }
    }
}

pub(super) async fn after_a_restore_only_users_and_events_are_left(subject: Subject) -> Found {
    let commit = Commit::new()
        .insert_mailbox(with_link(&mailbox(1), 1, at(9000)))
        .insert_mailbox(mailbox(2))
        .insert_registration(registration(1))
        .insert_user(user(1))
        .open_session(session(1, user_id(1)), 9)
        .queue_mail(typed(1))
        .queue_mail(to_user(2))
        .record(event(1));
    subject.done("a first commit", commit).await?;
    same("the count of claimed rows", &subject.claim(claim_at(NOW)).await?.len(), &2)?;
    subject.store().forget_live().await?;
    let store = subject.store();
    for number in [1, 2] {
        ensure!(store.mailbox(mailbox_id(number)).await?.is_none(), "a mailbox is left");
        ensure!(store.mailbox_of(&email_of(number)).await?.is_none(), "a mailbox of an address is left");
    }
    ensure!(store.registration(registration_id(1)).await?.is_none(), "a registration is left");
    ensure!(store.registrations(&email_of(1), None, 9).await?.is_empty(), "a list of registrations is left");
    ensure!(store.session(&digest(1)).await?.is_none(), "a session is left");
    ensure!(store.sessions_of(user_id(1)).await?.is_empty(), "a list of sessions is left");
    ensure!(subject.claim(claim_of_all()).await?.is_empty(), "mail is left");
    counts(&subject, Backlog::default()).await?;
    same_record("the user", store.user(user_id(1)).await?.as_ref(), &user(1))?;
    subject.has_events(&[event(1)]).await?;
    let again = Commit::new()
        .insert_mailbox(mailbox(1))
        .insert_registration(registration(1))
        .guard_user(&user(1))
        .open_session(session(1, user_id(1)), 9)
        .queue_mail(typed(1));
    subject.done("a commit of what was forgotten", again).await
}

pub(super) async fn after_a_restore_temporary_passwords_are_forgotten(subject: Subject) -> Found {
    let temporary = with_temporary(&user(1));
    let disabled = with_temporary(&user(2)).with_version(9);
    let commit = Commit::new().insert_user(temporary.clone()).insert_user(disabled.clone()).insert_user(user(3));
    subject.done("inserting users", commit).await?;
    subject.store().forget_live().await?;
    for before in [temporary, disabled] {
        let expected = before.after_restore().ok_or("the fixture has no temporary password")?;
        let found = subject.store().user(before.id()).await?;
        same_record("the user after a restore", found.as_ref(), &expected)?;
        let named = subject.store().user_named(before.username()).await?;
        same_record("the user by name after a restore", named.as_ref(), &expected)?;
        subject.conflict("a commit decided before the restore", Commit::new().guard_user(&before)).await?;
        subject.done("guarding the version after it", Commit::new().guard_user(&expected)).await?;
    }
    same_record("the user with a chosen password", subject.store().user(user_id(3)).await?.as_ref(), &user(3))
}
