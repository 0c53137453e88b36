//! The patients of one file and the index by e-mail address. Not: how a line is read.
//!
//! **An id belongs to one record, and a record is found under each of its own addresses and no other.**

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::report::{BadLine, FileFault, LineFault, Report};
use crate::adapter::patient_resource::Address;
use crate::clock::Timestamp;
use crate::identity::{EmailAddress, PatientId};
use crate::patient::Patient;

pub(super) struct Record {
    pub(super) id: PatientId,
    pub(super) full_name: Box<str>,
    pub(super) portal_access: bool,
    pub(super) addresses: Vec<Address>,
}

impl Record {
    /// The period is judged at the query: a file may be served for days, and an address that ends tonight must end.
    fn seen_under(&self, email: &EmailAddress, now: Timestamp) -> Option<Patient> {
        let live = |address: &&Address| address.email == *email && address.end.is_none_or(|end| now < end);
        self.addresses.iter().find(live).map(|address| Patient {
            id: self.id.clone(),
            email: address.email.clone(),
            full_name: self.full_name.to_string(),
            portal_access: self.portal_access,
        })
    }
}

/// One file's patients.
pub(super) struct Directory {
    by_email: HashMap<Box<str>, Vec<Arc<Record>>>,
    pub(super) report: Report,
    lines: usize,
    lost: usize,
}

impl Directory {
    pub(super) fn find(&self, email: &EmailAddress, now: Timestamp) -> Vec<Patient> {
        let records = self.by_email.get(email.key()).map_or(&[][..], Vec::as_slice);
        records.iter().filter_map(|record| record.seen_under(email, now)).collect()
    }

    /// Whether it may take the place of `served`: a broken export must not take patients away.
    pub(super) fn may_replace(&self, served: &Self) -> Result<(), FileFault> {
        if self.lost > self.lines / 2 {
            return Err(FileFault::MostlyBad { lost: self.lost, lines: self.lines });
        }
        let (served, found) = (served.report.addresses, self.report.addresses);
        if found < served.div_ceil(2) { Err(FileFault::Shrunk { served, found }) } else { Ok(()) }
    }
}

/// What is read so far.
pub(super) struct Gathering {
    records: Vec<Entry>,
    by_id: HashMap<PatientId, usize>,
    bad_lines: Vec<BadLine>,
    unlisted: usize,
    lines: usize,
    lost: usize,
}

struct Entry {
    record: Record,
    updated: Option<Timestamp>,
}

impl Gathering {
    pub(super) fn new() -> Self {
        Self { records: Vec::new(), by_id: HashMap::new(), bad_lines: Vec::new(), unlisted: 0, lines: 0, lost: 0 }
    }

    /// A patient. Of two with one id the first stays, unless the later one is newer by the records' own word: then
    /// the export holds a record's history, and nothing is wrong.
    pub(super) fn add(&mut self, line: usize, record: Record, updated: Option<Timestamp>) {
        if let Some(&place) = self.by_id.get(&record.id) {
            let is_newer = self.records[place].updated.zip(updated).is_some_and(|(first, later)| later > first);
            if !is_newer {
                return self.lose(line..=line, LineFault::RepeatedId);
            }
            self.records[place] = Entry { record, updated };
        } else {
            self.by_id.insert(record.id.clone(), self.records.len());
            self.records.push(Entry { record, updated });
        }
        self.lines += 1;
    }

    /// Lines that hold no readable patient.
    pub(super) fn lose(&mut self, lines: RangeInclusive<usize>, why: LineFault) {
        for line in lines {
            self.lines += 1;
            self.lost += 1;
            self.mention(line, why);
        }
    }

    /// A fault that does not cost the patient, or a line that never was to hold one.
    pub(super) fn mention(&mut self, line: usize, why: LineFault) {
        if self.bad_lines.len() < Report::MAX_LISTED {
            self.bad_lines.push(BadLine::new(line, why));
        } else {
            self.unlisted += 1;
        }
    }

    pub(super) fn finish(self) -> Result<Directory, FileFault> {
        if self.records.is_empty() {
            return Err(FileFault::NoPatient { first: self.bad_lines.first().copied() });
        }
        let patients = self.records.len();
        let mut addresses = 0;
        let mut by_email: HashMap<Box<str>, Vec<Arc<Record>>> = HashMap::new();
        for record in self.records.into_iter().map(|entry| Arc::new(entry.record)) {
            for address in &record.addresses {
                let found = by_email.entry(address.email.key().into()).or_default();
                if found.last().is_some_and(|last| Arc::ptr_eq(last, &record)) {
                    continue;
                }
                found.push(Arc::clone(&record));
                addresses += 1;
            }
        }
        let report = Report { patients, addresses, bad_lines: self.bad_lines, unlisted: self.unlisted };
        Ok(Directory { by_email, report, lines: self.lines, lost: self.lost })
    }
}
