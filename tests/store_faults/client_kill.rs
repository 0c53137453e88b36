//! A client killed at random moments while it works, for both stores. Not: a client that is dropped in order.
//!
//! **Each next process goes on with what the one before it left.**

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::check::{facts, violations};
use crate::ledger::{Ledger, Told};
use crate::life::Life;
use crate::portal::Portal;
use crate::random;
use crate::server::{postgres_or_skip, shared};
use crate::tables::Database;

/// How many people are at the portal at once.
const CROWD: u32 = 6;

/// At most this many notes are awaited before a kill: about three lives.
const MOST_NOTES: u64 = 120;

const CLIENT: &str = "ACCESO_FAULTS_CLIENT";

/// What a client is told by its environment: run, whether it is the last, store, ledger.
struct Orders {
    run: u16,
    is_last: bool,
    database: Database,
    ledger: PathBuf,
}

impl Orders {
    fn given() -> Option<Self> {
        let text = std::env::var(CLIENT).ok()?;
        let mut parts = text.splitn(4, ' ');
        let mut part = || parts.next().expect("an order");
        let (run, is_last, ledger, url) = (part().parse().expect("a run"), part() == "true", part().into(), part());
        let database = if url.starts_with("sqlite:") { Database::Sqlite } else { Database::Postgres };
        let database = database(url.to_owned());
        Some(Self { run, is_last, database, ledger })
    }

    fn to_process(&self, test_name: &str) -> Child {
        let (Database::Sqlite(url) | Database::Postgres(url)) = &self.database;
        let order = format!("{} {} {} {url}", self.run, self.is_last, self.ledger.display());
        Command::new(std::env::current_exe().expect("this test"))
            .args([&format!("client_kill::{test_name}"), "--exact", "--nocapture"])
            .env(CLIENT, order)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process")
    }
}

/// The process that is killed: lives go on until it is; the last one only ends those that were begun.
async fn work(orders: Orders) {
    // Whoever started us may be gone: then so are we.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
    let ledger = Arc::new(Ledger::at(&orders.ledger));
    let portal = Arc::new(Portal::over(orders.database.store().await, Arc::clone(&ledger), orders.run));
    let so_far = Arc::new(facts(&orders.database.tables().await));
    let mut people = tokio::task::JoinSet::new();
    for place in 0..CROWD {
        let (portal, so_far, ledger) = (Arc::clone(&portal), Arc::clone(&so_far), Arc::clone(&ledger));
        people.spawn(async move {
            let mut life = so_far.keys().copied().filter(|life| life % CROWD == place).max().unwrap_or(place);
            loop {
                let facts = so_far.get(&life).cloned().unwrap_or_default();
                if facts.logouts == 0
                    && let Err(halt) = Life::new(&portal, life).live(&facts).await
                {
                    return ledger.violation(&format!("{life}: {halt:?}"));
                }
                if orders.is_last {
                    return;
                }
                life += CROWD;
            }
        });
    }
    people.join_all().await;
    portal.drain().await;
}

/// Lets it note some things, and kills it a moment later.
fn kill_at_random(client: &mut Child) {
    let mut notes = BufReader::new(client.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let wanted = usize::try_from(random(MOST_NOTES)).expect("few");
    let seen = notes.by_ref().filter(|line| line.ends_with("noted")).take(wanted).count();
    assert_eq!(seen, wanted, "the client ended by itself");
    // Not to wait for anything: a moment between two notes is as good as one at a note.
    std::thread::sleep(Duration::from_micros(random(2_000)));
    client.kill().expect("kill -9");
    client.wait().expect("it is dead");
}

fn to_its_end(mut client: Child) -> (ExitStatus, String) {
    let mut said = String::new();
    client.stdout.take().expect("a pipe").read_to_string(&mut said).expect("text");
    (client.wait().expect("it ends"), said)
}

async fn kills(test_name: &str, database: Database, folder: &Path, kills: usize) {
    drop(database.store().await);
    let ledger = folder.join("ledger");
    let run = |run: usize, is_last| Orders {
        run: u16::try_from(run).expect("a run"),
        is_last,
        database: database.clone(),
        ledger: ledger.clone(),
    };
    for kill in 0..kills {
        let mut client = run(kill, false).to_process(test_name);
        kill_at_random(&mut client);
        let found = violations(&database.tables_at_rest().await, &Told::read(&ledger));
        assert!(found.is_empty(), "after kill {kill}: {found:#?}");
    }
    let (status, said) = to_its_end(run(kills, true).to_process(test_name));
    assert!(status.success(), "{said}");
    let (tables, told) = (database.tables_at_rest().await, Told::read(&ledger));
    let found = violations(&tables, &told);
    println!(
        "{test_name}: {kills} kills, {} lives, {} calls, {} acknowledged, {} unavailable, {} events, {} violations",
        facts(&tables).len(),
        told.calls,
        told.acknowledged.len(),
        told.unavailable,
        tables.events.len(),
        found.len(),
    );
    assert!(found.is_empty(), "{found:#?}");
    assert!(tables.mail_to_users.is_empty() && tables.mail_typed.is_empty(), "mail is left");
    let unfinished = facts(&tables).into_iter().filter(|(_, facts)| facts.logouts == 0);
    assert_eq!(unfinished.collect::<Vec<_>>(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_client_of_sqlite_loses_nothing() {
    if let Some(orders) = Orders::given() {
        return work(orders).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::Sqlite(format!("sqlite:{}", folder.path().join("acceso.sqlite").display()));
    let times = crate::rounds(24, 500);
    kills("a_killed_client_of_sqlite_loses_nothing", database, folder.path(), times).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_client_of_postgres_loses_nothing() {
    const NAME: &str = "a_killed_client_of_postgres_loses_nothing";
    if let Some(orders) = Orders::given() {
        return work(orders).await;
    }
    if !postgres_or_skip(NAME) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    kills(NAME, Database::Postgres(shared().database()), folder.path(), crate::rounds(24, 500)).await;
}
