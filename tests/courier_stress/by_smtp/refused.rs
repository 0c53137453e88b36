//! A recipient whom the server refuses for good. Not: which answers mean that (`tests/smtp`).

use std::sync::{Arc, Mutex};

use acceso::{Confirmation, EventKind, MailPurpose, RecoveryConfirmation};

use crate::by_smtp::{Clinic, MINUTE, RECOVERY, REGISTRATION, people};
use crate::common::kept::Kept;
use crate::common::{PASSWORD, token_in};
use crate::smtp_server::{Answer, Received, Verb};

const BAD: &str = "no.existe@example.org";
const NO_SUCH: &str = "550 5.1.1 no such mailbox";

pub async fn a_receiver_that_answers_550_is_given_up_seen_by_staff_and_holds_up_nobody<S: Kept>(mut clinic: Clinic<S>) {
    clinic.user(BAD, "antes").await;
    // One server knows at RCPT that there is no such mailbox, another when it has the message.
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    clinic.behave(move |heard| match heard.verb {
        Verb::Recipient if heard.line.contains("nunca.existio") => Answer::Say(NO_SUCH),
        Verb::Message if heard.line.contains(&format!("To: {BAD}")) => {
            kept.lock().expect("no panic").push(heard.line.clone());
            Answer::Say(NO_SUCH)
        }
        _ => Answer::Usual,
    });
    clinic.office.ask_recovery(BAD, "antes").await;
    clinic.office.ask_names(BAD).await;
    clinic.office.register(BAD, "nuevo").await;
    clinic.office.register("nunca.existio@example.org", "nunca").await;
    let people = people(12);
    for (address, name) in &people {
        clinic.office.register(address, name).await;
    }
    clinic.office.work().await;
    for (address, _) in &people {
        assert_eq!(clinic.mails(address, REGISTRATION).len(), 1, "{address}");
    }
    assert_eq!(clinic.office.waiting().await, 0, "given up, not tried again");

    // Staff see which user's address it is, where there is one.
    let store = clinic.office.store();
    let user = store.user_named(&"antes".parse().expect("legal")).await.expect("there").expect("a user").id();
    let events = store.kept().await;
    for (purpose, about) in [
        (MailPurpose::ConfirmRegistration, vec![None, None]),
        (MailPurpose::ConfirmRecovery, vec![Some(user)]),
        (MailPurpose::UserNames, vec![Some(user)]),
    ] {
        let told = events.iter().filter(|event| event.kind() == EventKind::MailRefused(purpose));
        assert_eq!(told.map(acceso::Event::user).collect::<Vec<_>>(), about, "{purpose:?}");
    }

    // The links in them are dead.
    let messages = std::mem::take(&mut *seen.lock().expect("no panic"));
    assert_eq!(messages.len(), 3);
    for message in messages {
        let mail = Received { from: String::new(), to: vec![BAD.to_owned()], message }.arrived();
        match mail.subject.as_str() {
            REGISTRATION => {
                let confirmed = clinic.office.confirm(&token_in(&mail.text), "nuevo", PASSWORD).await;
                assert_eq!(confirmed, Confirmation::LinkInvalid);
            }
            RECOVERY => {
                let recovery = clinic.office.use_recovery(&token_in(&mail.text)).await;
                assert_eq!(recovery, RecoveryConfirmation::LinkInvalid);
            }
            _ => {}
        }
    }
    // Nor do they keep anybody from a link, once the mailbox is there.
    clinic.behave_well();
    clinic.office.ask_recovery(BAD, "antes").await;
    clinic.office.live(MINUTE).await;
    assert_eq!(clinic.mails(BAD, RECOVERY).len(), 1);
}
