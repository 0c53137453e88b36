//! The manual, page by page, as a person with a browser goes through it.

use acceso::{Client, Login, LoginForm, MailPurpose, Policy, Stay};

use crate::chrome::{Chrome, Look, tools_or_skip};
use crate::common::{ANA, NEW_PASSWORD, PASSWORD, temporary};
use crate::site::Site;

/// The narrowest phone, which is also a desktop at 400 % (WCAG 2.2, 1.4.10), and a desktop.
const PHONE: u32 = 320;
const DESKTOP: u32 = 1_280;

/// The headings of the pages.
struct Titles {
    login: &'static str,
    registration: &'static str,
    mail: &'static str,
    confirmation: &'static str,
    confirmed: &'static str,
    link: &'static str,
    recover_username: &'static str,
    recover_password: &'static str,
    recovery: &'static str,
    recovered: &'static str,
    change: &'static str,
    changed: &'static str,
    sessions: &'static str,
    logged_out: &'static str,
    contact: &'static str,
}

const ES: Titles = Titles {
    login: "Ingrese a su cuenta",
    registration: "Registrarse",
    mail: "Revise su correo",
    confirmation: "Confirme su registro",
    confirmed: "Usuario confirmado",
    link: "El enlace no sirve",
    recover_username: "Recuperar Usuario",
    recover_password: "Recuperar contraseña",
    recovery: "Confirme que desea cambiar su contraseña",
    recovered: "Está confirmado",
    change: "Cambiar Contraseña",
    changed: "Contraseña actualizada",
    sessions: "Sesiones abiertas",
    logged_out: "Sesión cerrada",
    contact: "Contacto",
};

const EN: Titles = Titles {
    login: "Log in to your account",
    registration: "Register",
    mail: "Check your e-mail",
    confirmation: "Confirm your registration",
    confirmed: "User confirmed",
    link: "The link does not work",
    recover_username: "Recover user name",
    recover_password: "Recover password",
    recovery: "Confirm that you want to change your password",
    recovered: "Confirmed",
    change: "Change password",
    changed: "Password changed",
    sessions: "Active sessions",
    logged_out: "Logged out",
    contact: "Contact",
};

struct Walk {
    site: Site,
    chrome: Chrome,
    titles: Titles,
}

async fn walk(test_name: &str, language: &'static str, width: u32, has_script: bool) {
    let Some(tools) = tools_or_skip(test_name) else { return };
    let site = Site::open(Policy::portal()).await;
    let chrome = Chrome::open(tools, test_name, Look { language, width, has_script }).await;
    let titles = if language == "es" { ES } else { EN };
    let mut walk = Walk { site, chrome, titles };
    walk.registers().await;
    walk.logs_in_and_sees_the_sessions().await;
    walk.is_locked_out_and_recovers().await;
    walk.chrome.close().await;
}

impl Walk {
    async fn goto(&self, path: &str) {
        self.chrome.goto(&format!("{}{path}", self.site.url)).await;
    }

    async fn sees(&mut self, name: &str, title: &str) {
        self.chrome.look_at(name, title).await;
    }

    async fn registers(&mut self) {
        self.goto("/").await;
        self.sees("login", self.titles.login).await;
        assert_eq!(self.chrome.path().await, "/login", "the host's page is behind it");
        self.chrome.follow(".second .button").await;
        self.sees("registration", self.titles.registration).await;
        self.chrome.send(&[("email", "ana@"), ("username", "a"), ("password", "corta"), ("full_name", "Ana")]).await;
        self.sees("registration-faults", self.titles.registration).await;
        for field in ["email", "username", "password", "repeated", "full_name"] {
            assert!(self.chrome.has(&format!("#{field}[aria-invalid]")).await, "{field}");
        }
        assert_eq!(
            (self.chrome.value("email").await.as_str(), self.chrome.value("password").await.as_str()),
            ("ana@", "")
        );
        let right = [
            ("email", ANA),
            ("username", "anapena"),
            ("password", PASSWORD),
            ("repeated", PASSWORD),
            ("full_name", "Ana María Peña"),
        ];
        self.chrome.send(&right).await;
        self.sees("registration-sent", self.titles.mail).await;
        let link = self.site.link(MailPurpose::ConfirmRegistration).await;

        self.goto("/login").await;
        self.chrome.send(&[("username", "anapena"), ("password", PASSWORD)]).await;
        self.sees("login-unconfirmed", self.titles.login).await;

        self.chrome.goto(&link).await;
        self.sees("confirmation", self.titles.confirmation).await;
        self.chrome.send(&[("username", "anapena"), ("password", "Otra clave 9")]).await;
        self.sees("confirmation-rejected", self.titles.confirmation).await;
        self.chrome.send(&[("username", "anapena"), ("password", PASSWORD)]).await;
        self.sees("confirmed", self.titles.confirmed).await;
        self.site.mail(MailPurpose::RegistrationConfirmed).await;
        self.chrome.goto(&link).await;
        self.chrome.send(&[("username", "anapena"), ("password", PASSWORD)]).await;
        self.sees("link-used", self.titles.link).await;
    }

    async fn logs_in_and_sees_the_sessions(&mut self) {
        let elsewhere = LoginForm::new("anapena", PASSWORD);
        let opened = self.site.acceso.login(elsewhere, Stay::Session, &Client::unknown()).await;
        assert!(matches!(opened, Ok(Login::SignedIn(_))));
        self.goto("/").await;
        self.chrome.click("label[for=stay]").await;
        self.chrome.send(&[("username", "anapena"), ("password", PASSWORD)]).await;
        assert_eq!((self.chrome.path().await.as_str(), self.chrome.text("h1").await.as_str()), ("/", "Hola, anapena"));
        self.goto("/sessions").await;
        self.sees("sessions", self.titles.sessions).await;
        self.chrome.click(".menu summary").await;
        self.sees("menu", self.titles.sessions).await;
        self.chrome.click(".menu summary").await;
        self.chrome.follow(".sessions form button").await;
        self.sees("session-ended", self.titles.sessions).await;
        assert!(!self.chrome.has(".sessions form").await, "only this session is left");
        self.goto("/password-change").await;
        self.sees("change", self.titles.change).await;
        self.chrome.click(".menu summary").await;
        self.chrome.follow(".menu form button").await;
        self.sees("logged-out", self.titles.logged_out).await;
        self.goto("/contact").await;
        self.sees("contact", self.titles.contact).await;
    }

    async fn is_locked_out_and_recovers(&mut self) {
        self.goto("/login").await;
        for _ in 0..self.site.acceso.policy().lockout.threshold {
            self.chrome.send(&[("username", "anapena"), ("password", "Equivocada 1")]).await;
        }
        self.chrome.send(&[("username", "anapena"), ("password", PASSWORD)]).await;
        self.sees("login-locked", self.titles.login).await;

        self.goto("/username-recovery").await;
        self.sees("username-recovery", self.titles.recover_username).await;
        self.chrome.send(&[("email", "ana")]).await;
        self.sees("username-recovery-faults", self.titles.recover_username).await;
        self.chrome.send(&[("email", ANA)]).await;
        self.sees("username-recovery-sent", self.titles.mail).await;
        assert!(self.site.mail(MailPurpose::UserNames).await.text().contains("anapena"));

        self.goto("/password-recovery").await;
        self.sees("password-recovery", self.titles.recover_password).await;
        self.chrome.send(&[("email", ANA)]).await;
        self.sees("password-recovery-faults", self.titles.recover_password).await;
        self.chrome.send(&[("email", ANA), ("username", "anapena")]).await;
        self.sees("password-recovery-sent", self.titles.mail).await;
        let link = self.site.link(MailPurpose::ConfirmRecovery).await;
        self.chrome.goto(&link).await;
        self.sees("recovery", self.titles.recovery).await;
        self.chrome.send(&[]).await;
        self.sees("recovered", self.titles.recovered).await;
        let temporary = temporary(&self.site.mail(MailPurpose::TemporaryPassword).await);

        self.goto("/login").await;
        self.chrome.send(&[("username", "anapena"), ("password", &temporary)]).await;
        self.sees("must-change", self.titles.change).await;
        assert!(!self.chrome.has("#current").await, "the temporary password is not asked for again");
        self.chrome.send(&[("new", "corta"), ("repeated", "otra")]).await;
        self.sees("must-change-faults", self.titles.change).await;
        self.chrome.send(&[("new", NEW_PASSWORD), ("repeated", NEW_PASSWORD)]).await;
        self.sees("changed", self.titles.changed).await;
        self.goto("/").await;
        assert_eq!(self.chrome.text("h1").await, "Hola, anapena");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_manual_in_spanish_on_a_phone() {
    walk("the_manual_in_spanish_on_a_phone", "es", PHONE, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_manual_in_english_on_a_phone_without_scripts() {
    walk("the_manual_in_english_on_a_phone_without_scripts", "en", PHONE, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_manual_in_spanish_on_a_desktop_without_scripts() {
    walk("the_manual_in_spanish_on_a_desktop_without_scripts", "es", DESKTOP, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_manual_in_english_on_a_desktop() {
    walk("the_manual_in_english_on_a_desktop", "en", DESKTOP, true).await;
}
