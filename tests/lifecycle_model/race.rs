//! A call while the courier is at work. Not: several calls at once, which have an order of their own.
//!
//! **Each commit comes to what it must at the moment at which it lands; what rests on no guard may rest on any moment
//! before.**

use acceso::{Commit, Write};
use proptest::prelude::*;

use crate::call::{Call, Fruit};
use crate::model::Model;
use crate::play::{Game, Played, is_staff, visitor};
use crate::ports::{Seen, Verdict};
use crate::round::Docket;
use crate::step::Seed;
use crate::world::Outcome;

/// So many conflicts, and the courier leaves a mail to whoever claims it next.
const MOST_CONFLICTS: usize = 8;

impl Game {
    pub fn race(&mut self, seed: Seed, schedule: &[u8], verdicts: &[Verdict]) -> Played {
        let who = visitor(seed.who);
        let by = (!is_staff(seed.act)).then_some(who);
        let Some(call) = self.choose(who, seed) else { return Ok(()) };
        self.set_clock(self.model.now + 1);
        let (outcome, journal) = self.world.race(&call, schedule, verdicts);
        self.tally.calls += 1;
        self.tally.rounds += 1;
        self.tally.races += 1;
        let mut docket = Docket::new(self.model.clone(), false);
        for entry in &journal {
            match entry {
                Seen::Commit { landed: true, by: 0, .. } => {
                    let before = self.model.clone();
                    self.landed(&call, &outcome, &docket.past)?;
                    self.ledger.judge(by, &call, &outcome, &self.world.policy)?;
                    docket.past.push(before);
                }
                other => self.judge_courier(other, &mut docket)?,
            }
        }
        if outcome.landed.is_empty() {
            let answer = outcome.answer.as_ref();
            let mut moments = docket.past.iter().chain([&self.model]);
            let ever = moments.any(|model| answer == Some(&model.clone().call(&call)));
            prop_assert!(ever, "{:?} was answered {:?}", call, answer);
        }
        let conflicts = journal.iter().filter(|entry| matches!(entry, Seen::Commit { landed: false, .. })).count();
        let excused = docket.left() == 0 || conflicts >= MOST_CONFLICTS;
        prop_assert!(excused, "left after {} conflicts: {:?}", conflicts, docket);
        self.hold(by, &call, &outcome);
        Ok(())
    }

    /// The call's commit has landed.
    fn landed(&mut self, call: &Call, outcome: &Outcome, past: &[Model]) -> Played {
        let answer = outcome.answer.as_ref();
        let mut writes = outcome.landed.iter().flat_map(Commit::writes);
        if writes.all(|write| matches!(write, Write::Record(_))) {
            let unchanged = |model: &Model| {
                let mut after = model.clone();
                let same = answer == Some(&after.call(call)) && after.learn(&[], &Fruit::default()).is_ok();
                same && format!("{after:?}") == format!("{model:?}")
            };
            let ever = past.iter().chain([&self.model]).any(unchanged);
            prop_assert!(ever, "{:?} was answered {:?} without effect", call, answer);
            return Ok(());
        }
        let expected = self.model.call(call);
        prop_assert_eq!(answer, Some(&expected), "{:?} while the courier is at work", call);
        self.learn(call, outcome)
    }
}
