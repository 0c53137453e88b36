//! The record's server goes down and comes back.

use acceso::{
    Confirmation, ConfirmationForm, Error, EventKind as E, Login, MailPurpose as M, PasswordChange,
    PatientsRefreshed as R, Policy, RecoveryConfirmation,
};

use crate::common::{NEW_PASSWORD, PASSWORD, temporary, token};
use crate::fhir_peer::own_or_skip;
use crate::stand::{count, events_since, linked, patient, portal, refresh, refreshed, shown, user, users, waiting};

#[tokio::test]
async fn while_the_record_is_down_nothing_changes_and_afterwards_all_goes_on() {
    const ADDRESS: &str = "ema.rios@caida.example";
    const LATER: &str = "teo.rios@caida.example";
    let name = "while_the_record_is_down_nothing_changes_and_afterwards_all_goes_on";
    let Some(record) = own_or_skip(name) else { return };
    record.put(&patient("rios-ema", ADDRESS));
    record.put(&patient("rios-teo", LATER));
    let mut portal = portal(&record, Policy::portal());
    portal.user(ADDRESS, "ema.rios", PASSWORD).await;
    let session = portal.signed_in("ema.rios", PASSWORD).await;
    portal.registered(LATER, "teo.rios", PASSWORD).await;
    let link = token(&portal.mail(M::ConfirmRegistration).await);
    // Changed before the fall, and not looked at since.
    record.put(&patient("rios-bebe", ADDRESS));
    record.close();

    let (before, seen) = (user(&portal, "ema.rios").await.version(), count(&portal));
    let Err(Error::Unavailable(cause)) = refresh(&portal, "ema.rios").await else { panic!("an answer") };
    assert_eq!(cause.to_string(), "searching patients over FHIR, page 1: the connection failed");
    let form = ConfirmationForm {
        token: link.clone(),
        username: "teo.rios".into(),
        password: PASSWORD.into(),
        reference: None,
    };
    let confirmed = portal.acceso.confirm(form, &portal.client).await;
    assert!(matches!(confirmed, Err(Error::Unavailable(_))), "{confirmed:?}");
    assert!(events_since(&portal, seen).is_empty(), "what could not be asked is not recorded");
    assert_eq!(user(&portal, "ema.rios").await.version(), before);
    assert_eq!(shown(&portal, &session.token).await, ["rios-ema"]);
    assert!(users(&portal, LATER).await.is_empty());
    assert_eq!(waiting(&portal, LATER).await, 1);
    // A registration is taken all the same, and its mail waits.
    portal.registered("uma.rios@caida.example", "uma.rios", PASSWORD).await;
    assert!(portal.mails().await.is_empty());
    assert_eq!(waiting(&portal, "uma.rios@caida.example").await, 1);
    // Whom the record is needed for least: a patient who has an account is kept out by nothing.
    let _ = portal.recover_password(ADDRESS, "ema.rios").await;
    let recovery = token(&portal.mail(M::ConfirmRecovery).await);
    assert_eq!(portal.confirm_recovery(&recovery).await, RecoveryConfirmation::Accepted);
    let seen = count(&portal);
    let mailed = temporary(&portal.mail(M::TemporaryPassword).await);
    assert_eq!(events_since(&portal, seen), [E::RegistrySkipped, E::MailSent(M::TemporaryPassword)]);
    assert_eq!(linked(&portal, "ema.rios").await, ["rios-ema"]);
    let Login::MustChangePassword(restricted) = portal.login("ema.rios", &mailed).await else { panic!("no entry") };
    assert!(matches!(portal.change(&restricted.token, &mailed, NEW_PASSWORD).await, PasswordChange::Changed(_)));

    record.listen();
    assert_eq!(refreshed(&portal, "ema.rios").await, R::Relinked);
    assert_eq!(linked(&portal, "ema.rios").await, ["rios-bebe", "rios-ema"]);
    assert_eq!(portal.confirm(&link, "teo.rios", PASSWORD).await, Confirmation::Confirmed, "the link was kept");
    assert_eq!(linked(&portal, "teo.rios").await, ["rios-teo"]);
    record.put(&patient("rios-uma", "uma.rios@caida.example"));
    portal.pass(3600);
    let purposes: Vec<M> = portal.mails().await.iter().map(acceso::Mail::purpose).collect();
    assert!(purposes.contains(&M::ConfirmRegistration), "the mail that waited: {purposes:?}");
}
