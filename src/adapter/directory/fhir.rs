//! Lines of a FHIR R4 bulk export that hold Patient resources. Not: other resources, nor a Bundle.
//!
//! **A line is one whole JSON object or it is nothing: a cut one yields no patient.**

use std::io::BufRead;

use serde::Deserialize;

use super::lines::{Broken, Lines};
use super::records::{Gathering, Record};
use super::report::{FileFault, LineFault};
use crate::adapter::patient_resource::{PatientResource, TelecomFault, Text};

pub(super) fn read(input: impl BufRead) -> Result<Gathering, FileFault> {
    let mut lines = Lines::new(input);
    let mut gathering = Gathering::new();
    while let Some(line) = lines.next().map_err(FileFault::io)? {
        if line.is_blank() {
            continue;
        }
        let resource = match line.content {
            Ok(bytes) => read_resource(bytes),
            Err(Broken::TooLong | Broken::StrayQuote) => Err(LineFault::TooLong),
        };
        match resource {
            Ok(resource) => gather(&resource, line.first, &mut gathering),
            Err(LineFault::NotAPatient) => gathering.mention(line.first, LineFault::NotAPatient),
            Err(_) if !line.ended => return Err(FileFault::CutOff { line: line.first }),
            Err(fault) => gathering.lose(line.first..=line.first, fault),
        }
    }
    Ok(gathering)
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "resourceType", borrow)]
    kind: Text<'a>,
}

fn read_resource(line: &[u8]) -> Result<PatientResource<'_>, LineFault> {
    let line = str::from_utf8(line).map_err(|_| LineFault::NotUtf8)?;
    let is_other = |kind: &Text<'_>| kind.as_deref().is_some_and(|kind| kind != "Patient");
    match serde_json::from_str::<PatientResource<'_>>(line) {
        Ok(resource) if resource.kind.as_deref() == Some("Patient") => Ok(resource),
        Ok(resource) if is_other(&resource.kind) => Err(LineFault::NotAPatient),
        Ok(_) => Err(LineFault::NotAResource),
        // Another resource may have fields of these names and of other types.
        Err(_) => match serde_json::from_str::<Kind<'_>>(line) {
            Ok(resource) if is_other(&resource.kind) => Err(LineFault::NotAPatient),
            _ => Err(LineFault::NotAResource),
        },
    }
}

fn gather(resource: &PatientResource<'_>, line: usize, gathering: &mut Gathering) {
    let Some(id) = resource.id.as_deref().and_then(|id| id.parse().ok()) else {
        return gathering.lose(line..=line, LineFault::NoId);
    };
    let mut addresses = Vec::new();
    for address in resource.addresses() {
        match address {
            Ok(address) => addresses.push(address),
            Err(TelecomFault::Value) => gathering.mention(line, LineFault::UnreadableEmail),
            Err(TelecomFault::Period) => gathering.mention(line, LineFault::UnreadablePeriod),
        }
    }
    let record = Record { id, full_name: resource.full_name(), portal_access: resource.portal_access(), addresses };
    gathering.add(line, record, resource.updated());
}
