//! Who plays: patients, strangers, their addresses, names and passwords. Not: what they do.
//!
//! **A stranger knows every address and user name, and no patient's password, mail or session.**

/// Ana's address stands in two patient records, spelled in two ways; her daughter uses it too.
pub const ANA: &str = "ana.pena@example.org";
pub const BETO: &str = "beto@example.org";
/// The address of a stranger, who is nobody's patient unless the clinic makes her one.
pub const MALLORY: &str = "mallory@example.net";
/// A placeholder in too many records: nobody's.
pub const PLACEHOLDER: &str = "notiene@example.org";
pub const EMAILS: [&str; 4] = [ANA, BETO, MALLORY, PLACEHOLDER];

pub const NAMES: [&str; 5] = ["anapena", "hija", "beto-r", "mal.lory", "unused"];

/// Breaks the rules of every policy.
pub const UNFIT: &str = "corta";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visitor {
    Ana,
    Daughter,
    Beto,
    /// A stranger with a mailbox of her own.
    Mallory,
    /// A stranger without one.
    Trudy,
}

pub const VISITORS: [Visitor; 5] = [Visitor::Ana, Visitor::Daughter, Visitor::Beto, Visitor::Mallory, Visitor::Trudy];

impl Visitor {
    /// The mailbox that the visitor reads.
    pub fn mailbox(self) -> Option<&'static str> {
        match self {
            Self::Ana | Self::Daughter => Some(ANA),
            Self::Beto => Some(BETO),
            Self::Mallory => Some(MALLORY),
            Self::Trudy => None,
        }
    }

    pub fn is_patient(self) -> bool {
        matches!(self, Self::Ana | Self::Daughter | Self::Beto)
    }

    /// The user name that the visitor would like to have.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ana => NAMES[0],
            Self::Daughter => NAMES[1],
            Self::Beto => NAMES[2],
            Self::Mallory | Self::Trudy => NAMES[3],
        }
    }

    /// Passwords of the visitor's own: nobody else knows them.
    pub fn password(self, number: u8) -> String {
        let who = match self {
            Self::Ana => "uno",
            Self::Daughter => "dos",
            Self::Beto => "tres",
            Self::Mallory => "cuatro",
            Self::Trudy => "cinco",
        };
        format!("Tigres tristes {who} {}", number % 3)
    }
}

/// The records of the clinic, and whether each is there from the start: id, address as spelled.
pub const RECORDS: [(&str, &str, bool); 5] = [
    ("pac-1", "Ana.Pena@Example.org", true),
    ("pac-2", "ana.pena@example.org", true),
    ("pac-3", "beto@example.org", true),
    ("pac-4", "mallory@example.net", false),
    ("pac-0", "ANA.PENA@example.org", false),
];
