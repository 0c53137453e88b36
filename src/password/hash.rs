//! Hashing and verifying, by Argon2id (RFC 9106) of the `argon2` crate: synchronous and slow. Not: the threads it runs
//! on.
//!
//! **A stored hash is bounded before it is believed: it chooses neither the algorithm, nor the memory, nor the time.**

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::secret::{Password, PasswordHash};

/// Bytes of salt in a new hash, and the least in a stored one (RFC 9106, section 3.1).
pub(crate) const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 32;

/// What one hash costs: memory in KiB and passes over it, in one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashCost {
    memory_kib: u32,
    passes: u32,
}

impl HashCost {
    /// 19 MiB and two passes: the least that OWASP's Password Storage Cheat Sheet and ASVS 5.0 (appendix C) accept.
    pub const OWASP: Self = Self { memory_kib: 19_456, passes: 2 };

    /// The most memory, in KiB, that a hash may ask for: 256 MiB.
    pub const MAX_MEMORY_KIB: u32 = 256 * 1024;
    /// The most passes that a hash may ask for.
    pub const MAX_PASSES: u32 = 10;

    /// A cost of your own, or `None` if it is below what OWASP accepts (46 MiB and one pass, 19 MiB and two, or 12 MiB
    /// and three) or above [`MAX_MEMORY_KIB`](Self::MAX_MEMORY_KIB) or [`MAX_PASSES`](Self::MAX_PASSES).
    ///
    /// ```
    /// use acceso::HashCost;
    /// assert!(HashCost::new(64 * 1024, 3).is_some());
    /// assert!(HashCost::new(8 * 1024, 1).is_none());
    /// ```
    pub fn new(memory_kib: u32, passes: u32) -> Option<Self> {
        let strong = matches!((memory_kib, passes), (47_104.., 1..) | (19_456.., 2..) | (12_288.., 3..));
        let bounded = memory_kib <= Self::MAX_MEMORY_KIB && passes <= Self::MAX_PASSES;
        (strong && bounded).then_some(Self { memory_kib, passes })
    }

    /// Far too cheap for anything but tests.
    #[allow(dead_code, reason = "only `test_util` and the unit tests take it")]
    pub(crate) const FOR_TESTS: Self = Self { memory_kib: 32, passes: 1 };

    /// Memory of one hash in KiB.
    pub fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub fn passes(self) -> u32 {
        self.passes
    }

    fn params(self) -> Option<Params> {
        Params::new(self.memory_kib, self.passes, 1, Some(TAG_BYTES)).ok()
    }
}

/// The machine has no memory for the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no memory for a password hash")]
pub(crate) struct HashError;

/// What verifying found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) matched: bool,
    /// The stored text is no hash that we would have made: it was not hashed against, and matches nothing.
    pub(crate) corrupt: bool,
}

/// The memory of one hash, used again for the next one: mapping it anew costs half as much as hashing.
pub(crate) struct Hasher {
    cost: HashCost,
    blocks: Vec<Block>,
}

impl Hasher {
    pub(crate) fn new(cost: HashCost) -> Self {
        Self { cost, blocks: Vec::new() }
    }

    pub(crate) fn cost(&self) -> HashCost {
        self.cost
    }

    /// A new hash at the present cost.
    pub(crate) fn hash(&mut self, password: &Password, salt: &[u8; SALT_BYTES]) -> Result<PasswordHash, HashError> {
        let params = self.cost.params().ok_or(HashError)?;
        let tag = self.tag(password, salt, &params)?;
        let phc = phc::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: (&params).try_into().map_err(|_| HashError)?,
            salt: Some(phc::Salt::new(salt).map_err(|_| HashError)?),
            hash: Some(phc::Output::new(tag.as_slice()).map_err(|_| HashError)?),
        };
        Ok(PasswordHash::from_phc(phc.to_string()))
    }

    /// Whether the password is the one that was hashed. A corrupt hash costs one run at the present cost all the same.
    pub(crate) fn verify(&mut self, password: &Password, stored: &PasswordHash) -> Result<Verdict, HashError> {
        let Some(sound) = Sound::read(stored, self.cost) else {
            self.dummy(password)?;
            return Ok(Verdict { matched: false, corrupt: true });
        };
        let tag = self.tag(password, &sound.salt, &sound.params)?;
        let equal = bool::from(tag.ct_eq(sound.tag.as_bytes()));
        Ok(Verdict { matched: equal && !password.is_over_long(), corrupt: false })
    }

    /// The work of one verification whose outcome is nothing.
    pub(crate) fn dummy(&mut self, password: &Password) -> Result<(), HashError> {
        let params = self.cost.params().ok_or(HashError)?;
        self.tag(password, &[0; SALT_BYTES], &params).map(|_| ())
    }

    fn tag(
        &mut self,
        password: &Password,
        salt: &[u8],
        params: &Params,
    ) -> Result<Zeroizing<[u8; TAG_BYTES]>, HashError> {
        let wanted = params.block_count();
        if self.blocks.len() < wanted {
            self.blocks.try_reserve_exact(wanted - self.blocks.len()).map_err(|_| HashError)?;
            self.blocks.resize(wanted, Block::new());
        }
        let mut tag = Zeroizing::new([0; TAG_BYTES]);
        let hashed = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone()).hash_password_into_with_memory(
            password.text().as_bytes(),
            salt,
            tag.as_mut_slice(),
            &mut self.blocks[..wanted],
        );
        self.blocks[..wanted].iter_mut().zeroize();
        // What a costlier stored hash needed is given back at once.
        let own = self.cost.params().map_or(0, |own| own.block_count());
        if wanted > own {
            self.blocks.truncate(own);
            self.blocks.shrink_to_fit();
        }
        hashed.map(|()| tag).map_err(|_| HashError)
    }
}

/// Whether a stored hash was made at another cost than the present one.
pub(crate) fn needs_renewal(stored: &PasswordHash, cost: HashCost) -> bool {
    Sound::read(stored, cost).is_some_and(|sound| {
        (sound.params.m_cost(), sound.params.t_cost(), sound.params.p_cost()) != (cost.memory_kib, cost.passes, 1)
    })
}

/// A stored hash within all bounds.
struct Sound {
    params: Params,
    salt: phc::Salt,
    tag: phc::Output,
}

impl Sound {
    /// The least memory in KiB that a stored hash may have, unless the present cost itself is lower.
    const MIN_MEMORY_KIB: u32 = 8 * 1024;
    const MAX_LANES: u32 = 4;

    fn read(stored: &PasswordHash, cost: HashCost) -> Option<Self> {
        let phc = phc::PasswordHash::new(stored.as_phc()).ok()?;
        // A cost left out would be taken for the crate's default, so each must be written, and nothing else.
        let read = |name: &str| phc.params.get_decimal(name);
        let (memory_kib, passes, lanes) = (read("m")?, read("t")?, read("p")?);
        let (salt, tag) = (phc.salt?, phc.hash?);
        let sound = phc.algorithm == Algorithm::Argon2id.ident()
            && phc.version == Some(Version::V0x13.into())
            && phc.params.iter().count() == 3
            && (Self::MIN_MEMORY_KIB.min(cost.memory_kib)..=HashCost::MAX_MEMORY_KIB).contains(&memory_kib)
            && (1..=HashCost::MAX_PASSES).contains(&passes)
            && (1..=Self::MAX_LANES).contains(&lanes)
            && salt.len() >= SALT_BYTES
            && tag.len() == TAG_BYTES;
        if !sound {
            return None;
        }
        let params = Params::new(memory_kib, passes, lanes, Some(TAG_BYTES)).ok()?;
        Some(Self { params, salt, tag })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: [u8; SALT_BYTES] = [7; SALT_BYTES];

    fn weak() -> Hasher {
        Hasher::new(HashCost::FOR_TESTS)
    }

    fn matched(text: &str, stored: &PasswordHash) -> bool {
        weak().verify(&text.into(), stored) == Ok(Verdict { matched: true, corrupt: false })
    }

    #[test]
    fn a_hash_verifies_its_own_password_only() {
        let stored = weak().hash(&"Contraseña 1".into(), &SALT).expect("memory");
        assert!(matched("Contraseña 1", &stored));
        assert!(matched("Contrasen\u{303}a 1", &stored));
        for other in ["contraseña 1", "Contraseña 1 ", "Contraseña 1\0", ""] {
            assert!(!matched(other, &stored), "{other:?}");
        }
    }

    #[test]
    fn every_character_of_a_long_password_counts() {
        let long: String = "ñ".repeat(256);
        let stored = weak().hash(&long.as_str().into(), &SALT).expect("memory");
        assert!(matched(&long, &stored));
        let mut changed = long.clone();
        changed.replace_range(200 * 2..201 * 2, "n");
        assert!(!matched(&changed, &stored));
    }

    #[test]
    fn an_over_long_password_does_not_match_the_hash_of_nothing() {
        let stored = weak().hash(&"".into(), &SALT).expect("memory");
        assert!(matched("", &stored));
        assert!(!matched(&"a".repeat(2000), &stored));
    }

    #[test]
    fn the_hash_is_the_reference_implementations() {
        // argon2 -id -k 19456 -t 2 -p 1 -l 32, salt "somesaltsomesalt", of the reference C implementation's format.
        let stored = Hasher::new(HashCost::OWASP).hash(&"password".into(), b"somesaltsomesalt").expect("memory");
        assert!(stored.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"));
        assert!(argon2_agrees("password", stored.as_phc()));
    }

    fn argon2_agrees(text: &str, phc: &str) -> bool {
        use argon2::password_hash::PasswordVerifier;
        let parsed = phc::PasswordHash::new(phc).expect("a PHC string");
        Argon2::default().verify_password(text.as_bytes(), &parsed).is_ok()
    }

    #[test]
    fn stored_hashes_outside_the_bounds_are_corrupt_and_match_nothing() {
        let salt = "c29tZXNhbHRzb21lc2FsdA";
        let tag = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
        for corrupt in [
            String::new(),
            "plain text".to_owned(),
            format!("$argon2id$v=19$m=4294967295,t=2,p=1${salt}${tag}"),
            format!("$argon2id$v=19$m=1048576,t=3,p=1${salt}${tag}"),
            "$argon2d$v=16$m=8,t=1,p=1$c29tZXNhbHQ$BwcHBwcHBwcHBw".to_owned(),
            format!("$argon2d$v=19$m=19456,t=2,p=1${salt}${tag}"),
            format!("$argon2i$v=19$m=19456,t=2,p=1${salt}${tag}"),
            format!("$argon2id$v=16$m=19456,t=2,p=1${salt}${tag}"),
            format!("$argon2id$m=19456,t=2,p=1${salt}${tag}"),
            format!("$argon2id$v=19$t=2,p=1${salt}${tag}"),
            format!("$argon2id$v=19$m=19456,p=1${salt}${tag}"),
            format!("$argon2id$v=19$m=19456,t=2${salt}${tag}"),
            format!("$argon2id$v=19$m=19456,t=2,p=1,data=AAAA${salt}${tag}"),
            format!("$argon2id$v=19$m=4096,t=2,p=1${salt}${tag}"),
            format!("$argon2id$v=19$m=19456,t=11,p=1${salt}${tag}"),
            format!("$argon2id$v=19$m=19456,t=0,p=1${salt}${tag}"),
            format!("$argon2id$v=19$m=19456,t=2,p=5${salt}${tag}"),
            format!("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ${tag}"),
            format!("$argon2id$v=19$m=19456,t=2,p=1${salt}$BwcHBwcHBwcHBwcHBwcHBw"),
            format!("$argon2id$v=19$m=19456,t=2,p=1${salt}"),
            format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${}", &tag[..tag.len() - 1]),
        ] {
            let verdict = Hasher::new(HashCost::OWASP).verify(&"x".into(), &PasswordHash::from_phc(corrupt.as_str()));
            assert_eq!(verdict, Ok(Verdict { matched: false, corrupt: true }), "{corrupt}");
            assert!(!needs_renewal(&PasswordHash::from_phc(corrupt), HashCost::OWASP));
        }
    }

    #[test]
    fn a_costlier_hash_verifies_and_its_memory_is_given_back() {
        let dear = HashCost { memory_kib: 64, passes: 2 };
        let stored = Hasher::new(dear).hash(&"clave".into(), &SALT).expect("memory");
        let mut hasher = weak();
        assert_eq!(hasher.verify(&"clave".into(), &stored), Ok(Verdict { matched: true, corrupt: false }));
        assert_eq!(hasher.blocks.len(), 32);
        assert!(needs_renewal(&stored, HashCost::FOR_TESTS) && !needs_renewal(&stored, dear));
    }

    #[test]
    fn memory_is_wiped_after_each_hash() {
        let mut hasher = weak();
        hasher.hash(&"clave".into(), &SALT).expect("memory");
        assert!(hasher.blocks.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    }

    #[test]
    fn costs_below_owasps_or_beyond_the_bounds_do_not_exist() {
        for (memory_kib, passes, exists) in [
            (19_456, 2, true),
            (19_455, 2, false),
            (12_288, 3, true),
            (12_287, 3, false),
            (47_104, 1, true),
            (47_103, 1, false),
            (262_144, 10, true),
            (262_145, 2, false),
            (19_456, 11, false),
            (u32::MAX, u32::MAX, false),
            (0, 0, false),
        ] {
            assert_eq!(HashCost::new(memory_kib, passes).is_some(), exists, "{memory_kib} {passes}");
        }
    }
}
