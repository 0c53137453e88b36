//! Texts that would be headers, and headers that would be something else. Not: where `next` leads, which `redirects` has.
//!
//! **Nothing that a request says becomes a header of the answer, an address in a mail or a failure of the server.**

use std::time::Duration;

use acceso::MailPurpose;
use acceso::web::{ClientAddress, Portal as Pages};
use axum::Router;
use axum::http::HeaderName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::browser::{Answer, Browser, FORM, SESSION, app, encoded, post, request, send, with_user};
use crate::common::{ANA, PASSWORD, Portal};
use crate::forms::{FORMS, with};

/// Each would begin a line, end a text, or mean something to a terminal or to a proxy that decodes once more.
const BREAKS: &[&str] = &[
    "\r\nX-Injected: 1",
    "\nX-Injected: 1",
    "\rX-Injected: 1",
    "\r\n\r\n<h1>X-Injected</h1>",
    "\r\nSet-Cookie: __Host-acceso=X-Injected",
    "%0d%0aX-Injected: 1",
    "%E5%98%8A%E5%98%8DX-Injected: 1",
    "\u{560a}\u{560d}X-Injected: 1",
    "\u{85}X-Injected: 1",
    "\u{2028}X-Injected: 1",
    "\0X-Injected",
    "\u{1}\u{8}\u{1b}[2J\u{7f}",
    "\u{202e}\u{feff}",
    "; Path=/; Domain=evil.example",
];

fn assert_tame(answer: &Answer, what: &str) {
    assert!(!answer.status.is_server_error(), "{what}: {}", answer.status);
    for (name, value) in &answer.headers {
        assert_ne!(name, "x-injected", "{what}");
        let value = value.to_str().unwrap_or_else(|_| panic!("{what}: {name}"));
        // A decoded break would be a character that is none of these, an escaped one is harmless.
        assert!(!value.contains("X-Injected") || value.contains('%'), "{what}: {name}: {value}");
        assert!(!value.contains("Domain="), "{what}: {name}: {value}");
    }
    let location = answer.header("location");
    let known = ["", "/", "/login", "/results", "/contact", "/password-change"];
    assert!(known.contains(&location), "{what}: {location}");
    let ours = |line: &&str| line.starts_with(SESSION) && line.ends_with(|end: char| end.is_ascii_alphanumeric());
    assert!(answer.cookies().iter().all(ours), "{what}: {:?}", answer.cookies());
}

#[tokio::test]
async fn no_field_of_any_form_writes_a_header() {
    let portal = with_user().await;
    let app = app(&portal);
    let signed_in = Browser::signed_in(&app, "anapena", PASSWORD).await;
    for (path, fields) in FORMS {
        for (name, text) in *fields {
            for line_break in BREAKS {
                let bad = format!("{text}{line_break}");
                for mut browser in [Browser::new(&app, "es"), Browser::of_json(&app), signed_in.as_json()] {
                    let answer = browser.post(path, &with(fields, name, &bad)).await;
                    assert_tame(&answer, &format!("{path} {name}={bad:?}"));
                }
            }
        }
    }
}

#[tokio::test]
async fn no_value_of_an_address_writes_a_header() {
    let portal = with_user().await;
    let app = app(&portal);
    let mut signed_in = Browser::signed_in(&app, "anapena", PASSWORD).await;
    for page in ["/login", "/confirmation", "/password-recovery/confirmation", "/password-change", "/contact"] {
        for name in ["next", "token", "username", "language"] {
            for line_break in BREAKS {
                let path = format!("{page}?{}", encoded(&[(name, &format!("/x{line_break}"))]));
                assert_tame(&signed_in.get(&path).await, &path);
                assert_tame(&Browser::new(&app, "es").get(&path).await.without_next(), &path);
            }
        }
    }
}

impl Answer {
    /// The way to the login, without the page to come back to, which holds what was asked for in escapes.
    fn without_next(mut self) -> Self {
        let location = self.header("location").to_owned();
        if let Some((login, next)) = location.split_once("?next=") {
            assert!(next.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte)), "{next}");
            self.headers.insert("location", login.parse().expect("a value"));
        }
        self
    }
}

#[tokio::test]
async fn the_host_that_a_request_names_stands_in_no_answer_and_in_no_mail() {
    let mut portal = Portal::new();
    let app = app(&portal);
    let evil = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "host=evil.example;proto=http"),
        ("x-original-url", "//evil.example/"),
        ("x-rewrite-url", "//evil.example/"),
        ("referer", "https://evil.example/"),
        ("sec-fetch-site", "same-origin"),
        ("content-type", FORM),
    ];
    for uri in ["/sessions", "http://evil.example/sessions", "https://portal.example@evil.example/sessions"] {
        let away = send(&app, request("GET", uri, &evil, "")).await;
        assert_eq!(away.header("location"), "/login?next=/sessions", "{uri}");
    }
    for path in ["/login", "/registration", "/contact"] {
        assert!(!send(&app, request("GET", path, &evil, "")).await.body.contains("evil"), "{path}");
    }
    let (_, fields) = FORMS.iter().find(|(path, _)| *path == "/registration").expect("the form");
    assert!(send(&app, post("/registration", &evil, encoded(fields))).await.status.is_success());
    let mail = portal.mail(MailPurpose::ConfirmRegistration).await;
    assert!(mail.text().contains("https://portal.example/confirmation?token=") && !mail.text().contains("evil"));
    let foreign = [("host", "evil.example"), ("origin", "https://evil.example"), ("content-type", FORM)];
    let refused = send(&app, post("/username-recovery", &foreign, encoded(&[("email", ANA)]))).await;
    assert_eq!(refused.status, 403, "an origin is not ours because the host says the same");
}

/// A script of the host's may set a cookie in any letters, and so may a sibling host for the whole domain.
#[tokio::test]
async fn no_cookie_of_another_hides_the_session() {
    let portal = with_user().await;
    let app = app(&portal);
    let token = portal.signed_in("anapena", PASSWORD).await.token.reveal();
    for jar in [
        format!("nombre=Peña; {SESSION}={token}"),
        format!("{SESSION}={token}; nombre=嘊嘍; otra=\u{1f600}"),
        format!("; =; ñ; {SESSION}={token};;"),
    ] {
        let answer = send(&app, request("GET", "/", &[("cookie", &jar)], "")).await;
        assert_eq!(answer.body, "results of anapena", "{jar}");
    }
    // Which of two is ours still cannot be told.
    let doubled = format!("{SESSION}=ñ; {SESSION}={token}");
    assert_eq!(send(&app, request("GET", "/", &[("cookie", &doubled)], "")).await.header("location"), "/login?next=/");
}

/// What a server on a socket answers to bytes that no client library would send.
async fn raw(address: std::net::SocketAddr, head: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a server");
    // A server that has read enough may close before it has read all.
    let _ = stream.write_all(head).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the server ends the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn no_byte_in_a_header_of_the_request_breaks_the_answer() {
    let portal = with_user().await;
    let proxy = ClientAddress::Header { name: HeaderName::from_static("x-forwarded-for"), trusted_hops: 1 };
    let pages = Pages::new(portal.acceso.clone()).expect("links lead to the pages").client_address(proxy);
    let app: Router = pages.router();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("a port");
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let names = ["User-Agent", "Accept-Language", "X-Forwarded-For", "Host", "Cookie", "Accept", "Origin", "Referer"];
    let long = vec![b'a'; 8_000];
    let bytes: [&[u8]; 11] = [
        b"a\rX-Injected: 1",
        b"a\n X-Injected: 1",
        b"a\0b",
        b"\x01\x08\x1b[2J\x7f",
        b"\xff\xfe\x80",
        b"\xc3\xb1, \xe5\x98\x8a\xe5\x98\x8d",
        b"%0d%0aX-Injected: 1",
        b"__Host-acceso=\xff; __Host-acceso-language=e\tn",
        b",,,;;;q=q,=\"\\",
        b"",
        &long,
    ];
    let body = encoded(&[("username", "anapena"), ("password", "Equivocada 1")]);
    for name in names {
        for value in bytes {
            let mut head =
                format!("POST /login HTTP/1.1\r\nConnection: close\r\nContent-Type: {FORM}\r\n").into_bytes();
            head.extend(format!("Sec-Fetch-Site: same-origin\r\nContent-Length: {}\r\n", body.len()).bytes());
            if name != "Host" {
                head.extend(b"Host: portal.example\r\n");
            }
            head.extend([name.as_bytes(), b": ", value, b"\r\n\r\n", body.as_bytes()].concat());
            let answer = raw(address, &head).await;
            let what = format!("{name}: {}", String::from_utf8_lossy(value.get(..40).unwrap_or(value)));
            assert!(answer.starts_with("HTTP/1.1 4"), "{what}: {answer:.200}");
            let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
            assert!(!head.to_ascii_lowercase().contains("x-injected"), "{what}: {head}");
        }
    }
    server.abort();
}
