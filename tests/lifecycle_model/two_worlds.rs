//! Two worlds side by side: in one a stranger asks about patients, in the other about nobody. Not: time, which a test cannot
//! assert; what is compared is all that makes it: calls of the store, their shape, and new hashes.
//!
//! **Step by step the stranger gets the same answers for the same work, whatever the courier does between.**
//!
//! New hashes are counted by the salts that they draw. A verification draws nothing and cannot be counted from outside;
//! that a dummy run stands in for it is proven beside the hashing itself.

use std::cell::RefCell;

use acceso::{Addressee, MailPurpose, Patient, Policy, Write};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::call::{Answer, Call};
use crate::choice::JUNK;
use crate::common;
use crate::play::Played;
use crate::ports::{Seen, Verdict};
use crate::step::verdicts;
use crate::world::World;

/// What the stranger types stands for a pair: the one of the world where it is somebody's, the other where nobody's.
type Pair = (&'static str, &'static str);

const HOLDER: &str = "anapena";
const PASSWORD: &str = "Tigres tristes uno 0";
/// Of the same length, so that not even the size of what is written differs.
const WITH_USER: Pair = ("ana.pena@example.org", "xyz.pqrs@example.org");
const WITHOUT_USER: Pair = ("beto.ruiz@example.org", "xyzu.pqrs@example.org");
const WITHOUT_ACCESS: Pair = ("celia.paz@example.org", "xyzua.pqr@example.org");
const PLACEHOLDER: Pair = ("notiene@example.org", "xyztuvw@example.org");
const SAME: Pair = ("nadie@example.org", "nadie@example.org");
const EMAILS: [Pair; 5] = [WITH_USER, WITHOUT_USER, WITHOUT_ACCESS, PLACEHOLDER, SAME];
/// Where nobody's address is asked about, the user has another one: names are taken in both worlds alike.
const HOLDERS: Pair = (WITH_USER.0, "otra.ana@example.org");
const NAMES: [&str; 3] = [HOLDER, "mal.lory", "unused"];
/// Asked about together with an address, a name may be a user's or not.
const RECOVERED: [Pair; 3] = [(HOLDER, "noexist"), ("noexist", HOLDER), (HOLDER, HOLDER)];

#[derive(Debug, Clone)]
enum Step {
    Register { email: u8, name: u8, password: u8 },
    RecoverUsername(u8),
    RecoverPassword { email: u8, name: u8 },
    Login { name: u8, password: u8 },
    Confirm { name: u8, cut: u8 },
    Recover { choosing: bool, cut: u8 },
    Courier(Vec<Verdict>),
    Pass(u32),
    RegistryDown(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let n = any::<u8>;
    prop_oneof![
        5 => (n(), n(), n()).prop_map(|(email, name, password)| Step::Register { email, name, password }),
        3 => n().prop_map(Step::RecoverUsername),
        5 => (n(), n()).prop_map(|(email, name)| Step::RecoverPassword { email, name }),
        4 => (n(), n()).prop_map(|(name, password)| Step::Login { name, password }),
        1 => (n(), n()).prop_map(|(name, cut)| Step::Confirm { name, cut }),
        1 => (any::<bool>(), n()).prop_map(|(choosing, cut)| Step::Recover { choosing, cut }),
        6 => verdicts().prop_map(Step::Courier),
        3 => (0..4_000_u32).prop_map(|seconds| Step::Pass(seconds * 1_000)),
        1 => any::<bool>().prop_map(Step::RegistryDown),
    ]
}

fn of<T: Copy>(list: &[T], number: u8) -> T {
    list[usize::from(number) % list.len()]
}

/// The call as typed in one of the worlds; `None` for what is no call.
fn typed(step: &Step, side: fn(Pair) -> &'static str) -> Option<Call> {
    let password = |number: u8| format!("Tigres tristes cinco {}", number % 3);
    let junk = |cut: u8| JUNK[usize::from(cut).saturating_sub(250)..].to_owned();
    Some(match *step {
        Step::Register { email, name, password: number } => {
            let (email, name) = (side(of(&EMAILS, email)).to_owned(), of(&NAMES, name).to_owned());
            Call::Register { email, name, password: password(number) }
        }
        Step::RecoverUsername(email) => Call::RecoverUsername { email: side(of(&EMAILS, email)).into() },
        Step::RecoverPassword { email, name } => {
            Call::RecoverPassword { email: side(of(&EMAILS, email)).into(), name: side(of(&RECOVERED, name)).into() }
        }
        Step::Login { name, password: number } => {
            Call::Login { name: of(&NAMES, name).into(), password: password(number), stay: false, replaces: None }
        }
        Step::Confirm { name, cut } => {
            let name = of(&NAMES, name).to_owned();
            Call::Confirm { token: junk(cut), name, password: password(cut), reference: None }
        }
        Step::Recover { choosing: false, cut } => Call::ConfirmRecovery { token: junk(cut) },
        Step::Recover { choosing: true, cut } => Call::Choose { token: junk(cut), new: password(cut) },
        Step::Courier(_) | Step::Pass(_) | Step::RegistryDown(_) => return None,
    })
}

/// The name of the verb, and what of its shape could tell somebody from nobody.
fn shape(write: &Write) -> String {
    let verb = format!("{write:?}");
    let verb = verb.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    match write {
        Write::QueueMail(intent) => {
            let named = matches!(intent.addressee(), Addressee::Typed { username: Some(_), .. });
            let user = matches!(intent.addressee(), Addressee::User { .. });
            format!("{verb} {:?} named {named} user {user}", intent.purpose())
        }
        Write::Record(event) => format!("{verb} {:?} user {}", event.kind(), event.user().is_some()),
        _ => verb.to_owned(),
    }
}

/// All that a call leaves to be measured: its answer, what it asked of the store in which order, and its new hashes.
fn traced(world: &World, call: &Call) -> (Option<Answer>, Vec<String>, usize) {
    let before = world.entropy.salts();
    let outcome = world.call(call, None);
    let control = world.ports.control();
    let asked = control.seen.iter().map(|seen| match seen {
        Seen::Asked(name) => (*name).to_owned(),
        Seen::Commit { commit, landed, .. } => {
            let shapes: Vec<String> = commit.writes().iter().map(shape).collect();
            format!("commit {landed}: {}", shapes.join(", "))
        }
        other => format!("{other:?}"),
    });
    (outcome.answer, asked.collect(), world.entropy.salts() - before)
}

fn record(id: &str, email: &str, portal_access: bool) -> Patient {
    Patient { portal_access, ..common::patient(id, email) }
}

/// A world with these patients, in which the one user is confirmed.
fn inhabited(policy: &Policy, records: Vec<Patient>, holder: &str) -> Played<World> {
    let mut world = World::new(policy.clone(), 7);
    world.ports.control().records = records;
    let (email, name, password) = (holder.to_owned(), HOLDER.to_owned(), PASSWORD.to_owned());
    world.call(&Call::Register { email, name: name.clone(), password: password.clone() }, None);
    let mailed = world.round(&[], None).seen.into_iter().find_map(|seen| match seen {
        Seen::Mailed { mail, .. } if mail.purpose() == MailPurpose::ConfirmRegistration => Some(common::token(&mail)),
        _ => None,
    });
    let token = mailed.ok_or_else(|| TestCaseError::fail("no mail to a patient"))?;
    let confirmed = world.call(&Call::Confirm { token, name, password, reference: None }, None).answer;
    prop_assert_eq!(confirmed, Some(Answer::Confirmed));
    while world.round(&[], None).delivered.is_some_and(|delivered| delivered.claimed > 0) {}
    Ok(world)
}

fn worlds(policy: &Policy) -> Played<(World, World)> {
    let placeholders = (0..9).map(|number| record(&format!("pac-x{number}"), PLACEHOLDER.0, true));
    let patients = [(WITH_USER.0, true), (WITHOUT_USER.0, true), (WITHOUT_ACCESS.0, false)];
    let patients =
        patients.iter().enumerate().map(|(number, (email, access))| record(&format!("pac-{number}"), email, *access));
    let known = inhabited(policy, patients.chain(placeholders).collect(), HOLDERS.0)?;
    let unknown = inhabited(policy, vec![record("pac-0", HOLDERS.1, true)], HOLDERS.1)?;
    Ok((known, unknown))
}

#[derive(Debug, Default)]
struct Count {
    games: usize,
    calls: usize,
    mails: usize,
}

fn mails(seen: &[Seen]) -> impl Iterator<Item = &acceso::Mail> {
    seen.iter().filter_map(|seen| match seen {
        Seen::Mailed { mail, .. } => Some(mail),
        _ => None,
    })
}

fn compare(name: &str, policy: &Policy) {
    let (mut runner, seed) = crate::runner(name, 200);
    let count = RefCell::new(Count::default());
    let compared = runner.run(&vec(step(), 1..60), |steps| {
        let (mut known, mut unknown) = worlds(policy)?;
        let mut count = count.borrow_mut();
        count.games += 1;
        for step in &steps {
            match step {
                Step::Courier(verdicts) => {
                    count.mails += mails(&known.round(verdicts, None).seen).count();
                    let elsewhere = unknown.round(verdicts, None).seen;
                    let to_nobody = mails(&elsewhere).find(|mail| mail.to().key() != HOLDERS.1);
                    prop_assert!(to_nobody.is_none(), "a mail to nobody: {:?}", to_nobody);
                }
                Step::Pass(millis) => {
                    for world in [&known, &unknown] {
                        world.set_clock(world.now() + i64::from(*millis));
                    }
                }
                Step::RegistryDown(down) => {
                    for world in [&known, &unknown] {
                        world.ports.control().registry_down = *down;
                    }
                }
                call => {
                    let (Some(there), Some(here)) = (typed(call, |pair| pair.0), typed(call, |pair| pair.1)) else {
                        continue;
                    };
                    count.calls += 1;
                    prop_assert_eq!(traced(&known, &there), traced(&unknown, &here), "{:?} / {:?}", there, here);
                }
            }
        }
        Ok(())
    });
    let Count { games, calls, mails } = &*count.borrow();
    println!("{name}, seed {seed}: {games} games, {calls} calls compared, {mails} mails to patients meanwhile");
    if let Err(failed) = compared {
        panic!("{failed}");
    }
    assert!(*mails > 0, "nothing to be hidden has happened");
}

#[test]
fn a_stranger_learns_nothing_about_patients_under_the_manuals_policy() {
    compare("two worlds, portal", &Policy::portal());
}

#[test]
fn a_stranger_learns_nothing_about_patients_under_the_standards_policy() {
    compare("two worlds, modern", &Policy::modern());
}
