//! How often one client may send a form. Not: the strikes of a user, which the core counts whatever stands here.
//!
//! **Who is asked about never decides; only who asks.**

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

/// Says whether a client may send one more form.
///
/// Asked once for each request that could change something, before anything else is read. Implement it over a store that
/// all processes share, where several serve one portal; each of them counts alone otherwise. An implementation must bound
/// its own memory, and should let a client through when its store cannot be asked: the core bounds guesses by itself. The
/// future may be dropped; the form is then not sent.
#[async_trait]
pub trait ClientLimit: Send + Sync {
    /// `Err` with the pause after which a try makes sense. An IPv6 address comes as its /64, which is what one customer
    /// of a network has.
    async fn admit(&self, client: IpAddr) -> Result<(), Duration>;
}

/// Sixty forms at once, then one a second: a clinic's waiting room behind one address does not notice it, and a program
/// that tries names by the thousand does.
pub(crate) struct PerProcess {
    limiter: RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>,
    asked: AtomicU32,
}

const BURST: NonZeroU32 = match NonZeroU32::new(60) {
    Some(burst) => burst,
    None => NonZeroU32::MIN,
};

/// Clients that have been quiet are forgotten every so many questions.
const SWEEP_EVERY: u32 = 4096;

impl PerProcess {
    pub(crate) fn new() -> Self {
        let quota = Quota::per_second(NonZeroU32::MIN).allow_burst(BURST);
        Self { limiter: RateLimiter::hashmap(quota), asked: AtomicU32::new(0) }
    }
}

impl fmt::Debug for PerProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PerProcess(…)")
    }
}

#[async_trait]
impl ClientLimit for PerProcess {
    async fn admit(&self, client: IpAddr) -> Result<(), Duration> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&client).map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }
}

/// The address under which a client is counted.
pub(crate) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(long) => IpAddr::V6(Ipv6Addr::from_bits(long.to_bits() & (u128::MAX << 64))),
        short @ IpAddr::V4(_) => short,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_of_an_ipv6_network_is_one_client() {
        let of = |text: &str| counted(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[tokio::test]
    async fn who_sends_too_much_waits_and_nobody_else_does() {
        let limit = PerProcess::new();
        let (busy, calm) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let mut refused = None;
        for _ in 0..10 * BURST.get() {
            if let Err(pause) = limit.admit(busy).await {
                refused = Some(pause);
                break;
            }
        }
        assert!(refused.is_some_and(|pause| pause <= Duration::from_secs(1)));
        assert!(limit.admit(calm).await.is_ok());
    }
}
