//! Secrets as types. Not: the rules of a password, nor how it is hashed.
//!
//! **What is kept here is redacted in `Debug`, wiped when dropped and compared in constant time.** Wiping is best
//! effort: what the caller, a parser or the system has copied elsewhere is out of reach.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Deserializer, de};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, Zeroizing};

/// A password as a person typed it, prepared as RFC 8265 (`OpaqueString`) says: NFC, and every Unicode space a plain
/// one. No other change: case, width, and blanks at the ends count.
///
/// Any text makes one; whether it is a good password is for the rules to say, and one longer than
/// [`MAX_BYTES`](Self::MAX_BYTES) never matches anything. Holds the text in memory of its own, wiped when dropped.
pub struct Password {
    prepared: Arc<Zeroizing<String>>,
    over_long: bool,
}

impl Password {
    /// The greatest length as typed, in bytes; checked before anything else looks at the text.
    pub const MAX_BYTES: usize = 1024;

    /// Takes the typed text and wipes it.
    pub fn new(typed: impl Into<String>) -> Self {
        let typed = Zeroizing::new(typed.into());
        let over_long = typed.len() > Self::MAX_BYTES;
        // NFC makes UTF-8 at most three times as long (UAX #15), so the buffer never grows and leaves no copy behind.
        let mut prepared = Zeroizing::new(String::with_capacity(if over_long { 0 } else { 3 * typed.len() }));
        if !over_long {
            prepared.extend(typed.chars().map(plain_space).nfc());
        }
        Self { prepared: Arc::new(prepared), over_long }
    }

    pub(crate) fn text(&self) -> &str {
        &self.prepared
    }

    pub(crate) fn is_over_long(&self) -> bool {
        self.over_long
    }

    /// A second handle on the same memory, for a thread that hashes.
    pub(crate) fn share(&self) -> Self {
        Self { prepared: Arc::clone(&self.prepared), over_long: self.over_long }
    }

    pub(crate) fn matches(&self, other: &Self) -> bool {
        !self.over_long && !other.over_long && self.text().as_bytes().ct_eq(other.text().as_bytes()).into()
    }
}

/// The characters of category Zs, as RFC 8265 maps them.
fn plain_space(typed: char) -> char {
    match typed {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        other => other,
    }
}

impl From<String> for Password {
    fn from(typed: String) -> Self {
        Self::new(typed)
    }
}

impl From<&str> for Password {
    fn from(typed: &str) -> Self {
        Self::new(typed)
    }
}

/// Takes any text, and quotes nothing of what is none: a handler may print the error.
impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asked for a string, a format makes the error about a number by itself, number included.
        deserializer.deserialize_any(Typed)
    }
}

struct Typed;

/// Refuses values whose default refusal would quote them.
macro_rules! refuse_unquoted {
    ($($visit:ident: $type:ty),*) => {$(
        fn $visit<E: de::Error>(self, _: $type) -> Result<Password, E> {
            Err(E::custom("a password is a text"))
        }
    )*};
}

impl de::Visitor<'_> for Typed {
    type Value = Password;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, typed: &str) -> Result<Password, E> {
        Ok(Password::new(typed))
    }

    fn visit_string<E: de::Error>(self, typed: String) -> Result<Password, E> {
        Ok(Password::new(typed))
    }

    refuse_unquoted!(visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_f64: f64);
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A stored password hash as a PHC string (`$argon2id$v=19$…`), believed only when a password is verified against it.
#[derive(Clone)]
pub struct PasswordHash(Zeroizing<Box<str>>);

impl PasswordHash {
    /// The string as a store has read it back. Any text is taken: one that is no sound hash matches no password.
    pub fn from_phc(text: impl Into<Box<str>>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The string to store. Never show or log it.
    pub fn as_phc(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// `N` secret bytes.
#[derive(Clone)]
pub(crate) struct SecretBytes<const N: usize>(Zeroizing<[u8; N]>);

impl<const N: usize> SecretBytes<N> {
    pub(crate) fn new(mut bytes: [u8; N]) -> Self {
        let kept = Self(Zeroizing::new(bytes));
        bytes.zeroize();
        kept
    }

    pub(crate) fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }

    /// The bytes in canonical unpadded base64url, or nothing.
    pub(crate) fn from_base64url(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; N]);
        let read = Base64UrlUnpadded::decode(text, bytes.as_mut_slice()).ok()?.len();
        (read == N).then_some(Self(bytes))
    }

    pub(crate) fn to_base64url(&self) -> String {
        Base64UrlUnpadded::encode_string(self.0.as_slice())
    }
}

impl<const N: usize> fmt::Debug for SecretBytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(…)")
    }
}

/// The SHA-256 digest under which a token is stored; the token itself never is. Bound to one use by a label inside.
///
/// It opens nothing, and is redacted all the same: it names a session in a log for ever.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// What a store has read back.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, for a binary column.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest of a secret for one use. All labels have one length, so label and secret cannot run into each other.
    pub(crate) fn of(label: &[u8; 16], secret: &[u8]) -> Self {
        Self(Sha256::new().chain_update(label).chain_update(secret).finalize().into())
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

impl PartialOrd for Digest {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// For ordered maps; a digest tells nothing of the secret, so its order may take the time it takes.
impl Ord for Digest {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// Eight bytes are as evenly spread as all 32.
impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.first_chunk().copied().map_or(0, u64::from_le_bytes));
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

/// What a signed-in visitor's browser holds: 256 random bits, 43 characters of base64url.
///
/// Whoever has it is the visitor. Only its [`Digest`] is stored.
#[derive(Clone)]
pub struct SessionToken(SecretBytes<32>);

impl SessionToken {
    const LABEL: &'static [u8; 16] = b"acceso.session.1";

    /// Reads the text of a cookie or header. `None` for anything but 43 characters of canonical base64url: treat it
    /// as no session.
    pub fn parse(text: &str) -> Option<Self> {
        SecretBytes::from_base64url(text).map(Self)
    }

    /// The text for the visitor's cookie. A secret: never log it.
    pub fn reveal(&self) -> String {
        self.0.to_base64url()
    }

    pub(crate) fn from_random(bytes: [u8; 32]) -> Self {
        Self(SecretBytes::new(bytes))
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::of(Self::LABEL, self.0.as_bytes())
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_same_in_nfc_and_nfd_and_in_nothing_else() {
        let matches = |a: &str, b: &str| Password::from(a).matches(&Password::from(b));
        assert!(matches("contrase\u{f1}a", "contrasen\u{303}a"));
        assert!(matches("dos palabras", "dos\u{a0}palabras"));
        for (a, b) in [("ﬁn", "fin"), ("clave ", "clave"), ("Clave", "clave"), ("Ａ", "A"), ("Abc1\0xyz", "Abc1")] {
            assert!(!matches(a, b), "{a:?} {b:?}");
        }
    }

    #[test]
    fn the_buffer_of_a_password_never_grows() {
        // U+1D160 becomes three times as long in NFC, the most there is.
        let typed = "\u{1d160}".repeat(256);
        let password = Password::from(typed.as_str());
        assert_eq!(password.text().len(), 3 * typed.len());
        assert_eq!(password.prepared.capacity(), 3 * typed.len());
    }

    #[test]
    fn an_over_long_password_is_not_kept_and_matches_nothing() {
        let password = Password::from("a".repeat(Password::MAX_BYTES + 1));
        assert!(password.is_over_long() && password.text().is_empty());
        assert!(!password.matches(&password));
        assert!(!Password::from("a".repeat(Password::MAX_BYTES)).is_over_long());
    }

    #[test]
    fn a_token_is_read_back_from_its_own_text_only() {
        let token = SessionToken::from_random([7; 32]);
        let text = token.reveal();
        assert_eq!(text.len(), 43);
        assert_eq!(SessionToken::parse(&text).map(|read| read.digest()), Some(token.digest()));
        for at in 0..text.len() {
            for other in ('0'..='z').chain(['-', '=', ' ', '\0', 'ñ']) {
                let mut flipped: String = text.chars().collect();
                flipped.replace_range(at..=at, other.encode_utf8(&mut [0; 4]));
                let same = flipped == text;
                assert_eq!(SessionToken::parse(&flipped).is_some_and(|read| read.digest() == token.digest()), same);
            }
        }
        for wrong in ["", &text[1..], &format!("{text}A"), &format!("{text}="), &text.to_lowercase(), &"A".repeat(42)] {
            assert!(SessionToken::parse(wrong).is_none_or(|read| read.digest() != token.digest()), "{wrong:?}");
        }
    }

    #[test]
    fn the_last_character_of_a_token_has_one_spelling() {
        // 43 characters hold 258 bits: the two beyond 256 must be zero.
        assert!(SessionToken::parse(&"A".repeat(43)).is_some());
        assert!(SessionToken::parse(&format!("{}B", "A".repeat(42))).is_none());
    }

    #[test]
    fn digests_are_bound_to_their_label() {
        assert_ne!(Digest::of(b"acceso.session.1", &[1; 32]), Digest::of(b"acceso.confirm.1", &[1; 32]));
    }

    #[test]
    fn debug_shows_nothing() {
        let shown = format!(
            "{:?} {:?} {:?} {:?}",
            Password::from("canario"),
            PasswordHash::from_phc("canario"),
            SessionToken::from_random([b'c'; 32]),
            Digest::from_bytes([b'c'; 32])
        );
        assert_eq!(shown, "Password(…) PasswordHash(…) SessionToken(…) Digest(…)");
    }
}
