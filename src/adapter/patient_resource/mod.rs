//! A FHIR R4 Patient resource, as far as the portal reads it. Not: where it comes from, nor other resources.
//!
//! **An e-mail address is only what the record says is one, as a whole and now; nothing is guessed.**

pub(super) mod few;
pub(super) mod instant;

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use self::few::Few;
use self::instant::Span;
use crate::clock::Timestamp;
use crate::identity::EmailAddress;

/// Names, contact points and links of one person: far more than anybody has.
const MOST: usize = 1_000;

pub(in crate::adapter) type Text<'a> = Option<Cow<'a, str>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::adapter) struct PatientResource<'a> {
    #[serde(rename = "resourceType", borrow)]
    pub(in crate::adapter) kind: Text<'a>,
    #[serde(borrow)]
    pub(in crate::adapter) id: Text<'a>,
    #[serde(borrow)]
    meta: Option<Meta<'a>>,
    active: Option<bool>,
    #[serde(borrow)]
    name: Option<Few<Name<'a>, MOST>>,
    #[serde(borrow)]
    telecom: Option<Few<Telecom<'a>, MOST>>,
    deceased_boolean: Option<bool>,
    deceased_date_time: Option<IgnoredAny>,
    /// Somebody who died at an unknown time: the element has extensions and no value.
    #[serde(rename = "_deceasedDateTime")]
    deceased_some_time: Option<IgnoredAny>,
    #[serde(borrow)]
    link: Option<Few<Link<'a>, MOST>>,
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
    given: Option<Few<Text<'a>, MOST>>,
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

/// An e-mail address of a record.
pub(in crate::adapter) struct Address {
    pub(in crate::adapter) email: EmailAddress,
    /// The first instant at which it is no longer the patient's.
    pub(in crate::adapter) end: Option<Timestamp>,
}

/// Why an e-mail entry cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::adapter) enum TelecomFault {
    /// Its value is no address.
    Value,
    /// The end of its period is no date.
    Period,
}

impl PatientResource<'_> {
    /// When the record was written, by its own word.
    pub(in crate::adapter) fn updated(&self) -> Option<Timestamp> {
        self.meta.as_ref().and_then(|meta| Span::of(meta.last_updated.as_deref()?)).map(|span| span.start)
    }

    /// The e-mail addresses that are not marked as old, those whose period has ended included.
    pub(in crate::adapter) fn addresses(&self) -> impl Iterator<Item = Result<Address, TelecomFault>> {
        self.telecom.iter().flatten().filter_map(|telecom| telecom.address().transpose())
    }

    /// Neither inactive, nor deceased, nor replaced by another record.
    pub(in crate::adapter) fn portal_access(&self) -> bool {
        let is_dead = self.deceased_boolean == Some(true)
            || self.deceased_date_time.is_some()
            || self.deceased_some_time.is_some();
        let is_merged = self.link.iter().flatten().any(|link| link.kind.as_deref() == Some("replaced-by"));
        self.active != Some(false) && !is_dead && !is_merged
    }

    pub(in crate::adapter) fn full_name(&self) -> Box<str> {
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
    fn address(&self) -> Result<Option<Address>, TelecomFault> {
        let value = self.value.as_deref().unwrap_or_default();
        if self.system.as_deref() != Some("email") || self.usage.as_deref() == Some("old") || value.trim().is_empty() {
            return Ok(None);
        }
        let email = value.parse().map_err(|_| TelecomFault::Value)?;
        let end = match self.period.as_ref().and_then(|period| period.end.as_deref()) {
            Some(end) => Some(Span::of(end).ok_or(TelecomFault::Period)?.end),
            None => None,
        };
        Ok(Some(Address { email, end }))
    }
}
