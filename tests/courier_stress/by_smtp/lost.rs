//! The connection drops around the server's answer to the message. Not: drops at other steps, after which the server has
//! nothing (`tests/smtp`).

use crate::by_smtp::{CONFIRMED, Clinic, MINUTE, NAMES, REGISTRATION, TEMPORARY, people};
use crate::common::kept::Kept;
use crate::smtp_server::{Answer, Verb};

const ADDRESS: &str = "ana@example.org";
const NAME: &str = "anapena";

pub async fn a_connection_that_drops_after_250_brings_no_second_mail<S: Kept>(mut clinic: Clinic<S>) {
    clinic.behave(|heard| match heard.verb {
        Verb::Message => Answer::SayAndClose("250 2.0.0 taken"),
        _ => Answer::Usual,
    });
    let people = people(20);
    for (address, name) in &people {
        clinic.office.register(address, name).await;
    }
    clinic.office.work().await;
    assert_eq!(clinic.office.waiting().await, 0, "it is the server's now");
    clinic.office.live(30 * MINUTE).await;
    for (address, _) in &people {
        let mails = clinic.mails(address, REGISTRATION);
        assert_eq!(mails.len(), 1, "{address}");
        assert!(clinic.is_live(&mails[0]).await, "{address}");
    }
}

pub async fn a_connection_that_drops_before_the_answer_brings_a_second_mail_that_is_known_for_one<S: Kept>(
    mut clinic: Clinic<S>,
) {
    clinic.user(ADDRESS, NAME).await;
    clinic.office.register("bea@example.org", "beasanz").await;
    clinic.recover(ADDRESS, NAME).await;
    clinic.behave(|heard| if heard.verb == Verb::Message { Answer::KeepAndClose } else { Answer::Usual });
    // Two mails with a secret, and two without.
    clinic.confirm("bea@example.org", "beasanz").await;
    clinic.office.ask_names(ADDRESS).await;
    clinic.office.register("carla@example.org", "carlasanz").await;
    clinic.office.work().await;
    assert_eq!(clinic.office.waiting().await, 4, "nobody has said that it has them");
    let password = clinic.newest(ADDRESS, TEMPORARY);
    assert!(clinic.lets_in(&password, NAME).await);
    let link = clinic.newest("carla@example.org", REGISTRATION);
    assert!(clinic.is_live(&link).await);
    clinic.behave_well();
    clinic.live_until_all_is_sent().await;

    for (address, subject, has_secret) in [
        (ADDRESS, TEMPORARY, true),
        ("carla@example.org", REGISTRATION, true),
        (ADDRESS, NAMES, false),
        ("bea@example.org", CONFIRMED, false),
    ] {
        let mails = clinic.mails(address, subject);
        assert_eq!(mails.len(), 2, "{subject}");
        // Mail programs show the first of two of one id: where only the second is good, the end of the id differs.
        let intent = |at: usize| mails[at].id.split('.').next().unwrap_or_default().to_owned();
        assert_eq!(intent(0), intent(1), "{subject}");
        assert_eq!(mails[0].id == mails[1].id, !has_secret, "{subject}");
        assert_eq!(mails[0].text == mails[1].text, !has_secret, "{subject}");
    }
    let passwords = clinic.mails(ADDRESS, TEMPORARY);
    assert!(clinic.lets_in(&passwords[1], NAME).await && !clinic.lets_in(&passwords[0], NAME).await);
    let links = clinic.mails("carla@example.org", REGISTRATION);
    assert!(clinic.is_live(&links[1]).await && !clinic.is_live(&links[0]).await);
}
