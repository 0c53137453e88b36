//! The pages as today's standards would have them: long passwords, and a recovery that lets the person choose one.
//!
//! **No password is ever mailed.**

use acceso::{MailPurpose, Policy};

use crate::chrome::{Chrome, Look, tools_or_skip};
use crate::common::ANA;
use crate::site::Site;

const OLD: &str = "Tres tristes tigres";
const NEW: &str = "cuatro gatos en el tejado";

/// The headings, in the order of the walk.
struct Titles {
    login: &'static str,
    recover: &'static str,
    mail: &'static str,
    choose: &'static str,
    changed: &'static str,
    link: &'static str,
}

async fn walk(test_name: &str, language: &'static str, width: u32, titles: Titles) {
    let Some(tools) = tools_or_skip(test_name) else { return };
    let mut site = Site::open(Policy::modern()).await;
    site.user("anapena", OLD).await;
    let mut chrome = Chrome::open(tools, test_name, Look { language, width, has_script: true }).await;
    let url = |path: &str| format!("{}{path}", site.url);
    let (login, recovery, home) = (url("/login"), url("/password-recovery"), url("/"));

    chrome.goto(&login).await;
    assert!(!chrome.has("#stay").await, "nobody is kept signed in");
    chrome.send(&[("username", "anapena"), ("password", OLD)]).await;
    assert_eq!(chrome.text("h1").await, "Hola, anapena");

    chrome.goto(&recovery).await;
    chrome.look_at("password-recovery", titles.recover).await;
    chrome.send(&[("email", ANA), ("username", "anapena")]).await;
    chrome.look_at("password-recovery-sent", titles.mail).await;
    let link = site.link(MailPurpose::ConfirmRecovery).await;
    chrome.goto(&link).await;
    chrome.look_at("choice", titles.choose).await;
    assert!(!chrome.has("#current").await, "the link is enough");
    for _ in 0..2 {
        chrome.follow(".language button").await;
        assert_eq!(format!("{}{}", site.url, chrome.address().await), link, "in the other language and back");
    }
    chrome.send(&[("new", "catorce letras"), ("repeated", "otra cosa")]).await;
    chrome.look_at("choice-faults", titles.choose).await;
    for field in ["new", "repeated"] {
        assert!(chrome.has(&format!("#{field}[aria-invalid]")).await, "{field}");
        assert_eq!(chrome.value(field).await, "");
    }
    chrome.send(&[("new", NEW), ("repeated", NEW)]).await;
    chrome.look_at("changed", titles.changed).await;
    assert!(!site.mail(MailPurpose::PasswordChanged).await.text().contains(NEW));
    chrome.goto(&link).await;
    chrome.send(&[("new", OLD), ("repeated", OLD)]).await;
    chrome.look_at("link-used", titles.link).await;

    chrome.goto(&home).await;
    assert_eq!(chrome.path().await, "/login", "the session of before is over");
    chrome.send(&[("username", "anapena"), ("password", OLD)]).await;
    chrome.look_at("login-rejected", titles.login).await;
    chrome.send(&[("username", "anapena"), ("password", NEW)]).await;
    assert_eq!(chrome.text("h1").await, "Hola, anapena");
    chrome.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_password_is_chosen_anew_by_the_link_in_spanish() {
    let titles = Titles {
        login: "Ingrese a su cuenta",
        recover: "Recuperar contraseña",
        mail: "Revise su correo",
        choose: "Elija una contraseña nueva",
        changed: "Contraseña actualizada",
        link: "El enlace no sirve",
    };
    walk("a_forgotten_password_is_chosen_anew_by_the_link_in_spanish", "es", 320, titles).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_password_is_chosen_anew_by_the_link_in_english() {
    let titles = Titles {
        login: "Log in to your account",
        recover: "Recover password",
        mail: "Check your e-mail",
        choose: "Choose a new password",
        changed: "Password changed",
        link: "The link does not work",
    };
    walk("a_forgotten_password_is_chosen_anew_by_the_link_in_english", "en", 1_280, titles).await;
}
