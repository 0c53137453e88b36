//! What the courier does, of which nobody is the caller.

use std::sync::atomic::Ordering;

use acceso::{EventKind as E, LockDuration, MailPurpose as M, Policy, RecoveryConfirmation};

use crate::common::{ANA, NEW_PASSWORD, NOBODY, PASSWORD, patient, token};
use crate::spy::{Fate, user};
use crate::{Scene, Seen};

pub(crate) async fn delivering() -> Seen {
    let mut scene = Scene::new(Policy::portal());
    scene.watched.portal.registered(NOBODY, "nadie", PASSWORD).await;
    scene.delivers(&[(E::RegistrationsRemoved, None)]).await;
    for number in 0..9 {
        scene.watched.portal.registry.insert(patient(&format!("sin-{number}"), "notiene@x.example"));
    }
    scene.watched.portal.registered("notiene@x.example", "nadie", PASSWORD).await;
    scene.delivers(&[(E::TooManyPatients, None)]).await;
    scene.watched.portal.registered(ANA, "anapena", PASSWORD).await;
    scene.delivers(&[(E::MailSent(M::ConfirmRegistration), None)]).await;
    let link = token(&scene.watched.portal.mailer.take()[0]);
    let _ = scene.watched.portal.confirm(&link, "anapena", PASSWORD).await;
    let owner = Some(user(&scene.watched.portal.store, "anapena").await.id());
    scene.delivers(&[(E::MailSent(M::RegistrationConfirmed), owner)]).await;
    let _ = scene.watched.portal.recover_username(ANA).await;
    scene.delivers(&[(E::MailSent(M::UserNames), owner)]).await;
    scene.watched.portal.lock("anapena").await;
    scene.delivers(&[(E::MailSent(M::UserLocked), owner)]).await;
    // What comes to nothing is no event, or it would tell who is asked about by whom.
    let _ = scene.watched.portal.recover_username(ANA).await;
    let _ = scene.watched.portal.recover_username(NOBODY).await;
    let _ = scene.watched.portal.recover_password(NOBODY, "anapena").await;
    scene.delivers(&[]).await;
    // A try that failed is none either; it is tried again.
    let _ = scene.watched.portal.recover_password(ANA, "anapena").await;
    scene.watched.post.next([Fate::Transient]);
    scene.delivers(&[]).await;
    scene.watched.portal.pass(30);
    scene.delivers(&[(E::MailSent(M::ConfirmRecovery), owner)]).await;
    // A record that cannot be read keeps its own mails back, and no other.
    let _ = scene.watched.portal.recover_password(ANA, "anapena").await;
    scene.watched.spy.tamper(|user| user["status"] = serde_json::json!("nobody knows"));
    scene.delivers(&[(E::RecordUnreadable, owner)]).await;
    scene.seen
}

pub(crate) async fn making_temporary_passwords() -> Seen {
    let mut scene = Scene::new(Policy::portal());
    scene.watched.portal.user(ANA, "anapena", PASSWORD).await;
    let owner = Some(user(&scene.watched.portal.store, "anapena").await.id());
    let sent = (E::MailSent(M::TemporaryPassword), owner);
    for turn in 0..4 {
        let _ = scene.watched.portal.recover_password(ANA, "anapena").await;
        let link = token(&scene.watched.portal.mail(M::ConfirmRecovery).await);
        assert_eq!(scene.watched.portal.confirm_recovery(&link).await, RecoveryConfirmation::Accepted);
        match turn {
            0 => scene.delivers(&[sent]).await,
            1 => {
                scene.watched.portal.registry.insert(patient("pac-0002", ANA));
                scene.delivers(&[(E::PatientsChanged, owner), sent]).await;
            }
            2 => {
                scene.watched.records.down.store(true, Ordering::SeqCst);
                scene.delivers(&[(E::RegistrySkipped, owner), sent]).await;
                scene.watched.records.down.store(false, Ordering::SeqCst);
            }
            _ => {
                for id in ["pac-0001", "pac-0002"] {
                    scene.watched.portal.registry.remove(&id.parse().expect("legal"));
                }
                scene.delivers(&[(E::UserDisabledNoPatients, owner)]).await;
            }
        }
        scene.watched.portal.mailer.take();
    }
    scene.seen
}

pub(crate) async fn giving_up() -> Seen {
    let mut policy = Policy::portal();
    policy.lockout.duration = LockDuration::Fixed(std::time::Duration::from_secs(60));
    let mut scene = Scene::new(policy);
    scene.watched.portal.user(ANA, "anapena", PASSWORD).await;
    let owner = Some(user(&scene.watched.portal.store, "anapena").await.id());
    for refused in [true, false] {
        scene.watched.portal.registered(ANA, "otra", PASSWORD).await;
        let _ = scene.watched.portal.recover_username(ANA).await;
        let _ = scene.watched.portal.recover_password(ANA, "anapena").await;
        let session = scene.watched.portal.signed_in("anapena", if refused { PASSWORD } else { NEW_PASSWORD }).await;
        let (old, new) = if refused { (PASSWORD, NEW_PASSWORD) } else { (NEW_PASSWORD, PASSWORD) };
        let _ = scene.watched.portal.change(&session.token, old, new).await;
        scene.watched.portal.lock("anapena").await;
        let kind = if refused {
            scene.watched.post.next([Fate::Permanent; 5]);
            E::MailRefused
        } else {
            scene.watched.portal.pass(25 * 60 * 60);
            E::MailExpired
        };
        let about = |purpose| (kind(purpose), owner);
        // What a stranger asked for and nobody looked into is about no user.
        let asked = |purpose| (kind(purpose), if refused { owner } else { None });
        scene
            .delivers(&[
                (kind(M::ConfirmRegistration), None),
                asked(M::UserNames),
                asked(M::ConfirmRecovery),
                about(M::PasswordChanged),
                about(M::UserLocked),
            ])
            .await;
        scene.watched.portal.pass(25 * 60 * 60);
    }
    scene.seen
}
