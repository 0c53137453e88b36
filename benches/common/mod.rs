//! What the benchmarks share: how a program was asked to run, a clinic, the same work by hand, and a table. Not: any
//! measurement.
//!
//! **A benchmark measures and asserts no time: a target that is missed is a line in a table.**

#![allow(dead_code, reason = "each benchmark uses its own part")]

pub(crate) mod by_hand;
pub(crate) mod chart;
pub(crate) mod clinic;
pub(crate) mod compare;
pub(crate) mod fill;
pub(crate) mod nothing;
pub(crate) mod sql_by_hand;

use std::env;

use criterion::Criterion;

/// How a program was asked to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// `cargo bench`: as often as it takes.
    Fully,
    /// `cargo test`: once, to see that it works.
    Once,
    /// A test runner asks what there is.
    List,
}

impl How {
    pub(crate) fn asked() -> Self {
        let given = |wanted: &str| env::args().skip(1).any(|arg| arg == wanted);
        match (given("--list"), given("--bench") && !given("--test")) {
            (true, _) => Self::List,
            (false, true) => Self::Fully,
            (false, false) => Self::Once,
        }
    }

    /// `fully` for a measurement, 1 for a try.
    pub(crate) fn times(self, fully: usize) -> usize {
        if self == Self::Fully { fully } else { 1 }
    }
}

/// Runs a comparison, unless only a list is asked for or the filter of the command line names something else.
pub(crate) fn comparison(name: &str, run: impl FnOnce(How)) {
    let how = How::asked();
    let filters: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if how == How::List {
        if !env::args().any(|arg| arg == "--ignored") {
            println!("{name}: test");
        }
    } else if filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str())) {
        run(how);
    }
}

/// As the command line has it.
pub(crate) fn criterion() -> Criterion {
    Criterion::default().configure_from_args()
}
