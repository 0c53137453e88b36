//! An address that a clinic fills into the records of those who gave none.

use acceso::{AccountState, Confirmation, Error, EventKind as E, Login, MailPurpose as M, PatientsRefreshed, Policy};
use serde_json::json;

use crate::common::{PASSWORD, token};
use crate::fhir_peer::{FhirPeer, shared_or_skip};
use crate::stand::{
    count, events_since, linked, patient, portal, refresh, refreshed, shown, user, users, waiting, with,
};

fn fill(record: &FhirPeer, email: &str, numbers: std::ops::RangeInclusive<usize>) {
    let name = email.split('@').next().expect("a local part");
    for number in numbers {
        record.put(&patient(&format!("{name}-{number}"), email));
    }
}

#[tokio::test]
async fn an_address_in_forty_records_is_nobodys() {
    const PLACEHOLDER: &str = "sincorreo@relleno.example";
    let Some(record) = shared_or_skip("an_address_in_forty_records_is_nobodys") else { return };
    fill(record, PLACEHOLDER, 1..=40);
    let mut portal = portal(record, Policy::portal());
    portal.registered(PLACEHOLDER, "nadie.en.especial", PASSWORD).await;
    assert!(portal.mails().await.is_empty());
    assert_eq!(portal.event_kinds(), [E::RegistrationReceived, E::TooManyPatients]);
    assert_eq!(waiting(&portal, PLACEHOLDER).await, 0);
    assert!(users(&portal, PLACEHOLDER).await.is_empty());
}

#[tokio::test]
async fn an_account_goes_when_its_address_becomes_a_placeholder() {
    const ADDRESS: &str = "consultorio@relleno.example";
    let Some(record) = shared_or_skip("an_account_goes_when_its_address_becomes_a_placeholder") else { return };
    // As many as the policy links, and a link on its way that is confirmed too late.
    fill(record, ADDRESS, 1..=8);
    let mut portal = portal(record, Policy::portal());
    portal.user(ADDRESS, "de.familia.grande", PASSWORD).await;
    assert_eq!(linked(&portal, "de.familia.grande").await.len(), 8);
    let session = portal.signed_in("de.familia.grande", PASSWORD).await;
    assert_eq!(shown(&portal, &session.token).await.len(), 8);
    portal.pass(3600);
    portal.registered(ADDRESS, "tarde", PASSWORD).await;
    let late = token(&portal.mail(M::ConfirmRegistration).await);

    // A ninth counts though he may not use the portal.
    record.put(&with(patient("consultorio-9", ADDRESS), json!({ "active": false })));
    assert_eq!(portal.confirm(&late, "tarde", PASSWORD).await, Confirmation::NotAPatient);
    assert_eq!(users(&portal, ADDRESS).await, ["de.familia.grande"]);
    assert_eq!(refreshed(&portal, "de.familia.grande").await, PatientsRefreshed::Disabled);
    assert_eq!(portal.last_event(), E::UserDisabledNoPatients);
    let state = portal.acceso.account_state(session.user).await.expect("the store is there");
    assert_eq!(state, Some(AccountState::Disabled));
    assert!(shown(&portal, &session.token).await.is_empty());
    assert!(matches!(portal.login("de.familia.grande", PASSWORD).await, Login::Rejected));

    record.delete("consultorio-9");
    assert_eq!(refreshed(&portal, "de.familia.grande").await, PatientsRefreshed::Enabled);
    assert_eq!(linked(&portal, "de.familia.grande").await.len(), 8);
}

/// This server counts all and sends one page, without a link to the next: what it left out is not known.
#[tokio::test]
async fn more_records_than_the_server_sends_change_nothing() {
    const ADDRESS: &str = "porteria@relleno.example";
    let Some(record) = shared_or_skip("more_records_than_the_server_sends_change_nothing") else { return };
    fill(record, ADDRESS, 1..=1);
    let mut portal = portal(record, Policy::portal());
    portal.user(ADDRESS, "portera", PASSWORD).await;
    let session = portal.signed_in("portera", PASSWORD).await;
    fill(record, ADDRESS, 2..=101);
    let (before, seen) = (user(&portal, "portera").await.version(), count(&portal));
    let Err(Error::Unavailable(cause)) = refresh(&portal, "portera").await else { panic!("an answer") };
    assert_eq!(cause.to_string(), "searching patients over FHIR, page 1: the answer counts 101 patients and holds 100");
    assert!(events_since(&portal, seen).is_empty());
    assert_eq!(user(&portal, "portera").await.version(), before);
    assert_eq!(shown(&portal, &session.token).await, ["porteria-1"]);
}
