//! Strangers who ask without end while the mail server is up and down and couriers die. Not: the brake while all is well
//! (`brake`, `delivery`), nor clocks that jump (`backoff`, `lifecycle_model`).
//!
//! **Whatever strangers, servers and couriers did: no mailbox was flooded, and the patient gets in.**

use std::time::Duration;

use acceso::adapter::memory::MemoryStore;
use acceso::{MailPurpose, Policy, RecoveryConfirmation, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::common::kept::Kept;
use crate::common::token;
use crate::office::{Office, Round};
use crate::several::stopped;
use crate::world::Manner;

const ADDRESS: &str = "ana@example.org";
const NAME: &str = "anapena";
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// What strangers ask for, and what it brings.
const KINDS: [MailPurpose; 3] =
    [MailPurpose::ConfirmRegistration, MailPurpose::ConfirmRecovery, MailPurpose::UserNames];

/// A step of a random life.
#[derive(Debug, Clone)]
enum Step {
    /// A stranger asks for the kind of this number, so many times.
    Asks(usize, usize),
    /// The couriers work while so many seconds pass.
    Lives(u32),
    /// Time passes, and no courier works.
    Passes(u32),
    Weather(Manner),
    /// A new courier goes so many steps and is killed.
    Killed(usize),
    /// A new courier goes so many steps and stands still.
    Paused(usize),
    /// The one that stood still longest goes on.
    Awakes,
}

fn step() -> impl Strategy<Value = Step> {
    let weather = [Manner::Takes, Manner::LosesAnswers, Manner::Greylists, Manner::Down, Manner::Takes];
    prop_oneof![
        4 => (0..KINDS.len(), 1..30_usize).prop_map(|(kind, times)| Step::Asks(kind, times)),
        4 => (1..1_500_u32).prop_map(Step::Lives),
        1 => (1..2_000_u32).prop_map(Step::Passes),
        3 => prop::sample::select(weather.to_vec()).prop_map(Step::Weather),
        1 => (0..40_usize).prop_map(Step::Killed),
        1 => (0..40_usize).prop_map(Step::Paused),
        1 => Just(Step::Awakes),
    ]
}

async fn asks<S: Kept>(office: &Office<S>, kind: usize) {
    match KINDS[kind] {
        MailPurpose::ConfirmRegistration => office.strange_registration(ADDRESS, "intruso").await,
        MailPurpose::ConfirmRecovery => office.ask_recovery(ADDRESS, NAME).await,
        _ => office.ask_names(ADDRESS).await,
    }
}

/// The most mails of one kind that the brake lets through in an hour: the pauses double from the first to the longest.
fn braked_per_hour(policy: &Policy) -> usize {
    let mut mails = 0;
    let (mut at, mut pause) = (Duration::ZERO, policy.mail.brake_first);
    while at < HOUR {
        mails += 1;
        at += pause;
        pause = (pause * 2).min(policy.mail.brake_longest);
    }
    mails
}

/// The most tries of one kind in an hour: as many requests as the brake lets through, and one before, share it, and each of
/// them is tried again after half of a doubled pause at the least.
fn tries_per_hour(policy: &Policy) -> usize {
    let requests = braked_per_hour(policy) + 1;
    let share = HOUR / u32::try_from(requests).expect("few");
    let (mut tries, mut at, mut pause) = (0, Duration::ZERO, policy.mail.retry_first);
    while at < share {
        tries += 1;
        at += pause.min(policy.mail.retry_longest) / 2;
        pause *= 2;
    }
    requests * tries
}

/// The most of these moments that lie in one hour.
fn most_in_an_hour(moments: &[Timestamp]) -> usize {
    let within = |from: &Timestamp| moments.iter().filter(|at| **at >= *from && at.since(*from) < HOUR).count();
    moments.iter().map(within).max().unwrap_or(0)
}

/// The user, and when her own mails had come: her link was used, and the brake begins anew.
async fn patient<S: Kept>(office: &mut Office<S>) -> Timestamp {
    office.user(ADDRESS, NAME).await;
    office.pass(SECOND);
    office.now()
}

/// No mailbox was flooded since; `halted` couriers could not settle what they had sent.
fn nobody_was_flooded<S: Kept>(office: &Office<S>, since: Timestamp, halted: usize) {
    let policy = office.acceso.policy();
    let sends = office.world.tries().into_iter().filter(|tried| tried.at >= since).collect::<Vec<_>>();
    for kind in KINDS {
        let mut mailbox = office.world.mailbox(ADDRESS, kind);
        mailbox.retain(|arrival| arrival.at >= since);
        let told: Vec<_> = mailbox.iter().filter(|mail| mail.acknowledged).map(|mail| mail.at).collect();
        let all: Vec<_> = mailbox.iter().map(|mail| mail.at).collect();
        let tried: Vec<_> = sends.iter().filter(|tried| tried.mail.purpose() == kind).map(|tried| tried.at).collect();
        let (told, all, tried) = (most_in_an_hour(&told), most_in_an_hour(&all), most_in_an_hour(&tried));
        assert!(told <= braked_per_hour(policy) + halted, "{told} of {kind:?} in an hour, {halted} halted");
        assert!(tried <= tries_per_hour(policy) + halted, "{tried} tries of {kind:?} in an hour, {halted} halted");
        assert!(all <= tried);
    }
}

/// The server is up: a link lies in the mailbox that works, or her request sends one; and with it she gets in.
async fn the_patient_gets_in<S: Kept>(office: &mut Office<S>) {
    office.world.heal();
    let mail = office.acceso.policy().mail;
    office.live(mail.lease + mail.retry_longest + MINUTE).await;
    assert_eq!(office.waiting().await, 0, "nothing waits any more");
    office.ask_recovery(ADDRESS, NAME).await;
    office.strange_registration(ADDRESS, "hija").await;
    office.work().await;
    let mut live = false;
    for arrival in office.world.mailbox(ADDRESS, MailPurpose::ConfirmRegistration).iter().rev() {
        live = live || office.is_live(&token(&arrival.mail)).await;
    }
    assert!(live, "a link of registration");
    let mut confirmed = RecoveryConfirmation::LinkInvalid;
    for arrival in office.world.mailbox(ADDRESS, MailPurpose::ConfirmRecovery).iter().rev() {
        if confirmed == RecoveryConfirmation::LinkInvalid {
            confirmed = office.use_recovery(&token(&arrival.mail)).await;
        }
    }
    assert_eq!(confirmed, RecoveryConfirmation::Accepted, "a link of recovery");
    office.work().await;
    assert!(office.newest_temporary_works(ADDRESS, NAME).await);
}

async fn play<S: Kept>(mut office: Office<S>, steps: Vec<Step>) {
    let since = patient(&mut office).await;
    office.world.gives_way();
    let mut paused: Vec<Round> = Vec::new();
    let mut halted = 0;
    for step in steps {
        match step {
            Step::Asks(kind, times) => {
                for _ in 0..times {
                    asks(&office, kind).await;
                }
            }
            Step::Lives(seconds) => office.live(seconds * SECOND).await,
            Step::Passes(seconds) => office.pass(seconds * SECOND),
            Step::Weather(manner) => office.world.everywhere(manner),
            Step::Killed(after) => halted += usize::from(stopped(&mut office, after).await.is_some()),
            Step::Paused(after) => {
                let round = stopped(&mut office, after).await;
                halted += usize::from(round.is_some());
                paused.extend(round);
            }
            Step::Awakes if !paused.is_empty() => drop(paused.remove(0).await),
            Step::Awakes => {}
        }
    }
    for round in paused {
        let _ = round.await;
    }
    nobody_was_flooded(&office, since, halted);
    the_patient_gets_in(&mut office).await;
}

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn runner(cases: u32) -> TestRunner {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number("ACCESO_SEED", 1).to_le_bytes());
    let config = Config {
        cases: number("ACCESO_ROUNDS", cases),
        // A seed repeats a run; no file does.
        failure_persistence: None,
        max_shrink_iters: 500,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
}

#[test]
fn random_strangers_servers_and_couriers_neither_flood_a_mailbox_nor_keep_a_patient_out_in_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let lived = runner(150).run(&vec(step(), 1..40), |steps| {
        runtime.block_on(play(Office::in_memory(2), steps));
        Ok(())
    });
    lived.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn random_strangers_servers_and_couriers_neither_flood_a_mailbox_nor_keep_a_patient_out_on_postgres() {
    if !crate::server::postgres_or_skip("random strangers, servers and couriers") {
        return;
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let lived = runner(8).run(&vec(step(), 1..30), |steps| {
        runtime.block_on(async { play(Office::on_postgres(3).await, steps).await });
        Ok(())
    });
    lived.unwrap_or_else(|failure| panic!("{failure}"));
}

#[tokio::test]
async fn a_stranger_who_asks_thousands_of_times_while_the_server_flaps_floods_nobody_and_keeps_nobody_out() {
    let mut office: Office<MemoryStore> = Office::in_memory(2);
    let since = patient(&mut office).await;
    let weather = [Manner::Down, Manner::Takes, Manner::LosesAnswers, Manner::Takes, Manner::Greylists];
    for call in 0..2_000_usize {
        for kind in 0..KINDS.len() {
            asks(&office, kind).await;
        }
        // Of different lengths, so that they meet each try at another time.
        if call % 17 == 0 || call % 23 == 0 {
            office.world.everywhere(weather[(call / 17 + call / 23) % weather.len()]);
        }
        office.live(10 * SECOND).await;
    }
    nobody_was_flooded(&office, since, 0);
    let counts = KINDS.map(|kind| office.world.mailbox(ADDRESS, kind).len());
    println!("6000 requests in five and a half hours brought {counts:?} of {KINDS:?}");
    the_patient_gets_in(&mut office).await;
}
