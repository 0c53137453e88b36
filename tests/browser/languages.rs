//! The other language, from every page. Not: the sentences.
//!
//! **Who changes the language stays there: on the page, with the link that led to it, and signed in.**

use acceso::{MailPurpose, Policy};

use crate::chrome::{Chrome, Look, tools_or_skip};
use crate::common::{ANA, PASSWORD, temporary};
use crate::site::Site;

const CREDENTIALS: &[(&str, &str)] = &[("username", "anapena"), ("password", PASSWORD)];
const WRONG: &[(&str, &str)] = &[("username", "anapena"), ("password", "Equivocada 1")];

struct Reader {
    site: Site,
    chrome: Chrome,
}

impl Reader {
    async fn goto(&self, path: &str) {
        self.chrome.goto(&format!("{}{path}", self.site.url)).await;
    }

    async fn sees(&self, language: &str, title: &str) {
        let shown = self.chrome.find("html").await.attr("lang").await.expect("a page");
        assert_eq!((shown.as_deref(), self.chrome.text("h1").await.as_str()), (Some(language), title));
    }

    /// Changes to the other language, which leads to this address.
    async fn turns(&self, address: &str) {
        self.chrome.follow(".language button").await;
        assert_eq!(self.chrome.address().await, address);
    }

    /// Opens a page in Spanish, reads it in English, and comes back.
    async fn reads_in_both(&self, path: &str, spanish: &str, english: &str) {
        self.goto(path).await;
        let is_signed_in = self.chrome.has(".menu").await;
        self.sees("es", spanish).await;
        self.turns(path).await;
        self.sees("en", english).await;
        assert_eq!(self.chrome.has(".menu").await, is_signed_in, "{path}");
        self.turns(path).await;
        self.sees("es", spanish).await;
    }

    /// The path of the link in the mail of this kind.
    async fn linked(&mut self, purpose: MailPurpose) -> String {
        let link = self.site.link(purpose).await;
        link.strip_prefix(&self.site.url).expect("a link to this site").to_owned()
    }

    async fn as_a_stranger(&mut self) {
        for (path, spanish, english) in [
            ("/login", "Ingrese a su cuenta", "Log in to your account"),
            ("/login?next=/sessions", "Ingrese a su cuenta", "Log in to your account"),
            ("/registration", "Registrarse", "Register"),
            ("/username-recovery", "Recuperar Usuario", "Recover user name"),
            ("/password-recovery", "Recuperar contraseña", "Recover password"),
            ("/contact", "Contacto", "Contact"),
        ] {
            self.reads_in_both(path, spanish, english).await;
        }
    }

    async fn with_a_mailed_link(&mut self) {
        self.goto("/registration").await;
        let fields = [
            ("email", ANA),
            ("username", "anapena"),
            ("password", PASSWORD),
            ("repeated", PASSWORD),
            ("full_name", "Ana Peña"),
        ];
        self.chrome.send(&fields).await;
        let link = self.linked(MailPurpose::ConfirmRegistration).await;
        self.reads_in_both(&link, "Confirme su registro", "Confirm your registration").await;
        self.chrome.send(WRONG).await;
        self.sees("es", "Confirme su registro").await;
        // The page with the fault has the link in its form; the same page in English has it again.
        self.turns(&link).await;
        self.sees("en", "Confirm your registration").await;
        self.chrome.send(CREDENTIALS).await;
        self.sees("en", "User confirmed").await;
        self.chrome.follow(".language button").await;
        self.site.mail(MailPurpose::RegistrationConfirmed).await;
    }

    async fn signed_in(&self) {
        self.goto("/login?next=/sessions").await;
        self.chrome.send(WRONG).await;
        self.turns("/login?next=/sessions").await;
        self.turns("/login?next=/sessions").await;
        self.chrome.send(CREDENTIALS).await;
        assert_eq!(self.chrome.address().await, "/sessions", "where the visitor wanted to go is not forgotten");
        self.reads_in_both("/sessions", "Sesiones abiertas", "Active sessions").await;
        self.reads_in_both("/password-change", "Cambiar Contraseña", "Change password").await;
        self.chrome.send(&[("current", PASSWORD), ("new", "corta"), ("repeated", "corta")]).await;
        assert!(self.chrome.has("#new[aria-invalid]").await);
        self.turns("/password-change").await;
        self.sees("en", "Change password").await;
        self.turns("/password-change").await;
        self.goto("/").await;
        assert_eq!(self.chrome.text("h1").await, "Hola, anapena");
    }

    async fn with_a_temporary_password(&mut self) {
        self.goto("/password-recovery").await;
        self.chrome.send(&[("email", ANA), ("username", "anapena")]).await;
        let link = self.linked(MailPurpose::ConfirmRecovery).await;
        let (spanish, english) =
            ("Confirme que desea cambiar su contraseña", "Confirm that you want to change your password");
        self.reads_in_both(&link, spanish, english).await;
        self.chrome.send(&[]).await;
        self.sees("es", "Está confirmado").await;
        let temporary = temporary(&self.site.mail(MailPurpose::TemporaryPassword).await);
        self.goto("/login").await;
        self.chrome.send(&[("username", "anapena"), ("password", &temporary)]).await;
        self.reads_in_both("/password-change", "Cambiar Contraseña", "Change password").await;
        assert!(!self.chrome.has("#current").await, "what the temporary password opened is still open");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_language_keeps_the_page_the_link_and_the_session() {
    let test_name = "the_other_language_keeps_the_page_the_link_and_the_session";
    let Some(tools) = tools_or_skip(test_name) else { return };
    let site = Site::open(Policy::portal()).await;
    let chrome = Chrome::open(tools, test_name, Look { language: "es", width: 1_280, has_script: true }).await;
    let mut reader = Reader { site, chrome };
    reader.as_a_stranger().await;
    reader.with_a_mailed_link().await;
    reader.signed_in().await;
    reader.with_a_temporary_password().await;
    reader.chrome.close().await;
}
