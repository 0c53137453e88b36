//! Stories of a clinic's export and the registry that reads it.

mod csv_files;
mod damage;
mod fhir_files;
mod renewal;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use acceso::adapter::directory::{DirectoryError, DirectoryOptions, DirectoryRegistry, LineFault, Report};
use acceso::{Clock, EmailAddress, Patient, PatientRegistry, Timestamp};

/// 2026-03-01T12:00:00Z.
const NOW: i64 = 1_772_366_400_000;

/// A clock that stands still until it is turned.
#[derive(Clone)]
struct Turned(Arc<AtomicI64>);

impl Turned {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW)))
    }

    fn turn(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A folder of its own for each test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("acceso-directory-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).expect("written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn open(name: &str, content: impl AsRef<[u8]>) -> Result<DirectoryRegistry, DirectoryError> {
    let folder = Folder::new();
    let path = folder.file(name, content);
    DirectoryOptions::new().clock(Turned::new()).open(path)
}

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/data").join(name)
}

fn ask(registry: &DirectoryRegistry, email: &str) -> Vec<Patient> {
    let email: EmailAddress = email.parse().expect("an address");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut patients = runtime.block_on(registry.patients_with_email(&email)).expect("a directory always answers");
    assert!(patients.iter().all(|patient| patient.email == email), "an answer has the address that was asked for");
    patients.sort_by(|a, b| a.id.cmp(&b.id));
    patients
}

fn ids(registry: &DirectoryRegistry, email: &str) -> Vec<String> {
    ask(registry, email).iter().map(|patient| patient.id.to_string()).collect()
}

fn faults(report: &Report) -> Vec<(usize, LineFault)> {
    report.bad_lines.iter().map(|bad| (bad.line, bad.why)).collect()
}
