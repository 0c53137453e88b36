//! How a host puts the service together. Not: what it does.
//!
//! **What is required is an argument, so that none can be forgotten; what is unsafe is refused before anything starts.**

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use crate::clock::{Clock, SystemClock};
use crate::entropy::{Entropy, OsEntropy};
use crate::policy::{Policy, PolicyError};
use crate::port::error::BoxError;
use crate::port::mailer::Mailer;
use crate::port::patient_registry::PatientRegistry;
use crate::port::user_store::UserStore;
use crate::service::courier::Courier;
use crate::service::hashing::HashPool;
use crate::service::{Acceso, Inner, Pages};
use crate::text::Portal;

/// Waits for the portal's name and address, without which no link can be mailed.
#[must_use]
pub struct Builder {
    store: Arc<dyn UserStore>,
    registry: Arc<dyn PatientRegistry>,
    mailer: Arc<dyn Mailer>,
}

/// Has everything that is required; the rest has defaults.
#[must_use]
pub struct PortalBuilder {
    ports: Builder,
    portal: Portal,
    pages: Pages,
    policy: Policy,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A value of the policy is unsafe, or contradicts another.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The portal's name is empty, longer than 100 characters, or holds control characters.
    #[error("the portal's name is empty, too long or holds control characters")]
    Name,
    /// The contact is longer than 200 characters, or holds control characters.
    #[error("the contact is too long or holds control characters")]
    Contact,
    /// The portal's address is not `https://host[:port][/path]` (or `http://` on a loopback host).
    #[error("the portal's address is not https://host[:port][/path]")]
    Address,
    /// A page's path does not begin with `/`, or holds characters that a link would have to escape.
    #[error("a page's path is not /word/word")]
    Page,
    /// The system gives no thread to hash on.
    #[error("no thread to hash on")]
    Threads(#[source] BoxError),
}

impl Builder {
    pub(crate) fn new(store: Arc<dyn UserStore>, registry: Arc<dyn PatientRegistry>, mailer: Arc<dyn Mailer>) -> Self {
        Self { store, registry, mailer }
    }

    /// The portal's name, as mails give it (and as no password may hold it), and the address in front of every link, such
    /// as `https://portal.example`. It is the only source of links: no request header is ever read.
    pub fn portal(self, name: impl Into<String>, address: impl Into<String>) -> PortalBuilder {
        let home = address.into().trim_end_matches('/').to_owned();
        PortalBuilder {
            ports: self,
            portal: Portal { name: name.into(), home, contact: None },
            pages: Pages::default(),
            policy: Policy::portal(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
        }
    }
}

impl PortalBuilder {
    /// How people reach the clinic, as a sentence's end: "0800 555 0000" or "turnos@clinica.example".
    pub fn contact(mut self, contact: impl Into<String>) -> Self {
        self.portal.contact = Some(contact.into());
        self
    }

    /// The paths of the pages that mailed links open; each gets `?token=…`. By default `/confirmation` and
    /// `/password-recovery/confirmation`.
    pub fn pages(mut self, confirmation: impl Into<String>, password_recovery: impl Into<String>) -> Self {
        self.pages = Pages { confirmation: confirmation.into(), password_recovery: password_recovery.into() };
        self
    }

    /// What the clinic decides; [`Policy::portal`] if not given.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Another clock than the system's, for tests.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Another random source than the system's, for tests and for hosts with a source of their own.
    pub fn entropy(mut self, entropy: impl Entropy + 'static) -> Self {
        self.entropy = Arc::new(entropy);
        self
    }

    /// Starts the hashing threads, and gives the handle and the courier. Run the courier, or no mail leaves.
    ///
    /// ```
    /// # use acceso::{Acceso, adapter::memory::*};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), acceso::BuildError> {
    /// let (acceso, courier) = Acceso::builder(MemoryStore::new(), MemoryRegistry::new(), MemoryMailer::new())
    ///     .portal("Clínica del Sol", "https://portal.example")
    ///     .build()?;
    /// tokio::spawn(courier.run(tokio::time::sleep));
    /// # drop(acceso); Ok(()) }
    /// ```
    pub fn build(self) -> Result<(Acceso, Courier), BuildError> {
        self.policy.check()?;
        check_portal(&self.portal)?;
        if !is_path(&self.pages.confirmation) || !is_path(&self.pages.password_recovery) {
            return Err(BuildError::Page);
        }
        let Self { ports, portal, pages, policy, clock, entropy } = self;
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get).min(64);
        let threads = policy.hashing.threads.map_or_else(cores, usize::from);
        let waiting = threads * usize::from(policy.hashing.queue_per_thread);
        let start = |threads, waiting| {
            HashPool::start(threads, waiting, policy.hashing.longest_wait, policy.hash_cost, &entropy)
                .map_err(|error| BuildError::Threads(error.into()))
        };
        // The courier hashes on a thread of its own, so that no flood of logins can starve a temporary password.
        let (pool, courier_pool) = (start(threads, waiting)?, start(1, usize::from(policy.mail.parallel_sends))?);
        let Builder { store, registry, mailer } = ports;
        let inner = Arc::new(Inner::new(store, registry, policy, portal, pages, clock, entropy, pool));
        Ok((Acceso::new(Arc::clone(&inner)), Courier::new(inner, mailer, courier_pool)))
    }
}

fn check_portal(portal: &Portal) -> Result<(), BuildError> {
    let plain = |text: &str, most: usize| text.chars().count() <= most && !text.chars().any(char::is_control);
    if portal.name.trim().is_empty() || !plain(&portal.name, 100) {
        return Err(BuildError::Name);
    }
    if portal.contact.as_ref().is_some_and(|contact| !plain(contact, 200)) {
        return Err(BuildError::Contact);
    }
    if is_address(&portal.home) { Ok(()) } else { Err(BuildError::Address) }
}

/// Plain enough that a link is the address, the path and the token one after the other: no user, query or fragment.
fn is_address(address: &str) -> bool {
    let (secure, rest) = match (address.strip_prefix("https://"), address.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return false,
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let ip = bare.parse::<IpAddr>().ok();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let named = host.len() <= 253 && host.split('.').all(label);
    let bracketed = ip.is_some_and(|ip| ip.is_ipv6() == host.starts_with('['));
    let loopback =
        host == "localhost" || ip.is_some_and(|ip| ip.is_loopback() || ip == IpAddr::V4(Ipv4Addr::LOCALHOST));
    (if ip.is_some() { bracketed } else { named })
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
        && (path.is_empty() || is_path(path))
        && (secure || loopback)
}

fn is_path(path: &str) -> bool {
    path.len() <= 200
        && path.starts_with('/')
        && !path.contains("//")
        && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_secure_plain_addresses_are_taken() {
        for good in [
            "https://portal.example",
            "https://portal.example:8443/salud",
            "http://localhost:3000",
            "http://127.0.0.1",
            "http://[::1]:8080",
            "https://xn--clnica-4va.example",
            "https://[2001:db8::1]",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "portal.example",
            "http://portal.example",
            "ftp://portal.example",
            "https://",
            "https:///x",
            "https://a b",
            "https://user@portal.example",
            "https://portal.example?x",
            "https://portal.example#x",
            "https://portal.example/\n",
            "https://portal.example:0",
            "https://portal.example:99999",
            "https://portal.example:",
            "https://-a.example",
            "https://portal..example",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "https://clínica.example",
            "https://portal.example/a//b",
            "https://portal.example/%0a",
            "javascript:alert(1)",
            "http://[fe80::1]",
            "https://::1",
            "https://portal.example/<x>",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
