//! A79–A82: a session is new at each login, ends when it should, and is known by its owner alone.

use acceso::{Login, LoginForm, MailPurpose, PasswordChange, SessionToken, SignedIn, Stay, UserStore};

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal, patient, token};
use crate::{DAY, HOUR, MINUTE};

async fn staying(portal: &Portal, name: &str) -> SignedIn {
    let login = portal.acceso.login(LoginForm::new(name, PASSWORD), Stay::SignedIn, &portal.client).await;
    match login {
        Ok(Login::SignedIn(session)) => session,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a79_a_planted_session_is_gone_after_the_login() {
    let mut portal = Portal::new();
    portal.registry.insert(patient("pac-0002", "intruso@x.example"));
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.user("intruso@x.example", "intruso", PASSWORD).await;
    let planted = portal.signed_in("intruso", PASSWORD).await.token;
    let form = LoginForm::new("anapena", PASSWORD).replacing(planted.clone());
    let login = portal.acceso.login(form, Stay::Session, &portal.client).await;
    let Ok(Login::SignedIn(own)) = login else { panic!("{login:?}") };
    assert_ne!(own.token.reveal(), planted.reveal());
    assert!(!portal.is_signed_in(&planted).await && portal.is_signed_in(&own.token).await);
    // A refused login ends nothing: else a stranger could sign people out.
    let form = LoginForm::new("anapena", "Equivocada 1").replacing(own.token.clone());
    assert!(matches!(portal.acceso.login(form, Stay::Session, &portal.client).await, Ok(Login::Rejected)));
    assert!(portal.is_signed_in(&own.token).await);
    let changed = portal.change(&own.token, PASSWORD, NEW_PASSWORD).await;
    let PasswordChange::Changed(new) = changed else { panic!("{changed:?}") };
    assert_ne!(new.token.reveal(), own.token.reveal());
    assert!(!portal.is_signed_in(&own.token).await && portal.is_signed_in(&new.token).await);
    portal.mails().await;
    let temporary = portal.temporary_password(ANA, "anapena").await;
    let Login::MustChangePassword(restricted) = portal.login("anapena", &temporary).await else { panic!("no entry") };
    let changed = portal.change(&restricted.token, "", "Cinco sentidos 5").await;
    let PasswordChange::Changed(full) = changed else { panic!("{changed:?}") };
    assert_ne!(full.token.reveal(), restricted.token.reveal());
    assert!(portal.acceso.restricted_session(&restricted.token).await.expect("in memory").is_none());
}

#[tokio::test]
async fn a80_every_session_ends_with_the_password_the_recovery_and_the_account() {
    for how in ["change", "recover", "disable", "remove", "revoke"] {
        let mut portal = Portal::new();
        portal.user(ANA, "anapena", PASSWORD).await;
        let mut tokens: Vec<SessionToken> = vec![staying(&portal, "anapena").await.token];
        for _ in 0..2 {
            tokens.push(portal.signed_in("anapena", PASSWORD).await.token);
        }
        let owner = portal.signed_in("anapena", PASSWORD).await;
        let (acceso, client) = (portal.acceso.clone(), portal.client.clone());
        match how {
            "change" => {
                let changed = portal.change(&owner.token, PASSWORD, NEW_PASSWORD).await;
                assert!(matches!(changed, PasswordChange::Changed(_)));
            }
            "recover" => {
                let _ = portal.recover_password(ANA, "anapena").await;
                let mail = portal.mail(MailPurpose::ConfirmRecovery).await;
                let _ = portal.confirm_recovery(&token(&mail)).await;
            }
            "disable" => assert!(acceso.disable(owner.user, &client).await.is_ok()),
            "remove" => assert!(acceso.remove(owner.user, &client).await.is_ok()),
            _ => assert!(acceso.revoke_sessions(owner.user, &client).await.is_ok()),
        }
        tokens.push(owner.token);
        for token in &tokens {
            assert!(!portal.is_signed_in(token).await, "{how}");
        }
        let left = portal.store.sessions_of(owner.user).await.expect("in memory").len();
        assert_eq!(left, usize::from(how == "change"), "{how}");
    }
}

#[tokio::test]
async fn a81_a_stolen_remembered_session_is_seen_ended_and_never_lasts_for_ever() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.client = acceso::Client::unknown().with_device("Teléfono robado");
    let stolen = staying(&portal, "anapena").await;
    portal.client = acceso::Client::unknown().with_device("Firefox");
    portal.pass(60);
    let own = staying(&portal, "anapena").await;
    assert_ne!(stolen.token.reveal(), own.token.reveal(), "each device has its own");
    let list = portal.acceso.sessions(&own.token).await.expect("in memory").expect("signed in");
    let seen: Vec<_> =
        list.iter().map(|one| (one.is_this, one.device.as_ref().map_or("", |label| label.as_str()))).collect();
    assert_eq!(seen, [(true, "Firefox"), (false, "Teléfono robado")]);
    assert!(!format!("{list:?}").contains(&stolen.token.reveal()));
    let closed = portal.acceso.close_session(&own.token, list[1].id, &portal.client).await;
    assert_eq!(closed.ok(), Some(Some(())));
    assert!(!portal.is_signed_in(&stolen.token).await && portal.is_signed_in(&own.token).await);
    // However busy, it ends.
    for _ in 0..29 {
        portal.clock.advance(DAY);
        assert!(portal.is_signed_in(&own.token).await);
    }
    portal.clock.advance(DAY);
    assert!(!portal.is_signed_in(&own.token).await);
}

#[tokio::test]
async fn a81_nobody_lists_or_ends_the_sessions_of_another() {
    let mut portal = Portal::new();
    portal.registry.insert(patient("pac-0002", "intruso@x.example"));
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.user("intruso@x.example", "intruso", PASSWORD).await;
    let (hers, his) = (portal.signed_in("anapena", PASSWORD).await, portal.signed_in("intruso", PASSWORD).await);
    let hers_id = portal.acceso.sessions(&hers.token).await.expect("in memory").expect("signed in")[0].id;
    assert_eq!(portal.acceso.sessions(&his.token).await.expect("in memory").expect("signed in").len(), 1);
    assert_eq!(portal.acceso.close_session(&his.token, hers_id, &portal.client).await.ok(), Some(Some(())));
    assert!(portal.acceso.log_out_everywhere(&his.token, &portal.client).await.is_ok());
    assert!(portal.is_signed_in(&hers.token).await);
}

#[tokio::test]
async fn a82_a_host_can_tell_how_long_ago_the_password_was_typed() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let typed_at = acceso::Clock::now(&portal.clock);
    let session = staying(&portal, "anapena").await;
    for pause in [MINUTE, HOUR, 5 * DAY] {
        portal.clock.advance(pause);
        let visitor = portal.acceso.session(&session.token).await.expect("in memory").expect("signed in");
        assert_eq!(visitor.authenticated_at(), typed_at, "use does not make it younger");
        assert!(visitor.is_remembered());
    }
}
