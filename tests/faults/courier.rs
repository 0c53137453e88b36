//! Every fault at every step of a delivery: claim, read, mint, send, settle, purge. Not: the calls that ask for mail.
//!
//! **A mail that was asked for comes, whatever breaks on the way; it comes twice only where the mailer had it before the
//! fault, and then the newer one counts.**

use acceso::{Courier, Delivered, Error, Mail, MailPurpose, UserStore};

use crate::calls::{FOR_EVER, Ran, run};
use crate::common::token;
use crate::dryness::Dry;
use crate::flow::{Flow, Then};
use crate::ports::{Call, Kind};
use crate::stage::{ADDRESS, Scene, Stage, USERNAME};
use crate::watch::{Watch, listen_to_panics};

/// How many faults were met.
#[derive(Debug, Default)]
pub struct Tally {
    pub faults: usize,
    pub drops: usize,
    pub draws: usize,
}

async fn asked(flow: &Flow) -> (Stage, Scene) {
    listen_to_panics();
    let mut stage = Stage::new(flow.policy());
    let scene = stage.set(flow.given).await;
    // Beyond the brake on what the scene has mailed, and so that a purge is due.
    stage.portal.pass(120);
    let answer = flow.call(&stage.portal.acceso, &scene, &stage.portal.client).await.expect("nothing is wrong");
    assert_eq!(answer, flow.answer);
    stage.control.shown();
    (stage, scene)
}

/// Puts every fault at every step, drops the courier at every await, and lets every draw of randomness fail.
pub async fn delivers_whatever_breaks(flow: Flow) -> Tally {
    let mut tally = Tally::default();
    for kind in Kind::ALL {
        for at in 0.. {
            let (mut stage, scene) = asked(&flow).await;
            stage.control.plan(at, kind);
            let round = run(stage.portal.courier.deliver_due(), FOR_EVER).await;
            let (reached, hit) = (stage.control.calls() > at, stage.control.hit());
            tally.faults += usize::from(hit.is_some());
            let claim_failed = at == 0 && hit.is_some();
            let refused = hit == Some(Call::Send) && kind == Kind::RefusedForGood;
            judge(&round, claim_failed, refused);
            if hit == Some(Call::Send) && !refused {
                let postponed = matches!(&round, Ran::Answered(Ok(delivered)) if delivered.postponed == 1);
                assert!(postponed, "a mailer in trouble is tried again after a pause");
            }
            arrives(&flow, &mut stage, &scene, round).await;
            if !reached {
                break;
            }
        }
    }
    let (mut stage, _) = asked(&flow).await;
    let mut states = vec![stage.dump().await];
    stage.control.watch();
    stage.control.record_states();
    assert!(stage.portal.courier.deliver_due().await.is_ok());
    states.extend(stage.control.states());
    for patience in 0.. {
        let (mut stage, scene) = asked(&flow).await;
        stage.control.watch();
        stage.control.yield_at_each_call();
        let round = run(stage.portal.courier.deliver_due(), patience).await;
        let dropped = matches!(round, Ran::Dropped);
        tally.drops += usize::from(dropped);
        let landed = stage.control.landed();
        assert_eq!(Some(&stage.dump().await), states.get(landed), "after {landed} writes");
        arrives(&flow, &mut stage, &scene, round).await;
        if !dropped {
            break;
        }
    }
    for dry in Dry::ALL {
        for at in 0.. {
            let (mut stage, scene) = asked(&flow).await;
            stage.dryness.plan(at, dry);
            let round = run(stage.portal.courier.deliver_due(), FOR_EVER).await;
            stage.dryness.calm();
            assert!(matches!(round, Ran::Answered(_)), "a panic of the random source has left the courier");
            let reached = stage.dryness.draws() > at;
            tally.draws += usize::from(reached);
            arrives(&flow, &mut stage, &scene, round).await;
            if !reached {
                break;
            }
        }
    }
    assert!(tally.faults > 0 && tally.drops > 0 && tally.draws > 0, "{tally:?}");
    tally
}

fn judge(round: &Ran<Result<Delivered, Error>>, claim_failed: bool, refused: bool) {
    match round {
        Ran::Answered(Ok(delivered)) => {
            assert!(!claim_failed);
            let Delivered { claimed, sent, refused: given_up, unsent, postponed, left, .. } = *delivered;
            assert_eq!(claimed, sent + given_up + unsent + postponed + left, "{delivered:?}");
            assert_eq!(given_up, u32::from(refused), "{delivered:?}");
        }
        Ran::Answered(Err(Error::Unavailable(_))) => assert!(claim_failed),
        Ran::Answered(Err(error)) => panic!("{error:?}"),
        Ran::Panicked => panic!("a panic of a port has left the courier"),
        Ran::Dropped => unreachable!(),
    }
}

fn is_typed(purpose: MailPurpose) -> bool {
    use MailPurpose as P;
    matches!(purpose, P::ConfirmRegistration | P::UserNames | P::ConfirmRecovery)
}

/// After the fault: the mail comes, once more than it has come already only if its row is still there.
async fn arrives(flow: &Flow, stage: &mut Stage, scene: &Scene, round: Ran<Result<Delivered, Error>>) {
    stage.control.calm();
    let purpose = flow.mails[0];
    let mut mails = stage.portal.mailer.take();
    let backlog = stage.portal.store.mail_backlog().await.expect("memory is there");
    let waits = if is_typed(purpose) { backlog.typed > 0 } else { backlog.to_users > 0 };
    let refused = matches!(&round, Ran::Answered(Ok(delivered)) if delivered.refused > 0);
    assert!(waits || refused || mails.len() == 1, "the mail is lost");
    let later = stage.mails_of_the_day().await;
    assert_eq!(later.len(), usize::from(waits));
    mails.extend(later);
    assert!(mails.iter().all(|mail| mail.purpose() == purpose && mail.to().as_str() == ADDRESS));
    assert!(mails.iter().all(|mail| mail.id() == mails[0].id()), "a try has the id of the first");
    let sent = stage.portal.event_kinds().into_iter().filter(|kind| *kind == acceso::EventKind::MailSent(purpose));
    assert!(sent.count() >= mails.len().min(1));
    if refused {
        asks_again(flow, stage, scene, &mut mails).await;
    }
    if let [first, _, ..] = mails.as_slice()
        && matches!(purpose, MailPurpose::ConfirmRegistration | MailPurpose::ConfirmRecovery)
    {
        assert_ne!(token(first), token(mails.last().expect("a mail")), "each try has a token of its own");
    }
    flow.goes_on(stage, scene, &mails).await;
    let watch = Watch::new(scene, &mails);
    if let Ran::Answered(Err(error)) = &round {
        watch.error(error);
    }
    watch.events(&stage.portal.store.events());
    watch.dump(&stage.dump().await);
    watch.mails(&mails);
    watch.panics();
    for text in stage.control.shown() {
        watch.nothing("a log of all that went through the ports", &text);
    }
}

/// A mail refused for good does not come; the next request is not braked by it.
async fn asks_again(flow: &Flow, stage: &mut Stage, scene: &Scene, mails: &mut Vec<Mail>) {
    assert!(mails.is_empty());
    match flow.mails[0] {
        MailPurpose::TemporaryPassword => {
            let link = stage.recovery_mail().await;
            let confirmed = stage.portal.confirm_recovery(&token(&link)).await;
            assert_eq!(confirmed, acceso::RecoveryConfirmation::Accepted);
            mails.push(stage.portal.mail(MailPurpose::TemporaryPassword).await);
        }
        purpose if is_typed(purpose) => {
            let answer = flow.call(&stage.portal.acceso, scene, &stage.portal.client).await.expect("all is well");
            assert_eq!(answer, flow.answer);
            mails.push(stage.portal.mail(purpose).await);
        }
        // A notice is nobody's way in.
        _ => {}
    }
}

/// A round of several groups, some of which come to nothing and are settled together.
pub async fn a_round_of_many_survives_every_fault() {
    listen_to_panics();
    for kind in Kind::ALL {
        for at in 0.. {
            let mut stage = Stage::new(crate::flow::RECOVERING_A_PASSWORD.policy());
            stage.set(crate::stage::Given::User).await;
            stage.portal.pass(120);
            stage.portal.registered("uno@example.org", "uno", "Una clave 1").await;
            stage.portal.registered("dos@example.org", "dos", "Una clave 2").await;
            for email in [ADDRESS, "uno@example.org", "tres@example.org"] {
                let _ = stage.portal.recover_username(email).await;
                let _ = stage.portal.recover_password(email, USERNAME).await;
            }
            stage.control.plan(at, kind);
            let round = run(stage.portal.courier.deliver_due(), FOR_EVER).await;
            let (reached, hit) = (stage.control.calls() > at, stage.control.hit());
            judge(&round, at == 0 && hit.is_some(), hit == Some(Call::Send) && kind == Kind::RefusedForGood);
            stage.control.calm();
            let mut mails = stage.portal.mailer.take();
            mails.extend(stage.mails_of_the_day().await);
            assert!(mails.iter().all(|mail| mail.to().as_str() == ADDRESS));
            let refused = usize::from(matches!(round, Ran::Answered(Ok(Delivered { refused: 1, .. }))));
            assert!((2 - refused..=3).contains(&mails.len()), "{mails:?}");
            for email in ["uno@example.org", "dos@example.org"] {
                let email = email.parse().expect("an address");
                let waiting = stage.portal.store.registrations(&email, None, 9).await.expect("memory is there");
                assert!(waiting.is_empty(), "registrations of nobody's address are taken away");
            }
            if !reached {
                break;
            }
        }
    }
}

/// The courier that runs for ever goes on after any fault, without anybody who starts it again.
pub async fn running_survives_every_fault(flow: Flow) {
    listen_to_panics();
    for kind in Kind::ALL {
        // A mail refused for good is not tried again.
        for at in (0..).take_while(|_| kind != Kind::RefusedForGood) {
            let (stage, scene) = asked(&flow).await;
            let Stage { portal, control, dryness } = stage;
            let crate::common::Portal { acceso, courier, store, registry, mailer, clock, client } = portal;
            control.plan(at, kind);
            let ticking = clock.clone();
            let tick = move |pause: std::time::Duration| {
                use acceso::Clock;
                ticking.set(ticking.now().after(pause));
                // The thread that hashes must get on, or every lease is over before a hash is.
                std::thread::yield_now();
                tokio::task::yield_now()
            };
            let done = async {
                loop {
                    let backlog = store.mail_backlog().await.expect("memory is there");
                    if backlog.typed + backlog.to_users == 0 {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            };
            let running: Courier = courier;
            tokio::select! {
                () = running.run(tick) => unreachable!("it runs until it is dropped"),
                () = done => {}
            }
            let reached = control.calls() > at;
            control.calm();
            let mails = mailer.take();
            assert!((1..=2).contains(&mails.len()), "{mails:?}");
            let (_, courier) = acceso::Acceso::builder(
                std::sync::Arc::clone(&store),
                std::sync::Arc::clone(&registry),
                std::sync::Arc::clone(&mailer),
            )
            .portal("Clínica del Sol", "https://portal.example")
            .policy(acceso.policy().clone())
            .clock(clock.clone())
            .build()
            .expect("a safe policy");
            let portal = crate::common::Portal { acceso, courier, store, registry, mailer, clock, client };
            let mut stage = Stage { portal, control, dryness };
            if !matches!(flow.then, Then::TemporaryLetsIn) {
                stage.portal.clock.set(stage.portal.store.events().last().expect("an event").at());
            }
            flow.goes_on(&mut stage, &scene, &mails).await;
            if !reached {
                break;
            }
        }
    }
}
