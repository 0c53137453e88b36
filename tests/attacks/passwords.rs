//! A62–A69: passwords as they come from keyboards and from those who mean harm.

use acceso::{
    Confirmation, ConfirmationForm, Fault, Field, Login, LoginForm, MailPurpose, PasswordChange, PasswordChangeForm,
    Registering, RegistrationForm, Rule, Stay,
};

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal, token};

#[tokio::test]
async fn a62_a_huge_password_is_refused_wherever_one_is_typed() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.registered(ANA, "otra", PASSWORD).await;
    let link = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
    let session = portal.signed_in("anapena", PASSWORD).await;
    for huge in ["a".repeat(10 << 20), "\u{301}".repeat(1 << 19), "ﷺ".repeat(400_000)] {
        let too_long = Fault::new(Field::Password, Rule::TooLong(256));
        let answer = portal.register(ANA, "nueva", &huge).await;
        assert_eq!(answer, Registering::Invalid(vec![too_long]));
        assert!(matches!(portal.login("anapena", &huge).await, Login::Rejected));
        assert_eq!(portal.confirm(&link, "otra", &huge).await, Confirmation::Rejected);
        let answer = portal.change(&session.token, PASSWORD, &huge).await;
        assert!(matches!(&answer, PasswordChange::Invalid(faults) if *faults == [too_long]), "{answer:?}");
        assert!(matches!(portal.change(&session.token, &huge, NEW_PASSWORD).await, PasswordChange::Rejected));
        let huge_name = RegistrationForm {
            email: huge.clone(),
            username: huge.clone(),
            password: PASSWORD.into(),
            repeated: PASSWORD.into(),
            full_name: huge.clone(),
        };
        assert!(matches!(portal.acceso.register(huge_name, &portal.client).await, Ok(Registering::Invalid(_))));
        // Each was a wrong password like any other.
        portal.signed_in("anapena", PASSWORD).await;
    }
}

#[tokio::test]
async fn a68_a_password_is_the_same_on_every_keyboard_and_its_look_alikes_are_others() {
    let (composed, decomposed) = ("Contrase\u{f1}a \u{e1}rida 1", "Contrasen\u{303}a a\u{301}rida 1");
    for (set, typed) in [(composed, decomposed), (decomposed, composed)] {
        let mut portal = Portal::new();
        portal.user(ANA, "anapena", set).await;
        portal.signed_in("anapena", typed).await;
        assert!(matches!(portal.login("anapena", "Contraseña\u{a0}árida 1").await, Login::SignedIn(_)), "a blank");
        for other in ["Contrasena arida 1", "contraseña árida 1", "Contraseña árida １", "Contraseña árida 1 "] {
            assert!(matches!(portal.login("anapena", other).await, Login::Rejected), "{other}");
        }
    }
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", "Oﬁcina abierta 1").await;
    assert!(matches!(portal.login("anapena", "Oficina abierta 1").await, Login::Rejected));
}

/// The rules are asked wherever a password is set: the same typed text has the same faults everywhere.
#[tokio::test]
async fn every_way_to_set_a_password_asks_the_rules() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    for typed in
        ["corta", "sinmayusculas1", "SINMINUSCULAS1", "SinNumeros", "Anapena2026", "ClinicaDelSol1", "Con\tTab 12"]
    {
        let form = RegistrationForm {
            email: ANA.into(),
            username: "anapena2".into(),
            password: typed.into(),
            repeated: typed.into(),
            full_name: "Nombre Apellido".into(),
        };
        let Ok(Registering::Invalid(faults)) = portal.acceso.register(form, &portal.client).await else {
            panic!("{typed} was accepted")
        };
        let form = PasswordChangeForm { current: PASSWORD.into(), new: typed.into(), repeated: typed.into() };
        let answer = portal.acceso.change_password(&session.token, form, &portal.client).await;
        assert!(
            matches!(&answer, Ok(PasswordChange::Invalid(same)) if *same == faults),
            "{typed} {answer:?} {faults:?}"
        );
    }
    let form = ConfirmationForm { token: String::new(), username: String::new(), password: "".into(), reference: None };
    assert_eq!(portal.acceso.confirm(form, &portal.client).await.ok(), Some(Confirmation::LinkInvalid));
    let login = portal.acceso.login(LoginForm::new("", ""), Stay::Session, &portal.client).await;
    assert!(matches!(login, Ok(Login::Rejected)));
}
