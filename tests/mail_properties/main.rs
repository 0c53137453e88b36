//! Whatever a person types and a record holds, and whatever the clinic is called: the mails that leave, by SMTP and as
//! files. Not: how a mail becomes a message, whose own properties are in `adapter/message`.
//!
//! **No text crashes a sender, adds a header or a recipient, or changes what another text says.**

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/smtp_server.rs"]
mod smtp_server;

mod read;
mod story;
mod texts;
mod ways;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use acceso::{Language, Mail, MailPurpose};
use proptest::prelude::*;

use crate::read::{Message, plain};
use crate::story::{Clinic, Life, MARK, forms_of_a_stranger, life};
use crate::ways::Ways;

fn few(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// The subjects of a portal whose texts are all plain.
fn subject(mail: &Mail) -> &'static str {
    static SUBJECTS: OnceLock<BTreeMap<(&str, &str), String>> = OnceLock::new();
    let subjects = SUBJECTS.get_or_init(|| {
        let lives = Language::ALL.into_iter().flat_map(|language| {
            let clinic = Clinic { language, ..Clinic::plain() };
            life(&clinic, &Life::plain()).expect("a plain life")
        });
        lives.map(|mail| ((mail.purpose().code(), mail.language().code()), mail.subject().to_owned())).collect()
    });
    &subjects[&(mail.purpose().code(), mail.language().code())]
}

fn clinic() -> impl Strategy<Value = Clinic> {
    let language = prop_oneof![Just(Language::Es), Just(Language::En)];
    (texts::hostile(), proptest::option::of(texts::hostile()), texts::hostile(), any::<bool>(), language).prop_map(
        |(name, contact, sender, has_reply_to, language)| Clinic { name, contact, sender, has_reply_to, language },
    )
}

fn a_life() -> impl Strategy<Value = Life> {
    (texts::address(), any::<bool>(), texts::username(), texts::hostile()).prop_map(
        |(email, types_capitals, username, recorded_name)| Life { email, types_capitals, username, recorded_name },
    )
}

proptest! {
    #![proptest_config(few(64))]

    #[test]
    fn a_life_under_any_names_has_its_seven_mails_each_to_the_address_of_the_record(
        clinic in clinic(), a_life in a_life(),
    ) {
        // A password that holds the user name or the clinic's is refused.
        let Some(mails) = life(&clinic, &a_life) else { return Err(TestCaseError::reject("no registration")) };
        let purposes: Vec<MailPurpose> = mails.iter().map(Mail::purpose).collect();
        prop_assert_eq!(purposes.len(), MailPurpose::ALL.len(), "{:?}", purposes);

        let ways = Ways::new(&clinic);
        for mail in &mails {
            prop_assert_eq!(mail.to().as_str(), &a_life.email);
            prop_assert_eq!(mail.subject(), subject(mail));
            for (way, message) in ways.both(mail) {
                let purpose = mail.purpose();
                prop_assert_eq!(message.fields(), clinic.fields(), "{} {:?}", way, purpose);
                let read = Message::parsed(&message);
                prop_assert_eq!(&read.to, &[a_life.email.as_str()], "{} {:?}", way, purpose);
                prop_assert_eq!(&read.from, &[ways::FROM], "{} {:?}", way, purpose);
                prop_assert!(!read.has_copies, "{} {:?}", way, purpose);
                prop_assert_eq!(&read.subject, mail.subject(), "{} {:?}", way, purpose);
                prop_assert_eq!(&read.text, &plain(mail.text()), "{} {:?}", way, purpose);
                prop_assert_eq!(&read.html, &plain(mail.html()), "{} {:?}", way, purpose);
                prop_assert!(!read.html.contains("<script"), "{}", read.html);
                prop_assert!(!read.text.contains(MARK) && !read.html.contains(MARK), "a person's name is in no mail");
                if purpose == MailPurpose::UserNames {
                    let username = a_life.username.to_ascii_lowercase();
                    prop_assert!(read.text.lines().any(|line| line == username), "{}: {}", way, read.text);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(few(128))]

    #[test]
    fn forms_full_of_anything_are_answered_and_mail_nobody_but_the_patient(
        typed in proptest::collection::vec(texts::hostile(), 8), token in texts::hostile(),
    ) {
        let ways = Ways::new(&Clinic::plain());
        let mails = forms_of_a_stranger(&typed, &token);
        prop_assert!(!mails.is_empty(), "the patient's own address was typed too");
        for mail in mails {
            prop_assert_eq!(mail.to().as_str(), common::ANA);
            prop_assert_eq!(mail.subject(), subject(&mail));
            for (way, message) in ways.both(&mail) {
                prop_assert_eq!(message.fields(), Clinic::plain().fields(), "{}", way);
                let read = Message::parsed(&message);
                prop_assert_eq!(&read.to, &[common::ANA], "{}", way);
                prop_assert_eq!(&read.text, &plain(mail.text()), "{}", way);
            }
        }
    }
}
