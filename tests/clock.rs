//! A clock that was wrong once. Not: time as it passes, which is told with each flow.
//!
//! **What a wrong clock has written shuts nobody out once it is right again.**

mod common;

use std::time::Duration;

use acceso::{Clock, Confirmation, MailPurpose};
use common::{ANA, PASSWORD, Portal, token};

#[tokio::test]
async fn a_registration_of_the_future_hides_no_other() {
    let mut portal = Portal::new();
    let right = portal.clock.now();
    portal.clock.advance(Duration::from_secs(10 * 365 * 24 * 60 * 60));
    portal.registered(ANA, "otra", "Ninguno de ellos 7").await;
    portal.clock.set(right);
    portal.registered(ANA, "anapena", PASSWORD).await;
    let link = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
    assert_eq!(portal.confirm(&link, "anapena", PASSWORD).await, Confirmation::Confirmed);
}
