//! Why a mail did not leave, for the operator's log. Not: what the courier does about it.
//!
//! **It shows where and which, never to whom**: a server's own words, which quote addresses, are one `source()` deeper.

use std::error::Error;
use std::{fmt, io};

use crate::adapter::smtp::reply::{Reply, Step};
use crate::port::mailer::SendError;

/// What happened, and at which step.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) step: Step,
    pub(super) cause: Cause,
}

#[derive(Debug)]
pub(super) enum Cause {
    /// The connection failed; a certificate that was not trusted is here too.
    Io(io::Error),
    /// The server closed the connection.
    Closed,
    /// No whole answer within the time-out.
    Late,
    /// Something else than a reply, or a reply of the wrong kind.
    Unreadable,
    /// The server spoke without being asked.
    Unasked,
    /// A reply or a line without end.
    TooLong,
    /// A refusal.
    Refused(Words),
    /// TLS is required, and the server does not offer it.
    NoTls,
    /// There are credentials, and the server takes none, or not in a way that is known here.
    NoAuth,
    /// The name is this machine's, and its address is not.
    NotLoopback,
}

impl Failure {
    pub(super) fn new(step: Step, cause: Cause) -> Self {
        Self { step, cause }
    }

    /// Whether another connection may do better at once. Not once the message was under way: the server may have it.
    pub(super) fn is_of_connection(&self) -> bool {
        match &self.cause {
            _ if self.step >= Step::Message => false,
            _ if self.step <= Step::Sender => true,
            Cause::Io(_) | Cause::Closed | Cause::Unreadable | Cause::Unasked => true,
            Cause::Refused(words) => words.0.code == 421,
            _ => false,
        }
    }
}

impl From<Failure> for SendError {
    fn from(failure: Failure) -> Self {
        match &failure.cause {
            Cause::Refused(words) if words.0.is_for_good(failure.step) => Self::Permanent(failure.into()),
            _ => Self::Transient(failure.into()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = self.step;
        match &self.cause {
            Cause::Io(_) => write!(f, "the connection to the mail server failed at {step}"),
            Cause::Closed => write!(f, "the mail server closed the connection at {step}"),
            Cause::Late => write!(f, "the mail server did not answer in time at {step}"),
            Cause::Unreadable => write!(f, "the mail server's answer made no sense at {step}"),
            Cause::Unasked => write!(f, "the mail server spoke without being asked before {step}"),
            Cause::TooLong => write!(f, "the mail server's answer did not end at {step}"),
            Cause::NoTls => f.write_str("the mail server does not offer TLS"),
            Cause::NoAuth => f.write_str("the mail server does not offer AUTH PLAIN or LOGIN"),
            Cause::NotLoopback => f.write_str("the mail server's name is this machine's, its address is not"),
            Cause::Refused(Words(reply)) => match reply.status() {
                Some((class, subject, detail)) => {
                    write!(f, "the mail server answered {} {class}.{subject}.{detail} at {step}", reply.code)
                }
                None => write!(f, "the mail server answered {} at {step}", reply.code),
            },
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Io(error) => Some(error),
            Cause::Refused(words) => Some(words),
            _ => None,
        }
    }
}

/// What the server said.
pub(super) struct Words(pub(super) Reply);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |line: &String| line.replace(char::is_control, " ");
        f.write_str(&self.0.lines.iter().map(shown).collect::<Vec<_>>().join(" "))
    }
}

/// Redacted: it may quote an address.
impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({}, …)", self.0.code)
    }
}

impl Error for Words {}
