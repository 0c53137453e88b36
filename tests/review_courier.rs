//! Why a mail waits, and how many come: a clock that was wrong, a mailer that hangs, a crowd of equal requests.

mod common;

use acceso::{Clock, Confirmation, MailPurpose};
use common::{ANA, PASSWORD, Portal, token};

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
