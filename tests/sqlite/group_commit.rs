//! Commits that wait for each other, in one file. Not: what a commit may ask for, which the conformance suite has.
//!
//! **What waits together is flushed together, and each commit lands or fails alone.**

use acceso::adapter::memory::MemoryStore;
use acceso::{BoxError, Commit, Committed, UserStore, Write};

use crate::Store;
use crate::common::{ANA, NOBODY, PASSWORD};
use crate::deployment::Deployment;
use crate::stand::Stand;

/// As many as the writer flushes at once.
const MOST_TOGETHER: usize = 64;

/// Commits of as many registrations, each under a name of its own.
async fn registrations(names: impl IntoIterator<Item = String>) -> Vec<Commit> {
    let portal = Deployment::over(MemoryStore::new());
    for name in names {
        portal.register(NOBODY, &name, PASSWORD).await;
    }
    portal.store.take_commits()
}

/// All at once. On one thread, each has given its commit to the queue before the writer looks into it.
async fn at_once(store: &Store, commits: Vec<Commit>) -> Vec<Result<Committed, BoxError>> {
    let one = |commit: Commit| {
        let store = store.clone();
        tokio::spawn(async move { store.commit(&commit).await })
    };
    let started: Vec<_> = commits.into_iter().map(one).collect();
    let mut answers = Vec::new();
    for task in started {
        answers.push(task.await.expect("no panic"));
    }
    answers
}

/// How many transactions stand in the write-ahead log: each ends with a frame that tells the size of the file.
fn transactions(log: &[u8]) -> usize {
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().expect("four bytes"));
    if log.len() < 32 {
        return 0;
    }
    let frame = 24 + usize::try_from(number(8)).expect("a page size");
    let frames = (32..log.len()).step_by(frame).filter(|at| at + frame <= log.len());
    // What is left from before the log was begun anew has another salt.
    frames.filter(|at| log[at + 8..at + 16] == log[16..24] && number(at + 4) != 0).count()
}

fn is_done(answer: &Result<Committed, BoxError>) -> bool {
    matches!(answer, Ok(Committed::Done))
}

#[tokio::test]
async fn commits_that_wait_share_a_flush() {
    let stand = Stand::new().await;
    let store = stand.store().await;
    let commits = registrations((0..150).map(|number| format!("nadie-{number}"))).await;
    let before = transactions(&stand.write_ahead_log());
    let answers = at_once(&store, commits).await;
    assert!(answers.iter().all(is_done), "{answers:?}");
    let flushes = transactions(&stand.write_ahead_log()) - before;
    assert_eq!(flushes, 150_usize.div_ceil(MOST_TOGETHER));
}

#[tokio::test]
async fn a_commit_that_waits_for_none_is_flushed_at_once() {
    let stand = Stand::new().await;
    let store = stand.store().await;
    for commit in registrations((0..5).map(|number| format!("nadie-{number}"))).await {
        let before = transactions(&stand.write_ahead_log());
        assert!(is_done(&store.commit(&commit).await));
        assert_eq!(transactions(&stand.write_ahead_log()) - before, 1);
    }
}

#[tokio::test]
async fn a_login_is_one_flush() {
    let stand = Stand::new().await;
    let mut portal = Deployment::over(stand.store().await);
    portal.user(ANA, "anapena", PASSWORD).await;
    let before = transactions(&stand.write_ahead_log());
    let token = portal.signed_in("anapena", PASSWORD).await.token;
    assert!(portal.is_signed_in(&token).await);
    assert_eq!(transactions(&stand.write_ahead_log()) - before, 1);
}

/// Of what is wrong with one commit, its neighbours in the same flush know nothing.
async fn fails_alone(stand: &Stand, spoilt: Commit, is_expected: fn(&Result<Committed, BoxError>) -> bool) {
    let store = stand.store().await;
    let mut commits = registrations((0..20).map(|number| format!("nadie-{number}"))).await;
    commits.insert(10, spoilt);
    let names: Vec<_> = commits.iter().map(registration_of).collect();
    let before = transactions(&stand.write_ahead_log());
    let answers = at_once(&store, commits).await;
    assert_eq!(transactions(&stand.write_ahead_log()) - before, 1);
    for (at, (answer, id)) in answers.iter().zip(names).enumerate() {
        let found = store.registration(id).await.expect("the store is there").is_some();
        if at == 10 {
            assert!(is_expected(answer), "{answer:?}");
        } else {
            assert!(is_done(answer) && found, "{at}: {answer:?}");
        }
    }
    // Nothing is left of the one that failed: each of the others has brought one event.
    assert_eq!(store.events(0, 99).await.expect("readable events").len(), 20);
}

fn registration_of(commit: &Commit) -> acceso::RegistrationId {
    let of = |write: &Write| match write {
        Write::InsertRegistration(registration) => Some(registration.id()),
        _ => None,
    };
    commit.writes().iter().find_map(of).expect("a registration")
}

#[tokio::test]
async fn a_conflict_leaves_the_others_of_its_flush_landed() {
    let stand = Stand::new().await;
    // The same as one of the others.
    let again = registrations(["nadie-0".to_owned()]).await.remove(0);
    fails_alone(&stand, again, |answer| matches!(answer, Ok(Committed::Conflict))).await;
}

#[tokio::test]
async fn a_broken_constraint_leaves_the_others_of_its_flush_landed() {
    let stand = Stand::new().await;
    let forbidden = "alter table acceso_registrations add column mine integer check (username <> 'rota')";
    sqlx::raw_sql(forbidden).execute(&stand.pool().await).await.expect("a constraint more");
    fails_alone(&stand, spoilt().await, Result::is_err).await;
}

#[tokio::test]
async fn a_trigger_that_refuses_leaves_the_others_of_its_flush_landed() {
    let stand = Stand::new().await;
    let forbidden = "create trigger mine before insert on acceso_registrations when new.username = 'rota' \
                     begin select raise(abort, 'no'); end";
    sqlx::raw_sql(forbidden).execute(&stand.pool().await).await.expect("a trigger");
    fails_alone(&stand, spoilt().await, Result::is_err).await;
}

/// From another portal, so that its ids are its own.
async fn spoilt() -> Commit {
    let portal = Deployment::with(MemoryStore::new(), acceso::test_util::cheap_hashing(acceso::Policy::portal()), 8);
    portal.register(NOBODY, "rota", PASSWORD).await;
    portal.store.take_commits().remove(0)
}
