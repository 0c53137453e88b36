//! The example `lifecycle` as a program: on every store, twice, with mails as files, and with what it must refuse. Not: what
//! it plays, which `manual.rs` holds sentence by sentence.
//!
//! **The play succeeds on every store, and no URL is ever printed.**

#[path = "common/certificates.rs"]
mod certificates;
#[path = "common/fhir_peer.rs"]
mod fhir_peer;
#[path = "../examples/lifecycle/main.rs"]
#[allow(dead_code, reason = "its `main` reads the arguments of this program")]
mod lifecycle;
#[path = "common/peer.rs"]
mod peer;
#[path = "common/postgres.rs"]
mod server;
#[path = "common/smtp_peer.rs"]
mod smtp_peer;

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Output};

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry};
use acceso::adapter::sqlite::SqliteStore;
use acceso::{Acceso, Client, RecoveryRequest, UsernameRecoveryForm};
use mail_parser::MessageParser;
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

/// The subjects of the mails that it prints.
fn subjects(told: &str) -> Vec<&str> {
    told.lines().filter_map(|line| line.strip_prefix("  │ Subject: ")).collect()
}

#[test]
fn each_mail_that_is_printed_lies_in_the_folder_as_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = assert_played(&["--mail", &format!("maildir:{}", folder.path().display())]);
    let mut files: Vec<_> =
        folder.path().read_dir().expect("a folder").map(|file| file.expect("a file").path()).collect();
    files.sort();
    let read = |file: &PathBuf| {
        let message = std::fs::read(file).expect("a file");
        MessageParser::default().parse(&message).and_then(|mail| mail.subject().map(str::to_owned)).expect("a subject")
    };
    assert_eq!(files.iter().map(read).collect::<Vec<_>>(), subjects(&told));
}

/// The texts of the mails that it prints.
fn texts(told: &str) -> Vec<String> {
    let mails = told.split("  ┌ To: ").skip(1).filter_map(|mail| mail.split_once("  │\n").map(|(_, rest)| rest));
    let lines = |mail: &str| -> Vec<String> {
        mail.lines().map_while(|line| line.strip_prefix("  │ ")).map(str::to_owned).collect()
    };
    mails.map(|mail| lines(mail).join("\n")).collect()
}

#[test]
fn the_manual_is_played_with_a_mail_server_and_a_patient_record_of_other_makers() {
    let test_name = "the_manual_is_played_with_a_mail_server_and_a_patient_record_of_other_makers";
    let Some(record) = fhir_peer::own_or_skip(test_name) else { return };
    let Some(packages) = smtp_peer::packages_or_skip(test_name) else { return };
    let mail = smtp_peer::Peer::start(&packages, smtp_peer::Speaks::Plain, Some(("portal", "secreto")));
    let patients = std::fs::read_to_string("examples/data/patients.ndjson").expect("a file");
    // The others of the file are in no record.
    for patient in patients.lines().take(2) {
        record.put(&serde_json::from_str(patient).expect("JSON"));
    }
    let registry = format!("fhir+{}", record.url());
    let way = format!("smtp://portal:secreto@127.0.0.1:{}", mail.port);
    for language in ["es", "en"] {
        let told = assert_played(&["--registry", &registry, "--mail", &way, "--language", language]);
        assert!(!told.contains("secreto") && !told.contains(&registry), "a URL is printed");
        let arrived = mail.take();
        let field = |name: &str| -> Vec<String> {
            arrived.iter().map(|mail| smtp_peer::text(&mail[name]).trim_end().to_owned()).collect()
        };
        assert_eq!(field("subject"), subjects(&told));
        assert_eq!(field("text"), texts(&told));
        assert_eq!(arrived.len(), 9, "every mail of the manual");
    }
    record.close();
    assert!(refusal(&["--registry", &registry]).contains("the registry cannot be asked: searching patients over FHIR"));
}

#[test]
fn patients_of_another_file_than_the_record_do_not_play() {
    let (all, few) = ("examples/data/patients.ndjson", "examples/data/patients.csv");
    let told = assert_played(&["--patients", all, "--registry", few]);
    assert!(told.contains(&format!("registry: {few}, ")), "{told}");
    let folder = tempfile::tempdir().expect("a folder");
    let others = folder.path().join("others.csv");
    std::fs::write(&others, "id,full_name,email\npac-9999,Nadie Conocido,nadie@example.org\n").expect("a file");
    assert!(refusal(&["--registry", &others.display().to_string()]).contains("no patient is left to play"));
}

#[test]
fn a_record_or_a_mail_server_that_cannot_be_asked_is_told_without_its_url() {
    for (arguments, why) in [
        (
            ["--registry", "fhir+http://127.0.0.1:1/secreto"],
            "the registry cannot be asked: searching patients over FHIR",
        ),
        (
            ["--registry", "fhir+https://ana:secreto@fhir.example"],
            "the registry cannot be asked: the URL holds a user name",
        ),
        (
            ["--registry", "fhir+http://fhir.example/secreto"],
            "the registry cannot be asked: the URL begins with http://",
        ),
        (["--mail", "smtp://ana:secreto@127.0.0.1:1"], "the mail server cannot be asked: the mail cannot leave now"),
        (["--mail", "smtp://ana:secreto@127.0.0.1:port"], "the mail server cannot be asked: "),
        (["--mail", "maildir:/dev/null/secreto"], "the folder of mails cannot be made: "),
        (["--mail", "sendmail:secreto"], "--mail is memory, maildir:DIR, smtp://HOST or smtps://HOST"),
        (["--from", "secreto"], "--from: the sender's address is not written as it must be"),
    ] {
        let told = refusal(&arguments);
        assert!(told.contains(&format!("lifecycle: {why}")), "{told}");
        assert!(!told.contains("secreto"), "{told}");
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
