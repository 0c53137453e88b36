//! A01–A09: nobody learns from an answer, a look-up, the work done or a mail who is a patient or a user.

use std::sync::atomic::Ordering;

use acceso::{
    Error, Login, LoginForm, MailPurpose, PasswordRecoveryForm, Policy, RecoveryConfirmation, RecoveryRequest,
    Registering, RegistrationForm, Stay, UsernameRecoveryForm,
};

use crate::common::{ANA, NOBODY, PASSWORD, Portal, patient, token};
use crate::spy::{Fate, Watched, user, with_waits};

/// One user name in each state that an account can be in, and one that nobody has.
const CAST: [&str; 7] =
    ["activa", "bloqueada", "inhabilitada", "con.temporal", "esperando", "sin.confirmar", "desconocida"];

/// Makes the [`CAST`]. Each user's password is [`PASSWORD`], or was.
async fn cast(portal: &mut Portal) {
    for name in &CAST[..5] {
        portal.user(ANA, name, PASSWORD).await;
    }
    portal.lock("bloqueada").await;
    let disabled = user(&portal.store, "inhabilitada").await.id();
    assert_eq!(portal.acceso.disable(disabled, &portal.client).await.ok(), Some(acceso::Administered::Done));
    portal.mails().await;
    portal.temporary_password(ANA, "con.temporal").await;
    let _ = portal.recover_password(ANA, "esperando").await;
    let mail = portal.mail(MailPurpose::ConfirmRecovery).await;
    assert_eq!(portal.confirm_recovery(&token(&mail)).await, RecoveryConfirmation::Accepted);
    portal.registered(ANA, "sin.confirmar", PASSWORD).await;
}

fn names(calls: &[String]) -> Vec<&str> {
    calls.iter().map(|call| call.split(':').next().unwrap_or(call)).collect()
}

#[tokio::test]
async fn a01_a_refused_login_is_the_same_whatever_the_account_is() {
    let mut watched = Watched::with(Policy::portal());
    cast(&mut watched.portal).await;
    for name in CAST {
        for password in ["Equivocada 1", PASSWORD] {
            if name == "activa" && password == PASSWORD {
                continue;
            }
            watched.spy.take_calls();
            let answer = watched.portal.login(name, password).await;
            assert_eq!(format!("{answer:?}"), "Rejected", "{name}");
            assert_eq!(names(&watched.spy.take_calls()), ["user_named", "commit"], "{name}");
        }
    }
}

#[tokio::test]
async fn a02_every_login_costs_one_hash() {
    // At the real cost, so that a hash cannot end before it is waited for.
    let mut watched = Watched::of(Policy::portal());
    cast(&mut watched.portal).await;
    let portal = &watched.portal;
    let malformed = ["no es un nombre", "", "ñandú", &"a".repeat(100_000)];
    for name in CAST.into_iter().chain(malformed) {
        for password in ["Equivocada 1", ""] {
            let (answer, waits) = with_waits(portal.login(name, password)).await;
            assert!(matches!(answer, Login::Rejected));
            assert_eq!(waits, 1, "{name}");
        }
    }
    let (answer, waits) = with_waits(portal.login("activa", PASSWORD)).await;
    assert!(matches!(answer, Login::SignedIn(_)));
    assert_eq!(waits, 1);
}

#[tokio::test]
async fn a03_the_length_of_a_password_is_judged_alike_for_known_and_unknown_names() {
    let mut watched = Watched::of(Policy::portal());
    let long = format!("Aa1{}", "ñ".repeat(40));
    watched.portal.user(ANA, "activa", &long).await;
    let portal = &watched.portal;
    for typed in ["x".repeat(73), "x".repeat(1_025), "x".repeat(1 << 20)] {
        let mut seen = Vec::new();
        for name in ["activa", "desconocida"] {
            watched.spy.take_calls();
            let (answer, waits) = with_waits(portal.login(name, &typed)).await;
            seen.push((format!("{answer:?}"), waits, names(&watched.spy.take_calls()).join(" ")));
        }
        assert_eq!(seen[0], seen[1], "{} bytes", typed.len());
        assert_eq!((seen[0].0.as_str(), seen[0].1), ("Rejected", 1));
    }
    assert!(matches!(portal.login("activa", &long[..73]).await, Login::Rejected), "nothing is cut off");
    assert!(matches!(portal.login("activa", &long).await, Login::SignedIn(_)), "73 bytes and more count");
}

#[tokio::test]
async fn a04_a_request_for_recovery_neither_waits_for_the_mail_server_nor_fails_with_it() {
    let mut seen = Vec::new();
    for fate in [Fate::Taken, Fate::Transient, Fate::Permanent, Fate::Hangs] {
        for (email, name) in [(ANA, "anapena"), (NOBODY, "nadie")] {
            let mut watched = Watched::with(Policy::portal());
            watched.portal.user(ANA, "anapena", PASSWORD).await;
            let begun = watched.post.begun();
            watched.post.next([fate; 4]);
            watched.portal.pass(1);
            watched.spy.take_calls();
            let (names, password) =
                (watched.portal.recover_username(email).await, watched.portal.recover_password(email, name).await);
            assert_eq!(watched.post.begun(), begun, "the request sends nothing");
            seen.push((names, password, watched.spy.take_calls()));
        }
    }
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    assert_eq!((&seen[0].0, &seen[0].1), (&RecoveryRequest::Accepted, &RecoveryRequest::Accepted));
}

/// What a registration shows: its answer without the random reference, its store calls and its hashes.
async fn shown_by_registering(watched: &Watched, email: &str, name: &str) -> (String, Vec<String>) {
    // So that each asks how much mail is waiting, which is asked once a second.
    watched.portal.pass(1);
    watched.spy.take_calls();
    let before = watched.records.asked.load(Ordering::SeqCst);
    let answer = match watched.portal.register(email, name, PASSWORD).await {
        Registering::Accepted(_) => "accepted".to_owned(),
        other => format!("{other:?}"),
    };
    assert_eq!(watched.records.asked.load(Ordering::SeqCst), before, "a request never asks the registry");
    (answer, watched.spy.take_calls())
}

#[tokio::test]
async fn a05_registering_shows_nothing_about_the_address() {
    let mut watched = Watched::with(Policy::portal());
    for (id, email) in [("pac-0002", "con.usuario@x.example"), ("pac-0003", "pendiente@x.example")] {
        watched.portal.registry.insert(patient(id, email));
    }
    watched.portal.user("con.usuario@x.example", "luz.pena", PASSWORD).await;
    watched.portal.registered("pendiente@x.example", "otra", PASSWORD).await;
    watched.portal.mails().await;
    let mut seen = Vec::new();
    for email in [NOBODY, ANA, "pendiente@x.example", "con.usuario@x.example"] {
        seen.push(shown_by_registering(&watched, email, "nueva").await);
    }
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    assert_eq!(seen[0].0, "accepted");
    assert_eq!(seen[0].1, ["mail_backlog", "user_named", "commit: InsertRegistration QueueMail Record"]);
    let form = || RegistrationForm {
        email: NOBODY.into(),
        username: "nueva".into(),
        password: PASSWORD.into(),
        repeated: PASSWORD.into(),
        full_name: "Ana Peña".into(),
    };
    let watched = Watched::of(Policy::portal());
    for email in [NOBODY, ANA] {
        let form = RegistrationForm { email: email.into(), ..form() };
        let (_, waits) = with_waits(watched.portal.acceso.register(form, &watched.portal.client)).await;
        assert_eq!(waits, 1, "one hash for everybody");
    }
}

#[tokio::test]
async fn a06_that_a_name_is_taken_has_nothing_to_do_with_the_address() {
    let mut watched = Watched::with(Policy::portal());
    watched.portal.registry.insert(patient("pac-0002", "luz@x.example"));
    watched.portal.user("luz@x.example", "tomada", PASSWORD).await;
    let mut seen = Vec::new();
    for name in ["tomada", "libre"] {
        let patients = shown_by_registering(&watched, ANA, name).await;
        let strangers = shown_by_registering(&watched, NOBODY, name).await;
        assert_eq!(patients, strangers, "{name}");
        seen.push(patients.0);
    }
    assert_eq!(seen, ["UsernameTaken", "accepted"]);
}

#[tokio::test]
async fn a07_no_limit_is_seen_by_who_tries_many_times() {
    let mut watched = Watched::with(Policy::portal());
    watched.portal.user(ANA, "activa", PASSWORD).await;
    watched.portal.registered(ANA, "sin.confirmar", PASSWORD).await;
    let mut seen = Vec::new();
    for name in ["activa", "sin.confirmar", "desconocida"] {
        let mut answers = Vec::new();
        for _ in 0..20 {
            watched.spy.take_calls();
            let answer = watched.portal.acceso.login(
                LoginForm::new(name, "Equivocada 1"),
                Stay::Session,
                &watched.portal.client,
            );
            let answer = answer.await.map_err(|error: Error| error.to_string());
            answers.push((format!("{answer:?}"), names(&watched.spy.take_calls()).join(" ")));
        }
        seen.push(answers);
    }
    assert!(seen.iter().all(|answers| *answers == seen[0]));
    assert!(seen[0].iter().all(|answer| answer.0 == "Ok(Rejected)"));
}

#[tokio::test]
async fn a08_both_recoveries_answer_and_do_the_same_for_everybody() {
    let mut watched = Watched::with(Policy::portal());
    cast(&mut watched.portal).await;
    let acceso = &watched.portal.acceso;
    let mut seen = Vec::new();
    for email in [ANA, NOBODY, "ANA.PENA@EXAMPLE.ORG"] {
        watched.portal.pass(1);
        watched.spy.take_calls();
        let answer =
            acceso.recover_username(UsernameRecoveryForm { email: email.into() }, &watched.portal.client).await;
        seen.push((format!("{answer:?}"), watched.spy.take_calls()));
        for name in CAST {
            watched.portal.pass(1);
            let form = PasswordRecoveryForm { email: email.into(), username: name.into() };
            let answer = acceso.recover_password(form, &watched.portal.client).await;
            seen.push((format!("{answer:?}"), watched.spy.take_calls()));
        }
    }
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    assert_eq!(seen[0].0, "Ok(Accepted)");
    assert_eq!(seen[0].1, ["mail_backlog", "commit: QueueMail Record"]);
}

#[tokio::test]
async fn a09_strangers_make_the_portal_mail_nobody_but_its_patients_and_users() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    for (email, name) in [(NOBODY, "nadie"), (NOBODY, "anapena"), (ANA, "nadie")] {
        let _ = portal.recover_password(email, name).await;
    }
    let _ = portal.recover_username(NOBODY).await;
    let _ = portal.register(NOBODY, "nadie", PASSWORD).await;
    for _ in 0..10 {
        assert!(matches!(portal.login("nadie", PASSWORD).await, Login::Rejected));
    }
    assert!(portal.mails().await.is_empty());
    let _ = portal.recover_username("ANA.PENA@example.org").await;
    let mail = portal.mail(MailPurpose::UserNames).await;
    assert_eq!(mail.to().as_str(), ANA, "as the patient record spells it");
}
