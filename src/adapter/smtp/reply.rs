//! What a mail server answers, and whether a later try can help. Not: what is sent to it.
//!
//! **When in doubt, a later try can help.**

use std::fmt;

/// Where in the conversation something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Connect,
    Tls,
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    /// `MAIL FROM`: about us.
    Sender,
    /// `RCPT TO`: about the recipient.
    Recipient,
    /// `DATA`, before the first byte of the message.
    Data,
    /// The end of the message. From here on the server may have taken it.
    Message,
    /// `NOOP`, of a check.
    Check,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Tls => "the TLS handshake",
            Self::Greeting => "the greeting",
            Self::Ehlo => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Sender => "MAIL FROM",
            Self::Recipient => "RCPT TO",
            Self::Data => "DATA",
            Self::Message => "the end of the message",
            Self::Check => "NOOP",
        })
    }
}

/// A whole reply: the code, and the text of its lines. The text may quote addresses.
#[derive(Clone)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) lines: Vec<String>,
}

/// One line of a reply, taken apart.
pub(super) struct ReplyLine<'a> {
    pub(super) code: u16,
    pub(super) is_last: bool,
    pub(super) text: &'a str,
}

impl<'a> ReplyLine<'a> {
    /// `250-text`, `250 text` or `250`, if it is one of these (RFC 5321, 4.2).
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        let (code, rest) = line.split_at_checked(3)?;
        let is_code = code.bytes().all(|b| b.is_ascii_digit()) && matches!(code.as_bytes()[0], b'2'..=b'5');
        let (is_last, text) = match rest.chars().next() {
            None => (true, ""),
            Some(' ') => (true, &rest[1..]),
            Some('-') => (false, &rest[1..]),
            Some(_) => return None,
        };
        is_code.then(|| code.parse().ok()).flatten().map(|code| Self { code, is_last, text })
    }
}

impl Reply {
    /// The enhanced status code (RFC 3463), such as `5.1.1`, if the reply has one.
    pub(super) fn status(&self) -> Option<(u16, u16, u16)> {
        let word = self.lines.first()?.split(' ').next()?;
        let mut numbers = word.split('.').map(|part| part.parse::<u16>().ok());
        let status = (numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(status)
    }

    /// Whether the refusal is this recipient's and stays: the table in `docs/mail.md`.
    pub(super) fn is_for_good(&self, step: Step) -> bool {
        if !(500..600).contains(&self.code) {
            return false;
        }
        match (step, self.status()) {
            // No such mailbox, domain or address; moved without an address; a domain that takes no mail (RFC 7505); a
            // mailbox that is closed. The others are of the sender (5.1.7, 5.1.8), or may pass (5.2.2: full).
            (Step::Recipient | Step::Message, Some((5, 1, 1 | 2 | 3 | 6 | 10) | (5, 2, 1))) => true,
            (Step::Recipient, None) => matches!(self.code, 550 | 551 | 553 | 556) && !self.speaks_of_us(),
            _ => false,
        }
    }

    /// A refusal without a status is of the recipient unless its text is of the sender, the client or a policy: Exim says
    /// "550 relay not permitted", and a relay that was set up wrongly must not cost every patient her mail.
    fn speaks_of_us(&self) -> bool {
        const WORDS: [&str; 22] = [
            "relay",
            "auth",
            "sender",
            "log in",
            "login",
            "spam",
            "spf",
            "dkim",
            "dmarc",
            "block",
            "list",
            "polic",
            "denied",
            "access",
            "client",
            "host",
            "helo",
            "limit",
            "full",
            "quota",
            "tls",
            "try again",
        ];
        let text = self.lines.join(" ").to_ascii_lowercase();
        WORDS.iter().any(|word| text.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(line: &str) -> Reply {
        let line = ReplyLine::parse(line).expect("a line");
        Reply { code: line.code, lines: vec![line.text.to_owned()] }
    }

    #[test]
    fn only_a_refusal_of_the_recipient_itself_is_for_good() {
        for line in [
            "550 5.1.1 <x@example.org>: Recipient address rejected: User unknown in local recipient table",
            "550 5.1.2 no such domain",
            "553 5.1.3 bad address syntax",
            "551 5.1.6 moved",
            "556 5.1.10 null MX",
            "550 5.2.1 mailbox disabled",
            "550 no such user here",
            "550",
            "551 User not local",
            "553 Mailbox name not allowed",
            "556 Domain does not accept mail",
        ] {
            assert!(reply(line).is_for_good(Step::Recipient), "{line}");
        }
        for line in [
            "550 5.7.1 Relaying denied",
            "554 5.7.1 <x@example.org>: Relay access denied",
            "550 relay not permitted",
            "550 Relaying denied",
            "550 Sender verify failed",
            "550 authentication required",
            "550 blocked using a DNS list",
            "550 5.1.7 bad sender",
            "550 5.1.8 sender's domain",
            "550 5.1.0 Address rejected",
            "552 5.2.2 mailbox full",
            "550 mailbox full",
            "552 too much mail data",
            "554 no",
            "521 no mail here",
            "530 5.7.0 authentication required",
            "500 what",
            "503 bad sequence",
            "450 4.2.0 greylisted",
            "450 5.1.1 contradicts itself",
            "550 4.1.1 contradicts itself",
            "421 closing",
        ] {
            assert!(!reply(line).is_for_good(Step::Recipient), "{line}");
        }
    }

    #[test]
    fn a_message_is_refused_for_good_only_by_a_status_of_the_recipient() {
        assert!(reply("550 5.1.1 no such user").is_for_good(Step::Message));
        for line in ["550 no such user", "554 5.7.1 spam", "554 5.6.0 bad content", "552 5.3.4 too big", "554 no"] {
            assert!(!reply(line).is_for_good(Step::Message), "{line}");
        }
    }

    #[test]
    fn no_refusal_before_the_recipient_is_for_good() {
        for step in [Step::Greeting, Step::Ehlo, Step::StartTls, Step::Auth, Step::Sender, Step::Data, Step::Check] {
            assert!(!reply("550 5.1.1 no such user").is_for_good(step), "{step}");
        }
    }

    #[test]
    fn what_is_no_reply_is_told() {
        for line in ["", "2", "25", "abc", "250x", "999 x", "150 x", "+50 x", "2é0 x", "ñandú"] {
            assert!(ReplyLine::parse(line).is_none(), "{line}");
        }
        let line = ReplyLine::parse("250-SIZE 1").expect("a line");
        assert_eq!((line.code, line.is_last, line.text), (250, false, "SIZE 1"));
        assert!(ReplyLine::parse("354").expect("a line").is_last);
    }
}
