//! A [`Mailer`] for development: each mail is a file that a mail program opens. Not: for production, where nobody would
//! read them; and not the format Maildir, which hides mails three folders deep.
//!
//! **A file with its name is a whole mail**, and only the user who runs the portal can read it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, process};

use async_trait::async_trait;
use time::OffsetDateTime;
use tokio::runtime::Handle;

use crate::adapter::message::{NoRuntime, Sender};
use crate::mail::Mail;
use crate::port::mailer::{Mailer, SendError};

/// Writes each mail to a folder, as `{time}-{mail's id}-{number}.eml`: sorted by name is sorted by time (UTC).
///
/// The files hold live links and temporary passwords. The folder is made for the user alone (mode 0700 on Unix), and so is
/// each file (0600); nobody deletes them but you.
///
/// A file is written under a name that begins with a dot, flushed to the disk and then renamed. It goes on if the caller
/// goes away, so a dropped send leaves no half mail. It needs a tokio runtime; every failure is
/// [`Transient`](SendError::Transient), a full disk as much as a folder that is gone.
///
/// ```
/// use acceso::adapter::maildir::MaildirMailer;
/// use acceso::adapter::message::Sender;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = std::env::temp_dir().join(format!("acceso-mails-{}", std::process::id()));
/// let mailer = MaildirMailer::open(&folder, Sender::new("avisos@clinica.example")?)?;
/// assert!(folder.is_dir());
/// # drop(mailer);
/// # std::fs::remove_dir(&folder)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MaildirMailer {
    folder: PathBuf,
    sender: Sender,
    written: AtomicU64,
}

impl MaildirMailer {
    /// In this folder, which is made if it is not there, with those above it.
    ///
    /// # Errors
    /// If the folder cannot be made, or is no folder.
    pub fn open(folder: impl AsRef<Path>, sender: Sender) -> io::Result<Self> {
        let folder = folder.as_ref();
        private_folder().create(folder)?;
        // Told now, and whatever the working directory becomes.
        let folder = fs::canonicalize(folder)?;
        Ok(Self { folder, sender, written: AtomicU64::new(0) })
    }

    /// Where the mails are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process is part of the number, so that two portals with one folder overwrite nothing.
    fn file_name(&self, mail: &Mail) -> String {
        let now = OffsetDateTime::now_utc();
        let (year, month, day) = (now.year(), u8::from(now.month()), now.day());
        let (hour, minute, second, micros) = (now.hour(), now.minute(), now.second(), now.microsecond());
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let process = process::id();
        format!(
            "{year}{month:02}{day:02}T{hour:02}{minute:02}{second:02}.{micros:06}Z-{}-{process}.{number}.eml",
            mail.id()
        )
    }
}

#[async_trait]
impl Mailer for MaildirMailer {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let runtime = Handle::try_current().map_err(|_| SendError::Transient(NoRuntime.into()))?;
        let message = self.sender.message(mail)?;
        let (folder, name) = (self.folder.clone(), self.file_name(mail));
        let written = runtime.spawn_blocking(move || write(&folder, &name, &message)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(SendError::Transient(error.into())),
            Err(error) => Err(SendError::Transient(error.into())),
        }
    }
}

fn write(folder: &Path, name: &str, message: &[u8]) -> io::Result<()> {
    let unfinished = folder.join(format!(".{name}"));
    let written = private_file(&unfinished).and_then(|mut file| {
        file.write_all(message)?;
        file.sync_all()?;
        fs::rename(&unfinished, folder.join(name))
    });
    if written.is_err() {
        // It may never have been there.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}
