//! Commits at the same time. Not: claims of mail, which `mail` races.
//!
//! **What parallel commits leave is what some order of them, one after the other, would have left.** A check here that
//! never ends has found a deadlock: it waits for commits and for nothing else.

use std::sync::Arc;

use tokio::sync::Barrier;

use crate::conformance::common::{Found, Work, ensure, same};
use crate::mailbox::Mailbox;
use crate::plan::Commit;
use crate::port::error::BoxError;
use crate::port::user_store::Committed;
use crate::user::{DisabledBy, User};

use super::fixture::{
    NOW, at, digest, email, email_of, event, mailbox, mailbox_id, registration_of, session, session_opened, user,
    user_id, user_of, username, when, with_link, with_password,
};
use super::subject::Subject;

/// How many race for one row.
const RACERS: u32 = 32;

/// How often two or three race where one overlap must not be missed.
const ROUNDS: u32 = 64;

/// A store may refuse what it cannot put in order, but not for ever.
const TRIES: u32 = 1000;

pub(super) async fn one_of_many_takes_a_user_name(subject: Subject) -> Found {
    let of = |number| user_of(number, "ana.pena", email_of(number));
    let commits = (1..=RACERS).map(|number| Commit::new().insert_user(of(number)).record(event(number)));
    let winner = only_winner(&subject.commit_at_once(commits.collect()).await?)?;
    let named = subject.store().user_named(&username("ana.pena")).await?.map(|user| user.id());
    same("the user of the name", &named, &Some(user_id(winner)))?;
    for number in 1..=RACERS {
        let there = subject.store().user(user_id(number)).await?.is_some();
        same(&format!("whether user {number} is there"), &there, &(number == winner))?;
    }
    subject.has_events(&[event(winner)]).await
}

pub(super) async fn one_of_many_makes_the_mailbox_of_an_address(subject: Subject) -> Found {
    let address = |number: u32| email(if number.is_multiple_of(2) { "ana@example.org" } else { "Ana@Example.org" });
    let commits = (1..=RACERS).map(|n| Commit::new().insert_mailbox(Mailbox::new(mailbox_id(n), address(n))));
    let winner = only_winner(&subject.commit_at_once(commits.collect()).await?)?;
    let made = subject.store().mailbox_of(&address(0)).await?.map(|made| made.id());
    same("the mailbox of the address", &made, &Some(mailbox_id(winner)))
}

pub(super) async fn one_of_many_uses_a_link(subject: Subject) -> Found {
    let read = with_link(&mailbox(1), 1, at(9));
    subject.done("inserting a mailbox", Commit::new().insert_mailbox(read.clone())).await?;
    let used = |number| Commit::new().replace_mailbox(&read, mailbox(1)).record(event(number));
    let winner = only_winner(&subject.commit_at_once((1..=RACERS).map(used).collect()).await?)?;
    let version = subject.store().mailbox(read.id()).await?.map(|kept| kept.version());
    same("the mailbox's version", &version, &Some(2))?;
    subject.has_events(&[event(winner)]).await
}

pub(super) async fn one_of_many_confirms_a_registration(subject: Subject) -> Found {
    let (address, read) = (email_of(1), with_link(&mailbox(1), 1, at(9)));
    let waiting = registration_of(1, "ana", address.clone());
    let commit = Commit::new().insert_mailbox(read.clone()).insert_registration(waiting.clone());
    subject.done("a first commit", commit).await?;
    let confirm = |number| {
        Commit::new().replace_mailbox(&read, mailbox(1)).remove_registration(waiting.id()).insert_user(user_of(
            number,
            &format!("ana-{number}"),
            address.clone(),
        ))
    };
    let winner = only_winner(&subject.commit_at_once((1..=RACERS).map(confirm).collect()).await?)?;
    let users: Vec<_> = subject.store().users_with_email(&address).await?.iter().map(User::id).collect();
    same("the users of the address", &users, &vec![user_id(winner)])
}

/// The number, from 1, of the only commit that was done.
fn only_winner(committed: &[Committed]) -> Result<u32, BoxError> {
    let done = |(_, committed): &(u32, &Committed)| **committed == Committed::Done;
    let mut winners = (1..).zip(committed).filter(done).map(|(number, _)| number);
    match (winners.next(), winners.count()) {
        (Some(winner), 0) => Ok(winner),
        (first, more) => {
            let done = usize::from(first.is_some()) + more;
            Err(format!("{done} of {} commits are done that exclude each other, instead of one", committed.len())
                .into())
        }
    }
}

pub(super) async fn no_strike_is_lost(subject: Subject) -> Found {
    subject.done("inserting a user", Commit::new().insert_user(user(1))).await?;
    // All have read the same record before the first of them writes.
    let read = Arc::new(Barrier::new(usize::try_from(RACERS)?));
    let changes = (1..=RACERS).map(|number| -> Work<Found> {
        let (store, all_have_read) = (subject.share(), Arc::clone(&read));
        Box::pin(async move {
            let mut read = store.user(user_id(1)).await;
            all_have_read.wait().await;
            for _ in 0..TRIES {
                let user = read?.ok_or("the user is gone")?;
                let change = Commit::new().replace_user(&user, with_password(&user, number)).record(event(number));
                if store.commit(&change).await? == Committed::Done {
                    return Ok(());
                }
                read = store.user(user_id(1)).await;
            }
            Err(format!("a commit is a conflict {TRIES} times, although others can be done {RACERS} times only").into())
        })
    });
    subject.at_once(changes.collect()).await?.into_iter().collect::<Found>()?;
    let found = subject.store().user(user_id(1)).await?.map(|user| (user.version(), user.generation()));
    let expected = u64::from(RACERS) + 1;
    same("version and generation after all changes", &found, &Some((expected, expected)))?;
    subject.has_events(&(1..=RACERS).map(event).collect::<Vec<_>>()).await
}

pub(super) async fn a_guard_keeps_a_login_from_outliving_a_password(subject: Subject) -> Found {
    subject.done("inserting a user", Commit::new().insert_user(user(1))).await?;
    for round in 0..ROUNDS {
        let read = subject.store().user(user_id(1)).await?.ok_or("the user is gone")?;
        let logins = (0..6).map(|n| {
            let opened = session(round * 10 + n + 1, read.id());
            Commit::new().guard_user(&read).open_session(opened, 99)
        });
        let changed = with_password(&read, round);
        let change = Commit::new().replace_user(&read, changed).close_sessions_of(read.id(), None);
        let mut commits: Vec<Commit> = logins.collect();
        // Now behind the logins, now among them.
        commits.insert(commits.len() - usize::try_from(round % 6)?, change);
        subject.commit_at_once(commits).await?;
        replace_and_close_if_unchanged(&subject, &read).await?;
        let left = subject.store().sessions_of(read.id()).await?.len();
        ensure!(left == 0, "{left} sessions opened under a password are left after it was changed and all were closed");
    }
    Ok(())
}

/// The change once more, where the race has refused it.
async fn replace_and_close_if_unchanged(subject: &Subject, read: &User) -> Found {
    for _ in 0..TRIES {
        let now = subject.store().user(read.id()).await?.ok_or("the user is gone")?;
        if now.version() != read.version() {
            return same("the version after one change", &now.version(), &(read.version() + 1));
        }
        let changed = with_password(read, 1);
        let _ = subject.commit(Commit::new().replace_user(read, changed).close_sessions_of(read.id(), None)).await?;
    }
    Err("a commit alone is a conflict for ever".into())
}

pub(super) async fn a_guarded_session_is_not_closed_meanwhile(subject: Subject) -> Found {
    subject.done("inserting a user", Commit::new().insert_user(user(1))).await?;
    for round in 0..ROUNDS {
        let (old, new) = (session(2 * round + 2, user_id(1)), session(2 * round + 3, user_id(1)));
        subject.done("opening a session", Commit::new().open_session(old.clone(), 99)).await?;
        let owner = subject.share();
        let change = Commit::new().guard_user(&user(1)).guard_session(&old).open_session(new.clone(), 99);
        let logout = Commit::new().close_session(*old.digest());
        let leaver = subject.share();
        let token = *new.digest();
        let tasks: Vec<Work<Result<(Committed, bool), BoxError>>> = vec![
            Box::pin(async move { Ok((owner.commit(&change).await?, true)) }),
            Box::pin(async move { Ok((leaver.commit(&logout).await?, leaver.session(&token).await?.is_some())) }),
        ];
        let outcomes = subject.at_once(tasks).await?.into_iter().collect::<Result<Vec<_>, BoxError>>()?;
        let [(changed, _), (left, seen)] = outcomes[..] else { return Err("a task is lost".into()) };
        let overtaken = changed == Committed::Done && left == Committed::Done && !seen;
        ensure!(!overtaken, "a commit landed after the session that it guards had been closed");
        subject.done("closing", Commit::new().close_session(*old.digest()).close_session(*new.digest())).await?;
    }
    Ok(())
}

pub(super) async fn a_session_opened_under_a_guard_is_closed_with_all(subject: Subject) -> Found {
    subject.done("inserting a user", Commit::new().insert_user(user(1))).await?;
    for round in 0..ROUNDS {
        let (old, new) = (session(2 * round + 2, user_id(1)), session(2 * round + 3, user_id(1)));
        subject.done("opening a session", Commit::new().open_session(old.clone(), 99)).await?;
        let change = Commit::new().guard_user(&user(1)).guard_session(&old).open_session(new, 99);
        let everywhere = Commit::new().close_sessions_of(user_id(1), None);
        let committed = subject.commit_at_once(vec![change, everywhere]).await?;
        if committed[1] == Committed::Done {
            let left = subject.store().sessions_of(user_id(1)).await?.len();
            ensure!(
                left == 0,
                "{left} sessions are left after all were closed, opened on the strength of a closed one"
            );
        }
        subject.done("closing all", Commit::new().close_sessions_of(user_id(1), None)).await?;
    }
    Ok(())
}

pub(super) async fn crosswise_guards_end_and_exclude_each_other(subject: Subject) -> Found {
    subject.done("inserting users", Commit::new().insert_user(user(1)).insert_user(user(2))).await?;
    for round in 0..ROUNDS {
        let store = subject.store();
        let one = store.user(user_id(1)).await?.ok_or("the first user is gone")?;
        let two = store.user(user_id(2)).await?.ok_or("the second user is gone")?;
        let first = Commit::new().guard_user(&one).replace_user(&two, with_password(&two, round));
        let second = Commit::new().guard_user(&two).replace_user(&one, with_password(&one, round));
        let committed = subject.commit_at_once(vec![first, second]).await?;
        let done = committed.iter().filter(|committed| **committed == Committed::Done).count();
        ensure!(done < 2, "two commits landed, each of which guards what the other replaces");
    }
    Ok(())
}

pub(super) async fn a_disabled_user_is_not_signed_in_meanwhile(subject: Subject) -> Found {
    for round in 1..=ROUNDS {
        let read = user(round);
        subject.done("inserting a user", Commit::new().insert_user(read.clone())).await?;
        let disabled = read.disabled(DisabledBy::Clinic, when(NOW)).ok_or("the fixture cannot be disabled")?;
        let disable = Commit::new().replace_user(&read, disabled).close_sessions_of(read.id(), None);
        let remove = Commit::new().remove_user(&read).close_sessions_of(read.id(), None);
        let login = Commit::new().guard_user(&read).open_session(session(round, read.id()), 9);
        let ending = if round.is_multiple_of(2) { disable } else { remove };
        let committed = subject.commit_at_once(vec![login, ending]).await?;
        if committed[1] == Committed::Done {
            let left = subject.store().sessions_of(read.id()).await?.len();
            ensure!(left == 0, "{left} sessions of a user are left that was disabled or removed");
        }
    }
    Ok(())
}

pub(super) async fn parallel_logins_keep_to_the_limit(subject: Subject) -> Found {
    let read = user(1);
    subject.done("inserting a user", Commit::new().insert_user(read.clone())).await?;
    let logins = (1..=RACERS).map(|number| -> Work<Found> {
        let (store, read) = (subject.share(), read.clone());
        Box::pin(async move {
            let commit = || {
                let opened = session_opened(number, read.id(), at(i64::from(number)));
                Commit::new().guard_user(&read).open_session(opened, 5)
            };
            for _ in 0..TRIES {
                if store.commit(&commit()).await? == Committed::Done {
                    return Ok(());
                }
            }
            Err(format!("a login is a conflict {TRIES} times, although nobody changes the user").into())
        })
    });
    subject.at_once(logins.collect()).await?.into_iter().collect::<Found>()?;
    let left = subject.store().sessions_of(read.id()).await?.len();
    ensure!((1..=5).contains(&left), "{left} sessions are left of a user who may have 5");
    for number in 1..=RACERS {
        let found = subject.store().session(&digest(number)).await?.is_some();
        let listed = subject.store().sessions_of(read.id()).await?.iter().any(|s| *s.digest() == digest(number));
        same("whether a session is found by its digest", &found, &listed)?;
    }
    Ok(())
}

pub(super) async fn purge_takes_nothing_that_a_commit_lands_on(subject: Subject) -> Found {
    for round in 1..=ROUNDS {
        // Its link ends now: it may be purged until the commit brings the user.
        let read = with_link(&Mailbox::new(mailbox_id(round), email_of(round)), round, NOW);
        subject.done("inserting a mailbox", Commit::new().insert_mailbox(read.clone())).await?;
        let next = Mailbox::new(read.id(), read.email().clone());
        let confirm = Commit::new().replace_mailbox(&read, next).insert_user(user(round));
        let (committer, purger) = (subject.share(), subject.share());
        let tasks: Vec<Work<Result<Option<Committed>, BoxError>>> = vec![
            Box::pin(async move { committer.commit(&confirm).await.map(Some) }),
            Box::pin(async move { purger.purge(NOW, 99).await.map(|_| None) }),
        ];
        let outcomes = subject.at_once(tasks).await?.into_iter().collect::<Result<Vec<_>, BoxError>>()?;
        let kept = subject.store().mailbox(read.id()).await?.is_some();
        let confirmed = outcomes.contains(&Some(Committed::Done));
        let known = subject.store().user(user_id(round)).await?.is_some();
        same("whether the user of a confirmation is there", &known, &confirmed)?;
        ensure!(kept || !confirmed, "the mailbox of a confirmation is purged");
    }
    Ok(())
}
