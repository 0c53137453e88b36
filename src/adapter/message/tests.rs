use std::collections::BTreeSet;

use mail_parser::{Address, MessageParser};
use proptest::prelude::*;

use super::*;
use crate::identity::MailId;
use crate::language::Language;
use crate::mail::MailPurpose;

const SECRETS: [MailPurpose; 3] =
    [MailPurpose::ConfirmRegistration, MailPurpose::ConfirmRecovery, MailPurpose::TemporaryPassword];

fn mail(purpose: MailPurpose, subject: &str, body: &str) -> Mail {
    Mail {
        id: MailId::from_bytes([7; 16]),
        to: "Ana.Pena@example.org".parse().expect("legal"),
        purpose,
        language: Language::Es,
        subject: subject.into(),
        text: Zeroizing::new(body.into()),
        html: Zeroizing::new(body.into()),
    }
}

fn sender() -> Sender {
    Sender::new("avisos@clinica.example").and_then(|sender| sender.named("Clínica del Sol")).expect("legal")
}

fn written(sender: &Sender, mail: &Mail) -> String {
    String::from_utf8(sender.message(mail).expect("a message").to_vec()).expect("ASCII")
}

/// The names of the fields above the first empty line, found without any parser.
fn fields(message: &str) -> Vec<&str> {
    let (head, _) = message.split_once("\r\n\r\n").expect("a head and a body");
    let lines = head.split("\r\n").filter(|line| !line.starts_with(' '));
    lines.map(|line| line.split_once(':').expect("a field").0).collect()
}

const FIELDS: [&str; 9] = [
    "Auto-Submitted",
    "Content-Language",
    "Content-Type",
    "Date",
    "From",
    "MIME-Version",
    "Message-ID",
    "Subject",
    "To",
];

fn message_id(sender: &Sender, purpose: MailPurpose) -> String {
    let message = written(sender, &mail(purpose, "Aviso", "Hola.\n"));
    let line = message.lines().find(|line| line.starts_with("Message-ID: ")).expect("an id");
    line["Message-ID: ".len()..].to_owned()
}

#[test]
fn a_mail_without_a_secret_has_the_same_message_id_each_time() {
    for purpose in MailPurpose::ALL.into_iter().filter(|purpose| !SECRETS.contains(purpose)) {
        let expected = format!("<{}@clinica.example>", "07".repeat(16));
        assert_eq!([message_id(&sender(), purpose), message_id(&sender(), purpose)], [expected.clone(), expected]);
    }
}

#[test]
fn a_mail_with_a_secret_has_a_new_message_id_each_time_that_begins_with_its_own() {
    for purpose in SECRETS {
        let ids: BTreeSet<String> = (0..4).map(|_| message_id(&sender(), purpose)).collect();
        assert_eq!(ids.len(), 4, "{purpose:?}");
        for id in ids {
            let random = id.strip_prefix(&format!("<{}.", "07".repeat(16))).expect("the mail's id");
            let random = random.strip_suffix("@clinica.example>").expect("the sender's domain");
            assert!(random.len() == 16 && random.bytes().all(|b| b.is_ascii_hexdigit()), "{random}");
        }
    }
}

#[test]
fn the_recipient_is_shown_by_address_alone_and_robots_are_told_not_to_answer() {
    let sender = sender().reply_to("recepcion@clinica.example").expect("legal");
    let message = written(&sender, &mail(MailPurpose::UserLocked, "Aviso", "Hola.\n"));
    for line in [
        "To: Ana.Pena@example.org\r\n",
        "Reply-To: recepcion@clinica.example\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Content-Language: es\r\n",
        "Subject: Aviso\r\n",
    ] {
        assert!(message.contains(line), "{line}");
    }
}

#[test]
fn a_name_or_address_that_cannot_be_a_header_is_refused_before_there_is_a_mail() {
    for name in ["", "  ", "Clínica\r\nBcc: eve@example.org", "a\nb", "a\rb", "a\0b", "a\u{2028}b", &"ñ".repeat(101)]
    {
        let refused = Sender::new("a@clinica.example").and_then(|sender| sender.named(name));
        assert_eq!(refused.err(), Some(SenderError::Name), "{name:?}");
    }
    for address in ["", "avisos", "a@localhost", "a@x.com\r\nBcc: b@y.com", "Sol <a@x.com>", "ñ@clinica.example"] {
        assert!(matches!(Sender::new(address).err(), Some(SenderError::Address(_))), "{address:?}");
        let refused = sender().reply_to(address);
        assert!(matches!(refused.err(), Some(SenderError::Address(_))), "{address:?}");
    }
}

#[test]
fn text_that_looks_encoded_is_encoded_again() {
    assert_eq!(encoded("Aviso 1"), "Aviso 1");
    for text in ["=?utf-8?Q?x?=", " a", "a ", "ñ", "a\tb"] {
        assert!(encoded(text).starts_with("=?utf-8?B?"), "{text:?}");
    }
}

/// What a person may have typed, or a record may hold, with all that has a meaning in a header.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r\n".to_owned()),
        Just("\r\nBcc: eve@example.org\r\n\r\n".to_owned()),
        Just("=?utf-8?Q?a?=".to_owned()),
        Just("\r\n.\r\n".to_owned()),
        "[\\PC\"<>\\\\(),;:@ \t\0\r\n]{0,12}",
        "\\PC{0,200}",
        any::<char>().prop_map(String::from),
    ];
    let few = proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat());
    prop_oneof![9 => few, 1 => "[ñ😀a \"]{1,40}".prop_map(|text| text.repeat(10_240 / text.len() + 1))]
}

/// Bodies have LF line ends by contract; a bare CR never comes out of `text`.
fn body() -> impl Strategy<Value = String> {
    any_text().prop_map(|text| text.replace('\r', ""))
}

fn local_part() -> impl Strategy<Value = String> {
    "[A-Za-z0-9!#$%&'*+/=?^_`{|}~][A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{0,30}(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,10}){0,3}"
}

fn domain() -> impl Strategy<Value = String> {
    "([A-Za-z0-9]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?\\.){1,6}[A-Za-z]{2,20}"
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_mail_says_its_head_has_these_fields_one_recipient_and_the_bodies_whole(
        subject in any_text(), text in body(), name in any_text(),
    ) {
        // A name that is refused leaves the sender without one.
        let sender = sender();
        let sender = sender.clone().named(&name).unwrap_or(sender);
        let message = written(&sender, &mail(MailPurpose::UserNames, &subject, &text));

        prop_assert!(message.is_ascii());
        let mut found = fields(&message);
        found.sort_unstable();
        prop_assert_eq!(found, FIELDS);
        prop_assert!(message.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));

        let read = MessageParser::default().parse(message.as_bytes()).expect("a mail");
        let addresses = |field: Option<&Address<'_>>| -> Vec<String> {
            field.into_iter().flat_map(Address::iter).filter_map(|one| one.address()).map(str::to_owned).collect()
        };
        prop_assert_eq!(addresses(read.to()), ["Ana.Pena@example.org"]);
        prop_assert_eq!(addresses(read.from()), ["avisos@clinica.example"]);
        prop_assert!(read.cc().is_none() && read.bcc().is_none());
        let plain = |body: &str| body.replace("\r\n", "\n").trim_end_matches('\n').to_owned();
        prop_assert_eq!(plain(&read.body_text(0).expect("a text")), plain(&text));
        prop_assert_eq!(plain(&read.body_html(0).expect("an HTML")), plain(&text));
        prop_assert_eq!(read.subject().unwrap_or_default(), subject);
    }

    #[test]
    fn every_address_that_is_legal_here_can_be_mailed(local in local_part(), domain in domain()) {
        let Ok(to) = format!("{local}@{domain}").parse::<EmailAddress>() else { return Ok(()) };
        let mail = Mail { to: to.clone(), ..mail(MailPurpose::UserLocked, "Aviso", "Hola.\n") };
        let message = written(&sender(), &mail);
        let line = format!("\r\nTo: {}\r\n", to.as_str());
        prop_assert!(message.contains(&line), "{:?} {}", to.as_str(), message);
        prop_assert!(Sender::new(to.as_str()).is_ok());
    }

    #[test]
    fn no_name_and_no_address_makes_a_sender_panic(name in any_text(), address in any_text()) {
        let _ = Sender::new(&address).map(|sender| written(&sender, &mail(MailPurpose::UserLocked, "A", "B")));
        let _ = sender().reply_to(&address).map(|sender| written(&sender, &mail(MailPurpose::UserLocked, "A", "B")));
        if let Ok(sender) = sender().named(&name) {
            let message = written(&sender, &mail(MailPurpose::UserLocked, "A", "B"));
            let read = MessageParser::default().parse(message.as_bytes()).expect("a mail");
            let from = read.from().and_then(Address::first).expect("a sender");
            prop_assert_eq!(from.name().unwrap_or_default(), name.trim());
        }
    }
}
