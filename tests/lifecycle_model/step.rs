//! What may happen next, as small numbers that mean something only where the game stands. Not: what they mean there.
//!
//! **Every sequence of steps is a legal game, so that shrinking can leave any of them out.**

use proptest::collection::vec;
use proptest::prelude::*;

use crate::ports::{Fault, FaultKind, Verdict};

#[derive(Debug, Clone)]
pub enum Step {
    Ask(Seed, Option<Fault>),
    /// As many wrong passwords, at the door or (for a change of password) inside.
    Guess {
        who: u8,
        name: u8,
        times: u8,
        inside: bool,
    },
    /// The first so many stages of the manual's road, as a patient goes it: to be in, or to be in again.
    Road {
        who: u8,
        name: u8,
        again: bool,
        stages: u8,
        verdicts: Vec<Verdict>,
    },
    Together {
        seeds: Vec<Seed>,
        schedule: Vec<u8>,
    },
    /// A call while the courier is at work.
    Race {
        seed: Seed,
        schedule: Vec<u8>,
        verdicts: Vec<Verdict>,
    },
    Courier {
        verdicts: Vec<Verdict>,
        fault: Option<Fault>,
    },
    Clock(Turn),
    Registry(Change),
    /// The process dies and another begins.
    Rebuild,
    Rescue {
        who: u8,
        strangers: Vec<Seed>,
        flags: u8,
    },
}

/// A call, by what a visitor could choose from.
#[derive(Debug, Clone, Copy)]
pub struct Seed {
    pub who: u8,
    pub act: Act,
    pub a: u8,
    pub b: u8,
    pub c: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Register,
    Confirm,
    Login,
    RecoverUsername,
    RecoverPassword,
    UseRecovery,
    Change,
    Visit,
    VisitRestricted,
    Sessions,
    LogOut,
    CloseOthers,
    LogOutEverywhere,
    Disable,
    Enable,
    Remove,
    Revoke,
    Refresh,
    Restore,
}

#[derive(Debug, Clone, Copy)]
pub enum Turn {
    Millis(u16),
    Seconds(u8),
    Minutes(u8),
    Hours(u8),
    /// To the nth limit ahead, and so many milliseconds beyond.
    Limit(u8, i8),
    /// Ten years ahead, or back from there.
    Decade,
    Back,
}

#[derive(Debug, Clone, Copy)]
pub enum Change {
    Put(u8),
    Take(u8),
    Access(u8),
    Down(bool),
}

fn fault(calls: u8) -> impl Strategy<Value = Option<Fault>> {
    let kind = prop_oneof![
        Just(FaultKind::ErrorBefore),
        Just(FaultKind::ErrorAfter),
        Just(FaultKind::CrashBefore),
        Just(FaultKind::CrashAfter),
    ];
    let some = (0..calls, kind).prop_map(|(at, kind)| Some(Fault { at, kind }));
    prop_oneof![8 => Just(None), 1 => some]
}

fn visitor_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => Just(Act::Login),
        4 => Just(Act::Register),
        5 => Just(Act::Confirm),
        1 => Just(Act::RecoverUsername),
        4 => Just(Act::RecoverPassword),
        4 => Just(Act::UseRecovery),
        4 => Just(Act::Change),
        3 => Just(Act::Visit),
        1 => Just(Act::VisitRestricted),
        1 => Just(Act::Sessions),
        1 => Just(Act::LogOut),
        1 => Just(Act::CloseOthers),
        1 => Just(Act::LogOutEverywhere),
    ]
}

fn staff_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Disable),
        6 => Just(Act::Enable),
        2 => Just(Act::Remove),
        2 => Just(Act::Revoke),
        5 => Just(Act::Refresh),
        1 => Just(Act::Restore),
    ]
}

fn seed_of(act: impl Strategy<Value = Act>) -> impl Strategy<Value = Seed> {
    (0..5_u8, act, any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(who, act, a, b, c)| Seed { who, act, a, b, c })
}

/// Calls that may be made at once: those whose outcome rests on one account.
fn joint() -> impl Strategy<Value = Seed> {
    seed_of(prop_oneof![
        6 => Just(Act::Login),
        3 => Just(Act::Change),
        3 => Just(Act::Confirm),
        4 => Just(Act::UseRecovery),
        1 => Just(Act::RecoverPassword),
        2 => Just(Act::LogOut),
        1 => Just(Act::Disable),
        1 => Just(Act::Enable),
        1 => Just(Act::Remove),
        1 => Just(Act::Revoke),
        1 => Just(Act::Refresh),
    ])
}

/// Calls at once, mostly of one visitor's: two strangers seldom meet.
fn bunch() -> impl Strategy<Value = Step> {
    let one = prop_oneof![1 => Just(None), 3 => (0..5_u8).prop_map(Some)];
    (one, vec(joint(), 2..4), vec(any::<u8>(), 1..12)).prop_map(|(one, mut seeds, schedule)| {
        for seed in &mut seeds {
            seed.who = one.unwrap_or(seed.who);
        }
        Step::Together { seeds, schedule }
    })
}

/// Calls that may be made while the courier is at work: those that it could be disturbed by.
fn racing() -> impl Strategy<Value = Seed> {
    let more = seed_of(prop_oneof![Just(Act::Register), Just(Act::RecoverPassword), Just(Act::RecoverUsername)]);
    prop_oneof![4 => joint(), 1 => more]
}

/// What strangers do: the first four letters of every abuse.
pub fn stranger() -> impl Strategy<Value = Seed> {
    let act = prop_oneof![
        3 => Just(Act::Login),
        3 => Just(Act::Register),
        2 => Just(Act::Confirm),
        1 => Just(Act::RecoverUsername),
        4 => Just(Act::RecoverPassword),
        1 => Just(Act::UseRecovery),
    ];
    (3..5_u8, act, any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(who, act, a, b, c)| Seed { who, act, a, b, c })
}

pub fn verdicts() -> impl Strategy<Value = Vec<Verdict>> {
    let verdict = prop_oneof![
        4 => Just(Verdict::Delivered),
        1 => Just(Verdict::Lost),
        1 => Just(Verdict::Transient),
        1 => Just(Verdict::TransientYetArrived),
        1 => Just(Verdict::Permanent),
    ];
    prop_oneof![4 => Just(Vec::new()), 1 => vec(verdict, 1..4)]
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        2 => (0..5_000_u16).prop_map(Turn::Millis),
        2 => (1..120_u8).prop_map(Turn::Seconds),
        2 => (1..90_u8).prop_map(Turn::Minutes),
        1 => (1..80_u8).prop_map(Turn::Hours),
        8 => (any::<u8>(), -1..=1_i8).prop_map(|(nth, beyond)| Turn::Limit(nth, beyond)),
        1 => Just(Turn::Decade),
        1 => Just(Turn::Back),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (0..5_u8).prop_map(Change::Put),
        2 => (0..5_u8).prop_map(Change::Take),
        1 => (0..5_u8).prop_map(Change::Access),
        2 => any::<bool>().prop_map(Change::Down),
    ]
}

pub fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        24 => (seed_of(visitor_act()), fault(6)).prop_map(|(seed, fault)| Step::Ask(seed, fault)),
        4 => (seed_of(staff_act()), fault(4)).prop_map(|(seed, fault)| Step::Ask(seed, fault)),
        3 => (0..5_u8, any::<u8>(), 1..8_u8, any::<bool>())
            .prop_map(|(who, name, times, inside)| Step::Guess { who, name, times, inside }),
        6 => (0..3_u8, any::<u8>(), any::<bool>(), 1..9_u8, verdicts())
            .prop_map(|(who, name, again, stages, verdicts)| Step::Road { who, name, again, stages, verdicts }),
        5 => bunch(),
        4 => (racing(), vec(any::<u8>(), 1..24), verdicts())
            .prop_map(|(seed, schedule, verdicts)| Step::Race { seed, schedule, verdicts }),
        14 => (verdicts(), fault(24)).prop_map(|(verdicts, fault)| Step::Courier { verdicts, fault }),
        8 => turn().prop_map(Step::Clock),
        2 => change().prop_map(Step::Registry),
        1 => Just(Step::Rebuild),
        2 => (0..3_u8, vec(stranger(), 0..8), any::<u8>())
            .prop_map(|(who, strangers, flags)| Step::Rescue { who, strangers, flags }),
    ]
}
