//! A patient registry in memory.

use std::sync::{PoisonError, RwLock};

use async_trait::async_trait;

use crate::identity::EmailAddress;
use crate::patient::Patient;
use crate::port::error::BoxError;
use crate::port::patient_registry::PatientRegistry;

/// Patients in memory.
///
/// ```
/// # use acceso::adapter::memory::MemoryRegistry;
/// # use acceso::Patient;
/// # fn main() -> Result<(), acceso::ParseError> {
/// let registry = MemoryRegistry::new();
/// registry.insert(Patient {
///     id: "pac-0001".parse()?,
///     email: "ana.pena@example.org".parse()?,
///     full_name: "Ana Peña".into(),
///     portal_access: true,
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct MemoryRegistry(RwLock<Vec<Patient>>);

impl MemoryRegistry {
    /// Without patients.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a patient, or replaces the one with that id.
    pub fn insert(&self, patient: Patient) {
        let mut patients = self.0.write().unwrap_or_else(PoisonError::into_inner);
        patients.retain(|other| other.id != patient.id);
        patients.push(patient);
    }

    /// Takes a patient out. Does nothing for an id that is not there.
    pub fn remove(&self, id: &crate::identity::PatientId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|patient| patient.id != *id);
    }
}

impl FromIterator<Patient> for MemoryRegistry {
    fn from_iter<T: IntoIterator<Item = Patient>>(patients: T) -> Self {
        let registry = Self::new();
        patients.into_iter().for_each(|patient| registry.insert(patient));
        registry
    }
}

#[async_trait]
impl PatientRegistry for MemoryRegistry {
    async fn patients_with_email(&self, email: &EmailAddress) -> Result<Vec<Patient>, BoxError> {
        let patients = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Ok(patients.iter().filter(|patient| patient.email == *email).cloned().collect())
    }
}
