//! What the writes of sessions do. Not: sessions of parallel commits, which `racing` has.
//!
//! **A closed session is gone, and the newest is never the one that makes room.**

use crate::conformance::common::{Found, ensure, same};
use crate::identity::UserId;
use crate::plan::Commit;
use crate::port::error::BoxError;
use crate::session::Session;

use super::fixture::{at, digest, same_record, session, session_opened, user, user_id};
use super::subject::Subject;

async fn with_users(subject: &Subject) -> Found {
    subject.done("inserting users", Commit::new().insert_user(user(1)).insert_user(user(2))).await
}

/// The numbers, up to 99, of the sessions that a user has.
async fn left(subject: &Subject, user: UserId) -> Result<Vec<u32>, BoxError> {
    let listed = subject.store().sessions_of(user).await?;
    let mut found = Vec::new();
    for number in 0..=99 {
        let by_digest = subject.store().session(&digest(number)).await?.filter(|(session, _)| session.user() == user);
        let in_list = listed.iter().any(|session| *session.digest() == digest(number));
        same(&format!("whether session {number} is found"), &by_digest.is_some(), &in_list)?;
        found.extend(in_list.then_some(number));
    }
    same("the length of the list of sessions", &listed.len(), &found.len())?;
    Ok(found)
}

pub(super) async fn last_seen_never_goes_backwards(subject: Subject) -> Found {
    with_users(&subject).await?;
    let opened = session_opened(1, user_id(1), at(0)).with_last_seen(at(10));
    let other = session_opened(2, user_id(1), at(0)).with_last_seen(at(10));
    let commit = Commit::new().open_session(opened.clone(), 9).open_session(other.clone(), 9);
    subject.done("opening sessions", commit).await?;
    for (touched, expected) in [(9, 10), (10, 10), (11, 11), (-5, 11), (60_000, 60_000), (59_999, 60_000)] {
        subject.done("touching", Commit::new().touch_session(&opened, at(touched))).await?;
        let found = subject.store().session(opened.digest()).await?;
        let expected = opened.clone().with_last_seen(at(expected));
        same_record("the touched session", found.as_ref().map(|(session, _)| session), &expected)?;
        let listed = subject.store().sessions_of(user_id(1)).await?;
        let listed = listed.iter().find(|session| session.digest() == opened.digest());
        same_record("the touched session in the list", listed, &expected)?;
    }
    let found = subject.store().session(other.digest()).await?;
    same_record("the other session", found.as_ref().map(|(session, _)| session), &other)
}

pub(super) async fn touching_never_brings_a_closed_session_back(subject: Subject) -> Found {
    with_users(&subject).await?;
    let opened = session(1, user_id(1));
    subject.done("opening a session", Commit::new().open_session(opened.clone(), 9)).await?;
    subject.done("closing it", Commit::new().close_session(*opened.digest())).await?;
    subject.done("touching it", Commit::new().touch_session(&opened, at(99_999))).await?;
    same("the sessions after a touch of a closed one", &left(&subject, user_id(1)).await?, &vec![])?;
    subject.conflict("guarding it", Commit::new().guard_session(&opened)).await
}

pub(super) async fn closing_one_closes_no_other(subject: Subject) -> Found {
    with_users(&subject).await?;
    let commit = (1..=3).fold(Commit::new(), |commit, number| commit.open_session(session(number, user_id(1)), 9));
    subject.done("opening sessions", commit.open_session(session(4, user_id(2)), 9)).await?;
    subject.done("closing one", Commit::new().close_session(digest(2))).await?;
    same("the first user's sessions", &left(&subject, user_id(1)).await?, &vec![1, 3])?;
    same("the other user's sessions", &left(&subject, user_id(2)).await?, &vec![4])
}

pub(super) async fn closing_all_keeps_the_excepted_one(subject: Subject) -> Found {
    with_users(&subject).await?;
    let commit = (1..=4).fold(Commit::new(), |commit, number| commit.open_session(session(number, user_id(1)), 9));
    subject.done("opening sessions", commit.open_session(session(5, user_id(2)), 9)).await?;
    subject.done("closing all but one", Commit::new().close_sessions_of(user_id(1), Some(digest(3)))).await?;
    same("the sessions after all but one were closed", &left(&subject, user_id(1)).await?, &vec![3])?;
    let another = Commit::new().close_sessions_of(user_id(1), Some(digest(5)));
    subject.done("closing all but one of another user", another).await?;
    same("the sessions after all were closed", &left(&subject, user_id(1)).await?, &vec![])?;
    same("the other user's sessions", &left(&subject, user_id(2)).await?, &vec![5])
}

pub(super) async fn opening_makes_room_by_the_oldest(subject: Subject) -> Found {
    with_users(&subject).await?;
    let others = (50..60).fold(Commit::new(), |commit, number| commit.open_session(session(number, user_id(2)), 99));
    subject.done("the other user's sessions", others).await?;
    // Neither the order of insertion, nor that of digests, nor "last seen" is that of opening.
    let opened = [(1, 30), (2, 10), (3, 50), (4, 20), (5, 40)];
    for (number, millis) in opened {
        let session = Session { last_seen: at(1000 - millis), ..session_opened(number, user_id(1), at(millis)) };
        subject.done("opening a session", Commit::new().open_session(session, 5)).await?;
    }
    same("the sessions at the limit", &left(&subject, user_id(1)).await?, &vec![1, 2, 3, 4, 5])?;
    let commit = Commit::new().open_session(session_opened(6, user_id(1), at(60)), 5);
    subject.done("opening one beyond the limit", commit).await?;
    same("the sessions without the oldest", &left(&subject, user_id(1)).await?, &vec![1, 3, 4, 5, 6])?;
    let commit = Commit::new().open_session(session_opened(7, user_id(1), at(70)), 3);
    subject.done("opening one under a lower limit", commit).await?;
    same("the three newest sessions", &left(&subject, user_id(1)).await?, &vec![3, 6, 7])?;
    let others: Vec<u32> = (50..60).collect();
    same("the other user's sessions", &left(&subject, user_id(2)).await?, &others)
}

pub(super) async fn the_opened_session_stays_even_if_it_is_the_oldest(subject: Subject) -> Found {
    with_users(&subject).await?;
    let commit = (1..=3).fold(Commit::new(), |commit, number| commit.open_session(session(number, user_id(1)), 9));
    subject.done("opening sessions", commit).await?;
    // A clock that was set back opens it before the others.
    let commit = Commit::new().open_session(session_opened(9, user_id(1), at(-1000)), 3);
    subject.done("opening the oldest", commit).await?;
    same("the sessions left", &left(&subject, user_id(1)).await?, &vec![2, 3, 9])?;
    let commit = Commit::new().open_session(session_opened(8, user_id(1), at(-2000)), 1);
    subject.done("opening the only one", commit).await?;
    same("the only session", &left(&subject, user_id(1)).await?, &vec![8])
}

pub(super) async fn sessions_of_one_instant_are_counted_one_by_one(subject: Subject) -> Found {
    with_users(&subject).await?;
    for number in 1..=4 {
        let commit = Commit::new().open_session(session_opened(number, user_id(1), at(0)), 3);
        subject.done("opening a session", commit).await?;
        let left = left(&subject, user_id(1)).await?;
        ensure!(left.contains(&number), "the opened session {number} is not among the sessions left, {left:?}");
        let expected = usize::try_from(number.min(3))?;
        same("the count of sessions opened at one instant", &left.len(), &expected)?;
    }
    Ok(())
}

pub(super) async fn sessions_change_in_the_order_of_the_verbs(subject: Subject) -> Found {
    with_users(&subject).await?;
    let old = session(1, user_id(1));
    let commit = Commit::new().open_session(old.clone(), 9).open_session(session(2, user_id(1)), 9);
    subject.done("opening sessions", commit).await?;
    // Guarded while it is there, touched, closed with all, and the new one opened when they are gone.
    let commit = Commit::new()
        .open_session(session(3, user_id(1)), 9)
        .close_sessions_of(user_id(1), None)
        .touch_session(&old, at(500))
        .guard_session(&old);
    subject.done("a change of password", commit).await?;
    same("the sessions after a change of password", &left(&subject, user_id(1)).await?, &vec![3])?;
    let commit = Commit::new().guard_session(&session(3, user_id(1))).close_session(digest(3));
    subject.done("guarding and closing one session", commit).await?;
    same("the sessions after the last was closed", &left(&subject, user_id(1)).await?, &vec![])
}
