//! Guesses in parallel cannot outrun the lock.

use acceso::{EventKind, Login, LoginForm, PasswordChange, PasswordChangeForm, Policy, Stay};

use crate::common::{ANA, NEW_PASSWORD, PASSWORD};
use crate::crowd::{Dice, NAME, at_once, credential, event_kinds, portal};

const ROUNDS: usize = 40;
const GUESSES: usize = 200;

/// The events of a round, judged one by one: how many wrong passwords were counted since the last login.
fn judged(events: &[EventKind], threshold: usize) -> usize {
    let (mut strikes, mut entries) = (0, 0);
    for kind in events {
        match kind {
            EventKind::LoginWrongPassword | EventKind::PasswordChangeWrongPassword => strikes += 1,
            EventKind::LoginLocked | EventKind::PasswordChangeLocked => {
                strikes += 1;
                assert_eq!(strikes, threshold, "it locks at the threshold");
            }
            EventKind::SignedIn => {
                assert!(strikes < threshold, "judged beyond the threshold");
                (strikes, entries) = (0, entries + 1);
            }
            _ => assert!(
                matches!(kind, EventKind::LoginWhileLocked | EventKind::PasswordChangeWhileLocked),
                "nothing else happens: {kind:?}"
            ),
        }
    }
    assert_eq!(strikes, threshold);
    entries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_guesses_get_in_no_more_often_than_serial_ones() {
    let mut dice = Dice(10);
    let mut entries = 0;
    for _ in 0..ROUNDS {
        let mut portal = portal(Policy::portal()).await;
        portal.user(ANA, NAME, PASSWORD).await;
        let before = event_kinds(&portal).await.len();
        let right = dice.below(GUESSES);
        let guesses = (0..GUESSES).map(|number| {
            let (acceso, client) = (portal.acceso.clone(), portal.client.clone());
            let guess = if number == right { PASSWORD.to_owned() } else { format!("Adivinanza {number}") };
            async move { acceso.login(LoginForm::new(NAME, guess), Stay::Session, &client).await }
        });
        let answers = at_once(guesses).await;
        for (number, answer) in answers.iter().enumerate() {
            match answer {
                Ok(Login::SignedIn(_)) => assert_eq!(number, right),
                Ok(Login::Rejected) => {}
                other => panic!("strangers alone have driven it to {other:?}"),
            }
        }
        let kinds = event_kinds(&portal).await;
        let entered = judged(&kinds[before..], 5);
        assert_eq!(entered, usize::from(matches!(answers[right], Ok(Login::SignedIn(_)))));
        entries += entered;
        let chosen = &credential(&portal.store, NAME).await["chosen"];
        assert_eq!(chosen["strikes"], 5);
        assert!(chosen["locked_since"].is_number());
        assert!(matches!(portal.login(NAME, PASSWORD).await, Login::Rejected), "locked");
    }
    // Serially the right guess is judged if it is among the first five: each round with a chance of 5 in 200, so of 40
    // rounds 12 or more succeed once in 10^9 times. A lock that can be outrun lets nearly all in.
    assert!(entries < 12, "{entries} of {ROUNDS} rounds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guesses_at_login_and_at_a_change_of_password_are_counted_together() {
    for _ in 0..10 {
        let mut portal = portal(Policy::portal()).await;
        portal.user(ANA, NAME, PASSWORD).await;
        let token = portal.signed_in(NAME, PASSWORD).await.token;
        let before = event_kinds(&portal).await.len();
        let guesses = (0..60).map(|number| {
            let (acceso, client, token) = (portal.acceso.clone(), portal.client.clone(), token.clone());
            async move {
                let guess = format!("Adivinanza {number}");
                if number % 2 == 0 {
                    let login = acceso.login(LoginForm::new(NAME, guess), Stay::Session, &client).await;
                    assert!(matches!(login, Ok(Login::Rejected)), "{login:?}");
                } else {
                    let (new, repeated) = (NEW_PASSWORD.into(), NEW_PASSWORD.into());
                    let form = PasswordChangeForm { current: guess.into(), new, repeated };
                    let change = acceso.change_password(&token, form, &client).await;
                    assert!(matches!(change, Ok(PasswordChange::Rejected | PasswordChange::NotSignedIn)), "{change:?}");
                }
            }
        });
        at_once(guesses).await;
        let kinds = event_kinds(&portal).await;
        let counted = kinds[before..].iter().filter(|kind| **kind != EventKind::PasswordChangeRefused);
        assert_eq!(judged(&counted.copied().collect::<Vec<_>>(), 5), 0);
        assert_eq!(credential(&portal.store, NAME).await["chosen"]["strikes"], 5);
    }
}
