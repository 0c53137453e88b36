//! Every route and every form of the pages, told once for the tests that try them all.
//!
//! **What the description of the JSON lists is here, and more.**

use axum::http::StatusCode;
use serde_json::Value;

use crate::browser::{Browser, app};
use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal};

/// What a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Get,
    Post,
    Both,
}

impl Takes {
    pub(crate) fn get(self) -> bool {
        self != Self::Post
    }

    pub(crate) fn post(self) -> bool {
        self != Self::Get
    }
}

/// Those of the portal.
pub(crate) const ROUTES: &[(&str, Takes)] = &[
    ("/login", Takes::Both),
    ("/registration", Takes::Both),
    ("/confirmation", Takes::Both),
    ("/username-recovery", Takes::Both),
    ("/password-recovery", Takes::Both),
    ("/password-recovery/confirmation", Takes::Both),
    ("/password-change", Takes::Both),
    ("/sessions", Takes::Get),
    ("/sessions/close", Takes::Post),
    ("/sessions/close-others", Takes::Post),
    ("/logout", Takes::Post),
    ("/language", Takes::Post),
    ("/contact", Takes::Get),
    ("/openapi.json", Takes::Get),
];

/// Each form with every field that a person or a page can fill in, well filled.
pub(crate) const FORMS: &[(&str, &[(&str, &str)])] = &[
    ("/login", &[("username", "anapena"), ("password", PASSWORD), ("stay", "on"), ("next", "/results")]),
    (
        "/registration",
        &[
            ("email", ANA),
            ("username", "otra.persona"),
            ("password", PASSWORD),
            ("repeated", PASSWORD),
            ("full_name", "Otra Persona"),
        ],
    ),
    ("/confirmation", &[("token", "x"), ("username", "anapena"), ("password", PASSWORD), ("reference", "x")]),
    ("/username-recovery", &[("email", ANA)]),
    ("/password-recovery", &[("email", ANA), ("username", "anapena")]),
    ("/password-recovery/confirmation", &[("token", "x")]),
    ("/password-change", &[("current", PASSWORD), ("new", NEW_PASSWORD), ("repeated", NEW_PASSWORD)]),
    ("/sessions/close", &[("session", "00000000000000000000000000000000")]),
    ("/sessions/close-others", &[]),
    ("/language", &[("language", "en"), ("next", "/contact")]),
    ("/logout", &[]),
];

/// The form with one field filled in otherwise.
pub(crate) fn with<'a>(fields: &[(&'a str, &'a str)], name: &str, text: &'a str) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(field, value)| (*field, if *field == name { text } else { *value })).collect()
}

#[tokio::test]
async fn no_route_and_no_field_is_forgotten_here() {
    let portal = Portal::new();
    let answer = Browser::of_json(&app(&portal)).get("/openapi.json").await;
    assert_eq!(answer.status, StatusCode::OK);
    let described: Value = serde_json::from_str(&answer.body).expect("JSON");
    for (path, methods) in described["paths"].as_object().expect("paths") {
        let (_, takes) = ROUTES.iter().find(|(route, _)| route == path).unwrap_or_else(|| panic!("{path}"));
        assert!(methods.get("get").is_none() || takes.get(), "{path}");
        let Some(post) = methods.get("post") else { continue };
        let (_, fields) = FORMS.iter().find(|(form, _)| form == path).unwrap_or_else(|| panic!("{path}"));
        let schema = &post["requestBody"]["content"]["application/json"]["schema"]["properties"];
        for name in schema.as_object().into_iter().flatten().map(|(name, _)| name) {
            assert!(fields.iter().any(|(field, _)| field == name), "{path} {name}");
        }
    }
    assert_eq!(ROUTES.iter().filter(|(_, takes)| takes.post()).count(), FORMS.len());
}
