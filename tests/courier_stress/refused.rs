//! An address that the server refuses for good. Not: what `brake` has, that such a mail brakes nothing.

use acceso::{Confirmation, EventKind, MailPurpose, RecoveryConfirmation};

use crate::common::kept::Kept;
use crate::common::{PASSWORD, token};
use crate::office::Office;
use crate::world::Manner;

const BAD: &str = "no.existe@example.org";

pub async fn an_address_that_is_refused_is_given_up_and_holds_up_nobody<S: Kept>(mut office: Office<S>) {
    let good: Vec<String> = (0..40).map(|number| format!("paciente{number}@example.org")).collect();
    office.user(BAD, "antes").await;
    office.world.at(BAD, Manner::Refuses);
    let already = office.world.tries().len();
    // More of them than there are places, and most of them earlier than the others.
    office.register(BAD, "nuevo").await;
    office.ask_recovery(BAD, "antes").await;
    office.ask_names(BAD).await;
    for (number, address) in good.iter().enumerate() {
        office.register(address, &format!("paciente{number}")).await;
    }
    office.work().await;
    for address in &good {
        assert_eq!(office.world.mailbox(address, MailPurpose::ConfirmRegistration).len(), 1);
    }
    assert_eq!(office.waiting().await, 0, "given up, not tried again");
    let refused: Vec<_> = office.world.tries().split_off(already);
    let refused: Vec<_> = refused.iter().map(|tried| &tried.mail).filter(|mail| mail.to().as_str() == BAD).collect();
    assert_eq!(refused.len(), 3);

    // Staff see which user's address it is, where there is one.
    let user = office.store().user_named(&"antes".parse().expect("legal")).await.expect("there").expect("a user").id();
    let events = office.store().kept().await;
    for (purpose, about) in [
        (MailPurpose::ConfirmRegistration, None),
        (MailPurpose::ConfirmRecovery, Some(user)),
        (MailPurpose::UserNames, Some(user)),
    ] {
        let told = events.iter().filter(|event| event.kind() == EventKind::MailRefused(purpose));
        assert_eq!(told.map(acceso::Event::user).collect::<Vec<_>>(), [about], "{purpose:?}");
    }
    // The links in them are dead.
    for mail in refused {
        match mail.purpose() {
            MailPurpose::ConfirmRegistration => {
                assert_eq!(office.confirm(&token(mail), "nuevo", PASSWORD).await, Confirmation::LinkInvalid);
            }
            MailPurpose::ConfirmRecovery => {
                assert_eq!(office.use_recovery(&token(mail)).await, RecoveryConfirmation::LinkInvalid);
            }
            _ => {}
        }
    }
}
