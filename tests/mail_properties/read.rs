//! A message, read twice: its bytes by hand, and its parts by a parser that did not write it.

use mail_parser::{Address, MessageParser};

/// A message as it went out.
pub(crate) struct Raw(pub(crate) Vec<u8>);

impl Raw {
    /// The names of the fields above the first empty line, sorted. No parser: a parser forgives.
    pub(crate) fn fields(&self) -> Vec<&str> {
        let text = std::str::from_utf8(&self.0).expect("ASCII");
        assert!(text.is_ascii(), "{text}");
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert!(lines.iter().all(|line| line.len() <= 998 && !line.contains(['\r', '\n', '\0'])), "{text}");
        let (head, _) = text.split_once("\r\n\r\n").expect("a head and a body");
        let fields = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
        let mut names: Vec<&str> = fields.map(|line| line.split_once(':').expect("a field").0).collect();
        names.sort_unstable();
        names
    }
}

/// What a mail program shows.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) from: Vec<String>,
    pub(crate) to: Vec<String>,
    pub(crate) has_copies: bool,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Message {
    pub(crate) fn parsed(raw: &Raw) -> Self {
        let mail = MessageParser::default().parse(&raw.0).expect("a mail");
        let addresses = |field: Option<&Address<'_>>| -> Vec<String> {
            field.into_iter().flat_map(Address::iter).filter_map(|one| one.address()).map(str::to_owned).collect()
        };
        assert_eq!((mail.text_body_count(), mail.html_body_count(), mail.attachment_count()), (1, 1, 0));
        Self {
            from: addresses(mail.from()),
            to: addresses(mail.to()),
            has_copies: mail.cc().is_some() || mail.bcc().is_some(),
            subject: mail.subject().unwrap_or_default().to_owned(),
            text: plain(&mail.body_text(0).expect("a text")),
            html: plain(&mail.body_html(0).expect("an HTML")),
        }
    }
}

/// A body with what a transport may change made equal.
pub(crate) fn plain(body: &str) -> String {
    body.replace("\r\n", "\n").trim_end_matches('\n').to_owned()
}
