//! A browser without a screen.

use std::collections::BTreeMap;

use acceso::web::{Portal as Pages, SignedIn};
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing;
use axum::{Router, http::header};
use tower::ServiceExt;

use crate::common::{ANA, PASSWORD, Portal};

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const JSON: &str = "application/json";
pub(crate) const SESSION: &str = "__Host-acceso";

/// With Ana's user in it.
pub(crate) async fn with_user() -> Portal {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    portal
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).expect("a request")
}

pub(crate) fn post(path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    request("POST", path, headers, body)
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    pub(crate) fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).expect("JSON");
        body["code"].as_str().or(body["outcome"].as_str()).expect("a code").to_owned()
    }

    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.headers.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().expect("ASCII")).collect()
    }
}

/// The pages, and the host's own behind login.
pub(crate) fn app<S, R>(portal: &Portal<S, R>) -> Router {
    let pages = Pages::new(portal.acceso.clone()).expect("links lead to the pages");
    let own = |visitor: SignedIn| async move { format!("results of {}", visitor.user().username()) };
    let app = Router::new().route("/", routing::get(own)).route("/results", routing::post(own));
    pages.mount(app).with_state(pages)
}

pub(crate) async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("in memory");
    let body = String::from_utf8(body.to_vec()).expect("UTF-8");
    Answer { status: parts.status, headers: parts.headers, body }
}

/// Keeps cookies and says where its forms come from.
pub(crate) struct Browser {
    app: Router,
    pub(crate) cookies: BTreeMap<String, String>,
    language: &'static str,
    json: bool,
}

impl Browser {
    pub(crate) fn new(app: &Router, language: &'static str) -> Self {
        Self { app: app.clone(), cookies: BTreeMap::new(), language, json: false }
    }

    pub(crate) fn of_json(app: &Router) -> Self {
        Self { json: true, ..Self::new(app, "es") }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, Body::empty(), &[]).await
    }

    /// One that has signed in.
    pub(crate) async fn signed_in(app: &Router, username: &str, password: &str) -> Self {
        let mut browser = Self::new(app, "es");
        browser.post("/login", &[("username", username), ("password", password)]).await;
        assert!(browser.cookies.contains_key(SESSION), "{username} is signed in");
        browser
    }

    /// The same cookies in the hands of a program.
    pub(crate) fn as_json(&self) -> Self {
        Self { cookies: self.cookies.clone(), ..Self::of_json(&self.app) }
    }

    /// A form of this site, or its fields as JSON.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let (media, body) = if self.json {
            let object: serde_json::Map<_, _> =
                fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
            (JSON, serde_json::Value::Object(object).to_string())
        } else {
            (FORM, encoded(fields))
        };
        let headers = [("content-type", media), ("sec-fetch-site", "same-origin")];
        self.send("POST", path, body.into(), &headers).await
    }

    async fn send(&mut self, method: &str, path: &str, body: Body, headers: &[(&str, &str)]) -> Answer {
        let accept = if self.json { "application/json" } else { "text/html,*/*;q=0.8" };
        let jar: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("accept", accept)
            .header("accept-language", self.language)
            .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0");
        if !jar.is_empty() {
            request = request.header("cookie", jar.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = send(&self.app, request.body(body).expect("a request")).await;
        for line in answer.cookies() {
            let (name, rest) = line.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| text.bytes().fold(String::new(), |out, byte| format!("{out}%{byte:02X}"));
    fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
}
