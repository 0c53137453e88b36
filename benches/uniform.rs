//! Whether the time of an answer tells whom it was about: a login of a known, a locked and an unknown name; registering and
//! both recoveries with a patient's address and nobody's; over the store in memory and over `SQLite`.
//!
//! **The two are asked for turn about, and who listens is generous: he has the process's own CPU time of each call.** Over
//! `SQLite` he is given the time of day too, in which the disk speaks.

mod common;

use std::time::Duration;

use acceso::adapter::sqlite::SqliteStore;
use acceso::{Client, Login, PasswordRecoveryForm, Policy, RecoveryRequest, Registering, UsernameRecoveryForm};
use tempfile::TempDir;

use common::clinic::{Clinic, PASSWORD, WRONG, email, nobodys_email, registration, single_thread, username};
use common::compare::{Compared, Rounds, Table, Target, lasted, spent, turn_about};
use common::{How, comparison};

/// As many different people on each side, so that no single key's place in a map counts.
const PEOPLE: usize = 16;

fn main() {
    comparison("uniform/login", |how| logins(how, &in_memory()));
    comparison("uniform/register", |how| registrations(how, &in_memory()));
    comparison("uniform/recovery", |how| recoveries(how, &in_memory()));
    comparison("uniform/sqlite/login", |how| logins(how, &in_sqlite()));
    comparison("uniform/sqlite/register", |how| registrations(how, &in_sqlite()));
    comparison("uniform/sqlite/recovery", |how| recoveries(how, &in_sqlite()));
}

/// A clinic with users, and the store that it is over.
struct Place {
    clinic: Clinic,
    name: &'static str,
    folder: Option<TempDir>,
}

impl Place {
    fn of(mut clinic: Clinic, name: &'static str, folder: Option<TempDir>) -> Self {
        clinic.add_users(0, PEOPLE);
        Self { clinic, name, folder }
    }

    fn is_on_disk(&self) -> bool {
        self.folder.is_some()
    }
}

fn policy() -> Policy {
    let mut policy = Policy::portal();
    policy.mail.max_waiting = 10_000_000;
    policy
}

fn in_memory() -> Place {
    Place::of(Clinic::new(policy()), "in memory", None)
}

fn in_sqlite() -> Place {
    let (folder, runtime) = (tempfile::tempdir().expect("a folder"), single_thread());
    let url = format!("sqlite:{}", folder.path().join("acceso.sqlite").display());
    let store = runtime.block_on(SqliteStore::connect(&url)).expect("the file opens");
    Place::of(Clinic::over(store, runtime, policy()), "over SQLite", Some(folder))
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

fn logins(how: How, place: &Place) {
    let clinic = &place.clinic;
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
            kinds[kind].push(spent(|| rejected(clinic, &name)));
        }
        // The strike is taken back, or the known would be locked.
        assert!(matches!(clinic.login(&username(known(round)), PASSWORD), Login::SignedIn(_)));
    }
    let [known, locked, unknown] = kinds;
    let pair =
        |one: &[Duration], other: &[Duration]| -> Rounds { one.iter().copied().zip(other.iter().copied()).collect() };
    let table = Table::titled(&format!("A login that is refused {}, CPU time", place.name));
    for (name, rounds) in [
        ("known : unknown", pair(&known, &unknown)),
        ("locked : unknown", pair(&locked, &unknown)),
        ("known : locked", pair(&known, &locked)),
    ] {
        tell(&table, name, &rounds, &rounds);
    }
}

fn registrations(how: How, place: &Place) {
    let clinic = &place.clinic;
    let register = |email: &str| {
        let registering = clinic.acceso.register(registration(email, "nombrelibre"), &clinic.client);
        assert!(matches!(clinic.runtime.block_on(registering), Ok(Registering::Accepted(_))));
    };
    let at = people();
    let rounds =
        turn_about(how.times(480), || spent(|| register(&email(at()))), || spent(|| register(&nobodys_email(at()))));
    let table = Table::titled(&format!("Registering {}, CPU time", place.name));
    tell(&table, "a patient's address : nobody's", &rounds, &rounds);
}

/// One after the other, each twice: once for either side.
fn people() -> impl Fn() -> usize {
    let asked = std::cell::Cell::new(0);
    move || asked.replace(asked.get() + 1) / 2 % PEOPLE
}

/// What is recovered, asked for a patient and for nobody.
type Recovery<'a> = (&'a str, &'a dyn Fn(usize), &'a dyn Fn(usize));

fn recoveries(how: How, place: &Place) {
    let (clinic, client) = (&place.clinic, Client::unknown());
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
    let table = Table::titled(&format!("Recovery {}", place.name));
    for (name, patients, nobodys) in ways {
        let name = format!("{name}, a patient's address : nobody's");
        if place.is_on_disk() {
            // A call has a flush to the disk in it, of which the process knows little.
            let at = people();
            let call = |call: &dyn Fn(usize), times: &mut Vec<Duration>| lasted(|| times.push(spent(|| call(at()))));
            let (mut first, mut second) = (Vec::new(), Vec::new());
            let of_day = turn_about(how.times(2_000), || call(patients, &mut first), || call(nobodys, &mut second));
            let cpu: Rounds = first.into_iter().zip(second).collect();
            tell(&table, &format!("{name}, CPU"), &cpu, &cpu);
            tell(&table, &format!("{name}, of day"), &of_day, &of_day);
            continue;
        }
        let many = |call: &dyn Fn(usize)| lasted(|| (0..2 * PEOPLE).for_each(|number| call(number % PEOPLE)));
        let rounds = turn_about(how.times(600), || many(patients), || many(nobodys));
        let at = people();
        let singles = turn_about(how.times(4_000), || lasted(|| patients(at())), || lasted(|| nobodys(at())));
        tell(&table, &name, &rounds, &singles);
    }
}
