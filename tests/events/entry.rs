//! Registering, confirming, logging in and recovering.

use acceso::{
    ConfirmationForm, Error, EventKind as E, LoginForm, MailPurpose, PasswordChoiceForm, PasswordRecoveryForm, Policy,
    RegistrationForm, SessionToken, Stay, UsernameRecoveryForm,
};
use serde_json::json;

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, patient, token};
use crate::spy::user;
use crate::{Scene, Seen};

fn registration(username: &str) -> RegistrationForm {
    RegistrationForm {
        email: ANA.into(),
        username: username.into(),
        password: PASSWORD.into(),
        repeated: PASSWORD.into(),
        full_name: "Ana Peña".into(),
    }
}

pub(crate) async fn registering() -> Seen {
    let mut scene = Scene::new(Policy::portal());
    let (acceso, client) = (scene.watched.portal.acceso.clone(), scene.client.clone());
    scene.watched.portal.user(ANA, "tomada", PASSWORD).await;
    let invalid = RegistrationForm { repeated: "".into(), ..registration("anapena") };
    let _ = scene.emits(E::RegistrationInvalid, None, acceso.register(invalid, &client)).await;
    let _ = scene.emits(E::RegistrationReceived, None, acceso.register(registration("anapena"), &client)).await;
    // Of nobody: that a name is taken is no event of its holder's.
    let _ = scene.emits(E::RegistrationNameTaken, None, acceso.register(registration("tomada"), &client)).await;
    scene.seen
}

pub(crate) async fn confirming() -> Seen {
    let mut policy = Policy::portal();
    policy.email.max_users = 2;
    let mut scene = Scene::new(policy);
    let (acceso, client) = (scene.watched.portal.acceso.clone(), scene.client.clone());
    scene.watched.portal.registry.insert(patient("pac-0002", "luz@x.example"));
    scene.watched.portal.user("luz@x.example", "tomada", PASSWORD).await;
    for name in ["anapena", "sin.lugar"] {
        scene.watched.portal.registered(ANA, name, PASSWORD).await;
    }
    let link = token(&scene.watched.portal.mail(MailPurpose::ConfirmRegistration).await);
    let form = |token: &str, username: &str, password: &str| ConfirmationForm {
        token: token.into(),
        username: username.into(),
        password: password.into(),
        reference: None,
    };
    let forged = "A".repeat(64);
    for wrong in ["", "x", &forged] {
        let form = form(wrong, "anapena", PASSWORD);
        let _ = scene.emits(E::ConfirmationLinkInvalid, None, acceso.confirm(form, &client)).await;
    }
    for (name, password) in [("anapena", "Equivocada 1"), ("otra", PASSWORD), ("no es", PASSWORD)] {
        let form = form(&link, name, password);
        let _ = scene.emits(E::ConfirmationRejected, None, acceso.confirm(form, &client)).await;
    }
    let id = "pac-0001".parse().expect("legal");
    scene.watched.portal.registry.remove(&id);
    let call = acceso.confirm(form(&link, "anapena", PASSWORD), &client);
    let _ = scene.emits(E::ConfirmationNotAPatient, None, call).await;
    scene.watched.portal.registry.insert(patient("pac-0001", ANA));
    // Who confirms is known from here on; her id is drawn by the call itself.
    scene.skip();
    let confirmed = acceso.confirm(form(&link, "anapena", PASSWORD), &client).await;
    assert_eq!(confirmed.ok(), Some(acceso::Confirmation::Confirmed));
    let events = scene.look();
    let owner = user(&scene.watched.portal.store, "anapena").await.id();
    assert_eq!(
        events.iter().map(|one| (one.kind(), one.user())).collect::<Vec<_>>(),
        [(E::RegistrationConfirmed, Some(owner))]
    );
    let mails = scene.watched.portal.mails().await;
    let again =
        mails.iter().find(|mail| mail.purpose() == MailPurpose::ConfirmRegistration).map(token).expect("a link");
    let _ = scene.emits(E::ConfirmationLinkInvalid, None, acceso.confirm(form(&link, "x", ""), &client)).await;
    // A registration of a name that becomes another's meanwhile.
    scene.watched.portal.registered(ANA, "despues", PASSWORD).await;
    scene.watched.portal.registry.insert(patient("pac-0003", "sol@x.example"));
    scene.watched.portal.mails().await;
    scene.watched.portal.user("sol@x.example", "despues", PASSWORD).await;
    let call = acceso.confirm(form(&again, "despues", PASSWORD), &client);
    let _ = scene.emits(E::ConfirmationNameTaken, None, call).await;
    let confirmed = acceso.confirm(form(&again, "sin.lugar", PASSWORD), &client).await;
    assert_eq!(confirmed.ok(), Some(acceso::Confirmation::Confirmed));
    scene.watched.portal.registered(ANA, "tercera", PASSWORD).await;
    let mails = scene.watched.portal.mails().await;
    let third =
        mails.iter().find(|mail| mail.purpose() == MailPurpose::ConfirmRegistration).map(token).expect("a link");
    let call = acceso.confirm(form(&third, "tercera", PASSWORD), &client);
    let _ = scene.emits(E::ConfirmationTooManyUsers, None, call).await;
    scene.watched.spy.tamper_mailbox(|mailbox| mailbox["version"] = json!(0));
    let call = acceso.confirm(form(&link, "otra", PASSWORD), &client);
    let confirmed = scene.emits(E::RecordUnreadable, None, call).await;
    assert!(matches!(confirmed, Err(Error::Unavailable(_))), "{confirmed:?}");
    scene.seen
}

pub(crate) async fn logging_in() -> Seen {
    let mut scene = Scene::new(Policy::portal());
    let (acceso, client) = (scene.watched.portal.acceso.clone(), scene.client.clone());
    scene.watched.portal.user(ANA, "anapena", PASSWORD).await;
    let id = user(&scene.watched.portal.store, "anapena").await.id();
    let owner = Some(id);
    let login = |name: &str, password: &str| acceso.login(LoginForm::new(name, password), Stay::Session, &client);
    for unknown in ["desconocida", "no es un nombre"] {
        let _ = scene.emits(E::LoginUnknown, None, login(unknown, PASSWORD)).await;
    }
    let _ = scene.emits(E::SignedIn, owner, login("anapena", PASSWORD)).await;
    for _ in 0..4 {
        let _ = scene.emits(E::LoginWrongPassword, owner, login("anapena", "Equivocada 1")).await;
    }
    let _ = scene.emits(E::LoginLocked, owner, login("anapena", "Equivocada 1")).await;
    for typed in [PASSWORD, "Equivocada 1"] {
        let _ = scene.emits(E::LoginWhileLocked, owner, login("anapena", typed)).await;
    }
    scene.watched.portal.mails().await;
    let _ = scene.watched.portal.recover_password(ANA, "anapena").await;
    let link = token(&scene.watched.portal.mail(MailPurpose::ConfirmRecovery).await);
    let _ = scene.watched.portal.confirm_recovery(&link).await;
    let _ = scene.emits(E::LoginWrongTemporary, owner, login("anapena", PASSWORD)).await;
    let minted = crate::common::temporary(&scene.watched.portal.mail(MailPurpose::TemporaryPassword).await);
    let _ = scene.emits(E::LoginWrongTemporary, owner, login("anapena", PASSWORD)).await;
    let _ = scene.emits(E::SignedInTemporarily, owner, login("anapena", &minted)).await;
    scene.watched.portal.pass(60 * 60);
    let _ = scene.emits(E::LoginWrongTemporary, owner, login("anapena", &minted)).await;
    assert!(acceso.disable(id, &client).await.is_ok());
    let _ = scene.emits(E::LoginWhileDisabled, owner, login("anapena", &minted)).await;
    scene.watched.spy.tamper(|user| {
        user["status"] = json!("active");
        user["credential"] = json!({ "chosen": { "hash": "$argon2d$x", "strikes": 0, "locked_since": null } });
    });
    let _ = scene.emits(E::CorruptCredential, owner, login("anapena", PASSWORD)).await;
    scene.watched.spy.tamper(|user| user["status"] = json!("nobody knows"));
    let answer = scene.emits(E::RecordUnreadable, owner, login("anapena", PASSWORD)).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "never a wrong password: {answer:?}");
    scene.seen
}

pub(crate) async fn recovering() -> Seen {
    let mut scene = Scene::new(Policy::portal());
    let (acceso, client) = (scene.watched.portal.acceso.clone(), scene.client.clone());
    scene.watched.portal.user(ANA, "anapena", PASSWORD).await;
    let id = user(&scene.watched.portal.store, "anapena").await.id();
    let owner = Some(id);
    for email in [ANA, "nadie@x.example"] {
        let form = UsernameRecoveryForm { email: email.into() };
        let _ = scene.emits(E::UserNamesRequested, None, acceso.recover_username(form, &client)).await;
        let form = PasswordRecoveryForm { email: email.into(), username: "anapena".into() };
        let _ = scene.emits(E::RecoveryRequested, None, acceso.recover_password(form, &client)).await;
    }
    let form = UsernameRecoveryForm { email: String::new() };
    let _ = scene.emits(E::RecoveryInvalid, None, acceso.recover_username(form, &client)).await;
    let form = PasswordRecoveryForm { email: ANA.into(), username: "no es".into() };
    let _ = scene.emits(E::RecoveryInvalid, None, acceso.recover_password(form, &client)).await;
    let mails = scene.watched.portal.mails().await;
    let link = mails.iter().find(|mail| mail.purpose() == MailPurpose::ConfirmRecovery).map(token).expect("a link");
    for forged in ["", "x", &"A".repeat(64)] {
        let _ = scene.emits(E::RecoveryLinkInvalid, None, acceso.confirm_recovery(forged, &client)).await;
    }
    assert!(acceso.disable(id, &client).await.is_ok());
    let _ = scene.emits(E::RecoveryLinkInvalid, owner, acceso.confirm_recovery(&link, &client)).await;
    assert!(acceso.enable(id, &client).await.is_ok());
    scene.watched.portal.pass(60 * 60);
    let _ = scene.watched.portal.recover_password(ANA, "anapena").await;
    let link = token(&scene.watched.portal.mail(MailPurpose::ConfirmRecovery).await);
    // The other policy's way answers alike.
    let form = PasswordChoiceForm { token: link.clone(), new: NEW_PASSWORD.into(), repeated: NEW_PASSWORD.into() };
    let _ = scene.emits(E::RecoveryLinkInvalid, owner, acceso.choose_password(form, &client)).await;
    let _ = scene.emits(E::RecoveryConfirmed, owner, acceso.confirm_recovery(&link, &client)).await;
    let _ = scene.emits(E::RecoveryLinkInvalid, None, acceso.confirm_recovery(&link, &client)).await;
    // What only looks leaves nothing, and neither does a call for which there is no room.
    let token = SessionToken::parse(&"A".repeat(43)).expect("canonical");
    let _ = scene.emits_nothing(acceso.session(&token)).await;
    let _ = scene.emits_nothing(acceso.restricted_session(&token)).await;
    let _ = scene.emits_nothing(acceso.sessions(&token)).await;
    let _ = scene.emits_nothing(acceso.mail_backlog()).await;
    let _ = scene.emits_nothing(acceso.account_state(id)).await;
    acceso.shutdown().await;
    let login = acceso.login(LoginForm::new("anapena", PASSWORD), Stay::Session, &client);
    let closed = scene.emits_nothing(login).await;
    assert!(matches!(closed, Err(Error::Unavailable(_))));
    scene.seen
}

pub(crate) async fn choosing() -> Seen {
    let mut scene = Scene::new(Policy::modern());
    let (acceso, client) = (scene.watched.portal.acceso.clone(), scene.client.clone());
    let (old, new) = ("correct horse battery", "caballo correcto bateria");
    scene.watched.portal.user(ANA, "anapena", old).await;
    let id = user(&scene.watched.portal.store, "anapena").await.id();
    let owner = Some(id);
    let _ = scene.watched.portal.recover_password(ANA, "anapena").await;
    let link = token(&scene.watched.portal.mail(MailPurpose::ConfirmRecovery).await);
    let form =
        |token: &str, new: &str| PasswordChoiceForm { token: token.into(), new: new.into(), repeated: new.into() };
    let _ = scene.emits(E::RecoveryLinkInvalid, None, acceso.choose_password(form("x", new), &client)).await;
    let _ = scene.emits(E::RecoveryLinkInvalid, owner, acceso.confirm_recovery(&link, &client)).await;
    let _ = scene.emits(E::PasswordChoiceInvalid, owner, acceso.choose_password(form(&link, "corta"), &client)).await;
    let _ = scene.emits(E::PasswordChosen, owner, acceso.choose_password(form(&link, new), &client)).await;
    scene.seen
}
