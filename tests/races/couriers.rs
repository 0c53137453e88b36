//! Several couriers over one store: each intent is one courier's at a time.

use std::collections::BTreeSet;
use std::task::Poll;

use acceso::{
    Courier, EventKind, Login, MailId, MailPurpose, Policy, RecoveryConfirmation, RecoveryRequest, UserStore,
};

use crate::common::kept::Kept;
use crate::common::{ANA, PASSWORD, patient, temporary, token};
use crate::crowd::{NAME, World, at_once, event_kinds, roomy};
use crate::ports::Call;

const PATIENTS: usize = 60;

fn address(number: usize) -> String {
    format!("paciente{number}@example.org")
}

/// A world in which many have registered.
async fn waiting_room() -> World {
    let world = World::new().await;
    let portal = world.portal(roomy(Policy::portal()), 1);
    for number in 0..PATIENTS {
        world.registry.insert(patient(&format!("pac-1{number}"), &address(number)));
        portal.registered(&address(number), &format!("paciente{number}"), PASSWORD).await;
    }
    world
}

async fn waiting(world: &World) -> u64 {
    let backlog = world.store.mail_backlog().await.expect("the store is there");
    backlog.typed + backlog.to_users
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_couriers_hand_each_mail_over_once() {
    let world = waiting_room().await;
    let mut policy = roomy(Policy::portal());
    policy.mail.claim = 5;
    let couriers = (2..4).map(|seed| {
        let mut courier: Courier = world.portal(policy.clone(), seed).courier;
        async move {
            let mut sent = 0;
            loop {
                let round = courier.deliver_due().await.expect("the store is there");
                assert_eq!((round.left, round.postponed), (0, 0), "{round:?}");
                sent += round.sent;
                if round.claimed == 0 {
                    return sent;
                }
            }
        }
    });
    let sent = at_once(couriers).await;
    let mails = world.mailer.take();
    assert_eq!(mails.len(), PATIENTS, "{sent:?}");
    assert_eq!(mails.iter().map(acceso::Mail::id).collect::<BTreeSet<MailId>>().len(), PATIENTS);
    assert_eq!(mails.iter().map(|mail| mail.to().clone()).collect::<BTreeSet<_>>().len(), PATIENTS);
    assert_eq!(waiting(&world).await, 0);
    println!("{sent:?}");
}

#[tokio::test]
async fn a_courier_that_dies_on_its_way_is_replaced_by_another() {
    for steps in (0..800).step_by(40) {
        let world = waiting_room().await;
        let mut first = world.portal(roomy(Policy::portal()), 2).courier;
        let mut patience = steps;
        let mut round = Box::pin(first.deliver_due());
        std::future::poll_fn(|cx| match round.as_mut().poll(cx) {
            Poll::Pending if patience > 0 => {
                patience -= 1;
                Poll::Pending
            }
            _ => Poll::Ready(()),
        })
        .await;
        drop(round);
        drop(first);
        let already = world.mailer.take().len();
        let mut second = world.portal(roomy(Policy::portal()), 3).courier;
        while second.deliver_due().await.expect("the store is there").claimed > 0 {}
        let meanwhile = world.mailer.take();
        assert!(already + meanwhile.len() <= PATIENTS, "nothing under a live lease is touched");
        world.clock.advance(std::time::Duration::from_secs(5 * 60));
        while second.deliver_due().await.expect("the store is there").claimed > 0 {}
        assert_eq!(waiting(&world).await, 0);
        let handed = EventKind::MailSent(MailPurpose::ConfirmRegistration);
        let sent = world.store.kept().await.iter().filter(|event| event.kind() == handed).count();
        assert_eq!(sent, PATIENTS, "each is settled once");
        let all = already + meanwhile.len() + world.mailer.take().len();
        assert!((PATIENTS..=PATIENTS + 8).contains(&all), "twice only what was being sent: {all}");
    }
}

/// The first courier stands still at every step in turn, until its lease has ended and another has done the work.
#[tokio::test]
async fn a_courier_that_lost_its_lease_spoils_nothing() {
    let mut stood = 0;
    for steps in 0.. {
        let world = World::new().await;
        let mut portal = world.portal(roomy(Policy::portal()), 1);
        portal.user(ANA, NAME, PASSWORD).await;
        assert_eq!(portal.recover_password(ANA, NAME).await, RecoveryRequest::Accepted);
        let link = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
        assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::Accepted);
        let (_, mut slow, control) = world.service(roomy(Policy::portal()), 2);
        control.yield_at_each_call();
        let mut quick = world.portal(roomy(Policy::portal()), 3).courier;
        let mut patience = steps;
        let mut round = Box::pin(slow.deliver_due());
        let done = std::future::poll_fn(|cx| match round.as_mut().poll(cx) {
            Poll::Pending if patience > 0 => {
                patience -= 1;
                Poll::Pending
            }
            Poll::Pending => Poll::Ready(None),
            Poll::Ready(delivered) => Poll::Ready(Some(delivered)),
        })
        .await;
        let finished = done.is_some();
        stood += usize::from(!finished);
        // A mailer that takes longer than the lease breaks its contract: what it sends late is dead, and nothing worse.
        let in_mailer = control.begun() == Some(Call::Send);
        let mut mails = world.mailer.take();
        world.clock.advance(std::time::Duration::from_secs(6 * 60));
        let mut second = quick.deliver_due().await.expect("the store is there");
        mails.extend(world.mailer.take());
        if !finished {
            let first = round.await.expect("the store is there");
            if second.sent == 1 {
                assert_eq!((first.sent, first.left), (0, first.claimed), "settled by who had lost the lease");
            }
            // A claim of six minutes ago that lands last takes the new lease for that of a wrong clock: then neither has
            // it, and the next round does.
            if (first.left, second.left) == (1, 1) {
                second = quick.deliver_due().await.expect("the store is there");
                mails.extend(world.mailer.take());
            }
        }
        let late = world.mailer.take();
        assert!(late.is_empty() || second.sent == 0 || in_mailer, "sent by who had lost the lease");
        if second.sent == 0 {
            mails.extend(late);
        }
        let newest = mails.last().expect("a mail");
        assert!(matches!(portal.login(NAME, &temporary(newest)).await, Login::MustChangePassword(_)), "step {steps}");
        assert_eq!(waiting(&world).await, 0);
        let kinds = event_kinds(&portal).await;
        let sent = kinds.iter().filter(|kind| **kind == EventKind::MailSent(MailPurpose::TemporaryPassword)).count();
        assert_eq!(sent, 1, "settled once");
        if finished {
            break;
        }
    }
    assert!(stood > 10, "{stood}");
}
