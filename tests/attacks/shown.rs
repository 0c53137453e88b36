//! Faults that small programs have shown in crates that do this job today, each shown to be none of ours. Not: those that
//! a row of the catalogue covers (a hash for unknown names, `Busy`, one answer to recovery).
//!
//! **What others got wrong is a test here.**

use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry, MemoryStore};
use acceso::test_util::SeededEntropy;
use acceso::{
    Acceso, Client, Confirmation, ConfirmationForm, Entropy, EntropyError, Login, LoginForm, MailPurpose,
    PasswordChange, PasswordRecoveryForm, RecoveryConfirmation, RecoveryRequest, Registering, RegistrationForm,
    SessionToken, Stay, UsernameRecoveryForm,
};

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal, patient};
use crate::spy::poll_once;

/// Keeps a thread that makes a hash waiting until it is opened.
#[derive(Clone)]
struct Gate(Arc<(Mutex<bool>, Condvar)>, SeededEntropy);

impl Entropy for Gate {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        if std::thread::current().name().is_some_and(|name| name.starts_with("acceso-hash")) {
            let closed = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
            drop(self.0.1.wait_while(closed, |open| !*open));
        }
        self.1.fill(bytes)
    }
}

#[tokio::test]
async fn hashing_never_holds_the_executor_up() {
    let gate = Gate(Arc::default(), SeededEntropy::new(7));
    let (acceso, _courier) = Acceso::builder(MemoryStore::new(), MemoryRegistry::new(), MemoryMailer::new())
        .portal("Clínica del Sol", "https://portal.example")
        .entropy(gate.clone())
        .build()
        .expect("safe");
    let client = Client::unknown();
    let form = RegistrationForm {
        email: ANA.into(),
        username: "anapena".into(),
        password: PASSWORD.into(),
        repeated: PASSWORD.into(),
        full_name: "Ana Peña".into(),
    };
    let mut registering = Box::pin(acceso.register(form, &client));
    assert!(poll_once(registering.as_mut()).is_none(), "it waits for its hash");
    // The one thread of this runtime is free meanwhile.
    let token = SessionToken::parse(&"A".repeat(43)).expect("canonical");
    assert!(acceso.session(&token).await.expect("in memory").is_none());
    *gate.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    gate.0.1.notify_all();
    assert!(matches!(registering.await, Ok(Registering::Accepted(_))));
}

#[tokio::test]
async fn no_answer_to_a_registration_names_a_user() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    for (email, name) in [(ANA, "otra"), (ANA, "anapena"), ("nadie@x.example", "nadie")] {
        // Whole: an arm with a user or a session would not compile.
        match portal.register(email, name, PASSWORD).await {
            Registering::Accepted(reference) => assert_eq!(reference.to_string().len(), 32),
            Registering::Invalid(faults) => panic!("{faults:?}"),
            Registering::UsernameTaken => assert_eq!(name, "anapena"),
        }
    }
}

#[tokio::test]
async fn callers_without_an_address_do_not_share_a_limit() {
    let mut portal = Portal::new();
    portal.registry.insert(patient("pac-0002", "luz@x.example"));
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.user("luz@x.example", "luz.pena", PASSWORD).await;
    for client in [Client::unknown(), Client::unknown().with_address(IpAddr::from([203, 0, 113, 7]))] {
        portal.client = client;
        for _ in 0..50 {
            assert!(matches!(portal.login("anapena", "Equivocada 1").await, Login::Rejected));
            assert!(matches!(portal.login("desconocida", "Equivocada 1").await, Login::Rejected));
        }
        portal.signed_in("luz.pena", PASSWORD).await;
    }
}

#[tokio::test]
async fn addresses_are_neither_two_for_one_person_nor_one_for_two() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let _ = portal.recover_username("Ana.Pena@EXAMPLE.org").await;
    portal.mail(MailPurpose::UserNames).await;
    for other in ["anapena@example.org", "ana.pena+x@example.org", "ana.pena@example.com"] {
        let _ = portal.recover_username(other).await;
        let _ = portal.recover_password(other, "anapena").await;
        assert!(portal.mails().await.is_empty(), "{other}");
    }
}

#[tokio::test]
async fn no_text_makes_a_call_panic() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    let long = "ñ@".repeat(50_000);
    for text in ["", "@", "sin arroba", "a@", "@b", "\0", "\u{feff}", "'; drop table users; --", "%00", "🙂", &long] {
        let (acceso, client) = (&portal.acceso, &portal.client);
        let form = RegistrationForm {
            email: text.into(),
            username: text.into(),
            password: text.into(),
            repeated: text.into(),
            full_name: text.into(),
        };
        assert!(matches!(acceso.register(form, client).await, Ok(Registering::Invalid(_))), "{text:.20}");
        let form = ConfirmationForm {
            token: text.into(),
            username: text.into(),
            password: text.into(),
            reference: Some(text.into()),
        };
        assert_eq!(acceso.confirm(form, client).await.ok(), Some(Confirmation::LinkInvalid));
        let login = acceso.login(LoginForm::new(text, text), Stay::SignedIn, client).await;
        assert!(matches!(login, Ok(Login::Rejected)));
        let form = UsernameRecoveryForm { email: text.into() };
        assert!(matches!(acceso.recover_username(form, client).await, Ok(RecoveryRequest::Invalid(_))));
        let form = PasswordRecoveryForm { email: text.into(), username: text.into() };
        assert!(matches!(acceso.recover_password(form, client).await, Ok(RecoveryRequest::Invalid(_))));
        assert_eq!(portal.confirm_recovery(text).await, RecoveryConfirmation::LinkInvalid);
        assert!(SessionToken::parse(text).is_none());
        assert!(matches!(portal.change(&session.token, text, text).await, PasswordChange::Invalid(_)));
    }
    assert!(portal.is_signed_in(&session.token).await);
}

#[tokio::test]
async fn a_disabled_user_is_out_at_the_next_request() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    let temporary = portal.temporary_password(ANA, "anapena").await;
    let Login::MustChangePassword(restricted) = portal.login("anapena", &temporary).await else { panic!("no entry") };
    assert!(portal.acceso.disable(session.user, &portal.client).await.is_ok());
    assert!(portal.acceso.restricted_session(&restricted.token).await.expect("in memory").is_none());
    assert!(matches!(portal.change(&restricted.token, "", NEW_PASSWORD).await, PasswordChange::NotSignedIn));
    assert!(matches!(portal.login("anapena", &temporary).await, Login::Rejected));
    let _ = portal.recover_password(ANA, "anapena").await;
    let _ = portal.recover_username(ANA).await;
    assert!(portal.mails().await.is_empty(), "and is mailed nothing");
}
