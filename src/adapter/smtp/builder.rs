//! What an SMTP mailer is built from. Not: how it sends.
//!
//! **What cannot work is refused here, without quoting any of it.**

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::adapter::message::Sender;
use crate::adapter::smtp::SmtpMailer;
use crate::adapter::smtp::dkim::DkimKey;
use crate::adapter::smtp::server::{Encryption, Server, Tls};
use crate::adapter::smtp::url::Url;

/// As many as the courier sends at once by default.
const CONNECTIONS: u16 = 8;
/// Below the idle times of firewalls and servers, which begin at a minute.
const LONGEST_IDLE: Duration = Duration::from_secs(30);
/// RFC 5321, 4.5.3.2, names 2 to 10 minutes, for servers that look at the mail before they answer. Ours are a few kilobytes.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
/// Less than half of the 5 minutes that a courier holds a mail by default: after that half it drops the send.
const SEND_TIMEOUT: Duration = Duration::from_secs(120);

/// Why an [`SmtpMailer`] was not built. It quotes neither the URL nor any other input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SmtpConfigError {
    /// The URL begins with neither `smtp://` nor `smtps://`.
    #[error("the URL of the mail server begins with neither smtp:// nor smtps://")]
    Scheme,
    /// The user or the password is missing, empty or not percent-encoded: `%40` for `@`, `%3A` for `:`, `%2F` for `/`.
    #[error("the URL of the mail server needs both user and password, percent-encoded, or neither")]
    Credentials,
    /// No host, or one that is no ASCII name or address.
    #[error("the URL of the mail server has no host, or one that is no name or address")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("the URL of the mail server has a port that is none")]
    Port,
    /// There is something behind the port. A password with `/`, `?` or `#` in it must be percent-encoded.
    #[error("the URL of the mail server ends in a path or a query, which has no meaning")]
    Trailing,
    /// No certificate in the PEM text, or one that cannot be read, or no root at all.
    #[error("the root certificates hold none, or one that cannot be read")]
    Certificates,
    /// A name for EHLO that is no domain and no address literal.
    #[error("the name for EHLO is no domain and no address literal")]
    HeloName,
    /// A time-out of zero, or a time for the whole send that is shorter than for one command.
    #[error("a time-out is zero, or the time for a whole send is shorter than for one command")]
    Timeout,
    /// No connection, or more than 100.
    #[error("the number of connections is not from 1 to 100")]
    Connections,
}

/// Builds an [`SmtpMailer`].
///
/// The URL is `smtps://user:password@host:port`, TLS from the first byte, port 465 if none is named (RFC 8314); or
/// `smtp://user:password@host:port`, TLS by STARTTLS, port 587. User and password are percent-encoded; leave both away for
/// a relay that asks for none. An IPv6 address stands in brackets.
///
/// ```
/// # use acceso::adapter::message::Sender;
/// # use acceso::adapter::smtp::{SmtpConfigError, SmtpMailer};
/// # let sender = Sender::new("avisos@clinica.example").expect("legal");
/// let refused = SmtpMailer::builder("http://mail.example", sender).build();
/// assert_eq!(refused.err(), Some(SmtpConfigError::Scheme));
/// ```
#[must_use]
pub struct SmtpBuilder {
    url: Zeroizing<String>,
    sender: Sender,
    dkim: Option<DkimKey>,
    own_roots: Vec<u8>,
    only_own_roots: bool,
    require_tls: bool,
    helo_name: Option<String>,
    connections: u16,
    longest_idle: Duration,
    command_timeout: Duration,
    send_timeout: Duration,
}

impl SmtpBuilder {
    pub(super) fn new(url: &str, sender: Sender) -> Self {
        Self {
            url: Zeroizing::new(url.to_owned()),
            sender,
            dkim: None,
            own_roots: Vec::new(),
            only_own_roots: false,
            require_tls: false,
            helo_name: None,
            connections: CONNECTIONS,
            longest_idle: LONGEST_IDLE,
            command_timeout: COMMAND_TIMEOUT,
            send_timeout: SEND_TIMEOUT,
        }
    }

    /// Trusts these root certificates too, PEM, one or many: for a relay with a certificate of the clinic's own authority.
    pub fn root_certificates(mut self, pem: &[u8]) -> Self {
        self.own_roots.extend_from_slice(pem);
        self.own_roots.push(b'\n');
        self
    }

    /// Trusts those of [`root_certificates`](Self::root_certificates) alone, in place of Mozilla's.
    pub fn only_own_roots(mut self) -> Self {
        self.only_own_roots = true;
        self
    }

    /// Asks for TLS on this machine's own addresses too, where `smtp://` is plain text by default: programs there seldom
    /// have a certificate for `localhost`.
    pub fn require_tls(mut self) -> Self {
        self.require_tls = true;
        self
    }

    /// The name for EHLO: the portal's domain, or an address literal such as `[192.0.2.1]`. By default the literal of the
    /// address that the connection has at this end, as RFC 5321, 4.1.4, says for a client without a name.
    pub fn helo_name(mut self, name: &str) -> Self {
        self.helo_name = Some(name.to_owned());
        self
    }

    /// Signs each mail with DKIM, where the mail service does not.
    pub fn dkim(mut self, key: DkimKey) -> Self {
        self.dkim = Some(key);
        self
    }

    /// How many connections at once, 1 to 100; 8 by default, as many as the courier sends. Some mail services allow three.
    pub fn connections(mut self, connections: u16) -> Self {
        self.connections = connections;
        self
    }

    /// How long a connection is kept without a mail; 30 seconds by default. Zero: each mail has its own.
    pub fn longest_idle(mut self, longest_idle: Duration) -> Self {
        self.longest_idle = longest_idle;
        self
    }

    /// How long to wait for the connection, for the TLS handshake, and for the answer to each command; 60 seconds by
    /// default. RFC 5321, 4.5.3.2, names up to 10 minutes, which is longer than a courier holds a mail.
    pub fn command_timeout(mut self, timeout: Duration) -> Self {
        self.command_timeout = timeout;
        self
    }

    /// How long a whole send may take, waiting for a free connection included; 2 minutes by default. Keep it shorter than
    /// half of [`MailPolicy::lease`](crate::MailPolicy::lease), or the courier drops the send before the reason is known.
    pub fn send_timeout(mut self, timeout: Duration) -> Self {
        self.send_timeout = timeout;
        self
    }

    /// The mailer. It has not connected yet: [`SmtpMailer::check`] does.
    pub fn build(self) -> Result<SmtpMailer, SmtpConfigError> {
        let url = Url::parse(&self.url)?;
        if self.command_timeout.is_zero() || self.send_timeout < self.command_timeout {
            return Err(SmtpConfigError::Timeout);
        }
        if !(1..=100).contains(&self.connections) {
            return Err(SmtpConfigError::Connections);
        }
        if self.helo_name.as_deref().is_some_and(|name| !is_helo_name(name)) {
            return Err(SmtpConfigError::HeloName);
        }
        let tls = Tls::new(&url.host, &self.own_roots, self.only_own_roots)?;
        let encryption = match url.is_implicit_tls {
            true => Encryption::Implicit(tls),
            false if url.is_loopback() && !self.require_tls => Encryption::Loopback,
            false => Encryption::StartTls(tls),
        };
        let most_idle = usize::from(self.connections);
        Ok(SmtpMailer {
            server: Server {
                host: url.host,
                port: url.port,
                encryption,
                credentials: url.credentials,
                helo_name: self.helo_name,
                timeout: self.command_timeout,
            },
            sender: self.sender,
            dkim: self.dkim,
            send_timeout: self.send_timeout,
            longest_idle: self.longest_idle,
            places: Semaphore::new(most_idle),
            most_idle,
            idle: Mutex::new(Vec::new()),
        })
    }
}

/// A domain or an address literal, so nothing that ends a line.
fn is_helo_name(name: &str) -> bool {
    (1..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
}

/// Redacted: a password stands in the URL.
impl fmt::Debug for SmtpBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpBuilder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn a_send_ends_by_itself_before_the_courier_drops_it() {
        for policy in [Policy::portal(), Policy::modern()] {
            assert!(SEND_TIMEOUT < policy.mail.lease / 2);
        }
    }
}
