//! A24–A35: a token opens one thing, once, for as long as it is meant to.

use std::collections::BTreeSet;

use acceso::{
    Confirmation, LinkToken, MailPurpose, PasswordHash, Policy, RecoveryConfirmation, SessionToken, Stored, UserStore,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal, patient, token};
use crate::spy::{Watched, user};
use crate::{DAY, MINUTE, lacks};

async fn recovery_link(portal: &mut Portal, name: &str) -> String {
    let _ = portal.recover_password(ANA, name).await;
    token(&portal.mail(MailPurpose::ConfirmRecovery).await)
}

#[tokio::test]
async fn a24_a_used_link_is_no_link() {
    let mut portal = Portal::new();
    portal.registered(ANA, "anapena", PASSWORD).await;
    let link = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
    assert_eq!(portal.confirm(&link, "anapena", PASSWORD).await, Confirmation::Confirmed);
    assert_eq!(portal.confirm(&link, "anapena", PASSWORD).await, Confirmation::LinkInvalid);
    portal.mails().await;
    let link = recovery_link(&mut portal, "anapena").await;
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::Accepted);
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::LinkInvalid);
    assert_eq!(portal.mails().await.len(), 1, "one temporary password");
}

#[tokio::test]
async fn a26_a_link_of_one_purpose_is_none_of_another_and_stays_good() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.registered(ANA, "otra", PASSWORD).await;
    let registration = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
    let recovery = recovery_link(&mut portal, "anapena").await;
    assert_eq!(portal.confirm_recovery(&registration).await, RecoveryConfirmation::LinkInvalid);
    assert_eq!(portal.confirm(&recovery, "otra", PASSWORD).await, Confirmation::LinkInvalid);
    assert!(SessionToken::parse(&recovery).is_none());
    assert_eq!(portal.confirm_recovery(&recovery).await, RecoveryConfirmation::Accepted);
    assert_eq!(portal.confirm(&registration, "otra", PASSWORD).await, Confirmation::Confirmed);
}

#[tokio::test]
async fn a27_a_link_of_one_address_does_nothing_for_another() {
    let mut portal = Portal::new();
    portal.registry.insert(patient("pac-0002", "intruso@x.example"));
    portal.registered(ANA, "anapena", PASSWORD).await;
    portal.mail(MailPurpose::ConfirmRegistration).await;
    portal.registered("intruso@x.example", "intruso", PASSWORD).await;
    let link = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
    assert_eq!(portal.confirm(&link, "anapena", PASSWORD).await, Confirmation::Rejected);
    assert_eq!(portal.confirm(&link, "intruso", PASSWORD).await, Confirmation::Confirmed);
    portal.mails().await;
    // A recovery link is of one user, whoever else the address has.
    portal.registry.insert(patient("pac-0003", "luz@x.example"));
    portal.user("luz@x.example", "primera", PASSWORD).await;
    portal.user("luz@x.example", "segunda", PASSWORD).await;
    let _ = portal.recover_password("luz@x.example", "primera").await;
    let link = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::Accepted);
    portal.signed_in("segunda", PASSWORD).await;
}

#[tokio::test]
async fn a28_a_recovery_link_dies_with_a_change_of_password_and_with_disabling() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let link = recovery_link(&mut portal, "anapena").await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    let _ = portal.change(&session.token, PASSWORD, NEW_PASSWORD).await;
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::LinkInvalid);
    portal.mails().await;
    portal.clock.advance(DAY);
    let link = recovery_link(&mut portal, "anapena").await;
    let owner = user(&portal.store, "anapena").await.id();
    assert!(portal.acceso.disable(owner, &portal.client).await.is_ok());
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::LinkInvalid);
    assert!(portal.acceso.enable(owner, &portal.client).await.is_ok());
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::LinkInvalid, "and stays dead");
    portal.signed_in("anapena", NEW_PASSWORD).await;
}

#[tokio::test]
async fn a29_each_of_several_links_works_until_one_is_used() {
    for used in 0..3 {
        let mut portal = Portal::new();
        portal.user(ANA, "anapena", PASSWORD).await;
        let mut links = Vec::new();
        for _ in 0..3 {
            links.push(recovery_link(&mut portal, "anapena").await);
            portal.clock.advance(10 * MINUTE);
        }
        assert_eq!(portal.confirm_recovery(&links[used]).await, RecoveryConfirmation::Accepted);
        for link in &links {
            assert_eq!(portal.confirm_recovery(link).await, RecoveryConfirmation::LinkInvalid);
        }
    }
}

#[tokio::test]
async fn a32_tokens_are_random_and_the_id_in_front_helps_nobody() {
    let mut portal = Portal::new();
    let mut seen = BTreeSet::new();
    for number in 0..500 {
        let email = format!("a{number}@x.example");
        portal.registry.insert(patient(&format!("p{number}"), &email));
        portal.registered(&email, "anapena", PASSWORD).await;
    }
    for mail in portal.mails().await {
        let link = token(&mail);
        assert_eq!(link.len(), 64);
        assert!(seen.insert(link[22..].to_owned()));
    }
    assert_eq!(seen.len(), 500);
    portal.registered(ANA, "anapena", PASSWORD).await;
    let link = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
    for guess in seen {
        // The id of her mailbox, and another's secret.
        let forged = format!("{}{guess}", &link[..22]);
        assert!(LinkToken::parse(&forged).is_some());
        assert_eq!(portal.confirm(&forged, "anapena", PASSWORD).await, Confirmation::LinkInvalid);
    }
    assert_eq!(portal.confirm(&link, "anapena", PASSWORD).await, Confirmation::Confirmed);
}

#[tokio::test]
async fn a33_who_reads_the_store_has_no_token() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    let link = recovery_link(&mut portal, "anapena").await;
    let email = ANA.parse().expect("legal");
    let mailbox = portal.store.mailbox_of(&email).await.expect("in memory").expect("a mailbox");
    let kept = portal.store.sessions_of(session.user).await.expect("in memory");
    let mailbox = serde_json::to_value(Stored(&mailbox)).expect("serializes");
    let kept = serde_json::to_value(Stored(&kept[0])).expect("serializes");
    let bytes = |value: &Value| -> Vec<u8> { serde_json::from_value(value.clone()).expect("bytes") };
    let (of_link, of_session) = (bytes(&mailbox["entries"][0]["link"]["digest"]), bytes(&kept["digest"]));
    for text in [mailbox.to_string(), kept.to_string()] {
        assert!(!text.contains(&link) && !text.contains(&link[22..]) && !text.contains(&session.token.reveal()));
    }
    let forged =
        format!("{}{}", &link[..22], &Base64UrlUnpadded::encode_string(&[&[0; 16][..], &of_link].concat())[22..]);
    assert!(LinkToken::parse(&forged).is_some());
    assert_eq!(portal.confirm_recovery(&forged).await, RecoveryConfirmation::LinkInvalid);
    let forged = SessionToken::parse(&Base64UrlUnpadded::encode_string(&of_session)).expect("as long as a token");
    assert!(!portal.is_signed_in(&forged).await);
}

#[tokio::test]
async fn a34_a_link_moved_to_another_purpose_in_the_store_is_dead() {
    let mut watched = Watched::with(Policy::portal());
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    watched.portal.registered(ANA, "otra", PASSWORD).await;
    let link = token(&watched.portal.mail(MailPurpose::ConfirmRegistration).await);
    let victim = user(&watched.portal.store, "anapena").await.id();
    watched.spy.tamper_mailbox(move |mailbox| {
        for entry in mailbox["entries"].as_array_mut().into_iter().flatten() {
            if entry["purpose"] == "confirm_registration" {
                entry["purpose"] = json!("confirm_recovery");
                entry["user"] = json!(victim);
                entry["link"]["generation"] = json!(1);
                // As such a link would be: only the digest is wrong.
                entry["link"]["expires_at"] = json!(entry["minted_at"].as_i64().unwrap_or_default() + 3_600_000);
            }
        }
    });
    assert_eq!(watched.portal.confirm_recovery(&link).await, RecoveryConfirmation::LinkInvalid);
    assert_eq!(watched.portal.confirm(&link, "otra", PASSWORD).await, Confirmation::LinkInvalid);
    watched.spy.tamper_mailbox(|_| {});
    assert_eq!(watched.portal.confirm(&link, "otra", PASSWORD).await, Confirmation::Confirmed);
}

// Whoever has no `==` compares by digest, in constant time.
lacks!(SessionToken: PartialEq, std::fmt::Display, serde::Serialize);
lacks!(LinkToken: PartialEq, std::fmt::Display, serde::Serialize);
lacks!(PasswordHash: PartialEq, std::fmt::Display, serde::Serialize);

#[test]
fn a35_tokens_cannot_be_compared_byte_by_byte() {
    // What the type lacks is checked when this file compiles; what it has instead is its digest.
    let token = SessionToken::parse(&"A".repeat(43)).expect("canonical");
    assert_eq!(format!("{token:?}"), "SessionToken(…)");
}
