//! The pages under a path, behind a proxy, and under load.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use acceso::Acceso;
use acceso::adapter::memory::{MemoryMailer, MemoryRegistry, MemoryStore};
use acceso::web::{ClientAddress, ClientLimit, Portal as Pages, PortalError};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, Request, StatusCode};

use crate::browser::{Browser, FORM, send};
use crate::common::Portal;

fn acceso(address: &str, confirmation: &str, recovery: &str) -> Acceso {
    let built = Acceso::builder(MemoryStore::new(), MemoryRegistry::new(), MemoryMailer::new())
        .portal("Clínica del Sol", address)
        .pages(confirmation, recovery)
        .build();
    built.expect("a safe policy").0
}

#[tokio::test]
async fn pages_under_a_path_link_to_one_another_there() {
    let acceso =
        acceso("https://portal.example/salud", "/acceso/confirmation", "/acceso/password-recovery/confirmation");
    let pages = Pages::new(acceso).expect("links lead to the pages");
    let app: Router = pages.mount(Router::new());
    let mut browser = Browser::new(&app, "es");
    assert_eq!(browser.get("/login").await.status, StatusCode::NOT_FOUND);
    let page = browser.get("/salud/acceso/login").await;
    assert_eq!(page.status, StatusCode::OK);
    for link in ["registration", "username-recovery", "password-recovery", "contact", "language", "assets/portal-"] {
        assert!(page.body.contains(&format!("=\"/salud/acceso/{link}")), "{link}");
    }
    let away = browser.get("/salud/acceso/sessions").await;
    assert_eq!(away.header("location"), "/salud/acceso/login?next=/salud/acceso/sessions");
}

#[test]
fn pages_that_mailed_links_do_not_lead_to_are_refused() {
    for (confirmation, recovery) in
        [("/confirm", "/password-recovery/confirmation"), ("/a/confirmation", "/b/password-recovery/confirmation")]
    {
        let refused = Pages::new(acceso("https://portal.example", confirmation, recovery));
        assert_eq!(refused.err(), Some(PortalError::Pages));
    }
    let pages = Pages::new(Portal::new().acceso).expect("links lead to the pages");
    assert_eq!(pages.home("//evil.example").err(), Some(PortalError::Path));
}

/// Lets nobody through, and remembers who asked.
struct Closed(Arc<std::sync::Mutex<Vec<IpAddr>>>);

#[async_trait]
impl ClientLimit for Closed {
    async fn admit(&self, client: IpAddr) -> Result<(), Duration> {
        self.0.lock().expect("one thread").push(client);
        Err(Duration::from_millis(1500))
    }
}

#[tokio::test]
async fn a_client_that_sends_too_much_is_told_when_to_come_back_and_asks_nothing_of_the_store() {
    let portal = Portal::new();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let proxy = ClientAddress::Header { name: HeaderName::from_static("x-forwarded-for"), trusted_hops: 1 };
    let pages = Pages::new(portal.acceso.clone()).expect("links lead to the pages");
    let pages = pages.client_address(proxy).limits(Closed(Arc::clone(&asked)));
    let app: Router = pages.mount(Router::new());
    for json in [false, true] {
        let request = Request::builder()
            .method("POST")
            .uri("/login")
            .header("content-type", FORM)
            .header("accept", if json { "application/json" } else { "text/html" })
            .header("sec-fetch-site", "same-origin")
            .header("x-forwarded-for", "192.0.2.1, 2001:db8::7")
            .body(Body::from("username=anapena&password=x"));
        let answer = send(&app, request.expect("a request")).await;
        assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "2"));
    }
    let network: IpAddr = "2001:db8::".parse().expect("an address");
    assert_eq!(*asked.lock().expect("one thread"), [network, network]);
    assert!(portal.store.events().is_empty());
    assert_eq!(Browser::new(&app, "es").get("/login").await.status, StatusCode::OK, "looking is free");
}

#[tokio::test]
async fn no_bytes_that_a_client_claims_hide_or_replace_what_the_proxy_saw() {
    let portal = Portal::new();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let proxy = ClientAddress::Header { name: HeaderName::from_static("x-forwarded-for"), trusted_hops: 1 };
    let pages = Pages::new(portal.acceso.clone()).expect("links lead to the pages");
    let pages = pages.client_address(proxy).limits(Closed(Arc::clone(&asked)));
    let app: Router = pages.mount(Router::new());
    // The proxy appends to the last line.
    for lines in [
        &[&b"203.0.113.9"[..]][..],
        &[b"192.0.2.1, 203.0.113.9"],
        &[b"\xff, 203.0.113.9"],
        &[b"192.0.2.1", b"\xc3\xb1, 203.0.113.9"],
        &[b"\xe5\x98\x8a", b"\t\"x, 203.0.113.9"],
        &[b",,,;for=\"_x\", 203.0.113.9"],
    ] {
        let mut request = Request::builder().method("POST").uri("/login").header("content-type", FORM);
        for line in lines {
            request = request.header("x-forwarded-for", *line);
        }
        let request = request.header("sec-fetch-site", "same-origin").body(Body::empty());
        let answer = send(&app, request.expect("a request")).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{lines:?}");
        let seen = std::mem::take(&mut *asked.lock().expect("one thread"));
        assert_eq!(seen, [IpAddr::from([203, 0, 113, 9])], "{lines:?}");
    }
}

#[tokio::test]
async fn a_service_that_cannot_hash_answers_503_to_people_and_programs() {
    let portal = Portal::new();
    let pages = Pages::new(portal.acceso.clone()).expect("links lead to the pages");
    let app: Router = pages.mount(Router::new());
    portal.acceso.shutdown().await;
    for mut browser in [Browser::new(&app, "es"), Browser::of_json(&app)] {
        let answer = browser.post("/login", &[("username", "anapena"), ("password", "Canario 1")]).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(!answer.body.contains("Canario") && !answer.body.contains("anapena"));
    }
}
