//! What strangers and other sites try.

use acceso::Login;
use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::browser::{Browser, FORM, SESSION, app, encoded, post, send, with_user};
use crate::common::{ANA, NOBODY, PASSWORD};

#[tokio::test]
async fn a_form_of_another_site_is_refused_whatever_it_asks_and_changes_nothing() {
    let portal = with_user().await;
    let session = portal.signed_in("anapena", PASSWORD).await;
    let cookie = format!("{SESSION}={}", session.token.reveal());
    let app = app(&portal);
    let before = portal.store.events().len();
    for path in [
        "/login",
        "/registration",
        "/confirmation",
        "/username-recovery",
        "/password-recovery",
        "/password-recovery/confirmation",
        "/password-change",
        "/sessions/close",
        "/sessions/close-others",
        "/logout",
        "/language",
        "/results",
    ] {
        for foreign in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://portal.example")],
            &[("origin", "https://evil.example")],
            &[("origin", "https://a.portal.example")],
            &[("origin", "http://portal.example")],
            &[],
        ] {
            let mut headers = foreign.to_vec();
            headers.extend([("cookie", cookie.as_str()), ("content-type", FORM)]);
            let answer = send(&app, post(path, &headers, "")).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {foreign:?}");
            assert!(answer.cookies().is_empty());
        }
    }
    assert_eq!(portal.store.events().len(), before);
    assert!(portal.is_signed_in(&session.token).await);
    let own = [("origin", "https://portal.example"), ("cookie", cookie.as_str()), ("content-type", FORM)];
    assert_eq!(send(&app, post("/results", &own, "")).await.status, StatusCode::OK, "the host's own form");
}

#[tokio::test]
async fn the_session_that_a_browser_presents_at_login_is_ended_by_it() {
    let portal = with_user().await;
    let planted = portal.signed_in("anapena", PASSWORD).await.token;
    let mut browser = Browser::new(&app(&portal), "es");
    browser.cookies.insert(SESSION.into(), planted.reveal());
    browser.post("/login", &[("username", "anapena"), ("password", PASSWORD)]).await;
    assert_ne!(browser.cookies.get(SESSION), Some(&planted.reveal()));
    assert!(!portal.is_signed_in(&planted).await);
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_cookies_are_set_exactly_so() {
    let portal = with_user().await;
    let mut browser = Browser::new(&app(&portal), "es");
    let attributes = "; Path=/; HttpOnly; SameSite=Lax; Secure";
    for (stay, end) in [(&[][..], ""), (&[("stay", "on")], "; Max-Age=2592000")] {
        let mut fields = vec![("username", "anapena"), ("password", PASSWORD)];
        fields.extend_from_slice(stay);
        let answer = browser.post("/login", &fields).await;
        let token = browser.cookies.get(SESSION).expect("a session");
        assert_eq!(answer.cookies(), [format!("{SESSION}={token}{attributes}{end}")]);
        assert!(!answer.body.contains(token.as_str()));
    }
    assert_eq!(browser.post("/logout", &[]).await.cookies(), [format!("{SESSION}={attributes}; Max-Age=0")]);
}

#[tokio::test]
async fn a_cookie_that_was_tampered_with_opens_nothing() {
    let portal = with_user().await;
    let token = portal.signed_in("anapena", PASSWORD).await.token.reveal();
    let app = app(&portal);
    for jar in [
        format!("{SESSION}={token}; {SESSION}={token}"),
        format!("{SESSION}={token}="),
        format!("{SESSION}=\"{token}\""),
        format!("acceso={token}"),
        format!("{SESSION}={}", &token[..42]),
        format!("{SESSION}={}", "A".repeat(43)),
    ] {
        let request = Request::builder().uri("/").header("cookie", &jar).body(Body::empty()).expect("a request");
        assert_eq!(send(&app, request).await.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn a_login_leads_to_no_other_site_and_writes_no_header() {
    let portal = with_user().await;
    let app = app(&portal);
    for next in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "/%09/evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "/x\r\nSet-Cookie: a=b",
        "/x%0d%0aSet-Cookie:a=b",
        "\"><script>",
    ] {
        let mut browser = Browser::new(&app, "es");
        let fields = [("username", "anapena"), ("password", PASSWORD), ("next", next)];
        let answer = browser.post("/login", &fields).await;
        assert_eq!((answer.header("location"), answer.cookies().len()), ("/", 1), "{next:?}");
        let shown = browser.get(&format!("/login?{}", encoded(&[("next", next)]))).await;
        assert_eq!(shown.header("location"), "/", "{next:?}");
        let chosen = browser.post("/language", &[("language", "en"), ("next", next)]).await;
        assert_eq!(chosen.header("location"), "/login", "{next:?}");
        assert!(chosen.cookies().iter().all(|line| line.starts_with("__Host-acceso-language=en;")));
    }
}

#[tokio::test]
async fn a_damaged_body_gets_its_code_and_changes_nothing() {
    let portal = with_user().await;
    let app = app(&portal);
    let before = portal.store.events().len();
    let large = encoded(&[("username", "anapena"), ("password", &"x".repeat(16 * 1024))]);
    for (media, body, status, code) in [
        (FORM, large.as_str(), 413, "body_too_large"),
        ("text/plain", "username=a&password=b", 415, "unsupported_media_type"),
        (FORM, "username=a&username=b&password=c", 400, "duplicate_field"),
        (FORM, "username=a&password=b&_method=DELETE", 400, "unknown_field"),
        (FORM, "username=a&password=%ff", 400, "malformed_body"),
        (FORM, "username=a", 400, "missing_field"),
        ("application/json", "{\"username\":\"a\",\"username\":\"b\",\"password\":\"c\"}", 400, "duplicate_field"),
        ("application/json", "{\"username\":{},\"password\":\"c\"}", 400, "malformed_body"),
        ("application/json", "username=a&password=b", 400, "malformed_body"),
        (FORM, "{\"username\":\"a\",\"password\":\"b\"}", 400, "malformed_body"),
    ] {
        let headers = [("sec-fetch-site", "same-origin"), ("content-type", media), ("accept", "application/json")];
        let answer = send(&app, post("/login", &headers, body.to_owned())).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{media} {body:.40}");
    }
    assert_eq!(portal.store.events().len(), before);
}

#[tokio::test]
async fn a_method_cannot_be_overridden_and_a_path_not_disguised() {
    let portal = with_user().await;
    let app = app(&portal);
    for path in ["//login", "/login/", "/LOGIN", "/login%2f", "/assets/../login", "/assets/%2e%2e%2flogin", "/login;x"]
    {
        let request = Request::builder().uri(path).body(Body::empty()).expect("a request");
        assert_eq!(send(&app, request).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for method in ["PUT", "DELETE", "PATCH", "TRACE"] {
        let request = Request::builder().method(method).uri("/login").body(Body::empty()).expect("a request");
        assert_eq!(send(&app, request).await.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    let request = Request::builder().uri("/logout").header("x-http-method-override", "POST").body(Body::empty());
    assert_eq!(send(&app, request.expect("a request")).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_stranger_reads_the_same_of_a_patient_and_of_nobody() {
    let portal = with_user().await;
    let app = app(&portal);
    for json in [false, true] {
        let mut pages = Vec::new();
        for (email, username) in [(ANA, "anapena"), (NOBODY, "nadie")] {
            let mut browser = if json { Browser::of_json(&app) } else { Browser::new(&app, "es") };
            let register = [
                ("email", email),
                ("username", "otra.persona"),
                ("password", PASSWORD),
                ("repeated", PASSWORD),
                ("full_name", "Otra Persona"),
            ];
            let mut read = Vec::new();
            for (path, fields) in [
                ("/registration", &register[..]),
                ("/username-recovery", &[("email", email)]),
                ("/password-recovery", &[("email", email), ("username", username)]),
            ] {
                let answer = browser.post(path, fields).await;
                let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
                names.sort();
                read.push((answer.status, names, answer.body));
            }
            let login = browser.post("/login", &[("username", username), ("password", "Equivocada 1")]).await;
            read.push((login.status, Vec::new(), login.body.replace(username, "NAME")));
            pages.push(read);
        }
        assert_eq!(pages[0], pages[1]);
    }
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::SignedIn(_)));
}
