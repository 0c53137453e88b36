//! A clock to turn, entropy to fix and hashing that costs nothing: for a host's tests and ours. Not: for production; the
//! feature `test-util` is not on by default.
//!
//! **Nothing here weakens a service that did not ask for it by name.**

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::clock::{Clock, Timestamp};
use crate::entropy::{Entropy, EntropyError};
use crate::password::hash::HashCost;
use crate::policy::Policy;

/// A clock that stands until it is turned. Clones are the same clock.
///
/// ```
/// # use acceso::test_util::FakeClock;
/// # use acceso::{Clock, Timestamp};
/// # use std::time::Duration;
/// let clock = FakeClock::at(Timestamp::from_millis(1_800_000_000_000));
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now(), Timestamp::from_millis(1_800_000_060_000));
/// ```
#[derive(Debug, Clone)]
pub struct FakeClock(Arc<AtomicI64>);

impl FakeClock {
    /// Standing at this instant.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.as_millis())))
    }

    /// Turns it on.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().after(by));
    }

    /// Sets it, forwards or back.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }
}

impl Default for FakeClock {
    /// Standing at 2026-01-15T12:00:00Z.
    fn default() -> Self {
        Self::at(Timestamp::from_millis(1_768_478_400_000))
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Bytes that follow from a seed, so that a run can be repeated. Clones go on where the other stands.
#[derive(Debug, Clone)]
pub struct SeededEntropy {
    seed: u64,
    drawn: Arc<AtomicU64>,
}

impl SeededEntropy {
    /// The bytes of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: Arc::default() }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        for chunk in bytes.chunks_mut(32) {
            let number = self.drawn.fetch_add(1, Ordering::SeqCst);
            let block =
                Sha256::new().chain_update(self.seed.to_le_bytes()).chain_update(number.to_le_bytes()).finalize();
            chunk.iter_mut().zip(block).for_each(|(byte, random)| *byte = random);
        }
        Ok(())
    }
}

/// The policy with hashing so cheap that tests do not wait for it. Anybody could guess what it hashes.
#[must_use]
pub fn cheap_hashing(policy: Policy) -> Policy {
    Policy { hash_cost: HashCost::FOR_TESTS, ..policy }
}
