//! The manual, walked through on the pages in both languages and as JSON.

use acceso::{Language, MailPurpose, text, text::Notice};
use axum::http::StatusCode;

use crate::browser::{Browser, app};
use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal, temporary, token};

const REGISTRATION: &[(&str, &str)] = &[
    ("email", ANA),
    ("username", "anapena"),
    ("password", PASSWORD),
    ("repeated", PASSWORD),
    ("full_name", "Ana María Peña"),
];

fn shows(body: &str, notice: Notice, language: Language) -> bool {
    let escaped = text::notice(notice, language).replace('&', "&#38;").replace('\'', "&#39;").replace('"', "&#34;");
    body.contains(&escaped)
}

async fn walk(language: Language, labels: &[&str], confirmed: &str) {
    let mut portal = Portal::new();
    let mut browser = Browser::new(&app(&portal), language.code());

    let home = browser.get("/").await;
    assert_eq!((home.status, home.header("location")), (StatusCode::SEE_OTHER, "/login?next=/"));
    let login = browser.get("/login?next=/").await.body;
    for label in labels {
        assert!(login.contains(label), "{label}");
    }
    assert!(login.contains(&format!("<html lang=\"{}\">", language.code())));

    browser.get("/registration").await;
    let sent = browser.post("/registration", REGISTRATION).await;
    assert!(sent.status.is_success() && shows(&sent.body, Notice::RegistrationAccepted, language));
    let link = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
    let page = browser.get(&format!("/confirmation?token={link}")).await;
    assert!(page.body.contains(&format!("name=\"token\" value=\"{link}\"")));
    let wrong = [("token", link.as_str()), ("username", "anapena"), ("password", "Otra clave 9")];
    let refused = browser.post("/confirmation", &wrong).await;
    assert!(shows(&refused.body, Notice::ConfirmationRejected, language));
    assert!(refused.body.contains("value=\"anapena\"") && !refused.body.contains("Otra clave 9"));
    let right = [("token", link.as_str()), ("username", "anapena"), ("password", PASSWORD)];
    let done = browser.post("/confirmation", &right).await;
    assert!(done.status.is_success() && done.body.contains(confirmed));
    portal.mail(MailPurpose::RegistrationConfirmed).await;
    assert!(shows(&browser.post("/confirmation", &right).await.body, Notice::LinkInvalid, language));

    let credentials = [("username", "anapena"), ("password", PASSWORD), ("next", "/")];
    let entered = browser.post("/login", &credentials).await;
    assert_eq!((entered.status, entered.header("location")), (StatusCode::SEE_OTHER, "/"));
    assert_eq!(browser.get("/").await.body, "results of anapena");

    let names = browser.post("/username-recovery", &[("email", ANA)]).await;
    assert!(shows(&names.body, Notice::UserNameSent, language));
    assert!(portal.mail(MailPurpose::UserNames).await.text().contains("anapena"));

    let asked = browser.post("/password-recovery", &[("email", ANA), ("username", "anapena")]).await;
    assert!(shows(&asked.body, Notice::RecoverySent, language));
    let link = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    assert!(browser.get(&format!("/password-recovery/confirmation?token={link}")).await.status.is_success());
    let confirmed = browser.post("/password-recovery/confirmation", &[("token", &link)]).await;
    assert!(shows(&confirmed.body, Notice::RecoveryConfirmed, language));
    assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER, "every session has ended");
    let temporary = temporary(&portal.mail(MailPurpose::TemporaryPassword).await);

    let entered = browser.post("/login", &[("username", "anapena"), ("password", &temporary)]).await;
    assert_eq!(entered.header("location"), "/password-change");
    assert_eq!(browser.get("/").await.header("location"), "/password-change");
    let page = browser.get("/password-change").await.body;
    assert!(!page.contains("name=\"current\"") && page.contains("data-least=\"8\""));
    let short = browser.post("/password-change", &[("new", "corta"), ("repeated", "otra")]).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.body.contains("href=\"#new\"") && short.body.contains("id=\"new-fault-1\""));
    assert!(!short.body.contains("corta"), "a password is not shown again");
    let changed = browser.post("/password-change", &[("new", NEW_PASSWORD), ("repeated", NEW_PASSWORD)]).await;
    assert!(shows(&changed.body, Notice::PasswordChanged, language));
    assert_eq!(browser.get("/").await.body, "results of anapena");

    let out = browser.post("/logout", &[]).await;
    assert!(shows(&out.body, Notice::LoggedOut, language));
    assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_manual_holds_true_on_the_pages_in_spanish() {
    let labels = [
        "Ingrese a su cuenta",
        "Usuario",
        "Contraseña",
        "Mantener sesión iniciada",
        "Recuperar Usuario",
        "Recuperar contraseña",
        "Iniciar sesión",
        "Crear un nuevo usuario",
    ];
    walk(Language::Es, &labels, "Usuario confirmado").await;
}

#[tokio::test]
async fn the_manual_holds_true_on_the_pages_in_english() {
    walk(Language::En, &["Log in", "Keep me signed in", "Create a new user"], "User confirmed").await;
}

#[tokio::test]
async fn the_manual_holds_true_as_json() {
    let mut portal = Portal::new();
    let mut program = Browser::of_json(&app(&portal));
    let refused = program.get("/").await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::UNAUTHORIZED, "not_signed_in"));
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert_eq!(refused.header("cache-control"), "no-store", "on the host's own page too");
    assert_eq!(program.post("/registration", REGISTRATION).await.code(), "accepted");
    let link = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
    let fields = [("token", link.as_str()), ("username", "anapena"), ("password", PASSWORD)];
    assert_eq!(program.post("/confirmation", &fields).await.code(), "confirmed");
    assert_eq!(program.post("/confirmation", &fields).await.code(), "link_invalid");
    portal.mails().await;
    let wrong = program.post("/login", &[("username", "anapena"), ("password", "x")]).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (StatusCode::UNAUTHORIZED, "login_rejected"));
    let entered = program.post("/login", &[("username", "anapena"), ("password", PASSWORD)]).await;
    assert_eq!(entered.code(), "signed_in");
    let list = program.get("/sessions").await.body;
    assert!(list.contains("\"is_this\":true") && list.contains("Firefox, Linux"), "{list}");
    let change = [("current", PASSWORD), ("new", "corta"), ("repeated", "corta")];
    let invalid = program.post("/password-change", &change).await;
    assert_eq!(invalid.code(), "invalid");
    assert!(invalid.body.contains("\"rule\":\"too_short\"") && invalid.body.contains("\"limit\":8"));
    assert!(!invalid.body.contains("corta"));
    let change = [("current", PASSWORD), ("new", NEW_PASSWORD), ("repeated", NEW_PASSWORD)];
    assert_eq!(program.post("/password-change", &change).await.code(), "changed");
    assert_eq!(program.post("/logout", &[]).await.code(), "logged_out");
    assert_eq!(program.get("/sessions").await.code(), "not_signed_in");
}

#[tokio::test]
async fn a_session_of_another_browser_is_ended_from_the_list() {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let app = app(&portal);
    let (mut here, mut there) = (Browser::new(&app, "es"), Browser::new(&app, "es"));
    let credentials = [("username", "anapena"), ("password", PASSWORD)];
    here.post("/login", &credentials).await;
    there.post("/login", &credentials).await;
    let page = here.get("/sessions").await.body;
    let (_, id) = page.split_once("name=\"session\" value=\"").expect("the other one");
    let id = id.split('"').next().expect("its id");
    assert!(here.post("/sessions/close", &[("session", id)]).await.body.contains("La sesión está cerrada."));
    assert_eq!(there.get("/").await.status, StatusCode::SEE_OTHER);
    assert_eq!(here.get("/").await.status, StatusCode::OK);
    there.post("/login", &credentials).await;
    here.post("/sessions/close-others", &[]).await;
    assert_eq!(there.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_language_is_chosen_by_a_form_and_kept_in_the_browser() {
    let portal = Portal::new();
    let mut browser = Browser::new(&app(&portal), "es");
    let chosen = browser.post("/language", &[("language", "en"), ("next", "/registration")]).await;
    assert_eq!(chosen.header("location"), "/registration");
    assert!(browser.get("/registration").await.body.contains("<html lang=\"en\">"));
}

#[tokio::test]
async fn what_was_typed_is_kept_but_for_passwords_and_faults_stand_beside_their_fields() {
    let portal = Portal::new();
    let mut browser = Browser::new(&app(&portal), "es");
    let typed = [
        ("email", "no es un correo"),
        ("username", "<b>\"x'"),
        ("password", "canario"),
        ("repeated", "pajaro"),
        ("full_name", "Ana"),
    ];
    let page = browser.post("/registration", &typed).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("value=\"no es un correo\"") && page.body.contains("value=\"Ana\""));
    assert!(!page.body.contains("canario") && !page.body.contains("pajaro") && !page.body.contains("<b>"));
    for field in ["email", "username", "password", "repeated", "full_name"] {
        assert!(page.body.contains(&format!("href=\"#{field}\"")), "{field} in the summary");
        assert!(page.body.contains(&format!("id=\"{field}-fault-1\"")), "{field} beside the field");
    }
    assert_eq!(page.body.matches("class=\"field faulty\"").count(), 5);
    assert!(page.body.contains("<title>Error: Registrarse – Clínica del Sol</title>"));
}
