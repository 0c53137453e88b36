//! The three ports in memory: for tests, for trying things out, and as the plainest reading of each contract. Not: for
//! production, where a restart would lose every account.
//!
//! **One lock, held for moments and never across an await.**

mod mailer;
mod registry;
mod store;

pub use mailer::MemoryMailer;
pub use registry::MemoryRegistry;
pub use store::MemoryStore;
