//! One page of a search's answer: read, and every patient of it checked. Not: how a page is obtained.
//!
//! **A patient is taken only if the record itself holds exactly the address that was asked for.** What the server should
//! not have sent makes the whole page an error.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::failure::{Codes, Fault};
use crate::adapter::patient_resource::few::Few;
use crate::adapter::patient_resource::{PatientResource, TelecomFault};
use crate::clock::Timestamp;
use crate::identity::{EmailAddress, PatientId};
use crate::patient::Patient;

/// More than fit into a page with a resource each.
const MOST: usize = 100_000;

pub(super) struct Page {
    pub(super) found: Vec<Found>,
    pub(super) next: Option<String>,
    pub(super) total: Option<u64>,
}

/// A record of the answer.
pub(super) struct Found {
    pub(super) id: PatientId,
    pub(super) updated: Option<Timestamp>,
    /// None where the address has ended or is part of another one.
    pub(super) patient: Option<Patient>,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "resourceType")]
    kind: String,
}

#[derive(Deserialize)]
struct Bundle<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    total: Option<u64>,
    link: Option<Few<Link, 100>>,
    #[serde(borrow)]
    entry: Option<Few<Entry<'a>, MOST>>,
}

#[derive(Deserialize)]
struct Link {
    relation: String,
    url: String,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    search: Option<Search>,
}

#[derive(Deserialize)]
struct Search {
    mode: Option<String>,
}

/// The contact points of a Patient, whatever they are.
#[derive(Deserialize)]
struct Contacts {
    telecom: Option<Few<Contact, MOST>>,
}

#[derive(Deserialize)]
struct Contact {
    value: Option<String>,
}

/// What a server says instead of an answer, or beside it.
#[derive(Deserialize)]
pub(super) struct Outcome {
    issue: Option<Few<Issue, 100>>,
}

#[derive(Deserialize)]
struct Issue {
    #[serde(default)]
    code: String,
}

impl Outcome {
    /// Its diagnostics stay unread: they quote the address.
    pub(super) fn codes(&self) -> Codes {
        Codes::of(self.issue.iter().flatten().map(|issue| issue.code.as_str()))
    }
}

impl Page {
    pub(super) fn read(text: &str, asked: &EmailAddress, now: Timestamp) -> Result<Self, Fault> {
        match kind(text)?.as_str() {
            "Bundle" => {}
            "OperationOutcome" => return Err(outcome(text)),
            _ => return Err(Fault::NotASearchset),
        }
        let bundle: Bundle<'_> = serde_json::from_str(text).map_err(|error| Fault::unreadable(&error))?;
        if bundle.kind.as_deref() != Some("searchset") {
            return Err(Fault::NotASearchset);
        }
        let found = bundle.entry.iter().flatten().map(|entry| entry.read(asked, now)).collect::<Result<_, _>>()?;
        let mut links = bundle.link.iter().flatten().filter(|link| link.relation == "next");
        let next = links.next().map(|link| link.url.clone());
        if links.next().is_some() {
            return Err(Fault::TwoNextPages);
        }
        Ok(Self { found, next, total: bundle.total })
    }
}

impl Entry<'_> {
    fn read(&self, asked: &EmailAddress, now: Timestamp) -> Result<Found, Fault> {
        let text = self.resource.ok_or(Fault::NotAPatient)?.get();
        let resource = patient(text)?;
        let mode = self.search.as_ref().and_then(|search| search.mode.as_deref());
        if mode.is_some_and(|mode| mode != "match") {
            return Err(Fault::NotAMatch);
        }
        let id: PatientId = resource.id.as_deref().and_then(|id| id.parse().ok()).ok_or(Fault::NoId)?;
        let held = held(&resource, asked, now)?;
        // An old address, one that has ended, or a longer one that this is part of. Without even that, the server did
        // not look for the address, and what it left out is as little to be believed as what it sent.
        if held.is_none() && !mentions(text, asked) {
            return Err(Fault::Stranger);
        }
        let patient = held.map(|email| Patient {
            id: id.clone(),
            email,
            full_name: resource.full_name().into(),
            portal_access: resource.portal_access(),
        });
        Ok(Found { id, updated: resource.updated(), patient })
    }
}

fn patient(text: &str) -> Result<PatientResource<'_>, Fault> {
    match serde_json::from_str::<PatientResource<'_>>(text) {
        Ok(resource) if resource.kind.as_deref() == Some("Patient") => Ok(resource),
        // Another resource may have fields of these names and of other types.
        _ => Err(match kind(text).as_deref() {
            Ok("Patient") => Fault::UnreadablePatient,
            // Whatever its severity: servers tell in one that they ignored a parameter, and some call that information.
            Ok("OperationOutcome") => outcome(text),
            _ => Fault::NotAPatient,
        }),
    }
}

/// The address as the record spells it, if it is the record's now.
fn held(resource: &PatientResource<'_>, asked: &EmailAddress, now: Timestamp) -> Result<Option<EmailAddress>, Fault> {
    let mut unclear = false;
    for address in resource.addresses() {
        match address {
            Ok(address) if address.email == *asked && address.end.is_none_or(|end| now < end) => {
                return Ok(Some(address.email));
            }
            Err(TelecomFault::Period) => unclear = true,
            Ok(_) | Err(TelecomFault::Value) => {}
        }
    }
    if unclear { Err(Fault::UnreadablePeriod) } else { Ok(None) }
}

/// Whether the address stands in a contact point, be it old, ended, of another kind or part of a longer text.
fn mentions(text: &str, email: &EmailAddress) -> bool {
    let contacts = serde_json::from_str::<Contacts>(text).ok().and_then(|contacts| contacts.telecom);
    let values = contacts.iter().flatten().filter_map(|contact| contact.value.as_deref());
    // Unicode's letter case, as servers compare: one record with a Kelvin sign is not to make its twin with a `k`
    // impossible to look up.
    values.map(str::to_lowercase).any(|value| value.contains(email.key()))
}

fn kind(text: &str) -> Result<String, Fault> {
    serde_json::from_str::<Kind>(text).map(|kind| kind.kind).map_err(|error| Fault::unreadable(&error))
}

fn outcome(text: &str) -> Fault {
    Fault::Outcome(serde_json::from_str::<Outcome>(text).map(|outcome| outcome.codes()).unwrap_or_default())
}
