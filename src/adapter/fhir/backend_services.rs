//! The client of SMART Backend Services: its id, its key, and the assertion that it signs. Not: the token that it gets.
//!
//! **The key signs assertions for one token endpoint, good for minutes, and is shown nowhere.**

use std::fmt;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use reqwest::Url;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA384, RsaKeyPair};
use serde_json::json;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::base::checked;
use super::builder::FhirConfigError;
use super::failure::Fault;
use crate::clock::Timestamp;

/// SMART App Launch 2.2, Client Authentication: Asymmetric: `exp` is no more than five minutes in the future. One of them
/// is for a clock here that is ahead.
const LIFE: Duration = Duration::from_secs(4 * 60);

/// A client of SMART Backend Services (SMART App Launch 2.2): the clinic registers its public key with the FHIR server,
/// and the client asks for access tokens with assertions that its private key signs.
///
/// ```
/// use acceso::adapter::fhir::{BackendServices, FhirConfigError};
///
/// let refused = BackendServices::new("portal", b"no key");
/// assert_eq!(refused.err(), Some(FhirConfigError::Key));
/// ```
#[must_use]
pub struct BackendServices {
    client_id: String,
    key: Key,
    key_id: Option<String>,
    scope: String,
    pub(super) token_url: Option<Url>,
}

enum Key {
    Es384(EcdsaKeyPair),
    Rs384(Box<RsaKeyPair>),
}

impl BackendServices {
    /// The id that the server gave to the client, and its private key as PEM: P-384 (`ES384`) in PKCS#8, or RSA (`RS384`)
    /// of 2048 bits or more in PKCS#8 or PKCS#1.
    ///
    /// # Errors
    /// [`FhirConfigError::Key`], [`FhirConfigError::ClientId`].
    pub fn new(client_id: &str, private_key_pem: &[u8]) -> Result<Self, FhirConfigError> {
        if client_id.is_empty() || client_id.chars().any(char::is_control) {
            return Err(FhirConfigError::ClientId);
        }
        Ok(Self {
            client_id: client_id.to_owned(),
            key: Key::from_pem(private_key_pem).ok_or(FhirConfigError::Key)?,
            key_id: None,
            scope: "system/Patient.rs".to_owned(),
            token_url: None,
        })
    }

    /// The `kid` under which the server knows the public key. Without one, the assertion names none.
    pub fn key_id(mut self, key_id: &str) -> Self {
        self.key_id = Some(key_id.to_owned());
        self
    }

    /// The scope to ask for; `system/Patient.rs` by default, which is read and search in SMART 2. Servers of SMART 1 know
    /// `system/Patient.read`. The portal needs no other.
    pub fn scope(mut self, scope: &str) -> Self {
        self.scope = scope.to_owned();
        self
    }

    /// Where tokens are given. Without it, the server's `.well-known/smart-configuration` tells.
    ///
    /// # Errors
    /// [`FhirConfigError::Url`] and its neighbours, as for the server's own.
    pub fn token_url(mut self, url: &str) -> Result<Self, FhirConfigError> {
        self.token_url = Some(checked(url)?);
        Ok(self)
    }

    /// What is posted to the token endpoint.
    pub(super) fn form(&self, endpoint: &str, now: Timestamp) -> Result<String, Fault> {
        let assertion = self.assertion(endpoint, now)?;
        Ok(form(&[
            ("grant_type", "client_credentials"),
            ("scope", &self.scope),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ]))
    }

    /// A JSON Web Token (RFC 7519, RFC 7523) for this endpoint. Without `iat`: a server whose clock is behind may refuse
    /// one from the future, and none asks for it.
    fn assertion(&self, endpoint: &str, now: Timestamp) -> Result<String, Fault> {
        let random = SystemRandom::new();
        let mut id = [0; 16];
        random.fill(&mut id).map_err(|_| Fault::Unsigned)?;
        let mut header = json!({ "alg": self.key.algorithm(), "typ": "JWT" });
        if let Some(key_id) = &self.key_id {
            header["kid"] = json!(key_id);
        }
        let claims = json!({
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": endpoint,
            "exp": now.after(LIFE).as_millis() / 1000,
            "jti": Base64UrlUnpadded::encode_string(&id),
        });
        let part = |value: &serde_json::Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.key.sign(&random, signed.as_bytes()).ok_or(Fault::Unsigned)?;
        Ok(format!("{signed}.{}", Base64UrlUnpadded::encode_string(&signature)))
    }
}

/// Redacted: without the key.
impl fmt::Debug for BackendServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendServices").field("alg", &self.key.algorithm()).finish_non_exhaustive()
    }
}

impl Key {
    /// `PrivateKeyDer` wipes itself; ring does not wipe the pair, and keeps it as numbers.
    fn from_pem(pem: &[u8]) -> Option<Self> {
        let rsa = |pair: RsaKeyPair| Some(Self::Rs384(Box::new(pair)));
        match PrivateKeyDer::from_pem_slice(pem).ok()? {
            PrivateKeyDer::Pkcs1(der) => rsa(RsaKeyPair::from_der(der.secret_pkcs1_der()).ok()?),
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                match EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der, &SystemRandom::new()) {
                    Ok(pair) => Some(Self::Es384(pair)),
                    Err(_) => rsa(RsaKeyPair::from_pkcs8(der).ok()?),
                }
            }
            _ => None,
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Es384(_) => "ES384",
            Self::Rs384(_) => "RS384",
        }
    }

    fn sign(&self, random: &SystemRandom, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Es384(pair) => Some(pair.sign(random, message).ok()?.as_ref().to_vec()),
            Self::Rs384(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA384, random, message, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}

/// `application/x-www-form-urlencoded`, as the URL Standard writes it.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    // Any URL will do: it lends its query.
    let mut query = Url::parse("http://localhost/").ok();
    if let Some(url) = &mut query {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    query.as_ref().and_then(Url::query).unwrap_or_default().to_owned()
}
