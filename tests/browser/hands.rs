//! The manual with the keyboard alone, as people go who use no mouse. Not: what the pages say, which `manual` has.
//!
//! **Whatever has the focus can be seen to have it, and every control is reached and used by keys.**

use acceso::{MailPurpose, Policy};
use serde_json::{Value, json};
use thirtyfour::Key;

use crate::chrome::{Chrome, Look, tools_or_skip};
use crate::common::{ANA, NEW_PASSWORD, PASSWORD};
use crate::site::Site;

/// No page has so many stops.
const MOST_STOPS: usize = 40;

/// Where the focus is, and how one sees it.
const FOCUS: &str = "
    const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect();
    return {
        is: at.matches(arguments[0]),
        html: at.outerHTML.slice(0, 120),
        anywhere: at !== document.body && at !== document.documentElement,
        outline: style.outlineStyle,
        width: parseFloat(style.outlineWidth),
        onScreen: box.width > 0 && box.height > 0 && box.top >= 0 && box.left >= 0
            && box.bottom <= innerHeight && box.right <= innerWidth,
    };";

struct Hands {
    site: Site,
    chrome: Chrome,
}

impl Hands {
    async fn goto(&self, path: &str) {
        self.chrome.goto(&format!("{}{path}", self.site.url)).await;
    }

    async fn focus(&self, css: &str) -> Value {
        self.chrome.driver.execute(FOCUS, vec![json!(css)]).await.expect("a script").json().clone()
    }

    async fn is_at(&self, css: &str) -> bool {
        self.focus(css).await["is"] == json!(true)
    }

    /// One step forward or back, to something that is seen to have the focus.
    async fn step(&self, back: bool, css: &str) -> bool {
        if back {
            self.chrome.strike_with(Key::Shift, Key::Tab).await;
        } else {
            self.chrome.strike(Key::Tab).await;
        }
        let focus = self.focus(css).await;
        if focus["anywhere"] == json!(true) {
            // `auto` is the browser's own ring, on the host's page.
            let thick = focus["outline"] == json!("auto") || focus["width"].as_f64() >= Some(2.0);
            let seen = focus["outline"] != json!("none") && thick;
            assert!(seen && focus["onScreen"] == json!(true), "cannot be seen: {focus:#}");
        }
        focus["is"] == json!(true)
    }

    /// Steps on until it is there.
    async fn walk_to(&self, css: &str) {
        for _ in 0..MOST_STOPS {
            if self.step(false, css).await {
                return;
            }
        }
        panic!("{css} is not reached");
    }

    /// Walks from field to field and types.
    async fn write(&self, fields: &[(&str, &str)]) {
        for (name, text) in fields {
            self.walk_to(&format!("#{name}")).await;
            self.chrome.strike(*text).await;
        }
    }

    async fn enter(&self) {
        self.chrome.strike_and_leave(Key::Enter).await;
    }

    async fn registers(&mut self) {
        self.goto("/login").await;
        self.walk_to(".second .button").await;
        self.enter().await;
        assert_eq!(self.chrome.path().await, "/registration");

        self.write(&[("email", "ana@")]).await;
        self.enter().await;
        assert!(self.is_at(".summary").await, "the faults are read first");
        assert!(self.step(false, ".summary a[href='#email']").await, "the first fault leads on");
        self.chrome.strike(Key::Enter).await;
        assert!(self.is_at("#email").await, "to its field");

        self.chrome.strike_with(Key::Control, "a").await;
        self.chrome.strike(ANA).await;
        self.write(&[
            ("username", "anapena"),
            ("password", PASSWORD),
            ("repeated", PASSWORD),
            ("full_name", "Ana Peña"),
        ])
        .await;
        self.enter().await;
        assert_eq!(self.chrome.text("h1").await, "Revise su correo", "Enter in a field sends the form");
        let link = self.site.link(MailPurpose::ConfirmRegistration).await;
        self.chrome.goto(&link).await;
        self.write(&[("username", "anapena"), ("password", PASSWORD)]).await;
        self.enter().await;
        assert_eq!(self.chrome.text("h1").await, "Usuario confirmado");
        self.walk_to("a.primary").await;
        self.enter().await;
        assert_eq!(self.chrome.path().await, "/login");
    }

    async fn logs_in(&self) {
        assert!(self.step(false, ".skip").await, "the first stop leads past the head of the page");
        self.chrome.strike(Key::Enter).await;
        assert!(self.is_at("main").await);
        assert!(self.step(false, "main #username").await, "and the next one is in the content");
        assert!(self.step(true, "header .language button").await, "backwards the head is there again");
        self.walk_to("#username").await;
        self.chrome.strike("anapena").await;
        assert!(self.step(false, "#password").await);
        self.chrome.strike(PASSWORD).await;
        assert!(self.step(false, ".padlock").await);
        for shown in ["text", "password"] {
            self.chrome.strike(" ").await;
            assert_eq!(
                self.chrome.find("#password").await.prop("type").await.expect("a field").as_deref(),
                Some(shown)
            );
        }
        assert!(self.step(false, "#stay").await);
        self.chrome.strike(" ").await;
        assert!(self.is_at("#stay:checked").await);
        assert!(self.step(false, "button.primary").await);
        self.chrome.strike_and_leave(Key::Space).await;
        assert_eq!(self.chrome.text("h1").await, "Hola, anapena");
        self.walk_to("a").await;
        self.enter().await;
    }

    async fn opens_the_menu(&self) {
        self.walk_to(".menu summary").await;
        self.chrome.strike(Key::Enter).await;
        assert!(self.chrome.has(".menu[open]").await);
        assert!(self.step(false, ".menu a[href='/password-change']").await, "the menu is the next stop");
    }

    async fn leaves_the_menu_with_escape(&self) {
        self.opens_the_menu().await;
        self.chrome.strike(Key::Escape).await;
        assert!(!self.chrome.has(".menu[open]").await);
        assert!(self.is_at(".menu summary").await, "the focus is where the menu was opened");
        assert!(self.step(true, ".language button").await);
        assert!(self.step(false, ".menu summary").await);
        self.chrome.strike(" ").await;
        assert!(self.chrome.has(".menu[open]").await, "a blank opens it too");
        self.chrome.strike(Key::Escape).await;
        assert!(!self.chrome.has(".menu[open]").await && self.is_at(".menu summary").await);
        assert!(!self.step(false, ".menu ul *").await, "what is closed is no stop");
    }

    async fn changes_the_password_and_logs_out(&self) {
        self.opens_the_menu().await;
        self.enter().await;
        assert_eq!(self.chrome.text("h1").await, "Cambiar Contraseña");
        self.write(&[("current", PASSWORD), ("new", NEW_PASSWORD), ("repeated", NEW_PASSWORD)]).await;
        self.enter().await;
        assert_eq!(self.chrome.text("h1").await, "Contraseña actualizada");
        self.opens_the_menu().await;
        self.walk_to(".menu form button").await;
        self.enter().await;
        assert_eq!(self.chrome.text("h1").await, "Sesión cerrada");
        self.goto("/sessions").await;
        assert_eq!(self.chrome.path().await, "/login");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_alone_suffices_from_registration_to_logout() {
    let test_name = "the_keyboard_alone_suffices_from_registration_to_logout";
    let Some(tools) = tools_or_skip(test_name) else { return };
    let site = Site::open(Policy::portal()).await;
    let chrome = Chrome::open(tools, test_name, Look { language: "es", width: 1_280, has_script: true }).await;
    let mut hands = Hands { site, chrome };
    hands.registers().await;
    hands.logs_in().await;
    hands.leaves_the_menu_with_escape().await;
    hands.changes_the_password_and_logs_out().await;
    hands.chrome.close().await;
}
