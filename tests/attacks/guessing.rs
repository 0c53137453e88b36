//! A11–A23: guesses count or have no effect, and a lock harms nobody but who guesses.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use acceso::{
    Client, Error, EventKind, Fault, Field, LockDuration, Login, LoginForm, MailPurpose, PasswordChange, Policy,
    Registering, Rule, Stay, UserStore,
};

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal, patient};
use crate::spy::{Watched, document, poll_once, user};
use crate::{HOUR, MINUTE};

async fn strikes(portal: &Portal, name: &str) -> u64 {
    document(&user(&portal.store, name).await)["credential"]["chosen"]["strikes"].as_u64().expect("a number")
}

#[tokio::test]
async fn a11_a_login_that_is_dropped_has_happened_wholly_or_not_at_all() {
    for (typed, sessions_if_done, strikes_if_done) in [(PASSWORD, 1, 0), ("Equivocada 1", 0, 1)] {
        let (mut polls, mut seen) = (0, Vec::new());
        loop {
            let mut watched = Watched::with(Policy::portal());
            watched.portal.user(ANA, "anapena", PASSWORD).await;
            watched.spy.dawdles.store(true, Ordering::SeqCst);
            let login =
                watched.portal.acceso.login(LoginForm::new("anapena", typed), Stay::Session, &watched.portal.client);
            let (mut login, mut left) = (Box::pin(login), polls);
            // Ready by itself, or dropped after so many polls.
            let answered = std::future::poll_fn(|context| match login.as_mut().poll(context) {
                std::task::Poll::Ready(_) => std::task::Poll::Ready(true),
                std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(false),
                std::task::Poll::Pending => {
                    left -= 1;
                    std::task::Poll::Pending
                }
            })
            .await;
            drop(login);
            let owner = user(&watched.portal.store, "anapena").await.id();
            let sessions = watched.portal.store.sessions_of(owner).await.expect("in memory").len();
            seen.push((sessions, strikes(&watched.portal, "anapena").await));
            if answered {
                break;
            }
            polls += 1;
        }
        assert!(seen.len() > 3, "dropped at several points");
        assert_eq!(seen.first(), Some(&(0, 0)));
        assert_eq!(seen.last(), Some(&(sessions_if_done, strikes_if_done)));
        assert!(seen.iter().all(|one| *one == (0, 0) || *one == (sessions_if_done, strikes_if_done)), "{seen:?}");
    }
}

#[tokio::test]
async fn a12_a_strike_that_cannot_be_written_is_no_answer() {
    let mut watched = Watched::with(Policy::portal());
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    watched.spy.refuses.store(true, Ordering::SeqCst);
    for typed in ["Equivocada 1", PASSWORD] {
        let login = LoginForm::new("anapena", typed);
        let answer = watched.portal.acceso.login(login, Stay::Session, &watched.portal.client).await;
        assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    }
    watched.spy.refuses.store(false, Ordering::SeqCst);
    assert_eq!(strikes(&watched.portal, "anapena").await, 0);
    watched.portal.lock("anapena").await;
    assert_eq!(strikes(&watched.portal, "anapena").await, 5, "the strike is the commit itself");
}

#[tokio::test]
async fn a13_the_right_password_of_a_locked_user_is_refused_like_any_other() {
    let mut watched = Watched::with(Policy::portal());
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    watched.portal.lock("anapena").await;
    let before = document(&user(&watched.portal.store, "anapena").await);
    let mut seen = Vec::new();
    for typed in ["Equivocada 1", PASSWORD] {
        watched.spy.take_calls();
        let answer = watched.portal.login("anapena", typed).await;
        seen.push((format!("{answer:?}"), watched.spy.take_calls(), watched.portal.last_event()));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].2, EventKind::LoginWhileLocked);
    assert_eq!(document(&user(&watched.portal.store, "anapena").await), before, "nothing counts while locked");
}

#[tokio::test]
async fn a14_ones_own_logins_do_not_reset_what_counts_for_another() {
    let mut portal = Portal::new();
    portal.registry.insert(patient("pac-0002", "intruso@x.example"));
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.user("intruso@x.example", "intruso", PASSWORD).await;
    for _ in 0..5 {
        assert!(matches!(portal.login("anapena", "Equivocada 1").await, Login::Rejected));
        portal.signed_in("intruso", PASSWORD).await;
    }
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected), "locked all the same");
}

#[tokio::test]
async fn a15_a_lock_that_is_over_locks_again_and_trying_does_not_make_it_longer() {
    let mut policy = Policy::portal();
    policy.lockout.duration = LockDuration::Fixed(10 * MINUTE);
    let mut portal = Portal::with(policy);
    portal.user(ANA, "anapena", PASSWORD).await;
    for _ in 0..3 {
        portal.lock("anapena").await;
        portal.clock.advance(9 * MINUTE);
        assert!(matches!(portal.login("anapena", "Equivocada 1").await, Login::Rejected), "still locked");
        portal.clock.advance(MINUTE);
    }
    portal.signed_in("anapena", PASSWORD).await;
}

#[tokio::test]
async fn a16_who_locks_a_patient_out_neither_ends_her_session_nor_keeps_her_out() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    portal.lock("anapena").await;
    portal.mail(MailPurpose::UserLocked).await;
    assert!(portal.is_signed_in(&session.token).await, "her session stays");
    let temporary = portal.temporary_password(ANA, "anapena").await;
    let Login::MustChangePassword(restricted) = portal.login("anapena", &temporary).await else { panic!("no entry") };
    assert!(matches!(portal.change(&restricted.token, "", NEW_PASSWORD).await, PasswordChange::Changed(_)));
    portal.mails().await;
    // Locked again and again: she hears of it once a day.
    portal.lock("anapena").await;
    assert!(portal.mails().await.is_empty());
    portal.temporary_password(ANA, "anapena").await;
}

#[tokio::test]
async fn a17_spellings_of_a_name_share_one_count() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    for spelled in ["anapena", "ANAPENA", " AnaPena ", "anaPENA", "anapena "] {
        assert!(matches!(portal.login(spelled, "Equivocada 1").await, Login::Rejected));
    }
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected), "five locked it");
    assert!(matches!(portal.login("ＡＮＡＰＥＮＡ", PASSWORD).await, Login::Rejected), "and this is no name");
    assert_eq!(portal.last_event(), EventKind::LoginUnknown);
}

#[tokio::test]
async fn a18_one_try_at_each_of_many_names_leaves_its_trace_with_the_callers_address() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let address = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7]);
    portal.client = Client::unknown().with_address(address);
    let before = portal.store.events().len();
    for number in 0..100 {
        assert!(matches!(portal.login(&format!("nombre{number}"), "Verano 2026").await, Login::Rejected));
    }
    assert!(matches!(portal.login("anapena", "Verano 2026").await, Login::Rejected));
    let events = portal.store.events().split_off(before);
    assert_eq!(events.len(), 101, "one each, for a host to count by");
    assert!(events.iter().all(|event| event.address() == Some(address)));
}

#[tokio::test]
async fn a19_a_flood_of_unknown_names_does_not_wash_a_count_away() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    for _ in 0..4 {
        assert!(matches!(portal.login("anapena", "Equivocada 1").await, Login::Rejected));
    }
    for number in 0..5_000 {
        assert!(matches!(portal.login(&format!("nombre{number}"), "x").await, Login::Rejected));
    }
    assert_eq!(strikes(&portal, "anapena").await, 4);
    assert!(matches!(portal.login("anapena", "Equivocada 1").await, Login::Rejected));
    assert_eq!(portal.last_event(), EventKind::LoginLocked);
}

#[tokio::test]
async fn a20_a_stolen_session_cannot_guess_the_current_password() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let stolen = portal.signed_in("anapena", PASSWORD).await;
    let own = portal.signed_in("anapena", PASSWORD).await;
    for _ in 0..4 {
        assert!(matches!(portal.change(&stolen.token, "Equivocada 1", NEW_PASSWORD).await, PasswordChange::Rejected));
        assert!(portal.is_signed_in(&stolen.token).await);
    }
    assert!(matches!(portal.change(&stolen.token, "Equivocada 1", NEW_PASSWORD).await, PasswordChange::Rejected));
    assert_eq!(portal.last_event(), EventKind::PasswordChangeLocked);
    assert!(!portal.is_signed_in(&stolen.token).await, "the strike that locks ends the session");
    assert!(portal.is_signed_in(&own.token).await);
    assert!(matches!(portal.change(&own.token, PASSWORD, NEW_PASSWORD).await, PasswordChange::Rejected), "unjudged");
    assert_eq!(portal.last_event(), EventKind::PasswordChangeWhileLocked);
    portal.mail(MailPurpose::UserLocked).await;
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected), "one count for both");
}

#[tokio::test]
async fn a21_nobody_can_kill_a_temporary_password_by_guessing() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let temporary = portal.temporary_password(ANA, "anapena").await;
    let before = document(&user(&portal.store, "anapena").await);
    for _ in 0..10_000 {
        assert!(matches!(portal.login("anapena", "Equivocada 1").await, Login::Rejected));
    }
    assert_eq!(portal.last_event(), EventKind::LoginWrongTemporary);
    assert_eq!(document(&user(&portal.store, "anapena").await), before);
    assert!(matches!(portal.login("anapena", &temporary).await, Login::MustChangePassword(_)));
}

#[tokio::test]
async fn a22_a_flood_of_logins_is_refused_before_any_look_up() {
    let mut policy = Policy::portal();
    (policy.hashing.threads, policy.hashing.queue_per_thread) = (Some(2), 3);
    let watched = Watched::of(policy);
    let login = || {
        let form = LoginForm::new("desconocida", PASSWORD);
        Box::pin(watched.portal.acceso.login(form, Stay::Session, &watched.portal.client))
    };
    let mut flood: Vec<_> = (0..500).map(|_| login()).collect();
    let busy = flood.iter_mut().filter_map(|login| poll_once(login.as_mut()));
    let busy = busy.filter(|answer| matches!(answer, Err(Error::Busy { .. }))).count();
    // Eight have a place until they are polled again; one that was hashed before its first poll ended makes room.
    assert!(busy > 400, "{busy}");
    assert_eq!(watched.spy.count("user_named"), 500 - busy);
}

#[tokio::test]
async fn a23_passwords_that_everybody_tries_cannot_be_set_anywhere() {
    let mut portal = Portal::new();
    let common = [Fault::new(Field::Password, Rule::Common)];
    for typed in ["Password1", "Qwerty123", "Argentina1"] {
        let Registering::Invalid(faults) = portal.register(ANA, "anapena", typed).await else { panic!("accepted") };
        assert_eq!(faults, common);
    }
    portal.user(ANA, "anapena", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    let answer = portal.change(&session.token, PASSWORD, "Password1").await;
    assert!(matches!(&answer, PasswordChange::Invalid(faults) if *faults == common), "{answer:?}");
    portal.clock.advance(HOUR);
    let temporary = portal.temporary_password(ANA, "anapena").await;
    let Login::MustChangePassword(restricted) = portal.login("anapena", &temporary).await else { panic!("no entry") };
    let answer = portal.change(&restricted.token, "", "Password1").await;
    assert!(matches!(&answer, PasswordChange::Invalid(faults) if *faults == common), "{answer:?}");
}
