//! Signs a message for its domain (DKIM, RFC 6376). Not: the clinic's record in DNS, which must hold the other key.
//!
//! **What is signed is all that a reader sees**: the headers that a mail program shows, none of which can be added or
//! doubled afterwards, and the whole body.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Encoding as _};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::sign::SigningKey;
use tokio_rustls::rustls::{SignatureAlgorithm, SignatureScheme, crypto};
use zeroize::{Zeroize as _, Zeroizing};

/// The fields that are signed. Each is named once more than it is there, so that none can be added (RFC 6376, 8.15).
const FIELDS: [&str; 12] = [
    "from",
    "reply-to",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "auto-submitted",
    "content-language",
];

/// Digits of base64 in a line.
const WIDTH: usize = 72;
/// Characters of a name in DNS, as people write it (RFC 1035, 2.3.4).
const LONGEST_NAME: usize = 253;

/// The key that signs the mails of a domain, for [`SmtpBuilder::dkim`](crate::adapter::smtp::SmtpBuilder::dkim).
///
/// Where the mail service signs itself, as most do, leave it to the service: then the key is on no machine of yours.
///
/// The domain must be that of the sender's address, or one above it, or the signature does not help with DMARC.
/// `{selector}._domainkey.{domain}` is the name in DNS that holds the public key.
#[derive(Clone)]
pub struct DkimKey {
    domain: Box<str>,
    selector: Box<str>,
    key: Arc<dyn SigningKey>,
    scheme: SignatureScheme,
}

/// Why a key for DKIM was refused. It quotes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DkimKeyError {
    /// The domain or the selector is no name of DNS.
    #[error("the domain or the selector for DKIM is no name of DNS")]
    Name,
    /// No private key in the PEM text that is RSA of 2048 to 4096 bits (RFC 8301 asks for 1024 at least), or Ed25519 (RFC 8463).
    #[error("the key for DKIM is neither RSA of 2048 to 4096 bits nor Ed25519, in PEM")]
    Key,
}

/// The key would not sign.
#[derive(Debug, thiserror::Error)]
#[error("the mail could not be signed with DKIM")]
pub(super) struct Unsigned;

impl DkimKey {
    /// From a private key in PEM, PKCS #8 or PKCS #1: RSA of 2048 to 4096 bits, or Ed25519.
    ///
    /// Few receivers verify Ed25519 yet; take RSA if there is to be one signature only.
    pub fn from_pem(domain: &str, selector: &str, pem: &[u8]) -> Result<Self, DkimKeyError> {
        let is_label = |label: &str| {
            (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        let name = format!("{selector}._domainkey.{domain}");
        if name.len() > LONGEST_NAME || ![domain, selector].iter().all(|name| name.split('.').all(is_label)) {
            return Err(DkimKeyError::Name);
        }
        let mut der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| DkimKeyError::Key)?;
        let key = crypto::ring::sign::any_supported_type(&der);
        der.zeroize();
        let key = key.map_err(|_| DkimKeyError::Key)?;
        let scheme = match key.algorithm() {
            SignatureAlgorithm::RSA => SignatureScheme::RSA_PKCS1_SHA256,
            SignatureAlgorithm::ED25519 => SignatureScheme::ED25519,
            _ => return Err(DkimKeyError::Key),
        };
        Ok(Self { domain: domain.into(), selector: selector.into(), key, scheme })
    }

    /// The message with its signature in front. Its lines end in CRLF.
    pub(super) fn signed(&self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsigned> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let text = std::str::from_utf8(message).map_err(|_| Unsigned)?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or(Unsigned)?;
        let (named, mut signed) = signed_fields(head);
        let (domain, selector, algorithm) = (&self.domain, &self.selector, self.algorithm());
        let hash = Base64::encode_string(&Sha256::digest(relaxed_body(body).as_bytes()));
        let field = format!(
            "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed; q=dns/txt;\r\n d={domain}; s={selector}; t={now};\r\n \
             h={named};\r\n bh={hash};\r\n b="
        );
        // The signature's own field is the last, and has no end.
        signed.push_str(&relaxed_field(&field));
        let signature = Base64::encode_string(&self.sign(signed.as_bytes())?);

        let mut out = Zeroizing::new(Vec::with_capacity(message.len() + field.len() + 2 * signature.len() + 16));
        out.extend_from_slice(field.as_bytes());
        for digits in signature.as_bytes().chunks(WIDTH) {
            out.extend_from_slice(b"\r\n ");
            out.extend_from_slice(digits);
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(message);
        Ok(out)
    }

    fn algorithm(&self) -> &'static str {
        if self.scheme == SignatureScheme::ED25519 { "ed25519-sha256" } else { "rsa-sha256" }
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, Unsigned> {
        let signer = self.key.choose_scheme(&[self.scheme]).ok_or(Unsigned)?;
        // RSA hashes what it is given; Ed25519 is given the hash (RFC 8463, 3).
        let signature = match self.scheme {
            SignatureScheme::ED25519 => signer.sign(&Sha256::digest(text)),
            _ => signer.sign(text),
        };
        signature.map_err(|_| Unsigned)
    }
}

/// Redacted: a private key is inside.
impl fmt::Debug for DkimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domain, selector, .. } = self;
        f.debug_struct("DkimKey").field("domain", domain).field("selector", selector).finish_non_exhaustive()
    }
}

/// The names for `h=`, folded, and the fields in that order, relaxed, each with its end.
fn signed_fields(head: &str) -> (String, String) {
    let mut fields: Vec<String> = Vec::new();
    for line in head.split("\r\n") {
        match fields.last_mut() {
            Some(field) if line.starts_with([' ', '\t']) => {
                field.push_str("\r\n");
                field.push_str(line);
            }
            _ => fields.push(line.to_owned()),
        }
    }
    let (mut names, mut signed) = (Vec::new(), String::new());
    for name in FIELDS {
        let is_named = |field: &&String| field.split(':').next().is_some_and(|found| found.eq_ignore_ascii_case(name));
        // From below, as receivers count those of one name.
        for field in fields.iter().rev().filter(is_named) {
            signed.push_str(&relaxed_field(field));
            signed.push_str("\r\n");
            names.push(name);
        }
        names.push(name);
    }
    let lines: Vec<String> = names.chunks(6).map(|names| names.join(":")).collect();
    (lines.join(":\r\n "), signed)
}

/// One field as RFC 6376, 3.4.2, has it, without its end.
fn relaxed_field(field: &str) -> String {
    let (name, value) = field.split_once(':').unwrap_or((field, ""));
    let value: Vec<&str> = value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect();
    format!("{}:{}", name.trim_end().to_ascii_lowercase(), value.join(" "))
}

/// The body as RFC 6376, 3.4.4, has it.
fn relaxed_body(body: &str) -> Zeroizing<String> {
    let mut relaxed = Zeroizing::new(String::with_capacity(body.len() + 2));
    let body = body.strip_suffix("\r\n").unwrap_or(body);
    for line in body.split("\r\n") {
        let mut is_blank = false;
        for c in line.trim_end_matches([' ', '\t']).chars() {
            let blank = matches!(c, ' ' | '\t');
            if !blank {
                relaxed.push(c);
            } else if !is_blank {
                relaxed.push(' ');
            }
            is_blank = blank;
        }
        relaxed.push_str("\r\n");
    }
    while relaxed.ends_with("\r\n\r\n") || *relaxed == "\r\n" {
        let end = relaxed.len() - 2;
        relaxed.truncate(end);
    }
    relaxed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_bodies_are_relaxed_as_rfc_6376_shows() {
        // The example of 3.4.5.
        assert_eq!(relaxed_field("A: X"), "a:X");
        assert_eq!(relaxed_field("B : Y\t\r\n\tZ  "), "b:Y Z");
        assert_eq!(*relaxed_body(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
        for (body, relaxed) in [("", ""), ("\r\n\r\n", ""), ("a", "a\r\n"), ("a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n")] {
            assert_eq!(*relaxed_body(body), relaxed, "{body:?}");
        }
    }

    #[test]
    fn every_field_is_named_once_more_than_it_is_there() {
        let (named, signed) = signed_fields("X: no\r\nSubject: a\r\n b\r\nFrom: c");
        assert!(named.starts_with("from:from:reply-to:to:cc:subject:\r\n subject:date:"), "{named}");
        assert_eq!(signed, "from:c\r\nsubject:a b\r\n");
    }

    /// The key of RFC 8463, A.1, in PKCS #8.
    fn rfc_8463() -> DkimKey {
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END \
                   PRIVATE KEY-----\n";
        DkimKey::from_pem("football.example.com", "brisbane", pem.as_bytes()).expect("a key")
    }

    #[test]
    fn the_signature_of_rfc_8463_comes_out() {
        // The message of A.3, its fields in the order of `h=`. The second of each name is not there.
        let body = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
        let hash = Base64::encode_string(&Sha256::digest(relaxed_body(body).as_bytes()));
        assert_eq!(hash, "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
        let fields = [
            "From: Joe SixPack <joe@football.example.com>",
            "To: Suzie Q <suzie@shopping.example.net>",
            "Subject: Is dinner ready?",
            "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)",
            "Message-ID: <20030712040037.46341.5F8J@football.example.com>",
            "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; \
             i=@football.example.com;\r\n q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n subject : date : \
             message-id : from : subject : date;\r\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=",
        ];
        let signed = fields.map(relaxed_field).join("\r\n");
        let signature = Base64::encode_string(&rfc_8463().sign(signed.as_bytes()).expect("signed"));
        assert_eq!(
            signature,
            "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
        );
    }

    #[test]
    fn the_signature_stands_in_front_in_short_lines_and_leaves_no_part_of_the_body_out() {
        let message = "From: a@football.example.com\r\nSubject: b\r\n\r\nc\r\n";
        let signed = rfc_8463().signed(message.as_bytes()).expect("signed");
        let signed = std::str::from_utf8(&signed).expect("ASCII");
        let field = signed.strip_suffix(message).expect("the message is as it was");
        assert!(field.starts_with("DKIM-Signature: v=1; a=ed25519-sha256;") && field.ends_with("\r\n"), "{field}");
        assert!(field.trim_end().split("\r\n").skip(1).all(|line| line.starts_with(' ')), "{field}");
        assert!(field.split("\r\n").all(|line| line.len() <= 78), "{field}");
        let tags = field["DKIM-Signature:".len()..].split(';');
        let tags: Vec<&str> = tags.filter_map(|tag| Some(tag.trim().split_once('=')?.0)).collect();
        assert_eq!(tags, ["v", "a", "c", "q", "d", "s", "t", "h", "bh", "b"], "no `l=`, which lets a body grow");
    }

    #[test]
    fn what_is_no_whole_message_is_not_signed() {
        for message in [&b"Subject: b\r\n"[..], b"Subject: \xff\r\n\r\n", b""] {
            assert!(rfc_8463().signed(message).is_err(), "{message:?}");
        }
    }

    #[test]
    fn of_two_fields_of_one_name_the_lower_is_signed_first() {
        let (named, signed) = signed_fields("To: a\r\nTo: b");
        assert!(named.contains("to:to:to:"), "{named}");
        assert_eq!(signed, "to:b\r\nto:a\r\n");
    }

    #[test]
    fn a_name_that_is_none_and_a_key_that_does_not_do_are_refused() {
        for (domain, selector) in
            [("", "s"), ("clinica.example", ""), ("a..b", "s"), ("a;b", "s"), ("ñ.example", "s"), ("a.b", "s\r\nX: y")]
        {
            assert_eq!(DkimKey::from_pem(domain, selector, b"").err(), Some(DkimKeyError::Name));
        }
        let long = ["a"; 4].map(|label| label.repeat(60)).join(".");
        assert_eq!(DkimKey::from_pem(&long, "s", b"").err(), Some(DkimKeyError::Name), "too long with the selector");
        for pem in ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            assert_eq!(DkimKey::from_pem("clinica.example", "s", pem.as_bytes()).err(), Some(DkimKeyError::Key));
        }
    }
}
