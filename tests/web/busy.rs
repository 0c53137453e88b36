//! When too much is asked at once. Not: when that is, which the policy says.
//!
//! **Who is told to come back is told when, in words or as a code, and nothing was done.**

use std::pin::Pin;

use acceso::{Error, LoginForm, Policy, Stay};
use axum::Router;
use axum::http::StatusCode;

use crate::browser::{Browser, app};
use crate::common::{ANA, Portal};
use crate::spy::{Watched, poll_once};

/// Good under both policies.
const LONG_PASSWORD: &str = "Tres tristes tigres 3";
const OTHER_PASSWORD: &str = "Cuatro gatos en el tejado 4";

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<acceso::Login, Error>> + Send + 'a>>;

/// So many logins that the next one is refused. Each keeps its place until it is looked at again or dropped.
fn flood(portal: &Portal) -> Vec<Waiting<'_>> {
    let mut waiting = Vec::new();
    loop {
        let form = LoginForm::new("nadie", "Equivocada 1");
        let mut login: Waiting<'_> = Box::pin(portal.acceso.login(form, Stay::Session, &portal.client));
        match poll_once(login.as_mut()) {
            None => waiting.push(login),
            Some(Err(Error::Busy { .. })) => return waiting,
            Some(answer) => assert!(answer.is_ok()),
        }
        assert!(waiting.len() < 1_000);
    }
}

fn both(app: &Router, signed_in: &Browser) -> [Browser; 2] {
    let mut person = Browser::new(app, "es");
    person.cookies.clone_from(&signed_in.cookies);
    [person, signed_in.as_json()]
}

/// Refused with a pause, in the way of the one who asks.
async fn assert_told(app: &Router, signed_in: &Browser, path: &str, fields: &[(&str, &str)], pause: &str) {
    for (browser, is_program) in both(app, signed_in).iter_mut().zip([false, true]) {
        let answer = browser.post(path, fields).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {}", answer.body);
        assert_eq!(answer.header("retry-after"), pause, "{path}");
        assert_eq!((answer.header("cache-control"), answer.cookies().len()), ("no-store", 0), "{path}");
        if is_program {
            assert_eq!((answer.header("content-type"), answer.code().as_str()), ("application/problem+json", "busy"));
        } else {
            assert!(answer.header("content-type").starts_with("text/html"), "{path}");
            assert!(answer.body.contains("No se pudo atender su pedido"), "{path}: {}", answer.body);
        }
        for (_, typed) in fields {
            assert!(!answer.body.contains(typed), "{path} shows {typed}");
        }
    }
}

#[tokio::test]
async fn a_full_queue_for_hashing_is_told_with_a_pause_and_nothing_is_done() {
    let mut policy = Policy::modern();
    (policy.hashing.threads, policy.hashing.queue_per_thread) = (Some(1), 1);
    let mut watched = Watched::with(policy);
    let portal = &mut watched.portal;
    portal.user(ANA, "anapena", LONG_PASSWORD).await;
    portal.registered(ANA, "tomas.pena", LONG_PASSWORD).await;
    let confirmation = crate::common::token(&portal.mail(acceso::MailPurpose::ConfirmRegistration).await);
    let _ = portal.recover_password(ANA, "anapena").await;
    let recovery = crate::common::token(&portal.mail(acceso::MailPurpose::ConfirmRecovery).await);
    let app = app(portal);
    let mut signed_in = Browser::signed_in(&app, "anapena", LONG_PASSWORD).await;

    let waiting = flood(&watched.portal);
    watched.spy.take_calls();
    let registration = [
        ("email", "otra@example.org"),
        ("username", "otra.persona"),
        ("password", LONG_PASSWORD),
        ("repeated", LONG_PASSWORD),
        ("full_name", "Otra Persona"),
    ];
    let confirm = [("token", confirmation.as_str()), ("username", "tomas.pena"), ("password", LONG_PASSWORD)];
    let choose = [("token", recovery.as_str()), ("new", OTHER_PASSWORD), ("repeated", OTHER_PASSWORD)];
    let change = [("current", LONG_PASSWORD), ("new", OTHER_PASSWORD), ("repeated", OTHER_PASSWORD)];
    for (path, fields) in [
        ("/login", &[("username", "tomas.pena"), ("password", LONG_PASSWORD)][..]),
        ("/registration", &registration),
        ("/confirmation", &confirm),
        ("/password-recovery/confirmation", &choose),
        ("/password-change", &change),
    ] {
        assert_told(&app, &signed_in, path, fields, "1").await;
    }
    assert_eq!(watched.spy.count("commit"), 0);
    for page in ["/login", "/registration", "/sessions", "/"] {
        let answer = both(&app, &signed_in)[0].get(page).await;
        assert!(answer.status.is_success() || answer.status.is_redirection(), "{page}: looking costs no hash");
    }
    drop(waiting);
    // What was begun is hashed to its end.
    let mut told = "busy".to_owned();
    while told == "busy" {
        told = signed_in.as_json().post("/confirmation", &confirm).await.code();
    }
    assert_eq!(told, "confirmed", "the link is still good");
    assert_eq!(signed_in.as_json().post("/password-recovery/confirmation", &choose).await.code(), "changed");
    signed_in = Browser::signed_in(&app, "anapena", OTHER_PASSWORD).await;
    assert_eq!(signed_in.get("/").await.body, "results of anapena");
}

#[tokio::test]
async fn a_full_outbox_is_told_with_a_pause_whoever_is_asked_about() {
    let mut policy = Policy::portal();
    policy.mail.max_waiting = 100;
    let mut portal = Portal::with(policy);
    portal.user(ANA, "anapena", LONG_PASSWORD).await;
    for number in 0..100 {
        let _ = portal.recover_username(&format!("a{number}@x.example")).await;
    }
    portal.pass(1);
    let before = portal.store.events().len();
    let app = app(&portal);
    let nobody = Browser::new(&app, "es");
    for (email, username) in [(ANA, "anapena"), ("nadie@example.org", "nadie.aqui")] {
        let registration = [
            ("email", email),
            ("username", "otra.persona"),
            ("password", LONG_PASSWORD),
            ("repeated", LONG_PASSWORD),
            ("full_name", "Otra Persona"),
        ];
        for (path, fields) in [
            ("/registration", &registration[..]),
            ("/username-recovery", &[("email", email)]),
            ("/password-recovery", &[("email", email), ("username", username)]),
        ] {
            assert_told(&app, &nobody, path, fields, "60").await;
        }
    }
    assert_eq!(portal.store.events().len(), before);
}
