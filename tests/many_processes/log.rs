//! What a process writes down: each call with its answer, each commit with what the store said, each mail. Not: any
//! judgement of it.
//!
//! **A line is written whole before its process goes on, in a file of that process alone.**

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Nanoseconds of a clock that all processes of the machine share and nobody sets.
pub type Instant = u64;

pub fn now() -> Instant {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.expect("after the start") * 1_000_000_000 + nanos.expect("less than a second")
}

/// One call of the core.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Call {
    /// Its own among all processes. It is the device of the caller too, so that events and sessions name their call.
    pub id: String,
    pub begun: Instant,
    pub ended: Instant,
    pub asked: Asked,
    pub answer: Answer,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    Register { email: String, username: String, password: String },
    Confirm { token: String, username: String, password: String },
    Login { username: String, password: String, replaces: Option<String> },
    Session { token: String },
    ChangePassword { token: String, current: String, new: String },
    LogOut { token: String },
    LogOutEverywhere { token: String },
    CloseOtherSessions { token: String },
    RecoverPassword { email: String, username: String },
    ConfirmRecovery { token: String },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Accepted,
    UsernameTaken,
    Invalid,
    Confirmed,
    LinkInvalid,
    Rejected,
    NotAPatient,
    TooManyUsers,
    SignedIn { token: String },
    MustChangePassword { token: String },
    Changed { token: String },
    NotSignedIn,
    Visitor,
    NoVisitor,
    Done,
    Busy,
    Unavailable { cause: String },
}

impl Answer {
    /// The answer's name, for counting.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::UsernameTaken => "username taken",
            Self::Invalid => "invalid",
            Self::Confirmed => "confirmed",
            Self::LinkInvalid => "link invalid",
            Self::Rejected => "rejected",
            Self::NotAPatient => "not a patient",
            Self::TooManyUsers => "too many users",
            Self::SignedIn { .. } => "signed in",
            Self::MustChangePassword { .. } => "must change password",
            Self::Changed { .. } => "changed",
            Self::NotSignedIn => "not signed in",
            Self::Visitor => "visitor",
            Self::NoVisitor => "no visitor",
            Self::Done => "done",
            Self::Busy => "busy",
            Self::Unavailable { .. } => "unavailable",
        }
    }

    /// The session that the call opened.
    pub fn opened(&self) -> Option<&str> {
        match self {
            Self::SignedIn { token } | Self::MustChangePassword { token } | Self::Changed { token } => Some(token),
            _ => None,
        }
    }
}

/// One commit, as the core handed it to the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CommitLine {
    pub begun: Instant,
    pub ended: Instant,
    pub landed: Landed,
    /// The call that made it; none if a courier did.
    pub call: Option<String>,
    /// Kind and mail's purpose of each event.
    pub events: Vec<(String, Option<String>)>,
    pub users: Vec<Step>,
    pub mailboxes: Vec<Step>,
    pub queued: Vec<Intent>,
    /// Ids of the mails that are over with this commit.
    pub settled: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Landed {
    Done,
    Conflict,
    /// Perhaps.
    Unknown(String),
}

/// From one version of a record to the next: the same if it was only relied on, from 0 if it is new.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    pub id: String,
    pub from: u64,
    pub to: u64,
}

/// A mail that was asked for. Those with one purpose and addressee may be served by one mail.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Intent {
    pub id: String,
    pub purpose: String,
    pub addressee: String,
    pub user: Option<String>,
}

/// A mail that a courier handed to the mailer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MailLine {
    pub at: Instant,
    pub id: String,
    pub purpose: String,
    pub to: String,
    /// Whether the mailer took it; if not, it comes again.
    pub taken: bool,
    /// The link's token or the temporary password.
    pub secret: Option<String>,
}

/// What a process writes.
pub struct Log(Mutex<File>);

impl Log {
    pub fn new(path: &Path) -> Self {
        let file = OpenOptions::new().create_new(true).append(true).open(path).expect("a new file");
        Self(Mutex::new(file))
    }

    pub fn write(&self, line: &impl Serialize) {
        let mut text = serde_json::to_string(line).expect("plain data");
        text.push('\n');
        self.0.lock().expect("the log").write_all(text.as_bytes()).expect("the line is written");
    }
}

pub fn path(folder: &Path, kind: &str, process: u32) -> PathBuf {
    folder.join(format!("{kind}-{process}.jsonl"))
}

/// Follows what a process writes, from another one or after its end.
pub struct Reader {
    path: PathBuf,
    at: u64,
}

impl Reader {
    pub fn new(path: PathBuf) -> Self {
        Self { path, at: 0 }
    }

    /// The whole lines since the last time.
    pub fn lines<T: DeserializeOwned>(&mut self) -> Vec<T> {
        let Ok(mut file) = File::open(&self.path) else { return Vec::new() };
        let mut text = String::new();
        file.seek(SeekFrom::Start(self.at)).expect("a place in the file");
        file.read_to_string(&mut text).expect("UTF-8");
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        self.at += whole.len() as u64;
        whole.lines().map(|line| serde_json::from_str(line).expect("a line of ours")).collect()
    }
}
