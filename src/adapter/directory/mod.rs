//! The clinic's patients as its own system exports them: one file, FHIR NDJSON or CSV. Not: a connection to that system.
//!
//! **A file that is broken, cut off or gone never takes patients away: the last good one is served, and
//! [`DirectoryRegistry::status`] says so.**
//!
//! # The two formats
//! - [`Format::FhirNdjson`]: Patient resources of a FHIR R4 bulk export, one in a line. E-mail addresses are the
//!   `telecom` entries whose `system` is `email`, whose `use` is not `old` and whose `period.end` is not past; it is
//!   judged at each query, because a file may be served for days (a date without a time ends when that day, month or
//!   year is over everywhere on Earth). Access to the portal is for those neither inactive, nor deceased, nor replaced
//!   by another record. Resources of other types are reported and skipped.
//! - [`Format::Csv`]: UTF-8 with a header, comma or semicolon, quoted by RFC 4180. The columns `id`, `full_name` (or
//!   `nombre`) and `email` (`correo`, `mail`) must be there, in any order; `active` (`activo`) and `portal_access`
//!   (`acceso_portal`) may be, and then each row says yes or no (`true`, `1`, `sí`, `verdadero`…). Capitals, accents,
//!   blanks and hyphens in a column's name do not count. Each row ends with a line break, the last one too.
//!
//! Each patient is found under every address of its own, spelled as the record spells it. An id that comes twice is a
//! fault of the later line, unless both records have a `meta.lastUpdated` and the later line's is newer.
//!
//! # How the file is to be renewed
//! Write the new export beside the old one and move it into place by a rename. That is all: at most once a second a
//! query starts a look at the file, and a file that was found changed, and the same at the next look, is read on a
//! thread of its own while queries go on. A file written in place is guarded as far as can be: it is not read while it
//! changes, forgotten if it changed while it was read, and refused if it ends in the middle of a line, if more than
//! half of its lines cannot be read, or if not half of the addresses are left. An export cut exactly between two lines,
//! and still longer than half, cannot be told from a whole one.
//!
//! At the start there is nothing to compare with: [`DirectoryRegistry::open`] takes any file that is whole and holds
//! one patient.
//!
//! # Example
//! ```
//! use acceso::adapter::directory::DirectoryRegistry;
//! use acceso::{EmailAddress, PatientRegistry};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let path = std::env::temp_dir().join(format!("pacientes-{}.csv", std::process::id()));
//! std::fs::write(&path, "id;nombre;correo;activo\n7;Ana Peña;Ana@Example.org;sí\n8;Luz Rey;luz;sí\n")?;
//!
//! let registry = DirectoryRegistry::open(&path)?;
//! let asked: EmailAddress = "ana@example.org".parse()?;
//! let patients = registry.patients_with_email(&asked).await?;
//! assert_eq!(patients[0].id.as_str(), "7");
//! assert_eq!(patients[0].email.as_str(), "Ana@Example.org");
//! assert!(patients[0].portal_access);
//!
//! let report = registry.report();
//! assert_eq!((report.patients, report.addresses), (2, 1));
//! assert_eq!(report.bad_lines[0].to_string(), "line 3: has an e-mail address that is not one");
//! # std::fs::remove_file(&path)?;
//! # Ok(())
//! # }
//! ```

mod csv;
mod fhir;
mod format;
mod lines;
mod records;
mod report;
mod watch;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

pub use self::format::Format;
pub use self::report::{BadLine, DirectoryError, FileFault, LineFault, Report, Stale, Status};
use self::watch::{Guard, Watch};
use crate::clock::{Clock, SystemClock};
use crate::identity::EmailAddress;
use crate::patient::Patient;
use crate::port::error::BoxError;
use crate::port::patient_registry::PatientRegistry;

/// What a registry is opened with, where the defaults do not fit.
///
/// ```
/// use acceso::adapter::directory::{DirectoryOptions, FileFault, Format};
///
/// let refused = DirectoryOptions::new().format(Format::Csv).open("/nowhere/export.txt").expect_err("no such file");
/// assert!(matches!(refused.fault(), FileFault::NotFound));
/// ```
#[derive(Clone)]
pub struct DirectoryOptions {
    format: Option<Format>,
    clock: Arc<dyn Clock>,
}

impl DirectoryOptions {
    /// The format by the end of the file's name, the time by the system's clock.
    pub fn new() -> Self {
        Self { format: None, clock: Arc::new(SystemClock) }
    }

    /// The format, whatever the file's name.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// The clock that tells when a look at the file is due and whether an address's period has ended.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Reads the file, blocking, as [`DirectoryRegistry::open`] does.
    pub fn open(self, path: impl AsRef<Path>) -> Result<DirectoryRegistry, DirectoryError> {
        let path = path.as_ref();
        let format = self
            .format
            .or_else(|| Format::of_name(path))
            .ok_or_else(|| DirectoryError::new(path, FileFault::UnknownFormat))?;
        Watch::open(path.to_owned(), format, self.clock).map(|watch| DirectoryRegistry { watch: Arc::new(watch) })
    }
}

impl Default for DirectoryOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for DirectoryOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryOptions").field("format", &self.format).finish_non_exhaustive()
    }
}

/// The patients of one exported file, kept in memory and read again when the file is another.
///
/// A query looks nothing up outside the memory and never fails: what became of the file is told by
/// [`status`](Self::status). To ask for that while the portal has the registry, share it: `Arc<DirectoryRegistry>` is a
/// [`PatientRegistry`] too.
///
/// A line that cannot be read costs its patient the way in, at registration and at the nightly refresh: look at
/// [`report`](Self::report) after each export.
pub struct DirectoryRegistry {
    watch: Arc<Watch>,
}

impl DirectoryRegistry {
    /// The longest file that is read: 1 GiB, more than a million patients. What is kept of it stays in memory.
    pub const MAX_FILE_BYTES: u64 = watch::MAX_FILE_BYTES;
    /// The longest line that is read: 1 MiB. A longer one is a [`LineFault::TooLong`].
    pub const MAX_LINE_BYTES: usize = lines::MAX_LINE_BYTES;

    /// Reads the file, blocking: `.ndjson` and `.jsonl` as FHIR, `.csv` as CSV; [`DirectoryOptions`] for other names.
    ///
    /// # Errors
    /// The file is not there, cannot be read, is empty, is cut off, lacks a column, or holds no readable patient:
    /// [`DirectoryError::fault`] says which. [`FileFault::Changing`] means that it is being written: try again.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DirectoryError> {
        DirectoryOptions::new().open(path)
    }

    /// Reads the file now, blocking, changed or not: for a host that knows when an export is complete. From async code
    /// by the runtime's way to block (`tokio::task::spawn_blocking`).
    ///
    /// It does not wait for a second look, but judges the file as strictly.
    ///
    /// # Errors
    /// The file was refused. The state before is served on, and [`status`](Self::status) says so too.
    pub fn reload(&self) -> Result<Report, DirectoryError> {
        self.watch.reload(Guard::Guarded)
    }

    /// Reads the file now, and takes it even if most of its lines are bad or most addresses are gone: for a person who
    /// has looked at it, never for a schedule.
    ///
    /// # Errors
    /// As at [`open`](Self::open).
    pub fn reload_unguarded(&self) -> Result<Report, DirectoryError> {
        self.watch.reload(Guard::Unguarded)
    }

    /// What the file that is served held when it was read.
    pub fn report(&self) -> Report {
        self.watch.served().directory.report.clone()
    }

    /// How old the served state is, and whether the file is by now another. Asks for no look itself.
    pub fn status(&self) -> Status {
        self.watch.status()
    }
}

#[async_trait]
impl PatientRegistry for DirectoryRegistry {
    async fn patients_with_email(&self, email: &EmailAddress) -> Result<Vec<Patient>, BoxError> {
        self.watch.look_if_due();
        Ok(self.watch.served().directory.find(email, self.watch.clock.now()))
    }
}

/// The file and counts; no patient.
impl fmt::Debug for DirectoryRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report();
        f.debug_struct("DirectoryRegistry")
            .field("path", &self.watch.path)
            .field("patients", &report.patients)
            .field("addresses", &report.addresses)
            .finish_non_exhaustive()
    }
}
