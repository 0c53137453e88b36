//! The courier's process dies between sending and settling. Not: at each of its other steps (`several`, `faults`).

use std::sync::{Arc, Condvar, Mutex};

use tokio::sync::Semaphore;

use crate::by_smtp::{Clinic, PATIENCE, REGISTRATION, TEMPORARY, people};
use crate::common::kept::Kept;
use crate::office::{Round, round_of};
use crate::smtp_server::{Answer, Verb};

const ADDRESS: &str = "ana@example.org";
const NAME: &str = "anapena";
const PEOPLE: usize = 5;
/// With the temporary password; fewer than the places for sending.
const MAILS: u32 = 6;

/// People who wait for a link, and a user who waits for her temporary password.
async fn ask<S: Kept>(clinic: &mut Clinic<S>) {
    clinic.user(ADDRESS, NAME).await;
    clinic.recover(ADDRESS, NAME).await;
    for (address, name) in people(PEOPLE) {
        clinic.office.register(&address, &name).await;
    }
}

/// A round of a new courier, which is gone as soon as that has come.
async fn dies_when<S: Kept>(clinic: &mut Clinic<S>, so: impl Future<Output = ()>) {
    let (courier, _) = clinic.office.hire(0);
    let round: Round = Box::pin(round_of(courier));
    tokio::select! {
        biased;
        () = so => {}
        (_, delivered) = round => panic!("it lived: {delivered:?}"),
        () = tokio::time::sleep(PATIENCE) => panic!("it never comes so"),
    }
}

/// Everything has come twice, and what came last works.
async fn all_is_well<S: Kept>(clinic: &mut Clinic<S>) {
    let waiting = clinic.office.waiting().await;
    assert_eq!(waiting, u64::from(MAILS), "nothing was settled");
    clinic.office.work().await;
    assert_eq!(clinic.office.waiting().await, waiting, "nobody takes what another may still have");
    clinic.live_until_all_is_sent().await;
    for (address, _) in people(PEOPLE) {
        let mails = clinic.mails(&address, REGISTRATION);
        assert_eq!(mails.len(), 2, "{address}");
        assert!(clinic.is_live(&mails[1]).await && !clinic.is_live(&mails[0]).await, "{address}");
    }
    let passwords = clinic.mails(ADDRESS, TEMPORARY);
    assert_eq!(passwords.len(), 2);
    assert!(clinic.lets_in(&passwords[1], NAME).await && !clinic.lets_in(&passwords[0], NAME).await);
}

pub async fn a_courier_that_dies_after_250_sends_again_and_what_came_last_works<S: Kept>(mut clinic: Clinic<S>) {
    ask(&mut clinic).await;
    clinic.halt.begin();
    let halt = Arc::clone(&clinic.halt);
    dies_when(&mut clinic, halt.handed(MAILS)).await;
    clinic.halt.end();
    all_is_well(&mut clinic).await;
}

pub async fn a_courier_that_dies_while_the_server_takes_the_mail_sends_again_and_what_came_last_works<S: Kept>(
    mut clinic: Clinic<S>,
) {
    ask(&mut clinic).await;
    clinic.came();
    let (heard, gate) = (Arc::new(Semaphore::new(0)), Arc::new((Mutex::new(false), Condvar::new())));
    let (script_hears, waits) = (Arc::clone(&heard), Arc::clone(&gate));
    clinic.behave(move |heard| {
        if heard.verb == Verb::Message {
            script_hears.add_permits(1);
            let is_shut = |is_open: &mut bool| !*is_open;
            drop(waits.1.wait_while(waits.0.lock().expect("no panic"), is_shut).expect("no panic"));
        }
        Answer::Usual
    });
    let all_are_heard = async { heard.acquire_many(MAILS).await.expect("never closed").forget() };
    dies_when(&mut clinic, all_are_heard).await;
    // It takes them, whoever listens.
    *gate.0.lock().expect("no panic") = true;
    gate.1.notify_all();
    clinic.server.as_ref().expect("a server").wait_for(usize::try_from(MAILS).expect("few"));
    all_is_well(&mut clinic).await;
}
