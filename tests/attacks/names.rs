//! A102 and A104: names that would deceive, and names that come again.

use acceso::{Administered, Confirmation, Fault, Field, Login, MailPurpose, RecoveryConfirmation, Registering, Rule};

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal, token};
use crate::spy::user;

#[tokio::test]
async fn a102_names_that_a_patient_could_be_taken_in_by_are_refused() {
    let portal = Portal::new();
    let refused = Registering::Invalid(vec![Fault::new(Field::Username, Rule::Reserved)]);
    for name in ["admin", "Administrador", "soporte", "TURNOS", "recepcion", "no-reply", "clinicadelsol"] {
        let expected = name != "clinicadelsol";
        assert_eq!(portal.register(ANA, name, PASSWORD).await == refused, expected, "{name}");
    }
    // The portal's own name, in its letters: here one without accents.
    let (acceso, _courier) = acceso::Acceso::builder(
        acceso::adapter::memory::MemoryStore::new(),
        acceso::adapter::memory::MemoryRegistry::new(),
        acceso::adapter::memory::MemoryMailer::new(),
    )
    .portal("Hospital del Sur", "https://portal.example")
    .build()
    .expect("safe");
    for name in ["hospital-del-sur", "HospitalDelSur", "hospital.delsur"] {
        let form = acceso::RegistrationForm {
            email: ANA.into(),
            username: name.into(),
            password: PASSWORD.into(),
            repeated: PASSWORD.into(),
            full_name: "Ana Peña".into(),
        };
        assert_eq!(acceso.register(form, &portal.client).await.ok().as_ref(), Some(&refused), "{name}");
    }
}

#[tokio::test]
async fn a104_who_takes_a_removed_users_name_inherits_nothing() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    let _ = portal.recover_password(ANA, "anapena").await;
    let link = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    let _ = portal.recover_password(ANA, "anapena").await;
    let first = user(&portal.store, "anapena").await.id();
    assert_eq!(portal.acceso.remove(first, &portal.client).await.ok(), Some(Administered::Done));
    assert!(!portal.is_signed_in(&session.token).await);
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::LinkInvalid);
    portal.mails().await;
    // Another patient of the address takes the name.
    portal.registered(ANA, "anapena", NEW_PASSWORD).await;
    let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
    assert_eq!(portal.confirm(&token(&mail), "anapena", NEW_PASSWORD).await, Confirmation::Confirmed);
    let second = user(&portal.store, "anapena").await.id();
    assert_ne!(first, second);
    assert!(!portal.is_signed_in(&session.token).await);
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::LinkInvalid);
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
    assert_eq!(portal.acceso.disable(first, &portal.client).await.ok(), Some(Administered::NoSuchUser));
}
