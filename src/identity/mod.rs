//! Who and what: ids, user names, e-mail addresses and names of people. Not: what is kept about them.
//!
//! **A value of these types that exists is legal, and stays so.**

mod email;
mod full_name;
mod username;

use std::fmt;
use std::str::FromStr;

pub use email::EmailAddress;
pub use full_name::FullName;
pub use username::Username;

/// Why a text is not a value of the type it was parsed into.
///
/// Never holds the text itself: it may be a password typed into the wrong field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Nothing but blanks.
    #[error("is empty")]
    Empty,
    /// Shorter than the least length.
    #[error("is too short")]
    TooShort,
    /// Longer than the greatest length.
    #[error("is too long")]
    TooLong,
    /// A character, or a place of one, that is not allowed.
    #[error("is not written as it must be")]
    Malformed,
}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 128 random bits, never reused, written as 32 lower-case hexadecimal digits.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The id with exactly these bytes: what a store has read back, or 16 fresh random bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes, for a binary column.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                id_bytes(text).map(Self)
            }
        }

        serde_as_text!($name);
    };
}

macro_rules! serde_as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(|fault| serde::de::Error::custom(format_args!("{} {fault}", stringify!($name))))
            }
        }
    };
}

pub(crate) use serde_as_text;

fn id_bytes(text: &str) -> Result<[u8; 16], ParseError> {
    let digits: &[u8; 32] = text.as_bytes().try_into().map_err(|_| ParseError::Malformed)?;
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
    }
    Ok(bytes)
}

fn hex_digit(digit: u8) -> Result<u8, ParseError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(ParseError::Malformed),
    }
}

random_id!(
    /// Names a user for ever.
    UserId
);
random_id!(
    /// Names a registration that waits for its confirmation. Handed to the visitor as a reference, it names no person.
    RegistrationId
);
random_id!(
    /// Names the mailbox of one e-mail address. The front part of every link mailed there.
    MailboxId
);
random_id!(
    /// Names the intent to mail something. The same for every try, so that a redelivery can be recognised.
    MailId
);
random_id!(
    /// Names a session in lists that a person reads. Opens nothing: only the session's token does.
    SessionId
);

/// A patient's id as the clinic's own records write it: 1 to 128 bytes, no control characters, compared as written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PatientId(Box<str>);

impl PatientId {
    /// The greatest length, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// The id as the clinic writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PatientId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "" => Err(ParseError::Empty),
            _ if text.len() > Self::MAX_BYTES => Err(ParseError::TooLong),
            _ if text.chars().any(char::is_control) => Err(ParseError::Malformed),
            _ => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for PatientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Redacted: clinics use document numbers for ids.
impl fmt::Debug for PatientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientId(…)")
    }
}

serde_as_text!(PatientId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_from_its_own_text_only() {
        let id = UserId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "ab", &"AB".repeat(16), &"zz".repeat(16), &format!("{id}0"), &"é".repeat(16)] {
            assert_eq!(wrong.parse::<UserId>(), Err(ParseError::Malformed), "{wrong:?}");
        }
    }

    #[test]
    fn personal_data_is_not_in_debug() {
        let shown = format!(
            "{:?} {:?} {:?} {:?}",
            "canario".parse::<PatientId>(),
            "canario".parse::<Username>(),
            "canario@example.org".parse::<EmailAddress>(),
            "Canario Rojo".parse::<FullName>()
        );
        assert!(!shown.to_lowercase().contains("canario"), "{shown}");
    }
}
