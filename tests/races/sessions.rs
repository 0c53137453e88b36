//! What a change of password, a recovery, a disabling or a logout ends stays ended, whatever overlaps with it.

use acceso::test_util::cheap_hashing;
use acceso::{
    EventKind, HashCost, Login, LoginForm, MailPurpose, PasswordChange, PasswordChangeForm, Policy,
    RecoveryConfirmation, RecoveryRequest, SessionToken, Stay, UserStore,
};

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal, token};
use crate::crowd::{NAME, World, at_once, credential, event_kinds, portal, roomy, user};
use crate::store::Store;

const ROUNDS: usize = 40;

/// What one of the racers has come to.
#[derive(Debug)]
enum Came {
    In(SessionToken),
    Out,
    Through(SessionToken),
}

type Racer = std::pin::Pin<Box<dyn Future<Output = Came> + Send>>;

fn login(portal: &Portal<Store>, password: &'static str) -> Racer {
    let (acceso, client) = (portal.acceso.clone(), portal.client.clone());
    Box::pin(async move {
        match acceso.login(LoginForm::new(NAME, password), Stay::Session, &client).await {
            Ok(Login::SignedIn(signed_in)) => Came::In(signed_in.token),
            Ok(Login::Rejected) => Came::Out,
            other => panic!("{other:?}"),
        }
    })
}

fn change(portal: &Portal<Store>, token: &SessionToken) -> Racer {
    let (acceso, client, token) = (portal.acceso.clone(), portal.client.clone(), token.clone());
    Box::pin(async move {
        let (new, repeated) = (NEW_PASSWORD.into(), NEW_PASSWORD.into());
        let form = PasswordChangeForm { current: PASSWORD.into(), new, repeated };
        match acceso.change_password(&token, form, &client).await {
            Ok(PasswordChange::Changed(signed_in)) => Came::Through(signed_in.token),
            Ok(PasswordChange::NotSignedIn) => Came::Out,
            other => panic!("{other:?}"),
        }
    })
}

async fn with_session() -> (Portal<Store>, SessionToken) {
    let mut portal = portal(Policy::portal()).await;
    portal.user(ANA, NAME, PASSWORD).await;
    let token = portal.signed_in(NAME, PASSWORD).await.token;
    (portal, token)
}

async fn open_sessions(portal: &Portal<Store>) -> usize {
    let user = user(&portal.store, NAME).await.expect("a user");
    portal.store.sessions_of(user.id()).await.expect("the store is there").len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_session_of_the_old_password_survives_its_change() {
    for _ in 0..ROUNDS {
        let (portal, token) = with_session().await;
        let mut racers = vec![change(&portal, &token)];
        racers.extend((0..4).map(|_| login(&portal, PASSWORD)));
        for came in at_once(racers).await {
            match came {
                Came::In(dead) => assert!(!portal.is_signed_in(&dead).await, "a session of a dead password"),
                Came::Through(token) => assert!(portal.is_signed_in(&token).await),
                Came::Out => {}
            }
        }
        assert_eq!(open_sessions(&portal).await, 1);
        assert!(matches!(portal.login(NAME, PASSWORD).await, Login::Rejected));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_session_of_the_old_password_survives_its_recovery() {
    for _ in 0..ROUNDS {
        let (mut portal, _) = with_session().await;
        assert_eq!(portal.recover_password(ANA, NAME).await, RecoveryRequest::Accepted);
        let link = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
        let (acceso, client) = (portal.acceso.clone(), portal.client.clone());
        let mut racers: Vec<Racer> = vec![Box::pin(async move {
            let confirmed = acceso.confirm_recovery(&link, &client).await.expect("the store is there");
            assert_eq!(confirmed, RecoveryConfirmation::Accepted);
            Came::Out
        })];
        racers.extend((0..4).map(|_| login(&portal, PASSWORD)));
        at_once(racers).await;
        assert_eq!(open_sessions(&portal).await, 0, "a session of a dead password");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_session_survives_disabling_or_opens_beside_it() {
    for _ in 0..ROUNDS {
        let (portal, token) = with_session().await;
        let id = user(&portal.store, NAME).await.expect("a user").id();
        let (acceso, client) = (portal.acceso.clone(), portal.client.clone());
        let mut racers: Vec<Racer> = vec![Box::pin(async move {
            let disabled = acceso.disable(id, &client).await.expect("the store is there");
            assert_eq!(disabled, acceso::Administered::Done);
            Came::Out
        })];
        racers.extend((0..4).map(|_| login(&portal, PASSWORD)));
        racers.push(change(&portal, &token));
        at_once(racers).await;
        assert_eq!(open_sessions(&portal).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_of_password_never_outlives_the_logout_of_its_session() {
    let mut both = [0; 2];
    for _ in 0..2 * ROUNDS {
        let (portal, token) = with_session().await;
        let before = event_kinds(&portal).await.len();
        let (acceso, client, leaving) = (portal.acceso.clone(), portal.client.clone(), token.clone());
        let log_out: Racer = Box::pin(async move {
            acceso.log_out(&leaving, &client).await.expect("the store is there");
            Came::Out
        });
        let came = at_once([change(&portal, &token), log_out]).await;
        let kinds = event_kinds(&portal).await;
        let at = |kind| kinds[before..].iter().position(|other| *other == kind);
        if let Came::Through(new) = &came[0] {
            assert!(at(EventKind::PasswordChanged) < at(EventKind::SignedOut).or(Some(usize::MAX)));
            assert!(portal.is_signed_in(new).await);
            both[0] += 1;
        } else {
            assert_eq!(open_sessions(&portal).await, 0);
            portal.signed_in(NAME, PASSWORD).await;
            both[1] += 1;
        }
        assert!(!portal.is_signed_in(&token).await);
    }
    println!("changed first: {}, logged out first: {}", both[0], both[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_staff_revoke_is_what_was_open_before() {
    for _ in 0..ROUNDS {
        let (portal, _) = with_session().await;
        let id = user(&portal.store, NAME).await.expect("a user").id();
        let (acceso, client) = (portal.acceso.clone(), portal.client.clone());
        let mut racers: Vec<Racer> = vec![Box::pin(async move {
            let revoked = acceso.revoke_sessions(id, &client).await.expect("the store is there");
            assert_eq!(revoked, acceso::Administered::Done);
            Came::Out
        })];
        racers.extend((0..4).map(|_| login(&portal, PASSWORD)));
        at_once(racers).await;
        let kinds = event_kinds(&portal).await;
        let revoked = kinds.iter().position(|kind| *kind == EventKind::SessionsRevoked).expect("an event");
        let after = kinds[revoked..].iter().filter(|kind| **kind == EventKind::SignedIn).count();
        assert_eq!(open_sessions(&portal).await, after);
    }
}

/// The stored hash is of another cost than the present one, so each login renews it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn renewing_a_hash_never_brings_a_changed_password_back() {
    let mut costly = roomy(Policy::portal());
    costly.hash_cost = HashCost::new(12 * 1024, 3).expect("as strong as asked for");
    let (mut renewed, rounds) = (0, 12);
    for round in 0..rounds {
        let world = World::new().await;
        world.portal(costly.clone(), 100 + round).user(ANA, NAME, PASSWORD).await;
        let portal = world.portal(roomy(Policy::portal()), round);
        let stored = credential(&portal.store, NAME).await["chosen"]["hash"].clone();
        assert!(stored.as_str().is_some_and(|hash| hash.contains("m=12288")), "{stored}");
        // A session without a login, which would renew: the change itself is asked for by the other service's session.
        let token = world.portal(costly.clone(), 200 + round).signed_in(NAME, PASSWORD).await.token;
        let mut racers = vec![change(&portal, &token)];
        racers.extend((0..3).map(|_| login(&portal, PASSWORD)));
        let came = at_once(racers).await;
        assert!(matches!(came[0], Came::Through(_)), "{came:?}");
        renewed += came.iter().filter(|came| matches!(came, Came::In(_))).count();
        assert_eq!(open_sessions(&portal).await, 1);
        assert!(matches!(portal.login(NAME, PASSWORD).await, Login::Rejected), "the old password is back");
        portal.signed_in(NAME, NEW_PASSWORD).await;
    }
    println!("{renewed} logins renewed the hash before the change, in {rounds} rounds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_number_of_sessions_holds_in_a_crowd() {
    let mut policy = Policy::portal();
    policy.session.per_user = 3;
    let mut portal = crate::crowd::portal(cheap_hashing(policy)).await;
    portal.user(ANA, NAME, PASSWORD).await;
    let came = at_once((0..40).map(|_| login(&portal, PASSWORD))).await;
    assert!(came.iter().all(|came| matches!(came, Came::In(_))));
    assert_eq!(open_sessions(&portal).await, 3);
}
