//! All that the checker may know: what the processes wrote down, and what the database holds. Not: what follows from it.
//!
//! **Plain data, so that a test can tamper with it.**

use crate::log::{Call, CommitLine, MailLine};
use crate::tables::Tables;

#[derive(Debug, Clone)]
pub struct Evidence {
    pub rules: Rules,
    pub calls: Vec<Call>,
    pub commits: Vec<CommitLine>,
    pub mails: Vec<MailLine>,
    pub tables: Tables,
}

/// The policy, as far as it is checked.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub threshold: i64,
    pub sessions_per_user: usize,
    pub users_per_address: usize,
}
