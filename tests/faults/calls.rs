//! Every fault at every port call of every public call. Not: the courier's, which nobody waits for.
//!
//! **Whatever breaks and wherever, the call has happened wholly or not at all, says "not there", and can be repeated.**

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use acceso::{Error, Mail, MailPurpose};
use serde_json::Value;

use crate::dryness::Dry;
use crate::flow::{Act, Flow};
use crate::ports::{Call, Kind};
use crate::stage::{Scene, Stage};
use crate::watch::{Watch, listen_to_panics};

/// What became of a future.
pub enum Ran<T> {
    Answered(T),
    Panicked,
    Dropped,
}

/// Runs the future until it answers or panics, or drops it where it waits for the `patience`-th time.
pub async fn run<T>(future: impl Future<Output = T>, mut patience: usize) -> Ran<T> {
    let mut future = Box::pin(future);
    let ran = std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Ready(answer)) => Poll::Ready(Ran::Answered(answer)),
        Ok(Poll::Pending) if patience == 0 => Poll::Ready(Ran::Dropped),
        Ok(Poll::Pending) => {
            patience -= 1;
            Poll::Pending
        }
        Err(_) => Poll::Ready(Ran::Panicked),
    });
    ran.await
}

/// More patience than any future needs.
pub const FOR_EVER: usize = usize::MAX;

/// What the call leaves when nothing goes wrong: the store before it and after each write.
struct Reference {
    states: Vec<Value>,
    rows: [Value; 2],
}

/// How many faults were met, by what they were.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub faults: usize,
    pub drops: usize,
    pub draws: usize,
}

async fn set(flow: &Flow) -> (Stage, Scene) {
    listen_to_panics();
    let mut stage = Stage::new(flow.policy());
    let scene = stage.set(flow.given).await;
    stage.control.shown();
    (stage, scene)
}

async fn reference(flow: &Flow) -> Reference {
    let (stage, scene) = set(flow).await;
    let (before, rows) = (stage.dump().await, stage.mail_rows().await);
    stage.control.watch();
    stage.control.record_states();
    let answer = flow.call(&stage.portal.acceso, &scene, &stage.portal.client).await.expect("nothing is wrong");
    assert_eq!(answer, flow.answer);
    stage.control.calm();
    let states = [vec![before], stage.control.states()].concat();
    Reference { states, rows: [rows, stage.mail_rows().await] }
}

/// Puts every fault at every call, drops the future at every await, and lets every draw of randomness fail.
pub async fn survives_every_fault(flow: Flow) -> Tally {
    let reference = reference(&flow).await;
    let mut tally = Tally::default();
    for kind in Kind::ALL {
        for at in 0.. {
            let (mut stage, scene) = set(&flow).await;
            stage.control.plan(at, kind);
            let ran = run(flow.call(&stage.portal.acceso, &scene, &stage.portal.client), FOR_EVER).await;
            let reached = stage.control.calls() > at;
            let hit = stage.control.hit();
            tally.faults += usize::from(hit.is_some());
            judge(&flow, kind, hit, &ran);
            settle(&flow, &mut stage, &scene, &reference, ran).await;
            if !reached {
                break;
            }
        }
    }
    for patience in 0.. {
        let (mut stage, scene) = set(&flow).await;
        stage.control.watch();
        stage.control.yield_at_each_call();
        let ran = run(flow.call(&stage.portal.acceso, &scene, &stage.portal.client), patience).await;
        let dropped = matches!(ran, Ran::Dropped);
        tally.drops += usize::from(dropped);
        settle(&flow, &mut stage, &scene, &reference, ran).await;
        if !dropped {
            break;
        }
    }
    for dry in Dry::ALL {
        for at in 0.. {
            let (mut stage, scene) = set(&flow).await;
            stage.control.watch();
            stage.dryness.plan(at, dry);
            let ran = run(flow.call(&stage.portal.acceso, &scene, &stage.portal.client), FOR_EVER).await;
            stage.dryness.calm();
            let reached = stage.dryness.draws() > at;
            tally.draws += usize::from(reached);
            match &ran {
                // A thread that hashes contains its panic.
                Ran::Answered(Err(Error::Unavailable(_))) => assert!(reached),
                Ran::Panicked => assert!(reached && dry == Dry::Panics),
                Ran::Answered(answer) => assert!(!reached, "{answer:?} without randomness"),
                Ran::Dropped => unreachable!(),
            }
            // A restore is forgotten first and noted afterwards; it can be repeated.
            let forgotten = flow.act == Act::AfterRestore && stage.control.landed() == 1;
            assert!(!reached || forgotten || stage.control.landed() == 0, "something was written without randomness");
            settle(&flow, &mut stage, &scene, &reference, ran).await;
            if !reached {
                break;
            }
        }
    }
    assert!(tally.faults > 0 && tally.drops > 0, "{tally:?}");
    tally
}

/// The answer speaks of the fault and of nothing else.
fn judge(flow: &Flow, kind: Kind, hit: Option<Call>, ran: &Ran<Result<String, Error>>) {
    match (hit.map(|_| kind), ran) {
        (None | Some(Kind::Conflicts), Ran::Answered(Ok(answer))) => assert_eq!(answer, flow.answer),
        (Some(Kind::Fails | Kind::AnswerLost), Ran::Answered(Err(Error::Unavailable(_))))
        | (Some(Kind::PanicsBefore | Kind::PanicsAfter), Ran::Panicked) => {}
        (_, Ran::Answered(answer)) => panic!("{answer:?} after {kind:?}"),
        (_, Ran::Panicked) => panic!("a panic after {kind:?}"),
        (_, Ran::Dropped) => unreachable!(),
    }
}

/// The store is wholly before or wholly after, and the story goes on.
async fn settle(flow: &Flow, stage: &mut Stage, scene: &Scene, reference: &Reference, ran: Ran<Result<String, Error>>) {
    stage.control.calm();
    let landed = stage.control.landed();
    let found = stage.dump().await;
    assert_eq!(Some(&found), reference.states.get(landed), "after {landed} writes");
    let all = reference.states.len() - 1;
    for (rows, when) in reference.rows.iter().zip([0, all]) {
        if landed == when {
            assert_eq!(&stage.mail_rows().await, rows);
        }
    }
    let answer = flow.call(&stage.portal.acceso, scene, &stage.portal.client).await.expect("all is well again");
    let again = if landed == all && all > 0 { flow.again } else { flow.answer };
    assert_eq!(answer, again);
    let mails = stage.mails_of_the_day().await;
    let purposes: Vec<MailPurpose> = mails.iter().map(Mail::purpose).collect();
    assert_eq!(purposes, flow.mails);
    flow.goes_on(stage, scene, &mails).await;
    look(stage, scene, &mails, ran).await;
}

/// Nothing of it was shown to anybody.
async fn look(stage: &mut Stage, scene: &Scene, mails: &[Mail], ran: Ran<Result<String, Error>>) {
    let later = stage.mails_of_the_day().await;
    let mut watch = Watch::new(scene, mails);
    later.iter().filter(|mail| mail.purpose() == MailPurpose::ConfirmRegistration).for_each(|mail| {
        watch.hide_token(&crate::common::token(mail));
    });
    if let Ran::Answered(Err(error)) = &ran {
        watch.error(error);
    }
    watch.events(&stage.portal.store.events());
    watch.dump(&stage.dump().await);
    watch.dump(&stage.mail_rows().await);
    watch.mails(mails);
    watch.mails(&later);
    watch.panics();
    for text in stage.control.shown() {
        watch.nothing("a log of all that went through the ports", &text);
    }
}
