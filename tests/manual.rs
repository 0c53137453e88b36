//! The manual *Acceso de Usuarios*, sentence by sentence and in its order, as stories under the policy that it describes.
//! Not: attacks, and not what the manual is silent about.
//!
//! **Each test quotes the sentences that it shows to be true; together they are the whole manual.**
//!
//! The page is the host's, so these sentences are too, and no test here quotes them:
//! - *Si tiene dudas, puede hacer clic en el icono del candado para visualizar la contraseña.*
//! - *Luego, haga clic en el icono de usuario ubicado en la esquina superior derecha del menú.*
//! - where the buttons and links stand, and the picture of the mail.

mod common;

use std::time::Duration;

use acceso::{
    Confirmation, Fault, Field, Language, Login, LoginForm, MailPurpose, PasswordChange, PasswordChangeForm,
    RecoveryConfirmation, RecoveryRequest, Registering, RegistrationForm, Rule, Stay, UserStore, text,
};
use common::{ANA, NEW_PASSWORD, NOBODY, PASSWORD, Portal, patient, temporary, token};

const CONTACT: &str = "0800 555 0000";

fn form() -> RegistrationForm {
    RegistrationForm {
        email: ANA.into(),
        username: "anapena".into(),
        password: PASSWORD.into(),
        repeated: PASSWORD.into(),
        full_name: "Ana María Peña".into(),
    }
}

async fn faults(portal: &Portal, form: RegistrationForm) -> Vec<Fault> {
    match portal.acceso.register(form, &portal.client).await.expect("the store is there") {
        Registering::Invalid(faults) => faults,
        other => panic!("{other:?}"),
    }
}

/// *Si ya cuenta con un usuario registrado, sus datos son suficientes para ingresar al portal.* — *Ingrese a su cuenta:
/// Usuario, Contraseña.* — *Iniciar sesión.*
#[tokio::test]
async fn a_registered_user_enters_with_his_name_and_password() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    let visitor = portal.acceso.session(&session.token).await.expect("the store is there").expect("signed in");
    assert_eq!(visitor.user().username().as_str(), "anapena");
    assert!(!session.remembered);
}

/// *Mantener sesión iniciada.*
#[tokio::test]
async fn who_asks_to_stay_signed_in_is_so_the_next_day_and_who_does_not_is_not() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let login = LoginForm::new("anapena", PASSWORD);
    let Ok(Login::SignedIn(staying)) = portal.acceso.login(login, Stay::SignedIn, &portal.client).await else {
        panic!("not signed in")
    };
    let leaving = portal.signed_in("anapena", PASSWORD).await;
    assert!(staying.remembered && !leaving.remembered);
    portal.clock.advance(Duration::from_secs(24 * 60 * 60));
    assert!(portal.is_signed_in(&staying.token).await);
    assert!(!portal.is_signed_in(&leaving.token).await);
}

/// *[Recuperar Usuario] [Recuperar contraseña]* — *[Iniciar sesión]* — *[Crear un nuevo usuario]*
#[tokio::test]
async fn the_four_ways_of_the_first_page_are_open_to_whoever_comes() {
    let portal = Portal::new();
    assert_eq!(portal.recover_username(ANA).await, RecoveryRequest::Accepted);
    assert_eq!(portal.recover_password(ANA, "anapena").await, RecoveryRequest::Accepted);
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
    assert!(matches!(portal.register(ANA, "anapena", PASSWORD).await, Registering::Accepted(_)));
}

/// *En caso de que aún no haya creado su usuario, le invitamos a hacer clic en el botón “Crear un nuevo usuario”.*
#[tokio::test]
async fn who_has_no_user_cannot_enter_until_she_has_made_one() {
    let mut portal = Portal::new();
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
    portal.user(ANA, "anapena", PASSWORD).await;
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::SignedIn(_)));
}

/// *Este enlace lo dirigirá a una página donde deberá ingresar la siguiente información: Registrarse: Email, Usuario,
/// Clave, Repetir clave, Nombre. [Aceptar]*
#[tokio::test]
async fn registering_asks_for_these_five_and_for_all_of_them() {
    let portal = Portal::new();
    for (empty, field) in [
        (RegistrationForm { email: String::new(), ..form() }, Field::Email),
        (RegistrationForm { username: String::new(), ..form() }, Field::Username),
        (RegistrationForm { full_name: String::new(), ..form() }, Field::FullName),
    ] {
        assert_eq!(faults(&portal, empty).await, [Fault::new(field, Rule::Empty)]);
    }
    let without_password = RegistrationForm { password: "".into(), repeated: "".into(), ..form() };
    assert_eq!(faults(&portal, without_password).await, [Fault::new(Field::Password, Rule::Empty)]);
    let not_repeated = RegistrationForm { repeated: "".into(), ..form() };
    assert_eq!(faults(&portal, not_repeated).await, [Fault::new(Field::Repeated, Rule::Mismatch)]);
    assert!(matches!(portal.acceso.register(form(), &portal.client).await, Ok(Registering::Accepted(_))));
}

/// *El correo electrónico debe estar registrado en su Historia Clínica en nuestro sistema.*
#[tokio::test]
async fn an_address_in_no_patient_record_gets_no_mail_and_no_user() {
    let mut portal = Portal::new();
    assert!(matches!(portal.register(NOBODY, "nadie", PASSWORD).await, Registering::Accepted(_)), "as for a patient");
    assert!(portal.mails().await.is_empty());
    assert!(matches!(portal.login("nadie", PASSWORD).await, Login::Rejected));
    let none = portal.store.registrations(&NOBODY.parse().expect("legal"), None, 8).await.expect("in memory");
    assert!(none.is_empty(), "nothing is kept of it");
}

/// *Si no está seguro de esto, le recomendamos contactarse con nosotros.*
#[test]
fn the_answer_to_every_registration_says_whom_to_ask_about_the_address() {
    let notice = text::notice(text::Notice::RegistrationAccepted, Language::Es);
    assert!(notice.contains("Historia Clínica") && notice.contains("contáctese con nosotros"), "{notice}");
}

/// *El nombre de usuario debe ser único.* — *Si ya existe un usuario con el nombre que usted indica, se le solicitará que
/// elija otro nombre de usuario.*
#[tokio::test]
async fn a_name_that_a_user_has_is_refused_and_another_is_asked_for() {
    let mut portal = Portal::new();
    portal.registry.insert(patient("pac-0002", "luz@example.org"));
    portal.user(ANA, "anapena", PASSWORD).await;
    for spelled in ["anapena", "AnaPena", " anapena "] {
        assert_eq!(portal.register("luz@example.org", spelled, PASSWORD).await, Registering::UsernameTaken);
    }
    let notice = text::notice(text::Notice::UsernameTaken, Language::Es);
    assert!(notice.contains("Ya existe un usuario con ese nombre") && notice.contains("otro nombre de usuario"));
    portal.user("luz@example.org", "luz.pena", PASSWORD).await;
    assert!(matches!(portal.login("luz.pena", PASSWORD).await, Login::SignedIn(_)));
}

/// *La contraseña debe cumplir con ciertas políticas de seguridad, como tener un mínimo de 8 caracteres, al menos una letra
/// mayúscula, una letra minúscula y un número.*
#[tokio::test]
async fn the_password_needs_eight_characters_an_upper_case_a_lower_case_and_a_digit() {
    let portal = Portal::new();
    let of = |rule| Fault::new(Field::Password, rule);
    for (typed, broken) in [
        ("Ñandú1x", vec![of(Rule::TooShort(8))]),
        ("ñandú1xy", vec![of(Rule::NoUppercase)]),
        ("ÑANDÚ1XY", vec![of(Rule::NoLowercase)]),
        ("Ñandúxyz", vec![of(Rule::NoDigit)]),
        ("abc", vec![of(Rule::TooShort(8)), of(Rule::NoUppercase), of(Rule::NoDigit)]),
    ] {
        let typed = RegistrationForm { password: typed.into(), repeated: typed.into(), ..form() };
        assert_eq!(faults(&portal, typed).await, broken);
    }
    let eight = RegistrationForm { password: "Ñandú1xy".into(), repeated: "Ñandú1xy".into(), ..form() };
    assert!(matches!(portal.acceso.register(eight, &portal.client).await, Ok(Registering::Accepted(_))));
}

/// *Al ingresar la contraseña, asegúrese de repetirla correctamente.*
#[tokio::test]
async fn a_password_not_repeated_correctly_is_refused() {
    let portal = Portal::new();
    for other in ["Tres tristes 4", "tres tristes 3", "Tres tristes 3 "] {
        let mistyped = RegistrationForm { repeated: other.into(), ..form() };
        assert_eq!(faults(&portal, mistyped).await, [Fault::new(Field::Repeated, Rule::Mismatch)]);
    }
}

/// *El nombre que se solicita al final es su nombre y apellido completo.*
#[tokio::test]
async fn the_name_is_first_name_and_family_name_and_stays_with_the_user() {
    let mut portal = Portal::new();
    let one_word = RegistrationForm { full_name: "Ana".into(), ..form() };
    assert_eq!(faults(&portal, one_word).await, [Fault::new(Field::FullName, Rule::Incomplete)]);
    assert!(matches!(portal.acceso.register(form(), &portal.client).await, Ok(Registering::Accepted(_))));
    let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
    assert_eq!(portal.confirm(&token(&mail), "anapena", PASSWORD).await, Confirmation::Confirmed);
    let session = portal.signed_in("anapena", PASSWORD).await;
    let visitor = portal.acceso.session(&session.token).await.expect("the store is there").expect("signed in");
    assert_eq!(visitor.user().full_name().as_str(), "Ana María Peña");
}

/// *Una vez que complete correctamente los campos requeridos y presione “Aceptar”, recibirá un correo electrónico similar al
/// que se muestra en la siguiente imagen.* — *Dicho correo se enviará a la dirección proporcionada y será necesario para
/// finalizar el proceso de validación.*
#[tokio::test]
async fn a_mail_goes_to_the_address_and_its_link_finishes_the_registration() {
    let mut portal = Portal::new();
    portal.registered(ANA, "anapena", PASSWORD).await;
    let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
    assert_eq!(mail.to().as_str(), ANA);
    assert_eq!(mail.subject(), "Confirme su registro");
    assert!(mail.text().contains("https://portal.example/confirmation?token="));
    let guessed = "A".repeat(64);
    assert_eq!(portal.confirm(&guessed, "anapena", PASSWORD).await, Confirmation::LinkInvalid, "without the mail");
    assert_eq!(portal.confirm(&token(&mail), "anapena", PASSWORD).await, Confirmation::Confirmed);
}

/// *Si no completa este paso, no podrá acceder al portal.*
#[tokio::test]
async fn without_the_confirmation_step_one_cannot_enter() {
    let mut portal = Portal::new();
    portal.registered(ANA, "anapena", PASSWORD).await;
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
    let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
    assert!(mail.text().contains("Si no completa este paso,\nno podrá acceder al portal."), "{}", mail.text());
}

/// *Usuario confirmado: Una vez que confirme su registro, recibirá otro correo de confirmación y podrá utilizar su usuario
/// para acceder al portal.*
#[tokio::test]
async fn after_confirming_another_mail_comes_and_the_user_can_be_used() {
    let mut portal = Portal::new();
    portal.registered(ANA, "anapena", PASSWORD).await;
    let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
    assert_eq!(portal.confirm(&token(&mail), "anapena", PASSWORD).await, Confirmation::Confirmed);
    let mail = portal.mail(MailPurpose::RegistrationConfirmed).await;
    assert_eq!((mail.to().as_str(), mail.subject()), (ANA, "Su registro está confirmado"));
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::SignedIn(_)));
}

/// *Si necesita más ayuda o tiene alguna pregunta, por favor contáctese con nosotros.*
#[tokio::test]
async fn every_mail_says_how_to_reach_the_clinic() {
    let mut portal = Portal::new();
    portal.registered(ANA, "anapena", PASSWORD).await;
    let mut mails = portal.mails().await;
    assert_eq!(portal.confirm(&token(&mails[0]), "anapena", PASSWORD).await, Confirmation::Confirmed);
    portal.lock("anapena").await;
    assert_eq!(portal.recover_username(ANA).await, RecoveryRequest::Accepted);
    assert_eq!(portal.recover_password(ANA, "anapena").await, RecoveryRequest::Accepted);
    mails.extend(portal.mails().await);
    let recovery = mails.iter().find(|mail| mail.purpose() == MailPurpose::ConfirmRecovery).expect("a mail");
    assert_eq!(portal.confirm_recovery(&token(recovery)).await, RecoveryConfirmation::Accepted);
    mails.extend(portal.mails().await);
    let minted = mails.last().map(temporary).expect("a temporary password");
    let Login::MustChangePassword(restricted) = portal.login("anapena", &minted).await else { panic!("no entry") };
    assert!(matches!(portal.change(&restricted.token, "", NEW_PASSWORD).await, PasswordChange::Changed(_)));
    mails.extend(portal.mails().await);
    for purpose in MailPurpose::ALL {
        let mail = mails.iter().find(|mail| mail.purpose() == purpose).expect("one of each");
        assert!(mail.text().contains("contáctese con nosotros") && mail.text().contains(CONTACT), "{purpose:?}");
        assert!(mail.html().contains(CONTACT), "{purpose:?}");
    }
}

/// *¿Por qué no puede crear un usuario?* — *Si no puede crear un usuario, es posible que su dirección de correo electrónico
/// no esté registrada en su Historia Clínica en nuestro sistema.* — *Le recomendamos verificar esta información
/// contactándose con nosotros.*
#[tokio::test]
async fn once_the_clinic_has_noted_the_address_registering_again_works() {
    let mut portal = Portal::new();
    portal.registered(NOBODY, "luz.pena", PASSWORD).await;
    assert!(portal.mails().await.is_empty());
    portal.registry.insert(patient("pac-0002", NOBODY));
    portal.user(NOBODY, "luz.pena", PASSWORD).await;
    assert!(matches!(portal.login("luz.pena", PASSWORD).await, Login::SignedIn(_)));
}

/// *¿Por qué, después de crear un usuario, no puede ingresar?* — *Existen dos posibles razones.*
#[test]
fn the_refused_login_names_both_reasons_and_both_ways_out() {
    let notice = text::notice(text::Notice::LoginRejected, Language::Es);
    for said in ["todavía no esté activado", "bloqueado por varios intentos", "mensaje que recibió al registrarse"] {
        assert!(notice.contains(said), "{said}");
    }
    assert!(notice.contains("“Recuperar contraseña”"));
}

/// *El usuario aún no ha activado su cuenta.* — *Verifique si ha realizado la acción requerida en el correo electrónico que
/// recibió al momento de crear su usuario.*
#[tokio::test]
async fn who_has_not_activated_does_it_by_the_mail_that_she_got() {
    let mut portal = Portal::new();
    portal.registered(ANA, "anapena", PASSWORD).await;
    let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
    portal.pass(23 * 60 * 60);
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected), "a day of not doing it");
    assert_eq!(portal.confirm(&token(&mail), "anapena", PASSWORD).await, Confirmation::Confirmed);
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::SignedIn(_)));
}

/// *Es posible que el usuario esté bloqueado debido a múltiples intentos fallidos con una contraseña incorrecta.* — *En este
/// caso, puede solucionarlo utilizando la opción “Recuperar Contraseña”, como se explica más adelante.*
#[tokio::test]
async fn a_blocked_user_recovers_the_password() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.lock("anapena").await;
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected), "locked");
    portal.pass(365 * 24 * 60 * 60);
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected), "and stays so");
    portal.mails().await;
    let temporary = portal.temporary_password(ANA, "anapena").await;
    let Login::MustChangePassword(restricted) = portal.login("anapena", &temporary).await else { panic!("no entry") };
    assert!(!portal.is_signed_in(&restricted.token).await);
    let PasswordChange::Changed(session) = portal.change(&restricted.token, "", NEW_PASSWORD).await else {
        panic!("not changed")
    };
    assert!(portal.is_signed_in(&session.token).await);
    assert!(matches!(portal.login("anapena", NEW_PASSWORD).await, Login::SignedIn(_)));
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
}

/// *¿Qué hacer si no recuerda su usuario?* — *Si usted tiene creado un usuario (asociado a su mail) y no recuerda su nombre,
/// le recomendamos visitar la página de inicio y seleccionar la opción “Recuperar Usuario”.* — *Complete el campo con su
/// dirección de correo electrónico.* — *Recibirá un correo con los usuarios creados asociados a esa dirección.*
#[tokio::test]
async fn a_forgotten_user_name_comes_by_mail_with_the_others_of_the_address() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.user(ANA, "tomas.pena", PASSWORD).await;
    portal.registered(ANA, "sin.confirmar", PASSWORD).await;
    portal.mails().await;
    assert_eq!(portal.recover_username(ANA).await, RecoveryRequest::Accepted);
    let mail = portal.mail(MailPurpose::UserNames).await;
    assert_eq!(mail.to().as_str(), ANA);
    let lines: Vec<&str> = mail.text().lines().collect();
    assert!(lines.contains(&"anapena") && lines.contains(&"tomas.pena"), "{}", mail.text());
    assert!(!mail.text().contains("sin.confirmar"), "it is not created yet");
}

/// *¿Qué hacer si no recuerda la contraseña?* — *Para restablecer su contraseña, visite la página de inicio y seleccione la
/// opción “Recuperar Contraseña”.* — *Complete los campos con su dirección de correo electrónico y el nombre de usuario.* —
/// *Recibirá un correo para confirmar que desea cambiar su contraseña.* — *Si confirma, recibirá un nuevo correo con una
/// contraseña temporal.*
#[tokio::test]
async fn a_forgotten_password_is_recovered_by_two_mails_the_second_with_a_temporary_one() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    assert_eq!(portal.recover_password(ANA, "anapena").await, RecoveryRequest::Accepted);
    let first = portal.mail(MailPurpose::ConfirmRecovery).await;
    assert_eq!((first.to().as_str(), first.subject()), (ANA, "Confirme que desea cambiar su contraseña"));
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::SignedIn(_)), "nothing has changed yet");
    assert_eq!(portal.confirm_recovery(&token(&first)).await, RecoveryConfirmation::Accepted);
    let second = portal.mail(MailPurpose::TemporaryPassword).await;
    assert_eq!((second.to().as_str(), second.subject()), (ANA, "Su contraseña temporal"));
    assert!(matches!(portal.login("anapena", &temporary(&second)).await, Login::MustChangePassword(_)));
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
}

/// *¿Cómo cambiar la contraseña?* — *Ingrese con su contraseña actual (o utilice la contraseña temporal, si la recibió).* —
/// *Seleccione la opción “Cambiar Contraseña” y complete los datos solicitados.* — *Una vez realizado este proceso, su
/// contraseña estará actualizada.*
#[tokio::test]
async fn the_password_is_changed_after_entering_with_the_present_one_or_a_temporary_one() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    let missing = PasswordChangeForm { current: "".into(), new: NEW_PASSWORD.into(), repeated: "".into() };
    let answer = portal.acceso.change_password(&session.token, missing, &portal.client).await;
    let Ok(PasswordChange::Invalid(faults)) = answer else { panic!("{answer:?}") };
    assert_eq!(faults, [Fault::new(Field::Current, Rule::Empty), Fault::new(Field::Repeated, Rule::Mismatch)]);
    assert!(matches!(portal.change(&session.token, PASSWORD, NEW_PASSWORD).await, PasswordChange::Changed(_)));
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
    assert!(matches!(portal.login("anapena", NEW_PASSWORD).await, Login::SignedIn(_)));
    portal.mail(MailPurpose::PasswordChanged).await;

    let temporary = portal.temporary_password(ANA, "anapena").await;
    let Login::MustChangePassword(restricted) = portal.login("anapena", &temporary).await else { panic!("no entry") };
    let third = "Cinco sentidos 5";
    assert!(matches!(portal.change(&restricted.token, "", third).await, PasswordChange::Changed(_)));
    assert!(matches!(portal.login("anapena", third).await, Login::SignedIn(_)));
    assert!(matches!(portal.login("anapena", &temporary).await, Login::Rejected), "used up by the change");
}
