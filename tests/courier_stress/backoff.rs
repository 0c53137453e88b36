//! When a mail that did not leave is tried again. Not: how many tries make a mail late (`outage`).
//!
//! **Each pause lies between half of the doubled time and all of it, and no two mails keep step.**

use std::collections::BTreeSet;
use std::time::Duration;

use acceso::adapter::memory::MemoryStore;
use acceso::{Clock, MailPurpose, Timestamp};

use crate::common::token;
use crate::office::Office;
use crate::world::Manner;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const PEOPLE: usize = 24;

fn address(number: usize) -> String {
    format!("paciente{number}@example.org")
}

async fn in_an_outage() -> Office<MemoryStore> {
    let mut office = Office::in_memory(2);
    office.world.everywhere(Manner::Down);
    for number in 0..PEOPLE {
        office.register(&address(number), &format!("paciente{number}")).await;
    }
    office.work().await;
    office
}

fn pauses(tries: &[Timestamp]) -> Vec<Duration> {
    tries.windows(2).map(|pair| pair[1].since(pair[0])).collect()
}

#[tokio::test]
async fn pauses_double_with_jitter_up_to_the_longest() {
    let mut office = in_an_outage().await;
    office.live(6 * HOUR).await;
    let mail = office.acceso.policy().mail;
    let mut shares = Vec::new();
    for number in 0..PEOPLE {
        let pauses = pauses(&office.world.tried_at(&address(number)));
        assert!(pauses.len() > 24, "six hours of at most 15 minutes: {}", pauses.len());
        for (failures, pause) in pauses.into_iter().enumerate() {
            let doubled = mail.retry_first * 2_u32.saturating_pow(u32::try_from(failures).expect("few"));
            let most = doubled.min(mail.retry_longest);
            assert!(pause >= most / 2 && pause <= most, "{pause:?} after {} failures", failures + 1);
            shares.push(pause.as_secs_f64() / most.as_secs_f64());
        }
    }
    // Evenly from the half to the whole: each tenth of the way has its share.
    for tenth in 0..10 {
        let from = 0.5 + 0.05 * f64::from(tenth);
        let within = shares.iter().filter(|share| (from..from + 0.05).contains(*share)).count();
        assert!(within * 20 > shares.len(), "{within} of {} from {from}", shares.len());
    }
}

#[tokio::test]
async fn mails_that_failed_at_one_moment_are_not_tried_in_step() {
    let mut office = in_an_outage().await;
    office.live(HOUR).await;
    for failures in 1..9 {
        let tries: BTreeSet<_> = (0..PEOPLE).map(|number| office.world.tried_at(&address(number))[failures]).collect();
        assert!(tries.len() > PEOPLE * 3 / 4, "after {failures} failures at {} moments", tries.len());
        let spread = tries.last().expect("a try").since(*tries.first().expect("a try"));
        let doubled = 30 * 2_u64.pow(u32::try_from(failures - 1).expect("few"));
        assert!(spread >= Duration::from_secs(doubled.min(900)) / 4, "{spread:?} after {failures} failures");
    }
}

/// Everybody's link works, at most the longest pause after the server is back and the clock is right.
async fn all_is_well_soon(office: &mut Office<MemoryStore>) {
    office.world.heal();
    let right = office.now();
    office.live(office.acceso.policy().mail.retry_longest).await;
    assert_eq!(office.waiting().await, 0, "since {right}");
    for number in 0..PEOPLE {
        let newest = office.world.newest(&address(number), MailPurpose::ConfirmRegistration);
        assert!(office.is_live(&token(&newest)).await, "paciente{number}");
    }
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_and_back_makes_no_mail_wait() {
    for ahead in [MINUTE, 10 * MINUTE, HOUR, 12 * HOUR] {
        let mut office = in_an_outage().await;
        office.live(20 * MINUTE).await;
        let right = office.clock.now();
        office.pass(ahead);
        // Tries fail by the wrong clock, and their pauses are counted from there.
        office.work().await;
        office.clock.set(right);
        office.work().await;
        office.live(20 * MINUTE).await;
        all_is_well_soon(&mut office).await;
    }
}

#[tokio::test]
async fn a_clock_that_goes_back_makes_no_mail_wait() {
    for back in [MINUTE, 10 * MINUTE, HOUR, 24 * 365 * HOUR] {
        let mut office = in_an_outage().await;
        office.live(20 * MINUTE).await;
        let millis = i64::try_from(back.as_millis()).expect("a year");
        office.clock.set(Timestamp::from_millis(office.now().as_millis() - millis));
        office.live(20 * MINUTE).await;
        all_is_well_soon(&mut office).await;
    }
}
