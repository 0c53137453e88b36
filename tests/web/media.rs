//! What a body says it is, what an answer is asked to be, and what another site can make of both. Not: damaged fields.
//!
//! **A body is read as the one thing that it says it is; an answer says what it is, and is that.**

use acceso::Policy;
use axum::http::StatusCode;
use serde_json::Value;

use crate::browser::{Answer, Browser, FORM, JSON, SESSION, app, encoded, post, request, send, with_user};
use crate::common::{ANA, PASSWORD};
use crate::forms::{FORMS, ROUTES};
use crate::spy::Watched;

const CREDENTIALS: &[(&str, &str)] = &[("username", "anapena"), ("password", PASSWORD)];

fn as_json(fields: &[(&str, &str)]) -> String {
    let object: serde_json::Map<_, _> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    Value::Object(object).to_string()
}

/// Pages of mailed links, of which old browsers do not say the origin: they carry the secret of the link, and what they send
/// rests on no cookie.
const HIDES_ITS_ORIGIN: &[&str] = &["/confirmation", "/password-recovery/confirmation", "/language"];

/// Programs may not take a page for data, nor browsers data for a page.
fn assert_says_what_it_is(answer: &Answer, what: &str) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    match answer.header("content-type") {
        "application/json" | "application/problem+json" => {
            assert!(serde_json::from_str::<Value>(&answer.body).is_ok(), "{what}: {:.80}", answer.body);
        }
        "text/html; charset=utf-8" => {
            assert!(answer.body.starts_with("<!DOCTYPE html>"), "{what}: {:.80}", answer.body);
        }
        other => assert!(answer.body.is_empty(), "{what}: {other}: {:.80}", answer.body),
    }
}

#[tokio::test]
async fn what_another_site_can_send_without_asking_does_nothing() {
    let mut watched = Watched::with(Policy::portal());
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    let app = app(&watched.portal);
    let session = watched.portal.signed_in("anapena", PASSWORD).await.token;
    let cookie = format!("{SESSION}={}", session.reveal());
    watched.spy.take_calls();
    for (path, fields) in FORMS {
        // The three kinds of body that a page of another site may send; JSON in the guise of one, as forms can shape it.
        for media in ["text/plain", "text/plain;application/json", FORM, "multipart/form-data; boundary=x", ""] {
            for body in [as_json(fields), format!("{}=", as_json(fields)), encoded(fields)] {
                for from in [
                    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")][..],
                    &[("origin", "https://evil.example")],
                    &[("sec-fetch-site", "cross-site"), ("origin", "null")],
                ] {
                    let mut headers = from.to_vec();
                    headers.extend([("cookie", cookie.as_str()), ("content-type", media)]);
                    let answer = send(&app, post(path, &headers, body.clone())).await;
                    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {media:?} {from:?}");
                    assert!(answer.cookies().is_empty());
                }
            }
        }
        // Where asking was forgotten by a proxy that adds CORS: JSON by name, from elsewhere.
        for from in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")] {
            if from == ("origin", "null") && HIDES_ITS_ORIGIN.contains(path) {
                continue;
            }
            let headers = [from, ("cookie", cookie.as_str()), ("content-type", JSON)];
            let answer = send(&app, post(path, &headers, as_json(fields))).await;
            assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "foreign_origin"), "{path}");
        }
    }
    assert_eq!(watched.spy.take_calls(), [""; 0], "the store is not even asked who it is");
    assert!(watched.portal.is_signed_in(&session).await);
}

#[tokio::test]
async fn no_answer_lets_another_site_read_it() {
    let portal = with_user().await;
    let app = app(&portal);
    for (path, _) in ROUTES {
        for method in ["GET", "POST", "OPTIONS"] {
            let headers = [
                ("origin", "https://evil.example"),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", "content-type"),
                ("content-type", JSON),
            ];
            let answer = send(&app, request(method, path, &headers, "{}")).await;
            let told = answer.headers.keys().any(|name| name.as_str().starts_with("access-control"));
            assert!(!told, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_body_is_read_as_what_it_says_or_not_at_all() {
    let portal = with_user().await;
    let app = app(&portal);
    let (form, json) = (encoded(CREDENTIALS), as_json(CREDENTIALS));
    let utf16: Vec<u8> = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin1 = b"username=anapena&password=contrase\xf1a".to_vec();
    let latin1_json = b"{\"username\":\"anapena\",\"password\":\"contrase\xf1a\"}".to_vec();
    let marked = format!("\u{feff}{json}");
    for (media, body, status, code) in [
        ("application/json; charset=utf-8", json.clone().into_bytes(), 200, "signed_in"),
        ("APPLICATION/JSON;CHARSET=\"UTF-8\"", json.clone().into_bytes(), 200, "signed_in"),
        // One encoding is read, whatever is said of it.
        ("application/json; charset=utf-16", utf16, 400, "malformed_body"),
        ("application/json; charset=iso-8859-1", latin1_json, 400, "malformed_body"),
        ("application/x-www-form-urlencoded; charset=iso-8859-1", latin1, 400, "malformed_body"),
        (JSON, marked.into_bytes(), 400, "malformed_body"),
        (JSON, form.clone().into_bytes(), 400, "malformed_body"),
        (FORM, json.clone().into_bytes(), 400, "malformed_body"),
        (JSON, format!("{json}{json}").into_bytes(), 400, "malformed_body"),
        ("text/plain", json.clone().into_bytes(), 415, "unsupported_media_type"),
        ("text/plain; application/json", json.clone().into_bytes(), 415, "unsupported_media_type"),
        ("text/json", json.clone().into_bytes(), 415, "unsupported_media_type"),
        ("application/jsonp", json.clone().into_bytes(), 415, "unsupported_media_type"),
        ("application/problem+json", json.clone().into_bytes(), 415, "unsupported_media_type"),
        ("application/json, text/plain", json.clone().into_bytes(), 415, "unsupported_media_type"),
        ("application/json-seq", json.clone().into_bytes(), 415, "unsupported_media_type"),
        ("multipart/form-data; boundary=x", form.clone().into_bytes(), 415, "unsupported_media_type"),
        ("", form.clone().into_bytes(), 415, "unsupported_media_type"),
    ] {
        let headers = [("sec-fetch-site", "same-origin"), ("content-type", media), ("accept", JSON)];
        let answer = send(&app, post("/login", &headers, body)).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{media}");
        assert_says_what_it_is(&answer, media);
    }
    for headers in [
        &[("content-type", JSON), ("content-type", FORM)][..],
        &[("content-type", FORM), ("content-type", FORM)],
        &[("content-type", FORM), ("content-encoding", "gzip")],
        &[("content-type", FORM), ("content-encoding", "identity")],
        &[],
    ] {
        let headers = [headers, &[("sec-fetch-site", "same-origin"), ("accept", JSON)]].concat();
        let answer = send(&app, post("/login", &headers, form.clone())).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{headers:?}");
    }
}

#[tokio::test]
async fn an_answer_is_of_the_first_kind_that_is_asked_for_and_else_of_the_kind_that_was_sent() {
    let portal = with_user().await;
    let app = app(&portal);
    for (accept, form_gets_json, json_gets_json) in [
        ("application/json, text/html", true, true),
        ("text/html, application/json", false, false),
        ("text/html;q=0.1, application/json;q=0.9", false, false),
        ("image/png, application/problem+json, text/html", true, true),
        ("Application/JSON;q=1", true, true),
        ("application/xhtml+xml", false, false),
        ("*/*", false, true),
        ("text/*", false, true),
        ("", false, true),
        ("application/jsonp, text/plain", false, true),
        (",;,=,\"", false, true),
    ] {
        for (media, body, expected) in [
            (FORM, encoded(&[("username", "x")]), form_gets_json),
            (JSON, as_json(&[("username", "x")]), json_gets_json),
        ] {
            let headers = [("sec-fetch-site", "same-origin"), ("content-type", media), ("accept", accept)];
            let answer = send(&app, post("/login", &headers, body)).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
            assert_eq!(answer.header("content-type").contains("json"), expected, "{media} for {accept:?}");
            assert_says_what_it_is(&answer, accept);
        }
    }
}

#[tokio::test]
async fn every_answer_of_every_route_says_what_it_is() {
    let portal = with_user().await;
    let app = app(&portal);
    let signed_in = Browser::signed_in(&app, "anapena", PASSWORD).await;
    for json in [false, true] {
        let visitors = || {
            let stranger = if json { Browser::of_json(&app) } else { Browser::new(&app, "es") };
            let mut visitor = if json { signed_in.as_json() } else { Browser::new(&app, "es") };
            visitor.cookies.clone_from(&signed_in.cookies);
            [stranger, visitor]
        };
        for (path, _) in ROUTES {
            for mut visitor in visitors() {
                assert_says_what_it_is(&visitor.get(path).await, path);
                assert_says_what_it_is(&visitor.post(path, &[("strange", "x")]).await, path);
            }
        }
        for (path, fields) in FORMS.iter().filter(|(path, _)| !["/logout", "/sessions/close-others"].contains(path)) {
            let emptied: Vec<_> = fields.iter().map(|(name, _)| (*name, "")).collect();
            for mut visitor in visitors() {
                assert_says_what_it_is(&visitor.post(path, &emptied).await, path);
            }
        }
    }
}
