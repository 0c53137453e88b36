//! Several patients of one address.

use acceso::{
    AccountState, Confirmation, DisabledBy, EventKind as E, Login, MailPurpose as M, PatientsRefreshed, Policy,
    SharedEmail, Status,
};
use serde_json::json;

use crate::common::{NEW_PASSWORD, PASSWORD, token};
use crate::fhir_peer::shared_or_skip;
use crate::stand::{count, events_since, linked, patient, portal, refreshed, shown, user, users, waiting, with};

#[tokio::test]
async fn a_family_on_one_address_is_linked_to_each_account_of_it() {
    const HOME: &str = "familia.gomez@familias.example";
    let Some(record) = shared_or_skip("a_family_on_one_address_is_linked_to_each_account_of_it") else { return };
    let family = ["gomez-hija", "gomez-hijo", "gomez-madre"];
    for id in family {
        record.put(&patient(id, HOME));
    }
    let mut portal = portal(record, Policy::portal());

    portal.registered(HOME, "laura.gomez", PASSWORD).await;
    let mail = portal.mail(M::ConfirmRegistration).await;
    assert_eq!(mail.to().as_str(), HOME);
    assert_eq!(portal.confirm(&token(&mail), "laura.gomez", PASSWORD).await, Confirmation::Confirmed);
    portal.mail(M::RegistrationConfirmed).await;
    let expected = [
        E::RegistrationReceived,
        E::MailSent(M::ConfirmRegistration),
        E::RegistrationConfirmed,
        E::MailSent(M::RegistrationConfirmed),
    ];
    assert_eq!(portal.event_kinds(), expected);
    assert_eq!(linked(&portal, "laura.gomez").await, family);
    let laura = portal.signed_in("laura.gomez", PASSWORD).await;
    assert_eq!(shown(&portal, &laura.token).await, family);

    // A grown daughter with a name and a password of her own, under the same address.
    portal.pass(3600);
    portal.user(HOME, "julia.gomez", NEW_PASSWORD).await;
    assert_eq!(users(&portal, HOME).await.len(), 2);
    assert_eq!(linked(&portal, "julia.gomez").await, family);
    let julia = portal.signed_in("julia.gomez", NEW_PASSWORD).await;
    for session in [laura, julia] {
        let state = portal.acceso.account_state(session.user).await.expect("the store is there");
        assert_eq!(state, Some(AccountState::Active), "what the staff sees");
    }
}

#[tokio::test]
async fn a_family_on_one_address_is_nobodys_where_sharing_is_refused() {
    const HOME: &str = "familia.ruiz@familias.example";
    let Some(record) = shared_or_skip("a_family_on_one_address_is_nobodys_where_sharing_is_refused") else { return };
    let mut policy = Policy::portal();
    policy.email.shared = SharedEmail::Refuse;
    // Who has no access does not share.
    record.put(&patient("ruiz-madre", HOME));
    record.put(&with(patient("ruiz-abuela", HOME), json!({ "deceasedBoolean": true })));
    let mut portal = portal(record, policy);
    portal.user(HOME, "marta.ruiz", PASSWORD).await;
    assert_eq!(linked(&portal, "marta.ruiz").await, ["ruiz-madre"]);
    let marta = portal.signed_in("marta.ruiz", PASSWORD).await;

    record.put(&patient("ruiz-hijo", HOME));
    let seen = count(&portal);
    assert_eq!(refreshed(&portal, "marta.ruiz").await, PatientsRefreshed::Disabled);
    assert_eq!(events_since(&portal, seen), [E::UserDisabledNoPatients]);
    let kept = user(&portal, "marta.ruiz").await;
    assert!(matches!(kept.status(), Status::Disabled { by: DisabledBy::NoPatients, .. }));
    let state = portal.acceso.account_state(marta.user).await.expect("the store is there");
    assert_eq!(state, Some(AccountState::Disabled), "what the staff sees");
    assert!(shown(&portal, &marta.token).await.is_empty());
    assert!(matches!(portal.login("marta.ruiz", PASSWORD).await, Login::Rejected), "and she is not told why");

    portal.registered(HOME, "otra.ruiz", PASSWORD).await;
    assert_eq!(waiting(&portal, HOME).await, 1);
    assert!(portal.mails().await.is_empty());
    assert_eq!(portal.last_event(), E::RegistrationsRemoved);
    assert_eq!(waiting(&portal, HOME).await, 0);

    record.put(&patient("ruiz-hijo", "hijo.ruiz@familias.example"));
    assert_eq!(refreshed(&portal, "marta.ruiz").await, PatientsRefreshed::Enabled);
    assert_eq!(portal.last_event(), E::UserEnabledPatientsFound);
    let marta = portal.signed_in("marta.ruiz", PASSWORD).await;
    assert_eq!(shown(&portal, &marta.token).await, ["ruiz-madre"]);
}
