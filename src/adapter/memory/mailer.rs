//! A mailer in memory: an outbox to read.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::mail::Mail;
use crate::port::mailer::{Mailer, SendError};

/// Keeps the mails that were sent, until they are taken.
///
/// ```
/// # use acceso::adapter::memory::MemoryMailer;
/// let mailer = MemoryMailer::new();
/// assert!(mailer.take().is_empty());
/// ```
#[derive(Debug, Default)]
pub struct MemoryMailer(Mutex<Vec<Mail>>);

impl MemoryMailer {
    /// An empty outbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes all mails out, in the order in which they were sent.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
        Ok(())
    }
}
