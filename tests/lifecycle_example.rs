//! The example `lifecycle` as a program: on every store, twice, and with what it must refuse. Not: what it plays, which
//! `manual.rs` holds sentence by sentence.
//!
//! **The play succeeds on every store, and no URL is ever printed.**

#[path = "../examples/lifecycle/main.rs"]
#[allow(dead_code, reason = "its `main` reads the arguments of this program")]
mod lifecycle;
#[path = "common/postgres.rs"]
mod server;

use std::env;
use std::process::{Command, ExitCode, Output};

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry};
use acceso::adapter::sqlite::SqliteStore;
use acceso::{Acceso, Client, RecoveryRequest, UsernameRecoveryForm};
use tokio::runtime::{Builder, Runtime};

/// Set in the program that is to be the example: its arguments, a line each.
const PLAY: &str = "ACCESO_PLAY";

/// The example in a process of its own: this program once more, which a test of it turns into the example.
fn program(arguments: &[&str]) -> Output {
    Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "a_child_plays_the_example_when_told_to", "--nocapture", "--quiet"])
        .env(PLAY, arguments.join("\n"))
        .output()
        .expect("it runs")
}

#[test]
fn a_child_plays_the_example_when_told_to() {
    let Ok(arguments) = env::var(PLAY) else { return };
    let code = runtime().block_on(lifecycle::play(arguments.split_terminator('\n').map(str::to_owned)));
    std::process::exit(i32::from(code != ExitCode::SUCCESS));
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn assert_played(arguments: &[&str]) -> String {
    let done = program(arguments);
    let (told, complained) = (String::from_utf8(done.stdout).expect("UTF-8"), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{complained}");
    assert_eq!(told.lines().last(), Some("The whole manual has been played."));
    told
}

/// Everything that the example prints when it refuses.
fn refusal(arguments: &[&str]) -> String {
    let done = program(arguments);
    assert_eq!(done.status.code(), Some(1));
    String::from_utf8([done.stdout, done.stderr].concat()).expect("UTF-8")
}

/// On a store that lasts, by people who are new to it each time.
fn assert_played_twice(store: &str) {
    let (first, second) = (assert_played(&["--store", store]), assert_played(&["--store", store]));
    assert!(first.contains("username: anapena,") && second.contains("username: anapena2,"));
    let steps = |told: &str| told.lines().filter(|line| line.starts_with("## ")).count();
    assert_eq!(steps(&first), steps(&second));
    assert!(!first.contains(store) && !second.contains(store), "the URL is printed");
}

#[test]
fn it_is_played_in_memory_unless_told_otherwise() {
    assert!(assert_played(&[]).contains("store: in memory\n"));
    assert_played(&["--store", "memory", "--language", "en"]);
}

#[test]
fn it_is_played_twice_on_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_played_twice(&format!("sqlite:{}", folder.path().join("accounts.sqlite").display()));
}

#[test]
fn it_is_played_twice_in_one_database() {
    if server::postgres_or_skip("it_is_played_twice_in_one_database") {
        assert_played_twice(&server::shared().database());
    }
}

#[test]
fn a_store_that_is_none_is_refused_with_what_it_may_be() {
    for wrong in ["disk", "sqlite", "mysql://ana:secreto@127.0.0.1/portal", "postgres"] {
        let told = refusal(&["--store", wrong]);
        assert!(told.contains("lifecycle: --store is memory, sqlite:FILE or postgres://"), "{told}");
        assert!(!told.contains("secreto"));
    }
    assert!(refusal(&["--store"]).contains("lifecycle: --store needs a value"));
}

#[test]
fn a_store_that_cannot_be_opened_is_told_without_its_url() {
    for wrong in ["sqlite:/nowhere/accounts.sqlite", "postgres://ana:secreto@127.0.0.1:99999/portal"] {
        let told = refusal(&["--store", wrong]);
        assert!(told.contains("lifecycle: the store cannot be opened: "), "{told}");
        assert!(!told.contains("secreto"));
    }
}

#[test]
fn a_store_in_which_mail_waits_is_not_played_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("accounts.sqlite").display());
    runtime().block_on(async {
        let store = SqliteStore::connect(&url).await.expect("the file opens");
        let (acceso, _courier) = Acceso::builder(store, MemoryRegistry::new(), MemoryMailer::new())
            .portal("Clínica del Sol", "https://portal.example")
            .build()
            .expect("a safe policy");
        let form = UsernameRecoveryForm { email: "ana.pena@example.org".into() };
        let answer = acceso.recover_username(form, &Client::unknown()).await.expect("the store is there");
        assert_eq!(answer, RecoveryRequest::Accepted);
    });
    assert!(refusal(&["--store", &url]).contains("mail waits in this store"));
}
