//! Requests that only look.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use acceso::{MailPurpose, Policy};

use crate::browser::{app, send};
use crate::common::{ANA, PASSWORD, Portal, token};
use crate::spy::Watched;

const PAGES: &[&str] = &[
    "/login",
    "/registration",
    "/confirmation",
    "/username-recovery",
    "/password-recovery",
    "/password-recovery/confirmation",
    "/password-change",
    "/sessions",
    "/contact",
    "/logout",
    "/language",
    "/sessions/close",
    "/sessions/close-others",
    "/assets/portal.css",
    "/",
    "/results",
];

#[tokio::test]
async fn opening_any_page_writes_nothing_and_uses_up_no_link() {
    let mut watched = Watched::with(Policy::portal());
    let portal = &mut watched.portal;
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.registered(ANA, "tomas.pena", PASSWORD).await;
    let confirmation = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
    let _ = portal.recover_password(ANA, "anapena").await;
    let recovery = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    let session = portal.signed_in("anapena", PASSWORD).await;
    let app = app(portal);
    watched.spy.take_calls();
    for method in ["GET", "HEAD", "OPTIONS"] {
        for page in PAGES {
            for link in [&confirmation, &recovery] {
                for accept in ["text/html", "application/json"] {
                    let request = Request::builder()
                        .method(method)
                        .uri(format!("{page}?token={link}&username=tomas.pena&password=Tres+tristes+3"))
                        .header("accept", accept)
                        .header("cookie", format!("__Host-acceso={}", session.token.reveal()))
                        .body(Body::empty())
                        .expect("a request");
                    assert!(!send(&app, request).await.status.is_server_error(), "{method} {page}");
                }
            }
        }
    }
    assert_eq!(watched.spy.count("commit"), 0);
    assert!(watched.spy.take_calls().iter().all(|call| call.starts_with("session")), "looks up who is signed in, only");
    assert!(portal.mails().await.is_empty());
    assert!(portal.is_signed_in(&session.token).await);
    assert_eq!(portal.confirm(&confirmation, "tomas.pena", PASSWORD).await, acceso::Confirmation::Confirmed);
    assert_eq!(portal.confirm_recovery(&recovery).await, acceso::RecoveryConfirmation::Accepted);
}

#[tokio::test]
async fn every_page_is_kept_by_no_cache_and_runs_nothing_of_its_own() {
    let portal = Portal::new();
    let app = app(&portal);
    for page in PAGES.iter().filter(|page| !matches!(**page, "/" | "/results")) {
        let request =
            Request::builder().uri(format!("{page}?token=x")).header("accept", "text/html").body(Body::empty());
        let answer = send(&app, request.expect("a request")).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{page}");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'"), "{page}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{page}");
        let linked = page.ends_with("confirmation");
        assert_eq!(answer.header("referrer-policy"), if linked { "no-referrer" } else { "same-origin" }, "{page}");
        for inline in ["style=", "<style", "onclick", "<script>", "javascript:"] {
            assert!(!answer.body.contains(inline), "{page} {inline}");
        }
    }
}

#[tokio::test]
async fn the_stylesheet_and_the_script_are_served_under_a_name_of_their_content() {
    let portal = Portal::new();
    let app = app(&portal);
    let ask = |path: String| Request::builder().uri(path).body(Body::empty()).expect("a request");
    let page = send(&app, ask("/login".into())).await.body;
    for (before, media) in [("rel=\"stylesheet\" href=\"", "text/css"), ("<script src=\"", "text/javascript")] {
        let (_, rest) = page.split_once(before).expect("a file");
        let file = send(&app, ask(rest.split('"').next().expect("its name").to_owned())).await;
        assert_eq!(file.status, StatusCode::OK);
        assert!(file.header("content-type").starts_with(media));
        assert!(file.header("cache-control").contains("immutable"));
    }
}
