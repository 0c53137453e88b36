//! Several couriers, of which one is killed or stands still at each of its steps in turn. Not: two couriers and one mail of
//! each kind step by step, which `races` and `races_postgres` have.

use std::task::Poll;
use std::time::Duration;

use acceso::{Delivered, EventKind, MailPurpose, RecoveryConfirmation};

use crate::common::kept::Kept;
use crate::common::token;
use crate::office::{Office, Round, round_of};

const PEOPLE: usize = 12;
const MINUTE: Duration = Duration::from_secs(60);

fn address(number: usize) -> String {
    format!("paciente{number}@example.org")
}

fn name(number: usize) -> String {
    format!("paciente{number}")
}

/// A round of a new courier, let go on so many times; `None` if it has ended by then.
pub async fn stopped<S: Kept>(office: &mut Office<S>, mut steps: usize) -> Option<Round> {
    let (courier, control) = office.hire(steps);
    control.yield_at_each_call();
    let mut round: Round = Box::pin(round_of(courier));
    let ended = std::future::poll_fn(|cx| match round.as_mut().poll(cx) {
        Poll::Pending if steps > 0 => {
            steps -= 1;
            Poll::Pending
        }
        Poll::Pending => Poll::Ready(false),
        Poll::Ready(_) => Poll::Ready(true),
    });
    if ended.await { None } else { Some(round) }
}

/// Twelve people register, and one who is a user waits for her temporary password.
async fn ask<S: Kept>(office: &mut Office<S>, turn: usize) -> Vec<usize> {
    office.user(&format!("ana{turn}@example.org"), &format!("ana{turn}")).await;
    office.ask_recovery(&format!("ana{turn}@example.org"), &format!("ana{turn}")).await;
    office.work().await;
    let link = office.world.newest(&format!("ana{turn}@example.org"), MailPurpose::ConfirmRecovery);
    assert_eq!(office.use_recovery(&token(&link)).await, RecoveryConfirmation::Accepted);
    let people: Vec<usize> = (0..PEOPLE).map(|number| turn * PEOPLE + number).collect();
    for number in &people {
        office.register(&address(*number), &name(*number)).await;
    }
    people
}

/// The oracle: everybody's newest mail works, and each intent was settled once.
async fn all_is_well<S: Kept>(office: &Office<S>, turn: usize, people: &[usize]) {
    assert_eq!(office.waiting().await, 0);
    for number in people {
        let newest = office.world.newest(&address(*number), MailPurpose::ConfirmRegistration);
        assert!(office.is_live(&token(&newest)).await, "{}", address(*number));
    }
    assert!(office.newest_temporary_works(&format!("ana{turn}@example.org"), &format!("ana{turn}")).await);
    let sent = |purpose| {
        let store = office.store();
        async move { store.kept().await.iter().filter(|event| event.kind() == EventKind::MailSent(purpose)).count() }
    };
    assert_eq!(sent(MailPurpose::TemporaryPassword).await, turn + 1, "settled once");
    assert_eq!(sent(MailPurpose::ConfirmRegistration).await, (turn + 1) * (PEOPLE + 1), "settled once");
}

/// The first steps claim, the last settle; those between are many.
const STEPS: [usize; 7] = [1, 3, 6, 10, 16, 25, 40];

pub async fn a_courier_killed_between_sending_and_settling_loses_nothing<S: Kept>(mut office: Office<S>) {
    let (mut killed, mut again) = (0, 0);
    for (turn, steps) in STEPS.into_iter().enumerate() {
        let people = ask(&mut office, turn).await;
        office.world.gives_way();
        let already = office.world.arrivals().len();
        let round = stopped(&mut office, steps).await;
        killed += usize::from(round.is_some());
        drop(round);
        office.live(6 * MINUTE).await;
        all_is_well(&office, turn, &people).await;
        let mails = office.world.arrivals().len() - already;
        let parallel = usize::from(office.acceso.policy().mail.parallel_sends);
        assert!((PEOPLE + 1..=PEOPLE + 1 + parallel).contains(&mails), "twice only what was being sent: {mails}");
        again += mails - PEOPLE - 1;
        office.pass(25 * 60 * MINUTE);
        office.work().await;
    }
    assert!(killed >= 5, "{killed}");
    println!("{killed} killed, {again} mails came twice");
}

pub async fn a_courier_paused_beyond_its_lease_harms_nothing_when_it_awakes<S: Kept>(mut office: Office<S>) {
    let (mut paused, mut left) = (0, 0);
    for (turn, steps) in STEPS.into_iter().enumerate() {
        let people = ask(&mut office, turn).await;
        let round = stopped(&mut office, steps).await;
        // Meanwhile the others have claimed what is left, and after the lease all of it.
        office.live(6 * MINUTE).await;
        if let Some(round) = round {
            paused += 1;
            let (courier, delivered) = round.await;
            let Delivered { claimed, sent, left: lost, .. } = delivered.expect("the store is there");
            assert!(sent + lost == claimed, "sent in time, or left to the others: {sent} of {claimed}");
            left += lost;
            office.couriers.push(courier);
        }
        office.live(6 * MINUTE).await;
        all_is_well(&office, turn, &people).await;
        office.pass(25 * 60 * MINUTE);
        office.work().await;
    }
    assert!(paused >= 5 && left > 0, "{paused} paused, {left} left");
}
