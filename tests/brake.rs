//! The brake on mails: nobody can flood a mailbox, and nobody is kept waiting by it who has no live link. Not: the values of
//! the policy, one by one, which `tests/policy` has.
//!
//! **A request is swallowed only while a link lies in the mailbox that was delivered and still works.**

mod common;
#[path = "common/spy.rs"]
mod spy;

use std::time::Duration;

use acceso::{
    Confirmation, EventKind, Login, MailPurpose, PasswordChange, Policy, RecoveryConfirmation, Stored, UserStore,
};
use common::{ANA, NEW_PASSWORD, PASSWORD, Portal, token};
use serde_json::Value;
use spy::{Fate, Watched, user};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// What is asked for.
#[derive(Clone, Copy)]
enum Ask {
    Registration,
    Recovery,
}

/// The minutes at which a mail comes, if one is asked for each minute.
async fn mailed_at(portal: &mut Portal, minutes: u64, ask: Ask) -> Vec<u64> {
    let mut mailed = Vec::new();
    for minute in 0..=minutes {
        match ask {
            Ask::Registration => drop(portal.registered(ANA, &format!("intruso{minute}"), PASSWORD).await),
            Ask::Recovery => drop(portal.recover_password(ANA, "anapena").await),
        }
        let mails = portal.mails().await;
        assert!(mails.len() <= 1);
        mailed.extend(mails.iter().map(|_| minute));
        portal.pass(MINUTE);
    }
    mailed
}

#[tokio::test]
async fn the_interval_between_links_doubles_up_to_an_hour() {
    let mailed = mailed_at(&mut Portal::new(), 400, Ask::Registration).await;
    assert_eq!(mailed, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363]);
}

#[tokio::test]
async fn the_interval_shortens_as_links_of_recovery_expire_and_is_never_more_than_an_hour() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let mailed = mailed_at(&mut portal, 300, Ask::Recovery).await;
    // At minute 120 the first link is dead, and the wait of six that live is over; of seven it would have been until 123.
    assert_eq!(mailed[..8], [0, 1, 3, 7, 15, 31, 63, 120]);
    assert!(mailed.windows(2).all(|pair| pair[1] - pair[0] <= 60), "{mailed:?}");
    assert!(mailed.len() < 30, "{mailed:?}");
}

#[tokio::test]
async fn eight_links_live_at_most_and_the_newest_are_kept() {
    let mut portal = Portal::new();
    portal.registered(ANA, "anapena", PASSWORD).await;
    let mut links = Vec::new();
    for _ in 0..12 {
        let mails = portal.mails().await;
        links.extend(mails.iter().map(token));
        portal.pass(HOUR);
        portal.registered(ANA, "otra", PASSWORD).await;
    }
    assert_eq!(links.len(), 12);
    for (at, link) in links.iter().enumerate() {
        // A wrong password leaves a live link as it is.
        let expected = if at < 4 { Confirmation::LinkInvalid } else { Confirmation::Rejected };
        assert_eq!(portal.confirm(link, "anapena", "Equivocada 1").await, expected, "link {at}");
    }
    assert_eq!(portal.confirm(&links[4], "anapena", PASSWORD).await, Confirmation::Confirmed);
    for link in &links {
        assert_eq!(portal.confirm(link, "otra", PASSWORD).await, Confirmation::LinkInvalid);
    }
}

#[tokio::test]
async fn using_a_link_begins_anew() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    for _ in 0..5 {
        let _ = portal.recover_password(ANA, "anapena").await;
        portal.mails().await;
        portal.pass(20 * MINUTE);
    }
    let _ = portal.recover_password(ANA, "anapena").await;
    let link = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    let _ = portal.recover_password(ANA, "anapena").await;
    assert!(portal.mails().await.is_empty(), "braked");
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::Accepted);
    portal.mail(MailPurpose::TemporaryPassword).await;
    let _ = portal.recover_password(ANA, "anapena").await;
    portal.mail(MailPurpose::ConfirmRecovery).await;
    portal.pass(MINUTE);
    let _ = portal.recover_password(ANA, "anapena").await;
    portal.mail(MailPurpose::ConfirmRecovery).await;
}

async fn mailbox(portal: &Portal) -> Value {
    let mailbox = portal.store.mailbox_of(&ANA.parse().expect("legal")).await.expect("in memory");
    serde_json::to_value(Stored(&mailbox.expect("a mailbox"))).expect("serializes")
}

#[tokio::test]
async fn a_swallowed_request_writes_nothing() {
    let mut watched = Watched::with(Policy::portal());
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    let _ = watched.portal.recover_password(ANA, "anapena").await;
    let link = token(&watched.portal.mail(MailPurpose::ConfirmRecovery).await);
    let before = mailbox(&watched.portal).await;
    watched.portal.pass(59);
    let _ = watched.portal.recover_password(ANA, "anapena").await;
    watched.spy.take_calls();
    assert!(watched.portal.mails().await.is_empty());
    let commits: Vec<String> = watched.spy.take_calls().into_iter().filter(|call| call.starts_with("commit")).collect();
    assert_eq!(commits, ["commit: SettleMail"]);
    assert_eq!(mailbox(&watched.portal).await, before);
    assert_eq!(watched.portal.confirm_recovery(&link).await, RecoveryConfirmation::Accepted, "the one that is there");
}

#[tokio::test]
async fn a_mail_that_was_refused_for_good_brakes_nothing_and_its_link_is_dead() {
    let mut watched = Watched::with(Policy::portal());
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    let _ = watched.portal.recover_password(ANA, "anapena").await;
    watched.post.next([Fate::Permanent]);
    assert!(watched.portal.mails().await.is_empty());
    let refused = token(&watched.post.take_lost()[0]);
    assert_eq!(watched.portal.confirm_recovery(&refused).await, RecoveryConfirmation::LinkInvalid);
    assert_eq!(mailbox(&watched.portal).await["entries"], Value::Array(Vec::new()));
    let _ = watched.portal.recover_password(ANA, "anapena").await;
    let link = token(&watched.portal.mail(MailPurpose::ConfirmRecovery).await);
    assert_eq!(watched.portal.confirm_recovery(&link).await, RecoveryConfirmation::Accepted);
}

#[tokio::test]
async fn a_try_after_a_transient_failure_replaces_its_own_link_and_is_not_braked() {
    let mut watched = Watched::with(Policy::portal());
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    let _ = watched.portal.recover_password(ANA, "anapena").await;
    watched.post.next([Fate::Transient]);
    assert!(watched.portal.mails().await.is_empty());
    let first = token(&watched.post.take_lost()[0]);
    // Who asks again meanwhile is served by the same mail.
    watched.portal.pass(5);
    let _ = watched.portal.recover_password(ANA, "anapena").await;
    assert!(watched.portal.mails().await.is_empty(), "an equal is postponed");
    watched.portal.pass(25);
    let mail = watched.portal.mail(MailPurpose::ConfirmRecovery).await;
    assert_eq!(mailbox(&watched.portal).await["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(watched.portal.confirm_recovery(&first).await, RecoveryConfirmation::LinkInvalid);
    assert_eq!(watched.portal.confirm_recovery(&token(&mail)).await, RecoveryConfirmation::Accepted);
}

#[tokio::test]
async fn a_link_that_was_never_delivered_brakes_nothing() {
    let mut policy = Policy::portal();
    (policy.mail.brake_longest, policy.mail.retry_longest) = (policy.mail.brake_first, policy.mail.retry_first);
    policy.recovery_link_lifetime = Duration::from_secs(10 * MINUTE);
    let mut watched = Watched::with(policy);
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    let _ = watched.portal.recover_password(ANA, "anapena").await;
    watched.post.next([Fate::Transient; 100]);
    // Tried every half minute until it is given up, its last link not a minute old.
    while watched.portal.last_event() != EventKind::MailExpired(MailPurpose::ConfirmRecovery) {
        watched.portal.mails().await;
        watched.portal.pass(5);
    }
    let lost = watched.post.take_lost();
    assert!(lost.len() > 20, "{}", lost.len());
    watched.post.recover();
    assert_eq!(mailbox(&watched.portal).await["entries"][0]["handed"], false);
    let _ = watched.portal.recover_password(ANA, "anapena").await;
    watched.portal.mail(MailPurpose::ConfirmRecovery).await;
}

#[tokio::test]
async fn a_try_does_not_take_the_links_of_other_requests_away() {
    let mut watched = Watched::with(Policy::portal());
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    let _ = watched.portal.recover_password(ANA, "anapena").await;
    let delivered = token(&watched.portal.mail(MailPurpose::ConfirmRecovery).await);
    watched.portal.pass(MINUTE);
    let _ = watched.portal.recover_password(ANA, "anapena").await;
    watched.post.next([Fate::Transient; 3]);
    for _ in 0..4 {
        watched.portal.mails().await;
        watched.portal.pass(15 * MINUTE);
    }
    assert_eq!(watched.portal.confirm_recovery(&delivered).await, RecoveryConfirmation::Accepted);
}

/// Mails of user names that came after each of these pauses, one asked for at the end of each.
async fn names_after(pauses: &[u64]) -> Vec<bool> {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let mut came = Vec::new();
    for pause in pauses {
        portal.pass(*pause);
        let _ = portal.recover_username(ANA).await;
        came.push(!portal.mails().await.is_empty());
    }
    came
}

#[tokio::test]
async fn mails_without_a_link_wait_longer_and_longer_and_begin_anew_after_a_day() {
    assert_eq!(names_after(&[0, 59, 1]).await, [true, false, true]);
    assert_eq!(names_after(&[0, 60, 119, 1, 239, 1]).await, [true, true, false, true, false, true]);
    let grown = [0, 60, 120, 240, 480, 960, 1_920];
    let then = |rest: &[u64]| grown.iter().chain(rest).copied().collect::<Vec<_>>();
    assert_eq!(names_after(&then(&[HOUR - 1, 1])).await[7..], [false, true], "an hour at most");
    // A day without one: the next comes, and a minute later another.
    assert_eq!(names_after(&then(&[DAY, 59, 1])).await[7..], [true, false, true]);
    assert_eq!(names_after(&then(&[DAY - 1, 60])).await[7..], [true, false], "less than a day is not enough");
}

#[tokio::test]
async fn purposes_and_users_do_not_brake_each_other() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.user(ANA, "tomas", PASSWORD).await;
    portal.registered(ANA, "otra", PASSWORD).await;
    let _ = portal.recover_username(ANA).await;
    let _ = portal.recover_password(ANA, "anapena").await;
    let _ = portal.recover_password(ANA, "tomas").await;
    assert_eq!(portal.mails().await.len(), 4);
    portal.registered(ANA, "otra", PASSWORD).await;
    let _ = portal.recover_username(ANA).await;
    let _ = portal.recover_password(ANA, "anapena").await;
    let _ = portal.recover_password(ANA, "tomas").await;
    assert!(portal.mails().await.is_empty());
}

#[tokio::test]
async fn a_link_that_a_change_of_password_has_killed_brakes_nothing() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    // Whoever has asked so often that the wait is long.
    let mut dead = String::new();
    for _ in 0..6 {
        let _ = portal.recover_password(ANA, "anapena").await;
        dead = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
        portal.clock.advance(Duration::from_secs(16 * MINUTE));
    }
    let _ = portal.recover_password(ANA, "anapena").await;
    assert!(portal.mails().await.is_empty());
    let session = portal.signed_in("anapena", PASSWORD).await;
    assert!(matches!(portal.change(&session.token, PASSWORD, NEW_PASSWORD).await, PasswordChange::Changed(_)));
    portal.mail(MailPurpose::PasswordChanged).await;
    assert_eq!(portal.confirm_recovery(&dead).await, RecoveryConfirmation::LinkInvalid);
    let _ = portal.recover_password(ANA, "anapena").await;
    let link = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::Accepted);
}

#[tokio::test]
async fn a_link_that_disabling_has_killed_brakes_nothing() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let _ = portal.recover_password(ANA, "anapena").await;
    portal.mail(MailPurpose::ConfirmRecovery).await;
    let id = user(&portal.store, "anapena").await.id();
    assert!(portal.acceso.disable(id, &portal.client).await.is_ok());
    assert!(portal.acceso.enable(id, &portal.client).await.is_ok());
    let _ = portal.recover_password(ANA, "anapena").await;
    let link = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::Accepted);
}

#[tokio::test]
async fn a_notice_of_a_lock_that_never_went_out_brakes_none_of_the_next_lock() {
    let mut watched = Watched::with(Policy::portal());
    let portal = &mut watched.portal;
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.lock("anapena").await;
    watched.post.next([Fate::Transient]);
    assert!(portal.mails().await.is_empty());
    // Recovery ends the lock before the next try, and so the notice.
    let temporary = portal.temporary_password(ANA, "anapena").await;
    let Login::MustChangePassword(session) = portal.login("anapena", &temporary).await else { panic!("rejected") };
    assert!(matches!(portal.change(&session.token, "", NEW_PASSWORD).await, PasswordChange::Changed(_)));
    portal.mail(MailPurpose::PasswordChanged).await;
    portal.pass(HOUR);
    assert!(portal.mails().await.is_empty());
    portal.lock("anapena").await;
    portal.mail(MailPurpose::UserLocked).await;
}
