//! A90–A95: time, counters, growth and memory.

use std::time::Duration;

use acceso::{
    Confirmation, EventKind, Language, Login, LoginForm, MailPurpose, Password, PasswordHash, Policy,
    RecoveryConfirmation, SessionToken, Stay, Timestamp, UserStore,
};
use serde_json::json;

use crate::common::{ANA, NOBODY, PASSWORD, Portal, token};
use crate::spy::Watched;
use crate::{DAY, HOUR, MINUTE, lacks};

const NOON: i64 = 1_768_478_400_000;

#[tokio::test]
async fn a90_every_span_holds_before_its_end_and_not_at_it() {
    for (millis, holds) in [(-1, true), (0, false), (1, false)] {
        let at = |span: Duration| Timestamp::from_millis(NOON).after(span).as_millis() + millis;
        let mut portal = Portal::new();
        portal.registered(ANA, "anapena", PASSWORD).await;
        let link = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
        portal.clock.set(Timestamp::from_millis(at(24 * HOUR)));
        assert_eq!(portal.confirm(&link, "anapena", PASSWORD).await == Confirmation::Confirmed, holds);
        let mut portal = Portal::new();
        portal.user(ANA, "anapena", PASSWORD).await;
        let session = portal.signed_in("anapena", PASSWORD).await;
        portal.clock.set(Timestamp::from_millis(at(30 * MINUTE)));
        assert_eq!(portal.is_signed_in(&session.token).await, holds);
        let mut portal = Portal::new();
        portal.user(ANA, "anapena", PASSWORD).await;
        let _ = portal.recover_password(ANA, "anapena").await;
        let link = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
        portal.clock.set(Timestamp::from_millis(at(2 * HOUR)));
        assert_eq!(portal.confirm_recovery(&link).await == RecoveryConfirmation::Accepted, holds);
    }
}

#[tokio::test]
async fn a91_no_counter_wraps_and_no_instant_panics() {
    for millis in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
        let mut portal = Portal::new();
        portal.user(ANA, "anapena", PASSWORD).await;
        let session = portal.signed_in("anapena", PASSWORD).await;
        portal.clock.set(Timestamp::from_millis(millis));
        portal.registered(ANA, "otra", PASSWORD).await;
        portal.registered(NOBODY, "nadie", PASSWORD).await;
        let _ = portal.recover_username(ANA).await;
        let _ = portal.recover_password(ANA, "anapena").await;
        // One round each: at the end of time every lease is over at once, and the mail stays due for ever.
        assert!(portal.courier.deliver_due().await.is_ok());
        for mail in portal.mailer.take() {
            if mail.purpose() == MailPurpose::ConfirmRecovery {
                let _ = portal.confirm_recovery(&token(&mail)).await;
            }
        }
        assert!(portal.courier.deliver_due().await.is_ok());
        let _ = portal.is_signed_in(&session.token).await;
        let _ = portal.login("anapena", PASSWORD).await;
        let _ = portal.acceso.log_out(&session.token, &portal.client).await;
    }
    // Counters at their end: what is locked stays so, and a version that cannot grow is no way in.
    let mut watched = Watched::with(Policy::portal());
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    watched.spy.tamper(|user| {
        user["credential"]["chosen"]["strikes"] = json!(u16::MAX);
        user["credential"]["chosen"]["locked_since"] = json!(NOON);
        user["generation"] = json!(u64::MAX);
    });
    for _ in 0..3 {
        assert!(matches!(watched.portal.login("anapena", PASSWORD).await, Login::Rejected));
        assert_eq!(watched.portal.last_event(), EventKind::LoginWhileLocked);
    }
    watched.spy.tamper(|user| user["credential"]["chosen"]["strikes"] = json!(u16::MAX));
    assert!(matches!(watched.portal.login("anapena", "Equivocada 1").await, Login::Rejected));
    assert_eq!(watched.portal.last_event(), EventKind::LoginLocked);
}

#[tokio::test]
async fn a92_a_clock_that_jumps_opens_nothing_and_closes_nothing_for_long() {
    let back = |portal: &Portal, by: Duration| {
        let now = acceso::Clock::now(&portal.clock).as_millis();
        portal.clock.set(Timestamp::from_millis(now - i64::try_from(by.as_millis()).expect("small")));
    };
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    let _ = portal.recover_password(ANA, "anapena").await;
    let link = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    back(&portal, DAY);
    assert!(!portal.is_signed_in(&session.token).await, "opened in the future");
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::LinkInvalid);
    portal.signed_in("anapena", PASSWORD).await;
    let _ = portal.recover_password(ANA, "anapena").await;
    let link = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::Accepted, "asking again helps");
    portal.mail(MailPurpose::TemporaryPassword).await;
    // A small step back, as clocks make, changes nothing.
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    back(&portal, 2 * MINUTE);
    assert!(portal.is_signed_in(&session.token).await);
    portal.clock.advance(10 * 365 * DAY);
    assert!(!portal.is_signed_in(&session.token).await);
    portal.signed_in("anapena", PASSWORD).await;
}

#[tokio::test]
async fn a93_a_busy_session_is_noted_once_a_minute_and_never_backwards() {
    let mut watched = Watched::with(Policy::portal());
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    let session = watched.portal.signed_in("anapena", PASSWORD).await;
    watched.spy.take_calls();
    for _ in 0..600 {
        watched.portal.clock.advance(Duration::from_secs(1));
        assert!(watched.portal.is_signed_in(&session.token).await);
    }
    assert_eq!(watched.spy.count("commit: TouchSession"), 10);
    let last_seen =
        || async { watched.portal.store.sessions_of(session.user).await.expect("in memory")[0].last_seen() };
    let before = last_seen().await;
    watched.portal.clock.set(Timestamp::from_millis(before.as_millis() - 120_000));
    assert!(watched.portal.is_signed_in(&session.token).await);
    assert_eq!(last_seen().await, before);
}

#[tokio::test]
async fn a94_what_strangers_leave_behind_is_purged() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    for number in 0..500 {
        portal.registered(ANA, &format!("intruso{number}"), "Clave del intruso 1").await;
        let login = LoginForm::new("anapena", PASSWORD);
        assert!(portal.acceso.login(login, Stay::Session, &portal.client).await.is_ok());
        let _ = portal.recover_password(&format!("x{number}@x.example"), "nadie").await;
    }
    let email = ANA.parse().expect("legal");
    let owner = portal.signed_in("anapena", PASSWORD).await.user;
    assert_eq!(portal.store.sessions_of(owner).await.expect("in memory").len(), 10, "the oldest goes");
    portal.mails().await;
    let backlog = portal.acceso.mail_backlog().await.expect("in memory");
    assert_eq!((backlog.typed, backlog.to_users), (0, 0));
    assert_eq!(portal.store.registrations(&email, None, 1_000).await.expect("in memory").len(), 500);
    portal.clock.advance(DAY);
    portal.mails().await;
    assert!(portal.store.registrations(&email, None, 1_000).await.expect("in memory").is_empty());
    assert!(portal.store.sessions_of(owner).await.expect("in memory").is_empty());
    assert!(portal.store.mailbox_of(&email).await.expect("in memory").is_some(), "a user has it");
    let purged = portal.store.purge(acceso::Clock::now(&portal.clock), 1_000).await.expect("in memory");
    assert_eq!(purged, acceso::Purged::default(), "all in one round");
}

// A copy would be a second secret that nobody wipes.
lacks!(Password: Clone, Copy, std::fmt::Display, serde::Serialize, PartialEq, AsRef<str>, std::ops::Deref);
lacks!(SessionToken: Copy, AsRef<str>, std::ops::Deref);
lacks!(PasswordHash: Copy, AsRef<str>, std::ops::Deref);

#[test]
fn a95_a_password_can_be_neither_copied_nor_shown() {
    // What the types lack is checked when this file compiles.
    assert_eq!(format!("{:?} {:?}", Password::new("canario"), Language::Es), "Password(…) Es");
}
