//! Requests and bounded answers over HTTP/1.1 and TLS. Not: what they mean.
//!
//! **No redirect is followed, no proxy of the environment is used, nothing is decompressed, and no answer is kept beyond
//! its bound.**

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, redirect, retry};
use serde::de::DeserializeOwned;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use zeroize::Zeroizing;

use super::builder::FhirConfigError;
use super::failure::Fault;

/// Of a refusal only its codes are read.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;

/// Whom to trust, and who asks.
#[derive(Default)]
pub(super) struct Trust<'a> {
    pub(super) own_roots: &'a [u8],
    pub(super) only_own: bool,
    /// A certificate chain and its key.
    pub(super) identity: Option<&'a [u8]>,
}

pub(super) fn client(trust: &Trust<'_>, connect_timeout: Duration) -> Result<Client, FhirConfigError> {
    Client::builder()
        .tls_backend_preconfigured(tls(trust)?)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .connect_timeout(connect_timeout)
        .user_agent(concat!("acceso/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|_| FhirConfigError::Client)
}

fn tls(trust: &Trust<'_>) -> Result<ClientConfig, FhirConfigError> {
    // Named, so that it does not matter what else the process has brought.
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| FhirConfigError::Client)?
        .with_root_certificates(roots(trust)?);
    let Some(identity) = trust.identity else { return Ok(config.with_no_client_auth()) };
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(identity).collect::<Result<_, _>>().map_err(|_| FhirConfigError::Identity)?;
    let key = PrivateKeyDer::from_pem_slice(identity).map_err(|_| FhirConfigError::Identity)?;
    if chain.is_empty() {
        return Err(FhirConfigError::Identity);
    }
    config.with_client_auth_cert(chain, key).map_err(|_| FhirConfigError::Identity)
}

fn roots(trust: &Trust<'_>) -> Result<RootCertStore, FhirConfigError> {
    let mut roots = RootCertStore::empty();
    if !trust.only_own {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let before = roots.len();
    for root in CertificateDer::pem_slice_iter(trust.own_roots) {
        let root = root.map_err(|_| FhirConfigError::Certificates)?;
        roots.add(root).map_err(|_| FhirConfigError::Certificates)?;
    }
    if roots.len() == before && (trust.only_own || !trust.own_roots.is_empty()) {
        return Err(FhirConfigError::Certificates);
    }
    Ok(roots)
}

/// What a server answered.
pub(super) struct Answer {
    pub(super) status: u16,
    body: Zeroizing<Vec<u8>>,
    /// In seconds.
    pub(super) retry_after: Option<u64>,
    content_type: Option<String>,
}

impl Answer {
    /// The answer to a request, of which a success is read whole.
    pub(super) async fn to(request: RequestBuilder, max_bytes: usize) -> Result<Self, Fault> {
        let response = request.send().await.map_err(Fault::connection)?;
        let status = response.status().as_u16();
        let retry_after = header(response.headers(), &RETRY_AFTER).and_then(|text| text.trim().parse().ok());
        let content_type = header(response.headers(), &CONTENT_TYPE).map(str::to_ascii_lowercase);
        if status != 200 {
            // Its words are worth less than its number.
            let body = body(response, MAX_REFUSAL_BYTES).await.unwrap_or_default();
            return Ok(Self { status, body, retry_after, content_type });
        }
        if header(response.headers(), &CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity"))
        {
            return Err(Fault::Compressed);
        }
        Ok(Self { status, body: body(response, max_bytes).await?, retry_after, content_type })
    }

    /// The text of a success.
    pub(super) fn json(&self) -> Result<&str, Fault> {
        let mut parts = self.content_type.as_deref().unwrap_or_default().split(';').map(str::trim);
        // Older servers say plain JSON.
        if !matches!(parts.next(), Some("application/fhir+json" | "application/json")) {
            return Err(Fault::NotJson);
        }
        let charset = parts.find_map(|part| part.strip_prefix("charset="));
        if charset.is_some_and(|charset| !matches!(charset.trim_matches('"'), "utf-8" | "utf8" | "us-ascii")) {
            return Err(Fault::NotUtf8ByName);
        }
        str::from_utf8(&self.body).map_err(|_| Fault::NotUtf8)
    }

    /// A refusal's document, if it is one.
    pub(super) fn refusal<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Wiped when it is dropped, as far as it never had to grow: it holds records, or a token.
async fn body(mut response: Response, max_bytes: usize) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let too_long = |length: u64| length > u64::try_from(max_bytes).unwrap_or(u64::MAX);
    if response.content_length().is_some_and(too_long) {
        return Err(Fault::TooLong(max_bytes));
    }
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    let mut body = Zeroizing::new(Vec::with_capacity(announced.unwrap_or_default()));
    while let Some(chunk) = response.chunk().await.map_err(Fault::connection)? {
        if chunk.len() > max_bytes - body.len() {
            return Err(Fault::TooLong(max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_trusts_own_roots_only_trusts_none_of_the_public_ones() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let own = rcgen::CertificateParams::default().self_signed(&key).expect("a certificate").pem();
        let count =
            |own_roots, only_own| roots(&Trust { own_roots, only_own, identity: None }).map(|roots| roots.len());
        let public = webpki_roots::TLS_SERVER_ROOTS.len();
        assert_eq!(count(b"", false), Ok(public));
        assert_eq!(count(own.as_bytes(), false), Ok(public + 1));
        assert_eq!(count(own.as_bytes(), true), Ok(1));
        assert_eq!(count(b"", true), Err(FhirConfigError::Certificates));
    }
}
