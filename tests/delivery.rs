//! Why a mail waits, and how many come: a clock that was wrong, a mailer that hangs, a crowd of equal requests.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use acceso::adapter::memory::{MemoryRegistry, MemoryStore};
use acceso::test_util::{FakeClock, cheap_hashing};
use acceso::{Acceso, Client, Clock, Confirmation, Mail, MailPurpose, Mailer, Policy, RegistrationForm, SendError};
use common::{ANA, NOBODY, PASSWORD, Portal, patient, token};

#[tokio::test]
async fn a_registration_of_a_wrong_clock_keeps_no_later_one_from_its_mail() {
    let mut portal = Portal::new();
    let right = portal.clock.now();
    portal.pass(10 * 365 * 86_400);
    portal.registered(ANA, "anapena", PASSWORD).await;
    portal.mails().await;
    portal.clock.set(right);
    portal.pass(60);
    portal.registered(ANA, "anapena", PASSWORD).await;
    let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
    assert_eq!(portal.confirm(&token(&mail), "anapena", PASSWORD).await, Confirmation::Confirmed);
}

/// Hangs for the first few, and takes the rest.
struct Hangs {
    first: usize,
    tried: Arc<AtomicUsize>,
    taken: Arc<AtomicUsize>,
}

#[async_trait::async_trait]
impl Mailer for Hangs {
    async fn send(&self, _: &Mail) -> Result<(), SendError> {
        if self.tried.fetch_add(1, Ordering::SeqCst) < self.first {
            std::future::pending::<()>().await;
        }
        self.taken.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn sends_that_never_return_hold_their_places_for_half_a_lease_and_no_longer() {
    let addresses: Vec<String> = (0..40).map(|number| format!("paciente{number}@example.org")).collect();
    let registry: MemoryRegistry = addresses.iter().map(|address| patient(address, address)).collect();
    let (clock, tried, taken) = (FakeClock::default(), Arc::default(), Arc::default());
    let mailer = Hangs { first: 8, tried: Arc::clone(&tried), taken: Arc::clone(&taken) };
    let (acceso, courier) = Acceso::builder(MemoryStore::new(), registry, mailer)
        .portal("Clínica del Sol", "https://portal.example")
        .policy(cheap_hashing(Policy::portal()))
        .clock(clock.clone())
        .build()
        .expect("a safe policy");
    for (number, address) in addresses.iter().enumerate() {
        let form = RegistrationForm {
            email: address.clone(),
            username: format!("paciente{number}"),
            password: PASSWORD.into(),
            repeated: PASSWORD.into(),
            full_name: "Nombre Apellido".into(),
        };
        let _ = acceso.register(form, &Client::unknown()).await.expect("in memory");
    }
    let running = tokio::spawn(courier.run(|_| tokio::time::sleep(Duration::from_millis(1))));
    let begun = Instant::now();
    while taken.load(Ordering::SeqCst) < addresses.len() && begun.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(2)).await;
        if tried.load(Ordering::SeqCst) >= 8 {
            clock.advance(Duration::from_secs(1));
        }
    }
    running.abort();
    assert_eq!(taken.load(Ordering::SeqCst), addresses.len());
}

/// Tells when a send begins, and ends it when it is let.
struct Held {
    begun: tokio::sync::mpsc::UnboundedSender<()>,
    let_go: Arc<tokio::sync::Semaphore>,
}

#[async_trait::async_trait]
impl Mailer for Held {
    async fn send(&self, _: &Mail) -> Result<(), SendError> {
        self.begun.send(()).expect("the test listens");
        self.let_go.acquire().await.expect("open").forget();
        Ok(())
    }
}

/// A mail of Ana's is under way when the host tells its courier to end; then she asks for another.
struct Ending {
    acceso: Acceso,
    clock: FakeClock,
    let_go: Arc<tokio::sync::Semaphore>,
    courier: tokio::task::JoinHandle<()>,
}

impl Ending {
    async fn begin() -> Self {
        let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (clock, let_go) = (FakeClock::default(), Arc::new(tokio::sync::Semaphore::new(0)));
        let mailer = Held { begun, let_go: Arc::clone(&let_go) };
        let registry = MemoryRegistry::from_iter([patient("pac-0001", ANA)]);
        let (acceso, courier) = Acceso::builder(MemoryStore::new(), registry, mailer)
            .portal("Clínica del Sol", "https://portal.example")
            .policy(cheap_hashing(Policy::portal()))
            .clock(clock.clone())
            .build()
            .expect("a safe policy");
        let form = |username: &str| RegistrationForm {
            email: ANA.into(),
            username: username.into(),
            password: PASSWORD.into(),
            repeated: PASSWORD.into(),
            full_name: "Ana Peña".into(),
        };
        let _ = acceso.register(form("anapena"), &Client::unknown()).await.expect("in memory");
        let tick = |_| tokio::time::sleep(Duration::from_millis(1));
        let courier = tokio::spawn(courier.run_until(async { drop(stopped.await) }, tick));
        begins.recv().await.expect("a send");
        drop(stop);
        let _ = acceso.register(form("ana"), &Client::unknown()).await.expect("in memory");
        Self { acceso, clock, let_go, courier }
    }

    /// Looked at often enough for a courier that goes on to have gone on.
    async fn waits(&self) -> bool {
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        !self.courier.is_finished()
    }

    async fn backlog(&self) -> u64 {
        self.acceso.mail_backlog().await.expect("in memory").typed
    }
}

#[tokio::test]
async fn a_host_that_ends_lets_the_mail_under_way_be_finished_and_begins_no_other() {
    let ending = Ending::begin().await;
    assert!(ending.waits().await, "for the mail under way");
    assert_eq!(ending.backlog().await, 2);
    ending.let_go.add_permits(2);
    ending.courier.await.expect("an end in order");
    let left = ending.acceso.mail_backlog().await.expect("in memory").typed;
    assert_eq!(left, 1, "what was under way is settled, and the other waits for the next courier");
}

#[tokio::test]
async fn a_host_that_ends_waits_for_a_mailer_that_hangs_no_longer_than_a_lease() {
    let ending = Ending::begin().await;
    assert!(ending.waits().await);
    ending.clock.advance(ending.acceso.policy().mail.lease);
    ending.courier.await.expect("an end in order");
    let left = ending.acceso.mail_backlog().await.expect("in memory").typed;
    assert_eq!(left, 2, "nothing is lost");
}

#[tokio::test]
async fn a_crowd_of_equal_requests_is_settled_together() {
    let mut portal = Portal::new();
    for _ in 0..2_000 {
        let _ = portal.recover_username(NOBODY).await;
    }
    assert!(portal.mails().await.is_empty());
    assert_eq!(portal.acceso.mail_backlog().await.expect("in memory").typed, 0);
}

#[tokio::test]
async fn a_flood_of_expired_registrations_is_purged_at_once() {
    let mut portal = Portal::new();
    for number in 0..2_500 {
        portal.registered(ANA, &format!("nombre{number}"), PASSWORD).await;
    }
    portal.pass(25 * 3600);
    for _ in 0..3 {
        let _ = portal.courier.deliver_due().await.expect("in memory");
    }
    let left = acceso::UserStore::registrations(&portal.store, &ANA.parse().expect("legal"), None, u32::MAX).await;
    assert_eq!(left.expect("in memory").len(), 0);
}

/// The numbers of `mail.brake_longest` in `docs/defaults.md`.
#[tokio::test]
async fn a_stranger_who_asks_all_day_brings_as_many_mails_as_the_docs_say() {
    for (purpose, most) in
        [(MailPurpose::ConfirmRegistration, 29), (MailPurpose::UserNames, 29), (MailPurpose::ConfirmRecovery, 74)]
    {
        let mut portal = Portal::new();
        if purpose != MailPurpose::ConfirmRegistration {
            portal.user(ANA, "anapena", PASSWORD).await;
        }
        let mut sent = 0;
        for _ in 0..24 * 60 {
            match purpose {
                MailPurpose::ConfirmRegistration => drop(portal.registered(ANA, "otra", PASSWORD).await),
                MailPurpose::UserNames => drop(portal.recover_username(ANA).await),
                _ => drop(portal.recover_password(ANA, "anapena").await),
            }
            sent += portal.mails().await.len();
            portal.pass(60);
        }
        assert_eq!(sent, most, "{purpose:?}");
    }
}
