//! Connections to `PostgreSQL` that are cut, dead, refused or silent, one fault at a time. Not: faults under load, see
//! `server_kill`.
//!
//! **A call is answered or `Unavailable`, its commit is whole or not at all, and made again it succeeds.**

use std::sync::Arc;

use acceso::adapter::postgres::PostgresStore;
use acceso::{SessionToken, UserStore};
use sqlx::postgres::PgPoolOptions;
use tokio::net::TcpListener;

use crate::check::violations;
use crate::ledger::Ledger;
use crate::life::{Halt, Life};
use crate::portal::Portal;
use crate::proxy::{Cut, Proxy};
use crate::server::{Server, postgres_or_skip, shared};
use crate::tables::Database;

/// A portal whose store is reached by way of a proxy.
struct Stage {
    portal: Portal,
    proxy: Proxy,
    database: Database,
    people: u32,
}

/// A call, and what is done before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Register,
    Deliver,
    Confirm,
    SignIn,
    Guess,
    Change,
    LogOut,
}

const CALLS: [Call; 7] =
    [Call::Register, Call::Deliver, Call::Confirm, Call::SignIn, Call::Guess, Call::Change, Call::LogOut];

/// Somebody on the way, with the session that she has.
struct Person {
    number: u32,
    token: Option<SessionToken>,
}

impl Stage {
    async fn new(name: &str) -> Option<Self> {
        if !postgres_or_skip(name) {
            return None;
        }
        Some(Self::of(shared()).await)
    }

    async fn of(server: &Server) -> Self {
        let url = server.database();
        let proxy = Proxy::start(server.address());
        let store = PostgresStore::connect(&proxy.url(&url)).await.expect("the server is there");
        Self::over(store, proxy, url)
    }

    fn over(store: impl UserStore + 'static, proxy: Proxy, url: String) -> Self {
        let portal = Portal::over(store, Arc::new(Ledger::in_memory()), 0);
        Self { portal, proxy, database: Database::Postgres(url), people: 0 }
    }

    /// Somebody new, with whom all is well until this call.
    async fn person_before(&mut self, call: Call) -> Person {
        if call == Call::Deliver {
            // What earlier faults held up is not to be among what is delivered.
            self.portal.drain().await;
        }
        self.people += 1;
        let mut person = Person { number: self.people, token: None };
        let life = Life::new(&self.portal, person.number);
        if call != Call::Register {
            life.register().await.expect("no fault");
        }
        if !matches!(call, Call::Register | Call::Deliver) {
            self.portal.link_of(person.number).await.expect("no fault");
        }
        if matches!(call, Call::SignIn | Call::Guess | Call::Change | Call::LogOut) {
            life.confirm().await.expect("no fault");
            person.token = Some(life.sign_in(0).await.expect("no fault"));
        }
        person
    }

    /// Makes the call once. `None` if it was not answered.
    async fn once(&self, person: &Person, call: Call) -> Option<()> {
        let life = Life::new(&self.portal, person.number).impatient();
        answered(self.make(&life, person, call).await)
    }

    /// Makes the call again, until it is answered.
    async fn again(&self, person: &Person, call: Call) {
        let life = Life::new(&self.portal, person.number).unsure();
        answered(self.make(&life, person, call).await).expect("an answer");
    }

    async fn make(&self, life: &Life<'_>, person: &Person, call: Call) -> Result<(), Halt> {
        let token = || person.token.as_ref().expect("a session");
        match call {
            Call::Register => life.register().await,
            Call::Deliver => self.portal.link_of(person.number).await.map(drop).ok_or(Halt::GaveUp),
            Call::Confirm => life.confirm().await,
            Call::SignIn => life.sign_in(0).await.map(drop),
            Call::Guess => life.guess().await,
            Call::Change => life.change(token(), 0).await.map(drop),
            Call::LogOut => life.log_out(token()).await,
        }
    }

    fn unavailable(&self) -> usize {
        self.portal.ledger.told().unavailable
    }

    /// How many events there are; every commit is whole.
    async fn check(&self) -> usize {
        let tables = self.database.tables().await;
        let found = violations(&tables, &self.portal.ledger.told());
        assert!(found.is_empty(), "{found:#?}");
        tables.events.len()
    }

    fn tell(&self, name: &str, rounds: usize) {
        let told = self.portal.ledger.told();
        println!(
            "{name}: {rounds} rounds, {} cuts, {} calls, {} acknowledged, {} unavailable, 0 violations",
            self.proxy.cuts(),
            told.calls,
            told.acknowledged.len(),
            told.unavailable,
        );
    }
}

fn answered(result: Result<(), Halt>) -> Option<()> {
    match result {
        Ok(()) => Some(()),
        Err(Halt::GaveUp) => None,
        Err(Halt::Violation(violation)) => panic!("{violation}"),
    }
}

/// Each statement of each call in turn, until the call has no further one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_statement_of_every_call_can_be_cut() {
    const NAME: &str = "every_statement_of_every_call_can_be_cut";
    let Some(mut stage) = Stage::new(NAME).await else { return };
    let mut rounds = 0;
    for (call, cut) in CALLS.into_iter().flat_map(|call| [(call, Cut::Before), (call, Cut::After)]) {
        for passing in 0.. {
            let person = stage.person_before(call).await;
            let cuts = stage.proxy.cuts();
            stage.proxy.cut_nth_statement(cut, "", passing);
            let answer = stage.once(&person, call).await;
            let was_cut = stage.proxy.cuts() > cuts;
            stage.proxy.pass();
            stage.check().await;
            assert!(was_cut || answer.is_some(), "{call:?} {cut:?} {passing}: no answer, and no fault");
            if !was_cut {
                assert!(passing >= 3, "{call:?}: where are its statements?");
                break;
            }
            stage.portal.struck();
            stage.again(&person, call).await;
            stage.check().await;
            rounds += 1;
        }
    }
    stage.tell(NAME, rounds);
}

/// What the caller is told, by what was cut: only an answer to `commit`, or what comes after `begin`, is missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_had_not_begun_is_begun_again_and_what_may_have_landed_is_told() {
    const NAME: &str = "what_had_not_begun_is_begun_again_and_what_may_have_landed_is_told";
    let Some(mut stage) = Stage::new(NAME).await else { return };
    let expected = [
        (Cut::Before, "select", 0, true, 1),
        (Cut::After, "select", 0, true, 1),
        (Cut::Before, "begin", 0, true, 1),
        (Cut::After, "begin", 0, true, 1),
        (Cut::Before, "insert into acceso_events", 0, false, 0),
        (Cut::After, "insert into acceso_events", 0, false, 0),
        // The level of isolation that a transaction begins with holds this word too.
        (Cut::Before, "commit", 1, false, 0),
        (Cut::After, "commit", 1, false, 1),
    ];
    for (cut, text, passing, is_answered, landed) in expected {
        for call in [Call::Register, Call::SignIn, Call::Change, Call::LogOut] {
            let person = stage.person_before(call).await;
            let (events, cuts) = (stage.check().await, stage.proxy.cuts());
            stage.proxy.cut_nth_statement(cut, text, passing);
            let answer = stage.once(&person, call).await;
            assert_eq!(stage.proxy.cuts() - cuts, 1, "{call:?} {cut:?} {text}");
            assert_eq!(answer.is_some(), is_answered, "{call:?} {cut:?} {text}");
            assert_eq!(stage.check().await - events, landed, "{call:?} {cut:?} {text}");
            stage.again(&person, call).await;
            stage.check().await;
        }
    }
    stage.tell(NAME, 4 * expected.len());
}

/// More of them than a pool of ours has, as a host's pool may.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pool_of_dead_connections_is_no_fault() {
    const NAME: &str = "a_pool_of_dead_connections_is_no_fault";
    const CONNECTIONS: u32 = 30;
    if !postgres_or_skip(NAME) {
        return;
    }
    let url = shared().database();
    drop(PostgresStore::connect(&url).await.expect("the server is there"));
    let proxy = Proxy::start(shared().address());
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
    let pool = pool.connect(&proxy.url(&url)).await.expect("the server is there");
    let store = PostgresStore::from_pool(pool.clone()).await.expect("the tables are there");
    let mut stage = Stage::over(store, proxy, url);
    for call in [Call::Register, Call::SignIn, Call::Change, Call::LogOut] {
        let person = stage.person_before(call).await;
        let mut all = Vec::new();
        for _ in 0..CONNECTIONS {
            all.push(pool.acquire().await.expect("a connection"));
        }
        for mut connection in all {
            connection.return_to_pool().await;
        }
        stage.proxy.sever();
        // The server has seen the end of each.
        let _ = stage.database.tables_at_rest().await;
        assert_eq!(pool.num_idle(), CONNECTIONS as usize, "nobody has noticed");
        stage.once(&person, call).await.expect("the dead are passed over");
    }
    assert_eq!(stage.unavailable(), 0);
    stage.check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_restarted_between_two_calls_is_no_fault() {
    if !postgres_or_skip("a_server_restarted_between_two_calls_is_no_fault") {
        return;
    }
    let server = Server::start();
    let mut stage = Stage::of(&server).await;
    for call in [Call::Register, Call::SignIn, Call::Change, Call::LogOut] {
        let person = stage.person_before(call).await;
        tokio::task::block_in_place(|| {
            server.stop();
            server.restart();
        });
        stage.once(&person, call).await.expect("another connection");
    }
    assert_eq!(stage.unavailable(), 0);
    stage.check().await;
}

/// As before a proxy whose server has gone, and no other has come yet: connections are taken, and ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_that_ends_new_connections_is_waited_for() {
    let Some(mut stage) = Stage::new("a_database_that_ends_new_connections_is_waited_for").await else { return };
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    for call in [Call::Register, Call::SignIn, Call::Change, Call::LogOut] {
        let person = stage.person_before(call).await;
        stage.proxy.set_target(nobody.local_addr().expect("an address"));
        stage.proxy.sever();
        let _ = stage.database.tables_at_rest().await;
        let server_returns = async {
            for _ in 0..2 {
                drop(nobody.accept().await.expect("a try"));
            }
            stage.proxy.set_target(shared().address());
        };
        let mut call = std::pin::pin!(stage.once(&person, call));
        tokio::select! {
            answer = &mut call => panic!("nobody was waited for: {answer:?}"),
            () = server_returns => {}
        }
        call.await.expect("another try");
    }
    assert_eq!(stage.unavailable(), 0);
    stage.check().await;
}

/// Time stands while something happens, and leaps where all wait for the network.
#[tokio::test]
async fn a_silent_network_is_given_up_and_comes_back() {
    let Some(mut stage) = Stage::new("a_silent_network_is_given_up_and_comes_back").await else { return };
    for call in [Call::Register, Call::SignIn, Call::Change, Call::LogOut] {
        let person = stage.person_before(call).await;
        stage.proxy.blackhole();
        tokio::time::pause();
        assert!(stage.once(&person, call).await.is_none(), "{call:?}: an answer out of nothing");
        tokio::time::resume();
        stage.proxy.pass();
        stage.again(&person, call).await;
        stage.check().await;
    }
}
