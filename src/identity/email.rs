//! An e-mail address.
//!
//! **One address, one mailbox: what could be read as two, or as an option, is none.**

use std::fmt;
use std::str::FromStr;

use crate::identity::{ParseError, serde_as_text};

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
