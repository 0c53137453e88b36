//! How a mail leaves. Not: what it says, nor when it is tried again.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::mail::Mail;
use crate::port::error::BoxError;

/// Why a mail did not leave. Closed: the courier must know what to do about each.
///
/// `Debug` and `Display` leave the cause out, because mail servers quote addresses; [`source`](std::error::Error::source)
/// has it.
pub enum SendError {
    /// It may leave later: tried again, with growing pauses.
    Transient(BoxError),
    /// It will never leave, such as to an address that the server refuses: given up, with an event for staff.
    Permanent(BoxError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transient(_) => "the mail cannot leave now",
            Self::Permanent(_) => "the mail was refused for good",
        })
    }
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transient(_) => "Transient(…)",
            Self::Permanent(_) => "Permanent(…)",
        })
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transient(cause) | Self::Permanent(cause) => Some(&**cause),
        }
    }
}

/// The host's way to send a mail.
///
/// # Contract
/// - `Ok` means that somebody else is responsible for the mail now, such as a mail server that has answered 250.
/// - It goes to [`Mail::to`] alone, with the subject and bodies as they are.
/// - One mail may come more than once, with the same [`Mail::id`] and perhaps a newer link or password inside: send each.
///   Where the purpose [holds a secret](crate::MailPurpose::holds_secret), each has a `Message-ID` of its own, because only
///   the newest is good, and mail programs show the first of two of one id. Any other mail may have the same each time, so
///   that the second is known for what it is.
/// - Returns within a time-out of its own that is shorter than half of the policy's lease. The courier drops what takes
///   longer, as it does a transient failure, and an address that takes longer than a thirtieth of the lease is sent to one
///   mail at a time.
///
/// # Untrusted input
/// Nothing in a mail was typed by a visitor but the user names in [`UserNames`](crate::MailPurpose::UserNames), after
/// proof. The subject holds no line break.
///
/// # Errors
/// [`SendError::Transient`] for everything that may pass; [`SendError::Permanent`] only if a later try cannot help. When in
/// doubt, transient: a link of a mail refused for good is taken away.
///
/// # Cancellation
/// The future may be dropped at any await; the mail is then tried again, so it may arrive twice.
///
/// # Concurrency
/// Called for several mails at once, as many as the policy says. A panic costs the one mail, which is tried again.
///
/// # Testing yours
/// `acceso::conformance::mailer` (feature `conformance`) has a named check for each sentence above that can be checked from
/// outside.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one mail. It holds a secret: log neither its bodies nor its recipient.
    async fn send(&self, mail: &Mail) -> Result<(), SendError>;
}

#[async_trait]
impl<T: Mailer + ?Sized> Mailer for Arc<T> {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        (**self).send(mail).await
    }
}
