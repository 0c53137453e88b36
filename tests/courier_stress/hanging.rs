//! Receivers that never answer, or too late. Not: a mailer that breaks its contract in the middle of a lease, which
//! `delivery` has.
//!
//! **One slow receiver delays nobody, and many do for half a lease, once.**

use std::time::Duration;

use acceso::adapter::memory::MemoryStore;
use acceso::{Client, Confirmation, Login, MailPurpose, PasswordChange, PasswordChangeForm, Policy, Timestamp};
use tokio::task::JoinHandle;

use crate::common::{PASSWORD, token};
use crate::office::Office;
use crate::ticks::Ticks;
use crate::world::Manner;

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// One courier that runs, and people of whom some have a server that hangs.
struct Clinic {
    office: Office<MemoryStore>,
    ticks: Ticks,
    running: JoinHandle<()>,
    others: Vec<(String, Timestamp)>,
}

fn hostile(number: usize) -> String {
    format!("hostil{number}@hostile.example")
}

impl Clinic {
    /// So many users' notices hang, and they stand at the head of the queue.
    async fn with_hanging(receivers: usize, manner: Manner) -> Self {
        let mut office = Office::with_policy(1, Policy::portal());
        let mut courier = office.couriers.pop().expect("a courier");
        for number in 0..receivers {
            office.register(&hostile(number), &format!("hostil{number}")).await;
        }
        while courier.deliver_due().await.expect("in memory").claimed > 0 {}
        for number in 0..receivers {
            let link = token(&office.world.newest(&hostile(number), MailPurpose::ConfirmRegistration));
            let confirmed = office.confirm(&link, &format!("hostil{number}"), PASSWORD).await;
            assert_eq!(confirmed, Confirmation::Confirmed);
            office.world.at(&hostile(number), manner);
        }
        Self::run(office, courier)
    }

    fn run(office: Office<MemoryStore>, courier: acceso::Courier) -> Self {
        let ticks = Ticks::default();
        let sleeper = ticks.clone();
        let running = tokio::spawn(courier.run(move |_| sleeper.next()));
        Self { office, ticks, running, others: Vec::new() }
    }

    async fn tick(&self) {
        self.office.pass(SECOND);
        self.ticks.come().await;
    }

    async fn live(&self, time: Duration) {
        let end = self.office.now().after(time);
        while self.office.now() < end {
            self.tick().await;
        }
    }

    /// Somebody else asks now.
    async fn another_asks(&mut self) {
        let number = self.others.len();
        let address = format!("paciente{number}@example.org");
        self.office.register(&address, &format!("paciente{number}")).await;
        self.others.push((address, self.office.now()));
    }

    /// How long each of the others has waited for her mail.
    fn waits(&self) -> Vec<Duration> {
        let arrived = |address: &str| self.office.world.mailbox(address, MailPurpose::ConfirmRegistration);
        let waited = |(address, asked): &(String, Timestamp)| match arrived(address).as_slice() {
            [arrival] => arrival.at.since(*asked),
            mails => panic!("{} mails for {address}", mails.len()),
        };
        self.others.iter().map(waited).collect()
    }

    /// How often a mail to any of the receivers that hang was tried.
    fn hostile_tries(&self) -> usize {
        self.office.world.tries().iter().filter(|tried| tried.mail.to().as_str().starts_with("hostil")).count()
    }
}

impl Drop for Clinic {
    fn drop(&mut self) {
        self.running.abort();
    }
}

#[tokio::test]
async fn one_receiver_that_hangs_delays_nobody_and_neither_do_seven() {
    for receivers in [1, 7] {
        let mut clinic = Clinic::with_hanging(receivers, Manner::Hangs).await;
        for _ in 0..20 {
            clinic.another_asks().await;
        }
        for _ in 0..60 {
            clinic.another_asks().await;
            clinic.live(20 * SECOND).await;
        }
        let waits = clinic.waits();
        assert!(waits.iter().all(|wait| *wait <= 2 * SECOND), "{receivers}: {waits:?}");
        // The link, the notice, and by the longest pauses that chance can make: each of two places twice.
        let tries = clinic.hostile_tries();
        println!("{receivers} hang: {tries} tries");
        assert!(tries >= 2 * receivers + 4, "they are tried again all the same: {tries}");
    }
}

#[tokio::test]
async fn receivers_that_hold_every_place_delay_the_others_for_half_a_lease_and_then_no_more() {
    for receivers in [8, 9, 40] {
        let mut clinic = Clinic::with_hanging(receivers, Manner::Hangs).await;
        let begun = clinic.office.now();
        for _ in 0..4 * 120 {
            clinic.another_asks().await;
            clinic.live(15 * SECOND).await;
        }
        let mail = clinic.office.acceso.policy().mail;
        // Each of them may hold a place for half a lease before it is known.
        let turns = u32::try_from(receivers.div_ceil(usize::from(mail.parallel_sends))).expect("few");
        let known = begun.after(mail.lease / 2 * turns + 5 * SECOND);
        let waits = clinic.waits();
        let longest = waits.iter().max().expect("waits");
        println!("{receivers} hang: the others waited {longest:?} at the longest");
        for ((_, asked), wait) in clinic.others.iter().zip(&waits) {
            let most = known.since(*asked).max(3 * SECOND);
            assert!(*wait <= most, "{receivers} hang: {wait:?}, {:?} after the beginning", asked.since(begun));
        }
        assert!(longest > &MINUTE, "they did hold every place");
        let tries = clinic.hostile_tries();
        println!("{receivers} hang: {tries} tries");
        assert!(tries > 3 * receivers, "they are tried again all the same: {tries}");
    }
}

#[tokio::test]
async fn receivers_that_hang_and_answer_by_turns_hold_every_place_once_in_an_hour() {
    let mut clinic = Clinic::with_hanging(8, Manner::Hangs).await;
    let begun = clinic.office.now();
    for turn in 0..12 {
        let manner = if turn % 2 == 0 { Manner::Hangs } else { Manner::Takes };
        for number in 0..8 {
            clinic.office.world.at(&hostile(number), manner);
            clinic.office.ask_names(&hostile(number)).await;
            clinic.office.ask_recovery(&hostile(number), &format!("hostil{number}")).await;
        }
        for _ in 0..15 {
            clinic.another_asks().await;
            clinic.live(19 * SECOND).await;
        }
    }
    let lease = clinic.office.acceso.policy().mail.lease;
    for ((_, asked), wait) in clinic.others.iter().zip(clinic.waits()) {
        let since = asked.since(begun);
        assert!(wait <= lease.saturating_sub(since).max(3 * SECOND), "{wait:?}, {since:?} after the beginning");
    }
}

#[tokio::test]
async fn one_patient_who_makes_mails_for_a_server_that_hangs_delays_nobody() {
    let mut clinic = Clinic::with_hanging(1, Manner::Hangs).await;
    let mut password = PASSWORD.to_owned();
    for number in 0..60 {
        let Login::SignedIn(session) = clinic.office.login("hostil0", &password).await else { panic!("rejected") };
        let next = format!("Otra clave {number}");
        let form = PasswordChangeForm {
            current: password.as_str().into(),
            new: next.as_str().into(),
            repeated: next.as_str().into(),
        };
        let changed = clinic.office.acceso.change_password(&session.token, form, &Client::unknown()).await;
        assert!(matches!(changed, Ok(PasswordChange::Changed(_))));
        password = next;
    }
    for _ in 0..4 * 30 {
        clinic.another_asks().await;
        clinic.live(15 * SECOND).await;
    }
    let waits = clinic.waits();
    assert!(waits.iter().all(|wait| *wait <= 3 * SECOND), "{waits:?}");
}

#[tokio::test]
async fn a_receiver_that_hung_comes_back_after_growing_pauses_and_gets_its_mail_when_it_answers() {
    let clinic = Clinic::with_hanging(1, Manner::Hangs).await;
    clinic.live(60 * MINUTE).await;
    let mail = clinic.office.acceso.policy().mail;
    let tries = clinic.office.world.tried_at(&hostile(0)).split_off(1);
    assert!(tries.len() >= 5, "{}", tries.len());
    for (failures, pair) in tries.windows(2).enumerate() {
        let pause = pair[1].since(pair[0]);
        let doubled = mail.retry_first * 2_u32.pow(u32::try_from(failures).expect("few"));
        let most = doubled.min(mail.retry_longest);
        let (least, most) = (mail.lease / 2 + most / 2, mail.lease / 2 + most + 4 * SECOND);
        assert!(pause >= least && pause <= most, "{pause:?} after {} tries", failures + 1);
    }
    clinic.office.world.heal();
    clinic.live(mail.retry_longest + mail.lease / 2).await;
    assert_eq!(clinic.office.world.mailbox(&hostile(0), MailPurpose::RegistrationConfirmed).len(), 1);
    assert_eq!(clinic.office.waiting().await, 0);
}

#[tokio::test]
async fn a_slow_server_that_answers_in_time_is_sent_to_once() {
    let clinic = Clinic::with_hanging(8, Manner::Slow(2 * MINUTE)).await;
    clinic.live(10 * MINUTE).await;
    for number in 0..8 {
        assert_eq!(clinic.office.world.mailbox(&hostile(number), MailPurpose::RegistrationConfirmed).len(), 1);
        assert_eq!(clinic.office.world.tried_at(&hostile(number)).len(), 2, "the link, and the notice");
    }
    assert_eq!(clinic.office.waiting().await, 0);
}

#[tokio::test]
async fn receivers_that_hang_while_the_clock_goes_back_hold_no_place_until_it_is_as_late_again() {
    let mut clinic = Clinic::with_hanging(8, Manner::Hangs).await;
    clinic.live(MINUTE).await;
    let before = Timestamp::from_millis(clinic.office.now().as_millis() - 365 * 24 * 3_600_000);
    clinic.office.clock.set(before);
    clinic.another_asks().await;
    clinic.live(10 * MINUTE).await;
    assert_eq!(clinic.waits().len(), 1);
}
