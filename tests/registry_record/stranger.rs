//! What somebody who types another person's address learns of the record.

use acceso::{Policy, RecoveryRequest, Registering, SharedEmail};
use serde_json::json;

use crate::common::PASSWORD;
use crate::fhir_peer::own_or_skip;
use crate::stand::{Portal, count, events_since, patient, portal, with};

/// What the forms answer about this address, without the random reference, and what was recorded.
async fn told(portal: &Portal, email: &str) -> String {
    let seen = count(portal);
    let registering = match portal.register(email, "curiosa", PASSWORD).await {
        Registering::Accepted(_) => "accepted".to_owned(),
        other => format!("{other:?}"),
    };
    let taken = portal.register(email, "paz.luna", PASSWORD).await;
    let recoveries = (portal.recover_username(email).await, portal.recover_password(email, "curiosa").await);
    assert_eq!(recoveries, (RecoveryRequest::Accepted, RecoveryRequest::Accepted));
    format!("{registering}, {taken:?}, {recoveries:?}, {:?}", events_since(portal, seen))
}

#[tokio::test]
async fn the_forms_tell_a_stranger_nothing_of_the_record_be_it_there_or_not() {
    let name = "the_forms_tell_a_stranger_nothing_of_the_record_be_it_there_or_not";
    let Some(record) = own_or_skip(name) else { return };
    let mut policy = Policy::portal();
    policy.email.shared = SharedEmail::Refuse;
    for (id, email) in [
        ("luna-paz", "paz.luna@ajena.example"),
        ("luna-sola", "sola@ajena.example"),
        ("luna-madre", "familia@ajena.example"),
        ("luna-hija", "familia@ajena.example"),
    ] {
        record.put(&patient(id, email));
    }
    record.put(&with(patient("luna-muerta", "muerta@ajena.example"), json!({ "deceasedBoolean": true })));
    (1..=40).for_each(|number| record.put(&patient(&format!("relleno-{number}"), "relleno@ajena.example")));
    let addresses = [
        "nadie@ajena.example",
        "sola@ajena.example",
        "SOLA@ajena.example",
        "paz.luna@ajena.example",
        "familia@ajena.example",
        "muerta@ajena.example",
        "relleno@ajena.example",
        "email|sola@ajena.example",
    ];
    let mut portal = portal(&record, policy);
    portal.user("paz.luna@ajena.example", "paz.luna", PASSWORD).await;
    let first = told(&portal, addresses[0]).await;
    assert!(first.starts_with("accepted, UsernameTaken, "), "{first}");
    for is_down in [false, true] {
        if is_down {
            // What the mails come to while it was there changes no later answer.
            portal.mails().await;
            record.close();
        }
        for email in addresses {
            assert_eq!(told(&portal, email).await, first, "{email}, down: {is_down}");
        }
    }
}
