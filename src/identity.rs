//! Who and what: ids, user names, e-mail addresses and names of people. Not: what is kept about them.
//!
//! **A value of these types that exists is legal, and stays so.**

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

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
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(|fault| serde::de::Error::custom(format_args!("{} {fault}", stringify!($name))))
            }
        }
    };
}

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

/// Redacted: the number of a clinical record is health data, and users hold it.
impl fmt::Debug for PatientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientId(…)")
    }
}

serde_as_text!(PatientId);

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

/// One e-mail address, in ASCII: a dot-atom of at most 64 bytes, `@`, and a domain of at least two labels; at most 254
/// bytes in all (RFC 5321, without quoted local parts, address literals and comments, which no patient's mailbox has).
///
/// It is kept as it was spelled, for mailing; two addresses are equal if they differ in ASCII letter case only. Dots
/// and `+tags` are never stripped: they can be other people.
#[derive(Clone)]
pub struct EmailAddress {
    spelled: Box<str>,
    key: Box<str>,
}

impl EmailAddress {
    /// The greatest length, in bytes.
    pub const MAX_BYTES: usize = 254;
    /// The greatest length of the part before the `@`, in bytes.
    pub const MAX_LOCAL_BYTES: usize = 64;

    /// The address as it was spelled, for a mail's recipient.
    pub fn as_str(&self) -> &str {
        &self.spelled
    }

    /// The address in lower case: what a store compares, as bytes.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The part before the `@`, in lower case.
    pub(crate) fn local_part(&self) -> &str {
        self.key.split_once('@').map_or("", |(local, _)| local)
    }
}

impl FromStr for EmailAddress {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim_matches(' ');
        if text.is_empty() {
            return Err(ParseError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(ParseError::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(ParseError::Malformed)?;
        if local.len() > Self::MAX_LOCAL_BYTES {
            return Err(ParseError::TooLong);
        }
        if !is_dot_atom(local) || !is_domain(domain) {
            return Err(ParseError::Malformed);
        }
        Ok(Self { spelled: text.into(), key: text.to_ascii_lowercase().into() })
    }
}

/// A leading hyphen is refused: mail programs have taken such an address for an option.
fn is_dot_atom(local: &str) -> bool {
    !local.starts_with('-')
        && local.split('.').all(|atom| {
            !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
        })
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let last_is_a_name = |label: &str| label.len() > 1 && !label.bytes().all(|b| b.is_ascii_digit());
    domain.contains('.') && domain.split('.').all(is_label) && domain.rsplit('.').next().is_some_and(last_is_a_name)
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for EmailAddress {}

impl std::hash::Hash for EmailAddress {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl PartialOrd for EmailAddress {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EmailAddress {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled)
    }
}

/// Redacted: an e-mail address is personal data.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

serde_as_text!(EmailAddress);

/// A person's name as declared by that person: 1 to 80 code points in NFC, made of letters, their marks, blanks,
/// apostrophes, hyphens, and full stops that end a word (`Ma. José`).
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
        let legal = |word: &String| {
            let body = word.strip_suffix('.').unwrap_or(word);
            body.starts_with(char::is_alphabetic)
                && body.chars().all(|c| c.is_alphabetic() || is_combining_mark(c) || matches!(c, '\'' | '’' | '-'))
        };
        if words.iter().all(legal) { Ok(Self(name.into())) } else { Err(ParseError::Malformed) }
    }
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
    fn an_id_is_read_back_from_its_own_text_only() {
        let id = UserId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "ab", &"AB".repeat(16), &"zz".repeat(16), &format!("{id}0"), &"é".repeat(16)] {
            assert_eq!(wrong.parse::<UserId>(), Err(ParseError::Malformed), "{wrong:?}");
        }
    }

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

    #[test]
    fn an_address_is_one_plain_ascii_mailbox() {
        for good in ["a@x.co", "Ana.Pena+salud@Example.org", "o'higgins@example.com", " ana@xn--and-6ma2c.example "] {
            let address: EmailAddress = good.parse().expect(good);
            assert_eq!(address.as_str(), good.trim());
            assert_eq!(address.key(), good.trim().to_lowercase());
        }
        for bad in [
            "a@x.com,b@y.com",
            "a@x.com b@y.com",
            "\"a b\"@x.com",
            "<a@x.com>",
            "a@x.com\nBcc: b@y.com",
            "a\r@x.com",
            "-oQqueue@x.com",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@localhost",
            "ñandú@example.org",
            "a@exámple.org",
            "@x.com",
            "a@",
            "a@@x.com",
            "a@x..com",
            ".a@x.com",
            "a.@x.com",
            "a..b@x.com",
            "a@-x.com",
            "a@x-.com",
            "a@x.c",
            "a\0@x.com",
            "mıke@example.org",
            "ana",
        ] {
            assert_eq!(bad.parse::<EmailAddress>(), Err(ParseError::Malformed), "{bad:?}");
        }
        assert_eq!(format!("{}@x.com", "a".repeat(65)).parse::<EmailAddress>(), Err(ParseError::TooLong));
        assert_eq!(format!("a@{}.com", "a.".repeat(130)).parse::<EmailAddress>(), Err(ParseError::TooLong));
    }

    #[test]
    fn addresses_are_equal_by_letter_case_only() {
        let address = |text: &str| text.parse::<EmailAddress>().expect("legal");
        assert_eq!(address("Maria@X.com"), address("maria@x.COM"));
        assert_ne!(address("ma.ria@x.com"), address("maria@x.com"));
        assert_ne!(address("maria+1@x.com"), address("maria@x.com"));
    }

    #[test]
    fn a_name_holds_letters_and_no_message() {
        for (typed, kept) in [
            ("Ana María Peña Núñez", "Ana María Peña Núñez"),
            ("  Ma.   José O'Higgins-d’Ávila ", "Ma. José O'Higgins-d’Ávila"),
            ("Nun\u{303}ez", "Nuñez"),
            ("李 小龍", "李 小龍"),
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

    #[test]
    fn personal_data_is_not_in_debug() {
        let shown = format!(
            "{:?} {:?} {:?} {:?}",
            "hc-canario".parse::<PatientId>(),
            "canario".parse::<Username>(),
            "canario@example.org".parse::<EmailAddress>(),
            "Canario Rojo".parse::<FullName>()
        );
        assert!(!shown.to_lowercase().contains("canario"), "{shown}");
    }
}
