//! The tables of each release, kept as golden files: their schema, and one database that was filled under it. Not: how long
//! bringing a large one to the newest release takes.
//!
//! **A database that any release has made and filled is brought to this one, and each record reads as it was written.**
//!
//! `ACCESO_BLESS=1` writes the files of the newest release that are not there yet. No file of an older one is ever written
//! again: a difference is a break for every database out there.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use acceso::{Claim, Client, RecoveryConfirmation, Stored, Timestamp, UserStore};
use serde_json::{Value, json};

use crate::common::{ANA, NOBODY, PASSWORD, patient, temporary, token};
use crate::deployment::Deployment;
use crate::stand::Stand;
use crate::{Store, can_run};

/// In the order in which [`fill`] brings them into their states.
const USERS: [(&str, &str); 5] = [
    (ANA, "anapena"),
    ("bea.sosa@example.org", "beasosa"),
    ("carla.paz@example.org", "carlapaz"),
    ("dora.gil@example.org", "doragil"),
    ("elisa.rey@example.org", "elisarey"),
];

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/schema").join(name)
}

fn is_blessing() -> bool {
    std::env::var_os("ACCESO_BLESS").is_some()
}

fn read(name: &str) -> String {
    let path = golden(name);
    fs::read_to_string(&path).unwrap_or_else(|_| panic!("{}: a release without golden files", path.display()))
}

/// Writes what is new, and compares with what was there.
fn same_as_golden(name: &str, found: &str) {
    let path = golden(name);
    if is_blessing() && !path.exists() {
        fs::write(&path, found).expect("a folder to write to");
    }
    assert_eq!(found, read(name), "{name}");
}

/// The migrations of this database, in their order.
fn migrations() -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/adapter").join(Stand::DATABASE);
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|ending| ending == "sql")).collect();
    files.sort();
    files.iter().map(|path| fs::read_to_string(path).expect("SQL")).collect()
}

/// One record of each kind and state.
async fn fill(store: Store) {
    let mut portal = Deployment::over(store);
    portal.client = Client::unknown().with_address([192, 0, 2, 7].into()).with_device("Navegador «ñandú»");
    for (number, (email, name)) in (1..).zip(USERS) {
        portal.registry.insert(patient(&format!("pac-000{number}"), email));
        portal.user(email, name, PASSWORD).await;
    }
    portal.signed_in("anapena", PASSWORD).await;
    portal.lock("beasosa").await;
    portal.mails().await;
    let carla = recovering(&mut portal, 2).await;
    assert_eq!(portal.confirm_recovery(&carla).await, RecoveryConfirmation::Accepted);
    let password = temporary(&portal.mail().await);
    assert!(portal.login("carlapaz", &password).await.is_ok());
    let dora = portal.named("doragil").await.id();
    let disabled = portal.acceso.disable(dora, &portal.client).await.expect("the store is there");
    assert_eq!(disabled, acceso::Administered::Done);
    let elisa = recovering(&mut portal, 4).await;
    portal.pass(Duration::from_secs(60));
    assert_eq!(portal.confirm_recovery(&elisa).await, RecoveryConfirmation::Accepted);
    portal.register(NOBODY, "nadie", PASSWORD).await;
    portal.recover_password(ANA, "anapena").await;
}

/// The link that the user is mailed who has forgotten the password.
async fn recovering(portal: &mut Deployment<Store>, user: usize) -> String {
    let (email, name) = USERS[user];
    portal.recover_password(email, name).await;
    token(&portal.mail().await)
}

/// Every record, as the store reads it, in an order of its own.
async fn everything(store: &Store) -> String {
    fn sorted(mut records: Vec<Value>) -> Vec<Value> {
        records.sort_by_key(Value::to_string);
        records
    }
    fn stored<T>(record: T) -> Value
    where
        Stored<T>: serde::Serialize,
    {
        let mut value = serde_json::to_value(Stored(record)).expect("a record has a stored form");
        // A test's dependency has switched on that members keep the order in which they were written.
        value.sort_all_objects();
        value
    }
    let there = "the store is there";
    let (mut users, mut mailboxes, mut sessions) = (Vec::new(), Vec::new(), Vec::new());
    for (email, name) in USERS {
        let user = store.user_named(&name.parse().expect("legal")).await.expect(there).expect("a user");
        sessions.extend(store.sessions_of(user.id()).await.expect(there).into_iter().map(stored));
        users.push(stored(user));
        mailboxes.extend(store.mailbox_of(&email.parse().expect("legal")).await.expect(there).map(stored));
    }
    let nobody = NOBODY.parse().expect("legal");
    let registrations = store.registrations(&nobody, None, 9).await.expect(there);
    let now = Timestamp::from_millis(1_800_000_000_000);
    let lease_until = now.after(Duration::from_secs(300));
    let claim = Claim { now, lease_until, latest_due: now.after(Duration::from_secs(9999)), limit: 99 };
    let mail = store.claim_due_mail(claim).await.expect(there);
    let events = store.events(0, 9999).await.expect(there);
    let mut all = json!({
        "users": users,
        "mailboxes": mailboxes,
        "sessions": sorted(sessions),
        "registrations": registrations.into_iter().map(stored).collect::<Vec<_>>(),
        "mail": sorted(mail.into_iter().map(stored).collect()),
        "events": events.into_iter().map(|(_, event)| serde_json::to_value(event).expect("plain")).collect::<Vec<_>>(),
    });
    for (kind, records) in all.as_object().expect("kinds") {
        assert!(records.as_array().is_some_and(|records| !records.is_empty()), "no record of {kind}");
    }
    all.sort_all_objects();
    serde_json::to_string_pretty(&all).expect("text") + "\n"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_of_this_release_is_the_golden_one() {
    if !can_run("the_schema_of_this_release_is_the_golden_one") {
        return;
    }
    let newest = migrations().len();
    let stand = Stand::new().await;
    same_as_golden(&format!("{}_{newest}.txt", Stand::DATABASE), &stand.schema().await);
    let records = golden(&format!("{}_{newest}_records.sql", Stand::DATABASE));
    if is_blessing() && !records.exists() {
        fill(stand.store().await).await;
        fs::write(records, stand.script().await).expect("a folder to write to");
        // The same for both databases.
        same_as_golden(&format!("{newest}_records.json"), &everything(&stand.store().await).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_each_release_is_brought_to_this_one_and_read_back() {
    if !can_run("a_database_of_each_release_is_brought_to_this_one_and_read_back") {
        return;
    }
    let migrations = migrations();
    let newest = Stand::new().await.schema().await;
    for release in 1..=migrations.len() {
        let stand = Stand::empty();
        for migration in &migrations[..release] {
            stand.run(migration).await;
        }
        stand.run(&read(&format!("{}_{release}_records.sql", Stand::DATABASE))).await;
        assert_eq!(stand.schema().await, read(&format!("{}_{release}.txt", Stand::DATABASE)), "release {release}");

        Store::migrate(&stand.pool().await).await.expect("a step to this release");
        assert_eq!(stand.schema().await, newest, "release {release}");
        let store = stand.store().await;
        let expected = read(&format!("{release}_records.json"));
        assert_eq!(everything(&store).await, expected, "release {release}");
        // And life goes on.
        let portal = Deployment::with(store, acceso::test_util::cheap_hashing(acceso::Policy::portal()), 99);
        portal.signed_in("anapena", PASSWORD).await;
        portal.register(NOBODY, "otra", PASSWORD).await;
    }
}
