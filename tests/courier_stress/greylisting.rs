//! The receiver's server defers everybody's first mail for five minutes. Not: servers that are down.

use std::time::Duration;

use acceso::MailPurpose;

use crate::common::kept::Kept;
use crate::common::token;
use crate::office::Office;
use crate::world::{GREY, Manner};

/// The pauses double from half a minute: the try after the fifth minute comes before the thirteenth.
const SOON: Duration = Duration::from_secs(13 * 60);

pub async fn a_greylisted_receiver_gets_its_mail_once_and_soon_after<S: Kept>(mut office: Office<S>) {
    let grey: Vec<String> = (0..10).map(|number| format!("gris{number}@example.org")).collect();
    for (number, address) in grey.iter().enumerate() {
        office.world.at(address, Manner::Greylists);
        office.register(address, &format!("gris{number}")).await;
    }
    office.register("ana@example.org", "anapena").await;
    let asked = office.now();
    office.work().await;
    let purpose = MailPurpose::ConfirmRegistration;
    assert_eq!(office.world.mailbox("ana@example.org", purpose).len(), 1, "nobody waits for who is greylisted");
    office.live(SOON).await;
    assert_eq!(office.waiting().await, 0);
    for address in &grey {
        let mails = office.world.mailbox(address, purpose);
        assert_eq!(mails.len(), 1);
        let waited = mails[0].at.since(asked);
        assert!(waited >= GREY && waited <= SOON, "{waited:?}");
        assert!(office.is_live(&token(&mails[0].mail)).await);
    }
}
