//! How many commits a second a store takes, from one client and from many at once, beside the same by hand: one
//! transaction for each. Not: what one commit costs, which `stores` tells.
//!
//! **Each commit is on the disk before it is answered, on both sides.**
//!
//! Without a `PostgreSQL` server on the machine that part is skipped.

mod common;
#[path = "../tests/common/postgres.rs"]
mod server;

use std::sync::Arc;
use std::time::Duration;

use acceso::adapter::memory::MemoryMailer;
use acceso::adapter::postgres::PostgresStore;
use acceso::adapter::sqlite::SqliteStore;
use acceso::{Acceso, BoxError, Client, RecoveryRequest, UserStore, UsernameRecoveryForm};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use common::clinic::{nobodys_email, service};
use common::compare::{Compared, Table, Target, lasted, ratio, turn_about};
use common::sql_by_hand::ByHand;
use common::{How, comparison, fill};

/// As many commits in a round, whoever asks for them.
const COMMITS: usize = 256;

const MANY: usize = 64;

fn main() {
    comparison("commits/sqlite", sqlite);
    comparison("commits/postgres", |how| {
        if server::postgres_or_skip("commits/postgres") {
            postgres(how);
        }
    });
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn sqlite(how: How) {
    let (runtime, folder) = (runtime(), tempfile::tempdir().expect("a folder"));
    let url = format!("sqlite:{}", folder.path().join("acceso.sqlite").display());
    let store = runtime.block_on(SqliteStore::connect(&url)).expect("the file opens");
    // More connections would only wait for each other.
    let by_hand = runtime.block_on(ByHand::with(&url, 1)).expect("the file opens");
    compared(how, "SQLite", &runtime, store, &by_hand);
}

fn postgres(how: How) {
    let (runtime, server) = (runtime(), server::Server::durable());
    let url = server.database();
    let store = runtime.block_on(PostgresStore::connect(&url)).expect("the server is there");
    let by_hand = runtime.block_on(ByHand::to(&url)).expect("the server is there");
    compared(how, "PostgreSQL", &runtime, store, &by_hand);
}

fn compared(how: How, database: &str, runtime: &Runtime, store: impl UserStore + 'static, by_hand: &ByHand) {
    let (acceso, _) = service(store, Arc::new(MemoryMailer::new()), fill::policy());
    let table = Table::titled(&format!("{database}: commits a second, the crate to one by one by hand"));
    let mut alone = None;
    for clients in [1, MANY] {
        let ours = || {
            let acceso = acceso.clone();
            crowd(runtime, how, clients, move |number| ask(acceso.clone(), number))
        };
        let one_by_one = || {
            let by_hand = by_hand.clone();
            crowd(runtime, how, clients, move |number| ask_by_hand(by_hand.clone(), number))
        };
        let Compared { ours, other, ratio: slower } = Compared::of(&turn_about(how.times(11), ours, one_by_one));
        let a_second = |time: Duration| ratio(Duration::from_secs(1), time / u32::try_from(COMMITS).unwrap_or(1));
        let of = format!("{:.0} to {:.0} a second", a_second(ours), a_second(other));
        let shown = if clients == 1 { "1 client".to_owned() } else { format!("{clients} clients") };
        table.line(&shown, 1.0 / slower, Target::None, &of);
        match alone {
            None => alone = Some(ours),
            Some(alone) => table.line("many clients to one, the crate", ratio(alone, ours), Target::None, ""),
        }
    }
}

/// A commit of two rows, a mail and an event.
async fn ask(acceso: Acceso, number: usize) -> Result<(), BoxError> {
    let form = UsernameRecoveryForm { email: nobodys_email(number) };
    let request = acceso.recover_username(form, &Client::unknown()).await?;
    assert!(matches!(request, RecoveryRequest::Accepted));
    Ok(())
}

async fn ask_by_hand(by_hand: ByHand, number: usize) -> Result<(), BoxError> {
    by_hand.recover_username(&nobodys_email(number)).await
}

/// How long it takes until so many clients have made all commits among them.
fn crowd<F>(
    runtime: &Runtime,
    how: How,
    clients: usize,
    commit: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Duration
where
    F: Future<Output = Result<(), BoxError>> + Send,
{
    let each = how.times(COMMITS / clients);
    lasted(|| {
        runtime.block_on(async {
            let mut running = JoinSet::new();
            for client in 0..clients {
                let commit = commit.clone();
                running.spawn(async move {
                    for number in 0..each {
                        commit(client * each + number).await.expect("the store is there");
                    }
                });
            }
            while let Some(done) = running.join_next().await {
                done.expect("a client");
            }
        });
    })
}
