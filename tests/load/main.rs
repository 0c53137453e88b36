//! The loader that fills the stores of the benchmarks. Not: a benchmark.
//!
//! **Every row that it makes is one that the store reads, and that the crate takes for its own.**

#[path = "../../benches/common/clinic.rs"]
#[allow(dead_code, reason = "the benchmarks use the rest")]
mod clinic;
#[path = "../../benches/common/fill.rs"]
mod fill;
#[path = "../common/postgres.rs"]
mod server;

use std::sync::Arc;

use acceso::adapter::memory::MemoryMailer;
use acceso::adapter::postgres::PostgresStore;
use acceso::adapter::sqlite::SqliteStore;
use acceso::test_util::FakeClock;
use acceso::{Claim, Client, EventKind, Login, LoginForm, MailPurpose, Purged, Stay, Timestamp, User, UserStore};
use clinic::{PASSWORD, email, username};
use fill::{Link, NOW};

const USERS: usize = 40;

#[tokio::test]
async fn what_is_loaded_into_sqlite_is_read_and_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("acceso.sqlite").display());
    let store = SqliteStore::connect(&url).await.expect("the file opens");
    loaded_is_read_and_used(&url, Arc::new(store.clone())).await;
    let events = store.events(0, 10_000).await.expect("readable events");
    each_user_has_events(events.iter().map(|(_, event)| event.kind()));
}

#[tokio::test]
async fn what_is_loaded_into_postgres_is_read_and_used() {
    if !server::postgres_or_skip("what_is_loaded_into_postgres_is_read_and_used") {
        return;
    }
    let url = server::shared().database();
    let store = PostgresStore::connect(&url).await.expect("the server is there");
    loaded_is_read_and_used(&url, Arc::new(store.clone())).await;
    let events = store.events(0, 10_000).await.expect("readable events");
    each_user_has_events(events.iter().map(|(_, event)| event.kind()));
}

fn each_user_has_events(kinds: impl Iterator<Item = EventKind>) {
    let signed_in = kinds.filter(|kind| *kind == EventKind::SignedIn).count();
    // Each twice, and the last once more.
    assert_eq!(signed_in, 2 * USERS + 1);
}

async fn loaded_is_read_and_used(url: &str, store: Arc<dyn UserStore>) {
    let mut link = Link::to(url).await.expect("a connection");
    fill::fill(Arc::clone(&store), &mut link, USERS).await.expect("a full store");
    for number in 0..USERS {
        every_record_is_readable(&*store, number).await;
    }
    registrations_wait(&*store).await;
    a_login_works(Arc::clone(&store)).await;
    mail_is_postponed_then_due(&*store, &mut link).await;
    a_purge_finds_what_has_ended(&*store, &mut link).await;
}

async fn every_record_is_readable(store: &dyn UserStore, number: usize) {
    let name = username(number).parse().expect("a name");
    let user: User = store.user_named(&name).await.expect("a readable user").expect("a user");
    assert_eq!(user.patients().iter().map(ToString::to_string).collect::<Vec<_>>(), [username(number)]);
    let address = email(number).parse().expect("an address");
    let of_address = store.users_with_email(&address).await.expect("readable users");
    assert_eq!(of_address.iter().map(User::id).collect::<Vec<_>>(), [user.id()]);
    let mailbox = store.mailbox_of(&address).await.expect("a readable mailbox").expect("a mailbox");
    assert!(mailbox.last_link_ends().is_some_and(|end| end <= NOW), "a link was there, and has ended");
    let document = serde_json::to_string(&acceso::Stored(mailbox)).expect("a document");
    assert!(document.contains(&user.id().to_string()), "the link was this user's");
    let sessions = store.sessions_of(user.id()).await.expect("readable sessions");
    assert_eq!(sessions.len(), if number == 0 { 1 } else { 2 });
    for session in sessions {
        assert!(session.opened_at() <= NOW && session.absolute_end() > NOW);
        let found = store.session(session.digest()).await.expect("a readable session");
        assert_eq!(found.expect("the session").1.id(), user.id());
    }
}

async fn registrations_wait(store: &dyn UserStore) {
    for number in 0..=USERS / 20 {
        let address = format!("nuevo{number}@pacientes.example").parse().expect("an address");
        let waiting = store.registrations(&address, None, 8).await.expect("readable registrations");
        assert_eq!(waiting.len(), 1);
        assert!(waiting[0].expires_at() > NOW);
    }
}

async fn a_login_works(store: Arc<dyn UserStore>) {
    let (acceso, _) = clinic::service_at(FakeClock::at(NOW), store, Arc::new(MemoryMailer::new()), fill::policy());
    let login = |password: &'static str| {
        let (acceso, form) = (acceso.clone(), LoginForm::new(username(USERS - 1), password));
        async move { acceso.login(form, Stay::Session, &Client::unknown()).await.expect("the store is there") }
    };
    let Login::SignedIn(signed_in) = login(PASSWORD).await else { panic!("not signed in") };
    let visitor = acceso.session(&signed_in.token).await.expect("the store is there");
    assert!(visitor.is_some());
    assert!(matches!(login(clinic::WRONG).await, Login::Rejected));
}

async fn mail_is_postponed_then_due(store: &dyn UserStore, link: &mut Link) {
    let claim_at = |now: Timestamp| Claim {
        now,
        lease_until: now.after(std::time::Duration::from_secs(300)),
        latest_due: now.after(std::time::Duration::from_secs(3_600)),
        limit: 5,
    };
    assert_eq!(store.claim_due_mail(claim_at(NOW)).await.expect("readable mail").len(), 0);
    fill::queue(link, 7).await.expect("a backlog");
    let claimed = store.claim_due_mail(claim_at(NOW)).await.expect("readable mail");
    assert_eq!(
        claimed.iter().map(acceso::MailIntent::purpose).collect::<Vec<_>>(),
        [MailPurpose::ConfirmRegistration; 5]
    );
}

async fn a_purge_finds_what_has_ended(store: &dyn UserStore, link: &mut Link) {
    assert_eq!(store.purge(NOW, 100).await.expect("a purge"), Purged::default());
    fill::expire(link, 3).await.expect("rows that have ended");
    let purged = store.purge(NOW, 100).await.expect("a purge");
    assert_eq!(purged, Purged { sessions: 3, registrations: 3, mailboxes: 3 });
}
