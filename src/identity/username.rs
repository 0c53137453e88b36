//! A user name.
//!
//! **Two names that look alike are not both names.**

use std::fmt;
use std::str::FromStr;

use crate::identity::{ParseError, serde_as_text};

/// A user name: 3 to 32 of the characters `a-z 0-9 . _ -`, the first a letter or a digit.
///
/// Capital ASCII letters and blanks around it are taken as typed by mistake and folded away, so `Ana` and `ana ` are
/// the same name. Everything else outside the set is refused, never folded: no two names look alike by Unicode.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Username(Box<str>);

impl Username {
    /// The least length, in characters.
    pub const MIN_LENGTH: usize = 3;
    /// The greatest length, in characters.
    pub const MAX_LENGTH: usize = 32;

    /// The name in its one canonical form, all lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Username {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim_matches(' ');
        let first = text.bytes().next().ok_or(ParseError::Empty)?;
        if text.len() > 4 * Self::MAX_LENGTH {
            return Err(ParseError::TooLong);
        }
        if !first.is_ascii_alphanumeric()
            || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        {
            return Err(ParseError::Malformed);
        }
        match text.len() {
            ..Self::MIN_LENGTH => Err(ParseError::TooShort),
            Self::MIN_LENGTH..=Self::MAX_LENGTH => Ok(Self(text.to_ascii_lowercase().into())),
            _ => Err(ParseError::TooLong),
        }
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Redacted: a user name is personal data.
impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Username(…)")
    }
}

serde_as_text!(Username);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_folded_from_ascii_only() {
        for same in ["ana", "Ana", "ANA", " ana "] {
            assert_eq!(same.parse::<Username>().map(|name| name.to_string()), Ok("ana".to_owned()));
        }
        for (text, fault) in [
            ("", ParseError::Empty),
            ("  ", ParseError::Empty),
            ("an", ParseError::TooShort),
            (&"a".repeat(33), ParseError::TooLong),
            (&"é".repeat(1000), ParseError::TooLong),
            (".ana", ParseError::Malformed),
            ("-ana", ParseError::Malformed),
            ("ana@x", ParseError::Malformed),
            ("ana\n", ParseError::Malformed),
            ("ana\u{a0}", ParseError::Malformed),
            ("ana\u{200b}", ParseError::Malformed),
            ("ana\u{202e}", ParseError::Malformed),
            ("Ａna", ParseError::Malformed),
            ("ſna", ParseError::Malformed),
            ("\u{212a}arl", ParseError::Malformed),
            ("\u{130}van", ParseError::Malformed),
            ("ıvan", ParseError::Malformed),
            ("straße", ParseError::Malformed),
            ("раураl", ParseError::Malformed),
            ("'; --", ParseError::Malformed),
        ] {
            assert_eq!(text.parse::<Username>(), Err(fault), "{text:?}");
        }
    }
}
