//! The one way in which a port fails.
//!
//! **A failure of a port means "not there", never an outcome.**

use crate::identity::UserId;

/// Any error of the host's own, so that an implementation can write `?`.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A record that is there and cannot be read: damaged, tampered with, or written by a later version.
///
/// A store returns it as its error where a row does not parse. The call is answered with
/// [`Error::Unavailable`](crate::Error::Unavailable) like any other failure, and the core records the event
/// [`RecordUnreadable`](crate::EventKind::RecordUnreadable) besides, so that staff sees which user is concerned. A store
/// that returns an error of its own instead leaves no event.
///
/// `Display` and `Debug` show no value of the record.
#[derive(thiserror::Error)]
#[error("a stored {record} cannot be read")]
pub struct UnreadableRecord {
    record: &'static str,
    user: Option<UserId>,
    #[source]
    cause: BoxError,
}

impl UnreadableRecord {
    /// Which kind of record it is, whose (as far as can be told), and why. `cause` should quote no value.
    pub fn new(record: &'static str, user: Option<UserId>, cause: impl Into<BoxError>) -> Self {
        Self { record, user, cause: cause.into() }
    }

    /// Whose record it is, as far as can be told.
    pub fn user(&self) -> Option<UserId> {
        self.user
    }
}

/// Without the cause: drivers quote rows.
impl std::fmt::Debug for UnreadableRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnreadableRecord")
            .field("record", &self.record)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
