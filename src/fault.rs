//! What is wrong with what a person typed, by field, as stable codes. Not: the sentence about it, which is in `text`.
//!
//! **A fault speaks of the typed text alone, never of what is stored.**

use serde::Serialize;

/// The field of a form that a fault belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Field {
    /// The e-mail address.
    Email,
    /// The user name.
    Username,
    /// The present password, where one is changed.
    Current,
    /// The password, or the new password.
    Password,
    /// The password typed a second time.
    Repeated,
    /// First and family name.
    FullName,
}

impl Field {
    /// The field's stable name, as in forms and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Username => "username",
            Self::Current => "current",
            Self::Password => "password",
            Self::Repeated => "repeated",
            Self::FullName => "full_name",
        }
    }
}

/// One broken rule. Its [`code`](Self::code) is stable across releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// Nothing was typed.
    Empty,
    /// Shorter than this many characters.
    TooShort(u16),
    /// Longer than this many characters.
    TooLong(u16),
    /// Not written as such a thing is.
    Malformed,
    /// One word where first and family name are asked for.
    Incomplete,
    /// A name that the portal keeps for itself.
    Reserved,
    /// No upper-case letter.
    NoUppercase,
    /// No lower-case letter.
    NoLowercase,
    /// No digit from 0 to 9.
    NoDigit,
    /// A control character, which some keyboards cannot type again.
    ControlCharacter,
    /// Holds the user name, the e-mail, the person's name or the portal's name, or little more.
    Personal,
    /// One of the commonest passwords.
    Common,
    /// Not the same as the password.
    Mismatch,
    /// The password that is being replaced.
    Unchanged,
}

impl Rule {
    /// The rule's stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooShort(_) => "too_short",
            Self::TooLong(_) => "too_long",
            Self::Malformed => "malformed",
            Self::Incomplete => "incomplete",
            Self::Reserved => "reserved",
            Self::NoUppercase => "no_uppercase",
            Self::NoLowercase => "no_lowercase",
            Self::NoDigit => "no_digit",
            Self::ControlCharacter => "control_character",
            Self::Personal => "personal",
            Self::Common => "common",
            Self::Mismatch => "mismatch",
            Self::Unchanged => "unchanged",
        }
    }
}

impl Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// A rule broken in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// Where.
    pub field: Field,
    /// Which rule.
    pub rule: Rule,
}

impl Fault {
    /// A rule broken in a field.
    pub const fn new(field: Field, rule: Rule) -> Self {
        Self { field, rule }
    }
}
