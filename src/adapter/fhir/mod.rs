//! The clinic's patients, asked over FHIR R4. Not: a FHIR client in general; it searches patients by e-mail.
//!
//! **No patient is returned whose record does not hold exactly that e-mail, and an answer that cannot be trusted is an
//! error, never an empty list.**
//!
//! [`docs::registry`](crate::docs::registry) says how to connect, what a server must be able to do, what is checked and why.

mod backend_services;
mod base;
mod builder;
mod bundle;
mod failure;
mod http;
mod search;
mod tokens;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::time;

pub use self::backend_services::BackendServices;
use self::base::Base;
pub use self::builder::{FhirBuilder, FhirConfigError};
use self::failure::{Failure, Fault, Step};
pub use self::tokens::AccessTokens;
use self::tokens::Authorization;
use crate::clock::Clock;
use crate::identity::EmailAddress;
use crate::patient::Patient;
use crate::port::error::BoxError;
use crate::port::patient_registry::PatientRegistry;

/// The patients of one FHIR R4 server.
///
/// ```
/// use acceso::adapter::fhir::FhirRegistry;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = FhirRegistry::builder("https://fhir.clinic.example/fhir/R4").bearer_token("s3creto").build()?;
/// assert_eq!(format!("{registry:?}"), "FhirRegistry { host: \"fhir.clinic.example\", .. }");
/// # Ok(())
/// # }
/// ```
///
/// # What a look-up does
/// It posts `email=…` to `Patient/_search`, with `Prefer: handling=strict`, and follows `next` links of the server's own,
/// 20 pages and 2,000 entries at most, 8 MiB each. Of every Patient that comes back it reads the record: an e-mail of it
/// must equal the address ([`EmailAddress`]'s equality), neither be marked as old nor have ended. Access to the portal is
/// for those neither inactive, nor deceased, nor replaced by another record. Who replaced whom is not followed: the
/// surviving record is found if it holds the address itself.
///
/// # Errors
/// Any status but 200, a body that is no JSON or no `searchset`, an `OperationOutcome` of whatever severity, an entry that
/// is no Patient or no match, a Patient that cannot be read, one that does not mention the address at all (the server
/// ignores the parameter), a page too many, one that leads elsewhere or came before, a `total` above what came, no whole
/// answer in time. The error's text says which and where; it holds no address, no token and no URL.
///
/// Refused connections, 429, 502, 503 and 504 are tried again, twice at most, within the same time-out; a `Retry-After` of
/// more than 2 seconds ends the look-up at once. After a 401 a token that can be renewed is renewed once.
///
/// # Cancellation
/// A dropped look-up changes nothing. If it was renewing the token, the next one begins the renewal anew.
///
/// # Concurrency
/// Any number of look-ups at once. It needs a tokio runtime with time and I/O; connections belong to the runtime that
/// opened them.
pub struct FhirRegistry {
    client: reqwest::Client,
    base: Base,
    authorization: Authorization,
    search_by_get: bool,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl FhirRegistry {
    /// A registry for the server at this base URL, to which `Patient` is added: `https://…`, or `http://127.0.0.1…` on
    /// this machine. Neither credentials nor a query stand in it.
    pub fn builder(base_url: &str) -> FhirBuilder {
        FhirBuilder::new(base_url)
    }

    /// Looks up an address that nobody has, for the start of a portal and for its health: a server that ignores the
    /// parameter is found out before a patient asks.
    ///
    /// # Errors
    /// As of a look-up.
    pub async fn check(&self) -> Result<(), BoxError> {
        // RFC 2606 keeps `invalid` free.
        let nobody: EmailAddress = "nobody@acceso.invalid".parse()?;
        self.in_time(&nobody).await?;
        Ok(())
    }

    async fn in_time(&self, email: &EmailAddress) -> Result<Vec<Patient>, Failure> {
        if Handle::try_current().is_err() {
            return Err(Fault::NoRuntime.at(Step::Lookup));
        }
        time::timeout(self.timeout, self.look_up(email)).await.unwrap_or_else(|_| Err(Fault::Late.at(Step::Lookup)))
    }
}

#[async_trait]
impl PatientRegistry for FhirRegistry {
    async fn patients_with_email(&self, email: &EmailAddress) -> Result<Vec<Patient>, BoxError> {
        Ok(self.in_time(email).await?)
    }
}

/// Redacted: shows the server, never the credentials.
impl fmt::Debug for FhirRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FhirRegistry").field("host", &self.base.host()).finish_non_exhaustive()
    }
}
