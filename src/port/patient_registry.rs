//! Where the clinic's patients are found. Not: what may be done with one.

use std::sync::Arc;

use async_trait::async_trait;

use crate::identity::EmailAddress;
use crate::patient::Patient;
use crate::port::error::BoxError;

/// The clinic's patient records, asked by e-mail address. The host implements it over its own system, or takes an
/// adapter.
///
/// # Contract
/// - Returns every patient whose record holds this address, in any order, those without access to the portal included
///   and marked; an empty list if there is none.
/// - Addresses are compared by [`EmailAddress`]'s own equality: letter case and surrounding blanks do not count,
///   everything else does.
/// - Returns within a time-out of its own: the core has no timer.
///
/// # Untrusted input
/// The address was typed by a stranger. It is plain ASCII without blanks, but holds characters with a meaning in query
/// languages (`'`, `*`, `%`, `|`, `$`, `+`, `&`): bind or escape it. The core compares each returned patient's address
/// with the one asked for and keeps equals only, so a near match links nobody; it costs that patient the way in.
///
/// # Errors
/// Any error means "cannot be asked now". The core then answers `Unavailable` or tries the mail again later; it never
/// takes it for "not a patient". An answer that cannot be trusted (cut off, half read, another address's) must be an
/// error: an empty list takes a registration, and at the nightly refresh an account, away.
///
/// # Cancellation
/// The future may be dropped at any await. A look-up changes nothing, so nothing is to be undone.
///
/// # Concurrency
/// Called from many tasks at once. A panic costs the one request in which it happened.
///
/// # Testing yours
/// `acceso::conformance::patient_registry` (feature `conformance`) has a named check for each sentence above
/// that can be seen from outside.
#[async_trait]
pub trait PatientRegistry: Send + Sync {
    /// Every patient whose record holds this address.
    async fn patients_with_email(&self, email: &EmailAddress) -> Result<Vec<Patient>, BoxError>;
}

#[async_trait]
impl<T: PatientRegistry + ?Sized> PatientRegistry for Arc<T> {
    async fn patients_with_email(&self, email: &EmailAddress) -> Result<Vec<Patient>, BoxError> {
        (**self).patients_with_email(email).await
    }
}
