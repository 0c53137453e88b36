//! A FHIR server that lets in whoever has a token, and the endpoint that gives tokens, both by script.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use acceso::adapter::fhir::{BackendServices, FhirBuilder, FhirRegistry};
use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384};
use serde_json::{Value, json};

use crate::fhir_server::{Answer, FhirServer, Request};
use crate::stand::{ANA, builder, bundle, patient};

pub(crate) const CLIENT: &str = "portal del sol";
const DISCOVERY: &str = "/fhir/.well-known/smart-configuration";

/// A clinic whose record asks for tokens. The number of a token is that of the request that brought it, from 1.
pub(crate) struct Clinic {
    pub(crate) server: FhirServer,
    /// The least number of a token that is let in.
    accepted: Arc<AtomicUsize>,
}

impl Clinic {
    /// One that gives a new token each time, good for five minutes.
    pub(crate) fn new() -> Self {
        Self::granting(|number| granted(number, &json!(300)))
    }

    pub(crate) fn granting(grant: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::with(|request| Answer::of_type("application/json", discovery(request).to_string().as_bytes()), grant)
    }

    pub(crate) fn with(
        discover: impl Fn(&Request) -> Answer + Send + Sync + 'static,
        grant: impl Fn(usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let accepted = Arc::new(AtomicUsize::new(1));
        let (least, asked) = (Arc::clone(&accepted), AtomicUsize::new(0));
        let server = FhirServer::start(move |request| match request.target.as_str() {
            DISCOVERY => discover(request),
            "/token" => grant(asked.fetch_add(1, Ordering::SeqCst) + 1),
            _ => {
                let number = request.header("authorization").strip_prefix("Bearer s3creto-");
                match number.and_then(|number| number.parse::<usize>().ok()) {
                    Some(number) if least.load(Ordering::SeqCst) <= number => {
                        Answer::Json(bundle(&[patient("1", ANA)]).to_string())
                    }
                    _ => Answer::status(401),
                }
            }
        });
        Self { server, accepted }
    }

    /// From now on, tokens of lower numbers are refused.
    pub(crate) fn accept_from(&self, number: usize) {
        self.accepted.store(number, Ordering::SeqCst);
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}/token", self.server.origin())
    }

    pub(crate) fn builder(&self) -> FhirBuilder {
        builder(&self.server).backend_services(services())
    }

    pub(crate) fn registry(&self) -> FhirRegistry {
        self.builder().build().expect("a registry")
    }

    /// What was posted to the token endpoint.
    pub(crate) fn token_requests(&self) -> Vec<Request> {
        self.server.requests().into_iter().filter(|request| request.target == "/token").collect()
    }

    /// How often each was asked: the configuration, the token endpoint, the record.
    pub(crate) fn asked(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for request in self.server.requests() {
            let place = match request.target.as_str() {
                DISCOVERY => 0,
                "/token" => 1,
                _ => 2,
            };
            counts[place] += 1;
        }
        counts
    }
}

pub(crate) fn services() -> BackendServices {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).expect("a key");
    BackendServices::new(CLIENT, key.serialize_pem().as_bytes()).expect("a client")
}

/// As a server with authorization describes itself.
pub(crate) fn discovery(request: &Request) -> Value {
    json!({
        "token_endpoint": format!("http://{}/token", request.header("host")),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "capabilities": ["client-confidential-asymmetric", "permission-v2"],
    })
}

/// The token of that number, with this `expires_in`; without one where it is null.
pub(crate) fn granted(number: usize, expires_in: &Value) -> Answer {
    let mut grant =
        json!({ "access_token": format!("s3creto-{number}"), "token_type": "bearer", "scope": "system/Patient.rs" });
    if !expires_in.is_null() {
        grant["expires_in"] = expires_in.clone();
    }
    Answer::of_type("application/json; charset=UTF-8", grant.to_string().as_bytes())
}
