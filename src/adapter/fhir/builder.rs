//! What a registry over FHIR is built from. Not: how it asks.
//!
//! **What cannot work, or would send a secret in plain text, is refused here, without quoting any of it.**

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::FhirRegistry;
use super::backend_services::BackendServices;
use super::base::Base;
use super::http::{Trust, client};
use super::tokens::{AccessTokens, Authorization, Smart, is_token};
use crate::clock::{Clock, SystemClock};

/// A search by an index takes milliseconds; the courier asks again later, and who confirms a registration waits for it.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Three tries of a handshake fit into the time-out.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why a [`FhirRegistry`] was not built. It quotes neither the URL nor any other input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FhirConfigError {
    /// No URL, or one that is neither `https://` nor, on this machine, `http://`.
    #[error("the URL cannot be read, or does not begin with https://")]
    Url,
    /// `http://` to another machine. Loopback is meant by number: `http://127.0.0.1:8080/fhir`.
    #[error("the URL begins with http:// and is not a loopback address")]
    Unencrypted,
    /// A user name or a password in the URL: URLs are logged.
    #[error("the URL holds a user name or a password; give credentials apart from it")]
    CredentialsInUrl,
    /// A query or a fragment in the URL.
    #[error("the URL ends in a query or a fragment, which has no meaning")]
    Trailing,
    /// No certificate in the PEM text, or one that cannot be read, or no root at all.
    #[error("the root certificates hold none, or one that cannot be read")]
    Certificates,
    /// The client's certificate or its key is missing, cannot be read, or does not fit the other.
    #[error("the client's certificate and key cannot be read, or do not fit each other")]
    Identity,
    /// A bearer token with signs that RFC 6750 does not allow, or none.
    #[error("the bearer token is empty or holds signs that a token cannot have")]
    Token,
    /// No private key that can sign ES384 or RS384.
    #[error("the private key is no P-384 key in PKCS#8, and no RSA key of 2048 bits or more")]
    Key,
    /// An empty client id, or one with control characters.
    #[error("the client id is empty or holds control characters")]
    ClientId,
    /// A time-out of zero, or one for connecting that is longer than the whole.
    #[error("a time-out is zero, or the one for connecting is longer than the whole")]
    Timeout,
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up")]
    Client,
}

/// Builds a [`FhirRegistry`].
#[must_use]
pub struct FhirBuilder {
    base: String,
    authorization: Authorization,
    own_roots: Vec<u8>,
    only_own_roots: bool,
    identity: Option<Zeroizing<Vec<u8>>>,
    search_by_get: bool,
    timeout: Duration,
    connect_timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl FhirBuilder {
    pub(super) fn new(base_url: &str) -> Self {
        Self {
            base: base_url.to_owned(),
            authorization: Authorization::None,
            own_roots: Vec::new(),
            only_own_roots: false,
            identity: None,
            search_by_get: false,
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sends this token with each request. It does not change: for servers that know the portal by one secret.
    pub fn bearer_token(mut self, token: &str) -> Self {
        self.authorization = Authorization::Fixed(Zeroizing::new(token.to_owned()));
        self
    }

    /// Asks the host for a token before each request.
    pub fn access_tokens(mut self, tokens: impl AccessTokens + 'static) -> Self {
        self.authorization = Authorization::Host(Arc::new(tokens));
        self
    }

    /// Obtains tokens by SMART Backend Services, and renews them before they end.
    pub fn backend_services(mut self, client: BackendServices) -> Self {
        self.authorization = Authorization::Smart(Box::new(Smart::new(client)));
        self
    }

    /// Shows this certificate to the server (mTLS): PEM, the chain from the client's own on, and its private key.
    pub fn client_identity(mut self, pem: &[u8]) -> Self {
        self.identity = Some(Zeroizing::new(pem.to_owned()));
        self
    }

    /// Trusts these root certificates too, PEM, one or many: for a server with a certificate of the clinic's own
    /// authority. Roots of the operating system are not read.
    pub fn root_certificates(mut self, pem: &[u8]) -> Self {
        self.own_roots.extend_from_slice(pem);
        self.own_roots.push(b'\n');
        self
    }

    /// Trusts those of [`root_certificates`](Self::root_certificates) alone, in place of Mozilla's.
    pub fn only_own_roots(mut self) -> Self {
        self.only_own_roots = true;
        self
    }

    /// Searches by `GET Patient?email=…` in place of `POST Patient/_search`. FHIR R4 asks servers for both, and some know
    /// `GET` only. The price: patients' addresses stand in the server's and its proxies' access logs.
    pub fn search_by_get(mut self) -> Self {
        self.search_by_get = true;
        self
    }

    /// How long a whole look-up may take, with its pages, second tries and a token; 10 seconds by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long to wait for a connection; 3 seconds by default, so that a second try fits into the whole.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The clock that tells whether an address's period has ended, and until when an assertion is good.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The registry. It has not connected yet: [`FhirRegistry::check`] does.
    pub fn build(self) -> Result<FhirRegistry, FhirConfigError> {
        let base = Base::parse(&self.base)?;
        if self.connect_timeout.is_zero() || self.timeout < self.connect_timeout {
            return Err(FhirConfigError::Timeout);
        }
        if let Authorization::Fixed(token) = &self.authorization
            && !is_token(token)
        {
            return Err(FhirConfigError::Token);
        }
        let identity = self.identity.as_deref().map(Vec::as_slice);
        let trust = Trust { own_roots: &self.own_roots, only_own: self.only_own_roots, identity };
        Ok(FhirRegistry {
            client: client(&trust, self.connect_timeout)?,
            base,
            authorization: self.authorization,
            search_by_get: self.search_by_get,
            timeout: self.timeout,
            clock: self.clock,
        })
    }
}

/// Redacted: without credentials.
impl fmt::Debug for FhirBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FhirBuilder").finish_non_exhaustive()
    }
}
