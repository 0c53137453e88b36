//! Paths and methods that stand for others in some server or proxy. Not: where `next` leads.
//!
//! **A page has one path and one method for each thing that it does; whatever resembles them is nothing.**

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry, MemoryStore};
use acceso::web::{Portal as Pages, SignedIn};
use acceso::{Acceso, Policy};
use axum::Router;
use axum::http::{Method, StatusCode};
use axum::routing::get;

use crate::browser::{Browser, FORM, SESSION, app, encoded, request, send, with_user};
use crate::common::{ANA, PASSWORD, Portal};
use crate::forms::{FORMS, ROUTES};
use crate::spy::Watched;

/// The route, disguised.
fn disguises(route: &str) -> Vec<String> {
    let (first, rest) = route.split_at(1);
    let letter = rest.as_bytes().first().copied().unwrap_or_default();
    let last = route.rfind('/').unwrap_or_default();
    let (folder, name) = route.split_at(last);
    vec![
        format!("{route}/"),
        format!("{route}//"),
        format!("/{route}"),
        format!("//evil.example{route}"),
        format!("{folder}/{name}"),
        format!("/.{route}"),
        format!("{route}/."),
        format!("{route}/.."),
        format!("/x/..{route}"),
        format!("/assets/..{route}"),
        format!("/%2e{route}"),
        format!("/%2e%2e{route}"),
        format!("/x/%2e%2e{route}"),
        format!("/assets/%2e%2e{}", route.replace('/', "%2f")),
        format!("/assets/..%5c{rest}"),
        format!("{first}%{letter:02x}{}", rest.get(1..).unwrap_or_default()),
        format!("%2f{rest}"),
        format!("{first}%2f{rest}"),
        format!("{first}\\{rest}"),
        route.to_uppercase(),
        format!("{first}{}{}", rest.get(..1).unwrap_or_default().to_uppercase(), rest.get(1..).unwrap_or_default()),
        format!("{route};"),
        format!("{route};jsessionid=1"),
        format!("/;x{route}"),
        format!("{route}%20"),
        format!("{route}%00"),
        format!("{route}%0a"),
        format!("{route}%3f"),
        format!("{route}%23"),
        format!("{route}."),
        format!("{route}.html"),
        format!("{route}.json"),
        format!("{route}.css"),
        format!("{route}/x.css"),
        format!("{route}%2fx.css"),
        format!("{route}~"),
        format!("{route}*"),
        format!("{route}/{}", "a".repeat(60_000)),
        format!("{}{route}", "/a".repeat(20_000)),
        format!("{}{route}", "/..".repeat(15_000)),
    ]
}

#[tokio::test]
async fn no_route_has_a_second_path() {
    let portal = with_user().await;
    let app = app(&portal);
    let session = portal.signed_in("anapena", PASSWORD).await.token;
    let cookie = format!("{SESSION}={}", session.reveal());
    let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin"), ("content-type", FORM)];
    let before = portal.store.events().len();
    for (route, _) in ROUTES {
        for path in disguises(route) {
            // Some disguises are no path at all, and no client gets further with them.
            if path.parse::<axum::http::Uri>().is_err() || !path.starts_with('/') {
                continue;
            }
            for method in ["GET", "POST"] {
                let answer = send(&app, request(method, &path, &headers, "")).await;
                // There is no file of that name, and to no file can anything be sent.
                let to_a_file = method == "POST" && path.starts_with("/assets/") && path.matches('/').count() == 2;
                let expected = if to_a_file { StatusCode::METHOD_NOT_ALLOWED } else { StatusCode::NOT_FOUND };
                assert_eq!(answer.status, expected, "{method} {path:.80}");
                assert!(answer.cookies().is_empty() && !answer.body.contains("anapena"));
            }
        }
    }
    assert_eq!(portal.store.events().len(), before);
    assert!(portal.is_signed_in(&session).await);
}

#[tokio::test]
async fn pages_under_a_path_have_no_second_path_either() {
    let built = Acceso::builder(MemoryStore::new(), MemoryRegistry::new(), MemoryMailer::new())
        .portal("Clínica del Sol", "https://portal.example/salud")
        .pages("/acceso/confirmation", "/acceso/password-recovery/confirmation")
        .build();
    let pages = Pages::new(built.expect("a safe policy").0).expect("links lead to the pages");
    let home = |_: SignedIn| async { "home" };
    let app: Router = pages.mount(Router::new().route("/salud/", get(home))).with_state(pages);
    for (route, takes) in ROUTES {
        if takes.get() {
            let answer = send(&app, request("GET", &format!("/salud/acceso{route}"), &[], "")).await;
            assert!(answer.status.is_success() || answer.status == StatusCode::SEE_OTHER, "{route}");
        }
        let doubled = disguises(&format!("/salud/acceso{route}")).into_iter();
        let moved = disguises(route).into_iter().map(|path| format!("/salud/acceso{path}"));
        let elsewhere = [(*route).to_owned(), format!("/salud{route}"), format!("/acceso{route}")];
        for path in doubled.chain(moved).chain(elsewhere) {
            if path.parse::<axum::http::Uri>().is_ok() && path.starts_with('/') {
                let answer = send(&app, request("GET", &path, &[], "")).await;
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path:.80}");
            }
        }
    }
}

#[tokio::test]
async fn a_route_takes_its_own_methods_and_says_which() {
    let portal = with_user().await;
    let app = app(&portal);
    for (route, takes) in ROUTES {
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PROPFIND", "get", "post",
            "Post",
        ] {
            let taken = match method {
                "GET" | "HEAD" => takes.get(),
                "POST" => takes.post(),
                _ => false,
            };
            let headers = [("sec-fetch-site", "same-origin"), ("content-type", FORM)];
            let answer = send(&app, request(method, route, &headers, "")).await;
            let refused = answer.status == StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(refused, !taken, "{method} {route}: {}", answer.status);
            if refused {
                let allowed = answer.header("allow");
                assert_eq!(allowed.contains("GET"), takes.get(), "{route}: {allowed}");
                assert_eq!(allowed.contains("POST"), takes.post(), "{route}: {allowed}");
            }
        }
    }
}

#[tokio::test]
async fn no_header_and_no_field_makes_another_method_of_a_request() {
    let mut watched = Watched::with(Policy::portal());
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    let app = app(&watched.portal);
    let session = watched.portal.signed_in("anapena", PASSWORD).await.token;
    let cookie = format!("{SESSION}={}", session.reveal());
    watched.spy.take_calls();
    for (path, fields) in FORMS {
        let query = encoded(fields);
        for name in ["x-http-method-override", "x-http-method", "x-method-override", "x-original-method", "_method"] {
            for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
                let headers = [
                    (name, "POST"),
                    ("cookie", cookie.as_str()),
                    ("sec-fetch-site", "same-origin"),
                    ("content-type", FORM),
                ];
                let uri = format!("{path}?_method=POST&{query}");
                let answer = send(&app, request(method.as_str(), &uri, &headers, query.clone())).await;
                assert!(answer.cookies().is_empty(), "{method} {path} {name}");
                assert!(!answer.status.is_server_error());
            }
        }
        // A form that names another method is none of ours.
        let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin"), ("content-type", FORM)];
        let body = encoded(&[fields, &[("_method", "DELETE")][..]].concat());
        let answer = send(&app, request("POST", path, &headers, body)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
    }
    assert_eq!(watched.spy.count("commit"), 0);
    assert!(watched.portal.is_signed_in(&session).await);
}

#[tokio::test]
async fn a_name_of_a_file_leads_to_no_other_file() {
    let portal = Portal::new();
    let app = app(&portal);
    let page = Browser::new(&app, "es").get("/login").await.body;
    let (_, rest) = page.split_once("href=\"/assets/portal-").expect("a stylesheet");
    let name = format!("portal-{}", rest.split('"').next().expect("a name"));
    assert_eq!(send(&app, request("GET", &format!("/assets/{name}"), &[], "")).await.status, StatusCode::OK);
    for other in [
        name.to_uppercase(),
        format!("{name}/"),
        format!("./{name}"),
        format!("%2e/{name}"),
        format!("x/../{name}"),
        format!("{name}%00"),
        format!("{name}%00.js"),
        format!("{name};x"),
        format!("{name}.map"),
        "portal.css".to_owned(),
        "portal.js".to_owned(),
        "..%2f..%2fetc%2fpasswd".to_owned(),
        "..%2f..%2fCargo.toml".to_owned(),
        "%ff".to_owned(),
        String::new(),
    ] {
        let answer = send(&app, request("GET", &format!("/assets/{other}"), &[], "")).await;
        assert!(matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST), "{other}: {}", answer.status);
    }
}
