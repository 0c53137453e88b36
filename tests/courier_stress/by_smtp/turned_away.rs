//! Servers that say «later». Not: the pauses until then (`greylisting`, `backoff`).

use std::collections::BTreeMap;
use std::sync::Mutex;

use acceso::Clock;

use crate::by_smtp::{Clinic, MINUTE, REGISTRATION, people};
use crate::common::kept::Kept;
use crate::smtp_server::{Answer, Verb};
use crate::world::GREY;

pub async fn a_receiver_that_answers_451_at_first_gets_its_mail_once<S: Kept>(mut clinic: Clinic<S>) {
    let (clock, first) = (clinic.office.clock.clone(), Mutex::new(BTreeMap::new()));
    clinic.behave(move |heard| {
        if heard.verb != Verb::Recipient || !heard.line.contains("paciente") {
            return Answer::Usual;
        }
        let now = clock.now();
        let first = *first.lock().expect("no panic").entry(heard.line.clone()).or_insert(now);
        if now.since(first) < GREY { Answer::Say("451 4.7.1 greylisted, come back later") } else { Answer::Usual }
    });
    let people = people(12);
    for (address, name) in &people {
        clinic.office.register(address, name).await;
    }
    clinic.office.register("ana@example.org", "anapena").await;
    clinic.office.work().await;
    assert_eq!(clinic.came().len(), 1, "nobody waits for who is greylisted");
    assert_eq!(clinic.office.waiting().await, 12);
    clinic.office.live(13 * MINUTE).await;
    assert_eq!(clinic.office.waiting().await, 0);
    for (address, _) in &people {
        let mails = clinic.mails(address, REGISTRATION);
        assert_eq!(mails.len(), 1, "{address}");
        assert!(clinic.is_live(&mails[0]).await, "{address}");
    }
}

pub async fn a_server_that_answers_421_to_connections_gets_every_mail_once<S: Kept>(mut clinic: Clinic<S>) {
    const LATER: &str = "421 4.7.0 too many connections, come back later";
    clinic.behave(|heard| if heard.verb == Verb::Connect { Answer::SayAndClose(LATER) } else { Answer::Usual });
    let people = people(20);
    for (address, name) in &people {
        clinic.office.register(address, name).await;
    }
    clinic.office.live(10 * MINUTE).await;
    assert_eq!((clinic.came().len(), clinic.office.waiting().await), (0, 20));
    // Two of three are turned away, at the connection or in the middle of one.
    clinic.behave(|heard| match heard.verb {
        Verb::Connect if heard.before % 3 != 0 => Answer::SayAndClose(LATER),
        Verb::Recipient if heard.before % 3 == 0 => Answer::SayAndClose(LATER),
        _ => Answer::Usual,
    });
    clinic.office.live(120 * MINUTE).await;
    assert_eq!(clinic.office.waiting().await, 0);
    for (address, _) in &people {
        let mails = clinic.mails(address, REGISTRATION);
        assert_eq!(mails.len(), 1, "{address}");
        assert!(clinic.is_live(&mails[0]).await, "{address}");
    }
}
