//! Randomness that runs dry, or panics, at a draw. Not: what a fault may lead to.
//!
//! **What was drawn before and after follows from the seed, so that a run can be repeated.**

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use acceso::test_util::SeededEntropy;
use acceso::{Entropy, EntropyError};

use crate::ports::{INJECTED, lock};

/// How a draw goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dry {
    Fails,
    /// After half of the bytes, and the others are such as must never be used.
    FailsHalfway,
    Panics,
}

impl Dry {
    pub const ALL: [Self; 3] = [Self::Fails, Self::FailsHalfway, Self::Panics];
}

/// Seeded randomness with a fault to come.
pub struct Dryness {
    source: SeededEntropy,
    draws: AtomicUsize,
    planned: Mutex<Option<(usize, Dry)>>,
}

impl Dryness {
    pub fn new(seed: u64) -> Self {
        Self { source: SeededEntropy::new(seed), draws: AtomicUsize::new(0), planned: Mutex::new(None) }
    }

    /// From here on draws count from 0, and the one of this number goes wrong.
    pub fn plan(&self, at: usize, dry: Dry) {
        self.draws.store(0, Ordering::SeqCst);
        *lock(&self.planned) = Some((at, dry));
    }

    pub fn calm(&self) {
        *lock(&self.planned) = None;
    }

    /// Draws since the count began.
    pub fn draws(&self) -> usize {
        self.draws.load(Ordering::SeqCst)
    }
}

impl Entropy for Dryness {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        let number = self.draws.fetch_add(1, Ordering::SeqCst);
        let planned = lock(&self.planned).filter(|(at, _)| *at == number);
        match planned {
            None => self.source.fill(bytes),
            Some((_, Dry::Fails)) => Err(EntropyError),
            Some((_, Dry::FailsHalfway)) => {
                let half = bytes.len() / 2;
                bytes[..half].fill(0x5a);
                Err(EntropyError)
            }
            Some((_, Dry::Panics)) => panic!("{INJECTED}"),
        }
    }
}
