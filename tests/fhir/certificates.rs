//! TLS: whom the client believes, and whom it shows itself to.

use std::fs;
use std::sync::Arc;

use acceso::PatientRegistry as _;
use acceso::adapter::fhir::{FhirBuilder, FhirConfigError, FhirRegistry};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ALL_VERSIONS, RootCertStore, ServerConfig, SupportedProtocolVersion, crypto, version};

use crate::authority::{Authority, Certificate};
use crate::fhir_server::{Answer, FhirServer};
use crate::stand::{ANA, builder, bundle, ids, patient, reason};

const HOST: &[&str] = &["127.0.0.1"];

/// A server over TLS that holds Ana; it lets in whom this authority has certified, or everybody.
fn server(
    certificate: &Certificate,
    clients: Option<&Authority>,
    versions: &[&'static SupportedProtocolVersion],
) -> FhirServer {
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions);
    let config = config.expect("versions");
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).expect("a root")).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            config.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    let chain = vec![CertificateDer::from_pem_file(certificate.file()).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(certificate.key_file()).expect("a key");
    let config = config.with_single_cert(chain, key).expect("a certificate with its key");
    FhirServer::with_tls(config, |_| Answer::Json(bundle(&[patient("1", ANA)]).to_string()))
}

fn open_server(certificate: &Certificate) -> FhirServer {
    server(certificate, None, ALL_VERSIONS)
}

fn identity(certificate: &Certificate) -> Vec<u8> {
    [fs::read(certificate.file()), fs::read(certificate.key_file())].map(|part| part.expect("a file")).concat()
}

/// The causes behind the reason, as a log would show them.
async fn causes(registry: &FhirRegistry) -> String {
    let error = registry.patients_with_email(&ANA.parse().expect("an address")).await.expect_err("refused");
    let mut texts = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    texts.join(": ")
}

#[tokio::test]
async fn a_root_of_the_clinics_own_is_believed_beside_the_public_ones_or_alone() {
    let authority = Authority::new();
    let server = open_server(&authority.certify(HOST));
    let with_root = || builder(&server).root_certificates(authority.pem.as_bytes()).bearer_token("s3creto");
    for builder in [with_root(), with_root().only_own_roots()] {
        assert_eq!(ids(&builder.build().expect("a registry")).await, Ok(vec!["1".to_owned()]));
    }
    assert!(server.requests().iter().all(|request| request.header("authorization") == "Bearer s3creto"));
}

#[tokio::test]
async fn many_roots_may_be_given_at_once_or_one_after_the_other() {
    let [first, second] = [Authority::new(), Authority::new()];
    let server = open_server(&second.certify(HOST));
    let together = builder(&server).root_certificates(format!("{}{}", first.pem, second.pem).as_bytes());
    let apart = builder(&server)
        .root_certificates(first.pem.trim_end().as_bytes())
        .root_certificates(second.pem.trim_end().as_bytes());
    for builder in [together, apart] {
        assert_eq!(ids(&builder.build().expect("a registry")).await, Ok(vec!["1".to_owned()]));
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_the_servers_own_is_refused_and_nothing_is_sent() {
    let [authority, stranger] = [Authority::new(), Authority::new()];
    for (name, certificate, root, cause) in [
        ("unknown root", authority.certify(HOST), None, "UnknownIssuer"),
        ("another's root", authority.certify(HOST), Some(&stranger), "BadSignature"),
        ("another host's name", authority.certify(&["fhir.clinic.example"]), Some(&authority), "not valid for name"),
        ("expired", authority.expired(HOST), Some(&authority), "certificate expired"),
    ] {
        let server = open_server(&certificate);
        let mut builder = builder(&server).bearer_token("s3creto");
        if let Some(root) = root {
            builder = builder.root_certificates(root.pem.as_bytes());
        }
        let registry = builder.build().expect("a registry");
        assert_eq!(reason(&registry).await, "the connection failed", "{name}");
        let causes = causes(&registry).await;
        assert!(causes.contains(cause), "{name}: {causes}");
        assert!(server.requests().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_server_without_tls_gets_nothing_from_a_client_that_wants_it() {
    let plain = FhirServer::start(|_| Answer::Json(bundle(&[patient("1", ANA)]).to_string()));
    let registry = FhirRegistry::builder(&plain.url().replace("http://", "https://")).bearer_token("s3creto").build();
    assert_eq!(reason(&registry.expect("a registry")).await, "the connection failed");
    let heard = format!("{:?}", plain.requests());
    assert!(!heard.contains("s3creto") && !heard.contains("ana.pena"), "{heard}");
}

#[tokio::test]
async fn a_server_that_asks_who_is_there_gets_the_clients_certificate() {
    let [authority, clients] = [Authority::new(), Authority::new()];
    let certificate = authority.certify(HOST);
    for versions in [&[&version::TLS12], &[&version::TLS13]] {
        let server = server(&certificate, Some(&clients), versions);
        let known =
            |builder: FhirBuilder| builder.root_certificates(authority.pem.as_bytes()).build().expect("a registry");
        let with = known(builder(&server).client_identity(&identity(&clients.certify(&["portal"]))));
        assert_eq!(ids(&with).await, Ok(vec!["1".to_owned()]));
        let heard = server.requests().len();

        for wrong in [
            known(builder(&server)),
            known(builder(&server).client_identity(&identity(&authority.certify(&["portal"])))),
            known(builder(&server).client_identity(&identity(&clients.expired(&["portal"])))),
        ] {
            assert_eq!(reason(&wrong).await, "the connection failed");
        }
        assert_eq!(server.requests().len(), heard);
    }
}

#[test]
fn an_identity_needs_a_certificate_and_its_own_key() {
    let authority = Authority::new();
    let [one, other] = [authority.certify(&["portal"]), authority.certify(&["portal"])];
    let file = |path: std::path::PathBuf| fs::read(path).expect("a file");
    for (name, pem) in [
        ("no key", file(one.file())),
        ("no certificate", file(one.key_file())),
        ("another's key", [file(one.file()), file(other.key_file())].concat()),
        ("nothing", Vec::new()),
    ] {
        let refused = FhirRegistry::builder("https://fhir.clinic.example/").client_identity(&pem).build().err();
        assert_eq!(refused, Some(FhirConfigError::Identity), "{name}");
    }
}
