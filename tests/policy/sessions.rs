//! How long sessions last, and how many there may be.

use std::time::Duration;

use acceso::{Login, LoginForm, Policy, RememberedPolicy, Stay};

use crate::common::{ANA, PASSWORD, Portal};
use crate::spy::Watched;
use crate::{DAY, HOUR, MINUTE, around, portal};

/// Whether a session is live `at` after it was opened, if it was used every `each` until then.
async fn is_live(policy: &Policy, stay: Stay, each: Duration, at: Duration) -> bool {
    let mut portal = Portal::with(policy.clone());
    portal.user(ANA, "anapena", PASSWORD).await;
    let login = portal.acceso.login(LoginForm::new("anapena", PASSWORD), stay, &portal.client).await;
    let Ok(Login::SignedIn(session)) = login else { panic!("{login:?}") };
    let mut passed = Duration::ZERO;
    while passed + each < at {
        passed += each;
        portal.clock.advance(each);
        assert!(portal.is_signed_in(&session.token).await, "after {passed:?}");
    }
    portal.clock.advance(at - passed);
    portal.is_signed_in(&session.token).await
}

/// `session.idle`: ends after this long without a request.
#[tokio::test]
async fn a_session_ends_when_it_is_idle_for_as_long_as_the_policy_says() {
    for idle in [10 * MINUTE, 30 * MINUTE] {
        let policy = portal(|policy| policy.session.idle = idle);
        for (at, live) in around(idle) {
            assert_eq!(is_live(&policy, Stay::Session, DAY, at).await, live, "{idle:?} {at:?}");
        }
        for (at, live) in around(idle + MINUTE) {
            assert!(is_live(&policy, Stay::Session, MINUTE, at).await, "used each minute");
            let mut portal = Portal::with(policy.clone());
            portal.user(ANA, "anapena", PASSWORD).await;
            let session = portal.signed_in("anapena", PASSWORD).await;
            portal.clock.advance(MINUTE);
            assert!(portal.is_signed_in(&session.token).await);
            portal.clock.advance(at - MINUTE);
            assert_eq!(portal.is_signed_in(&session.token).await, live, "idle since its use, {at:?}");
        }
    }
}

/// `session.absolute`: ends after this long however busy it is.
#[tokio::test]
async fn a_busy_session_ends_when_the_policy_says() {
    for absolute in [HOUR, 12 * HOUR] {
        let policy = portal(|policy| policy.session.absolute = absolute);
        for (at, live) in around(absolute) {
            assert_eq!(is_live(&policy, Stay::Session, 7 * MINUTE, at).await, live, "{absolute:?} {at:?}");
        }
    }
}

/// `session.remembered`: whether anybody can stay signed in.
#[tokio::test]
async fn nobody_stays_signed_in_where_the_policy_has_it_off() {
    let on = Policy::portal();
    let off = portal(|policy| policy.session.remembered = None);
    for (policy, stays) in [(on, true), (off, false)] {
        let mut portal = Portal::with(policy.clone());
        portal.user(ANA, "anapena", PASSWORD).await;
        let login = LoginForm::new("anapena", PASSWORD);
        let Ok(Login::SignedIn(session)) = portal.acceso.login(login, Stay::SignedIn, &portal.client).await else {
            panic!("not signed in")
        };
        assert_eq!(session.remembered, stays);
        assert_eq!(is_live(&policy, Stay::SignedIn, 2 * DAY, DAY).await, stays);
    }
}

fn remembered(idle: Duration, absolute: Duration) -> Policy {
    portal(|policy| {
        let mut spans: RememberedPolicy = policy.session.remembered.expect("on");
        (spans.idle, spans.absolute) = (idle, absolute);
        policy.session.remembered = Some(spans);
    })
}

/// `session.remembered.idle`: ends after this long without a request, for who stays signed in.
#[tokio::test]
async fn who_stays_signed_in_may_be_away_for_as_long_as_the_policy_says() {
    for days in [3, 14] {
        for (at, live) in around(days * DAY) {
            assert_eq!(is_live(&remembered(days * DAY, 30 * DAY), Stay::SignedIn, 90 * DAY, at).await, live, "{at:?}");
        }
    }
}

/// `session.remembered.absolute`: ends after this long however busy it is, for who stays signed in.
#[tokio::test]
async fn who_stays_signed_in_must_log_in_again_when_the_policy_says() {
    for days in [20, 30] {
        for (at, live) in around(days * DAY) {
            assert_eq!(is_live(&remembered(14 * DAY, days * DAY), Stay::SignedIn, 23 * HOUR, at).await, live, "{at:?}");
        }
    }
}

/// `session.restricted`: how long one has to change a temporary password, once logged in with it.
#[tokio::test]
async fn a_restricted_session_lasts_as_long_as_the_policy_says() {
    for minutes in [5, 15] {
        let policy = portal(|policy| policy.session.restricted = minutes * MINUTE);
        for (at, live) in around(minutes * MINUTE) {
            let mut portal = Portal::with(policy.clone());
            portal.user(ANA, "anapena", PASSWORD).await;
            let temporary = portal.temporary_password(ANA, "anapena").await;
            let Login::MustChangePassword(session) = portal.login("anapena", &temporary).await else {
                panic!("no entry")
            };
            portal.clock.advance(at - MINUTE);
            assert!(portal.acceso.restricted_session(&session.token).await.is_ok_and(|visitor| visitor.is_some()));
            portal.clock.advance(MINUTE);
            let visitor = portal.acceso.restricted_session(&session.token).await.expect("the store is there");
            assert_eq!(visitor.is_some(), live, "{minutes} minutes, {at:?}: use does not prolong it");
        }
    }
}

/// `session.per_user`: how many sessions a user may have before the oldest goes.
#[tokio::test]
async fn the_oldest_session_makes_room_when_there_are_more_than_the_policy_says() {
    for most in [1, 3] {
        let mut portal = Portal::with(portal(|policy| policy.session.per_user = most));
        portal.user(ANA, "anapena", PASSWORD).await;
        let mut tokens = Vec::new();
        for _ in 0..=most {
            portal.pass(1);
            tokens.push(portal.signed_in("anapena", PASSWORD).await.token);
        }
        assert!(!portal.is_signed_in(&tokens[0]).await, "the oldest went");
        for token in &tokens[1..] {
            assert!(portal.is_signed_in(token).await);
        }
    }
}

/// `session.touch_interval`: how often a use is noted.
#[tokio::test]
async fn a_use_is_noted_once_in_the_policys_interval() {
    for interval in [MINUTE, 5 * MINUTE] {
        for (after, unnoted) in around(interval) {
            let mut watched = Watched::with(portal(|policy| policy.session.touch_interval = interval));
            watched.portal.user(ANA, "anapena", PASSWORD).await;
            let session = watched.portal.signed_in("anapena", PASSWORD).await;
            watched.portal.clock.advance(after);
            watched.spy.take_calls();
            assert!(watched.portal.is_signed_in(&session.token).await);
            let touched = watched.spy.take_calls() == ["session", "commit: TouchSession"];
            assert_eq!(touched, !unnoted, "{interval:?} {after:?}");
            assert!(watched.portal.is_signed_in(&session.token).await);
            assert_eq!(watched.spy.take_calls(), ["session"], "and not again at once");
        }
    }
}
