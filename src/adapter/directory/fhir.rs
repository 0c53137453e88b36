//! Lines of a FHIR R4 bulk export that hold Patient resources. Not: other resources, nor a Bundle.
//!
//! **A line is one whole JSON object or it is nothing: a cut one yields no patient.**

use std::borrow::Cow;
use std::io::BufRead;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::instant::Span;
use super::lines::{Broken, Lines};
use super::records::{Address, Gathering, Record};
use super::report::{FileFault, LineFault};

pub(super) fn read(input: impl BufRead) -> Result<Gathering, FileFault> {
    let mut lines = Lines::new(input);
    let mut gathering = Gathering::new();
    while let Some(line) = lines.next().map_err(FileFault::io)? {
        if line.is_blank() {
            continue;
        }
        let resource = match line.content {
            Ok(bytes) => Resource::of(bytes),
            Err(Broken::TooLong | Broken::StrayQuote) => Err(LineFault::TooLong),
        };
        match resource {
            Ok(resource) => resource.gather(line.first, &mut gathering),
            Err(LineFault::NotAPatient) => gathering.mention(line.first, LineFault::NotAPatient),
            Err(_) if !line.ended => return Err(FileFault::CutOff { line: line.first }),
            Err(fault) => gathering.lose(line.first..=line.first, fault),
        }
    }
    Ok(gathering)
}

type Text<'a> = Option<Cow<'a, str>>;

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "resourceType", borrow)]
    kind: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource<'a> {
    #[serde(rename = "resourceType", borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    meta: Option<Meta<'a>>,
    active: Option<bool>,
    #[serde(borrow)]
    name: Option<Vec<Name<'a>>>,
    #[serde(borrow)]
    telecom: Option<Vec<Telecom<'a>>>,
    deceased_boolean: Option<bool>,
    deceased_date_time: Option<IgnoredAny>,
    /// Somebody who died at an unknown time: the element has extensions and no value.
    #[serde(rename = "_deceasedDateTime")]
    deceased_some_time: Option<IgnoredAny>,
    #[serde(borrow)]
    link: Option<Vec<Link<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    #[serde(borrow)]
    last_updated: Text<'a>,
}

#[derive(Deserialize)]
struct Name<'a> {
    #[serde(rename = "use", borrow)]
    usage: Text<'a>,
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(borrow)]
    family: Text<'a>,
    #[serde(borrow)]
    given: Option<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
struct Telecom<'a> {
    #[serde(borrow)]
    system: Text<'a>,
    #[serde(borrow)]
    value: Text<'a>,
    #[serde(rename = "use", borrow)]
    usage: Text<'a>,
    #[serde(borrow)]
    period: Option<Period<'a>>,
}

#[derive(Deserialize)]
struct Period<'a> {
    #[serde(borrow)]
    end: Text<'a>,
}

#[derive(Deserialize)]
struct Link<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
}

impl<'a> Resource<'a> {
    fn of(line: &'a [u8]) -> Result<Self, LineFault> {
        let line = str::from_utf8(line).map_err(|_| LineFault::NotUtf8)?;
        let is_other = |kind: &Text<'_>| kind.as_deref().is_some_and(|kind| kind != "Patient");
        match serde_json::from_str::<Self>(line) {
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

    fn gather(self, line: usize, gathering: &mut Gathering) {
        let Some(id) = self.id.as_deref().and_then(|id| id.parse().ok()) else {
            return gathering.lose(line..=line, LineFault::NoId);
        };
        let updated =
            self.meta.as_ref().and_then(|meta| Span::of(meta.last_updated.as_deref()?)).map(|span| span.start);
        let mut addresses = Vec::new();
        for telecom in self.telecom.iter().flatten() {
            match telecom.address() {
                Ok(address) => addresses.extend(address),
                Err(fault) => gathering.mention(line, fault),
            }
        }
        let record = Record { id, full_name: self.full_name(), portal_access: self.portal_access(), addresses };
        gathering.add(line, record, updated);
    }

    fn portal_access(&self) -> bool {
        let is_dead = self.deceased_boolean == Some(true)
            || self.deceased_date_time.is_some()
            || self.deceased_some_time.is_some();
        let is_merged = self.link.iter().flatten().any(|link| link.kind.as_deref() == Some("replaced-by"));
        self.active != Some(false) && !is_dead && !is_merged
    }

    fn full_name(&self) -> Box<str> {
        let rank = |name: &Name<'_>| match name.usage.as_deref() {
            Some("official") => Some(0),
            Some("usual") => Some(1),
            Some("old" | "maiden") => None,
            _ => Some(2),
        };
        let mut names: Vec<_> =
            self.name.iter().flatten().filter_map(|name| Some((rank(name)?, name.written()))).collect();
        names.retain(|(_, name)| !name.is_empty());
        names.sort_by_key(|(rank, _)| *rank);
        names.into_iter().next().map(|(_, name)| name.into()).unwrap_or_default()
    }
}

impl Name<'_> {
    fn written(&self) -> String {
        if let Some(text) = self.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            return text.to_owned();
        }
        let given = self.given.iter().flatten().filter_map(Option::as_deref);
        let words: Vec<_> =
            given.chain(self.family.as_deref()).map(str::trim).filter(|word| !word.is_empty()).collect();
        words.join(" ")
    }
}

impl Telecom<'_> {
    /// None where it is no e-mail address, or never was given.
    fn address(&self) -> Result<Option<Address>, LineFault> {
        let value = self.value.as_deref().unwrap_or_default();
        if self.system.as_deref() != Some("email") || self.usage.as_deref() == Some("old") || value.trim().is_empty() {
            return Ok(None);
        }
        let email = value.parse().map_err(|_| LineFault::UnreadableEmail)?;
        let end = match self.period.as_ref().and_then(|period| period.end.as_deref()) {
            Some(end) => Some(Span::of(end).ok_or(LineFault::UnreadablePeriod)?.end),
            None => None,
        };
        Ok(Some(Address { email, end }))
    }
}
