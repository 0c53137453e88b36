//! Looks at the file, reads it when it is another, and keeps what is served. Not: the asking.
//!
//! **What is served is only ever replaced whole, by a file that held still while it was read and was judged whole.**

use std::fs::{self, File, Metadata};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, SystemTime};

use super::format::Format;
use super::records::Directory;
use super::report::{DirectoryError, FileFault, Report, Stale, Status};
use crate::clock::{Clock, Timestamp};

pub(super) const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;

const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

pub(super) struct Watch {
    pub(super) path: PathBuf,
    format: Format,
    pub(super) clock: Arc<dyn Clock>,
    served: RwLock<Arc<Served>>,
    /// Held for moments only, never while the file system is asked: queries take it.
    looks: Mutex<Looks>,
    /// Held by whoever reads the file, so that an older reading never replaces a newer one.
    turn: Mutex<()>,
}

pub(super) struct Served {
    pub(super) directory: Directory,
    stamp: Stamp,
    loaded_at: Timestamp,
}

struct Looks {
    begun_at: Timestamp,
    looked_at: Timestamp,
    is_looking: bool,
    /// What the file was at the last look, if that was not what is served.
    seen: Option<Stamp>,
    /// A file whose content was refused is not read once more every second.
    refused: Option<Stamp>,
    stale: Option<Stale>,
}

/// Whether a file is judged by what is served.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    Guarded,
    Unguarded,
}

impl Watch {
    pub(super) fn open(path: PathBuf, format: Format, clock: Arc<dyn Clock>) -> Result<Self, DirectoryError> {
        let now = clock.now();
        let (stamp, directory) = open_regular(&path)
            .and_then(|(file, stamp)| Ok((stamp, load(&file, stamp, format)?)))
            .map_err(|why| DirectoryError::new(&path, why))?;
        let looks = Looks { begun_at: now, looked_at: now, is_looking: false, seen: None, refused: None, stale: None };
        let served = RwLock::new(Arc::new(Served { directory, stamp, loaded_at: now }));
        Ok(Self { path, format, clock, served, looks: Mutex::new(looks), turn: Mutex::new(()) })
    }

    pub(super) fn served(&self) -> Arc<Served> {
        Arc::clone(&self.served.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn status(&self) -> Status {
        let (looked_at, stale) = {
            let looks = self.looks();
            (looks.looked_at, looks.stale.clone())
        };
        Status { loaded_at: self.served().loaded_at, looked_at, stale }
    }

    /// Starts a look on a thread of its own, if one is due. Even asking for a file's metadata can hang, on a network.
    pub(super) fn look_if_due(self: &Arc<Self>) {
        let now = self.clock.now();
        {
            let mut looks = self.looks();
            // A clock set back must not stop the looking.
            let is_due = now < looks.begun_at || now.since(looks.begun_at) >= BETWEEN_LOOKS;
            if looks.is_looking || !is_due {
                return;
            }
            looks.is_looking = true;
            looks.begun_at = now;
        }
        let looking = Looking { watch: Arc::clone(self), begun_at: now };
        let spawned = thread::Builder::new().name("acceso-directory".to_owned()).spawn(move || looking.run());
        if let Err(error) = spawned {
            self.note(now, Err(FileFault::io(error)));
        }
    }

    fn look(&self, now: Timestamp) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = self.take_if_settled() {
            self.note(now, outcome);
        }
    }

    /// None where the last outcome stands.
    fn take_if_settled(&self) -> Option<Result<(), FileFault>> {
        let (file, stamp) = match open_regular(&self.path) {
            Ok(found) => found,
            Err(why) => return Some(Err(why)),
        };
        if stamp == self.served().stamp {
            return Some(Ok(()));
        }
        {
            let mut looks = self.looks();
            if looks.refused == Some(stamp) {
                return None;
            }
            // One that changes from look to look is being written.
            if looks.seen.replace(stamp) != Some(stamp) {
                return Some(Err(FileFault::Changing));
            }
        }
        Some(self.take(&file, stamp, Guard::Guarded))
    }

    pub(super) fn reload(&self, guard: Guard) -> Result<Report, DirectoryError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = open_regular(&self.path).and_then(|(file, stamp)| self.take(&file, stamp, guard));
        self.note(self.clock.now(), outcome.clone());
        outcome.map_err(|why| DirectoryError::new(&self.path, why))?;
        Ok(self.served().directory.report.clone())
    }

    fn take(&self, file: &File, stamp: Stamp, guard: Guard) -> Result<(), FileFault> {
        let judged = load(file, stamp, self.format).and_then(|directory| {
            if guard == Guard::Guarded {
                directory.may_replace(&self.served().directory)?;
            }
            Ok(Served { directory, stamp, loaded_at: self.clock.now() })
        });
        match judged {
            Ok(served) => {
                let served = Arc::new(served);
                let before =
                    std::mem::replace(&mut *self.served.write().unwrap_or_else(PoisonError::into_inner), served);
                // A large directory takes a while to free: not under the lock.
                drop(before);
                Ok(())
            }
            Err(why) => {
                self.looks().refused = Some(stamp).filter(|_| why.is_of_the_content());
                Err(why)
            }
        }
    }

    fn note(&self, now: Timestamp, outcome: Result<(), FileFault>) {
        let mut looks = self.looks();
        match outcome {
            Ok(()) => {
                looks.seen = None;
                looks.refused = None;
                looks.stale = None;
            }
            Err(why) => {
                let since = looks.stale.as_ref().map_or(now, |stale| stale.since);
                looks.stale = Some(Stale { since, why: DirectoryError::new(&self.path, why) });
            }
        }
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A look under way. However it ends, the next one can begin.
struct Looking {
    watch: Arc<Watch>,
    begun_at: Timestamp,
}

impl Looking {
    fn run(self) {
        self.watch.look(self.begun_at);
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        let mut looks = self.watch.looks();
        looks.is_looking = false;
        looks.looked_at = self.begun_at;
    }
}

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    place: [u64; 2],
    changed: [i64; 2],
}

impl Stamp {
    fn of(file: &File) -> Result<Self, FileFault> {
        let metadata = file.metadata().map_err(FileFault::io)?;
        let (place, changed) = identity(&metadata);
        Ok(Self { bytes: metadata.len(), modified: metadata.modified().ok(), place, changed })
    }
}

/// Device and inode, and when the inode changed: a file moved into place with an old date is seen by these.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> ([u64; 2], [i64; 2]) {
    use std::os::unix::fs::MetadataExt;
    ([metadata.dev(), metadata.ino()], [metadata.ctime(), metadata.ctime_nsec()])
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> ([u64; 2], [i64; 2]) {
    ([0; 2], [0; 2])
}

/// Asks before it opens: opening a pipe waits for a writer.
fn open_regular(path: &Path) -> Result<(File, Stamp), FileFault> {
    if !fs::metadata(path).map_err(FileFault::io)?.is_file() {
        return Err(FileFault::NotAFile);
    }
    let file = File::open(path).map_err(FileFault::io)?;
    let stamp = Stamp::of(&file)?;
    Ok((file, stamp))
}

fn load(file: &File, stamp: Stamp, format: Format) -> Result<Directory, FileFault> {
    match stamp.bytes {
        0 => return Err(FileFault::Empty),
        1..=MAX_FILE_BYTES => {}
        bytes => return Err(FileFault::TooLarge { bytes }),
    }
    unless_it_changes(file, stamp, || format.read(BufReader::with_capacity(64 * 1024, file.take(MAX_FILE_BYTES))))
}

/// Reads, and forgets what was read if the file was written since `stamp`: half one export, half another.
fn unless_it_changes<T>(
    file: &File,
    stamp: Stamp,
    read: impl FnOnce() -> Result<T, FileFault>,
) -> Result<T, FileFault> {
    let outcome = read();
    if Stamp::of(file)? == stamp { outcome } else { Err(FileFault::Changing) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn what_was_read_while_the_file_changed_is_forgotten() {
        let path = std::env::temp_dir().join(format!("acceso-watch-changing-{}", std::process::id()));
        fs::write(&path, "one\n").expect("written");
        let (file, stamp) = open_regular(&path).expect("there");
        let quiet = unless_it_changes(&file, stamp, || Ok(()));
        let disturbed = unless_it_changes(&file, stamp, || {
            let mut writer = fs::OpenOptions::new().append(true).open(&path).expect("there");
            writer.write_all(b"two\n").expect("written");
            Ok(())
        });
        fs::remove_file(&path).expect("removed");
        assert!(quiet.is_ok());
        assert!(matches!(disturbed, Err(FileFault::Changing)));
    }

    #[test]
    fn a_refused_file_is_not_read_again_until_it_is_another() {
        let path = std::env::temp_dir().join(format!("acceso-watch-refused-{}.csv", std::process::id()));
        fs::write(&path, "id,nombre,correo\n1,Ana,ana@x.org\n").expect("written");
        let watch = Watch::open(path.clone(), Format::Csv, Arc::new(SystemClock)).expect("readable");
        let outcomes: Vec<_> = ["broken", "", "broken again", "", ""]
            .into_iter()
            .map(|content| {
                if !content.is_empty() {
                    fs::write(&path, content).expect("written");
                }
                watch.take_if_settled().map(|outcome| matches!(outcome, Err(FileFault::Changing)))
            })
            .collect();
        fs::remove_file(&path).expect("removed");
        assert_eq!(outcomes, [Some(true), Some(false), Some(true), Some(false), None]);
    }
}
