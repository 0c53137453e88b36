//! One game: the core and the model take the same steps, and are compared after each. Not: what a step comes to.
//!
//! **Whatever the core answers, mails or keeps that the model does not expect ends the game.**

use std::collections::BTreeMap;

use acceso::{Clock, MailPurpose, Patient, Policy, UserId};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::call::{Answer, Call, Fruit};
use crate::cast::{MALLORY, PLACEHOLDER, RECORDS, VISITORS, Visitor};
use crate::ledger::Ledger;
use crate::model::{Model, PatientRecord};
use crate::ports::{Fault, Verdict};
use crate::step::{Act, Change, Seed, Step, Turn};
use crate::tally::Tally;
use crate::world::{Outcome, World};

pub type Played<T = ()> = Result<T, TestCaseError>;

/// What has arrived in a mailbox, oldest first.
#[derive(Debug, Default)]
pub struct Inbox {
    pub links: Vec<(MailPurpose, String)>,
    pub temporaries: Vec<String>,
    pub user_names: Vec<Vec<String>>,
}

/// What a visitor holds, oldest first.
#[derive(Debug, Default)]
pub struct Hand {
    pub sessions: Vec<String>,
    pub references: Vec<String>,
    pub registered: Vec<(String, String)>,
}

pub struct Game {
    pub world: World,
    pub model: Model,
    pub ledger: Ledger,
    pub tally: Tally,
    pub inboxes: BTreeMap<String, Inbox>,
    pub hands: [Hand; VISITORS.len()],
    /// Every user there ever was.
    pub ids: Vec<UserId>,
    /// Every link that came as far as the mailer.
    pub tokens: Vec<(MailPurpose, String)>,
    pub sessions: Vec<String>,
    /// Every password that was ever typed or mailed for a name.
    pub passwords: BTreeMap<String, Vec<String>>,
    steps: usize,
    ahead: i64,
}

const DECADE: i64 = 3_652 * 24 * 60 * 60 * 1000;

impl Game {
    pub fn new(policy: Policy) -> Self {
        let world = World::new(policy, 7);
        let model = Model::new(world.policy.clone(), world.now());
        let mut game = Self {
            world,
            model,
            ledger: Ledger::default(),
            tally: Tally::default(),
            inboxes: VISITORS.iter().filter_map(|who| who.mailbox()).map(|at| (at.into(), Inbox::default())).collect(),
            hands: Default::default(),
            ids: Vec::new(),
            tokens: Vec::new(),
            sessions: Vec::new(),
            passwords: BTreeMap::new(),
            steps: 0,
            ahead: 0,
        };
        let placeholders = (0..9).map(|number| (format!("pac-x{number}"), PLACEHOLDER));
        let records = RECORDS.iter().filter(|(.., there)| *there).map(|(id, email, _)| ((*id).to_owned(), *email));
        for (id, email) in records.chain(placeholders) {
            game.model.registry.patients.push(PatientRecord { id, email: email.into(), access: true });
        }
        game.open_records();
        game
    }

    /// A game in which Ana and Beto have registered and confirmed already.
    pub fn settled(policy: Policy) -> Played<Self> {
        let mut game = Self::new(policy);
        for who in [Visitor::Ana, Visitor::Beto] {
            for act in [Act::Register, Act::Confirm, Act::Login] {
                let seed = Seed { who: who as u8, act, a: 0, b: 0, c: 0 };
                let call = game.choose(who, seed).expect("she has what it takes");
                game.ask(Some(who), &call, None)?;
                game.round(&[], None)?;
            }
        }
        Ok(game)
    }

    /// The patient records as the model has them, for the core to ask.
    fn open_records(&self) {
        let patient = |record: &PatientRecord| Patient {
            id: record.id.parse().expect("an id"),
            email: record.email.parse().expect("an address"),
            full_name: "Paciente".into(),
            portal_access: record.access,
        };
        let mut control = self.world.ports.control();
        control.records = self.model.registry.patients.iter().map(patient).collect();
        control.registry_down = self.model.registry.down;
    }

    pub fn step(&mut self, step: &Step) -> Played {
        self.steps += 1;
        self.tally.steps += 1;
        match step {
            Step::Ask(seed, fault) => {
                let who = visitor(seed.who);
                if let Some(call) = self.choose(who, *seed) {
                    let by = (!is_staff(seed.act)).then_some(who);
                    self.ask(by, &call, *fault)?;
                }
            }
            Step::Guess { who, name, times, inside } => self.guess(visitor(*who), *name, *times, *inside)?,
            Step::Road { who, name, again, stages, verdicts } => {
                self.road(visitor(*who), *name, *again, *stages, verdicts)?;
            }
            Step::Together { seeds, schedule } => self.together(seeds, schedule)?,
            Step::Race { seed, schedule, verdicts } => self.race(*seed, schedule, verdicts)?,
            Step::Courier { verdicts, fault } => self.round(verdicts, *fault)?,
            Step::Clock(turn) => self.turn(*turn),
            Step::Registry(change) => self.change(*change),
            Step::Rebuild => self.world.rebuild(),
            Step::Rescue { who, strangers, flags } => self.rescue(visitor(*who), strangers, *flags)?,
        }
        self.compare()?;
        self.probe(self.steps)
    }

    /// As far as it leads from where the game stands: a stage that comes to nothing is no fault.
    fn road(&mut self, who: Visitor, name: u8, again: bool, stages: u8, verdicts: &[Verdict]) -> Played {
        let road: &[Option<Act>] = if again {
            &[
                Some(Act::RecoverPassword),
                None,
                Some(Act::UseRecovery),
                None,
                Some(Act::Login),
                Some(Act::Login),
                Some(Act::Change),
                Some(Act::Visit),
            ]
        } else {
            &[Some(Act::Register), None, Some(Act::Confirm), Some(Act::Login), Some(Act::Login), Some(Act::Visit)]
        };
        let mut verdicts = verdicts.iter().cycle();
        for stage in road.iter().take(usize::from(stages)) {
            let Some(act) = *stage else {
                // Each round has the next verdict, so that one mail of a road may fail and the other arrive.
                let verdict: Vec<Verdict> = verdicts.next().copied().into_iter().collect();
                self.round(&verdict, None)?;
                continue;
            };
            // The name is typed where each act has its place for it.
            let (a, b) = if act == Act::Login { (name, 0) } else { (0, name) };
            let (b, c) = if act == Act::Change { (0, name.wrapping_mul(7)) } else { (b, 2 * (name % 8)) };
            if let Some(call) = self.choose(who, Seed { who: who as u8, act, a, b, c }) {
                self.ask(Some(who), &call, None)?;
            }
        }
        Ok(())
    }

    fn guess(&mut self, who: Visitor, name: u8, times: u8, inside: bool) -> Played {
        for time in 0..times {
            let (act, a) = if inside { (Act::Change, 0) } else { (Act::Login, name) };
            let seed = Seed { who: who as u8, act, a, b: 160 + time, c: 1 };
            if let Some(call) = self.choose(who, seed) {
                self.ask(Some(who), &call, None)?;
            }
        }
        Ok(())
    }

    /// One call, alone, compared with the model.
    pub fn ask(&mut self, by: Option<Visitor>, call: &Call, fault: Option<Fault>) -> Played<Option<Answer>> {
        if matches!(call, Call::Register { .. } | Call::Login { .. } | Call::Change { .. }) {
            // No two of one instant, or their order would be the store's own.
            self.set_clock(self.model.now + 1);
        }
        self.tally.calls += 1;
        let strangers_view = Ledger::before(&self.world, by);
        let outcome = self.world.call(call, fault);
        if outcome.struck {
            self.tally.faults += 1;
            prop_assert!(
                matches!(outcome.answer, None | Some(Answer::Unavailable)),
                "{call:?} was answered {:?} through a fault",
                outcome.answer
            );
            if !outcome.landed.is_empty() || outcome.forgot {
                self.model.call(call);
                self.learn(call, &outcome)?;
            }
        } else {
            let expected = self.model.call(call);
            prop_assert_eq!(outcome.answer.as_ref(), Some(&expected), "{:?}", call);
            let written =
                usize::from(!matches!(call, Call::Visit { .. } | Call::VisitRestricted { .. } | Call::Sessions { .. }));
            let written = if expected == Answer::Unavailable { 0 } else { written };
            prop_assert!(
                outcome.landed.len() >= written && outcome.landed.len() <= 1,
                "{:?} wrote {:?}",
                call,
                outcome.landed
            );
            self.learn(call, &outcome)?;
        }
        self.ledger.judge(by, call, &outcome, &self.world.policy)?;
        Ledger::after(&self.world, by, &strangers_view)?;
        self.hold(by, call, &outcome);
        Ok(outcome.answer)
    }

    pub fn learn(&mut self, call: &Call, outcome: &Outcome) -> Played {
        let learnt = self.model.learn(&outcome.landed, &outcome.fruit);
        learnt.map_err(|what| TestCaseError::fail(format!("{call:?}: {what}")))
    }

    /// What the visitor holds from now on.
    pub fn hold(&mut self, by: Option<Visitor>, call: &Call, outcome: &Outcome) {
        self.ids.extend(self.model.accounts.iter().map(|account| account.id));
        self.ids.sort_unstable();
        self.ids.dedup();
        let Fruit { reference, session } = outcome.fruit.clone();
        self.sessions.extend(session.clone());
        let typed = match call {
            Call::Register { name, password, .. } | Call::Login { name, password, .. } => {
                Some((name.clone(), password.clone()))
            }
            Call::Change { session, new, .. } => {
                let user = self.model.sessions.iter().find(|s| s.token.as_deref() == Some(session)).map(|s| s.user);
                let user = user.or_else(|| self.model.sessions.last().map(|s| s.user));
                user.and_then(|id| self.model.account(id)).map(|account| (account.name.clone(), new.clone()))
            }
            _ => None,
        };
        if let Some((name, password)) = typed {
            let known = self.passwords.entry(name).or_default();
            if !known.contains(&password) {
                known.push(password);
            }
        }
        let Some(by) = by else { return };
        let hand = &mut self.hands[by as usize];
        hand.sessions.extend(session);
        if let (Call::Register { name, password, .. }, Some(_)) = (call, &reference) {
            hand.registered.push((name.clone(), password.clone()));
        }
        hand.references.extend(reference);
    }

    /// Calls at once: what came of them must come of them one after the other, in some order.
    fn together(&mut self, seeds: &[Seed], schedule: &[u8]) -> Played {
        let chosen: Vec<(Option<Visitor>, Call)> = seeds
            .iter()
            .filter_map(|seed| {
                let who = visitor(seed.who);
                Some(((!is_staff(seed.act)).then_some(who), self.choose(who, *seed)?))
            })
            .collect();
        self.set_clock(self.model.now + 1);
        let calls: Vec<Call> = chosen.iter().map(|(_, call)| call.clone()).collect();
        let outcomes = self.world.together(&calls, schedule);
        self.tally.together += 1;
        let mut orders = orders(calls.len());
        // Of several orders that fit, the one in which the commits landed tells whose session is whose.
        orders.sort_by_key(|order| !order.iter().filter_map(|at| outcomes[*at].turn).is_sorted());
        let serial = orders.iter().find_map(|order| {
            let mut model = self.model.clone();
            for at in order {
                let expected = model.call(&calls[*at]);
                if outcomes[*at].answer.as_ref() != Some(&expected) {
                    return None;
                }
                model.learn(&outcomes[*at].landed, &outcomes[*at].fruit).ok()?;
            }
            crate::check::compare(&self.world, &model).is_ok().then(|| (order.clone(), model))
        });
        let Some((order, model)) = serial else {
            let answers: Vec<_> = outcomes.iter().map(|outcome| outcome.answer.clone()).collect();
            return Err(TestCaseError::fail(format!("no order of {calls:?} gives {answers:?} and what is stored")));
        };
        self.model = model;
        for at in order {
            let (by, call) = &chosen[at];
            self.ledger.judge(*by, call, &outcomes[at], &self.world.policy)?;
            self.hold(*by, call, &outcomes[at]);
        }
        // Sessions of one instant: of several, one stays, so that it is known which goes first.
        let opened: Vec<String> = outcomes.iter().filter_map(|outcome| outcome.fruit.session.clone()).collect();
        for session in opened.into_iter().skip(1) {
            self.ask(None, &Call::LogOut { session }, None)?;
        }
        Ok(())
    }

    pub fn set_clock(&mut self, now: i64) {
        self.model.now = now;
        self.world.set_clock(now);
        debug_assert_eq!(self.world.clock.now().as_millis(), now);
    }

    fn turn(&mut self, turn: Turn) {
        let now = self.model.now;
        let next = match turn {
            Turn::Millis(millis) => now + i64::from(millis),
            Turn::Seconds(seconds) => now + 1000 * i64::from(seconds),
            Turn::Minutes(minutes) => now + 60_000 * i64::from(minutes),
            Turn::Hours(hours) => now + 3_600_000 * i64::from(hours),
            Turn::Limit(nth, beyond) => {
                let limits = self.model.limits();
                let limit = usize::from(nth).checked_rem(limits.len()).and_then(|at| limits.get(at)).copied();
                limit.map_or(now, |limit| limit + i64::from(beyond))
            }
            Turn::Decade => {
                self.ahead += DECADE;
                now + DECADE
            }
            Turn::Back => now - std::mem::take(&mut self.ahead),
        };
        self.set_clock(next);
    }

    pub fn change(&mut self, change: Change) {
        let registry = &mut self.model.registry;
        match change {
            Change::Put(number) => {
                let (id, email, _) = RECORDS[usize::from(number) % RECORDS.len()];
                if !registry.patients.iter().any(|record| record.id == id) {
                    registry.patients.push(PatientRecord { id: id.into(), email: email.into(), access: true });
                }
            }
            Change::Take(number) => {
                let (id, ..) = RECORDS[usize::from(number) % RECORDS.len()];
                registry.patients.retain(|record| record.id != id);
            }
            Change::Access(number) => {
                let (id, ..) = RECORDS[usize::from(number) % RECORDS.len()];
                for record in registry.patients.iter_mut().filter(|record| record.id == id) {
                    record.access = !record.access;
                }
            }
            Change::Down(down) => registry.down = down,
        }
        self.open_records();
    }

    /// Whether the clinic has made the stranger with a mailbox a patient.
    pub fn is_mallory_a_patient(&self) -> bool {
        self.model.eligible(MALLORY).is_some()
    }
}

pub fn visitor(number: u8) -> Visitor {
    VISITORS[usize::from(number) % VISITORS.len()]
}

pub fn is_staff(act: Act) -> bool {
    matches!(act, Act::Disable | Act::Enable | Act::Remove | Act::Revoke | Act::Refresh | Act::Restore)
}

fn orders(calls: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for next in 0..calls {
        orders = orders
            .iter()
            .flat_map(|order: &Vec<usize>| {
                (0..=order.len()).map(move |at| {
                    let mut longer = order.clone();
                    longer.insert(at, next);
                    longer
                })
            })
            .collect();
    }
    orders
}
