//! A server that never answers for one of its receivers. Not: many of them (`hanging`).

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::by_smtp::{Clinic, PATIENCE, REGISTRATION, people};
use crate::common::kept::Kept;
use crate::smtp_server::{Answer, Verb};
use crate::ticks::Ticks;

const SILENT: &str = "callada@example.org";

/// Ticks until that is so. Each lets sockets and the store go on, and the clock stands.
async fn tick_until<S: Kept>(clinic: &Clinic<S>, ticks: &Ticks, so: impl Fn(&acceso::Backlog) -> bool) {
    let ticked = async {
        while !so(&clinic.office.backlog().await) {
            ticks.come().await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, ticked).await.expect("it never comes so");
}

pub async fn a_receiver_that_never_answers_delays_none_of_twenty_others<S: Kept>(mut clinic: Clinic<S>) {
    let silence = Arc::new(Semaphore::new(0));
    let begun = Arc::clone(&silence);
    clinic.behave(move |heard| {
        if heard.verb == Verb::Recipient && heard.line.contains(SILENT) {
            begun.add_permits(1);
            return Answer::Silence;
        }
        Answer::Usual
    });
    let people = people(20);
    clinic.office.register(SILENT, "callada").await;
    for (address, name) in &people {
        clinic.office.register(address, name).await;
    }
    let ticks = Ticks::default();
    let sleeper = ticks.clone();
    let courier = clinic.office.couriers.remove(0);
    let running = tokio::spawn(courier.run(move |_| sleeper.next()));
    tick_until(&clinic, &ticks, |backlog| backlog.typed == 1).await;
    for (address, _) in &people {
        assert_eq!(clinic.mails(address, REGISTRATION).len(), 1, "{address}");
    }
    let begun = tokio::time::timeout(PATIENCE, silence.acquire()).await;
    begun.expect("the one that is left is under way").expect("never closed").forget();

    // Given up after half of the lease, and due again after a pause.
    clinic.office.pass(clinic.office.acceso.policy().mail.lease / 2);
    let now = clinic.office.now();
    tick_until(&clinic, &ticks, |backlog| backlog.oldest_due.is_some_and(|due| due > now)).await;
    running.abort();
    let _ = running.await;
    clinic.behave_well();
    clinic.live_until_all_is_sent().await;
    let mails = clinic.mails(SILENT, REGISTRATION);
    assert_eq!(mails.len(), 1);
    assert!(clinic.is_live(&mails[0]).await);
    assert_eq!(clinic.came().len(), 21);
}
