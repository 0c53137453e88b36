//! What is told about a file: the lines that could not be read, and why a whole file was refused. Not: the reading.
//!
//! **Nothing here can hold a word of the file: only its path, line numbers, counts and fixed texts.**

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::Timestamp;

/// What a file held, at the time it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Patients read, those without an e-mail address or without access to the portal included.
    pub patients: usize,
    /// Their e-mail addresses: an address that two patients share counts twice, one whose period has ended counts too.
    pub addresses: usize,
    /// The lines with a fault, in the order in which they were found; at most [`Report::MAX_LISTED`].
    pub bad_lines: Vec<BadLine>,
    /// How many more faults there were than `bad_lines` lists.
    pub unlisted: usize,
}

impl Report {
    /// How many faults are listed one by one: a hostile or mistaken file must not fill the memory with them.
    pub const MAX_LISTED: usize = 1000;
}

/// One fault of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadLine {
    /// The number of the line in the file, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: LineFault,
}

impl BadLine {
    pub(super) const fn new(line: usize, why: LineFault) -> Self {
        Self { line, why }
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineFault {
    /// Longer than 1 MiB.
    #[error("is longer than 1 MiB")]
    TooLong,
    /// Not UTF-8. A spreadsheet program writes it if asked for "CSV UTF-8".
    #[error("is not UTF-8")]
    NotUtf8,
    /// Not one whole JSON object, or a field of it is not what FHIR R4 says.
    #[error("is not a FHIR resource in JSON")]
    NotAResource,
    /// A FHIR resource, but no Patient. Skipped.
    #[error("is not a Patient resource")]
    NotAPatient,
    /// No id, or one that is longer than 128 bytes or holds control characters.
    #[error("has no usable id")]
    NoId,
    /// An earlier line has this id, and this line's `meta.lastUpdated` is not newer than that line's.
    #[error("has the id of an earlier line")]
    RepeatedId,
    /// More or fewer fields than the header has.
    #[error("has another number of fields than the header")]
    WrongFields,
    /// A quotation mark that opens or closes nothing; the lines that it joined to this one are lost with it.
    #[error("has a stray quotation mark")]
    StrayQuote,
    /// The column that tells who may use the portal is empty, or says neither yes nor no.
    #[error("does not tell whether the patient is active")]
    UnclearAccess,
    /// An e-mail address that is none. The patient and the other addresses count.
    #[error("has an e-mail address that is not one")]
    UnreadableEmail,
    /// An e-mail address whose `period.end` is not a date. That address is left out; the patient and the others count.
    #[error("has an e-mail address with an unreadable end of its period")]
    UnreadablePeriod,
}

impl LineFault {
    /// Whether the line's patient counts all the same.
    pub const fn keeps_the_patient(self) -> bool {
        matches!(self, Self::UnreadableEmail | Self::UnreadablePeriod)
    }
}

/// A file that was not taken: its path, and why.
#[derive(Debug, Clone)]
pub struct DirectoryError {
    path: PathBuf,
    fault: FileFault,
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.fault)
    }
}

/// The source is the operating system's error, where there is one: the fault is said already.
impl Error for DirectoryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.fault.source()
    }
}

impl DirectoryError {
    pub(super) fn new(path: &Path, fault: FileFault) -> Self {
        Self { path: path.to_owned(), fault }
    }

    /// The file, as it was named at [`open`](super::DirectoryRegistry::open).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why it was not taken.
    pub fn fault(&self) -> &FileFault {
        &self.fault
    }
}

/// Why a file was not taken. Until it is repaired the registry goes on with what it has.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// A folder, a pipe or a device.
    #[error("is not a regular file")]
    NotAFile,
    /// The operating system did not let it be read.
    #[error("cannot be read")]
    Unreadable(#[source] Arc<io::Error>),
    /// The name does not say what it holds, and no [`Format`](super::Format) was given.
    #[error("its name ends neither in .ndjson or .jsonl nor in .csv, and no format was given")]
    UnknownFormat,
    /// Longer than [`MAX_FILE_BYTES`](super::DirectoryRegistry::MAX_FILE_BYTES).
    #[error("has {bytes} bytes, more than 1 GiB")]
    TooLarge {
        /// Its length.
        bytes: u64,
    },
    /// Not one byte.
    #[error("is empty")]
    Empty,
    /// The header of a CSV file names no such column.
    #[error("its header has no column `{column}`")]
    MissingColumn {
        /// The column's name, as the crate writes it.
        column: &'static str,
    },
    /// Two columns of a CSV file's header mean the same.
    #[error("its header has two columns for `{column}`")]
    RepeatedColumn {
        /// The column's name, as the crate writes it.
        column: &'static str,
    },
    /// It ends in the middle of a line: half written, or cut off. In a CSV file the last line, too, must end with a
    /// line break: without it nobody can tell `ana@example.co` from the front part of `ana@example.com`.
    #[error("ends in the middle of line {line}, or lacks the line break after it")]
    CutOff {
        /// The line (in a CSV file the first of the lines that a quoted field joins).
        line: usize,
    },
    /// No line holds a patient.
    #[error("holds no readable patient{}", first.map(|bad| format!("; {bad}")).unwrap_or_default())]
    NoPatient {
        /// The first line with a fault, if there is one.
        first: Option<BadLine>,
    },
    /// At a reload: more than half of the lines are lost.
    #[error("{lost} of its {lines} lines cannot be read")]
    MostlyBad {
        /// Lines without a readable patient.
        lost: usize,
        /// Lines in all, without the header, blank lines and resources that are no patients.
        lines: usize,
    },
    /// At a reload: not half of the addresses are left. If that is right, restart, or call
    /// [`reload_unguarded`](super::DirectoryRegistry::reload_unguarded).
    #[error("holds {found} addresses of patients instead of {served}")]
    Shrunk {
        /// Addresses in what is served, as in [`Report::addresses`].
        served: usize,
        /// Addresses in the file.
        found: usize,
    },
    /// It changed since the last look, or while it was read: a later look will tell.
    #[error("is still changing")]
    Changing,
}

impl FileFault {
    pub(super) fn io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            _ => Self::Unreadable(Arc::new(error)),
        }
    }

    /// Whether the same bytes would be refused again.
    pub(super) fn is_of_the_content(&self) -> bool {
        !matches!(self, Self::NotFound | Self::Unreadable(_) | Self::Changing)
    }
}

/// How far the registry can be believed, for a health check.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// When the state that is served was read.
    pub loaded_at: Timestamp,
    /// The begin of the last look at the file that has come to its end. Far in the past: nobody asks, or the file
    /// system hangs.
    pub looked_at: Timestamp,
    /// Set while the file is another than the one that is served, or cannot be read.
    pub stale: Option<Stale>,
}

/// That the file and what is served differ.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stale {
    /// The first look that found it so. A new export is taken at the second look, so a few seconds are usual.
    pub since: Timestamp,
    /// What the last look or reload found.
    pub why: DirectoryError,
}
