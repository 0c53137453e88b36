//! Changing the password, ending sessions, and what the clinic's staff does.

use acceso::{
    EventKind as E, Login, PasswordChange, PasswordChangeForm, Policy, SessionId, SessionToken, SignedIn, UserId,
};
use serde_json::json;

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, patient};
use crate::{Scene, Seen};

async fn signed_in(scene: &mut Scene) -> SignedIn {
    scene.watched.portal.user(ANA, "anapena", PASSWORD).await;
    scene.watched.portal.signed_in("anapena", PASSWORD).await
}

fn nobodys() -> SessionToken {
    SessionToken::parse(&"A".repeat(43)).expect("canonical")
}

fn form(current: &str, new: &str) -> PasswordChangeForm {
    PasswordChangeForm { current: current.into(), new: new.into(), repeated: new.into() }
}

pub(crate) async fn changing_the_password() -> Seen {
    let mut scene = Scene::new(Policy::portal());
    let session = signed_in(&mut scene).await;
    let (acceso, client, owner) = (scene.watched.portal.acceso.clone(), scene.client.clone(), Some(session.user));
    let change = |token: &SessionToken, current: &str, new: &str| {
        (token.clone(), form(current, new), acceso.clone(), client.clone())
    };
    let made = |(token, form, acceso, client): (SessionToken, PasswordChangeForm, acceso::Acceso, acceso::Client)| async move {
        acceso.change_password(&token, form, &client).await.expect("in memory")
    };
    let call = made(change(&nobodys(), PASSWORD, NEW_PASSWORD));
    let _ = scene.emits(E::PasswordChangeRefused, None, call).await;
    let call = made(change(&session.token, PASSWORD, "corta"));
    let _ = scene.emits(E::PasswordChangeInvalid, owner, call).await;
    let call = made(change(&session.token, PASSWORD, NEW_PASSWORD));
    let PasswordChange::Changed(session) = scene.emits(E::PasswordChanged, owner, call).await else {
        panic!("not changed")
    };
    scene.watched.portal.pass(31 * 60);
    let call = made(change(&session.token, NEW_PASSWORD, PASSWORD));
    let _ = scene.emits(E::PasswordChangeRefused, owner, call).await;
    let session = scene.watched.portal.signed_in("anapena", NEW_PASSWORD).await;
    let other = scene.watched.portal.signed_in("anapena", NEW_PASSWORD).await;
    for _ in 0..4 {
        let call = made(change(&session.token, "Equivocada 1", PASSWORD));
        let _ = scene.emits(E::PasswordChangeWrongPassword, owner, call).await;
    }
    let call = made(change(&session.token, "Equivocada 1", PASSWORD));
    let _ = scene.emits(E::PasswordChangeLocked, owner, call).await;
    let call = made(change(&other.token, NEW_PASSWORD, PASSWORD));
    let _ = scene.emits(E::PasswordChangeWhileLocked, owner, call).await;
    scene.watched.portal.mails().await;
    let minted = scene.watched.portal.temporary_password(ANA, "anapena").await;
    let login = scene.watched.portal.login("anapena", &minted).await;
    let Login::MustChangePassword(restricted) = login else { panic!("{login:?}") };
    let call = made(change(&restricted.token, "", &minted));
    let _ = scene.emits(E::PasswordChangeInvalid, owner, call).await;
    let call = made(change(&restricted.token, "", PASSWORD));
    let PasswordChange::Changed(session) = scene.emits(E::PasswordChanged, owner, call).await else {
        panic!("not changed")
    };
    scene.watched.spy.tamper(|user| user["credential"]["chosen"]["hash"] = json!("a row that was tampered with"));
    let call = made(change(&session.token, PASSWORD, NEW_PASSWORD));
    let _ = scene.emits(E::CorruptCredential, owner, call).await;
    scene.seen
}

pub(crate) async fn ending_sessions() -> Seen {
    let mut scene = Scene::new(Policy::portal());
    let session = signed_in(&mut scene).await;
    let (acceso, client, owner) = (scene.watched.portal.acceso.clone(), scene.client.clone(), Some(session.user));
    let nobodys = nobodys();
    let other = scene.watched.portal.signed_in("anapena", PASSWORD).await;
    let list = acceso.sessions(&session.token).await.expect("in memory").expect("signed in");
    let _ = scene.emits(E::SessionRefused, None, acceso.log_out(&nobodys, &client)).await;
    let _ = scene.emits(E::SessionRefused, None, acceso.close_session(&nobodys, list[1].id, &client)).await;
    let _ = scene.emits(E::SessionRefused, None, acceso.close_other_sessions(&nobodys, &client)).await;
    let _ = scene.emits(E::SessionRefused, None, acceso.log_out_everywhere(&nobodys, &client)).await;
    let _ = scene.emits(E::SessionClosed, owner, acceso.close_session(&session.token, list[1].id, &client)).await;
    let unknown = SessionId::from_bytes([0; 16]);
    let _ = scene.emits(E::SessionClosed, owner, acceso.close_session(&session.token, unknown, &client)).await;
    let _ = scene.emits(E::SessionRefused, None, acceso.log_out(&other.token, &client)).await;
    let _ = scene.emits(E::OtherSessionsClosed, owner, acceso.close_other_sessions(&session.token, &client)).await;
    let _ = scene.emits(E::SignedOut, owner, acceso.log_out(&session.token, &client)).await;
    let session = scene.watched.portal.signed_in("anapena", PASSWORD).await;
    let idle = scene.watched.portal.signed_in("anapena", PASSWORD).await;
    let _ = scene.emits(E::SignedOutEverywhere, owner, acceso.log_out_everywhere(&session.token, &client)).await;
    let _ = scene.emits(E::SessionRefused, None, acceso.close_other_sessions(&idle.token, &client)).await;
    // One that has ended by itself is still known to be his.
    let session = scene.watched.portal.signed_in("anapena", PASSWORD).await;
    scene.watched.portal.pass(31 * 60);
    let _ = scene.emits(E::SessionRefused, owner, acceso.log_out_everywhere(&session.token, &client)).await;
    scene.seen
}

pub(crate) async fn administering() -> Seen {
    let mut scene = Scene::new(Policy::portal());
    let session = signed_in(&mut scene).await;
    let (acceso, client, owner) = (scene.watched.portal.acceso.clone(), scene.client.clone(), session.user);
    let (some, nobody) = (Some(owner), UserId::from_bytes([0; 16]));
    let _ = scene.emits(E::StaffCallWithoutEffect, some, acceso.enable(owner, &client)).await;
    let _ = scene.emits(E::SessionsRevoked, some, acceso.revoke_sessions(owner, &client)).await;
    let _ = scene.emits(E::UserDisabled, some, acceso.disable(owner, &client)).await;
    let _ = scene.emits(E::StaffCallWithoutEffect, some, acceso.disable(owner, &client)).await;
    let _ = scene.emits(E::UserEnabled, some, acceso.enable(owner, &client)).await;
    let _ = scene.emits(E::UserRemoved, some, acceso.remove(owner, &client)).await;
    for user in [owner, nobody] {
        let _ = scene.emits(E::StaffCallWithoutEffect, None, acceso.disable(user, &client)).await;
        let _ = scene.emits(E::StaffCallWithoutEffect, None, acceso.enable(user, &client)).await;
        let _ = scene.emits(E::StaffCallWithoutEffect, None, acceso.remove(user, &client)).await;
        let _ = scene.emits(E::StaffCallWithoutEffect, None, acceso.revoke_sessions(user, &client)).await;
        let _ = scene.emits(E::StaffCallWithoutEffect, None, acceso.refresh_patients(user, &client)).await;
    }
    let _ = scene.emits(E::RestoreForgotten, None, acceso.after_restore(&client)).await;
    scene.seen
}

pub(crate) async fn refreshing_patients() -> Seen {
    let mut scene = Scene::new(Policy::portal());
    let session = signed_in(&mut scene).await;
    let (acceso, client, owner) = (scene.watched.portal.acceso.clone(), scene.client.clone(), session.user);
    let (some, id) = (Some(owner), "pac-0001".parse().expect("legal"));
    let _ = scene.emits(E::PatientsConfirmed, some, acceso.refresh_patients(owner, &client)).await;
    scene.watched.portal.registry.insert(patient("pac-0002", ANA));
    let _ = scene.emits(E::PatientsChanged, some, acceso.refresh_patients(owner, &client)).await;
    scene.watched.portal.registry.remove(&id);
    scene.watched.portal.registry.remove(&"pac-0002".parse().expect("legal"));
    let _ = scene.emits(E::UserDisabledNoPatients, some, acceso.refresh_patients(owner, &client)).await;
    let _ = scene.emits(E::PatientsConfirmed, some, acceso.refresh_patients(owner, &client)).await;
    // Only the registry lifts what the registry did.
    let _ = scene.emits(E::StaffCallWithoutEffect, some, acceso.enable(owner, &client)).await;
    scene.watched.portal.registry.insert(patient("pac-0001", ANA));
    let _ = scene.emits(E::UserEnabledPatientsFound, some, acceso.refresh_patients(owner, &client)).await;
    // The staff's word stands above the registry's, also on one whom the registry has shut out.
    scene.watched.portal.registry.remove(&id);
    let _ = scene.emits(E::UserDisabledNoPatients, some, acceso.refresh_patients(owner, &client)).await;
    let _ = scene.emits(E::UserDisabled, some, acceso.disable(owner, &client)).await;
    scene.watched.portal.registry.insert(patient("pac-0001", ANA));
    let _ = scene.emits(E::PatientsConfirmed, some, acceso.refresh_patients(owner, &client)).await;
    scene.seen
}
