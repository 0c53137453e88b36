//! Random bytes, and who gives them. Not: what is made of them.
//!
//! **Without random bytes nothing happens: there is no weaker source to fall back to.**

use std::fmt;
use std::sync::Arc;

use rand::TryRng;
use zeroize::Zeroizing;

/// No random bytes were to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no random bytes were to be had")]
pub struct EntropyError;

/// Gives random bytes fit for secrets. Hosts take [`OsEntropy`]; tests fix one.
pub trait Entropy: Send + Sync {
    /// Fills all of `bytes`, or fails; what a failure leaves in `bytes` is never used.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

impl<T: Entropy + ?Sized> Entropy for Arc<T> {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        (**self).fill(bytes)
    }
}

/// The operating system's source, asked anew each time: nothing is pooled that a fork could copy.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        rand::rngs::SysRng.try_fill_bytes(bytes).map_err(|_| EntropyError)
    }
}

/// Random bytes drawn before a decision, so that deciding cannot fail for want of them and a decision made again after
/// a conflict takes the same ones.
pub(crate) struct Fresh {
    bytes: Zeroizing<[u8; Self::SIZE]>,
    taken: usize,
}

impl Fresh {
    /// More than any decision takes: a token of 32 bytes and fourteen ids of 16.
    const SIZE: usize = 256;

    pub(crate) fn draw(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut bytes = Zeroizing::new([0; Self::SIZE]);
        entropy.fill(bytes.as_mut_slice())?;
        Ok(Self { bytes, taken: 0 })
    }

    /// The next `N` bytes. Beyond the drawn ones they are zero, and [`overdrawn`](Self::overdrawn) forbids their use.
    pub(crate) fn take<const N: usize>(&mut self) -> [u8; N] {
        let from = self.taken;
        self.taken = from.saturating_add(N);
        self.bytes.get(from..self.taken).and_then(|slice| slice.try_into().ok()).unwrap_or([0; N])
    }

    pub(crate) fn rewind(&mut self) {
        self.taken = 0;
    }

    pub(crate) fn overdrawn(&self) -> bool {
        self.taken > Self::SIZE
    }
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fresh(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewound_draw_gives_the_same_bytes_and_an_overdraw_is_told() {
        let mut fresh = Fresh::draw(&OsEntropy).expect("the system has entropy");
        let first: [u8; 32] = fresh.take();
        let second: [u8; 32] = fresh.take();
        assert_ne!(first, second);
        fresh.rewind();
        assert_eq!(fresh.take::<32>(), first);
        assert!(!fresh.overdrawn());
        while !fresh.overdrawn() {
            let _: [u8; 16] = fresh.take();
        }
        assert_eq!(fresh.take::<16>(), [0; 16]);
    }

    #[test]
    fn no_entropy_no_draw() {
        struct Dry;
        impl Entropy for Dry {
            fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
                Err(EntropyError)
            }
        }
        assert_eq!(Fresh::draw(&Dry).map(|_| ()), Err(EntropyError));
    }
}
