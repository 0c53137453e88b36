//! Which addresses are one, and which are nearly one.

use acceso::{EventKind as E, MailPurpose as M, PatientsRefreshed as R, Policy};

use crate::common::{PASSWORD, token};
use crate::fhir_peer::shared_or_skip;
use crate::stand::{linked, patient, portal, refreshed, users, waiting};

#[tokio::test]
async fn letter_case_does_not_part_a_patient_from_the_record_and_mail_goes_to_its_spelling() {
    let name = "letter_case_does_not_part_a_patient_from_the_record_and_mail_goes_to_its_spelling";
    let Some(record) = shared_or_skip(name) else { return };
    record.put(&patient("mayor-1", "Carla.MAYOR@Letras.Example"));
    record.put(&patient("mayor-2", "carla.mayor@letras.example"));
    let mut portal = portal(record, Policy::portal());
    for (username, typed) in [("carla.1", "carla.mayor@letras.example"), ("carla.2", " CARLA.Mayor@letras.EXAMPLE ")] {
        portal.pass(24 * 3600);
        portal.registered(typed, username, PASSWORD).await;
        let mail = portal.mail(M::ConfirmRegistration).await;
        assert_eq!(mail.to().as_str(), "Carla.MAYOR@Letras.Example", "as the first record spells it");
        let _ = portal.confirm(&token(&mail), username, PASSWORD).await;
        portal.mail(M::RegistrationConfirmed).await;
        assert_eq!(linked(&portal, username).await, ["mayor-1", "mayor-2"]);
        assert_eq!(refreshed(&portal, username).await, R::Unchanged);
    }
    assert_eq!(users(&portal, "carla.mayor@letras.example").await.len(), 2, "one address, two accounts");
}

/// Of each pair the first is a patient's, and the second is what another clinic's patient has.
const NEAR: [(&str, &str); 12] = [
    ("mas+uno@casi.example", "mas@casi.example"),
    ("sinmas@casi.example", "sinmas+1@casi.example"),
    ("punto.s@casi.example", "puntos@casi.example"),
    ("o'neil@casi.example", "oneil@casi.example"),
    ("cien%@casi.example", "cienx@casi.example"),
    ("ba_jo@casi.example", "baxjo@casi.example"),
    ("a&b=c@casi.example", "a@casi.example"),
    ("pe$o@casi.example", "peo@casi.example"),
    ("est*@casi.example", "estrella@casi.example"),
    ("dominio@casi.example", "dominio@casi.example.ar"),
    ("sub@casi.example", "sub@otra.casi.example"),
    ("corto@casi.example", "muycorto@casi.example"),
];

#[tokio::test]
async fn a_near_equal_address_of_another_patient_is_never_linked() {
    let Some(record) = shared_or_skip("a_near_equal_address_of_another_patient_is_never_linked") else { return };
    let mut portal = portal(record, Policy::portal());
    for (number, (own, near)) in NEAR.iter().enumerate() {
        record.put(&patient(&format!("casi-{number}"), own));
        record.put(&patient(&format!("vecina-{number}"), near));
    }
    for (number, (own, near)) in NEAR.iter().enumerate() {
        for (email, id) in [(own, format!("casi-{number}")), (near, format!("vecina-{number}"))] {
            let username = id.replace('-', ".");
            portal.user(email, &username, PASSWORD).await;
            assert_eq!(linked(&portal, &username).await, [id], "{email}");
            assert_eq!(refreshed(&portal, &username).await, R::Unchanged, "{email}");
        }
    }
}

/// U+212A, the Kelvin sign, is `k` in lower case: to the server's comparison, and to nobody's mail.
#[tokio::test]
async fn an_address_that_is_equal_to_unicode_alone_is_not_linked_and_hinders_nobody() {
    const KARL: &str = "karl@unicode.example";
    let name = "an_address_that_is_equal_to_unicode_alone_is_not_linked_and_hinders_nobody";
    let Some(record) = shared_or_skip(name) else { return };
    record.put(&patient("kelvin-otro", "\u{212a}arl@unicode.example"));
    record.put(&patient("kelvin-karl", KARL));
    let mut portal = portal(record, Policy::portal());
    portal.user(KARL, "karl", PASSWORD).await;
    assert_eq!(linked(&portal, "karl").await, ["kelvin-karl"]);
    assert_eq!(refreshed(&portal, "karl").await, R::Unchanged);
    record.delete("kelvin-karl");
    assert_eq!(refreshed(&portal, "karl").await, R::Disabled, "the other one is not his");
}

/// This server takes what stands before a `|` for the system of a token, escaped or not: it finds Bea where nobody asked
/// for her.
#[tokio::test]
async fn what_the_server_takes_for_a_system_and_a_code_is_nobodys_address() {
    const BEA: &str = "bea@barra.example";
    const TYPED: &str = "email|bea@barra.example";
    let name = "what_the_server_takes_for_a_system_and_a_code_is_nobodys_address";
    let Some(record) = shared_or_skip(name) else { return };
    record.put(&patient("barra-bea", BEA));
    let mut portal = portal(record, Policy::portal());
    portal.registered(TYPED, "intruso", PASSWORD).await;
    assert!(portal.mails().await.is_empty());
    assert_eq!(portal.event_kinds(), [E::RegistrationReceived], "an answer that cannot be trusted is tried again");
    assert_eq!(waiting(&portal, TYPED).await, 1);
    // Until the registration is over.
    portal.pass(8 * 24 * 3600);
    assert!(portal.mails().await.is_empty());
    assert!(users(&portal, TYPED).await.is_empty() && users(&portal, BEA).await.is_empty());
    portal.user(BEA, "bea", PASSWORD).await;
    assert_eq!(linked(&portal, "bea").await, ["barra-bea"]);
}
