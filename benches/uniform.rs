//! Whether the time of an answer tells whom it was about: a login of a known, a locked and an unknown name; registering and
//! both recoveries with a patient's address and nobody's.
//!
//! **The two are asked for turn about, and who listens is generous: he has the process's own CPU time of each login.**

mod common;

use std::time::Duration;

use acceso::{Client, Login, PasswordRecoveryForm, Policy, RecoveryRequest, Registering, UsernameRecoveryForm};

use common::clinic::{Clinic, PASSWORD, WRONG, email, nobodys_email, registration, username};
use common::compare::{Compared, Rounds, Table, Target, lasted, spent, turn_about};
use common::{How, comparison};

/// As many different people on each side, so that no single key's place in a map counts.
const PEOPLE: usize = 16;

fn main() {
    comparison("uniform/login", logins);
    comparison("uniform/register", registrations);
    comparison("uniform/recovery", recoveries);
}

/// A line for the medians, and one for how often a threshold on one sample tells the two apart.
fn tell(table: &Table, name: &str, rounds: &[(Duration, Duration)], singles: &[(Duration, Duration)]) {
    // The median of one side over the median of the other: what somebody compares who asks many times.
    let Compared { ours, other, .. } = Compared::of(rounds);
    let of = format!("{ours:.2?} to {other:.2?}");
    table.line(&format!("{name}, medians"), common::compare::ratio(ours, other), Target::Within(1.01), &of);
    let right = told_apart(singles);
    table.line(&format!("{name}, told apart"), right, Target::AtMost(0.55), &format!("{} samples", singles.len() * 2));
}

/// How often the best threshold of one half of the rounds is right about the other half, either way.
fn told_apart(rounds: &[(Duration, Duration)]) -> f64 {
    let half = |odd: usize| -> Rounds { rounds.iter().copied().skip(odd).step_by(2).collect() };
    let (even, odd) = (half(0), half(1));
    let right = right_about(&odd, threshold(&even)) + right_about(&even, threshold(&odd));
    let of = u32::try_from(2 * rounds.len()).unwrap_or(u32::MAX);
    f64::from(u32::try_from(right).unwrap_or(u32::MAX)) / f64::from(of.max(1))
}

/// Times up to the threshold are one side's, longer ones the other's.
#[derive(Debug, Clone, Copy)]
struct Threshold {
    at: Duration,
    first_is_shorter: bool,
}

fn threshold(rounds: &[(Duration, Duration)]) -> Threshold {
    let mut times: Vec<(Duration, bool)> =
        rounds.iter().flat_map(|(first, second)| [(*first, true), (*second, false)]).collect();
    times.sort_unstable();
    let (mut firsts, mut seconds) = (0_usize, 0_usize);
    let mut best = (0, Threshold { at: Duration::ZERO, first_is_shorter: true });
    for (at, is_first) in times {
        if is_first {
            firsts += 1;
        } else {
            seconds += 1;
        }
        // Of those up to here so many more are of one side than of the other.
        let first_is_shorter = firsts >= seconds;
        let gain = firsts.abs_diff(seconds);
        if gain > best.0 {
            best = (gain, Threshold { at, first_is_shorter });
        }
    }
    best.1
}

fn right_about(rounds: &[(Duration, Duration)], threshold: Threshold) -> usize {
    let short = |time: Duration| time <= threshold.at;
    let firsts = rounds.iter().filter(|(first, _)| short(*first) == threshold.first_is_shorter).count();
    let seconds = rounds.iter().filter(|(_, second)| short(*second) != threshold.first_is_shorter).count();
    firsts + seconds
}

fn rejected(clinic: &Clinic, name: &str) {
    assert!(matches!(clinic.login(name, WRONG), Login::Rejected));
}

fn logins(how: How) {
    let mut clinic = Clinic::new(Policy::portal());
    clinic.add_users(0, PEOPLE);
    for number in 0..PEOPLE / 2 {
        clinic.lock(&username(number));
    }
    let (locked, known) = (|round: usize| round % (PEOPLE / 2), |round: usize| PEOPLE / 2 + round % (PEOPLE / 2));
    // Their names are as long as the known ones, give or take a digit on both sides.
    let unknown = |round: usize| 90 + round % PEOPLE;
    let mut kinds: [Vec<Duration>; 3] = Default::default();
    for round in 0..how.times(480) {
        for turn in 0..3 {
            let kind = (round + turn) % 3;
            let name = username([known(round), locked(round), unknown(round)][kind]);
            kinds[kind].push(spent(|| rejected(&clinic, &name)));
        }
        // The strike is taken back, or the known would be locked.
        assert!(matches!(clinic.login(&username(known(round)), PASSWORD), Login::SignedIn(_)));
    }
    let [known, locked, unknown] = kinds;
    let pair =
        |one: &[Duration], other: &[Duration]| -> Rounds { one.iter().copied().zip(other.iter().copied()).collect() };
    let table = Table::titled("A login that is refused, CPU time");
    for (name, rounds) in [
        ("known : unknown", pair(&known, &unknown)),
        ("locked : unknown", pair(&locked, &unknown)),
        ("known : locked", pair(&known, &locked)),
    ] {
        tell(&table, name, &rounds, &rounds);
    }
}

/// A clinic where some addresses are patients' who have accounts.
fn with_patients() -> Clinic {
    let mut policy = Policy::portal();
    policy.mail.max_waiting = 10_000_000;
    let mut clinic = Clinic::new(policy);
    clinic.add_users(0, PEOPLE);
    clinic
}

fn registrations(how: How) {
    let clinic = with_patients();
    let register = |email: &str| {
        let registering = clinic.acceso.register(registration(email, "nombrelibre"), &clinic.client);
        assert!(matches!(clinic.runtime.block_on(registering), Ok(Registering::Accepted(_))));
    };
    let at = people();
    let rounds =
        turn_about(how.times(480), || spent(|| register(&email(at()))), || spent(|| register(&nobodys_email(at()))));
    let table = Table::titled("Registering, CPU time");
    tell(&table, "a patient's address : nobody's", &rounds, &rounds);
}

/// One after the other, each twice: once for either side.
fn people() -> impl Fn() -> usize {
    let asked = std::cell::Cell::new(0);
    move || asked.replace(asked.get() + 1) / 2 % PEOPLE
}

/// What is recovered, asked for a patient and for nobody.
type Recovery<'a> = (&'a str, &'a dyn Fn(usize), &'a dyn Fn(usize));

fn recoveries(how: How) {
    let clinic = with_patients();
    let client = Client::unknown();
    let names = |email: String| {
        let call = clinic.acceso.recover_username(UsernameRecoveryForm { email }, &client);
        assert!(matches!(clinic.runtime.block_on(call), Ok(RecoveryRequest::Accepted)));
    };
    let password = |email: String, username: String| {
        let call = clinic.acceso.recover_password(PasswordRecoveryForm { email, username }, &client);
        assert!(matches!(clinic.runtime.block_on(call), Ok(RecoveryRequest::Accepted)));
    };
    // Typed before the time is taken: what is typed for nobody must not cost more to make up.
    let typed = |email: fn(usize) -> String, name: &str| -> Vec<(String, String)> {
        (0..PEOPLE).map(|number| (email(number), format!("{name}{number}"))).collect()
    };
    let (of_patients, of_nobody) = (typed(email, "paciente"), typed(nobodys_email, "visitant"));
    let name_of = |(email, _): &(String, String)| names(email.clone());
    let password_of = |(email, username): &(String, String)| password(email.clone(), username.clone());
    let ways: [Recovery<'_>; 2] = [
        ("user name", &|number| name_of(&of_patients[number]), &|number| name_of(&of_nobody[number])),
        ("password", &|number| password_of(&of_patients[number]), &|number| password_of(&of_nobody[number])),
    ];
    let table = Table::titled("Recovery, time");
    for (name, patients, nobodys) in ways {
        let many = |call: &dyn Fn(usize)| lasted(|| (0..2 * PEOPLE).for_each(|number| call(number % PEOPLE)));
        let rounds = turn_about(how.times(600), || many(patients), || many(nobodys));
        let at = people();
        let singles = turn_about(how.times(4_000), || lasted(|| patients(at())), || lasted(|| nobodys(at())));
        tell(&table, &format!("{name}, a patient's address : nobody's"), &rounds, &singles);
    }
}
