//! Every value of a policy has an effect: a test in which changing it changes what happens. Not: the bounds of the values,
//! which `policy.rs` itself tests.
//!
//! **A value without a test is a failing test: each test names its value in the first line of its documentation, and
//! [`every_value_has_a_test`] compares those names with the policy's own.**

#![allow(clippy::unchecked_time_subtraction, reason = "an underflow is a failing test")]

mod addresses;
#[path = "../common/mod.rs"]
mod common;
mod mails;
mod passwords;
mod sessions;
#[path = "../common/spy.rs"]
mod spy;

use std::collections::BTreeSet;
use std::time::Duration;

use acceso::{LockDuration, Policy, Recovery, SharedEmail};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);

/// The portal's policy, with something else in it.
pub(crate) fn portal(change: impl FnOnce(&mut Policy)) -> Policy {
    let mut policy = Policy::portal();
    change(&mut policy);
    policy
}

/// One millisecond before the end of a half-open span, at it and after it: and whether the span still holds.
pub(crate) fn around(span: Duration) -> [(Duration, bool); 3] {
    [(span - MILLISECOND, true), (span, false), (span + MILLISECOND, false)]
}

const TESTS: [&str; 4] =
    [include_str!("addresses.rs"), include_str!("mails.rs"), include_str!("passwords.rs"), include_str!("sessions.rs")];

/// The names in backquotes at the beginning of a test's documentation, up to its colon.
fn tested() -> BTreeSet<String> {
    let lines = || TESTS.iter().flat_map(|source| source.lines());
    let first_lines =
        lines().zip(lines().skip(1)).filter(|(before, line)| before.is_empty() && line.starts_with("/// `"));
    let heads = first_lines.filter_map(|(_, line)| line.split_once(": ").map(|(head, _)| head));
    heads.flat_map(|head| head.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// The paths of all values, read from what `Debug` derives: `Policy { password: PasswordRules { min_length: 8, …`.
fn values(policy: &Policy) -> BTreeSet<String> {
    let shown = format!("{policy:?}");
    let (mut path, mut leaves): (Vec<&str>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
    let mut rest = shown.as_str();
    while let Some(at) = rest.find([':', '{', '}']) {
        let (before, sign) = (&rest[..at], &rest[at..=at]);
        match sign {
            ":" => {
                let name = before.rsplit([' ', '{', ',']).next().unwrap_or(before);
                path.push(name);
                let value = &rest[at + 1..];
                let ends = value.find([',', '{', '}']).map_or(",", |end| &value[end..=end]);
                if ends != "{" {
                    leaves.insert(path.join("."));
                    path.pop();
                }
            }
            // The braces of the policy itself enclose no named value.
            "}" => drop(path.pop()),
            _ => {}
        }
        rest = &rest[at + 1..];
    }
    leaves
}

#[test]
fn every_value_has_a_test() {
    // Closed enums: one more variant must bring its values here.
    let fixed = match Policy::portal().lockout.duration {
        LockDuration::UntilRecovery | LockDuration::Fixed(_) | LockDuration::Doubling { .. } => {
            portal(|policy| policy.lockout.duration = LockDuration::Fixed(MINUTE))
        }
    };
    match (Policy::portal().recovery, Policy::portal().email.shared) {
        (Recovery::TemporaryPassword { .. } | Recovery::ChoosePassword, SharedEmail::LinkAll | SharedEmail::Refuse) => {
        }
    }
    let all: BTreeSet<String> = [Policy::portal(), Policy::modern(), fixed].iter().flat_map(values).collect();
    assert!(all.contains("password.min_length") && all.contains("session.remembered.idle"), "{all:?}");
    assert!(all.contains("language") && all.contains("lockout.duration.hard_limit"), "{all:?}");
    assert_eq!(tested(), all);
}
