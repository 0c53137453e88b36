//! A50–A61: recovery changes nothing until the owner of the mailbox confirms, and a temporary password opens one door only.

use acceso::{
    Acceso, Fault, Field, Login, LoginForm, MailPurpose, PasswordChange, RecoveryConfirmation, RecoveryRequest,
    Restricted, Rule, SessionToken, SignedIn, Stay, UserStore,
};
use tokio::task::JoinSet;

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal, temporary, token};
use crate::spy::{document, user};
use crate::{HOUR, MINUTE};

async fn restricted(portal: &Portal, temporary: &str) -> Restricted {
    match portal.login("anapena", temporary).await {
        Login::MustChangePassword(restricted) => restricted,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a50_a_request_changes_nothing_and_a_confirmation_everything_at_once() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    portal.lock("anapena").await;
    portal.mails().await;
    let before = document(&user(&portal.store, "anapena").await);
    for _ in 0..3 {
        let _ = portal.recover_password(ANA, "anapena").await;
    }
    let mail = portal.mail(MailPurpose::ConfirmRecovery).await;
    assert_eq!(document(&user(&portal.store, "anapena").await), before);
    assert!(portal.is_signed_in(&session.token).await);
    assert_eq!(portal.confirm_recovery(&token(&mail)).await, RecoveryConfirmation::Accepted);
    let after = document(&user(&portal.store, "anapena").await);
    assert_eq!(after["credential"], "awaiting_temporary", "the old password and its lock are gone");
    assert_eq!(after["generation"], 2);
    assert!(!portal.is_signed_in(&session.token).await);
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
}

#[tokio::test]
async fn a51_a_temporary_password_ends_to_the_second() {
    for (millis, good) in [(-1_000, true), (-1, true), (0, false), (1, false), (1_000, false)] {
        let mut portal = Portal::new();
        portal.user(ANA, "anapena", PASSWORD).await;
        let temporary = portal.temporary_password(ANA, "anapena").await;
        let now = acceso::Clock::now(&portal.clock).as_millis();
        portal.clock.set(acceso::Timestamp::from_millis(now + 3_600_000 + millis));
        let login = portal.login("anapena", &temporary).await;
        assert_eq!(matches!(login, Login::MustChangePassword(_)), good, "{millis} ms");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a52_one_session_of_a_temporary_password_lives_and_the_change_uses_it_up() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let temporary = portal.temporary_password(ANA, "anapena").await;
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (acceso, client, form) =
            (portal.acceso.clone(), portal.client.clone(), LoginForm::new("anapena", temporary.as_str()));
        tasks.spawn(async move { acceso.login(form, Stay::Session, &client).await.expect("in memory") });
    }
    let mut live = Vec::new();
    for login in tasks.join_all().await {
        let Login::MustChangePassword(restricted) = login else { panic!("{login:?}") };
        if portal.acceso.restricted_session(&restricted.token).await.expect("in memory").is_some() {
            live.push(restricted.token);
        }
    }
    assert_eq!(live.len(), 1, "each login ends the one before");
    assert!(matches!(portal.change(&live[0], "", NEW_PASSWORD).await, PasswordChange::Changed(_)));
    assert!(matches!(portal.login("anapena", &temporary).await, Login::Rejected));
}

/// What a login with a temporary password gives is of another type than what a login gives.
fn _no_host_can_mistake_them(restricted: Restricted, signed_in: SignedIn) -> (SessionToken, SessionToken) {
    (restricted.token, signed_in.token)
}

#[tokio::test]
async fn a53_a_restricted_session_opens_nothing_but_the_change_of_password() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let temporary = portal.temporary_password(ANA, "anapena").await;
    let token = restricted(&portal, &temporary).await.token;
    let (acceso, client): (&Acceso, _) = (&portal.acceso, &portal.client);
    assert!(acceso.session(&token).await.expect("in memory").is_none());
    assert!(acceso.sessions(&token).await.expect("in memory").is_none());
    assert!(acceso.close_other_sessions(&token, client).await.expect("in memory").is_none());
    assert!(acceso.log_out_everywhere(&token, client).await.expect("in memory").is_none());
    assert!(acceso.restricted_session(&token).await.expect("in memory").is_some(), "it lives");
    assert!(
        acceso
            .close_session(&token, acceso::SessionId::from_bytes([1; 16]), client)
            .await
            .expect("in memory")
            .is_none()
    );
    assert!(acceso.restricted_session(&token).await.expect("in memory").is_some(), "and it still does");
    let changed = portal.change(&token, "", NEW_PASSWORD).await;
    let PasswordChange::Changed(full) = changed else { panic!("{changed:?}") };
    assert!(portal.acceso.restricted_session(&full.token).await.expect("in memory").is_none());
    assert!(!portal.is_signed_in(&token).await && portal.is_signed_in(&full.token).await);
}

#[tokio::test]
async fn a54_the_temporary_password_does_not_become_the_permanent_one() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let temporary = portal.temporary_password(ANA, "anapena").await;
    let session = restricted(&portal, &temporary).await;
    let answer = portal.change(&session.token, "", &temporary).await;
    let unchanged = [Fault::new(Field::Password, Rule::Unchanged)];
    assert!(matches!(&answer, PasswordChange::Invalid(faults) if *faults == unchanged), "{answer:?}");
    assert!(matches!(portal.change(&session.token, "", NEW_PASSWORD).await, PasswordChange::Changed(_)));
    assert!(matches!(portal.login("anapena", &temporary).await, Login::Rejected));
    assert!(document(&user(&portal.store, "anapena").await)["credential"]["chosen"].is_object());
}

#[tokio::test]
async fn a55_temporary_passwords_survive_any_mail_and_keep_the_rules() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let temporary = portal.temporary_password(ANA, "anapena").await;
        assert!(temporary.bytes().all(|byte| byte.is_ascii_alphanumeric() && !b"0O1Il".contains(&byte)), "{temporary}");
        for has in [u8::is_ascii_uppercase, u8::is_ascii_lowercase, u8::is_ascii_digit] {
            assert!(temporary.bytes().any(|byte| has(&byte)), "{temporary}");
        }
        assert!(seen.insert(temporary));
    }
}

#[tokio::test]
async fn a56_when_the_mail_is_lost_recovery_can_be_repeated_and_the_newest_counts() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let lost = portal.temporary_password(ANA, "anapena").await;
    let newest = portal.temporary_password(ANA, "anapena").await;
    assert!(matches!(portal.login("anapena", &lost).await, Login::Rejected));
    assert!(matches!(portal.login("anapena", &newest).await, Login::MustChangePassword(_)));
    let _ = portal.recover_password(ANA, "anapena").await;
    let mail = portal.mail(MailPurpose::ConfirmRecovery).await;
    let _ = portal.confirm_recovery(&token(&mail)).await;
    let mail = portal.mail(MailPurpose::TemporaryPassword).await;
    let said = mail.text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("Si recibió varias, vale la más reciente."), "{said}");
}

#[tokio::test]
async fn a57_the_mail_with_the_temporary_password_is_not_the_whole_key() {
    let mut portal = Portal::new();
    portal.user(ANA, "nombre.secreto", PASSWORD).await;
    let _ = portal.recover_password(ANA, "nombre.secreto").await;
    let link = portal.mail(MailPurpose::ConfirmRecovery).await;
    let _ = portal.confirm_recovery(&token(&link)).await;
    let mail = portal.mail(MailPurpose::TemporaryPassword).await;
    for mail in [&link, &mail] {
        assert!(!mail.text().contains("nombre.secreto") && !mail.html().contains("nombre.secreto"));
    }
    assert!(!mail.subject().contains(&temporary(&mail)), "nor is it on the lock screen");
}

#[tokio::test]
async fn a58_who_closes_the_browser_before_changing_is_not_stuck() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let temporary = portal.temporary_password(ANA, "anapena").await;
    let lost = restricted(&portal, &temporary).await;
    portal.clock.advance(20 * MINUTE);
    assert!(portal.acceso.restricted_session(&lost.token).await.expect("in memory").is_none());
    restricted(&portal, &temporary).await;
    portal.clock.advance(HOUR);
    assert!(matches!(portal.login("anapena", &temporary).await, Login::Rejected), "over");
    let again = portal.temporary_password(ANA, "anapena").await;
    let session = restricted(&portal, &again).await;
    assert!(matches!(portal.change(&session.token, "", NEW_PASSWORD).await, PasswordChange::Changed(_)));
}

#[tokio::test]
async fn a59_the_old_password_is_dead_from_the_confirmation_on() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let _ = portal.recover_password(ANA, "anapena").await;
    let mail = portal.mail(MailPurpose::ConfirmRecovery).await;
    assert_eq!(portal.confirm_recovery(&token(&mail)).await, RecoveryConfirmation::Accepted);
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected), "before the mail");
    let temporary = temporary(&portal.mail(MailPurpose::TemporaryPassword).await);
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected), "after it");
    restricted(&portal, &temporary).await;
    portal.clock.advance(2 * HOUR);
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected), "when the temporary one is over");
}

#[tokio::test]
async fn a60_recovery_confirms_no_registration() {
    let mut portal = Portal::new();
    portal.registered(ANA, "anapena", PASSWORD).await;
    let link = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
    let _ = portal.recover_password(ANA, "anapena").await;
    let _ = portal.recover_username(ANA).await;
    assert!(portal.mails().await.is_empty());
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::LinkInvalid);
    assert!(portal.store.user_named(&"anapena".parse().expect("legal")).await.expect("in memory").is_none());
}

#[tokio::test]
async fn a61_mail_goes_to_the_stored_spelling_and_never_to_a_look_alike() {
    let mut portal = Portal::new();
    portal.registry.insert(crate::common::patient("pac-0002", "Mike@example.org"));
    portal.user("mike@EXAMPLE.org", "mike", PASSWORD).await;
    for twin in ["mıke@example.org", "m\u{131}ke@example.org", "mike@exаmple.org", "ＭＩＫＥ@example.org"] {
        let invalid = RecoveryRequest::Invalid(vec![Fault::new(Field::Email, Rule::Malformed)]);
        assert_eq!(portal.recover_username(twin).await, invalid, "{twin}");
        assert_eq!(portal.recover_password(twin, "mike").await, invalid, "{twin}");
    }
    let _ = portal.recover_password("MIKE@EXAMPLE.ORG", "mike").await;
    assert_eq!(portal.mail(MailPurpose::ConfirmRecovery).await.to().as_str(), "Mike@example.org");
}
