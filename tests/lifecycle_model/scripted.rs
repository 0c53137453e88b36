//! Games that chance plays too seldom, step by step. Not: stories; the model judges these as it judges the others.
//!
//! **A way to break a promise that was once thought of is walked in every run.**

use acceso::Policy;

use crate::play::{Game, Played};
use crate::ports::Verdict;
use crate::step::{Step, Turn};

fn played(steps: &[Step]) -> Played {
    let mut game = Game::settled(Policy::portal())?;
    for step in steps {
        game.step(step)?;
    }
    game.probe_all()
}

fn recovery(stages: u8, verdicts: Vec<Verdict>) -> Step {
    Step::Road { who: 0, name: 0, again: true, stages, verdicts }
}

#[test]
fn a_temporary_password_mailed_late_does_not_undo_a_newer_one() -> Played {
    let postponed = vec![Verdict::Delivered, Verdict::Transient];
    let courier = Step::Courier { verdicts: Vec::new(), fault: None };
    played(&[recovery(4, postponed), recovery(4, Vec::new()), Step::Clock(Turn::Seconds(40)), courier])
}
