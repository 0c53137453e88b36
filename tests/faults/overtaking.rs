//! Two calls, the one overtaken by the other at each of its steps in turn. Not: crowds on real threads, which are in
//! `races`.
//!
//! **Whatever overtakes what and where, both answers and all that is stored are those of one order of the two.**

use std::task::Poll;

use serde_json::Value;

use crate::flow::{Act, Flow, Then};
use crate::stage::{Given, PASSWORD, Scene, Stage, WRONG};

/// What two calls have come to, without what is random in it.
#[derive(Debug, PartialEq)]
struct Outcome {
    slow: String,
    quick: String,
    store: Value,
    mail: Value,
}

fn row(given: Given, modern: bool, act: Act) -> Flow {
    Flow { given, modern, act, answer: "", again: "", mails: &[], then: Then::Gone }
}

async fn set(given: Given, modern: bool) -> (Stage, Scene) {
    let mut stage = Stage::new(row(given, modern, Act::Register).policy());
    let scene = stage.set(given).await;
    (stage, scene)
}

async fn call(stage: &Stage, scene: &Scene, flow: Flow) -> String {
    flow.call(&stage.portal.acceso, scene, &stage.portal.client).await.expect("nothing is wrong")
}

async fn outcome(stage: &Stage, slow: String, quick: String) -> Outcome {
    let (mut store, mut mail) = (stage.dump().await, stage.mail_rows().await);
    blur(&mut store);
    blur(&mut mail);
    Outcome { slow, quick, store, mail }
}

/// Takes what is random out: ids, digests and hashes, and the order that follows from them.
fn blur(value: &mut Value) {
    let is_digest = |list: &[Value]| list.len() == 32 && list.iter().all(Value::is_number);
    match value {
        Value::String(text) if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            *value = "an id".into();
        }
        Value::String(text) if text.starts_with("$argon2") => *value = "a hash".into(),
        Value::Array(list) if is_digest(list) => *value = "a digest".into(),
        Value::Array(list) => {
            list.iter_mut().for_each(blur);
            // Events too: an answer that changed nothing is noted when its commit lands, and held when it was read.
            list.sort_by_cached_key(Value::to_string);
        }
        Value::Object(fields) => {
            // Of a link that was used meanwhile it is still known whose it was.
            if fields.get("kind").is_some_and(|kind| kind == "recovery_link_invalid") {
                fields.remove("user");
            }
            fields.values_mut().for_each(blur);
        }
        _ => {}
    }
}

async fn one_after_the_other(given: Given, modern: bool, slow: Act, quick: Act) -> [Outcome; 2] {
    let (slow, quick) = (row(given, modern, slow), row(given, modern, quick));
    let (stage, scene) = set(given, modern).await;
    let (a, b) = (call(&stage, &scene, slow).await, call(&stage, &scene, quick).await);
    let first = outcome(&stage, a, b).await;
    let (stage, scene) = set(given, modern).await;
    let (b, a) = (call(&stage, &scene, quick).await, call(&stage, &scene, slow).await);
    [first, outcome(&stage, a, b).await]
}

/// The outcome if `slow` is overtaken after so many steps; `None` if it has fewer.
async fn overtaken(given: Given, modern: bool, slow: Act, quick: Act, mut steps: usize) -> Option<Outcome> {
    let (stage, scene) = set(given, modern).await;
    stage.control.watch();
    stage.control.yield_at_each_call();
    let mut running = Box::pin(call(&stage, &scene, row(given, modern, slow)));
    let ended = std::future::poll_fn(|cx| match running.as_mut().poll(cx) {
        Poll::Pending if steps > 0 => {
            steps -= 1;
            Poll::Pending
        }
        Poll::Pending => Poll::Ready(false),
        Poll::Ready(_) => Poll::Ready(true),
    });
    if ended.await {
        return None;
    }
    let b = call(&stage, &scene, row(given, modern, quick)).await;
    let a = running.await;
    stage.control.calm();
    Some(outcome(&stage, a, b).await)
}

/// Where the order of two shows, and harms nobody: the answer is that of the order before, and what is stored is that of one
/// order but for this.
fn tolerance(slow: Act) -> Option<&'static str> {
    match slow {
        Act::LogOut | Act::CloseOtherSessions | Act::LogOutEverywhere => {
            Some("whoever asked before his session ended may end others' too, and the event is that of a session")
        }
        Act::ChangeWrong => Some("a strike counts although the session has ended, as one at login does"),
        Act::Register => Some("a registration of a name that is taken meanwhile waits, and reserves nothing"),
        _ => None,
    }
}

/// Users and sessions are those of one order, or fewer sessions.
fn is_tolerable(slow: Act, found: &Outcome, serial: &[Outcome]) -> bool {
    let users = |outcome: &Outcome| {
        let mut users = outcome.store["users"].clone();
        for user in users.as_array_mut().into_iter().flatten().filter(|_| slow == Act::ChangeWrong) {
            user["credential"]["chosen"]["strikes"] = Value::Null;
            user["version"] = Value::Null;
        }
        users
    };
    let sessions = |outcome: &Outcome| outcome.store["sessions"].as_array().map_or(0, Vec::len);
    let like = |order: &&Outcome| users(order) == users(found) && sessions(found) <= sessions(order);
    tolerance(slow).is_some() && serial.iter().any(|order| like(&order))
}

async fn every_order(given: Given, modern: bool, acts: &[Act]) {
    let (mut overtakings, mut tolerated, mut wrong) = (0, 0, Vec::new());
    for &slow in acts {
        for &quick in acts {
            let serial = one_after_the_other(given, modern, slow, quick).await;
            for steps in 0.. {
                let Some(found) = overtaken(given, modern, slow, quick, steps).await else { break };
                overtakings += 1;
                if serial.contains(&found) {
                    continue;
                }
                if is_tolerable(slow, &found, &serial) {
                    tolerated += 1;
                    continue;
                }
                let Outcome { slow: a, quick: b, .. } = found;
                wrong.push(format!("{slow:?} overtaken by {quick:?} at step {steps}: {a}, {b}"));
            }
        }
    }
    println!("{overtakings} overtakings of {} pairs, {tolerated} tolerated", acts.len() * acts.len());
    assert!(wrong.is_empty(), "{} of {overtakings}:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn of_a_signed_in_user() {
    let acts = [
        Act::Login(PASSWORD),
        Act::Login(WRONG),
        Act::LoginReplacing,
        Act::Change,
        Act::ChangeWrong,
        Act::Disable,
        Act::Remove,
        Act::RevokeSessions,
        Act::RefreshPatients,
        Act::LogOut,
        Act::CloseSession,
        Act::CloseOtherSessions,
        Act::LogOutEverywhere,
    ];
    every_order(Given::SignedIn, false, &acts).await;
}

#[tokio::test]
async fn of_a_user_about_to_be_locked() {
    let acts = [Act::Login(PASSWORD), Act::Login(WRONG), Act::Change, Act::ChangeWrong, Act::Disable, Act::LogOut];
    every_order(Given::SignedInStruck, false, &acts).await;
}

#[tokio::test]
async fn of_a_registration() {
    let acts = [Act::Confirm, Act::ConfirmWrong, Act::Register, Act::RegisterInvalid, Act::RecoverUsername];
    every_order(Given::Mailed, false, &acts).await;
}

#[tokio::test]
async fn of_a_recovery() {
    let acts = [
        Act::ConfirmRecovery,
        Act::Login(PASSWORD),
        Act::Login(WRONG),
        Act::Disable,
        Act::Remove,
        Act::RecoverPassword,
        Act::RefreshPatients,
    ];
    every_order(Given::Recovering, false, &acts).await;
}

#[tokio::test]
async fn of_a_choice() {
    let acts = [Act::ChoosePassword, Act::Login(PASSWORD), Act::Login(WRONG), Act::Disable, Act::Remove];
    every_order(Given::Recovering, true, &acts).await;
}

#[tokio::test]
async fn of_a_temporary_password() {
    let acts = [Act::LoginTemporary, Act::ChangeRestricted, Act::LogOut, Act::Disable, Act::RevokeSessions];
    every_order(Given::Restricted, false, &acts).await;
}

#[tokio::test]
async fn of_a_user_without_patients() {
    let acts = [Act::RefreshPatients, Act::Login(PASSWORD), Act::Change, Act::Disable, Act::Enable];
    every_order(Given::Unlisted, false, &acts).await;
}
