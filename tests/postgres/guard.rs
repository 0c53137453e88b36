//! Two who rely on one row at the same time. Not: crowds, which the conformance suite and the races have.
//!
//! **Who comes second waits until the first has ended, and then finds what the first has left**, whatever level of isolation
//! is the default.

use std::pin::pin;

use acceso::{Committed, Login, PasswordChange, RecoveryConfirmation, SessionToken, UserStore};
use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool, Row};
use tokio::task::JoinHandle;

use crate::Store;
use crate::common::{ANA, NEW_PASSWORD, NOBODY, PASSWORD, token};
use crate::deployment::Deployment;
use crate::server::postgres_or_skip;
use crate::stand::Stand;

const ROUNDS: usize = 12;

const LEVELS: [&str; 3] = ["read committed", "repeatable read", "serializable"];

/// What a login does first, and what a change of password does first.
const GUARD: &str = "update acceso_users set version = version where username = 'anapena'";
const REPLACE: &str = "update acceso_users set version = version + 1, generation = generation + 1, \
     password_hash = (select password_hash from acceso_users where username = 'beasosa') where username = 'anapena'";

const OPEN_BY_HAND: &str = "insert into acceso_sessions (digest, session_id, user_id, kind, remembered, opened_at, last_seen, \
     absolute_end) select sha256('by hand'), id, id, 'full', false, 1, 1, 9000000000000 \
     from acceso_users where username = 'anapena'";

/// A portal over one connection pool, and the hand that holds a transaction open over another.
struct Scene {
    portal: Deployment<Store>,
    hand: PgPool,
    stand: Stand,
}

impl Scene {
    /// Where transactions begin at this level, unless they say another.
    async fn at(level: &str) -> Self {
        let stand = Stand::new().await;
        stand.sql(&format!(
            "do $$ begin execute format('alter database %I set default_transaction_isolation to %L', \
             current_database(), '{level}'); end $$"
        ));
        let hand = stand.pool().await;
        let found: String =
            sqlx::query("show default_transaction_isolation").fetch_one(&hand).await.expect("it").get(0);
        assert_eq!(found, level);
        let mut portal = Deployment::over(stand.store().await);
        portal.registry.insert(crate::common::patient("pac-0002", NOBODY));
        portal.user(ANA, "anapena", PASSWORD).await;
        portal.user(NOBODY, "beasosa", NEW_PASSWORD).await;
        Self { portal, hand, stand }
    }

    fn login(&self, password: &'static str) -> JoinHandle<Login> {
        let (acceso, client) = (self.portal.acceso.clone(), self.portal.client.clone());
        let form = acceso::LoginForm::new("anapena", password);
        tokio::spawn(async move { acceso.login(form, acceso::Stay::Session, &client).await.expect("no error") })
    }

    fn change(&self, token: &SessionToken, current: &'static str, new: &'static str) -> JoinHandle<PasswordChange> {
        let (acceso, client, token) = (self.portal.acceso.clone(), self.portal.client.clone(), token.clone());
        let form = acceso::PasswordChangeForm { current: current.into(), new: new.into(), repeated: new.into() };
        tokio::spawn(async move { acceso.change_password(&token, form, &client).await.expect("no error") })
    }

    /// Returns when the task waits for a lock that the hand holds.
    async fn until_it_waits<T>(&self, task: &JoinHandle<T>) {
        let waiting = "select count(*) from pg_stat_activity \
             where datname = current_database() and wait_event_type = 'Lock'";
        loop {
            assert!(!task.is_finished(), "it did not wait");
            let row = sqlx::query(waiting).fetch_one(&self.hand).await.expect("the server is there");
            if row.get::<i64, _>(0) > 0 {
                return;
            }
        }
    }

    fn count(&self, sql: &str) -> usize {
        self.stand.sql(sql).parse().expect("a count")
    }
}

async fn run(db: &mut PgConnection, sql: &'static str) {
    db.execute(sql).await.expect("the hand is not refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_password_waits_for_a_login_and_ends_its_session() {
    if !postgres_or_skip("a_change_of_password_waits_for_a_login_and_ends_its_session") {
        return;
    }
    for level in LEVELS {
        let scene = Scene::at(level).await;
        let (mut current, mut next) = (PASSWORD, NEW_PASSWORD);
        for _ in 0..ROUNDS {
            let token = scene.portal.signed_in("anapena", current).await.token;
            let mut login = scene.hand.begin().await.expect("a transaction");
            run(&mut login, GUARD).await;
            let change = scene.change(&token, current, next);
            scene.until_it_waits(&change).await;
            run(&mut login, OPEN_BY_HAND).await;
            login.commit().await.expect("the login lands");
            let PasswordChange::Changed(kept) = change.await.expect("no panic") else { panic!("not changed") };
            assert_eq!(scene.count("select count(*) from acceso_sessions"), 1, "{level}");
            assert!(scene.portal.is_signed_in(&kept.token).await);
            (current, next) = (next, current);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_waits_for_a_change_of_password_and_is_judged_by_the_new_one() {
    if !postgres_or_skip("a_login_waits_for_a_change_of_password_and_is_judged_by_the_new_one") {
        return;
    }
    for level in LEVELS {
        let scene = Scene::at(level).await;
        let before = scene.stand.sql("select password_hash from acceso_users where username = 'anapena'");
        for _ in 0..ROUNDS {
            let mut change = scene.hand.begin().await.expect("a transaction");
            run(&mut change, REPLACE).await;
            run(&mut change, "delete from acceso_sessions").await;
            let login = scene.login(PASSWORD);
            scene.until_it_waits(&login).await;
            change.commit().await.expect("the change lands");
            assert!(matches!(login.await.expect("no panic"), Login::Rejected), "{level}: the old password lets in");
            assert_eq!(scene.count("select count(*) from acceso_sessions"), 0, "{level}");
            let restore = format!(
                "update acceso_users set version = version + 1, strikes = 0, password_hash = '{before}' \
                 where username = 'anapena'"
            );
            sqlx::raw_sql(AssertSqlSafe(restore)).execute(&scene.hand).await.expect("as before");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_waited_for_a_change_that_was_taken_back_goes_on() {
    if !postgres_or_skip("a_login_that_waited_for_a_change_that_was_taken_back_goes_on") {
        return;
    }
    for level in LEVELS {
        let scene = Scene::at(level).await;
        let mut change = scene.hand.begin().await.expect("a transaction");
        run(&mut change, REPLACE).await;
        let login = scene.login(PASSWORD);
        scene.until_it_waits(&login).await;
        change.rollback().await.expect("it is taken back");
        assert!(matches!(login.await.expect("no panic"), Login::SignedIn(_)), "{level}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_session_of_a_dead_password_survives_a_race_on_two_pools() {
    if !postgres_or_skip("no_session_of_a_dead_password_survives_a_race_on_two_pools") {
        return;
    }
    for level in LEVELS {
        let scene = Scene::at(level).await;
        let policy = acceso::test_util::cheap_hashing(acceso::Policy::portal());
        let beside = Deployment::with(scene.stand.store().await, policy, 8);
        let (mut current, mut next) = (PASSWORD, NEW_PASSWORD);
        for _ in 0..2 * ROUNDS {
            let token = scene.portal.signed_in("anapena", current).await.token;
            let change = scene.change(&token, current, next);
            let login = pin!(beside.login("anapena", current));
            let (login, change) = (login.await, change.await.expect("no panic"));
            let PasswordChange::Changed(kept) = change else { panic!("{change:?}") };
            if let Ok(Login::SignedIn(dead)) = login {
                assert!(!beside.is_signed_in(&dead.token).await, "{level}: a session of a dead password");
            }
            assert!(beside.is_signed_in(&kept.token).await);
            assert_eq!(scene.count("select count(*) from acceso_sessions"), 1, "{level}");
            // The strike of a login that came too late.
            assert!(beside.login("anapena", next).await.is_ok());
            (current, next) = (next, current);
        }
    }
}

/// A login's commit, which a new trigger meets, at once or when the transaction ends.
async fn met_by(trigger: &str, code: &str) -> Result<Committed, String> {
    let scene = Scene::at("read committed").await;
    scene.portal.store.take_commits();
    scene.portal.signed_in("anapena", PASSWORD).await;
    let commit = scene.portal.store.take_commits().remove(0);
    let store = &scene.portal.store.inner;
    let nothing = "truncate acceso_sessions";
    scene.stand.sql(nothing);
    assert!(matches!(store.commit(&commit).await, Ok(Committed::Done)));
    scene.stand.sql(nothing);
    let events = scene.count("select count(*) from acceso_events");
    scene.stand.sql(&format!(
        "create function met() returns trigger language plpgsql as $$ \
         begin raise exception 'met' using errcode = '{code}'; end $$"
    ));
    scene.stand.sql(&format!("{trigger} for each row execute function met()"));
    let answer = store.commit(&commit).await;
    assert_eq!(scene.count("select count(*) from acceso_sessions"), 0);
    assert_eq!(scene.count("select count(*) from acceso_events"), events);
    // The connection is as good as before.
    scene.stand.sql("drop trigger met on acceso_users");
    assert!(matches!(store.commit(&commit).await, Ok(Committed::Done)));
    answer.map_err(|error| error.to_string())
}

const AT_ONCE: &str = "create trigger met before update on acceso_users";
const AT_THE_END: &str = "create constraint trigger met after update on acceso_users deferrable initially deferred";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_serialization_failure_and_a_deadlock_are_conflicts_whenever_they_come() {
    if !postgres_or_skip("a_serialization_failure_and_a_deadlock_are_conflicts_whenever_they_come") {
        return;
    }
    for trigger in [AT_ONCE, AT_THE_END] {
        for code in ["40001", "40P01"] {
            assert_eq!(met_by(trigger, code).await, Ok(Committed::Conflict), "{trigger} {code}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_other_failure_is_an_error_whenever_it_comes() {
    if !postgres_or_skip("any_other_failure_is_an_error_whenever_it_comes") {
        return;
    }
    for trigger in [AT_ONCE, AT_THE_END] {
        for code in ["53100", "23514"] {
            assert!(met_by(trigger, code).await.is_err(), "{trigger} {code}");
        }
    }
}

/// The hand holds the user and waits for the mailbox, the portal holds the mailbox and waits for the user.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_with_another_program_is_tried_again() {
    if !postgres_or_skip("a_deadlock_with_another_program_is_tried_again") {
        return;
    }
    let mut scene = Scene::at("read committed").await;
    scene.portal.recover_password(ANA, "anapena").await;
    let link = token(&scene.portal.mail().await);
    scene.portal.store.take_commits();
    let mut hand = scene.hand.begin().await.expect("a transaction");
    // The server breaks a deadlock by refusing who looks first; the portal's connection looks after a second.
    run(&mut hand, "set local deadlock_timeout = '1min'").await;
    run(&mut hand, GUARD).await;
    let (acceso, client) = (scene.portal.acceso.clone(), scene.portal.client.clone());
    let confirmation = tokio::spawn(async move { acceso.confirm_recovery(&link, &client).await });
    scene.until_it_waits(&confirmation).await;
    run(&mut hand, "update acceso_mailboxes set version = version").await;
    hand.rollback().await.expect("it is taken back");
    let answer = confirmation.await.expect("no panic").expect("no error");
    assert_eq!(answer, RecoveryConfirmation::Accepted);
    // Once more at least: the mailbox may be taken again before the hand has it.
    assert!(scene.portal.store.take_commits().len() > 1, "it met no deadlock");
}
