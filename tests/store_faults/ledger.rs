//! What callers were told, noted before they go on. Not: what the store holds.
//!
//! **A line that was written outlives the process that wrote it**, where the ledger is a file.

use std::collections::HashMap;
use std::error::Error as _;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use acceso::{Client, Error, EventKind, MailPurpose};
use tokio::sync::watch;

/// One call of one person: her number, the process that asked, and the number of the call there. As a network address it
/// stands in the event, so that every event tells whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Asked {
    pub life: u32,
    pub run: u16,
    pub number: u32,
}

impl Asked {
    fn address(self) -> Ipv6Addr {
        let bits = (u128::from(self.life) << 64) | (u128::from(self.run) << 32) | u128::from(self.number);
        Ipv6Addr::from_bits(bits)
    }

    /// Whose event it is; `None` for the courier's.
    pub fn of(address: Option<IpAddr>) -> Option<Self> {
        let Some(IpAddr::V6(address)) = address else { return None };
        let bits = address.to_bits();
        let part = |shift: u32| u32::try_from((bits >> shift) & u128::from(u32::MAX)).expect("32 bits");
        Some(Self { life: part(64), run: u16::try_from(part(32)).expect("a run"), number: part(0) })
    }

    pub fn client(self) -> Client {
        Client::unknown().with_address(IpAddr::V6(self.address()))
    }
}

/// What the events of an acknowledged call may be: one of these.
pub type Kinds = Vec<EventKind>;

#[derive(Debug, Default, Clone)]
pub struct Told {
    pub acknowledged: HashMap<Asked, Kinds>,
    pub calls: usize,
    pub unavailable: usize,
    /// The call, and why.
    pub last_unavailable: String,
    pub violations: Vec<String>,
    /// Mails that were handed over: address, purpose, token.
    pub posted: Vec<(String, String, String)>,
}

pub struct Ledger {
    told: Mutex<Told>,
    acknowledged: watch::Sender<usize>,
    file: Option<Mutex<File>>,
}

impl Ledger {
    pub fn in_memory() -> Self {
        Self { told: Mutex::default(), acknowledged: watch::Sender::new(0), file: None }
    }

    /// Goes on with the file.
    pub fn at(path: &Path) -> Self {
        let told = Mutex::new(Told::read(path));
        let file = OpenOptions::new().create(true).append(true).open(path).expect("a ledger");
        Self { told, acknowledged: watch::Sender::new(0), file: Some(Mutex::new(file)) }
    }

    pub fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Into the file first, in one piece; and a sign of life to whoever watches the process.
    fn note(&self, line: &str) {
        if let Some(file) = &self.file {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(format!("{line}\n").as_bytes()).expect("a ledger");
            println!("noted");
        }
        self.told().take(line);
    }

    pub fn asks(&self, asked: Asked) {
        self.note(&format!("asks {}", asked.address()));
    }

    pub fn acknowledged(&self, asked: Asked, kinds: &[EventKind]) {
        let codes: Vec<&str> = kinds.iter().map(|kind| kind.code()).collect();
        self.note(&format!("acknowledged {} {}", asked.address(), codes.join(",")));
        self.acknowledged.send_modify(|calls| *calls += 1);
    }

    /// Until so many more calls are acknowledged.
    pub async fn until_acknowledged(&self, more: usize) {
        let mut acknowledged = self.acknowledged.subscribe();
        let enough = *acknowledged.borrow() + more;
        let _ = acknowledged.wait_for(|calls| *calls >= enough).await;
    }

    pub fn unavailable(&self, asked: Asked, error: &Error) {
        let (mut line, mut cause) = (format!("unavailable {}", asked.address()), error.source());
        while let Some(error) = cause {
            line += &format!(" {error}").replace('\n', " ");
            cause = error.source();
        }
        self.note(&line);
    }

    pub fn violation(&self, what: &str) {
        self.note(&format!("violation {}", what.replace('\n', " ")));
    }

    pub fn posted(&self, to: &str, purpose: &str, token: &str) {
        self.note(&format!("posted {to} {purpose} {token}"));
    }
}

impl Told {
    pub fn read(path: &Path) -> Self {
        let mut told = Self::default();
        let text = std::fs::read_to_string(path).unwrap_or_default();
        // A killed writer's last line may be torn: nobody went on after it.
        text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).for_each(|line| told.take(line));
        told
    }

    /// The newest link that was mailed to the address to confirm a registration.
    pub fn link(&self, email: &str) -> Option<&str> {
        let is_one = |(to, purpose, _): &&(String, String, String)| {
            to == email && purpose == MailPurpose::ConfirmRegistration.code()
        };
        self.posted.iter().rev().find(is_one).map(|(_, _, token)| token.as_str())
    }

    fn take(&mut self, line: &str) {
        let (verb, rest) = line.split_once(' ').expect("a verb");
        let asked = |address: &str| Asked::of(Some(address.parse().expect("an address"))).expect("a life");
        match verb {
            "asks" => self.calls += 1,
            "unavailable" => {
                self.unavailable += 1;
                rest.clone_into(&mut self.last_unavailable);
            }
            "violation" => self.violations.push(rest.to_owned()),
            "acknowledged" => {
                let (address, codes) = rest.split_once(' ').expect("kinds");
                self.acknowledged.insert(asked(address), codes.split(',').map(kind).collect());
            }
            "posted" => {
                let mut parts = rest.split(' ').map(str::to_owned);
                let mut part = || parts.next().unwrap_or_default();
                self.posted.push((part(), part(), part()));
            }
            other => panic!("{other}"),
        }
    }
}

fn kind(code: &str) -> EventKind {
    EventKind::INVENTORY.iter().find(|(_, known)| *known == code).expect("a known kind").0
}
