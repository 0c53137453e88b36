//! How one mail is handed over. Not: to whom to connect.
//!
//! **One sender, one recipient, one message.**

use zeroize::Zeroizing;

use crate::adapter::smtp::failure::Failure;
use crate::adapter::smtp::reply::Step;
use crate::adapter::smtp::server::Conversation;
use crate::identity::EmailAddress;

/// Hands a message over; `data` is [`dot_stuffed`]. After an error the conversation stands anywhere.
pub(super) async fn hand_over(
    conversation: &mut Conversation,
    from: &EmailAddress,
    to: &EmailAddress,
    data: &[u8],
) -> Result<(), Failure> {
    conversation.ask(Step::Sender, format!("MAIL FROM:<{}>\r\n", from.as_str()).as_bytes(), 2).await?;
    conversation.ask(Step::Recipient, format!("RCPT TO:<{}>\r\n", to.as_str()).as_bytes(), 2).await?;
    conversation.ask(Step::Data, b"DATA\r\n", 3).await?;
    conversation.ask(Step::Message, data, 2).await.map(drop)
}

/// A message as it goes over the wire: a dot before each that begins a line, and one on a line of its own at the end
/// (RFC 5321, 4.5.2). The lines of `message` end in CRLF.
pub(super) fn dot_stuffed(message: &[u8]) -> Zeroizing<Vec<u8>> {
    // In one piece: a buffer that grows leaves copies of a secret behind.
    let lines = message.split(|byte| *byte == b'\n').count();
    let mut data = Zeroizing::new(Vec::with_capacity(message.len() + lines + 5));
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            data.push(b'.');
        }
        data.extend_from_slice(line);
    }
    if !data.ends_with(b"\r\n") {
        data.extend_from_slice(b"\r\n");
    }
    data.extend_from_slice(b".\r\n");
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_at_the_start_of_a_line_is_doubled_and_one_alone_ends_the_message() {
        for (message, data) in [
            ("a\r\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            (".\r\n..\r\n.a\r\nb.\r\n", "..\r\n...\r\n..a\r\nb.\r\n.\r\n"),
            ("", "\r\n.\r\n"),
        ] {
            assert_eq!(String::from_utf8_lossy(&dot_stuffed(message.as_bytes())), data);
        }
    }
}
