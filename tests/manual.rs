//! The manual *Acceso de Usuarios*, sentence by sentence, as stories.

mod common;

use acceso::{Confirmation, Fault, Field, Login, MailPurpose, PasswordChange, Registering, Rule};
use common::{ANA, NEW_PASSWORD, PASSWORD, Portal, token};

#[tokio::test]
async fn a_registered_user_enters_with_his_name_and_password() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    assert!(portal.is_signed_in(&session.token).await);
}

#[tokio::test]
async fn without_the_confirmation_step_one_cannot_enter() {
    let mut portal = Portal::new();
    portal.registered(ANA, "anapena", PASSWORD).await;
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
    let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
    assert_eq!(portal.confirm(&token(&mail), "anapena", PASSWORD).await, Confirmation::Confirmed);
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::SignedIn(_)));
}

#[tokio::test]
async fn the_password_needs_eight_characters_an_upper_case_a_lower_case_and_a_digit() {
    let portal = Portal::new();
    let Registering::Invalid(faults) = portal.register(ANA, "anapena", "abc").await else { panic!("accepted") };
    let of = |rule| Fault::new(Field::Password, rule);
    assert_eq!(faults, [of(Rule::TooShort(8)), of(Rule::NoUppercase), of(Rule::NoDigit)]);
}

#[tokio::test]
async fn a_blocked_user_recovers_the_password() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.lock("anapena").await;
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected), "locked");
    portal.mail(MailPurpose::UserLocked).await;
    let temporary = portal.temporary_password(ANA, "anapena").await;
    let Login::MustChangePassword(restricted) = portal.login("anapena", &temporary).await else { panic!("no entry") };
    assert!(!portal.is_signed_in(&restricted.token).await);
    let PasswordChange::Changed(session) = portal.change(&restricted.token, "", NEW_PASSWORD).await else {
        panic!("not changed")
    };
    assert!(portal.is_signed_in(&session.token).await);
    portal.mail(MailPurpose::PasswordChanged).await;
    assert!(matches!(portal.login("anapena", NEW_PASSWORD).await, Login::SignedIn(_)));
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
}

#[tokio::test]
async fn a_forgotten_user_name_comes_by_mail() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.pass(60);
    assert_eq!(portal.recover_username(ANA).await, acceso::RecoveryRequest::Accepted);
    let mail = portal.mail(MailPurpose::UserNames).await;
    assert!(mail.text().lines().any(|line| line.contains("anapena")), "{}", mail.text());
}
