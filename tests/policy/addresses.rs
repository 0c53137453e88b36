//! Whom an address stands for, which names are kept, how long links are good, and the language of mails.

use acceso::{
    Client, Confirmation, EventKind, Fault, Field, Language, Login, MailPurpose, PatientId, RecoveryConfirmation,
    Registering, RegistrationForm, Rule, SharedEmail,
};

use crate::common::{ANA, PASSWORD, Portal, patient, token};
use crate::{HOUR, around, portal};

/// `email.shared`: whether an address of several patients stands for all of them or for nobody.
#[tokio::test]
async fn a_shared_address_stands_for_all_its_patients_or_for_nobody() {
    for shared in [SharedEmail::LinkAll, SharedEmail::Refuse] {
        let mut portal = Portal::with(portal(|policy| policy.email.shared = shared));
        portal.registry.insert(patient("pac-0002", ANA));
        portal.registered(ANA, "anapena", PASSWORD).await;
        let mails = portal.mails().await;
        match shared {
            SharedEmail::LinkAll => {
                assert_eq!(portal.confirm(&token(&mails[0]), "anapena", PASSWORD).await, Confirmation::Confirmed);
                let session = portal.signed_in("anapena", PASSWORD).await;
                let visitor = portal.acceso.session(&session.token).await.expect("in memory").expect("signed in");
                let linked: Vec<&str> = visitor.user().patients().iter().map(PatientId::as_str).collect();
                assert_eq!(linked, ["pac-0001", "pac-0002"]);
            }
            SharedEmail::Refuse => assert!(mails.is_empty()),
        }
    }
}

/// `email.max_users`: how many users an address may have.
#[tokio::test]
async fn an_address_has_as_many_users_as_the_policy_says() {
    for most in [1, 2] {
        let mut portal = Portal::with(portal(|policy| policy.email.max_users = most));
        for number in 0..most {
            portal.user(ANA, &format!("anapena{number}"), PASSWORD).await;
        }
        portal.registered(ANA, "una.mas", PASSWORD).await;
        let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
        assert_eq!(portal.confirm(&token(&mail), "una.mas", PASSWORD).await, Confirmation::TooManyUsers);
        assert!(matches!(portal.login("una.mas", PASSWORD).await, Login::Rejected));
    }
}

/// `email.max_patients`: how many records an address may stand in before it is a placeholder, and nobody's.
#[tokio::test]
async fn an_address_in_more_records_than_the_policy_says_is_nobodys() {
    for (most, records, somebodys) in [(2, 2, true), (2, 3, false), (3, 3, true), (3, 4, false)] {
        let mut portal = Portal::with(portal(|policy| policy.email.max_patients = most));
        for number in 1..=records {
            // Those without access count: a placeholder is one whoever may use the portal.
            let with_access = patient(&format!("pac-000{number}"), ANA);
            portal.registry.insert(acceso::Patient { portal_access: number == 1, ..with_access });
        }
        portal.registered(ANA, "anapena", PASSWORD).await;
        assert_eq!(portal.mails().await.len(), usize::from(somebodys), "{records} of {most}");
        assert_eq!(portal.event_kinds().contains(&EventKind::TooManyPatients), !somebodys);
    }
}

/// `reserved_usernames`: which names no user can have, beside the built-in ones and the portal's own.
#[tokio::test]
async fn the_policys_reserved_names_are_refused() {
    for reserved in [Vec::new(), vec!["dra.Sol".to_owned()]] {
        let portal = Portal::with(portal(|policy| policy.reserved_usernames.clone_from(&reserved)));
        let refused = Registering::Invalid(vec![Fault::new(Field::Username, Rule::Reserved)]);
        assert_eq!(portal.register(ANA, "Dra.Sol", PASSWORD).await == refused, !reserved.is_empty());
        for always in ["admin", "Soporte", "no-reply", "turnos"] {
            assert_eq!(portal.register(ANA, always, PASSWORD).await, refused, "{always}");
        }
        assert!(matches!(portal.register(ANA, "dra.sola", PASSWORD).await, Registering::Accepted(_)));
    }
}

/// `language`: of mails to people whose own language is not known.
#[tokio::test]
async fn mails_speak_the_policys_language_until_the_users_is_known() {
    for language in Language::ALL {
        let other = if language == Language::Es { Language::En } else { Language::Es };
        for (client, then) in [(None, language), (Some(other), other)] {
            let mut portal = Portal::with(portal(|policy| policy.language = language));
            if let Some(spoken) = client {
                portal.client = Client::unknown().with_language(spoken);
            }
            portal.registered(ANA, "anapena", PASSWORD).await;
            let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
            assert_eq!(mail.language(), language, "whoever registered may be a stranger");
            assert_eq!(portal.confirm(&token(&mail), "anapena", PASSWORD).await, Confirmation::Confirmed);
            let mail = portal.mail(MailPurpose::RegistrationConfirmed).await;
            assert_eq!(mail.language(), then);
            assert_eq!(mail.text().contains("Su registro está confirmado"), then == Language::Es);
        }
    }
}

/// `registration_lifetime`: how long a registration waits, and its link is good.
#[tokio::test]
async fn a_registration_waits_for_as_long_as_the_policy_says() {
    for hours in [2, 24] {
        let policy = portal(|policy| policy.registration_lifetime = hours * HOUR);
        for (after, waits) in around(hours * HOUR) {
            let mut portal = Portal::with(policy.clone());
            portal.registered(ANA, "anapena", PASSWORD).await;
            let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
            portal.clock.advance(after);
            let expected = if waits { Confirmation::Confirmed } else { Confirmation::LinkInvalid };
            assert_eq!(portal.confirm(&token(&mail), "anapena", PASSWORD).await, expected, "{hours} h, {after:?}");
            // A younger link of the address does not keep an older registration waiting.
            let mut portal = Portal::with(policy.clone());
            portal.registered(ANA, "anapena", PASSWORD).await;
            portal.mails().await;
            portal.clock.advance(HOUR);
            let younger = RegistrationForm {
                email: ANA.into(),
                username: "otra".into(),
                password: PASSWORD.into(),
                repeated: PASSWORD.into(),
                full_name: "Otra Persona".into(),
            };
            let answer = portal.acceso.register(younger, &portal.client).await;
            assert!(matches!(answer, Ok(Registering::Accepted(_))));
            let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
            portal.clock.advance(after - HOUR);
            let expected = if waits { Confirmation::Confirmed } else { Confirmation::Rejected };
            assert_eq!(portal.confirm(&token(&mail), "anapena", PASSWORD).await, expected, "{hours} h, {after:?}");
        }
    }
}

/// `recovery_link_lifetime`: how long a link of recovery is good.
#[tokio::test]
async fn a_link_of_recovery_is_good_for_as_long_as_the_policy_says() {
    for hours in [2, 5] {
        let policy = portal(|policy| policy.recovery_link_lifetime = hours * HOUR);
        for (after, good) in around(hours * HOUR) {
            let mut portal = Portal::with(policy.clone());
            portal.user(ANA, "anapena", PASSWORD).await;
            let _ = portal.recover_password(ANA, "anapena").await;
            let mail = portal.mail(MailPurpose::ConfirmRecovery).await;
            portal.clock.advance(after);
            let expected = if good { RecoveryConfirmation::Accepted } else { RecoveryConfirmation::LinkInvalid };
            assert_eq!(portal.confirm_recovery(&token(&mail)).await, expected, "{hours} h, {after:?}");
        }
    }
}
