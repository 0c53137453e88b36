//! A server that takes its time, and answers before the courier has waited long enough. Not: how many such addresses are
//! sent to at once (`hanging`).

use std::sync::Barrier;
use std::time::Duration;

use crate::by_smtp::{CONFIRMED, Clinic, MINUTE, REGISTRATION, people};
use crate::common::kept::Kept;
use crate::smtp_server::{Answer, Verb};

pub async fn a_server_that_is_slow_and_in_time_is_sent_to_once<S: Kept>(mut clinic: Clinic<S>) {
    let mail = clinic.office.acceso.policy().mail;
    let places = usize::from(mail.parallel_sends);
    // One courier alone: every place of its own is taken while the server thinks.
    clinic.office.couriers.truncate(1);
    let (clock, all) = (clinic.office.clock.clone(), Barrier::new(places));
    clinic.behave(move |heard| {
        if heard.verb == Verb::Message && heard.before < places {
            if all.wait().is_leader() {
                clock.advance((mail.lease / 2).saturating_sub(Duration::from_secs(10)));
            }
            all.wait();
        }
        Answer::Usual
    });
    let people = people(places);
    for (address, name) in &people {
        clinic.office.register(address, name).await;
    }
    let [delivered] = clinic.office.round().await.try_into().expect("one courier");
    assert_eq!(usize::try_from(delivered.sent).expect("few"), places, "{delivered:?}");

    // Their next mails leave too, while another's waits for none of them.
    for (address, name) in &people {
        clinic.confirm(address, name).await;
    }
    clinic.office.register("ana@example.org", "anapena").await;
    clinic.office.round().await;
    assert_eq!(clinic.mails("ana@example.org", REGISTRATION).len(), 1);
    clinic.office.live(15 * MINUTE).await;
    assert_eq!(clinic.office.waiting().await, 0);
    for (address, _) in &people {
        assert_eq!((clinic.mails(address, REGISTRATION).len(), clinic.mails(address, CONFIRMED).len()), (1, 1));
    }
}
