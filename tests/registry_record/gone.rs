//! The last patient of an account goes, and comes back.

use acceso::{
    AccountState, Administered, DisabledBy, EventKind as E, Login, MailPurpose as M, PatientsRefreshed as R, Policy,
    RecoveryConfirmation, RecoveryRequest, Status,
};
use serde_json::json;

use crate::common::{NEW_PASSWORD, PASSWORD, temporary, token};
use crate::fhir_peer::{FhirPeer, shared_or_skip};
use crate::stand::{Portal, count, events_since, linked, patient, portal, refreshed, shown, user, with};

fn withdraw(record: &FhirPeer, id: &str, email: &str) {
    record.put(&with(patient(id, email), json!({ "active": false })));
}

/// What the staff sees of the account.
async fn state(portal: &Portal, username: &str) -> Option<AccountState> {
    let id = user(portal, username).await.id();
    portal.acceso.account_state(id).await.expect("the store is there")
}

async fn is_let_in(portal: &Portal, username: &str, password: &str) -> bool {
    !matches!(portal.login(username, password).await, Login::Rejected)
}

#[tokio::test]
async fn an_account_without_a_patient_is_shut_and_opens_when_the_patient_is_back() {
    const ADDRESS: &str = "olga.rey@idas.example";
    let name = "an_account_without_a_patient_is_shut_and_opens_when_the_patient_is_back";
    let Some(record) = shared_or_skip(name) else { return };
    record.put(&patient("rey-olga", ADDRESS));
    let mut portal = portal(record, Policy::portal());
    portal.user(ADDRESS, "olga.rey", PASSWORD).await;
    let session = portal.signed_in("olga.rey", PASSWORD).await;
    assert_eq!(portal.recover_password(ADDRESS, "olga.rey").await, RecoveryRequest::Accepted);
    let link = token(&portal.mail(M::ConfirmRecovery).await);

    withdraw(record, "rey-olga", ADDRESS);
    let seen = count(&portal);
    assert_eq!(refreshed(&portal, "olga.rey").await, R::Disabled);
    assert_eq!(events_since(&portal, seen), [E::UserDisabledNoPatients]);
    let kept = user(&portal, "olga.rey").await;
    assert!(matches!(kept.status(), Status::Disabled { by: DisabledBy::NoPatients, .. }));
    assert_eq!(state(&portal, "olga.rey").await, Some(AccountState::Disabled));
    assert!(shown(&portal, &session.token).await.is_empty(), "the session has ended");
    assert!(!is_let_in(&portal, "olga.rey", PASSWORD).await);
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::LinkInvalid);
    // Who asks for recovery is told the same as ever, and is sent nothing.
    portal.pass(3600);
    assert_eq!(portal.recover_password(ADDRESS, "olga.rey").await, RecoveryRequest::Accepted);
    assert_eq!(portal.recover_username(ADDRESS).await, RecoveryRequest::Accepted);
    assert!(portal.mails().await.is_empty());
    // Nor can the staff let in whom the record does not know.
    let enabled = portal.acceso.enable(kept.id(), &portal.client).await;
    assert_eq!(enabled.ok(), Some(Administered::Unchanged));
    assert_eq!(refreshed(&portal, "olga.rey").await, R::Unchanged);
    assert_eq!(state(&portal, "olga.rey").await, Some(AccountState::Disabled));

    record.put(&patient("rey-olga", ADDRESS));
    assert!(!is_let_in(&portal, "olga.rey", PASSWORD).await, "until the refresh");
    let seen = count(&portal);
    assert_eq!(refreshed(&portal, "olga.rey").await, R::Enabled);
    assert_eq!(events_since(&portal, seen), [E::UserEnabledPatientsFound]);
    assert_eq!(state(&portal, "olga.rey").await, Some(AccountState::Active));
    assert_eq!(linked(&portal, "olga.rey").await, ["rey-olga"]);
    assert!(shown(&portal, &session.token).await.is_empty(), "no session comes back");
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::LinkInvalid, "nor a link");
    assert!(is_let_in(&portal, "olga.rey", PASSWORD).await, "the password does");
}

#[tokio::test]
async fn another_patient_of_the_address_lifts_it_too_and_a_ban_by_the_staff_stays() {
    const ADDRESS: &str = "familia.mora@idas.example";
    let name = "another_patient_of_the_address_lifts_it_too_and_a_ban_by_the_staff_stays";
    let Some(record) = shared_or_skip(name) else { return };
    record.put(&patient("mora-1", ADDRESS));
    let mut portal = portal(record, Policy::portal());
    portal.user(ADDRESS, "mora", PASSWORD).await;
    record.delete("mora-1");
    assert_eq!(refreshed(&portal, "mora").await, R::Disabled);
    record.put(&patient("mora-2", ADDRESS));
    assert_eq!(refreshed(&portal, "mora").await, R::Enabled);
    assert_eq!(linked(&portal, "mora").await, ["mora-2"]);

    let id = user(&portal, "mora").await.id();
    assert_eq!(portal.acceso.disable(id, &portal.client).await.ok(), Some(Administered::Done));
    record.delete("mora-2");
    assert_eq!(refreshed(&portal, "mora").await, R::Unchanged);
    record.put(&patient("mora-3", ADDRESS));
    // The link is brought up to date; the ban is not the record's to lift.
    assert_eq!(refreshed(&portal, "mora").await, R::Relinked);
    assert!(!is_let_in(&portal, "mora", PASSWORD).await);
    assert_eq!(linked(&portal, "mora").await, ["mora-3"]);
    assert_eq!(portal.acceso.enable(id, &portal.client).await.ok(), Some(Administered::Done));
    assert!(is_let_in(&portal, "mora", PASSWORD).await);
}

#[tokio::test]
async fn a_temporary_password_opens_nothing_while_the_patient_is_gone() {
    const ADDRESS: &str = "luis.cano@idas.example";
    let name = "a_temporary_password_opens_nothing_while_the_patient_is_gone";
    let Some(record) = shared_or_skip(name) else { return };
    record.put(&patient("cano-luis", ADDRESS));
    let mut portal = portal(record, Policy::portal());
    portal.user(ADDRESS, "luis.cano", PASSWORD).await;
    let mailed = portal.temporary_password(ADDRESS, "luis.cano").await;
    let Login::MustChangePassword(restricted) = portal.login("luis.cano", &mailed).await else { panic!("no entry") };

    withdraw(record, "cano-luis", ADDRESS);
    assert_eq!(refreshed(&portal, "luis.cano").await, R::Disabled);
    assert!(!is_let_in(&portal, "luis.cano", &mailed).await);
    let session = portal.acceso.restricted_session(&restricted.token).await.expect("the store is there");
    assert!(session.is_none(), "nor can the password be changed where it was begun");

    record.put(&patient("cano-luis", ADDRESS));
    assert_eq!(refreshed(&portal, "luis.cano").await, R::Enabled);
    assert!(portal.mails().await.is_empty());
    assert!(!is_let_in(&portal, "luis.cano", PASSWORD).await, "the forgotten one is dead");
    let Login::MustChangePassword(restricted) = portal.login("luis.cano", &mailed).await else { panic!("no entry") };
    let _ = portal.change(&restricted.token, &mailed, NEW_PASSWORD).await;
    assert!(is_let_in(&portal, "luis.cano", NEW_PASSWORD).await);
}

#[tokio::test]
async fn no_temporary_password_is_mailed_to_whom_the_record_has_lost_meanwhile() {
    const ADDRESS: &str = "nora.gil@idas.example";
    let name = "no_temporary_password_is_mailed_to_whom_the_record_has_lost_meanwhile";
    let Some(record) = shared_or_skip(name) else { return };
    record.put(&patient("gil-nora", ADDRESS));
    let mut portal = portal(record, Policy::portal());
    portal.user(ADDRESS, "nora.gil", PASSWORD).await;
    let _ = portal.recover_password(ADDRESS, "nora.gil").await;
    let link = token(&portal.mail(M::ConfirmRecovery).await);
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::Accepted);
    assert_eq!(state(&portal, "nora.gil").await, Some(AccountState::AwaitingTemporary));

    withdraw(record, "gil-nora", ADDRESS);
    let seen = count(&portal);
    assert!(portal.mails().await.is_empty());
    assert_eq!(events_since(&portal, seen), [E::UserDisabledNoPatients]);

    record.put(&patient("gil-nora", ADDRESS));
    let seen = count(&portal);
    assert_eq!(refreshed(&portal, "nora.gil").await, R::Enabled);
    let mailed = temporary(&portal.mail(M::TemporaryPassword).await);
    assert_eq!(events_since(&portal, seen), [E::UserEnabledPatientsFound, E::MailSent(M::TemporaryPassword)]);
    assert!(is_let_in(&portal, "nora.gil", &mailed).await);
}
