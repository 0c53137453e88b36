//! A person's name.
//!
//! **A name holds no message: no link, no line break, no markup.**

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::identity::{ParseError, serde_as_text};

/// A person's name as declared by that person: 1 to 80 code points in NFC, made of letters, their marks, blanks,
/// apostrophes, hyphens, and full stops that end a word or follow an initial (`Ma. José`, `J.R. Pérez`).
///
/// So it can hold no address, no link and no line break. Runs of blanks become one.
#[derive(Clone, PartialEq, Eq)]
pub struct FullName(Box<str>);

impl FullName {
    /// The greatest length, in code points.
    pub const MAX_LENGTH: usize = 80;

    /// The name in NFC, with single blanks.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has two words or more, as a first name and a family name do.
    pub fn has_two_words(&self) -> bool {
        self.0.split(' ').filter(|word| word.chars().any(char::is_alphabetic)).count() >= 2
    }
}

impl FromStr for FullName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        // The byte limit comes first, so that normalising costs little whatever was sent.
        if text.len() > 16 * Self::MAX_LENGTH {
            return Err(ParseError::TooLong);
        }
        let words: Vec<String> =
            text.split(' ').filter(|word| !word.is_empty()).map(|word| word.nfc().collect()).collect();
        let name = words.join(" ");
        if name.is_empty() {
            return Err(ParseError::Empty);
        }
        if name.chars().count() > Self::MAX_LENGTH {
            return Err(ParseError::TooLong);
        }
        if words.iter().all(|word| is_word_of_a_name(word)) {
            Ok(Self(name.into()))
        } else {
            Err(ParseError::Malformed)
        }
    }
}

/// A full stop stands at the end, or between single letters: never as in a domain.
fn is_word_of_a_name(word: &str) -> bool {
    let pieces: Vec<&str> = word.strip_suffix('.').unwrap_or(word).split('.').collect();
    let legal = |piece: &&str| {
        piece.starts_with(char::is_alphabetic)
            && piece.chars().all(|c| c.is_alphabetic() || is_combining_mark(c) || matches!(c, '\'' | '’' | '-'))
    };
    pieces.iter().all(legal) && (pieces.len() == 1 || pieces.iter().all(|piece| piece.chars().count() == 1))
}

impl fmt::Display for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Redacted: a person's name is personal data.
impl fmt::Debug for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FullName(…)")
    }
}

serde_as_text!(FullName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_holds_letters_and_no_message() {
        for (typed, kept) in [
            ("Ana María Peña Núñez", "Ana María Peña Núñez"),
            ("  Ma.   José O'Higgins-d’Ávila ", "Ma. José O'Higgins-d’Ávila"),
            ("Nun\u{303}ez", "Nuñez"),
            ("李 小龍", "李 小龍"),
            ("J.R.R. Pérez", "J.R.R. Pérez"),
        ] {
            assert_eq!(typed.parse::<FullName>().map(|name| name.to_string()), Ok(kept.to_owned()));
        }
        for bad in [
            "Ana\r\nBcc: x@y.com",
            "Ana\nPeña",
            "Ana\0",
            "Ana\u{85}Peña",
            "Ana\u{2028}Peña",
            "Gane $ http://evil",
            "www.evil.com",
            "t.co",
            "a..b",
            ".",
            "<img src=x>",
            "{{nombre}}",
            "Ana 2",
            "\u{301}a",
            "Ana \u{202e}",
            "'",
            "-",
            "Ana 😀",
        ] {
            assert_eq!(bad.parse::<FullName>(), Err(ParseError::Malformed), "{bad:?}");
        }
        assert_eq!("a".repeat(81).parse::<FullName>(), Err(ParseError::TooLong));
        assert_eq!(" ".parse::<FullName>(), Err(ParseError::Empty));
        assert!("Ana Peña".parse::<FullName>().is_ok_and(|name| name.has_two_words()));
        assert!("Ana".parse::<FullName>().is_ok_and(|name| !name.has_two_words()));
    }
}
