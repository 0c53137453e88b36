//! Who has come in with a temporary password. Not: how one gets it.
//!
//! **It opens the page to change it and the way out, and nothing else, whoever asks and however.**

use acceso::web::{MaybeSignedIn, MustChangePassword, Portal as Pages, SignedIn};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};

use crate::browser::{Browser, FORM, SESSION, request, send};
use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal};
use crate::forms::{FORMS, ROUTES};

/// The pages, and a page of the host's for each kind of visitor.
fn app(portal: &Portal) -> Router {
    let pages = Pages::new(portal.acceso.clone()).expect("links lead to the pages");
    let signed_in = |visitor: SignedIn| async move { format!("results of {}", visitor.user().username()) };
    let restricted = |visitor: MustChangePassword| async move { format!("change, {}", visitor.user().username()) };
    let maybe = |MaybeSignedIn(visitor): MaybeSignedIn| async move {
        visitor.map_or("nobody".to_owned(), |visitor| visitor.user().username().to_string())
    };
    let app = Router::new()
        .route("/", get(signed_in))
        .route("/results", post(signed_in))
        .route("/must-change", get(restricted).post(restricted))
        .route("/maybe", get(maybe).post(maybe));
    pages.mount(app).with_state(pages)
}

/// Ana, who has forgotten her password, and her browser.
async fn restricted() -> (Portal, Router, Browser) {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let temporary = portal.temporary_password(ANA, "anapena").await;
    let app = app(&portal);
    let browser = Browser::signed_in(&app, "anapena", &temporary).await;
    (portal, app, browser)
}

/// Those that are for everybody, where a session of whatever kind makes no difference.
const PUBLIC: &[&str] = &[
    "/login",
    "/registration",
    "/confirmation",
    "/username-recovery",
    "/password-recovery",
    "/password-recovery/confirmation",
    "/contact",
    "/openapi.json",
    "/language",
];

#[tokio::test]
async fn a_temporary_password_opens_no_page_but_that_of_the_change() {
    let (_portal, app, mut browser) = restricted().await;
    let mut program = browser.as_json();
    let hosts = ["/", "/sessions"];
    let own: Vec<&str> = ROUTES.iter().filter(|(_, takes)| takes.get()).map(|(path, _)| *path).collect();
    for path in own.iter().chain(&hosts).filter(|path| !PUBLIC.contains(path) && **path != "/password-change") {
        let led = browser.get(path).await;
        assert_eq!((led.status, led.header("location")), (StatusCode::SEE_OTHER, "/password-change"), "{path}");
        let told = program.get(path).await;
        assert_eq!((told.status, told.code().as_str()), (StatusCode::FORBIDDEN, "must_change_password"), "{path}");
    }
    for path in PUBLIC.iter().filter(|path| own.contains(path)) {
        let mut stranger = Browser::new(&app, "es");
        assert_eq!(browser.get(path).await.body, stranger.get(path).await.body, "{path} as for everybody");
    }
    let page = browser.get("/password-change").await;
    assert_eq!(page.status, StatusCode::OK);
    for link in ["href=\"/password-change\"", "href=\"/sessions\"", "name=\"current\""] {
        assert!(!page.body.contains(link), "{link}");
    }
    assert!(page.body.contains("action=\"/logout\""));
}

#[tokio::test]
async fn a_temporary_password_does_nothing_but_the_change() {
    let (portal, _app, mut browser) = restricted().await;
    let mut program = browser.as_json();
    let before = portal.store.events().len();
    for (path, fields) in FORMS.iter().copied().chain([("/results", &[][..])]) {
        if PUBLIC.contains(&path) || ["/password-change", "/logout"].contains(&path) {
            continue;
        }
        let led = browser.post(path, fields).await;
        assert_eq!((led.status, led.header("location")), (StatusCode::SEE_OTHER, "/password-change"), "{path}");
        let told = program.post(path, fields).await;
        assert_eq!((told.status, told.code().as_str()), (StatusCode::FORBIDDEN, "must_change_password"), "{path}");
    }
    assert_eq!(portal.store.events().len(), before);
    assert_eq!(program.post("/logout", &[]).await.code(), "logged_out");
    assert_eq!(browser.get("/password-change").await.header("location"), "/login?next=/password-change");
}

#[tokio::test]
async fn the_change_opens_a_session_and_the_old_token_opens_nothing() {
    let (portal, _app, mut browser) = restricted().await;
    let mut left_over = browser.as_json();
    let fields = [("new", NEW_PASSWORD), ("repeated", NEW_PASSWORD)];
    assert_eq!(browser.post("/password-change", &fields).await.status, StatusCode::OK);
    assert_ne!(browser.cookies[SESSION], left_over.cookies[SESSION]);
    assert_eq!(browser.get("/").await.body, "results of anapena");
    for path in ["/", "/must-change", "/sessions"] {
        assert_eq!(left_over.get(path).await.code(), "not_signed_in", "{path}");
    }
    assert_eq!(left_over.post("/password-change", &fields).await.code(), "not_signed_in");
    portal.signed_in("anapena", NEW_PASSWORD).await;
}

#[tokio::test]
async fn a_restricted_session_ends_when_the_policy_says() {
    let (portal, _app, mut browser) = restricted().await;
    let restricted = portal.acceso.policy().session.restricted;
    portal.pass(restricted.as_secs() - 1);
    assert_eq!(browser.get("/must-change").await.body, "change, anapena");
    portal.pass(1);
    assert_eq!(browser.get("/must-change").await.header("location"), "/login?next=/must-change");
    let fields = [("new", NEW_PASSWORD), ("repeated", NEW_PASSWORD)];
    assert_eq!(browser.post("/password-change", &fields).await.header("location"), "/login");
}

#[tokio::test]
async fn the_hosts_page_for_who_must_change_the_password_is_for_nobody_else() {
    let (mut portal, app, mut browser) = restricted().await;
    assert_eq!(browser.get("/must-change").await.body, "change, anapena");
    assert_eq!(browser.post("/must-change", &[]).await.body, "change, anapena");
    assert_eq!((browser.get("/maybe").await.body, browser.post("/maybe", &[]).await.body), two("nobody"));
    let cookie = format!("{SESSION}={}", browser.cookies[SESSION]);
    let foreign = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site"), ("content-type", FORM)];
    let refused = send(&app, request("POST", "/must-change", &foreign, "")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.header("cache-control"), "no-store", "on the host's own page too");

    portal.user(ANA, "tomas.pena", PASSWORD).await;
    let mut other = Browser::signed_in(&app, "tomas.pena", PASSWORD).await;
    assert_eq!((other.get("/maybe").await.body, other.post("/maybe", &[]).await.body), two("tomas.pena"));
    for mut visitor in [other.as_json(), Browser::of_json(&app)] {
        let refused = visitor.get("/must-change").await;
        assert_eq!((refused.status, refused.code().as_str()), (StatusCode::UNAUTHORIZED, "not_signed_in"));
        let refused = visitor.post("/must-change", &[]).await;
        assert_eq!((refused.status, refused.code().as_str()), (StatusCode::UNAUTHORIZED, "not_signed_in"));
    }
    assert_eq!(other.get("/must-change").await.header("location"), "/login?next=/must-change");
}

fn two(text: &str) -> (String, String) {
    (text.to_owned(), text.to_owned())
}
