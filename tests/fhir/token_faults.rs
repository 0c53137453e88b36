//! What goes wrong where tokens are given, and tokens that the host brings itself: each fault has its name, and the record
//! is not asked.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use acceso::adapter::fhir::AccessTokens;
use acceso::{BoxError, PatientRegistry as _};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::authorization::{Clinic, granted};
use crate::fhir_server::{Answer, FhirServer};
use crate::stand::{ANA, builder, ids, reason};

const NO_TOKEN: &str = "the token endpoint answers with something else than a bearer token";
const NO_ENDPOINT: &str = "the server's smart-configuration names no token endpoint with https";

fn as_json(status: u16, body: &Value) -> Answer {
    Answer::Full(status, vec![("content-type", "application/json".to_owned())], body.to_string().into_bytes())
}

fn token(members: &Value) -> Answer {
    let mut grant = json!({ "access_token": "s3creto-1", "token_type": "Bearer", "expires_in": 300 });
    for (name, value) in members.as_object().expect("members") {
        grant[name] = value.clone();
    }
    as_json(200, &grant)
}

#[tokio::test]
async fn each_fault_of_the_token_endpoint_has_its_name_and_the_record_is_not_asked() {
    let oauth = json!({ "error": "invalid_client", "error_description": format!("no {ANA} with s3creto") });
    let elsewhere = FhirServer::start(|_| granted(1, &json!(300)));
    for (answer, reason) in [
        (as_json(400, &oauth), "the server answers 400: invalid_client"),
        (as_json(400, &json!({ "error": ANA })), "the server answers 400"),
        (as_json(401, &json!({})), "the server answers 401"),
        (Answer::status(500), "the server answers 500"),
        (Answer::status(503), "the server answers 503"),
        (
            Answer::Full(307, vec![("location", format!("{}/token", elsewhere.url()))], Vec::new()),
            "the server answers 307",
        ),
        (Answer::of_type("text/html", b"<html>"), "the answer's content type is not JSON"),
        (Answer::of_type("application/json", b"\xff"), "the answer is not UTF-8"),
        (token(&json!({ "access_token": "s3creto-1\r\nX-Other: 1" })), NO_TOKEN),
        (token(&json!({ "access_token": "s3creto 1" })), NO_TOKEN),
        (token(&json!({ "access_token": "" })), NO_TOKEN),
        (token(&json!({ "access_token": "a".repeat(16 * 1024 + 1) })), NO_TOKEN),
        (token(&json!({ "token_type": "mac" })), NO_TOKEN),
        (Answer::Close, "the connection failed"),
        (Answer::Endless, "the answer is longer than 262144 bytes"),
    ] {
        let told = answer.clone();
        let clinic = Clinic::granting(move |_| told.clone());
        let found = ids(&clinic.registry()).await;
        assert_eq!(found, Err(format!("obtaining an access token: {reason}")), "{answer:?}");
        assert_eq!(clinic.asked(), [1, 1, 0], "{answer:?}");
    }
    for missing in ["access_token", "token_type"] {
        for value in [Value::Null, json!(7), json!({})] {
            let told = token(&json!({ missing: value }));
            let clinic = Clinic::granting(move |_| told.clone());
            let found = ids(&clinic.registry()).await.expect_err("no token");
            assert!(found.starts_with("obtaining an access token: the answer cannot be read"), "{found}");
        }
    }
    assert!(elsewhere.requests().is_empty(), "no assertion is sent where a redirect leads");
}

#[tokio::test]
async fn a_token_endpoint_that_says_nothing_is_left_in_time() {
    let clinic = Clinic::granting(|_| Answer::Silence);
    let short = std::time::Duration::from_millis(300);
    let registry = clinic.builder().timeout(short).connect_timeout(short).build().expect("a registry");
    assert_eq!(reason(&registry).await, "no whole answer within the time-out");
}

#[tokio::test]
async fn each_fault_of_the_smart_configuration_has_its_name_and_nothing_is_sent_on() {
    let elsewhere = FhirServer::start(|_| granted(1, &json!(300)));
    // A name for loopback that a resolver answers, and another machine: neither gets an assertion in plain text.
    let by_name = format!("http://localhost:{}/token", elsewhere.port());
    for (answer, reason) in [
        (Answer::status(404), "the server answers 404"),
        (as_json(200, &json!({})), NO_ENDPOINT),
        (as_json(200, &json!({ "token_endpoint": null })), NO_ENDPOINT),
        (as_json(200, &json!({ "token_endpoint": "/token" })), NO_ENDPOINT),
        (as_json(200, &json!({ "token_endpoint": by_name })), NO_ENDPOINT),
        (as_json(200, &json!({ "token_endpoint": "http://login.clinic.example/token" })), NO_ENDPOINT),
        (as_json(200, &json!({ "token_endpoint": "file:///etc/passwd" })), NO_ENDPOINT),
        (as_json(200, &json!({ "token_endpoint": "https://a:s3creto@login.clinic.example/token" })), NO_ENDPOINT),
        (Answer::of_type("text/html", b"<html>"), "the answer's content type is not JSON"),
        (as_json(302, &json!({})), "the server answers 302"),
    ] {
        let told = answer.clone();
        let clinic = Clinic::with(move |_| told.clone(), |number| granted(number, &json!(300)));
        let found = ids(&clinic.registry()).await;
        assert_eq!(found, Err(format!("reading the FHIR server's smart-configuration: {reason}")), "{answer:?}");
        assert_eq!(clinic.asked(), [1, 0, 0], "{answer:?}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn look_ups_in_parallel_share_the_end_of_one_failed_attempt_and_the_next_begins_anew() {
    let clinic =
        Clinic::granting(|number| if number == 1 { Answer::status(500) } else { granted(number, &json!(300)) });
    let registry = Arc::new(clinic.registry());
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let registry = Arc::clone(&registry);
        tasks.spawn(async move { reason(&registry).await });
    }
    let reasons = tasks.join_all().await;
    assert_eq!(reasons.iter().filter(|reason| *reason == "the server answers 500").count(), 1);
    let shared = "another caller's attempt failed: obtaining an access token: the server answers 500";
    assert_eq!(reasons.iter().filter(|reason| *reason == shared).count(), 19);
    assert_eq!(clinic.asked(), [1, 1, 0]);
    assert_eq!(ids(&registry).await, Ok(vec!["1".to_owned()]));
    assert_eq!(clinic.asked(), [2, 2, 1], "the configuration is read anew, should it have changed");
}

/// Brings these, one after the other, the last one for ever; counts.
struct Brings(Vec<Result<&'static str, &'static str>>, Arc<AtomicUsize>);

#[async_trait]
impl AccessTokens for Brings {
    async fn access_token(&self) -> Result<String, BoxError> {
        let place = self.1.fetch_add(1, Ordering::SeqCst).min(self.0.len() - 1);
        self.0[place].map(str::to_owned).map_err(Into::into)
    }
}

#[tokio::test]
async fn a_token_of_the_hosts_own_is_asked_for_before_each_request_and_once_more_after_a_refusal() {
    for (brought, found, calls, searches) in [
        (vec![Ok("s3creto-1")], Ok(vec!["1".to_owned()]), 1, 1),
        (vec![Ok("s3creto-0"), Ok("s3creto-1")], Ok(vec!["1".to_owned()]), 2, 2),
        (vec![Ok("s3creto-0")], Err("searching patients over FHIR, page 1: the server answers 401".into()), 2, 1),
        (
            vec![Ok("s3creto-0"), Ok("other"), Ok("s3creto-1")],
            Err("searching patients over FHIR, page 1: the server answers 401".into()),
            2,
            2,
        ),
        (vec![Ok("a\r\nX: b")], Err(format!("obtaining an access token: {NO_TOKEN}")), 1, 0),
        (vec![Ok("")], Err(format!("obtaining an access token: {NO_TOKEN}")), 1, 0),
    ] {
        let clinic = Clinic::new();
        let asked = Arc::new(AtomicUsize::new(0));
        let tokens = Brings(brought.clone(), Arc::clone(&asked));
        let registry = builder(&clinic.server).access_tokens(tokens).build().expect("a registry");
        assert_eq!(ids(&registry).await, found, "{brought:?}");
        assert_eq!(asked.load(Ordering::SeqCst), calls, "{brought:?}");
        assert_eq!(clinic.asked(), [0, 0, searches], "{brought:?}");
    }
}

#[tokio::test]
async fn an_error_of_the_hosts_tokens_stands_behind_source_only() {
    let clinic = Clinic::new();
    let tokens = Brings(vec![Err("s3creto: the vault is closed")], Arc::default());
    let registry = builder(&clinic.server).access_tokens(tokens).build().expect("a registry");
    let error = registry.patients_with_email(&ANA.parse().expect("an address")).await.expect_err("no token");
    assert_eq!(error.to_string(), "obtaining an access token: the host's access tokens cannot be had");
    assert!(!format!("{error:?}").contains("s3creto"), "{error:?}");
    assert_eq!(error.source().map(<dyn Error>::to_string).as_deref(), Some("s3creto: the vault is closed"));
    assert_eq!(clinic.asked(), [0, 0, 0]);
}
