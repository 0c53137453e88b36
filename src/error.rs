//! What a host must act on. Not: a refusal, which is an answer.
//!
//! **No error shows personal data or a secret, and none is ever a success or a "wrong password".**

use std::fmt;
use std::time::Duration;

use crate::port::error::BoxError;

/// A call that could not be judged. Nothing about an account has changed for certain unless it says so, and every call
/// can be repeated.
///
/// `Display` and `Debug` leave the cause out, because drivers quote rows; [`source`](std::error::Error::source) gives it
/// to whoever asks.
#[non_exhaustive]
pub enum Error {
    /// Too much is being done at once. Nothing has happened: answer 503 and let the person try again after the pause.
    Busy {
        /// A pause after which a try makes sense.
        retry_after: Duration,
    },
    /// The store, the registry, the system's entropy or memory is not there. Answer 503 and look at the source. A commit
    /// whose answer was lost may have landed.
    Unavailable(BoxError),
}

impl Error {
    pub(crate) fn unavailable(cause: impl Into<BoxError>) -> Self {
        Self::Unavailable(cause.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy { .. } => "too much is being done at once",
            Self::Unavailable(_) => "something that is needed is not there",
        })
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { retry_after } => f.debug_struct("Busy").field("retry_after", retry_after).finish(),
            Self::Unavailable(_) => f.write_str("Unavailable(…)"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Busy { .. } => None,
            Self::Unavailable(cause) => Some(&**cause),
        }
    }
}
