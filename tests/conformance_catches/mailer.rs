//! A mailer in memory with one bug that can be switched on.
//!
//! **With no bug it keeps the whole contract; with one it breaks the sentence that the bug is named for.**

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use acceso::conformance::mailer::Arrived;
use acceso::{Mail, MailId, Mailer, SendError};
use async_trait::async_trait;

use crate::bug::{let_others_in, pause};

/// What a mailer can get wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailerBug {
    LosesAll,
    SendsTwice,
    SendsACopyToTheClinic,
    LowersTheRecipient,
    WritesLatin1,
    EatsLeadingDots,
    EndsAtALoneDot,
    BreaksLongLines,
    SendsEachIdOnce,
    SharesOneBuffer,
    KeepsALockWhenDropped,
}

use MailerBug as Bug;

#[derive(Default)]
pub(crate) struct PlantedMailer {
    bug: Option<Bug>,
    arrived: Mutex<Vec<Arrived>>,
    ids: Mutex<Vec<MailId>>,
    buffer: Mutex<Option<Arrived>>,
    locked: AtomicBool,
}

impl PlantedMailer {
    pub(crate) fn new(bug: Option<Bug>) -> Self {
        Self { bug, ..Self::default() }
    }

    pub(crate) fn take(&self) -> Vec<Arrived> {
        std::mem::take(&mut *self.arrived.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// A body as the bug leaves it.
    fn transported(&self, body: &str) -> String {
        let lines = body.split('\n');
        match self.bug {
            Some(Bug::WritesLatin1) => body.chars().map(|c| if u32::from(c) < 256 { c } else { '?' }).collect(),
            Some(Bug::EatsLeadingDots) => {
                lines.map(|l| l.strip_prefix('.').unwrap_or(l)).collect::<Vec<_>>().join("\n")
            }
            Some(Bug::EndsAtALoneDot) => lines.take_while(|line| *line != ".").collect::<Vec<_>>().join("\n"),
            Some(Bug::BreaksLongLines) => lines
                .map(|line| {
                    line.chars().collect::<Vec<_>>().chunks(998).map(String::from_iter).collect::<Vec<_>>().join("\n")
                })
                .collect::<Vec<_>>()
                .join("\n"),
            _ => body.to_owned(),
        }
    }
}

#[async_trait]
impl Mailer for PlantedMailer {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        if self.has(Bug::KeepsALockWhenDropped) {
            if self.locked.swap(true, Ordering::SeqCst) {
                return Err(SendError::Transient("the connection is in use".into()));
            }
            pause().await;
            self.locked.store(false, Ordering::SeqCst);
        }
        let mut arrived =
            Arrived { text: self.transported(mail.text()), html: self.transported(mail.html()), ..Arrived::from(mail) };
        match self.bug {
            Some(Bug::SendsACopyToTheClinic) => arrived.recipients.push("archivo@clinica.example".into()),
            Some(Bug::LowersTheRecipient) => arrived.recipients = vec![mail.to().key().to_owned()],
            Some(Bug::SharesOneBuffer) => {
                let buffer = || self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
                *buffer() = Some(arrived.clone());
                let_others_in();
                arrived = buffer().clone().unwrap_or(arrived);
            }
            _ => {}
        }
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let known = ids.contains(&mail.id());
        ids.push(mail.id());
        let copies = match self.bug {
            Some(Bug::LosesAll) => 0,
            Some(Bug::SendsTwice) => 2,
            Some(Bug::SendsEachIdOnce) => usize::from(!known),
            _ => 1,
        };
        let copies = std::iter::repeat_n(arrived, copies);
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).extend(copies);
        Ok(())
    }
}
