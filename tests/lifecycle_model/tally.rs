//! How much was explored, for the report at the end. Not: any judgement.

use std::fmt;
use std::ops::AddAssign;

#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub games: usize,
    pub steps: usize,
    pub calls: usize,
    pub rounds: usize,
    pub together: usize,
    pub races: usize,
    pub faults: usize,
    pub mails: usize,
    pub probes: usize,
    pub rescues: usize,
    /// The longest that a rescue took, in minutes of the fake clock.
    pub longest_rescue: i64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.games += other.games;
        self.steps += other.steps;
        self.calls += other.calls;
        self.rounds += other.rounds;
        self.together += other.together;
        self.races += other.races;
        self.faults += other.faults;
        self.mails += other.mails;
        self.probes += other.probes;
        self.rescues += other.rescues;
        self.longest_rescue = self.longest_rescue.max(other.longest_rescue);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { games, steps, calls, rounds, together, races, faults, mails, probes, rescues, longest_rescue } =
            self;
        write!(
            f,
            "{games} games, {steps} steps: {calls} calls, {together} bunches of calls at once, {rounds} courier \
             rounds, {races} of them racing with a call, {mails} mails, {faults} faults, {probes} probes, {rescues} rescues (the longest {longest_rescue} \
             min)"
        )
    }
}
