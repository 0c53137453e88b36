//! A portal over the clinic's record, and what its patients and its staff see.

use std::sync::Arc;

use acceso::adapter::fhir::FhirRegistry;
use acceso::adapter::memory::{MemoryMailer, MemoryStore};
use acceso::test_util::{FakeClock, SeededEntropy, cheap_hashing};
use acceso::{Acceso, Client, Error, EventKind, PatientsRefreshed, Policy, SessionToken, User, UserStore};
use serde_json::{Value, json};

use crate::common;
use crate::fhir_peer::FhirPeer;

pub(crate) type Portal = common::Portal<MemoryStore, FhirRegistry>;

/// A portal of this clinic, without users.
pub(crate) fn portal(record: &FhirPeer, policy: Policy) -> Portal {
    let clock = FakeClock::default();
    let registry = Arc::new(FhirRegistry::builder(&record.url()).clock(clock.clone()).build().expect("a registry"));
    let store = Arc::new(MemoryStore::new());
    let mailer = Arc::new(MemoryMailer::new());
    let (acceso, courier) = Acceso::builder(Arc::clone(&store), Arc::clone(&registry), Arc::clone(&mailer))
        .portal("Clínica del Sol", "https://portal.example")
        .contact("0800 555 0000")
        .policy(cheap_hashing(policy))
        .clock(clock.clone())
        .entropy(SeededEntropy::new(7))
        .build()
        .expect("a safe policy");
    Portal { acceso, courier, store, registry, mailer, clock, client: Client::unknown() }
}

/// A Patient as clinics write one.
pub(crate) fn patient(id: &str, email: &str) -> Value {
    json!({
        "resourceType": "Patient",
        "id": id,
        "active": true,
        "identifier": [{ "system": "https://clinic.example/hc", "value": id }],
        "name": [{ "use": "official", "family": "Peña", "given": ["Ana", "María"] }],
        "telecom": [
            { "system": "phone", "value": "+54 11 5555 0000", "use": "mobile" },
            { "system": "email", "value": email },
        ],
    })
}

/// The same record with these elements too, or in place of its own.
pub(crate) fn with(mut patient: Value, elements: Value) -> Value {
    let Value::Object(elements) = elements else { panic!("elements") };
    patient.as_object_mut().expect("a resource").extend(elements);
    patient
}

/// The user as the store keeps it.
pub(crate) async fn kept(portal: &Portal, username: &str) -> Option<User> {
    portal.store.user_named(&username.parse().expect("a user name")).await.expect("in memory")
}

pub(crate) async fn user(portal: &Portal, username: &str) -> User {
    kept(portal, username).await.expect("a user")
}

/// Whom the user is linked to, as the store has it.
pub(crate) async fn linked(portal: &Portal, username: &str) -> Vec<String> {
    ids(&user(portal, username).await)
}

/// Whom the visitor may look at, as the portal's pages have it; nobody without a session.
pub(crate) async fn shown(portal: &Portal, session: &SessionToken) -> Vec<String> {
    let visitor = portal.acceso.session(session).await.expect("the store is there");
    visitor.map(|visitor| ids(visitor.user())).unwrap_or_default()
}

fn ids(user: &User) -> Vec<String> {
    user.patients().iter().map(ToString::to_string).collect()
}

/// What the nightly job does for one user.
pub(crate) async fn refresh(portal: &Portal, username: &str) -> Result<PatientsRefreshed, Error> {
    portal.acceso.refresh_patients(user(portal, username).await.id(), &portal.client).await
}

/// The same, where the record can be asked.
pub(crate) async fn refreshed(portal: &Portal, username: &str) -> PatientsRefreshed {
    refresh(portal, username).await.expect("the record is there")
}

/// The events since there were so many.
pub(crate) fn events_since(portal: &Portal, count: usize) -> Vec<EventKind> {
    portal.event_kinds().split_off(count)
}

pub(crate) fn count(portal: &Portal) -> usize {
    portal.event_kinds().len()
}

/// How many registrations of this address wait.
pub(crate) async fn waiting(portal: &Portal, email: &str) -> usize {
    let email = email.parse().expect("an address");
    portal.store.registrations(&email, None, 100).await.expect("in memory").len()
}

/// The users of this address.
pub(crate) async fn users(portal: &Portal, email: &str) -> Vec<String> {
    let email = email.parse().expect("an address");
    let users = portal.store.users_with_email(&email).await.expect("in memory");
    users.iter().map(|user| user.username().to_string()).collect()
}
