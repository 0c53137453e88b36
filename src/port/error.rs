//! The one way in which a port fails.
//!
//! **A failure of a port means "not there", never an outcome.**

/// Any error of the host's own, so that an implementation can write `?`.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
