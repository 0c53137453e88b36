//! A mail as a message that mail programs read (RFC 5322, MIME), and whom it comes from. Not: how it leaves.
//!
//! **No header holds text that a visitor typed**, and what the host gives for one is refused before a mail is made.

use std::fmt;
use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message, MultiPart, SinglePart};
use zeroize::Zeroizing;

use crate::entropy::{Entropy as _, OsEntropy};
use crate::identity::{EmailAddress, ParseError};
use crate::mail::Mail;
use crate::port::error::BoxError;
use crate::port::mailer::SendError;

/// Whom the clinic's mails come from: the `From` and, if patients may answer, the `Reply-To` of every mail.
///
/// The address is also the sender of the envelope, so a mail that cannot be delivered comes back there.
///
/// ```
/// use acceso::adapter::message::{Sender, SenderError};
///
/// let sender = Sender::new("avisos@clinica.example")?.named("Clínica del Sol")?.reply_to("recepcion@clinica.example")?;
/// assert_eq!(sender.address().as_str(), "avisos@clinica.example");
///
/// let forged = Sender::new("avisos@clinica.example")?.named("Clínica\r\nBcc: eve@example.org");
/// assert_eq!(forged.err(), Some(SenderError::Name));
/// # Ok::<(), SenderError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sender {
    from: Named,
    reply_to: Option<Named>,
}

/// An address, and what a mail program shows in its place.
#[derive(Debug, Clone)]
struct Named {
    address: EmailAddress,
    name: Option<Box<str>>,
}

/// Why a sender was refused. It quotes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SenderError {
    /// The address is none that [`EmailAddress`] takes.
    #[error("the sender's address {0}")]
    Address(ParseError),
    /// The name is empty, longer than [`Sender::MAX_NAME_BYTES`], or holds a control character, such as a line break.
    #[error("the sender's name is empty, too long, or holds a control character")]
    Name,
}

impl Sender {
    /// The greatest length of a name, in bytes of UTF-8: mail programs show some thirty characters.
    pub const MAX_NAME_BYTES: usize = 200;

    /// By address alone.
    pub fn new(address: &str) -> Result<Self, SenderError> {
        Ok(Self { from: Named::new(address)?, reply_to: None })
    }

    /// With the name that mail programs show, such as the clinic's.
    pub fn named(mut self, name: &str) -> Result<Self, SenderError> {
        self.from.name = Some(legal_name(name)?);
        Ok(self)
    }

    /// With an address that answers go to. Without one they go to the sender's, and are often read by nobody.
    pub fn reply_to(mut self, address: &str) -> Result<Self, SenderError> {
        self.reply_to = Some(Named::new(address)?);
        Ok(self)
    }

    /// The address that the mails come from.
    pub fn address(&self) -> &EmailAddress {
        &self.from.address
    }

    fn domain(&self) -> &str {
        let address = self.from.address.as_str();
        address.rsplit_once('@').map_or(address, |(_, domain)| domain)
    }

    /// The whole message, lines ending in CRLF, in ASCII: no server must understand more than RFC 5321.
    ///
    /// It is wiped when dropped. What the message library makes on the way is not.
    pub(in crate::adapter) fn message(&self, mail: &Mail) -> Result<Zeroizing<Vec<u8>>, SendError> {
        let id = self.message_id(mail).map_err(|error| SendError::Transient(error.into()))?;
        // Ours takes no address that the library refuses; if ever it does, no later try helps.
        let message = self.build(mail, id).map_err(SendError::Permanent)?;
        Ok(Zeroizing::new(message.formatted()))
    }

    /// The same for every try only if every try says the same: see [`MailPurpose::holds_secret`].
    ///
    /// [`MailPurpose::holds_secret`]: crate::MailPurpose::holds_secret
    fn message_id(&self, mail: &Mail) -> Result<String, crate::entropy::EntropyError> {
        let mut id = format!("<{}", mail.id());
        if mail.purpose().holds_secret() {
            let mut random = [0; 8];
            OsEntropy.fill(&mut random)?;
            id.push('.');
            for byte in random {
                let _ = write!(id, "{byte:02x}");
            }
        }
        let _ = write!(id, "@{}>", self.domain());
        Ok(id)
    }

    fn build(&self, mail: &Mail, id: String) -> Result<Message, BoxError> {
        let mut message = Message::builder()
            .from(self.from.bare()?)
            .raw_header(self.from.header(HeaderName::new_from_ascii_str("From")));
        if let Some(reply_to) = &self.reply_to {
            message = message.raw_header(reply_to.header(HeaderName::new_from_ascii_str("Reply-To")));
        }
        let to = Named { address: mail.to().clone(), name: None };
        let bodies = MultiPart::alternative()
            .singlepart(part(ContentType::TEXT_PLAIN, mail.text())?)
            .singlepart(part(ContentType::TEXT_HTML, mail.html())?);
        let message = message
            .to(to.bare()?)
            .raw_header(HeaderValue::dangerous_new_pre_encoded(
                HeaderName::new_from_ascii_str("Subject"),
                mail.subject().to_owned(),
                encoded(mail.subject()),
            ))
            .date_now()
            .message_id(Some(id))
            // RFC 3834: no robot answers this one.
            .raw_header(plain("Auto-Submitted", "auto-generated"))
            .raw_header(plain("Content-Language", mail.language().code()))
            .multipart(bodies)?;
        Ok(message)
    }
}

impl Named {
    fn new(address: &str) -> Result<Self, SenderError> {
        Ok(Self { address: address.parse().map_err(SenderError::Address)?, name: None })
    }

    /// As the message library knows it, for the envelope. Without the name, whose line breaks make it panic (0.11.23).
    fn bare(&self) -> Result<Mailbox, lettre::address::AddressError> {
        Ok(Mailbox::new(None, self.address.as_str().parse()?))
    }

    fn header(&self, field: HeaderName) -> HeaderValue {
        let address = self.address.as_str();
        let shown = match &self.name {
            Some(name) => format!("{}\r\n <{address}>", encoded_words(name)),
            None => address.to_owned(),
        };
        HeaderValue::dangerous_new_pre_encoded(field, address.to_owned(), shown)
    }
}

fn legal_name(name: &str) -> Result<Box<str>, SenderError> {
    let name = name.trim();
    // U+2028 and U+2029 end a line too, for some.
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if name.is_empty() || name.len() > Sender::MAX_NAME_BYTES || name.contains(breaks) {
        return Err(SenderError::Name);
    }
    Ok(name.into())
}

/// One of the two bodies. Quoted-printable: lines of any length and every letter arrive, and a person can read the file.
fn part(content_type: ContentType, body: &str) -> Result<SinglePart, BoxError> {
    let body = Body::new_with_encoding(body.to_owned(), ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| "the body has no quoted-printable form")?;
    Ok(SinglePart::builder().header(content_type).body(body))
}

fn plain(field: &'static str, value: &'static str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(field), value.to_owned())
}

/// A header's text as it is, if it is short and looks like nothing else.
fn encoded(text: &str) -> String {
    // Room for the header's name within the 78 characters of RFC 5322.
    let fits = text.len() <= 60 && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if fits && text.trim() == text && !text.contains("=?") { text.to_owned() } else { encoded_words(text) }
}

/// Text as encoded words of RFC 2047: each at most 75 characters, of whole letters, on a line of its own.
fn encoded_words(text: &str) -> String {
    /// Bytes in a word: 75 less the 12 of its frame are 60 digits of base64.
    const MOST: usize = 45;
    let mut words = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(MOST);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (word, after) = rest.split_at(end);
        if !words.is_empty() {
            words.push_str("\r\n ");
        }
        let _ = write!(words, "=?utf-8?B?{}?=", Base64::encode_string(word.as_bytes()));
        rest = after;
    }
    words
}

/// Nothing to send with: the two adapters here run on tokio.
#[derive(Debug, thiserror::Error)]
#[error("no tokio runtime is running here")]
pub(in crate::adapter) struct NoRuntime;

impl fmt::Display for Sender {
    /// The address alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.from.address.as_str())
    }
}

#[cfg(test)]
mod tests;
