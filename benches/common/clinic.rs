//! A portal, in memory unless another store is given, whose patients are all who write from a patient's address. Not: a
//! test harness; nothing is checked but that each step was answered as it should be.
//!
//! **Hashing costs what it costs in earnest, unless a clinic is asked for that only needs many sessions.**

use std::sync::Arc;

use acceso::adapter::memory::{MemoryMailer, MemoryStore};
use acceso::test_util::cheap_hashing;
use acceso::{
    Acceso, BoxError, Client, Clock, Confirmation, ConfirmationForm, Courier, EmailAddress, Login, LoginForm, Mail,
    Patient, PatientRegistry, Policy, Registering, RegistrationForm, Stay, SystemClock, UserStore,
};
use async_trait::async_trait;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

pub(crate) const PASSWORD: &str = "Tres tristes 3";
pub(crate) const WRONG: &str = "Tres tristes 4";

/// Every address at `pacientes.example` is one patient's, every other one nobody's.
struct Patients;

#[async_trait]
impl PatientRegistry for Patients {
    async fn patients_with_email(&self, email: &EmailAddress) -> Result<Vec<Patient>, BoxError> {
        let Some(name) = email.key().strip_suffix("@pacientes.example") else { return Ok(Vec::new()) };
        let id = name.parse()?;
        Ok(vec![Patient { id, email: email.clone(), full_name: "Paciente".into(), portal_access: true }])
    }
}

/// The portal, its courier, and one thread that asks.
pub(crate) struct Clinic {
    pub(crate) acceso: Acceso,
    pub(crate) courier: Courier,
    pub(crate) store: Arc<dyn UserStore>,
    pub(crate) mailer: Arc<MemoryMailer>,
    pub(crate) runtime: Runtime,
    pub(crate) client: Client,
}

/// The service over any store.
pub(crate) fn service(store: impl UserStore + 'static, mailer: Arc<MemoryMailer>, policy: Policy) -> (Acceso, Courier) {
    service_at(SystemClock, store, mailer, policy)
}

/// The same by another clock.
pub(crate) fn service_at(
    clock: impl Clock + 'static,
    store: impl UserStore + 'static,
    mailer: Arc<MemoryMailer>,
    policy: Policy,
) -> (Acceso, Courier) {
    Acceso::builder(store, Patients, mailer)
        .portal("Clínica del Sol", "https://portal.example")
        .policy(policy)
        .clock(clock)
        .build()
        .expect("a safe policy")
}

pub(crate) fn single_thread() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

impl Clinic {
    pub(crate) fn new(policy: Policy) -> Self {
        Self::over(Arc::new(MemoryStore::new()), single_thread(), policy)
    }

    /// With a store that lives in this runtime.
    pub(crate) fn over(store: impl UserStore + Clone + 'static, runtime: Runtime, policy: Policy) -> Self {
        let mailer = Arc::new(MemoryMailer::new());
        let (acceso, courier) = service(store.clone(), Arc::clone(&mailer), policy);
        Self { acceso, courier, store: Arc::new(store), mailer, runtime, client: Client::unknown() }
    }

    /// Hashes so cheaply that it can be filled.
    pub(crate) fn to_be_filled() -> Self {
        let mut policy = cheap_hashing(Policy::portal());
        policy.hashing.queue_per_thread = 1_000;
        Self::new(policy)
    }

    /// Confirmed users of the names `paciente0`, `paciente1`, … from and to these numbers.
    pub(crate) fn add_users(&mut self, from: usize, to: usize) {
        let Self { acceso, courier, mailer, runtime, client, .. } = self;
        for number in from..to {
            let name = username(number);
            runtime.block_on(async {
                let registering = acceso.register(registration(&email(number), &name), client).await;
                assert!(matches!(registering, Ok(Registering::Accepted(_))), "{registering:?}");
                deliver(courier).await;
                let token = mailer.take().iter().find_map(token).expect("a link");
                let form = ConfirmationForm { token, username: name, password: PASSWORD.into(), reference: None };
                assert!(matches!(acceso.confirm(form, client).await, Ok(Confirmation::Confirmed)));
                deliver(courier).await;
            });
            mailer.take();
        }
    }

    /// Locks the password of a user.
    pub(crate) fn lock(&self, name: &str) {
        for _ in 0..self.acceso.policy().lockout.threshold {
            assert!(matches!(self.login(name, WRONG), Login::Rejected));
        }
    }

    pub(crate) fn login(&self, name: &str, password: &str) -> Login {
        let login = self.acceso.login(LoginForm::new(name, password), Stay::Session, &self.client);
        self.runtime.block_on(login).expect("room for a login")
    }

    /// Signs these users in once each, many at a time, and gives their tokens.
    pub(crate) fn sign_in(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<(usize, String)> {
        const AT_A_TIME: usize = 64;
        let mut numbers = numbers.into_iter();
        let mut tokens = Vec::new();
        self.runtime.block_on(async {
            let mut running = JoinSet::new();
            loop {
                while running.len() < AT_A_TIME
                    && let Some(number) = numbers.next()
                {
                    let acceso = self.acceso.clone();
                    running.spawn(async move {
                        let form = LoginForm::new(username(number), PASSWORD);
                        match acceso.login(form, Stay::Session, &Client::unknown()).await {
                            Ok(Login::SignedIn(signed_in)) => (number, signed_in.token.reveal()),
                            other => panic!("{other:?}"),
                        }
                    });
                }
                match running.join_next().await {
                    Some(signed_in) => tokens.push(signed_in.expect("a session")),
                    None => break,
                }
            }
        });
        tokens
    }
}

pub(crate) fn username(number: usize) -> String {
    format!("paciente{number}")
}

/// A patient's address.
pub(crate) fn email(number: usize) -> String {
    format!("paciente{number}@pacientes.example")
}

/// Nobody's address, as long as that patient's.
pub(crate) fn nobodys_email(number: usize) -> String {
    format!("paciente{number}@visitante.example")
}

pub(crate) fn registration(email: &str, username: &str) -> RegistrationForm {
    RegistrationForm {
        email: email.into(),
        username: username.into(),
        password: PASSWORD.into(),
        repeated: PASSWORD.into(),
        full_name: "Nombre Apellido".into(),
    }
}

/// Everything that is due.
pub(crate) async fn deliver(courier: &mut Courier) {
    while courier.deliver_due().await.expect("the store is there").claimed > 0 {}
}

/// The token of a mail's link.
pub(crate) fn token(mail: &Mail) -> Option<String> {
    let (_, after) = mail.text().split_once("?token=")?;
    Some(after.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect())
}
