//! What a registry can be built from, and what is refused before anything is sent.

use std::time::Duration;

use acceso::adapter::fhir::{FhirConfigError, FhirRegistry};

use crate::fhir_server::{Answer, FhirServer};
use crate::stand::{ANA, builder, bundle, ids, patient, registry};

fn refused(url: &str) -> Option<FhirConfigError> {
    FhirRegistry::builder(url).build().err()
}

#[test]
fn a_base_url_is_encrypted_or_on_this_machine() {
    for good in [
        "https://fhir.clinic.example",
        "https://fhir.clinic.example/fhir/R4/",
        "https://[2001:db8::1]:8443/fhir",
        "HTTPS://fhir.clinic.example/",
        "http://127.0.0.1:8080/fhir",
        "http://[::1]/fhir",
    ] {
        assert_eq!(refused(good), None, "{good}");
    }
    for bad in [
        "http://fhir.clinic.example/fhir",
        "http://localhost/fhir",
        "http://127.0.0.1.evil.example/",
        "http://10.0.0.1/",
    ] {
        assert_eq!(refused(bad), Some(FhirConfigError::Unencrypted), "{bad}");
    }
}

#[test]
fn a_url_with_a_secret_or_a_query_or_none_at_all_is_refused() {
    for (url, error) in [
        ("https://portal:s3creto@fhir.clinic.example/", FhirConfigError::CredentialsInUrl),
        ("https://portal@fhir.clinic.example/", FhirConfigError::CredentialsInUrl),
        ("https://fhir.clinic.example/fhir?apikey=s3creto", FhirConfigError::Trailing),
        ("https://fhir.clinic.example/fhir#R4", FhirConfigError::Trailing),
        ("", FhirConfigError::Url),
        ("fhir.clinic.example", FhirConfigError::Url),
        ("ftp://fhir.clinic.example/", FhirConfigError::Url),
        ("https://", FhirConfigError::Url),
        ("file:///srv/patients", FhirConfigError::Url),
    ] {
        assert_eq!(refused(url), Some(error), "{url}");
    }
}

#[test]
fn tokens_certificates_and_time_outs_that_cannot_work_are_refused() {
    let new = || FhirRegistry::builder("https://fhir.clinic.example/");
    for token in ["", "two words", "a\r\nX-Header: b", "contraseña"] {
        assert_eq!(new().bearer_token(token).build().err(), Some(FhirConfigError::Token), "{token:?}");
    }
    let no_pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".as_slice();
    for roots in [b"no certificate".as_slice(), no_pem] {
        assert_eq!(new().root_certificates(roots).build().err(), Some(FhirConfigError::Certificates));
    }
    assert_eq!(new().only_own_roots().build().err(), Some(FhirConfigError::Certificates));
    assert_eq!(new().client_identity(b"nothing").build().err(), Some(FhirConfigError::Identity));
    assert_eq!(new().timeout(Duration::ZERO).build().err(), Some(FhirConfigError::Timeout));
    assert_eq!(new().connect_timeout(Duration::ZERO).build().err(), Some(FhirConfigError::Timeout));
    assert_eq!(new().timeout(Duration::from_secs(2)).build().err(), Some(FhirConfigError::Timeout));
}

#[test]
fn nothing_that_is_shown_holds_a_secret() {
    let new = || FhirRegistry::builder("https://fhir.clinic.example/geheim").bearer_token("s3creto");
    assert_eq!(format!("{:?}", new()), "FhirBuilder { .. }");
    assert_eq!(
        format!("{:?}", new().build().expect("a registry")),
        "FhirRegistry { host: \"fhir.clinic.example\", .. }"
    );
}

#[tokio::test]
async fn a_base_url_may_end_in_a_slash_or_not() {
    for end in ["", "/", "//"] {
        let server = FhirServer::start(|_| Answer::Json(bundle(&[patient("1", ANA)]).to_string()));
        let registry = FhirRegistry::builder(&format!("{}{end}", server.url())).build().expect("a registry");
        assert_eq!(ids(&registry).await, Ok(vec!["1".to_owned()]));
        assert_eq!(server.requests()[0].target, "/fhir/Patient/_search");
    }
}

#[tokio::test]
async fn a_fixed_token_is_sent_and_its_refusal_is_final() {
    let server = FhirServer::start(|_| Answer::Json(bundle(&[patient("1", ANA)]).to_string()));
    let with_token = builder(&server).bearer_token("s3creto").build().expect("a registry");
    assert_eq!(ids(&with_token).await, Ok(vec!["1".to_owned()]));
    assert_eq!(server.requests()[0].header("authorization"), "Bearer s3creto");
    let closed = FhirServer::start(|_| Answer::status(401));
    let with_token = builder(&closed).bearer_token("s3creto").build().expect("a registry");
    assert!(ids(&with_token).await.expect_err("refused").ends_with("the server answers 401"));
    assert!(ids(&registry(&closed)).await.expect_err("refused").ends_with("the server answers 401"));
    assert_eq!(closed.requests().len(), 2);
}
