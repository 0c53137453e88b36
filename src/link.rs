//! The token of a mailed link. Not: what is kept of it, which is a digest in the mailbox.
//!
//! **A token is found by its front part and proved by its secret part, for one purpose only.**

use std::fmt;

use crate::identity::MailboxId;
use crate::secret::{Digest, SecretBytes};

/// What a link is good for. Closed: each purpose has a flow of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkPurpose {
    /// Confirms a registration.
    Registration,
    /// Confirms the recovery of a password.
    Recovery,
}

impl LinkPurpose {
    fn label(self) -> &'static [u8; 16] {
        match self {
            Self::Registration => b"acceso.confirm.1",
            Self::Recovery => b"acceso.recover.1",
        }
    }
}

/// The token in a mailed link: the mailbox's id and 256 random bits, 64 characters of base64url.
#[derive(Clone)]
pub struct LinkToken(SecretBytes<48>);

impl LinkToken {
    /// Reads the token of a link. `None` for anything but 64 characters of canonical base64url: answer as for a link
    /// that has expired.
    pub fn parse(text: &str) -> Option<Self> {
        SecretBytes::from_base64url(text).map(Self)
    }

    pub(crate) fn new(mailbox: MailboxId, secret: [u8; 32]) -> Self {
        let mut bytes = [0; 48];
        bytes[..16].copy_from_slice(mailbox.as_bytes());
        bytes[16..].copy_from_slice(&secret);
        Self(SecretBytes::new(bytes))
    }

    /// The text for the link. A secret: it goes into the mail and nowhere else.
    pub(crate) fn reveal(&self) -> zeroize::Zeroizing<String> {
        zeroize::Zeroizing::new(self.0.to_base64url())
    }

    pub(crate) fn mailbox(&self) -> MailboxId {
        let mut id = [0; 16];
        id.copy_from_slice(&self.0.as_bytes()[..16]);
        MailboxId::from_bytes(id)
    }

    pub(crate) fn digest(&self, purpose: LinkPurpose) -> Digest {
        Digest::of(purpose.label(), self.0.as_bytes())
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_carries_its_mailbox_and_is_bound_to_its_purpose() {
        let token = LinkToken::new(MailboxId::from_bytes([1; 16]), [2; 32]);
        let text = token.reveal();
        assert_eq!(text.len(), 64);
        let read = LinkToken::parse(&text).expect("its own text");
        assert_eq!(read.mailbox(), MailboxId::from_bytes([1; 16]));
        assert_eq!(read.digest(LinkPurpose::Recovery), token.digest(LinkPurpose::Recovery));
        assert_ne!(read.digest(LinkPurpose::Recovery), token.digest(LinkPurpose::Registration));
    }

    #[test]
    fn cut_lengthened_and_respelled_tokens_are_no_tokens() {
        let text = LinkToken::new(MailboxId::from_bytes([0xff; 16]), [0xfe; 32]).reveal();
        for wrong in
            ["", &text[..63], &text[1..], &format!("{}A", *text), &format!("{}=", *text), &text.replace('_', "/"), " "]
        {
            assert!(LinkToken::parse(wrong).is_none(), "{wrong:?}");
        }
    }
}
