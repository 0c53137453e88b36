//! A107–A120: what was found when the design itself was attacked.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use acceso::{
    Confirmation, EventKind, LockDuration, MailPurpose, PatientId, PatientsRefreshed, Policy, RecoveryConfirmation,
    Registering, Timestamp, UserStore,
};

use crate::common::{ANA, NEW_PASSWORD, NOBODY, PASSWORD, Portal, patient, temporary, token};
use crate::spy::{Fate, Watched, document, poll_once, user};
use crate::{DAY, MINUTE};

#[tokio::test]
async fn a107_no_request_of_a_stranger_asks_the_registry() {
    let mut watched = Watched::with(Policy::portal());
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    for down in [false, true] {
        watched.records.down.store(down, Ordering::SeqCst);
        let asked = watched.records.asked.load(Ordering::SeqCst);
        for email in [ANA, NOBODY] {
            assert!(matches!(watched.portal.register(email, "otra", PASSWORD).await, Registering::Accepted(_)));
            let _ = watched.portal.recover_username(email).await;
            let _ = watched.portal.recover_password(email, "anapena").await;
        }
        let _ = watched.portal.login("anapena", "Equivocada 1").await;
        let forged = "A".repeat(64);
        assert_eq!(watched.portal.confirm(&forged, "otra", PASSWORD).await, Confirmation::LinkInvalid);
        assert_eq!(watched.portal.confirm_recovery(&forged).await, RecoveryConfirmation::LinkInvalid);
        assert_eq!(watched.records.asked.load(Ordering::SeqCst), asked, "down: {down}");
    }
}

#[tokio::test]
async fn a112_an_address_that_stands_in_hundreds_of_records_is_nobodys() {
    let mut portal = Portal::new();
    for number in 0..300 {
        portal.registry.insert(patient(&format!("sin-{number}"), "notiene@x.example"));
    }
    portal.registered("notiene@x.example", "intruso", PASSWORD).await;
    assert!(portal.mails().await.is_empty());
    assert_eq!(portal.last_event(), EventKind::TooManyPatients);
    // An address that becomes a placeholder later takes the rights of its user away.
    portal.user(ANA, "anapena", PASSWORD).await;
    for number in 0..8 {
        portal.registry.insert(patient(&format!("con-{number}"), ANA));
    }
    let owner = user(&portal.store, "anapena").await.id();
    let refreshed = portal.acceso.refresh_patients(owner, &portal.client).await;
    assert_eq!(refreshed.ok(), Some(PatientsRefreshed::Disabled));
}

#[tokio::test]
async fn a113_near_matches_of_the_registry_link_nobody() {
    let mut watched = Watched::with(Policy::portal());
    let near = ["ana.pena@example.org.evil.example", "ana_pena@example.org", "ana.pena+1@example.org", NOBODY];
    let near = near.iter().enumerate().map(|(number, email)| patient(&format!("otro-{number}"), email)).collect();
    *watched.records.near_matches.lock().unwrap_or_else(PoisonError::into_inner) = near;
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    let linked = user(&watched.portal.store, "anapena").await;
    assert_eq!(linked.patients().iter().map(PatientId::as_str).collect::<Vec<_>>(), ["pac-0001"]);
    watched.portal.registered("ana*@example.org", "comodin", PASSWORD).await;
    assert!(watched.portal.mails().await.is_empty(), "and whoever is only near gets no mail");
}

#[tokio::test]
async fn a114_rights_follow_the_records() {
    let mut portal = Portal::new();
    portal.registry.insert(patient("pac-0002", ANA));
    portal.user(ANA, "anapena", PASSWORD).await;
    let linked = |portal: &Portal| {
        let store = portal.store.clone();
        async move { user(&store, "anapena").await.patients().iter().map(ToString::to_string).collect::<Vec<_>>() }
    };
    assert_eq!(linked(&portal).await, ["pac-0001", "pac-0002"]);
    let owner = user(&portal.store, "anapena").await.id();
    let session = portal.signed_in("anapena", PASSWORD).await;
    portal.registry.insert(acceso::Patient { portal_access: false, ..patient("pac-0002", ANA) });
    portal.registry.insert(patient("pac-0003", ANA));
    let refreshed = portal.acceso.refresh_patients(owner, &portal.client).await;
    assert_eq!(refreshed.ok(), Some(PatientsRefreshed::Relinked));
    assert_eq!(linked(&portal).await, ["pac-0001", "pac-0003"]);
    let visitor = portal.acceso.session(&session.token).await.expect("in memory").expect("signed in");
    assert_eq!(visitor.user().patients().len(), 2, "the next request sees it");
    // A recovery asks again by itself.
    portal.registry.remove(&"pac-0001".parse().expect("legal"));
    portal.temporary_password(ANA, "anapena").await;
    assert_eq!(linked(&portal).await, ["pac-0003"]);
}

fn ten_years(portal: &Portal, on: bool) {
    let now = acceso::Clock::now(&portal.clock);
    let decade = 10 * 365 * DAY;
    if on {
        portal.clock.advance(decade);
    } else {
        portal.clock.set(Timestamp::from_millis(
            now.as_millis() - i64::try_from(decade.as_millis()).expect("ten years are few milliseconds"),
        ));
    }
}

#[tokio::test]
async fn a115_what_was_done_while_the_clock_was_wrong_blocks_nothing_afterwards() {
    let mut policy = Policy::portal();
    policy.lockout.duration = LockDuration::Fixed(10 * MINUTE);
    let mut watched = Watched::with(policy);
    let portal = &mut watched.portal;
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.user(ANA, "bloqueada", PASSWORD).await;
    ten_years(portal, true);
    // A lock, a brake with and without links, a registration, a lease and a postponed row, all far in the future.
    portal.lock("bloqueada").await;
    let _ = portal.recover_username(ANA).await;
    let _ = portal.recover_password(ANA, "anapena").await;
    portal.registered(ANA, "otra", PASSWORD).await;
    assert_eq!(portal.mails().await.len(), 4);
    portal.registered(ANA, "tercera", PASSWORD).await;
    let _ = portal.recover_username(ANA).await;
    portal.clock.advance(30 * MINUTE);
    watched.post.next([Fate::Transient, Fate::Transient]);
    assert_eq!(portal.courier.deliver_due().await.expect("in memory").postponed, 2);
    portal.clock.advance(30 * MINUTE);
    watched.post.next([Fate::Hangs, Fate::Hangs]);
    assert!(poll_once(Box::pin(portal.courier.deliver_due()).as_mut()).is_none());
    portal.clock.set(Timestamp::from_millis(acceso::Clock::now(&portal.clock).as_millis() - 3_600_000));
    ten_years(portal, false);

    portal.registered(ANA, "nueva", PASSWORD).await;
    let _ = portal.recover_password(ANA, "anapena").await;
    let mails = portal.mails().await;
    let link = |purpose| mails.iter().find(|mail| mail.purpose() == purpose).map(token).expect("a mail");
    // The lease is void, the brake and the lock are free, and a registration of the future hides none of today.
    assert!(mails.iter().any(|mail| mail.purpose() == MailPurpose::UserNames));
    portal.signed_in("bloqueada", PASSWORD).await;
    let registration = link(MailPurpose::ConfirmRegistration);
    assert_eq!(portal.confirm(&registration, "tercera", PASSWORD).await, Confirmation::Rejected, "of the future");
    assert_eq!(portal.confirm(&registration, "nueva", PASSWORD).await, Confirmation::Confirmed);
    let recovery = link(MailPurpose::ConfirmRecovery);
    assert_eq!(portal.confirm_recovery(&recovery).await, RecoveryConfirmation::Accepted);
}

#[tokio::test]
async fn a116_a_slip_at_registration_is_mended_by_registering_again() {
    let mut portal = Portal::new();
    portal.registered("ana.penna@example.org", "anapena", PASSWORD).await;
    assert!(portal.mails().await.is_empty(), "her own slip in the address");
    portal.registered(ANA, "anapena", "Otra distinta 9").await;
    portal.registered(ANA, "anapena", PASSWORD).await;
    let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
    assert_eq!(portal.confirm(&token(&mail), "anapena", PASSWORD).await, Confirmation::Confirmed, "at once, same name");
    portal.signed_in("anapena", PASSWORD).await;
    assert!(matches!(portal.login("anapena", "Otra distinta 9").await, acceso::Login::Rejected));
}

#[tokio::test]
async fn a118_before_proof_no_mail_holds_a_word_that_was_typed() {
    let mut portal = Portal::new();
    let form = acceso::RegistrationForm {
        email: "ANA.PENA@EXAMPLE.ORG".into(),
        username: "llame-a-www.evil.com".into(),
        password: "Llame ya mismo 1".into(),
        repeated: "Llame ya mismo 1".into(),
        full_name: "Llame Ya".into(),
    };
    let client = acceso::Client::unknown().with_device("www.evil.com").with_language(acceso::Language::En);
    assert!(matches!(portal.acceso.register(form, &client).await, Ok(Registering::Accepted(_))));
    let stranger = portal.mail(MailPurpose::ConfirmRegistration).await;
    let mut other = Portal::new();
    other.registered(ANA, "anapena", PASSWORD).await;
    let own = other.mail(MailPurpose::ConfirmRegistration).await;
    let but_for_the_link = |mail: &acceso::Mail, words: &str| words.replace(&token(mail), "…");
    assert_eq!(but_for_the_link(&stranger, stranger.text()), but_for_the_link(&own, own.text()));
    assert_eq!(but_for_the_link(&stranger, stranger.html()), but_for_the_link(&own, own.html()));
    assert_eq!((stranger.subject(), stranger.to().as_str()), (own.subject(), own.to().as_str()));
}

#[tokio::test]
async fn a120_a_restored_copy_mails_nobody_and_honours_nothing_of_before() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.user(ANA, "temporal", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    let minted = portal.temporary_password(ANA, "temporal").await;
    portal.registered(ANA, "otra", PASSWORD).await;
    let registration = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
    let _ = portal.recover_password(ANA, "anapena").await;
    let recovery = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    let _ = portal.recover_username(ANA).await;
    portal.lock("anapena").await;

    portal.acceso.after_restore(&portal.client).await.expect("in memory");
    assert_eq!(portal.last_event(), EventKind::RestoreForgotten);
    assert!(portal.mails().await.is_empty());
    assert!(!portal.is_signed_in(&session.token).await);
    assert_eq!(portal.confirm(&registration, "otra", PASSWORD).await, Confirmation::LinkInvalid);
    assert_eq!(portal.confirm_recovery(&recovery).await, RecoveryConfirmation::LinkInvalid);
    assert!(matches!(portal.login("temporal", &minted).await, acceso::Login::Rejected));
    assert_eq!(document(&user(&portal.store, "temporal").await)["credential"], "awaiting_temporary");
    assert!(portal.store.registrations(&ANA.parse().expect("legal"), None, 8).await.expect("in memory").is_empty());
    // The lock and the password are those of the backup, and recovery helps everybody.
    assert!(matches!(portal.login("anapena", PASSWORD).await, acceso::Login::Rejected));
    let again = portal.temporary_password(ANA, "temporal").await;
    let acceso::Login::MustChangePassword(restricted) = portal.login("temporal", &again).await else {
        panic!("no entry")
    };
    assert!(matches!(portal.change(&restricted.token, "", NEW_PASSWORD).await, acceso::PasswordChange::Changed(_)));
    portal.mails().await;
    let _ = portal.recover_password(ANA, "anapena").await;
    let mail = portal.mail(MailPurpose::ConfirmRecovery).await;
    assert_eq!(portal.confirm_recovery(&token(&mail)).await, RecoveryConfirmation::Accepted);
    assert_eq!(temporary(&portal.mail(MailPurpose::TemporaryPassword).await).len(), 16);
}
