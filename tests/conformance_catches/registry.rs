//! A patient registry in memory with one bug that can be switched on.
//!
//! **With no bug it keeps the whole contract; with one it breaks the sentence that the bug is named for.**

use std::sync::{Mutex, PoisonError};

use acceso::conformance::patient_registry::Records;
use acceso::{BoxError, EmailAddress, Patient, PatientRegistry};
use async_trait::async_trait;

use crate::bug::{is_like, let_others_in, pause};

/// What a registry can get wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RegistryBug {
    LosesAll,
    ReturnsOne,
    LeavesOutThoseWithoutAccess,
    MarksNobody,
    AnswersAbsenceWithAnError,
    ComparesLetterCase,
    ComparesByPrefix,
    StripsDotsAndTags,
    ComparesByPattern,
    SplicesTheAddress,
    SharesOneBuffer,
    AnswersTheDroppedLookup,
}

use RegistryBug as Bug;

pub(crate) const RECORDS: Records = Records {
    known: ("Ana.Pena@example.org", &["pac-1"]),
    shared: ("familia@example.org", &["pac-2", "pac-3"]),
    without_access: Some(("luis@example.org", "pac-4")),
    unknown: "nadie@example.org",
};

pub(crate) struct PlantedRegistry {
    bug: Option<Bug>,
    /// The address last asked for, for bugs of shared state.
    asked: Mutex<Option<EmailAddress>>,
}

impl PlantedRegistry {
    pub(crate) fn new(bug: Option<Bug>) -> Self {
        Self { bug, asked: Mutex::default() }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn matches(&self, kept: &EmailAddress, asked: &EmailAddress) -> bool {
        let plain = |address: &EmailAddress| {
            let (local, domain) = address.key().split_once('@').expect("an address");
            format!("{}@{domain}", local.split('+').next().expect("a part").replace('.', ""))
        };
        match self.bug {
            Some(Bug::ComparesLetterCase) => kept.as_str() == asked.as_str(),
            Some(Bug::ComparesByPrefix) => asked.key().starts_with(kept.key()),
            Some(Bug::StripsDotsAndTags) => plain(kept) == plain(asked),
            Some(Bug::ComparesByPattern) => is_like(asked.key(), kept.key()),
            Some(Bug::SplicesTheAddress) => kept == asked || asked.key().contains("'or'1'='1"),
            _ => kept == asked,
        }
    }
}

#[async_trait]
impl PatientRegistry for PlantedRegistry {
    async fn patients_with_email(&self, email: &EmailAddress) -> Result<Vec<Patient>, BoxError> {
        let asked = || self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut email = email.clone();
        if self.has(Bug::SharesOneBuffer) {
            *asked() = Some(email.clone());
            let_others_in();
            email = asked().clone().unwrap_or(email);
        }
        if self.has(Bug::AnswersTheDroppedLookup) {
            let dropped = asked().replace(email.clone());
            pause().await;
            email = dropped.unwrap_or(email);
            *asked() = None;
        }
        let rows = [("pac-1", RECORDS.known.0), ("pac-2", RECORDS.shared.0), ("pac-3", RECORDS.shared.0)];
        let mut found = Vec::new();
        for (id, address) in rows.into_iter().chain(RECORDS.without_access.map(|(address, id)| (id, address))) {
            let kept: EmailAddress = address.parse()?;
            let portal_access = id != "pac-4" || self.has(Bug::MarksNobody);
            if self.matches(&kept, &email) && (portal_access || !self.has(Bug::LeavesOutThoseWithoutAccess)) {
                found.push(Patient { id: id.parse()?, email: kept, full_name: "Ana Peña".into(), portal_access });
            }
        }
        match self.bug {
            Some(Bug::LosesAll) => found.clear(),
            Some(Bug::ReturnsOne) => found.truncate(1),
            Some(Bug::AnswersAbsenceWithAnError) if found.is_empty() => return Err("404".into()),
            _ => {}
        }
        Ok(found)
    }
}
