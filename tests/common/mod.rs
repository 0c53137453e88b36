//! The harness of the stories: one portal in memory with a clock to turn, entropy that repeats and an outbox to read.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

pub mod kept;

use std::sync::Arc;
use std::time::Duration;

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry, MemoryStore};
use acceso::test_util::{FakeClock, SeededEntropy, cheap_hashing};
use acceso::{
    Acceso, Client, Confirmation, ConfirmationForm, Courier, EventKind, Login, LoginForm, Mail, MailPurpose,
    PasswordChange, PasswordChangeForm, PasswordRecoveryForm, Patient, Policy, RecoveryConfirmation, RecoveryRequest,
    Registering, RegistrationForm, RegistrationId, SessionToken, SignedIn, Stay, UserStore, UsernameRecoveryForm,
};

pub const ANA: &str = "ana.pena@example.org";
pub const PASSWORD: &str = "Tres tristes 3";
pub const NEW_PASSWORD: &str = "Cuatro gatos 4";
pub const NOBODY: &str = "nadie@example.org";

/// A portal under test.
pub struct Portal<S = MemoryStore, R = MemoryRegistry> {
    pub acceso: Acceso,
    pub courier: Courier,
    pub store: Arc<S>,
    pub registry: Arc<R>,
    pub mailer: Arc<MemoryMailer>,
    pub clock: FakeClock,
    pub client: Client,
}

pub fn patient(id: &str, email: &str) -> Patient {
    Patient {
        id: id.parse().expect("an id"),
        email: email.parse().expect("an address"),
        full_name: "Paciente".into(),
        portal_access: true,
    }
}

impl Portal {
    /// With Ana in the patient records, under the manual's policy.
    pub fn new() -> Self {
        Self::with(Policy::portal())
    }

    pub fn with(policy: Policy) -> Self {
        Self::over(MemoryStore::new(), policy)
    }
}

impl<S: UserStore + 'static> Portal<S> {
    /// The same over another store.
    pub fn over(store: S, policy: Policy) -> Self {
        let store = Arc::new(store);
        let registry = Arc::new(MemoryRegistry::from_iter([patient("pac-0001", ANA)]));
        let mailer = Arc::new(MemoryMailer::new());
        let clock = FakeClock::default();
        let (acceso, courier) = Acceso::builder(Arc::clone(&store), Arc::clone(&registry), Arc::clone(&mailer))
            .portal("Clínica del Sol", "https://portal.example")
            .contact("0800 555 0000")
            .policy(cheap_hashing(policy))
            .clock(clock.clone())
            .entropy(SeededEntropy::new(7))
            .build()
            .expect("a safe policy");
        Self { acceso, courier, store, registry, mailer, clock, client: Client::unknown() }
    }
}

impl<R> Portal<MemoryStore, R> {
    pub fn event_kinds(&self) -> Vec<EventKind> {
        self.store.events().iter().map(acceso::Event::kind).collect()
    }

    pub fn last_event(&self) -> EventKind {
        *self.event_kinds().last().expect("an event")
    }
}

impl<S, R> Portal<S, R> {
    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Everything that the courier delivers now.
    pub async fn mails(&mut self) -> Vec<Mail> {
        while self.courier.deliver_due().await.expect("the store is there").claimed > 0 {}
        self.mailer.take()
    }

    /// The one mail that the courier delivers now.
    pub async fn mail(&mut self, purpose: MailPurpose) -> Mail {
        let mut mails = self.mails().await;
        let purposes: Vec<MailPurpose> = mails.iter().map(Mail::purpose).collect();
        assert_eq!(purposes, [purpose]);
        mails.remove(0)
    }

    pub async fn register(&self, email: &str, username: &str, password: &str) -> Registering {
        let form = RegistrationForm {
            email: email.into(),
            username: username.into(),
            password: password.into(),
            repeated: password.into(),
            full_name: "Nombre Apellido".into(),
        };
        self.acceso.register(form, &self.client).await.expect("the store is there")
    }

    pub async fn registered(&self, email: &str, username: &str, password: &str) -> RegistrationId {
        match self.register(email, username, password).await {
            Registering::Accepted(reference) => reference,
            other => panic!("{other:?}"),
        }
    }

    pub async fn confirm(&self, token: &str, username: &str, password: &str) -> Confirmation {
        let form = ConfirmationForm {
            token: token.into(),
            username: username.into(),
            password: password.into(),
            reference: None,
        };
        self.acceso.confirm(form, &self.client).await.expect("the store is there")
    }

    /// A confirmed user, its mails read.
    pub async fn user(&mut self, email: &str, username: &str, password: &str) {
        self.registered(email, username, password).await;
        let mail = self.mail(MailPurpose::ConfirmRegistration).await;
        assert_eq!(self.confirm(&token(&mail), username, password).await, Confirmation::Confirmed);
        self.mail(MailPurpose::RegistrationConfirmed).await;
    }

    pub async fn login(&self, username: &str, password: &str) -> Login {
        let form = LoginForm::new(username, password);
        self.acceso.login(form, Stay::Session, &self.client).await.expect("the store is there")
    }

    pub async fn signed_in(&self, username: &str, password: &str) -> SignedIn {
        match self.login(username, password).await {
            Login::SignedIn(signed_in) => signed_in,
            other => panic!("{other:?}"),
        }
    }

    pub async fn is_signed_in(&self, token: &SessionToken) -> bool {
        self.acceso.session(token).await.expect("the store is there").is_some()
    }

    pub async fn lock(&self, username: &str) {
        for _ in 0..self.acceso.policy().lockout.threshold {
            assert!(matches!(self.login(username, "Equivocada 1").await, Login::Rejected));
        }
    }

    pub async fn recover_username(&self, email: &str) -> RecoveryRequest {
        let form = UsernameRecoveryForm { email: email.into() };
        self.acceso.recover_username(form, &self.client).await.expect("the store is there")
    }

    pub async fn recover_password(&self, email: &str, username: &str) -> RecoveryRequest {
        let form = PasswordRecoveryForm { email: email.into(), username: username.into() };
        self.acceso.recover_password(form, &self.client).await.expect("the store is there")
    }

    pub async fn confirm_recovery(&self, token: &str) -> RecoveryConfirmation {
        self.acceso.confirm_recovery(token, &self.client).await.expect("the store is there")
    }

    /// The temporary password that recovery brings.
    pub async fn temporary_password(&mut self, email: &str, username: &str) -> String {
        assert_eq!(self.recover_password(email, username).await, RecoveryRequest::Accepted);
        let mail = self.mail(MailPurpose::ConfirmRecovery).await;
        assert_eq!(self.confirm_recovery(&token(&mail)).await, RecoveryConfirmation::Accepted);
        temporary(&self.mail(MailPurpose::TemporaryPassword).await)
    }

    pub async fn change(&self, token: &SessionToken, current: &str, new: &str) -> PasswordChange {
        let form = PasswordChangeForm { current: current.into(), new: new.into(), repeated: new.into() };
        self.acceso.change_password(token, form, &self.client).await.expect("the store is there")
    }
}

/// The token in a mail's link.
pub fn token(mail: &Mail) -> String {
    token_in(mail.text())
}

/// The token of the link in a text.
pub fn token_in(text: &str) -> String {
    let (_, after) = text.split_once("?token=").expect("a link");
    after.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect()
}

/// The temporary password in a mail: the one word on a line of its own.
pub fn temporary(mail: &Mail) -> String {
    temporary_in(mail.text())
}

/// The temporary password in a text.
pub fn temporary_in(text: &str) -> String {
    let is_password = |line: &&str| line.len() == 16 && line.bytes().all(|b| b.is_ascii_alphanumeric());
    text.lines().find(is_password).expect("a temporary password").to_owned()
}
