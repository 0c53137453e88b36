//! The bounded queue of hashing under a flood: who finds no place is told at once, and floods do not starve others.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use acceso::{
    Error, HashCost, Login, LoginForm, MailPurpose, Policy, RecoveryConfirmation, RecoveryRequest, RegistrationForm,
    Stay,
};

use crate::common::{ANA, PASSWORD, temporary, token};
use crate::crowd::{NAME, World, roomy};

/// Costly enough that what waits in the queue does not go by in an instant.
fn costly() -> Policy {
    let mut policy = roomy(Policy::portal());
    policy.hash_cost = HashCost::new(12 * 1024, 3).expect("as strong as asked for");
    policy.hashing.threads = Some(1);
    policy
}

fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Option<F::Output> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

fn registration(number: usize) -> RegistrationForm {
    RegistrationForm {
        email: ANA.into(),
        username: format!("inundacion{number}"),
        password: PASSWORD.into(),
        repeated: PASSWORD.into(),
        full_name: "Nombre Apellido".into(),
    }
}

#[tokio::test]
async fn a_flood_of_logins_does_not_hold_up_a_temporary_password() {
    let world = World::new().await;
    let (acceso, courier, _) = world.service(costly(), 1);
    let mut portal = world.portal(costly(), 2);
    (portal.acceso, portal.courier) = (acceso, courier);
    portal.user(ANA, NAME, PASSWORD).await;
    assert_eq!(portal.recover_password(ANA, NAME).await, RecoveryRequest::Accepted);
    let link = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::Accepted);
    let (acceso, client) = (portal.acceso.clone(), portal.client.clone());
    let mut flood: Vec<_> = (0..400)
        .map(|_| Box::pin(acceso.login(LoginForm::new("nadie", "Equivocada 1"), Stay::Session, &client)))
        .collect();
    assert!(flood.iter_mut().all(|login| poll(login).is_none()), "all have found a place");
    let password = temporary(&portal.mail(MailPurpose::TemporaryPassword).await);
    // Had the mail waited for its turn behind the flood, all of it would be done.
    let waiting = flood.iter_mut().filter_map(|login| poll(login).is_none().then_some(())).count();
    assert!(waiting > 0, "the mail came after the flood");
    drop(flood);
    assert!(matches!(portal.login(NAME, &password).await, Login::MustChangePassword(_)));
}

#[tokio::test]
async fn registrations_hold_at_most_half_of_the_queue() {
    let world = World::new().await;
    let mut policy = costly();
    policy.hashing.queue_per_thread = 7;
    let (acceso, _courier, _) = world.service(policy, 1);
    let client = acceso::Client::unknown();
    let mut flood: Vec<_> = (0..8).map(|number| Box::pin(acceso.register(registration(number), &client))).collect();
    let first: Vec<_> = flood.iter_mut().map(poll).collect();
    let refused = first.iter().filter(|answer| matches!(answer, Some(Err(Error::Busy { .. })))).count();
    assert_eq!(refused, 4);
    let form = || LoginForm::new("nadie", "Equivocada 1");
    let mut logins: Vec<_> = (0..5).map(|_| Box::pin(acceso.login(form(), Stay::Session, &client))).collect();
    let first: Vec<_> = logins.iter_mut().map(poll).collect();
    let refused: Vec<bool> = first.iter().map(|answer| matches!(answer, Some(Err(Error::Busy { .. })))).collect();
    assert_eq!(refused, [false, false, false, false, true], "the other half is for logins");
}

#[tokio::test]
async fn who_is_busy_has_looked_up_nothing() {
    let world = World::new().await;
    let mut policy = costly();
    policy.hashing.queue_per_thread = 1;
    let (acceso, _courier, control) = world.service(policy, 1);
    let client = acceso::Client::unknown();
    let form = || LoginForm::new("nadie", "Equivocada 1");
    let mut flood: Vec<_> = (0..2).map(|_| Box::pin(acceso.login(form(), Stay::Session, &client))).collect();
    assert!(flood.iter_mut().all(|login| poll(login).is_none()));
    control.watch();
    assert!(matches!(acceso.login(form(), Stay::Session, &client).await, Err(Error::Busy { .. })));
    assert!(matches!(acceso.register(registration(1), &client).await, Err(Error::Busy { .. })));
    assert_eq!(control.calls(), 0);
}
