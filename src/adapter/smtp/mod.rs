//! A [`Mailer`] over SMTP, to a mail service or a relay of the clinic. Not: a mail server; it asks no domain for its own.
//!
//! **`Ok` means that the server has answered 250 to the whole message.** What may pass is tried again; only a refusal of
//! the recipient itself is for good.
//!
//! [`docs::mail`](crate::docs::mail) says how to connect to a mail service, which answer means what, and what the clinic
//! must set for its mails not to be taken for spam.

mod builder;
mod conversation;
mod dkim;
mod failure;
mod reply;
mod server;
mod url;
mod wire;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub use self::builder::{SmtpBuilder, SmtpConfigError};
use self::conversation::{dot_stuffed, hand_over};
pub use self::dkim::{DkimKey, DkimKeyError};
use self::failure::{Cause, Failure};
use self::reply::Step;
use self::server::{Conversation, Server};
use crate::adapter::message::{NoRuntime, Sender};
use crate::identity::EmailAddress;
use crate::mail::Mail;
use crate::port::mailer::{Mailer, SendError};

/// Sends mails to one SMTP server, over connections that it keeps for a while.
///
/// ```
/// use acceso::adapter::message::Sender;
/// use acceso::adapter::smtp::SmtpMailer;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sender = Sender::new("avisos@clinica.example")?.named("Clínica del Sol")?.reply_to("recepcion@clinica.example")?;
/// let mailer = SmtpMailer::builder("smtps://portal:s%40creta@mail.example", sender).build()?;
/// assert_eq!(format!("{mailer:?}"), "SmtpMailer { host: \"mail.example\", port: 465, .. }");
/// # Ok(())
/// # }
/// ```
///
/// # Security
/// A mail for another machine goes over TLS 1.2 or 1.3 with a certificate that was verified, or not at all: `smtp://`
/// means STARTTLS, and a server that does not offer it is refused. Only `localhost` and loopback addresses are spoken to in
/// plain text, unless [`require_tls`](SmtpBuilder::require_tls) says otherwise.
///
/// # Errors
/// Every failure is [`Transient`](SendError::Transient) but for a refusal of the recipient: the table is in
/// [`docs::mail`](crate::docs::mail). The error's [`source`](std::error::Error::source) says at which step and with which
/// code; the server's own words, which may quote the address, are one `source()` deeper.
///
/// # Cancellation
/// A dropped send closes its connection. If the message was under way, it may still arrive.
///
/// # Concurrency
/// As many mails at once as [`connections`](SmtpBuilder::connections) says; the others wait, and their waiting counts for
/// their time-out. It needs a tokio runtime with time and I/O. No task is started: a connection that idles too long is
/// closed by the next send.
pub struct SmtpMailer {
    server: Server,
    sender: Sender,
    dkim: Option<DkimKey>,
    send_timeout: Duration,
    longest_idle: Duration,
    places: Semaphore,
    most_idle: usize,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    conversation: Conversation,
    since: Instant,
}

impl SmtpMailer {
    /// A mailer for the server at this URL: see [`SmtpBuilder`].
    pub fn builder(url: &str, sender: Sender) -> SmtpBuilder {
        SmtpBuilder::new(url, sender)
    }

    /// Connects and logs in, without sending a mail: for the start of a portal, and for its health.
    ///
    /// # Errors
    /// [`SendError::Transient`], with the reason as its [`source`](std::error::Error::source).
    pub async fn check(&self) -> Result<(), SendError> {
        self.in_time(async {
            let _place = self.places.acquire().await;
            let mut conversation = self.server.open().await?;
            conversation.ask(Step::Check, b"NOOP\r\n", 2).await?;
            self.keep(conversation);
            Ok(())
        })
        .await
    }

    async fn in_time(&self, work: impl Future<Output = Result<(), Failure>>) -> Result<(), SendError> {
        if Handle::try_current().is_err() {
            return Err(SendError::Transient(NoRuntime.into()));
        }
        match timeout(self.send_timeout, work).await {
            Ok(done) => done.map_err(Into::into),
            Err(late) => Err(SendError::Transient(late.into())),
        }
    }

    async fn deliver(&self, to: &EmailAddress, data: &[u8]) -> Result<(), Failure> {
        // It is never closed.
        let _place = self.places.acquire().await;
        let from = self.sender.address();
        if let Some(mut kept) = self.kept() {
            match hand_over(&mut kept, from, to, data).await {
                // A server closes what idled, or has had enough mails on one connection: not this mail's fault.
                Err(failure) if failure.is_of_connection() => kept.quit().await,
                done => return self.after(kept, done).await,
            }
        }
        let mut fresh = self.server.open().await?;
        let done = hand_over(&mut fresh, from, to, data).await;
        self.after(fresh, done).await
    }

    /// A conversation in which anything went wrong is not used again.
    async fn after(&self, conversation: Conversation, done: Result<(), Failure>) -> Result<(), Failure> {
        match &done {
            Ok(()) => self.keep(conversation),
            Err(failure) if matches!(failure.cause, Cause::Refused(_)) => conversation.quit().await,
            Err(_) => drop(conversation),
        }
        done
    }

    fn kept(&self) -> Option<Conversation> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|idle| idle.since.elapsed() < self.longest_idle);
        idle.pop().map(|idle| idle.conversation)
    }

    fn keep(&self, conversation: Conversation) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if conversation.is_quiet() && idle.len() < self.most_idle {
            idle.push(Idle { conversation, since: Instant::now() });
        }
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let message = self.sender.message(mail)?;
        let message = match &self.dkim {
            Some(key) => key.signed(&message).map_err(|error| SendError::Transient(error.into()))?,
            None => message,
        };
        let data = dot_stuffed(&message);
        self.in_time(self.deliver(mail.to(), &data)).await
    }
}

/// Redacted: shows the server, never the credentials.
impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Server { host, port, .. } = &self.server;
        f.debug_struct("SmtpMailer").field("host", host).field("port", port).finish_non_exhaustive()
    }
}
