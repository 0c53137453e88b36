//! A patient as the clinic's records have one. Not: a user of the portal.
//!
//! **What is here came from the clinic, never from a visitor.**

use std::fmt;

use crate::identity::{EmailAddress, PatientId};

/// One patient record, as far as the portal needs it.
#[derive(Clone, PartialEq, Eq)]
pub struct Patient {
    /// The record's id in the clinic's system.
    pub id: PatientId,
    /// The e-mail address that the record holds.
    pub email: EmailAddress,
    /// The name as the record spells it, for the clinic's own pages; it is put into no mail.
    pub full_name: String,
    /// Whether this patient may use the portal: false for the inactive, the deceased and the merged, or as the clinic
    /// decides.
    pub portal_access: bool,
}

/// Redacted: that somebody is a patient is health data.
impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patient(…)")
    }
}
