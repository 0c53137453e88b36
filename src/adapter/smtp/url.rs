//! The address of a mail server, as one line of a configuration. Not: a URL in general.
//!
//! **A fault names the part that is wrong and quotes nothing**: a password stands in the middle.

use std::net::IpAddr;

use zeroize::Zeroizing;

use crate::adapter::smtp::SmtpConfigError;

/// RFC 8314: submission with TLS from the first byte.
const SUBMISSIONS: u16 = 465;
/// RFC 6409: submission with STARTTLS.
const SUBMISSION: u16 = 587;

/// Where the server is, and who asks.
pub(super) struct Url {
    /// A name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// TLS from the first byte.
    pub(super) is_implicit_tls: bool,
    pub(super) credentials: Option<Credentials>,
}

/// Without `Debug` on purpose.
pub(super) struct Credentials {
    pub(super) user: Zeroizing<String>,
    pub(super) password: Zeroizing<String>,
}

impl Url {
    pub(super) fn parse(url: &str) -> Result<Self, SmtpConfigError> {
        let (scheme, rest) = url.split_once("://").ok_or(SmtpConfigError::Scheme)?;
        let (is_implicit_tls, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "smtps" => (true, SUBMISSIONS),
            "smtp" => (false, SUBMISSION),
            _ => return Err(SmtpConfigError::Scheme),
        };
        let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if !matches!(after, "" | "/") {
            return Err(SmtpConfigError::Trailing);
        }
        let (credentials, place) = match authority.rsplit_once('@') {
            Some((credentials, place)) => (Some(Credentials::parse(credentials)?), place),
            None => (None, authority),
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(literal) => literal.split_once(']').ok_or(SmtpConfigError::Host)?,
            None => place.split_at(place.find(':').unwrap_or(place.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port > 0).ok_or(SmtpConfigError::Port)?
            }
            None if port.is_empty() => default_port,
            _ => return Err(SmtpConfigError::Port),
        };
        let is_name =
            |host: &str| !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        let is_literal = place.starts_with('[');
        if !if is_literal { host.parse::<std::net::Ipv6Addr>().is_ok() } else { is_name(host) } {
            return Err(SmtpConfigError::Host);
        }
        Ok(Self { host: host.to_ascii_lowercase(), port, is_implicit_tls, credentials })
    }

    /// Whether the server is on this machine: what is sent there leaves it encrypted or not at all.
    pub(super) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl Credentials {
    fn parse(text: &str) -> Result<Self, SmtpConfigError> {
        let (user, password) = text.split_once(':').ok_or(SmtpConfigError::Credentials)?;
        let credentials = Self { user: decoded(user)?, password: decoded(password)? };
        if credentials.user.is_empty() || credentials.password.is_empty() {
            return Err(SmtpConfigError::Credentials);
        }
        Ok(credentials)
    }
}

/// Percent-decoded. A NUL is refused: AUTH PLAIN parts its words by one (RFC 4616).
fn decoded(text: &str) -> Result<Zeroizing<String>, SmtpConfigError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                let (high, low) = (digit(), digit());
                high.zip(low)
                    .and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
                    .filter(|byte| *byte != 0)
                    .ok_or(SmtpConfigError::Credentials)?
            }
            // These must be written as `%40` and `%3A`, or nobody knows where the password ends.
            b'@' | b':' | 0 => return Err(SmtpConfigError::Credentials),
            byte => byte,
        });
    }
    std::str::from_utf8(&bytes).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| SmtpConfigError::Credentials)
}
