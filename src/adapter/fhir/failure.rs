//! Why a look-up failed, for the operator's log. Not: what the core does about it.
//!
//! **It shows which check failed and where, never about whom**: no address, no token, no URL, and of a server's words only
//! its codes.

use std::error::Error;
use std::fmt;

use crate::port::error::BoxError;

/// What went wrong, and during which request.
pub(super) struct Failure {
    step: Step,
    fault: Fault,
}

/// As `Display`. A cause stands behind `source()` only: the host's own may quote what it likes.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({self})")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.fault)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.fault.source()
    }
}

/// Whom was spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The whole look-up.
    Lookup,
    /// The server's SMART configuration.
    Discovery,
    /// An access token.
    Token,
    /// A page of the search, from 1.
    Page(usize),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup => f.write_str("looking up patients over FHIR"),
            Self::Discovery => f.write_str("reading the FHIR server's smart-configuration"),
            Self::Token => f.write_str("obtaining an access token"),
            Self::Page(page) => write!(f, "searching patients over FHIR, page {page}"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("no tokio runtime is running here")]
    NoRuntime,
    #[error("no whole answer within the time-out")]
    Late,
    #[error("the connection failed")]
    Connection(#[source] reqwest::Error),
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    #[error("the answer is compressed, which was not asked for")]
    Compressed,
    #[error("the server answers {status}{codes}")]
    Status { status: u16, codes: Codes },
    #[error("the server asks to wait for {0} seconds")]
    Busy(u64),
    #[error("the answer's content type is not JSON")]
    NotJson,
    #[error("the answer's content type names another charset than UTF-8")]
    NotUtf8ByName,
    #[error("the answer is not UTF-8")]
    NotUtf8,
    #[error("the answer cannot be read as what it should be: line {line}, column {column}")]
    Unreadable { line: usize, column: usize },
    #[error("the server answers with an OperationOutcome{0}")]
    Outcome(Codes),
    #[error("the answer is not a Bundle of type searchset")]
    NotASearchset,
    #[error("an entry of the answer is not a Patient")]
    NotAPatient,
    #[error("an entry of the answer is no match of the search")]
    NotAMatch,
    #[error("a Patient of the answer has no id")]
    NoId,
    #[error("a Patient of the answer cannot be read")]
    UnreadablePatient,
    #[error("a Patient of the answer has an e-mail whose period cannot be read")]
    UnreadablePeriod,
    #[error("a Patient of the answer does not hold the address: the server ignores the parameter email")]
    Stranger,
    #[error("two Patients of the answer have one id and differ")]
    Differing,
    #[error("the answer has more than {0} pages")]
    TooManyPages(usize),
    #[error("the answer has more than {0} entries")]
    TooManyEntries(usize),
    #[error("a page of the answer links to two next ones")]
    TwoNextPages,
    #[error("a page of the answer links to one that came before")]
    PageAgain,
    #[error("the next page is not below the server's base URL")]
    PageElsewhere,
    #[error("the answer counts {total} patients and holds {held}")]
    Incomplete { total: u64, held: usize },
    #[error("the server's smart-configuration names no token endpoint with https")]
    NoTokenEndpoint,
    #[error("the token endpoint answers with something else than a bearer token")]
    NoToken,
    #[error("the assertion could not be signed")]
    Unsigned,
    #[error("the host's access tokens cannot be had")]
    HostToken(#[source] BoxError),
    #[error("another caller's attempt failed: {0}")]
    Shared(Box<str>),
}

impl Fault {
    pub(super) fn at(self, step: Step) -> Failure {
        Failure { step, fault: self }
    }

    /// The URL goes: a search by GET has the address in it.
    pub(super) fn connection(error: reqwest::Error) -> Self {
        Self::Connection(error.without_url())
    }

    /// The position goes, not the words: `serde_json` quotes values.
    pub(super) fn unreadable(error: &serde_json::Error) -> Self {
        Self::Unreadable { line: error.line(), column: error.column() }
    }
}

/// Codes of a server's refusal. A code is a short word in lower case, so it can be no address and no name's spelling.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Codes(Vec<String>);

impl Codes {
    const MOST: usize = 4;
    /// The longest code of R4's value set `issue-type` has 17 letters.
    const LONGEST: usize = 32;

    pub(super) fn of<'a>(codes: impl IntoIterator<Item = &'a str>) -> Self {
        let is_code = |code: &&str| {
            (1..=Self::LONGEST).contains(&code.len())
                && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b == b'_')
        };
        Self(codes.into_iter().filter(is_code).take(Self::MOST).map(str::to_owned).collect())
    }
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, code) in self.0.iter().enumerate() {
            write!(f, "{} {code}", if place == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}
