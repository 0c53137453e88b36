//! The assertions of SMART Backend Services, verified by a verifier of another maker.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use acceso::Clock as _;
use acceso::adapter::fhir::{BackendServices, FhirConfigError};
use serde_json::{Value, json};

use crate::authorization::{CLIENT, Clinic, granted};
use crate::peer;
use crate::stand::{ANA, Fixed, builder, ids};

fn packages_or_skip(test_name: &str) -> Option<PathBuf> {
    peer::packages_or_skip(test_name, "fhir", "jose")
}

/// What the other maker's program says.
fn ask(packages: &Path, verb: &str, input: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/fhir/jwt.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(verb).env("PACKAGES", packages).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.spawn().expect("node");
    let mut stdin = process.stdin.take().expect("a pipe");
    // `keys` does not read.
    let _ = stdin.write_all(input.to_string().as_bytes());
    drop(stdin);
    let done = process.wait_with_output().expect("it ends");
    serde_json::from_slice(&done.stdout).expect("JSON")
}

fn pem(key: &Value) -> &[u8] {
    key.as_str().expect("PEM").as_bytes()
}

fn now() -> i64 {
    Fixed.now().as_millis() / 1000
}

#[tokio::test]
async fn an_assertion_is_what_smart_asks_for_by_the_word_of_another_maker() {
    let Some(packages) = packages_or_skip("an_assertion_is_what_smart_asks_for_by_the_word_of_another_maker") else {
        return;
    };
    let keys = ask(&packages, "keys", &Value::Null);
    for (algorithm, written, other) in
        [("ES384", "pkcs8", "RS384"), ("RS384", "pkcs8", "ES384"), ("RS384", "pkcs1", "ES384")]
    {
        let clinic = Clinic::granting(|number| granted(number, &json!(0)));
        let services = BackendServices::new(CLIENT, pem(&keys[algorithm][written])).expect("a client");
        let registry = builder(&clinic.server).backend_services(services.key_id("sol-2026")).build();
        let registry = registry.expect("a registry");
        for _ in 0..2 {
            assert_eq!(ids(&registry).await, Ok(vec!["1".to_owned()]));
        }
        let mut unique = BTreeSet::new();
        for request in clinic.token_requests() {
            let fields = request.fields();
            assert_eq!(request.header("content-type"), "application/x-www-form-urlencoded");
            assert_eq!(request.header("authorization"), "", "the assertion is all there is");
            assert_eq!(fields["grant_type"], "client_credentials");
            assert_eq!(fields["scope"], "system/Patient.rs");
            assert_eq!(fields["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
            assert_eq!(fields.len(), 4);

            let mut expected = json!({
                "token": fields["client_assertion"], "jwk": keys[algorithm]["jwk"], "algorithm": algorithm,
                "audience": clinic.endpoint(), "client": CLIENT, "now": now(),
            });
            let agreed = ask(&packages, "verify", &expected);
            assert_eq!(agreed["header"], json!({ "alg": algorithm, "typ": "JWT", "kid": "sol-2026" }));
            let claims = agreed["claims"].as_object().expect("claims");
            let named: BTreeSet<&str> = claims.keys().map(String::as_str).collect();
            assert_eq!(named, BTreeSet::from(["aud", "exp", "iss", "jti", "sub"]));
            let life = claims["exp"].as_i64().expect("seconds") - now();
            assert!((1..=300).contains(&life), "{life} s");
            assert!(unique.insert(claims["jti"].to_string()), "an id comes once");
            assert!(claims["jti"].as_str().is_some_and(|id| id.len() >= 22), "128 bits");

            // The verifier is no yes-man.
            expected["now"] = json!(now() + 300);
            assert_eq!(ask(&packages, "verify", &expected)["refused"], "ERR_JWT_EXPIRED");
            expected["now"] = json!(now());
            expected["audience"] = json!("https://elsewhere.example/token");
            assert_eq!(ask(&packages, "verify", &expected)["refused"], "ERR_JWT_CLAIM_VALIDATION_FAILED");
            expected["audience"] = json!(clinic.endpoint());
            expected["jwk"] = keys[other]["jwk"].clone();
            assert!(ask(&packages, "verify", &expected)["refused"].is_string());
        }
        assert_eq!(unique.len(), 2);
    }
}

#[tokio::test]
async fn an_assertion_names_no_key_where_none_was_named_and_asks_for_the_scope_of_the_host() {
    let name = "an_assertion_names_no_key_where_none_was_named_and_asks_for_the_scope_of_the_host";
    let Some(packages) = packages_or_skip(name) else { return };
    let keys = ask(&packages, "keys", &Value::Null);
    let clinic = Clinic::new();
    let services = BackendServices::new(CLIENT, pem(&keys["ES384"]["pkcs8"])).expect("a client");
    let services = services.scope("system/Patient.read").token_url(&clinic.endpoint()).expect("a URL");
    let registry = builder(&clinic.server).backend_services(services).build().expect("a registry");
    assert_eq!(ids(&registry).await, Ok(vec!["1".to_owned()]));
    assert_eq!(clinic.asked(), [0, 1, 1], "who knows the endpoint asks for none");
    let fields = clinic.token_requests()[0].fields();
    assert_eq!(fields["scope"], "system/Patient.read");
    let input = json!({
        "token": fields["client_assertion"], "jwk": keys["ES384"]["jwk"], "algorithm": "ES384",
        "audience": clinic.endpoint(), "client": CLIENT, "now": now(),
    });
    assert_eq!(ask(&packages, "verify", &input)["header"], json!({ "alg": "ES384", "typ": "JWT" }));
}

#[test]
fn a_key_of_another_kind_or_too_weak_is_refused() {
    let Some(packages) = packages_or_skip("a_key_of_another_kind_or_too_weak_is_refused") else { return };
    let keys = ask(&packages, "keys", &Value::Null);
    for (kind, written) in [("weak", "pkcs8"), ("weak", "pkcs1"), ("curve", "pkcs8"), ("ES384", "sec1")] {
        let refused = BackendServices::new(CLIENT, pem(&keys[kind][written])).err();
        assert_eq!(refused, Some(FhirConfigError::Key), "{kind} {written}");
    }
    let good = pem(&keys["ES384"]["pkcs8"]);
    for client in ["", "a\r\nb", "\u{0}"] {
        assert_eq!(BackendServices::new(client, good).err(), Some(FhirConfigError::ClientId), "{client:?}");
    }
    for url in ["http://login.clinic.example/token", "http://localhost/token"] {
        let refused = BackendServices::new(CLIENT, good).expect("a client").token_url(url).err();
        assert_eq!(refused, Some(FhirConfigError::Unencrypted), "{url}");
    }
    let services = BackendServices::new(CLIENT, good).expect("a client").key_id(ANA);
    assert_eq!(format!("{services:?}"), "BackendServices { alg: \"ES384\", .. }");
}
