//! A disk without room, under the store in a file. Not: a disk that lies.
//!
//! **What finds no room is `Unavailable` and leaves nothing; reads go on, and with room so does everything.**

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use acceso::adapter::sqlite::SqliteStore;
use acceso::{SessionToken, UserStore};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Executor, SqliteConnection};

use crate::check::{Facts, violations};
use crate::ledger::Ledger;
use crate::life::{Halt, Life};
use crate::portal::Portal;
use crate::tables::Database;

/// Calls at once, so that several share a flush that fails.
const CROWD: u32 = 8;

/// More calls than find room in what is left of a few pages.
const MOST_CALLS: u32 = 5_000;

/// A disk that can be made full.
trait Disk {
    fn fill(&self);
    fn make_room(&self);
}

/// The most pages of the file, as each connection is told before it is used.
#[derive(Clone, Default)]
struct Pages(Arc<AtomicI64>);

const PLENTY: i64 = 1 << 30;

impl Disk for Pages {
    /// Not below what there is, `SQLite` sees to that.
    fn fill(&self) {
        self.0.store(1, Ordering::SeqCst);
    }

    fn make_room(&self) {
        self.0.store(PLENTY, Ordering::SeqCst);
    }
}

impl Pages {
    async fn tell(&self, db: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let pages = self.0.load(Ordering::SeqCst);
        db.execute(AssertSqlSafe(format!("pragma max_page_count = {pages}"))).await.map(drop)
    }

    async fn store(&self, path: &Path) -> SqliteStore {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let (of_new, of_used) = (self.clone(), self.clone());
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .test_before_acquire(false)
            .after_connect(move |db, _| {
                let pages = of_new.clone();
                Box::pin(async move { pages.tell(db).await })
            })
            .before_acquire(move |db, _| {
                let pages = of_used.clone();
                Box::pin(async move { pages.tell(db).await.map(|()| true) })
            })
            .connect_with(options)
            .await
            .expect("the file opens");
        SqliteStore::migrate(&pool).await.expect("room");
        SqliteStore::from_pool(pool).await.expect("a store")
    }
}

/// A file that takes what room there is.
struct Ballast(PathBuf);

impl Disk for Ballast {
    fn fill(&self) {
        let mut file = File::create(&self.0).expect("a file");
        for size in [1 << 16, 1 << 12, 1] {
            let block = vec![0; size];
            while file.write(&block).is_ok_and(|written| written > 0) {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(&self.0).expect("the ballast");
    }
}

/// One call of a person, where there may be no room.
async fn try_to(call: impl Future<Output = Result<(), Halt>>) -> bool {
    match call.await {
        Ok(()) => true,
        Err(Halt::GaveUp) => false,
        Err(Halt::Violation(violation)) => panic!("{violation}"),
    }
}

struct Counts {
    full: usize,
    landed: usize,
}

/// Registrations, several at once, until one finds no room; then logins, which find none or are right.
async fn crowd_in(portal: &Arc<Portal>, first: u32) -> (u32, Counts) {
    let mut counts = Counts { full: 0, landed: 0 };
    let mut next = first;
    while counts.full == 0 {
        assert!(next < first + MOST_CALLS, "there is room and room");
        let mut calls = tokio::task::JoinSet::new();
        for life in next..next + CROWD {
            let portal = Arc::clone(portal);
            calls.spawn(async move { try_to(Life::new(&portal, life).impatient().register()).await });
        }
        for landed in calls.join_all().await {
            counts.landed += usize::from(landed);
            counts.full += usize::from(!landed);
        }
        next += CROWD;
    }
    (next, counts)
}

async fn sign_in(portal: &Portal, life: u32) -> Option<SessionToken> {
    match Life::new(portal, life).impatient().sign_in(0).await {
        Ok(token) => Some(token),
        Err(Halt::GaveUp) => None,
        Err(Halt::Violation(violation)) => panic!("{violation}"),
    }
}

async fn fills_up(name: &str, database: Database, store: impl UserStore + 'static, disk: &impl Disk, rounds: usize) {
    let ledger = Arc::new(Ledger::in_memory());
    let portal = Arc::new(Portal::over(store, Arc::clone(&ledger), 0));
    let (mut next, mut full, mut landed) = (0, 0, 0);
    for round in 0..rounds {
        let inhabitant = next;
        let ana = Life::new(&portal, inhabitant);
        ana.register().await.expect("room");
        ana.confirm().await.expect("room");
        let token = ana.sign_in(0).await.expect("room");

        disk.fill();
        let counts;
        (next, counts) = crowd_in(&portal, next + 1).await;
        (full, landed) = (full + counts.full, landed + counts.landed);
        for _ in 0..CROWD {
            // A guess and a delivery that find no room must not be half done either.
            ana.guess().await.expect("no, or nothing");
            let _ = sign_in(&portal, inhabitant).await;
            portal.deliver().await;
            ana.expect_session(&token, true).await.expect("reads go on");
        }
        let found = violations(&database.tables().await, &ledger.told());
        assert!(found.is_empty(), "full, round {round}: {found:#?}");

        disk.make_room();
        portal.struck();
        let answer = sign_in(&portal, inhabitant).await;
        let cause = ledger.told().last_unavailable.clone();
        assert!(answer.is_some(), "with room, the first call does it, round {round}: {cause}");
        let answer = Life::new(&portal, next).impatient().live(&Facts::default()).await;
        let cause = ledger.told().last_unavailable.clone();
        assert!(answer.is_ok(), "with room, all goes on, round {round}: {answer:?} {cause}");
        next += 1;
        let found = violations(&database.tables().await, &ledger.told());
        assert!(found.is_empty(), "with room again, round {round}: {found:#?}");
    }
    let told = ledger.told();
    println!(
        "{name}: {rounds} rounds, {} calls, {} acknowledged, {} unavailable, of those at the edge {full} and {landed} landed, 0 violations",
        told.calls,
        told.acknowledged.len(),
        told.unavailable,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_file_takes_nothing_half_and_goes_on_with_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("acceso.sqlite");
    let pages = Pages::default();
    pages.make_room();
    let store = pages.store(&path).await;
    let database = Database::Sqlite(format!("sqlite:{}", path.display()));
    let rounds = crate::rounds(4, 100);
    fills_up("a_full_file", database, store, &pages, rounds).await;
}

/// Runs itself in a second process that has a small disk of its own, which goes with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_disk_takes_nothing_half_and_goes_on_with_room() {
    const NAME: &str = "full_disk::a_full_disk_takes_nothing_half_and_goes_on_with_room";
    const SMALL_DISK: &str = "ACCESO_FAULTS_SMALL_DISK";
    if let Some(disk) = std::env::var_os(SMALL_DISK) {
        let disk = PathBuf::from(disk);
        let database = Database::Sqlite(format!("sqlite:{}", disk.join("acceso.sqlite").display()));
        let store = database.store().await;
        return fills_up("a_full_disk", database, store, &Ballast(disk.join("ballast")), crate::rounds(4, 100)).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let with_disk = |command: &[&str]| {
        let mut process = Command::new("unshare");
        process.args([
            "--mount",
            "--map-root-user",
            "sh",
            "-ec",
            "mount -t tmpfs -o size=64m tmpfs \"$0\"; exec \"$@\"",
        ]);
        process.arg(folder.path()).args(command).env(SMALL_DISK, folder.path());
        process
    };
    if !with_disk(&["true"]).output().is_ok_and(|done| done.status.success()) {
        // Another test has a file that cannot grow, wherever it runs.
        let _ = writeln!(io::stderr(), "skipped: {NAME}: no small disk can be made here");
        return;
    }
    let test = std::env::current_exe().expect("this test");
    let test = test.to_str().expect("a path");
    let status = with_disk(&[test, NAME, "--exact", "--nocapture"]).status().expect("a process");
    assert!(status.success());
}
