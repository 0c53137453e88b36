//! The server takes the mail, and the connection is lost before the courier hears it: the mail comes again. Not: how often,
//! which the brake and the pauses bound (`brake`, `backoff`).

use std::time::Duration;

use acceso::{MailPurpose, RecoveryConfirmation};

use crate::common::kept::Kept;
use crate::common::token;
use crate::office::Office;
use crate::world::Manner;

const ADDRESS: &str = "ana@example.org";
const NAME: &str = "anapena";
const MINUTE: Duration = Duration::from_secs(60);

pub async fn a_mail_that_arrived_unacknowledged_is_replaced_by_one_that_works<S: Kept>(mut office: Office<S>) {
    office.world.everywhere(Manner::LosesAnswers);
    office.register(ADDRESS, NAME).await;
    let arrived = |office: &Office<S>| office.world.mailbox(ADDRESS, MailPurpose::ConfirmRegistration);
    for _ in 0..20 {
        office.live(MINUTE / 2).await;
        let newest = office.world.newest(ADDRESS, MailPurpose::ConfirmRegistration);
        assert!(office.is_live(&token(&newest)).await, "before the server is heard again");
    }
    assert_eq!(office.waiting().await, 1, "who is not sure goes on");
    assert!((4..=7).contains(&arrived(&office).len()), "{}", arrived(&office).len());
    office.world.heal();
    office.live(office.acceso.policy().mail.retry_longest).await;
    assert_eq!(office.waiting().await, 0);
    let mut mails = arrived(&office);
    let newest = mails.pop().expect("a mail");
    assert!(newest.acknowledged);
    assert!(office.is_live(&token(&newest.mail)).await);
    for older in mails {
        assert_eq!(older.mail.id(), newest.mail.id(), "tries of one intent");
        assert!(!office.is_live(&token(&older.mail)).await, "one link for one request");
    }
}

pub async fn the_temporary_password_that_arrived_last_is_the_one_that_works<S: Kept>(mut office: Office<S>) {
    office.user(ADDRESS, NAME).await;
    for trouble in [0, 1, 3, 12] {
        office.ask_recovery(ADDRESS, NAME).await;
        office.work().await;
        let link = token(&office.world.newest(ADDRESS, MailPurpose::ConfirmRecovery));
        assert_eq!(office.use_recovery(&link).await, RecoveryConfirmation::Accepted);
        office.world.everywhere(Manner::LosesAnswers);
        office.live(trouble * MINUTE).await;
        assert!(office.newest_temporary_works(ADDRESS, NAME).await, "unheard, after {trouble} minutes");
        office.world.heal();
        office.live(office.acceso.policy().mail.retry_longest).await;
        assert_eq!(office.waiting().await, 0);
        assert!(office.newest_temporary_works(ADDRESS, NAME).await, "after {trouble} minutes");
        office.pass(61 * MINUTE);
    }
}
