//! A clinic's portal with several couriers over one store, and the mail world outside. Not: what goes wrong there, which
//! each story orders; nor mails by SMTP, which `by_smtp` puts in the world's place.
//!
//! **Time passes only when a story lets it, and by then every courier has done what was due.**

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use acceso::adapter::memory::{MemoryRegistry, MemoryStore};
use acceso::adapter::postgres::PostgresStore;
use acceso::test_util::{FakeClock, SeededEntropy, cheap_hashing};
use acceso::{
    Acceso, Backlog, Client, Clock, Confirmation, ConfirmationForm, Courier, Delivered, Error, Login, LoginForm,
    MailPurpose, Mailer, PasswordRecoveryForm, Policy, RecoveryConfirmation, RecoveryRequest, Registering,
    RegistrationForm, Stay, Timestamp, UsernameRecoveryForm,
};

use crate::common::kept::Kept;
use crate::common::{PASSWORD, patient, temporary, token};
use crate::ports::{Control, FaultyStore};
use crate::server;
use crate::world::MailWorld;

/// While nothing is due, time is let pass at most this far at once.
const STEP: Duration = Duration::from_secs(10);

/// A round of a courier under way; it gives the courier back.
pub type Round = Pin<Box<dyn Future<Output = (Courier, Result<Delivered, Error>)> + Send>>;

/// Makes the mailer of each process.
pub type Mailers = Arc<dyn Fn() -> Arc<dyn Mailer> + Send + Sync>;

pub struct Office<S> {
    pub acceso: Acceso,
    /// Those that work. A story may take one out, and it is as if its process were gone.
    pub couriers: Vec<Courier>,
    /// Each courier has its own handle; they are one database.
    stores: Vec<Arc<S>>,
    pub registry: Arc<MemoryRegistry>,
    pub world: Arc<MailWorld>,
    mailers: Mailers,
    pub clock: FakeClock,
    policy: Policy,
    seed: u64,
}

impl Office<MemoryStore> {
    pub fn in_memory(couriers: usize) -> Self {
        Self::with_policy(couriers, Policy::portal())
    }

    pub fn with_policy(couriers: usize, policy: Policy) -> Self {
        Self::over(in_memory(couriers), policy)
    }
}

/// One for all couriers.
pub fn in_memory(couriers: usize) -> Vec<Arc<MemoryStore>> {
    let store = Arc::new(MemoryStore::new());
    (0..couriers).map(|_| Arc::clone(&store)).collect()
}

impl Office<PostgresStore> {
    pub async fn on_postgres(couriers: usize) -> Self {
        Self::over(on_postgres(couriers).await, Policy::portal())
    }
}

/// One database, and for each courier connections of its own.
pub async fn on_postgres(couriers: usize) -> Vec<Arc<PostgresStore>> {
    let url = server::shared().database();
    let mut stores = Vec::new();
    for _ in 0..couriers {
        stores.push(Arc::new(PostgresStore::connect(&url).await.expect("the server is there")));
    }
    stores
}

impl<S: Kept> Office<S> {
    fn over(stores: Vec<Arc<S>>, policy: Policy) -> Self {
        let clock = FakeClock::default();
        let world = MailWorld::new(clock.clone());
        let mailer = Arc::clone(&world);
        Self::with(stores, policy, clock, world, Arc::new(move || Arc::clone(&mailer) as Arc<dyn Mailer>))
    }

    /// Mails leave by these mailers, and none comes into the world.
    pub fn by(stores: Vec<Arc<S>>, mailers: Mailers) -> Self {
        let clock = FakeClock::default();
        let world = MailWorld::new(clock.clone());
        Self::with(stores, Policy::portal(), clock, world, mailers)
    }

    fn with(stores: Vec<Arc<S>>, policy: Policy, clock: FakeClock, world: Arc<MailWorld>, mailers: Mailers) -> Self {
        let registry = Arc::new(MemoryRegistry::new());
        let mut policy = cheap_hashing(policy);
        policy.hashing.threads = Some(1);
        let (seed, couriers) = (1, Vec::new());
        let (acceso, _) = service(Arc::clone(&stores[0]), &registry, &mailers, &clock, policy.clone(), seed);
        let mut office = Self { acceso, couriers, stores, registry, world, mailers, clock, policy, seed };
        for at in 0..office.stores.len() {
            let courier = office.hire(at).0;
            office.couriers.push(courier);
        }
        office
    }

    /// Another courier, in a process of its own, at this handle of the store; and what lets others in between its calls.
    pub fn hire(&mut self, at: usize) -> (Courier, Arc<Control>) {
        self.seed += 1;
        let store = &self.stores[at % self.stores.len()];
        let policy = self.policy.clone();
        let ((_, courier), control) = watched(store, &self.registry, &self.mailers, &self.clock, policy, self.seed);
        (courier, control)
    }

    pub fn store(&self) -> &S {
        &self.stores[0]
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// One round of every courier, all at once: the sum of what they did.
    pub async fn round(&mut self) -> Vec<Delivered> {
        let rounds: Vec<_> = self.couriers.drain(..).map(|courier| tokio::spawn(round_of(courier))).collect();
        let mut done = Vec::new();
        for round in rounds {
            let (courier, delivered) = round.await.expect("no panic");
            self.couriers.push(courier);
            done.push(delivered.expect("the store is there"));
        }
        done
    }

    /// Everything that is due now.
    pub async fn work(&mut self) {
        while self.round().await.iter().any(|delivered| delivered.claimed > 0) {}
    }

    /// The couriers work while so much time passes. It is let go from one due time to the next, so that arrivals are exact.
    pub async fn live(&mut self, time: Duration) {
        let end = self.now().after(time);
        loop {
            self.work().await;
            let now = self.now();
            if now >= end {
                return;
            }
            let backlog = self.backlog().await;
            // A row that is leased may be due by now.
            let next = match backlog.oldest_due {
                None => end,
                Some(due) if due > now => due.min(now.after(STEP)),
                Some(_) => now.after(STEP),
            };
            self.clock.set(next.min(end));
        }
    }

    pub async fn backlog(&self) -> Backlog {
        self.acceso.mail_backlog().await.expect("the store is there")
    }

    /// How many rows wait.
    pub async fn waiting(&self) -> u64 {
        let backlog = self.backlog().await;
        backlog.typed + backlog.to_users
    }

    /// Somebody registers with this address, which is a patient's from now on.
    pub async fn register(&self, email: &str, username: &str) {
        self.registry.insert(patient(email, email));
        self.strange_registration(email, username).await;
    }

    pub async fn strange_registration(&self, email: &str, username: &str) {
        let form = RegistrationForm {
            email: email.into(),
            username: username.into(),
            password: PASSWORD.into(),
            repeated: PASSWORD.into(),
            full_name: "Nombre Apellido".into(),
        };
        let answer = self.acceso.register(form, &Client::unknown()).await.expect("the store is there");
        assert!(matches!(answer, Registering::Accepted(_)), "{answer:?}");
    }

    pub async fn confirm(&self, link: &str, username: &str, password: &str) -> Confirmation {
        let form = ConfirmationForm {
            token: link.into(),
            username: username.into(),
            password: password.into(),
            reference: None,
        };
        self.acceso.confirm(form, &Client::unknown()).await.expect("the store is there")
    }

    /// Whether the link is good, found out without using it.
    pub async fn is_live(&self, registration_link: &str) -> bool {
        match self.confirm(registration_link, "nadie.de.aqui", "Equivocada 1").await {
            Confirmation::Rejected => true,
            Confirmation::LinkInvalid => false,
            other => panic!("{other:?}"),
        }
    }

    /// A confirmed user, whose mails have come.
    pub async fn user(&mut self, email: &str, username: &str) {
        self.register(email, username).await;
        self.work().await;
        let link = token(&self.world.newest(email, MailPurpose::ConfirmRegistration));
        assert_eq!(self.confirm(&link, username, PASSWORD).await, Confirmation::Confirmed);
        self.work().await;
    }

    pub async fn ask_recovery(&self, email: &str, username: &str) {
        let form = PasswordRecoveryForm { email: email.into(), username: username.into() };
        let answer = self.acceso.recover_password(form, &Client::unknown()).await;
        assert_eq!(answer.expect("the store is there"), RecoveryRequest::Accepted);
    }

    pub async fn ask_names(&self, email: &str) {
        let form = UsernameRecoveryForm { email: email.into() };
        let answer = self.acceso.recover_username(form, &Client::unknown()).await;
        assert_eq!(answer.expect("the store is there"), RecoveryRequest::Accepted);
    }

    pub async fn use_recovery(&self, link: &str) -> RecoveryConfirmation {
        self.acceso.confirm_recovery(link, &Client::unknown()).await.expect("the store is there")
    }

    pub async fn login(&self, username: &str, password: &str) -> Login {
        let form = LoginForm::new(username, password);
        self.acceso.login(form, Stay::Session, &Client::unknown()).await.expect("the store is there")
    }

    /// Whether the temporary password in the newest of her mails lets her in.
    pub async fn newest_temporary_works(&self, email: &str, username: &str) -> bool {
        let password = temporary(&self.world.newest(email, MailPurpose::TemporaryPassword));
        matches!(self.login(username, &password).await, Login::MustChangePassword(_))
    }
}

/// One round, with the courier given back.
pub async fn round_of(mut courier: Courier) -> (Courier, Result<Delivered, Error>) {
    let delivered = courier.deliver_due().await;
    (courier, delivered)
}

fn watched<S: Kept>(
    store: &Arc<S>,
    registry: &Arc<MemoryRegistry>,
    mailers: &Mailers,
    clock: &FakeClock,
    policy: Policy,
    seed: u64,
) -> ((Acceso, Courier), Arc<Control>) {
    let control = Arc::new(Control::default());
    control.be_silent();
    let store = FaultyStore { store: Arc::clone(store), control: Arc::clone(&control) };
    (service(store, registry, mailers, clock, policy, seed), control)
}

fn service(
    store: impl acceso::UserStore + 'static,
    registry: &Arc<MemoryRegistry>,
    mailers: &Mailers,
    clock: &FakeClock,
    policy: Policy,
    seed: u64,
) -> (Acceso, Courier) {
    Acceso::builder(store, Arc::clone(registry), mailers())
        .portal("Clínica del Sol", "https://portal.example")
        .policy(policy)
        .clock(clock.clone())
        .entropy(SeededEntropy::new(seed))
        .build()
        .expect("a safe policy")
}
