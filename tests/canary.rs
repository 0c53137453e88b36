//! Secrets and personal data do not show: in `Debug`, in errors, in what the types allow at all. Not: the texts of faults,
//! which are searched where each fault is made (`faults/watch.rs`).
//!
//! **What must not be shown cannot be: a type that holds a secret has no `Display`, no `Serialize` and no `==`.**

#![allow(unreachable_pub, reason = "a test crate exports nothing, and its rooms are shared with other tests")]
#![allow(dead_code, reason = "the rooms shared with the tests of faults hold more than is used here")]

mod common;
#[path = "faults/dryness.rs"]
mod dryness;
#[path = "faults/dump.rs"]
mod dump;
#[path = "faults/ports.rs"]
mod ports;
#[path = "faults/stage.rs"]
mod stage;
#[path = "faults/watch.rs"]
mod watch;

use std::fmt::{Debug, Display};
use std::fs;
use std::path::Path;

use acceso::{
    Acceso, Confirmation, ConfirmationForm, Digest, EmailAddress, Error, FullName, LinkToken, Login, LoginForm, Mail,
    MailIntent, Mailbox, Password, PasswordChange, PasswordChangeForm, PasswordChoiceForm, PasswordHash,
    PasswordRecoveryForm, Policy, Registration, RegistrationForm, Restricted, Session, SessionToken, SignedIn, Stay,
    Stored, User, UserStore, Username, UsernameRecoveryForm, Visitor,
};
use common::token;
use dryness::Dry;
use ports::Kind;
use stage::{ADDRESS, FULL_NAME, Given, IntoToken, NEW_PASSWORD, PASSWORD, PATIENT, Scene, Stage, USERNAME, WRONG};
use watch::{Watch, listen_to_panics};

/// Does not compile if the type implements one of the traits: which `item` is meant would be ambiguous.
macro_rules! never {
    ($($type:ty: $($trait:path),+;)+) => {$($(
        const _: () = {
            trait Item<Marker> {
                fn item() {}
            }
            struct Implemented;
            impl<T: ?Sized> Item<()> for T {}
            impl<T: ?Sized + $trait> Item<Implemented> for T {}
            let _ = <$type as Item<_>>::item;
        };
    )+)+};
}

never! {
    Password: Display, serde::Serialize, PartialEq, Clone, AsRef<str>, Into<String>;
    PasswordHash: Display, serde::Serialize, PartialEq, AsRef<str>, Into<String>;
    SessionToken: Display, serde::Serialize, PartialEq, AsRef<str>, Into<String>;
    LinkToken: Display, serde::Serialize, PartialEq, AsRef<str>, Into<String>;
    Digest: Display, serde::Serialize;
    Mail: Display, serde::Serialize;
    User: Display, serde::Serialize;
    Registration: Display, serde::Serialize;
    Mailbox: Display, serde::Serialize;
    Session: Display, serde::Serialize;
    MailIntent: Display, serde::Serialize;
    LoginForm: Display, serde::Serialize, Clone;
    RegistrationForm: Display, serde::Serialize, Clone;
    ConfirmationForm: Display, serde::Serialize, Clone;
    PasswordChangeForm: Display, serde::Serialize, Clone;
    PasswordChoiceForm: Display, serde::Serialize, Clone;
    SignedIn: Display, serde::Serialize, Clone, From<Restricted>;
    Restricted: Display, serde::Serialize, Clone, Into<SignedIn>, std::ops::Deref;
    Login: Display, serde::Serialize, Into<SignedIn>;
    Visitor: From<Restricted>, From<Session>;
}

fn shown(value: &impl Debug) -> String {
    format!("{value:?} {value:#?}")
}

fn all_forms(scene: &Scene) -> Vec<String> {
    let secret = || Password::from(PASSWORD);
    let registration = RegistrationForm {
        email: ADDRESS.into(),
        username: USERNAME.into(),
        password: secret(),
        repeated: secret(),
        full_name: FULL_NAME.into(),
    };
    let confirmation =
        ConfirmationForm { token: scene.token.clone(), username: USERNAME.into(), password: secret(), reference: None };
    vec![
        shown(&registration),
        shown(&confirmation),
        shown(&LoginForm::new(USERNAME, PASSWORD)),
        shown(&PasswordChangeForm { current: secret(), new: secret(), repeated: secret() }),
        shown(&PasswordChoiceForm { token: scene.token.clone(), new: secret(), repeated: secret() }),
        shown(&PasswordRecoveryForm { email: ADDRESS.into(), username: USERNAME.into() }),
        shown(&UsernameRecoveryForm { email: ADDRESS.into() }),
    ]
}

#[tokio::test]
async fn no_type_shows_what_it_holds() {
    let mut stage = Stage::new(Policy::portal());
    let scene = stage.set(Given::SignedIn).await;
    let mut texts = all_forms(&scene);
    let session = scene.session.clone().expect("a session");
    let visitor = stage.portal.acceso.session(&session).await.expect("the store is there").expect("signed in");
    let sessions = stage.portal.acceso.sessions(&session).await.expect("the store is there").expect("signed in");
    let user = visitor.user().clone();
    let hash = serde_json::to_value(Stored(&user)).expect("a document")["credential"]["chosen"]["hash"].clone();
    let hash = hash.as_str().expect("a hash").to_owned();
    let kept = stage.portal.store.sessions_of(user.id()).await.expect("memory is there");
    stage.register("otropicaflor").await;
    while stage.portal.courier.deliver_due().await.expect("the store is there").claimed > 0 {}
    texts.extend([
        shown(&visitor),
        shown(&sessions),
        shown(&user),
        shown(&Stored(user.clone())),
        shown(&kept),
        shown(&stage.portal.acceso),
        shown(&stage.portal.courier),
        shown(&stage.portal.client),
        shown(&stage.portal.store),
        shown(&stage.portal.registry),
        shown(&stage.portal.mailer),
        shown(&stage::patient(PATIENT)),
        shown(&user.patients()),
        shown(&session),
        shown(&LinkToken::parse(&scene.token)),
        shown(&Password::from(PASSWORD)),
        shown(&PasswordHash::from_phc(hash.as_str())),
        shown(&(ADDRESS.parse::<EmailAddress>(), USERNAME.parse::<Username>(), FULL_NAME.parse::<FullName>())),
        // A password typed into the wrong field.
        shown(&(WRONG.parse::<Username>(), WRONG.parse::<EmailAddress>(), PASSWORD.parse::<FullName>().err())),
    ]);
    let again = LoginForm::new(USERNAME, PASSWORD).replacing(session.clone());
    texts.push(shown(&again));
    let login = stage.portal.acceso.login(again, Stay::SignedIn, &stage.portal.client).await;
    texts.push(shown(&login));
    let newest = login.expect("the store is there").into_token();
    let form = PasswordChangeForm { current: PASSWORD.into(), new: NEW_PASSWORD.into(), repeated: NEW_PASSWORD.into() };
    let changed = stage.portal.acceso.change_password(&newest, form, &stage.portal.client).await;
    texts.push(shown(&changed));
    let Ok(PasswordChange::Changed(signed_in)) = changed else { panic!("not changed") };
    let mails = stage.portal.mailer.take();
    texts.push(shown(&mails));
    let mut watch = Watch::new(&scene, &mails);
    watch.hide_session(&newest);
    watch.hide_session(&signed_in.token);
    watch.hide(hash.as_bytes());
    for session in &kept {
        watch.hide(session.digest().as_bytes());
    }
    for text in texts.into_iter().chain(stage.control.shown()) {
        watch.nothing("a debug text", &text);
    }
}

#[tokio::test]
async fn a_restricted_login_shows_nothing_either() {
    let mut stage = Stage::new(Policy::portal());
    let scene = stage.set(Given::Temporary).await;
    let login = stage.portal.login(USERNAME, &scene.temporary).await;
    let text = shown(&login);
    let mut watch = Watch::new(&scene, &[]);
    let Login::MustChangePassword(restricted) = login else { panic!("no entry") };
    watch.hide_session(&restricted.token);
    let visitor = stage.portal.acceso.restricted_session(&restricted.token).await.expect("the store is there");
    watch.nothing("a debug text", &format!("{text} {} {}", shown(&visitor), shown(&stage.portal.store)));
}

/// Whatever a browser sends in a password's place, the error that a handler may print or answer does not quote it.
#[test]
fn a_form_that_cannot_be_read_quotes_no_password() {
    let number = "735928146";
    let odd = [number.to_owned(), format!("-{number}"), format!("{number}.5"), format!("[{number}]")];
    let odd = odd.into_iter().chain([format!("{{\"{number}\":1}}"), "true".into(), format!("[\"{number}\"]")]);
    for odd in odd {
        let error = serde_json::from_str::<Password>(&odd).expect_err("no text").to_string();
        assert!(!error.contains(number), "{error}");
        let form = format!(r#"{{"username":"ana","password":{odd}}}"#);
        let error = serde_json::from_str::<LoginForm>(&form).expect_err("no text").to_string();
        assert!(!error.contains(number), "{error}");
    }
    assert!(serde_json::from_str::<LoginForm>(r#"{"username":"ana","password":"Una clave 1"}"#).is_ok());
    assert!(serde_json::from_reader::<_, Password>(br#""Una clave \u0031""#.as_slice()).is_ok(), "an owned text too");
}

/// The errors that the core makes by itself, with all their causes.
#[tokio::test]
async fn the_cores_own_errors_say_nothing_about_anybody() {
    listen_to_panics();
    let mut stage = Stage::new(Policy::portal());
    let scene = stage.set(Given::Mailed).await;
    let watch = Watch::new(&scene, &[]);
    let confirm = |acceso: Acceso, token: String| async move {
        let (username, password) = (USERNAME.into(), PASSWORD.into());
        let form = ConfirmationForm { token, username, password, reference: None };
        acceso.confirm(form, &acceso::Client::unknown()).await
    };
    let mut errors: Vec<Error> = Vec::new();
    for dry in Dry::ALL {
        stage.dryness.plan(0, dry);
        if dry != Dry::Panics {
            errors.extend(confirm(stage.portal.acceso.clone(), scene.token.clone()).await.err());
        }
    }
    stage.dryness.calm();
    stage.control.plan(usize::MAX, Kind::Conflicts);
    errors.extend(confirm(stage.portal.acceso.clone(), scene.token.clone()).await.err());
    stage.control.calm();
    let confirmed = confirm(stage.portal.acceso.clone(), scene.token.clone()).await.expect("all is well");
    assert_eq!(confirmed, Confirmation::Confirmed, "conflicts without end have left everything as it was");
    stage.portal.acceso.shutdown().await;
    let login =
        stage.portal.acceso.login(LoginForm::new(USERNAME, PASSWORD), Stay::Session, &stage.portal.client).await;
    errors.extend(login.err());
    assert_eq!(errors.len(), 4, "{errors:?}");
    for error in errors {
        assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
        watch.error(&error);
    }
}

/// Links and temporary passwords are in the mail and nowhere else, in every language.
#[tokio::test]
async fn a_mails_subject_and_debug_hold_nothing() {
    for language in acceso::Language::ALL {
        let mut stage = Stage::new(Policy::portal());
        stage.portal.client = stage.portal.client.clone().with_language(language);
        let mut mails: Vec<Mail> = Vec::new();
        stage.register(USERNAME).await;
        mails.extend(stage.portal.mails().await);
        let link = token(&mails[0]);
        assert_eq!(stage.portal.confirm(&link, USERNAME, PASSWORD).await, Confirmation::Confirmed);
        assert_eq!(stage.portal.recover_username(ADDRESS).await, acceso::RecoveryRequest::Accepted);
        stage.portal.lock(USERNAME).await;
        mails.extend(stage.portal.mails().await);
        let link = stage.recovery_mail().await;
        assert_eq!(stage.portal.confirm_recovery(&token(&link)).await, acceso::RecoveryConfirmation::Accepted);
        mails.push(link);
        mails.extend(stage.portal.mails().await);
        let temporary = common::temporary(mails.last().expect("a mail"));
        stage.change_temporary(&temporary).await;
        mails.extend(stage.portal.mails().await);
        let mut purposes: Vec<_> = mails.iter().map(Mail::purpose).collect();
        purposes.sort_unstable();
        assert_eq!(purposes, acceso::MailPurpose::ALL);
        let watch = Watch::new(&Scene::default(), &mails);
        watch.mails(&mails);
        watch.nothing("the debug of mails", &shown(&mails));
        watch.dump(&stage.dump().await);
        watch.events(&stage.portal.store.events());
    }
}

/// The core hands out events and answers, and writes nothing anywhere by itself.
#[test]
fn the_source_prints_and_logs_nothing() {
    fn read(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("the source") {
            let path = entry.expect("the source").path();
            if path.is_dir() {
                read(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("the source");
                let printing = ["println!", "eprintln!", "print!(", "dbg!(", "tracing::", " log::", "(log::"];
                let said = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                let said = said.filter(|line| printing.iter().any(|word| line.contains(word)));
                found.extend(said.map(|line| format!("{}: {line}", path.display())));
            }
        }
    }
    let mut found = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert_eq!(found, Vec::<String>::new());
}
