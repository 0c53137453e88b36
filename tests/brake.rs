//! The brake on mails never leaves a patient without a link that works. Not: how often mails may come, which is told with
//! the policy.
//!
//! **A request is swallowed only while a link that works lies in the mailbox.**

mod common;

use acceso::{MailPurpose, PasswordChange, RecoveryConfirmation, RecoveryRequest};
use common::{ANA, NEW_PASSWORD, PASSWORD, Portal, token};

#[tokio::test]
async fn a_link_that_a_change_of_password_has_killed_brakes_nothing() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    // Somebody else asks; then she changes the password, and the link is dead.
    assert_eq!(portal.recover_password(ANA, "anapena").await, RecoveryRequest::Accepted);
    let dead = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    let changed = portal.change(&session.token, PASSWORD, NEW_PASSWORD).await;
    assert!(matches!(changed, PasswordChange::Changed(_)));
    portal.mail(MailPurpose::PasswordChanged).await;
    assert_eq!(portal.confirm_recovery(&dead).await, RecoveryConfirmation::LinkInvalid);
    assert_eq!(portal.recover_password(ANA, "anapena").await, RecoveryRequest::Accepted);
    let alive = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    assert_eq!(portal.confirm_recovery(&alive).await, RecoveryConfirmation::Accepted);
}
