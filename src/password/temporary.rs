//! A temporary password, drawn at random. Not: how it is stored or mailed.
//!
//! **Each of its characters is drawn evenly, and it always satisfies the manual's rules.**

use zeroize::Zeroizing;

use crate::entropy::{Entropy, EntropyError};
use crate::secret::Password;

/// Without characters that look alike (`0 O 1 I l`) or that mails damage: 57, so 16 of them are 93 bits.
const ALPHABET: &[u8; 57] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/// Each try fails one time in eleven, so this many in a row never do; if they did, it is an error.
const TRIES: usize = 64;

/// A password of `length` characters with an upper-case letter, a lower-case letter and a digit among them.
pub(crate) fn draw(entropy: &dyn Entropy, length: usize) -> Result<Password, EntropyError> {
    for _ in 0..TRIES {
        let text = characters(entropy, length)?;
        let has = |test: fn(&u8) -> bool| text.as_bytes().iter().any(test);
        if has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit) {
            return Ok(Password::from(text.as_str()));
        }
    }
    Err(EntropyError)
}

fn characters(entropy: &dyn Entropy, length: usize) -> Result<Zeroizing<String>, EntropyError> {
    let mut text = Zeroizing::new(String::with_capacity(length));
    // Six bits name one of 64 characters; those beyond the alphabet are drawn again, so none is likelier.
    for _ in 0..TRIES {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(bytes.as_mut_slice())?;
        for byte in bytes.iter() {
            if text.len() == length {
                return Ok(text);
            }
            if let Some(character) = ALPHABET.get(usize::from(byte & 0b11_1111)) {
                text.push(char::from(*character));
            }
        }
    }
    if text.len() == length { Ok(text) } else { Err(EntropyError) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;
    use crate::password::PasswordRules;

    #[test]
    fn it_keeps_the_manuals_rules_and_its_characters_are_even() {
        let mut counts = [0_u32; 128];
        let draws = 20_000;
        for _ in 0..draws {
            let password = draw(&OsEntropy, 16).expect("the system has entropy");
            assert_eq!(password.text().len(), 16);
            assert_eq!(PasswordRules::PORTAL.broken(&password, &[]), []);
            password.text().bytes().for_each(|byte| counts[usize::from(byte)] += 1);
        }
        assert_eq!(counts.iter().sum::<u32>(), ALPHABET.iter().map(|c| counts[usize::from(*c)]).sum::<u32>());
        // Digits are a little likelier, because passwords without one are drawn again; within a class all are even.
        for class in [&ALPHABET[..24], &ALPHABET[24..49], &ALPHABET[49..]] {
            let total: u32 = class.iter().map(|c| counts[usize::from(*c)]).sum();
            let mean = f64::from(total) / f64::from(u32::try_from(class.len()).unwrap_or(u32::MAX));
            let chi_squared: f64 =
                class.iter().map(|c| (f64::from(counts[usize::from(*c)]) - mean).powi(2) / mean).sum();
            assert!(chi_squared < 80.0, "χ² = {chi_squared} for {} characters", class.len());
        }
    }

    #[test]
    fn without_entropy_there_is_none() {
        struct Stuck;
        impl Entropy for Stuck {
            fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
                bytes.fill(0xff);
                Ok(())
            }
        }
        assert!(draw(&Stuck, 16).is_err());
    }
}
