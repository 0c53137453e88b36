//! Checks that a host runs over its own [`UserStore`](crate::UserStore), [`PatientRegistry`](crate::PatientRegistry) and
//! [`Mailer`](crate::Mailer). Not: tests of this crate.
//!
//! **A port whose checks all pass keeps its contract as far as that can be seen from outside.**
//!
//! Feature `conformance`, for `[dev-dependencies]`. One macro for each port makes one test of each check:
//! [`user_store!`], [`patient_registry!`], [`mailer!`]; the modules of the same names say how. A test that fails prints the
//! sentence of the contract and what was found instead. Each list of checks is data too
//! ([`user_store::CHECKS`] and so on), for a harness of your own.

mod common;
pub mod mailer;
pub mod patient_registry;
pub mod user_store;

pub use common::{Broken, Check, Task};

#[doc(inline)]
pub use crate::__mailer as mailer;
#[doc(inline)]
pub use crate::__patient_registry as patient_registry;
#[doc(inline)]
pub use crate::__user_store as user_store;

/// For the tests that the macros make.
#[doc(hidden)]
pub use common::run_here;
