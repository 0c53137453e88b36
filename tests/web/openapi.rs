//! The description of the JSON, and what the server does. Not: what the routes are for.
//!
//! **What is not described is not answered**: another maker's program, which knows nothing but the description, tries it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use acceso::Policy;
use acceso::web::Portal as Pages;
use axum::Router;
use axum::http::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::browser::{Browser, app};
use crate::common::{ANA, Portal};
use crate::peer;

/// Good under both policies.
const LONG_PASSWORD: &str = "Tres tristes tigres 3";

async fn described(portal: &Portal) -> Value {
    let answer = Browser::of_json(&app(portal)).get("/openapi.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    serde_json::from_str(&answer.body).expect("JSON")
}

fn fields<'a>(document: &'a Value, path: &str) -> &'a Value {
    &document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["required"]
}

#[tokio::test]
async fn the_fields_of_a_recovery_are_those_of_the_policy() {
    let manual = described(&Portal::new()).await;
    assert_eq!(fields(&manual, "/password-recovery/confirmation"), &serde_json::json!(["token"]));
    let modern = described(&Portal::with(Policy::modern())).await;
    assert_eq!(fields(&modern, "/password-recovery/confirmation"), &serde_json::json!(["token", "new", "repeated"]));
}

#[tokio::test]
async fn every_field_that_the_description_asks_for_is_asked_for() {
    let portal = Portal::new();
    let document = described(&portal).await;
    let mut browser = Browser::of_json(&app(&portal));
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let Some(asked) = methods.get("post").map(|_| fields(&document, path).as_array().expect("a list")) else {
            continue;
        };
        let sent: Vec<(&str, &str)> = asked.iter().map(|name| (name.as_str().expect("a name"), "")).collect();
        let whole = browser.post(path, &sent).await;
        assert!(!["missing_field", "unknown_field"].contains(&whole.code().as_str()), "{path}: {}", whole.body);
        for left_out in 0..sent.len() {
            let mut fewer = sent.clone();
            fewer.remove(left_out);
            assert_eq!(browser.post(path, &fewer).await.code(), "missing_field", "{path}");
        }
    }
}

/// The program of the other maker, if it is installed.
fn schemathesis_or_skip(test_name: &str) -> Option<PathBuf> {
    let program = peer::folder("openapi").join("bin/schemathesis");
    if program.is_file() {
        return Some(program);
    }
    peer::skip(test_name, "no schemathesis: run tests/peers/install");
    None
}

/// Every route is tried with good and bad requests, and what comes back is compared with the description. The seed is
/// fixed, so that a run can be repeated.
async fn assert_agrees(test_name: &str, policy: Policy, is_signed_in: bool) {
    let Some(program) = schemathesis_or_skip(test_name) else { return };
    let mut portal = Portal::with(policy);
    portal.user(ANA, "anapena", LONG_PASSWORD).await;
    let session = portal.signed_in("anapena", LONG_PASSWORD).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let pages = Pages::new(portal.acceso.clone()).expect("links lead to the pages");
    let app: Router = pages.router();
    let app = app.layer(axum::middleware::map_request(move |request: axum::extract::Request| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(request)
    }));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("a port"));
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(program);
    command
        .current_dir(&folder)
        .args(["run", &format!("{url}/openapi.json"), "--url", &url, "--seed", "1", "--max-examples", "60"])
        // Texts that keep every rule of the portal cannot be made up: most good requests are rightly told their faults.
        .args(["--exclude-checks", "positive_data_acceptance", "--phases", "examples,coverage,fuzzing"])
        .args(["--header", "Accept: application/json", "--continue-on-failure"])
        .stdin(Stdio::null());
    if is_signed_in {
        command.args(["--header", &format!("Cookie: __Host-acceso={}", session.token.reveal())]);
    }
    let done = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    server.abort();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
    assert!(asked.load(Ordering::Relaxed) > 500, "{told}");
}

#[tokio::test]
async fn another_makers_program_finds_no_answer_that_is_not_described() {
    let test_name = "another_makers_program_finds_no_answer_that_is_not_described";
    assert_agrees(test_name, Policy::portal(), false).await;
}

#[tokio::test]
async fn another_makers_program_finds_none_when_it_is_signed_in() {
    let test_name = "another_makers_program_finds_none_when_it_is_signed_in";
    assert_agrees(test_name, Policy::modern(), true).await;
}
