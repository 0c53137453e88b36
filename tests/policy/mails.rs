//! How mails are braked and sent.

use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use acceso::test_util::cheap_hashing;
use acceso::{Error, EventKind, LockDuration, MailPurpose, PasswordChange, Policy, RecoveryRequest, UserStore};

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal, patient};
use crate::spy::{Fate, Watched, poll_once};
use crate::{HOUR, MILLISECOND, MINUTE, SECOND, around, portal};

/// Whether a request for user names is answered by a mail, so long after each of the earlier ones.
async fn is_swallowed(policy: &Policy, earlier: &[Duration], last: Duration) -> bool {
    let mut portal = Portal::with(policy.clone());
    portal.user(ANA, "anapena", PASSWORD).await;
    assert_eq!(portal.recover_username(ANA).await, RecoveryRequest::Accepted);
    portal.mail(MailPurpose::UserNames).await;
    for pause in earlier {
        portal.clock.advance(*pause);
        assert_eq!(portal.recover_username(ANA).await, RecoveryRequest::Accepted);
        portal.mail(MailPurpose::UserNames).await;
    }
    portal.clock.advance(last);
    assert_eq!(portal.recover_username(ANA).await, RecoveryRequest::Accepted);
    portal.mails().await.is_empty()
}

/// `mail.brake_first`: the least time between two like mails to one mailbox.
#[tokio::test]
async fn a_second_like_mail_waits_for_the_policys_first_interval() {
    for first in [MINUTE, 2 * MINUTE] {
        let policy = portal(|policy| policy.mail.brake_first = first);
        for (after, swallowed) in around(first) {
            assert_eq!(is_swallowed(&policy, &[], after).await, swallowed, "{first:?} {after:?}");
        }
    }
}

/// `mail.brake_longest`: the most that the interval doubles to.
#[tokio::test]
async fn the_interval_doubles_up_to_the_policys_longest() {
    for (longest, third) in [(100 * SECOND, 100 * SECOND), (3 * MINUTE, 2 * MINUTE)] {
        let policy = portal(|policy| policy.mail.brake_longest = longest);
        for (after, swallowed) in around(third) {
            assert_eq!(is_swallowed(&policy, &[MINUTE], after).await, swallowed, "{longest:?} {after:?}");
        }
    }
}

/// `mail.lock_notice_interval`: the least time between two notices of a lock to one user.
#[tokio::test]
async fn the_owner_hears_of_locks_as_often_as_the_policy_says() {
    for hours in [2, 24] {
        for (after, swallowed) in around(hours * HOUR) {
            let mut portal = Portal::with(portal(|policy| {
                policy.lockout.duration = LockDuration::Fixed(MINUTE);
                policy.mail.lock_notice_interval = hours * HOUR;
            }));
            portal.user(ANA, "anapena", PASSWORD).await;
            portal.lock("anapena").await;
            portal.mail(MailPurpose::UserLocked).await;
            portal.clock.advance(after);
            portal.lock("anapena").await;
            assert_eq!(portal.event_kinds().last(), Some(&EventKind::LoginLocked));
            assert_eq!(portal.mails().await.is_empty(), swallowed, "{hours} h, {after:?}");
        }
    }
}

/// `mail.max_waiting`: how many requests of strangers may wait before all are told to come back.
#[tokio::test]
async fn strangers_are_told_to_come_back_when_as_many_wait_as_the_policy_says() {
    for most in [100, 120] {
        for (waiting, busy) in [(most - 1, false), (most, true)] {
            let portal = Portal::with(portal(|policy| policy.mail.max_waiting = most));
            for number in 0..waiting {
                assert_eq!(portal.recover_username(&format!("a{number}@x.example")).await, RecoveryRequest::Accepted);
            }
            portal.pass(1);
            let form = acceso::UsernameRecoveryForm { email: ANA.into() };
            let answer = portal.acceso.recover_username(form, &portal.client).await;
            assert_eq!(matches!(answer, Err(Error::Busy { .. })), busy, "{waiting} of {most}");
            assert_eq!(answer.is_ok(), !busy);
        }
    }
}

/// `mail.lease`: how long a courier that has gone away keeps the others from what it claimed.
#[tokio::test]
async fn what_a_lost_courier_claimed_is_free_after_the_policys_lease() {
    for lease in [MINUTE, 5 * MINUTE] {
        for (after, held) in around(lease) {
            let policy = portal(|policy| policy.mail.lease = lease);
            let mut watched = Watched::with(policy.clone());
            watched.portal.user(ANA, "anapena", PASSWORD).await;
            let _ = watched.portal.recover_username(ANA).await;
            watched.post.next([Fate::Hangs]);
            assert!(poll_once(Box::pin(watched.portal.courier.deliver_due()).as_mut()).is_none(), "and is dropped");
            let (_acceso, mut other) = watched.beside(cheap_hashing(policy));
            watched.portal.clock.advance(after);
            let claimed = other.deliver_due().await.expect("in memory").claimed;
            assert_eq!(claimed == 0, held, "{lease:?} {after:?}");
        }
    }
}

/// `mail.claim`: how much is claimed at once.
#[tokio::test]
async fn a_round_claims_as_much_as_the_policy_says() {
    for claim in [1, 3] {
        let mut portal = Portal::with(portal(|policy| policy.mail.claim = claim));
        for number in 0..5 {
            let _ = portal.recover_username(&format!("a{number}@x.example")).await;
        }
        assert_eq!(portal.courier.deliver_due().await.expect("in memory").claimed, u32::from(claim));
    }
}

/// `mail.parallel_sends`: how many mails are under way at a time; to one address half of them, and one at least.
#[tokio::test]
async fn as_many_mails_are_under_way_at_a_time_as_the_policy_says() {
    for (parallel, to_many, to_one) in [(1, 1, 1), (3, 3, 1), (4, 4, 2)] {
        assert_eq!(under_way(parallel, |number| format!("ana{number}@example.org")).await, to_many, "{parallel}");
        assert_eq!(under_way(parallel, |_| ANA.to_owned()).await, to_one, "{parallel}");
    }
}

/// How many of four mails, to these addresses, are under way when none is answered.
async fn under_way(parallel: u16, address: impl Fn(usize) -> String) -> usize {
    let mut watched = Watched::with(portal(|policy| policy.mail.parallel_sends = parallel));
    for number in 0..4 {
        watched.portal.registry.insert(patient(&format!("pac-{number}"), &address(number)));
        watched.portal.user(&address(number), &format!("ana{number}"), PASSWORD).await;
    }
    for number in 0..4 {
        let _ = watched.portal.recover_password(&address(number), &format!("ana{number}")).await;
    }
    let before = watched.post.begun();
    watched.post.next([Fate::Hangs; 4]);
    let mut round = Box::pin(watched.portal.courier.deliver_due());
    assert!(poll_once(round.as_mut()).is_none());
    watched.post.begun() - before
}

/// How long the mail waits after that many failures, and that it waits no less and no more.
async fn pause_after(policy: Policy, failures: usize) -> Duration {
    let mut watched = Watched::with(policy);
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    let _ = watched.portal.recover_username(ANA).await;
    watched.post.next(vec![Fate::Transient; failures]);
    let mut pause = Duration::ZERO;
    for _ in 0..failures {
        watched.portal.clock.advance(pause);
        assert_eq!(watched.portal.courier.deliver_due().await.expect("in memory").postponed, 1);
        let due = watched.portal.store.mail_backlog().await.expect("in memory").oldest_due.expect("it waits");
        pause = due.since(acceso::Clock::now(&watched.portal.clock));
    }
    watched.portal.clock.advance(pause - MILLISECOND);
    assert_eq!(watched.portal.courier.deliver_due().await.expect("in memory").claimed, 0);
    watched.portal.clock.advance(MILLISECOND);
    assert_eq!(watched.portal.courier.deliver_due().await.expect("in memory").sent, 1);
    pause
}

fn is_half_at_random(pause: Duration, of: Duration) -> bool {
    pause >= of / 2 && pause <= of
}

/// `mail.retry_first`: how long the first pause after a transient failure is, half of it at random.
#[tokio::test]
async fn the_first_pause_is_the_policys() {
    for first in [30 * SECOND, 10 * MINUTE] {
        let policy = portal(|policy| policy.mail.retry_first = first);
        let (once, twice) = (pause_after(policy.clone(), 1).await, pause_after(policy.clone(), 2).await);
        assert!(is_half_at_random(once, first), "{once:?}");
        assert!(is_half_at_random(twice, (2 * first).min(policy.mail.retry_longest)), "{twice:?}");
    }
}

/// `mail.retry_longest`: the most that the pause doubles to.
#[tokio::test]
async fn pauses_grow_up_to_the_policys_longest() {
    for longest in [MINUTE, 15 * MINUTE] {
        let pause = pause_after(portal(|policy| policy.mail.retry_longest = longest), 8).await;
        assert!(is_half_at_random(pause, longest), "{pause:?}");
    }
}

/// `mail.notice_lifetime`: how long a notice is tried.
#[tokio::test]
async fn a_notice_is_given_up_when_the_policy_says() {
    for hours in [1, 24] {
        for (after, tried) in around(hours * HOUR) {
            let mut portal = Portal::with(portal(|policy| policy.mail.notice_lifetime = hours * HOUR));
            portal.user(ANA, "anapena", PASSWORD).await;
            let session = portal.signed_in("anapena", PASSWORD).await;
            let changed = portal.change(&session.token, PASSWORD, NEW_PASSWORD).await;
            assert!(matches!(changed, PasswordChange::Changed(_)));
            portal.clock.advance(after);
            assert_eq!(portal.mails().await.len(), usize::from(tried), "{hours} h, {after:?}");
            let kind = if tried { EventKind::MailSent } else { EventKind::MailExpired };
            assert_eq!(portal.last_event(), kind(MailPurpose::PasswordChanged));
        }
    }
}

/// `mail.tick`: how long a running courier waits between two looks.
#[tokio::test]
async fn a_running_courier_waits_for_the_policys_tick() {
    for tick in [Duration::from_millis(250), 2 * SECOND] {
        let portal = Portal::with(portal(|policy| policy.mail.tick = tick));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let note = Arc::clone(&asked);
        let sleep = move |span: Duration| {
            let mut asked = note.lock().unwrap_or_else(PoisonError::into_inner);
            asked.push(span);
            let ends = asked.len() < 3;
            async move {
                if !ends {
                    pending::<()>().await;
                }
            }
        };
        assert!(poll_once(Box::pin(portal.courier.run(sleep)).as_mut()).is_none());
        assert_eq!(*asked.lock().unwrap_or_else(PoisonError::into_inner), [tick; 3]);
    }
}

/// `mail.purge_interval`: how often the courier purges.
#[tokio::test]
async fn the_courier_purges_as_often_as_the_policy_says() {
    for interval in [MINUTE, HOUR] {
        for (after, too_early) in around(interval) {
            let mut watched = Watched::with(portal(|policy| policy.mail.purge_interval = interval));
            watched.portal.mails().await;
            assert_eq!(watched.spy.count("purge"), 1, "at once");
            watched.portal.clock.advance(after);
            watched.portal.mails().await;
            assert_eq!(watched.spy.count("purge") == 1, too_early, "{interval:?} {after:?}");
        }
    }
}
