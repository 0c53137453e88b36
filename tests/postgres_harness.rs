//! The harness of `PostgreSQL` itself: what the store's tests rely on.
//!
//! **A fault that a test orders takes place**, and the server knows of it what the test believes.

#![cfg(unix)]

#[path = "common/postgres.rs"]
mod postgres;
#[path = "common/proxy.rs"]
mod proxy;

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use postgres::{Server, postgres_or_skip, shared};
use proxy::{Cut, Proxy};
use sqlx::{Connection, PgConnection};

/// A database of the shared server with one table, and a proxy before it.
struct Stage {
    direct: String,
    proxy: Proxy,
}

impl Stage {
    fn new(test_name: &str) -> Option<Self> {
        postgres_or_skip(test_name).then(|| {
            let direct = shared().database();
            shared().run_sql(&direct, "CREATE TABLE rows (id int PRIMARY KEY)");
            Self { direct, proxy: Proxy::start(shared().address()) }
        })
    }

    async fn client(&self) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect(&self.proxy.url(&self.direct)).await
    }

    fn rows(&self) -> String {
        shared().run_sql(&self.direct, "SELECT count(*) FROM rows")
    }
}

async fn insert(client: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut transaction = client.begin().await?;
    sqlx::query("INSERT INTO rows VALUES ($1)").bind(1).execute(&mut *transaction).await?;
    transaction.commit().await
}

fn is_lost(result: &Result<(), sqlx::Error>) -> bool {
    matches!(result, Err(sqlx::Error::Io(_)))
}

#[test]
fn databases_are_apart() {
    if !postgres_or_skip("databases_are_apart") {
        return;
    }
    let server = shared();
    let (one, other) = (server.database(), server.database());
    server.run_sql(&one, "CREATE TABLE here (id int)");
    assert_eq!(server.run_sql(&one, "SELECT to_regclass('here')"), "here");
    assert_eq!(server.run_sql(&other, "SELECT to_regclass('here')"), "");
}

#[test]
fn a_crash_keeps_what_was_committed() {
    if !postgres_or_skip("a_crash_keeps_what_was_committed") {
        return;
    }
    let server = Server::durable();
    let url = server.database();
    server.run_sql(&url, "CREATE TABLE rows (id int)");
    server.run_sql(&url, "INSERT INTO rows VALUES (1)");
    server.kill();
    assert!(TcpStream::connect(server.address()).is_err());
    server.restart();
    assert_eq!(server.run_sql(&url, "SELECT count(*) FROM rows"), "1");
    assert!(server.log().contains("automatic recovery in progress"));
    server.stop();
    assert!(TcpStream::connect(server.address()).is_err());
    server.restart();
    assert_eq!(server.run_sql(&url, "SELECT count(*) FROM rows"), "1");
}

#[tokio::test]
async fn a_promoted_standby_has_what_the_primary_committed() {
    if !postgres_or_skip("a_promoted_standby_has_what_the_primary_committed") {
        return;
    }
    let primary = Server::start();
    let standby = primary.standby();
    let direct = primary.database();
    primary.run_sql(&direct, "CREATE TABLE rows (id int PRIMARY KEY)");
    let proxy = Proxy::start(primary.address());
    let url = proxy.url(&direct);
    let mut client = PgConnection::connect(&url).await.expect("the primary");
    insert(&mut client).await.expect("a commit");

    primary.kill();
    assert!(is_lost(&insert(&mut client).await));
    standby.promote();
    proxy.set_target(standby.address());
    let mut client = PgConnection::connect(&url).await.expect("the standby");
    let count = "SELECT count(*) FROM rows";
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut client).await.expect("a count"), 1);
    sqlx::query("DELETE FROM rows").execute(&mut client).await.expect("it takes writes");
}

#[test]
fn a_primary_waits_for_its_standby() {
    if !postgres_or_skip("a_primary_waits_for_its_standby") {
        return;
    }
    let primary = Server::start();
    let standby = primary.standby();
    let url = primary.database();
    standby.stop();
    std::thread::scope(|scope| {
        let commit = scope.spawn(|| primary.run_sql(&url, "CREATE TABLE rows (id int)"));
        primary.run_sql(&primary.url("postgres"), WAIT_FOR_WAITING);
        assert!(!commit.is_finished());
        standby.restart();
    });
    standby.promote();
    assert_eq!(standby.run_sql(&standby.url("t0"), "SELECT count(*) FROM rows"), "0");
}

const WAIT_FOR_WAITING: &str = "DO $$ BEGIN \
     WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep') LOOP \
     PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$";

#[tokio::test]
async fn a_commit_is_done_though_its_answer_is_lost() {
    let Some(stage) = Stage::new("a_commit_is_done_though_its_answer_is_lost") else { return };
    let mut client = stage.client().await.expect("a connection");
    stage.proxy.cut_after_statement("COMMIT");
    assert!(is_lost(&insert(&mut client).await));
    assert_eq!((stage.proxy.cuts(), stage.rows().as_str()), (1, "1"));
}

#[tokio::test]
async fn a_commit_that_does_not_arrive_is_not_done() {
    let Some(stage) = Stage::new("a_commit_that_does_not_arrive_is_not_done") else { return };
    let mut client = stage.client().await.expect("a connection");
    stage.proxy.cut_before_statement("COMMIT");
    assert!(is_lost(&insert(&mut client).await));
    assert_eq!((stage.proxy.cuts(), stage.rows().as_str()), (1, "0"));
    insert(&mut stage.client().await.expect("a connection")).await.expect("no lock is left, and no cut armed");
}

/// A statement that was prepared once is known again when only its name is sent.
#[tokio::test]
async fn a_prepared_statement_is_cut_as_well() {
    for (cut, left) in [(Cut::Before, "0"), (Cut::After, "1")] {
        let Some(stage) = Stage::new("a_prepared_statement_is_cut_as_well") else { return };
        let mut client = stage.client().await.expect("a connection");
        stage.proxy.cut_nth_statement(cut, "INSERT", 1);
        let statement = "INSERT INTO rows VALUES ($1)";
        sqlx::query(statement).bind(1).execute(&mut client).await.expect("the first passes");
        shared().run_sql(&stage.direct, "DELETE FROM rows");
        assert!(is_lost(&sqlx::query(statement).bind(2).execute(&mut client).await.map(drop)));
        assert_eq!((stage.proxy.cuts(), stage.rows().as_str()), (1, left));
    }
}

/// Each statement in turn: the row is there exactly if the commit was reached.
#[tokio::test]
async fn every_statement_can_be_cut() {
    for (cut, expected) in [(Cut::Before, ["0", "0", "0", "1"]), (Cut::After, ["0", "0", "1", "1"])] {
        for (passing, rows) in expected.into_iter().enumerate() {
            let Some(stage) = Stage::new("every_statement_can_be_cut") else { return };
            let mut client = stage.client().await.expect("a connection");
            let before = stage.proxy.statements();
            stage.proxy.cut_nth_statement(cut, "", passing);
            let was_cut = is_lost(&insert(&mut client).await);
            assert_eq!(was_cut, passing < 3, "{cut:?} {passing}");
            assert_eq!((stage.proxy.cuts() == 1, stage.rows().as_str()), (was_cut, rows), "{cut:?} {passing}");
            assert_eq!(stage.proxy.statements() - before, (passing + 1).min(3));
        }
    }
}

#[tokio::test]
async fn a_black_hole_answers_nothing_and_is_left_by_a_new_connection() {
    let Some(stage) = Stage::new("a_black_hole_answers_nothing_and_is_left_by_a_new_connection") else { return };
    let mut client = stage.client().await.expect("a connection");
    let seen = stage.proxy.statements();
    stage.proxy.blackhole();
    tokio::select! {
        _ = insert(&mut client) => panic!("an answer"),
        () = stage.proxy.until_statements(seen + 1) => {}
    }
    let patience = Duration::from_millis(50);
    assert!(tokio::time::timeout(patience, insert(&mut client)).await.is_err());
    assert!(tokio::time::timeout(patience, stage.client()).await.is_err());
    stage.proxy.pass();
    assert!(tokio::time::timeout(patience, insert(&mut client)).await.is_err(), "what was lost stays lost");
    insert(&mut stage.client().await.expect("a connection")).await.expect("a commit");
    assert_eq!((stage.proxy.cuts(), stage.rows().as_str()), (0, "1"));
}

#[tokio::test]
async fn a_refusal_is_for_newcomers_and_severing_for_those_present() {
    let Some(stage) = Stage::new("a_refusal_is_for_newcomers_and_severing_for_those_present") else { return };
    let mut client = stage.client().await.expect("a connection");
    stage.proxy.refuse();
    assert!(stage.client().await.is_err());
    client.ping().await.expect("the present one goes on");
    stage.proxy.pass();
    stage.client().await.expect("a connection");
    stage.proxy.sever();
    assert!(client.ping().await.is_err());
}

#[tokio::test]
async fn a_cut_can_be_waited_for() {
    let Some(stage) = Stage::new("a_cut_can_be_waited_for") else { return };
    let mut client = stage.client().await.expect("a connection");
    stage.proxy.cut_after_statement("COMMIT");
    let (result, ()) = tokio::join!(insert(&mut client), stage.proxy.until_cuts(1));
    assert!(is_lost(&result));
}

/// This test runs itself in a second process, which tells the folder of its server and waits to be killed.
#[test]
fn nothing_outlives_a_killed_test() {
    const NAME: &str = "nothing_outlives_a_killed_test";
    const HOLDER: &str = "ACCESO_HOLDS_A_SERVER";
    if !postgres_or_skip(NAME) {
        return;
    }
    if std::env::var_os(HOLDER).is_some() {
        println!("folder={} address={}", shared().folder().display(), shared().address());
        loop {
            std::thread::park();
        }
    }
    let mut holder = Command::new(std::env::current_exe().expect("this test"))
        .args([NAME, "--exact", "--nocapture"])
        .env(HOLDER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("a second process");
    let told = BufReader::new(holder.stdout.take().expect("a pipe"))
        .lines()
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("folder=")?.1.to_owned()));
    let told = told.expect("a server");
    let (folder, address) = told.split_once(" address=").expect("both");
    assert!(Path::new(folder).join("data/postmaster.pid").exists());
    TcpStream::connect(address).expect("the server runs");

    holder.kill().expect("kill -9");
    holder.wait().expect("it is dead");
    // The watcher is nobody's child now; only the folder tells when it has done its work.
    let deadline = Instant::now() + Duration::from_secs(20);
    while Path::new(folder).exists() {
        assert!(Instant::now() < deadline, "{folder} is left");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(TcpStream::connect(address).is_err());
}
