//! The two formats, and which of them a file's name tells. Not: how either is read.
//!
//! **A format is named, by the file or by the host; it is never guessed from what the file holds.**

use std::io::BufRead;
use std::path::Path;

use super::records::Directory;
use super::report::FileFault;
use super::{csv, fhir};

/// How a file holds its patients. Closed: a file is in one of these or it cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// FHIR R4 Patient resources, one JSON object in a line.
    FhirNdjson,
    /// Comma or semicolon separated, with a header.
    Csv,
}

impl Format {
    pub(super) fn of_name(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "ndjson" | "jsonl" => Some(Self::FhirNdjson),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }

    pub(super) fn read(self, input: impl BufRead) -> Result<Directory, FileFault> {
        match self {
            Self::FhirNdjson => fhir::read(input)?.finish(),
            Self::Csv => csv::read(input)?.finish(),
        }
    }
}
