//! The whole life of accounts, at random, against a model written from the design. Not: stories; those have files of their
//! own.
//!
//! **Whatever patients, strangers, staff, clocks and crashes do in whatever order, the core does what the design says and
//! nothing else.**
//!
//! `ACCESO_CASES` sets how many games each policy plays, `ACCESO_SEED` which. Both are printed with what was explored.

#![allow(unreachable_pub, reason = "the modules are one crate's rooms; no one imports from a test")]

#[path = "../common/mod.rs"]
mod common;

mod call;
mod cast;
mod check;
mod choice;
mod ledger;
mod model;
mod play;
mod ports;
mod race;
mod rescue;
mod round;

mod scripted;
mod step;
mod tally;
mod two_at_once;
mod two_worlds;
mod world;

use std::cell::RefCell;
use std::time::Duration;

use acceso::{LockDuration, Policy};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use play::Game;
use step::step;
use tally::Tally;

/// A number of the environment's, or the default.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn runner(name: &str, cases: u64) -> (TestRunner, u64) {
    let seed = number("ACCESO_SEED", 1);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes.iter_mut().skip(8).zip(name.bytes()).for_each(|(byte, letter)| *byte = letter);
    let config = Config {
        cases: u32::try_from(number("ACCESO_CASES", cases)).unwrap_or(u32::MAX),
        // A seed repeats a run; no file does.
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    (TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)), seed)
}

fn play(name: &str, policy: &Policy) {
    let (mut runner, seed) = runner(name, 300);
    let tally = RefCell::new(Tally::default());
    let games = (any::<bool>(), vec(step(), 1..70));
    let played = runner.run(&games, |(settled, steps)| {
        let mut game = if settled { Game::settled(policy.clone())? } else { Game::new(policy.clone()) };
        for step in &steps {
            game.step(step)?;
        }
        game.probe_all()?;
        *tally.borrow_mut() += Tally { games: 1, ..game.tally };
        Ok(())
    });
    println!("{name}, seed {seed}: {}", tally.borrow());
    if let Err(failed) = played {
        panic!("{failed}");
    }
}

#[test]
fn every_life_under_the_manuals_policy() {
    play("portal", &Policy::portal());
}

#[test]
fn every_life_under_the_standards_policy() {
    play("modern", &Policy::modern());
}

/// Small limits, so that games reach them.
#[test]
fn every_life_under_a_lock_that_ends() {
    let mut policy = Policy::portal();
    policy.lockout.threshold = 3;
    policy.lockout.duration = LockDuration::Fixed(Duration::from_secs(10 * 60));
    policy.session.per_user = 3;
    policy.email.max_users = 2;
    policy.mail.claim = 3;
    play("fixed", &policy);
}
