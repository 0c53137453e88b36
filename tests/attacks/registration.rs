//! A36–A48: nobody becomes a user by another's mailbox, and nobody keeps a patient from becoming one.

use std::sync::atomic::Ordering;

use acceso::{
    Confirmation, ConfirmationForm, Error, EventKind, Login, LoginForm, MailPurpose, PatientId, PatientsRefreshed,
    Policy, RecoveryConfirmation, Registering, RegistrationForm, UserStore,
};
use tokio::task::JoinSet;

use crate::common::{ANA, NOBODY, PASSWORD, Portal, patient, token};
use crate::spy::{Watched, document, user};

const HIS: &str = "Clave del intruso 1";

#[tokio::test]
async fn a36_a_stranger_who_registers_with_a_patients_address_gets_nothing() {
    let mut portal = Portal::new();
    portal.registered(ANA, "intruso", HIS).await;
    let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
    assert_eq!(mail.to().as_str(), ANA);
    // She opens the link that she did not ask for, and types what she has.
    for (name, typed) in [("intruso", PASSWORD), ("anapena", PASSWORD), ("intruso", ""), ("", "")] {
        assert_eq!(portal.confirm(&token(&mail), name, typed).await, Confirmation::Rejected);
    }
    assert!(matches!(portal.login("intruso", HIS).await, Login::Rejected));
    // Then she registers, under the very name that he takes too: hers is confirmed, and his is gone.
    portal.registered(ANA, "anapena", HIS).await;
    portal.registered(ANA, "anapena", PASSWORD).await;
    portal.registered(ANA, "anapena", HIS).await;
    assert_eq!(portal.confirm(&token(&mail), "anapena", PASSWORD).await, Confirmation::Confirmed);
    assert!(matches!(portal.login("anapena", HIS).await, Login::Rejected));
    portal.signed_in("anapena", PASSWORD).await;
    for mail in portal.mails().await.iter().filter(|mail| mail.purpose() == MailPurpose::ConfirmRegistration) {
        assert_eq!(portal.confirm(&token(mail), "anapena", HIS).await, Confirmation::Rejected);
    }
}

#[tokio::test]
async fn a37_a_thousand_registrations_of_a_stranger_do_not_keep_the_patient_out() {
    // Under one name and under many, before hers and after it.
    for same_name in [true, false] {
        let mut portal = Portal::new();
        let name = |number: usize| if same_name { "anapena".to_owned() } else { format!("intruso{number}") };
        for number in 0..500 {
            portal.registered(ANA, &name(number), HIS).await;
        }
        let reference = portal.registered(ANA, "anapena", PASSWORD).await;
        for number in 500..1_000 {
            portal.registered(ANA, &name(number), HIS).await;
        }
        let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
        let form = ConfirmationForm {
            token: token(&mail),
            username: "anapena".into(),
            password: PASSWORD.into(),
            reference: Some(reference.to_string()),
        };
        assert_eq!(portal.acceso.confirm(form, &portal.client).await.ok(), Some(Confirmation::Confirmed));
        portal.signed_in("anapena", PASSWORD).await;
    }
}

#[tokio::test]
async fn a38_a_name_is_held_by_who_confirms_first() {
    let mut portal = Portal::new();
    portal.registry.insert(patient("pac-0002", "luz@x.example"));
    portal.registered(ANA, "pena", PASSWORD).await;
    let hers = portal.mail(MailPurpose::ConfirmRegistration).await;
    portal.registered("luz@x.example", "pena", PASSWORD).await;
    let other = portal.mail(MailPurpose::ConfirmRegistration).await;
    assert_eq!(portal.confirm(&token(&other), "pena", PASSWORD).await, Confirmation::Confirmed);
    assert_eq!(portal.confirm(&token(&hers), "pena", PASSWORD).await, Confirmation::UsernameTaken);
    portal.registered(ANA, "anapena", PASSWORD).await;
    assert_eq!(portal.confirm(&token(&hers), "anapena", PASSWORD).await, Confirmation::Confirmed, "by the same link");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a39_of_two_who_confirm_one_name_at_once_one_gets_it_and_the_other_is_told() {
    for _ in 0..20 {
        let mut portal = Portal::new();
        let mut links = Vec::new();
        for number in 0..4 {
            let email = format!("a{number}@x.example");
            portal.registry.insert(patient(&format!("p{number}"), &email));
            portal.registered(&email, "pena", PASSWORD).await;
            links.push(token(&portal.mail(MailPurpose::ConfirmRegistration).await));
        }
        let mut tasks = JoinSet::new();
        for token in links {
            let (acceso, client) = (portal.acceso.clone(), portal.client.clone());
            let form = ConfirmationForm { token, username: "pena".into(), password: PASSWORD.into(), reference: None };
            tasks.spawn(async move { acceso.confirm(form, &client).await.expect("no error of the store's") });
        }
        let answers = tasks.join_all().await;
        assert_eq!(answers.iter().filter(|answer| **answer == Confirmation::Confirmed).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| **answer == Confirmation::UsernameTaken).count(), 3, "{answers:?}");
        let mails = portal.mails().await;
        assert_eq!(mails.iter().filter(|mail| mail.purpose() == MailPurpose::RegistrationConfirmed).count(), 1);
    }
}

#[tokio::test]
async fn a40_registering_again_changes_nothing_about_a_user() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    let before = document(&user(&portal.store, "anapena").await);
    assert_eq!(portal.register(ANA, "anapena", HIS).await, Registering::UsernameTaken);
    portal.registered(ANA, "otra", HIS).await;
    let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
    assert_eq!(portal.confirm(&token(&mail), "anapena", HIS).await, Confirmation::Rejected);
    assert_eq!(document(&user(&portal.store, "anapena").await), before);
    assert!(portal.is_signed_in(&session.token).await);
}

#[tokio::test]
async fn a41_who_is_no_patient_any_more_does_not_become_and_does_not_stay_a_user() {
    let mut portal = Portal::new();
    let id: PatientId = "pac-0001".parse().expect("legal");
    portal.registered(ANA, "anapena", PASSWORD).await;
    let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
    portal.registry.remove(&id);
    assert_eq!(portal.confirm(&token(&mail), "anapena", PASSWORD).await, Confirmation::NotAPatient);
    portal.registry.insert(patient("pac-0001", ANA));
    assert_eq!(portal.confirm(&token(&mail), "anapena", PASSWORD).await, Confirmation::Confirmed, "the link was kept");
    portal.mails().await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    // The nightly job finds it.
    portal.registry.remove(&id);
    let refreshed = portal.acceso.refresh_patients(session.user, &portal.client).await;
    assert_eq!(refreshed.ok(), Some(PatientsRefreshed::Disabled));
    assert!(!portal.is_signed_in(&session.token).await);
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
    portal.registry.insert(patient("pac-0001", ANA));
    let refreshed = portal.acceso.refresh_patients(session.user, &portal.client).await;
    assert_eq!(refreshed.ok(), Some(PatientsRefreshed::Enabled));
    assert!(!portal.is_signed_in(&session.token).await, "no session comes back");
    // So does a temporary password.
    let _ = portal.recover_password(ANA, "anapena").await;
    let mail = portal.mail(MailPurpose::ConfirmRecovery).await;
    assert_eq!(portal.confirm_recovery(&token(&mail)).await, RecoveryConfirmation::Accepted);
    portal.registry.remove(&id);
    assert!(portal.mails().await.is_empty());
    assert_eq!(portal.last_event(), EventKind::UserDisabledNoPatients);
}

#[tokio::test]
async fn a42_while_the_registry_is_down_nothing_is_lost_and_nothing_is_told() {
    let mut watched = Watched::with(Policy::portal());
    watched.records.down.store(true, Ordering::SeqCst);
    for email in [ANA, NOBODY] {
        assert!(matches!(watched.portal.register(email, "anapena", PASSWORD).await, Registering::Accepted(_)));
    }
    assert!(watched.portal.mails().await.is_empty());
    watched.records.down.store(false, Ordering::SeqCst);
    watched.portal.pass(30);
    let mail = watched.portal.mail(MailPurpose::ConfirmRegistration).await;
    watched.records.down.store(true, Ordering::SeqCst);
    let confirm = |portal: &Portal| {
        let form = ConfirmationForm {
            token: token(&mail),
            username: "anapena".into(),
            password: PASSWORD.into(),
            reference: None,
        };
        let (acceso, client) = (portal.acceso.clone(), portal.client.clone());
        async move { acceso.confirm(form, &client).await }
    };
    assert!(matches!(confirm(&watched.portal).await, Err(Error::Unavailable(_))));
    watched.records.down.store(false, Ordering::SeqCst);
    assert_eq!(confirm(&watched.portal).await.ok(), Some(Confirmation::Confirmed));
}

#[tokio::test]
async fn a43_a_mother_and_her_children_share_an_address_and_a_placeholder_is_nobodys() {
    let mut portal = Portal::new();
    for number in 2..=3 {
        portal.registry.insert(patient(&format!("pac-000{number}"), ANA));
    }
    for name in ["madre", "hija", "hijo"] {
        portal.user(ANA, name, PASSWORD).await;
    }
    let linked = user(&portal.store, "hija").await;
    assert_eq!(linked.patients().len(), 3);
    let _ = portal.recover_username(ANA).await;
    let mail = portal.mail(MailPurpose::UserNames).await;
    for name in ["madre", "hija", "hijo"] {
        assert!(mail.text().lines().any(|line| line == name));
    }
    let temporary = portal.temporary_password(ANA, "hijo").await;
    assert!(matches!(portal.login("hijo", &temporary).await, Login::MustChangePassword(_)));
    portal.signed_in("hija", PASSWORD).await;
    for number in 1..=9 {
        portal.registry.insert(patient(&format!("sin-{number}"), "notiene@x.example"));
    }
    portal.registered("notiene@x.example", "nadie", PASSWORD).await;
    assert!(portal.mails().await.is_empty());
    assert_eq!(portal.last_event(), EventKind::TooManyPatients);
}

#[tokio::test]
async fn a44_the_record_and_the_visitor_may_spell_the_address_differently() {
    let mut portal = Portal::new();
    portal.registry.insert(patient("pac-0002", " Maria.Luz@X.Example "));
    portal.user("mARIA.lUZ@x.eXAMPLE", "luz.pena", PASSWORD).await;
    let kept = user(&portal.store, "luz.pena").await;
    assert_eq!(kept.email().as_str(), "Maria.Luz@X.Example");
    let _ = portal.recover_username("maria.luz@x.example").await;
    assert_eq!(portal.mail(MailPurpose::UserNames).await.to().as_str(), "Maria.Luz@X.Example");
    portal.registered("maria.luz+1@x.example", "otra", PASSWORD).await;
    assert!(portal.mails().await.is_empty(), "another address is another person");
}

#[tokio::test]
async fn a45_a_thousand_registrations_with_one_address_are_six_mails() {
    let mut portal = Portal::new();
    let mut mailed_at = Vec::new();
    for second in (0..3_000).step_by(3) {
        portal.registered(ANA, &format!("intruso{second}"), HIS).await;
        for mail in portal.mails().await {
            assert_eq!(mail.to().as_str(), ANA);
            mailed_at.push(second);
        }
        portal.pass(3);
    }
    assert_eq!(mailed_at, [0, 60, 180, 420, 900, 1_860]);
}

#[test]
fn a46_a_form_holds_what_the_page_asks_for_and_nothing_else() {
    let good = serde_json::json!({
        "email": ANA, "username": "anapena", "password": PASSWORD, "repeated": PASSWORD, "full_name": "Ana Peña"
    });
    assert!(serde_json::from_value::<RegistrationForm>(good.clone()).is_ok());
    for (name, value) in [
        ("confirmed", serde_json::json!(true)),
        ("role", serde_json::json!("admin")),
        ("patient_id", serde_json::json!("pac-0001")),
        ("status", serde_json::json!("active")),
    ] {
        let mut more = good.clone();
        more[name] = value;
        assert!(serde_json::from_value::<RegistrationForm>(more).is_err(), "{name}");
    }
    let two_addresses = serde_json::json!({
        "email": [ANA, NOBODY], "username": "anapena", "password": PASSWORD, "repeated": PASSWORD, "full_name": "A P"
    });
    assert!(serde_json::from_value::<RegistrationForm>(two_addresses).is_err());
    let presented = serde_json::json!({ "username": "anapena", "password": PASSWORD, "replaces": "x" });
    assert!(serde_json::from_value::<LoginForm>(presented).is_err());
}

#[tokio::test]
async fn a47_an_unconfirmed_registration_is_no_user() {
    let mut portal = Portal::new();
    portal.registered(ANA, "anapena", PASSWORD).await;
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
    assert_eq!(portal.last_event(), EventKind::LoginUnknown);
    portal.mail(MailPurpose::ConfirmRegistration).await;
    portal.pass(60);
    portal.registered(ANA, "anapena", PASSWORD).await;
    let again = portal.mail(MailPurpose::ConfirmRegistration).await;
    assert_eq!(portal.confirm(&token(&again), "anapena", PASSWORD).await, Confirmation::Confirmed);
}

#[tokio::test]
async fn a48_confirming_opens_no_session() {
    let mut watched = Watched::with(Policy::portal());
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    let confirmed = user(&watched.portal.store, "anapena").await;
    assert!(watched.portal.store.sessions_of(confirmed.id()).await.expect("in memory").is_empty());
    assert!(!watched.spy.take_calls().iter().any(|call| call.contains("OpenSession")));
    // And no answer could hold one: the match is whole, and none of its arms has a value.
    match Confirmation::Confirmed {
        Confirmation::Confirmed
        | Confirmation::LinkInvalid
        | Confirmation::Rejected
        | Confirmation::UsernameTaken
        | Confirmation::NotAPatient
        | Confirmation::TooManyUsers => {}
    }
}
