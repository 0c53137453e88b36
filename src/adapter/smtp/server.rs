//! The mail server, and a conversation with it. Not: how many conversations, nor when.
//!
//! **No credential and no mail leaves this machine unencrypted, or to a server whose certificate is not its own.**

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use zeroize::Zeroizing;

use crate::adapter::smtp::SmtpConfigError;
use crate::adapter::smtp::failure::{Cause, Failure};
use crate::adapter::smtp::reply::{Reply, Step};
use crate::adapter::smtp::url::Credentials;
use crate::adapter::smtp::wire::{Stream, Wire};

/// A conversation that is open, encrypted as far as it must be, and logged in.
pub(super) type Conversation = Wire<Box<dyn Stream>>;

/// How a connection is encrypted.
pub(super) enum Encryption {
    /// From the first byte.
    Implicit(Tls),
    /// By STARTTLS, or not at all.
    StartTls(Tls),
    /// None: the server is on this machine.
    Loopback,
}

/// Whom to trust, and the name that the certificate must have.
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) credentials: Option<Credentials>,
    pub(super) helo_name: Option<String>,
    /// For connecting, and for each command.
    pub(super) timeout: Duration,
}

impl Tls {
    /// With the roots of Mozilla, unless only one's own count, and one's own.
    pub(super) fn new(host: &str, own_roots: &[u8], only_own: bool) -> Result<Self, SmtpConfigError> {
        let mut roots = RootCertStore::empty();
        if !only_own {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        let before = roots.len();
        for root in CertificateDer::pem_slice_iter(own_roots) {
            let root = root.map_err(|_| SmtpConfigError::Certificates)?;
            roots.add(root).map_err(|_| SmtpConfigError::Certificates)?;
        }
        if roots.len() == before && (only_own || !own_roots.is_empty()) {
            return Err(SmtpConfigError::Certificates);
        }
        // Named, so that it does not matter what else the process has brought.
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| SmtpConfigError::Certificates)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).map_err(|_| SmtpConfigError::Host)?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    async fn encrypted(&self, stream: TcpStream, limit: Duration) -> Result<Box<dyn Stream>, Failure> {
        match timeout(limit, self.connector.connect(self.name.clone(), stream)).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => Err(Failure::new(Step::Tls, Cause::Io(error))),
            Err(_) => Err(Failure::new(Step::Tls, Cause::Late)),
        }
    }
}

impl Server {
    /// A new conversation: connected, encrypted and logged in.
    pub(super) async fn open(&self) -> Result<Conversation, Failure> {
        let stream = self.connect().await?;
        let own_name = self.own_name(&stream);
        let ehlo = format!("EHLO {own_name}\r\n");
        let mut wire = match &self.encryption {
            Encryption::Implicit(tls) => {
                let mut wire = Wire::new(tls.encrypted(stream, self.timeout).await?, self.timeout);
                wire.greeting().await?;
                wire
            }
            Encryption::StartTls(tls) => {
                let mut wire = Wire::new(stream, self.timeout);
                wire.greeting().await?;
                let offers = wire.ask(Step::Ehlo, ehlo.as_bytes(), 2).await?;
                if offer(&offers, "STARTTLS").is_none() {
                    return Err(Failure::new(Step::StartTls, Cause::NoTls));
                }
                wire.ask(Step::StartTls, b"STARTTLS\r\n", 2).await?;
                let stream = wire.into_stream().ok_or(Failure::new(Step::Tls, Cause::Unasked))?;
                Wire::new(tls.encrypted(stream, self.timeout).await?, self.timeout)
            }
            Encryption::Loopback => {
                let mut wire = Wire::new(Box::new(stream) as Box<dyn Stream>, self.timeout);
                wire.greeting().await?;
                wire
            }
        };
        // Asked again after STARTTLS: what was offered before it may have been forged (RFC 3207, 4.2).
        let offers = wire.ask(Step::Ehlo, ehlo.as_bytes(), 2).await?;
        if let Some(credentials) = &self.credentials {
            log_in(&mut wire, &offers, credentials).await?;
        }
        Ok(wire)
    }

    /// The first address that answers; each is given an equal part of the time-out.
    async fn connect(&self) -> Result<TcpStream, Failure> {
        let failure = |cause| Failure::new(Step::Connect, cause);
        let found = timeout(self.timeout, lookup_host((self.host.as_str(), self.port))).await;
        let found: Vec<SocketAddr> =
            found.map_err(|_| failure(Cause::Late))?.map_err(|error| failure(Cause::Io(error)))?.collect();
        // What `localhost` is, is for a file and a resolver to say.
        let must_be_here = matches!(self.encryption, Encryption::Loopback);
        let addresses: Vec<_> = found.into_iter().filter(|found| !must_be_here || found.ip().is_loopback()).collect();
        let each = self.timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let mut last = Cause::NotLoopback;
        for address in addresses {
            match timeout(each, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Commands are short and wait for their answer.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = Cause::Io(error),
                Err(_) => last = Cause::Late,
            }
        }
        Err(failure(last))
    }

    /// Who we are: as the host says, or else our end's address (RFC 5321, 4.1.4).
    fn own_name(&self, stream: &TcpStream) -> String {
        let literal = || match stream.local_addr().map(|address| address.ip().to_canonical()) {
            Ok(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
            Ok(IpAddr::V4(address)) => format!("[{address}]"),
            Err(_) => "[127.0.0.1]".to_owned(),
        };
        self.helo_name.clone().unwrap_or_else(literal)
    }
}

/// The words behind a keyword of the answer to EHLO, if it is there.
fn offer<'a>(offers: &'a Reply, keyword: &str) -> Option<Vec<&'a str>> {
    offers.lines.iter().skip(1).find_map(|line| {
        // Some servers still say `AUTH=`.
        let mut words = line.split([' ', '=']);
        words.next()?.eq_ignore_ascii_case(keyword).then(|| words.collect())
    })
}

async fn log_in(wire: &mut Conversation, offers: &Reply, credentials: &Credentials) -> Result<(), Failure> {
    let ways = offer(offers, "AUTH").unwrap_or_default();
    let has = |way: &str| ways.iter().any(|offered| offered.eq_ignore_ascii_case(way));
    let (user, password) = (credentials.user.as_str(), credentials.password.as_str());
    if has("PLAIN") {
        let plain = Zeroizing::new(format!("\0{user}\0{password}"));
        let command = Zeroizing::new(format!("AUTH PLAIN {}\r\n", *encoded(&plain)));
        wire.ask(Step::Auth, command.as_bytes(), 2).await?;
    } else if has("LOGIN") {
        wire.ask(Step::Auth, b"AUTH LOGIN\r\n", 3).await?;
        for (word, kind) in [(user, 3), (password, 2)] {
            let line = Zeroizing::new(format!("{}\r\n", *encoded(word)));
            wire.ask(Step::Auth, line.as_bytes(), kind).await?;
        }
    } else {
        return Err(Failure::new(Step::Auth, Cause::NoAuth));
    }
    Ok(())
}

fn encoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(Base64::encode_string(text.as_bytes()))
}
