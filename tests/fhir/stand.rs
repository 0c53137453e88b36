//! What the tests of the registry over FHIR have in common: records, answers, and reasons to read.

use std::error::Error;
use std::time::Duration;

use acceso::adapter::fhir::{FhirBuilder, FhirRegistry};
use acceso::{BoxError, Clock, Patient, PatientRegistry, Timestamp};
use serde_json::{Value, json};

use crate::fhir_server::{Answer, FhirServer, Request};

pub(crate) const ANA: &str = "ana.pena@example.org";

/// 2026-03-01, in tests whose records have periods.
pub(crate) struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_772_323_200_000)
    }
}

pub(crate) fn patient(id: &str, email: &str) -> Value {
    json!({
        "resourceType": "Patient",
        "id": id,
        "name": [{ "family": "Peña", "given": ["Ana"] }],
        "telecom": [{ "system": "email", "value": email }],
    })
}

pub(crate) fn entry(resource: &Value) -> Value {
    json!({ "resource": resource, "search": { "mode": "match" } })
}

pub(crate) fn bundle(resources: &[Value]) -> Value {
    let entries: Vec<Value> = resources.iter().map(entry).collect();
    json!({ "resourceType": "Bundle", "type": "searchset", "total": entries.len(), "entry": entries })
}

/// As servers tell that they did not do as asked.
pub(crate) fn outcome(severity: &str, code: &str) -> Value {
    let words = format!("no index for {ANA}");
    json!({ "resourceType": "OperationOutcome", "issue": [{ "severity": severity, "code": code, "diagnostics": words }] })
}

/// A server that gives one answer to everything.
pub(crate) fn always(answer: &Value) -> FhirServer {
    let text = answer.to_string();
    FhirServer::start(move |_| Answer::Json(text.clone()))
}

pub(crate) fn builder(server: &FhirServer) -> FhirBuilder {
    FhirRegistry::builder(&server.url()).clock(Fixed)
}

/// With a time-out that a test can wait for.
pub(crate) fn hasty(server: &FhirServer) -> FhirRegistry {
    let short = Duration::from_millis(300);
    builder(server).timeout(short).connect_timeout(short).build().expect("a registry")
}

pub(crate) fn registry(server: &FhirServer) -> FhirRegistry {
    builder(server).build().expect("a registry")
}

/// The patients of an address, or the reason for the operator: the error's text without that of its causes.
pub(crate) async fn look_up(registry: &FhirRegistry, email: &str) -> Result<Vec<Patient>, String> {
    let asked = email.parse().expect("an address");
    registry.patients_with_email(&asked).await.map_err(|error| {
        assert_is_discreet(&error);
        error.to_string()
    })
}

/// The ids of Ana's patients, or the reason.
pub(crate) async fn ids(registry: &FhirRegistry) -> Result<Vec<String>, String> {
    let found = look_up(registry, ANA).await?;
    assert!(found.iter().all(|patient| patient.email == ANA.parse().expect("an address")));
    Ok(found.iter().map(|patient| patient.id.as_str().to_owned()).collect())
}

/// The reason why Ana cannot be looked up.
pub(crate) async fn reason(registry: &FhirRegistry) -> String {
    let refused = ids(registry).await.expect_err("an answer that cannot be trusted");
    refused.split_once(": ").expect("where, and what").1.to_owned()
}

/// The reason where a server answers so.
pub(crate) async fn reason_for(answer: Answer) -> String {
    let server = FhirServer::start(move |_| answer.clone());
    reason(&registry(&server)).await
}

/// The answer that a script gives to a page's number, from 0.
pub(crate) fn page_number(request: &Request) -> usize {
    request.fields().get("page").map_or(0, |page| page.parse().expect("a number"))
}

/// No address, no token and no URL, however deep one looks and in whichever way it is printed.
fn assert_is_discreet(error: &BoxError) {
    let mut next: Option<&dyn Error> = Some(error.as_ref());
    while let Some(error) = next {
        for text in [format!("{error}"), format!("{error:?}")] {
            let text = text.to_ascii_lowercase();
            for secret in ["ana.pena", "example.org", "s3creto", "_search", "email=", "/fhir"] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
        next = error.source();
    }
}
