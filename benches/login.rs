//! A whole login over the store in memory, beside the hash that it holds; and one that finds no room.
//!
//! **What a login costs beyond its hash is measured with a hash that costs next to nothing; the ratio, with the one that
//! counts.**

mod common;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use acceso::adapter::memory::MemoryMailer;
use acceso::test_util::cheap_hashing;
use acceso::{Acceso, Client, Error, Login, LoginForm, Policy, Stay};
use tokio::runtime::Runtime;

use common::clinic::{Clinic, PASSWORD, WRONG, service, single_thread, username};
use common::compare::{Compared, Rounds, Table, Target, lasted, ratio, spent, turn_about};
use common::nothing::Nothing;
use common::{How, comparison, criterion};

fn main() {
    single();
    comparison("login/compared", compared);
    comparison("login/refused", refused);
}

/// A clinic with one user who logs in and one who is locked, and the same service over nothing.
struct Logins {
    clinic: Clinic,
    bare: Acceso,
}

impl Logins {
    fn new(policy: Policy) -> Self {
        let mut clinic = Clinic::new(policy.clone());
        clinic.add_users(0, 2);
        clinic.lock(&username(1));
        let (bare, _) = service(Nothing::default(), Arc::new(MemoryMailer::new()), policy);
        Self { clinic, bare }
    }

    fn known(&self) {
        assert!(matches!(self.clinic.login(&username(0), PASSWORD), Login::SignedIn(_)));
    }

    fn locked(&self) {
        assert!(matches!(self.clinic.login(&username(1), WRONG), Login::Rejected));
    }

    fn unknown(&self) {
        assert!(matches!(self.clinic.login(&username(2), WRONG), Login::Rejected));
    }

    /// The hash, and as little else as the public way to it allows.
    fn hash(&self) {
        let login = self.bare.login(LoginForm::new("nadie", WRONG), Stay::Session, &self.clinic.client);
        assert!(matches!(self.clinic.runtime.block_on(login), Ok(Login::Rejected)));
    }
}

fn single() {
    let logins = Logins::new(Policy::portal());
    let mut criterion = criterion().sample_size(20).measurement_time(Duration::from_secs(8));
    let mut group = criterion.benchmark_group("login");
    group.bench_function("hash", |b| b.iter(|| logins.hash()));
    group.bench_function("memory/known", |b| b.iter(|| logins.known()));
    group.bench_function("memory/unknown", |b| b.iter(|| logins.unknown()));
    group.bench_function("memory/locked", |b| b.iter(|| logins.locked()));
    let full = Full::new();
    group.bench_function("busy", |b| b.iter(|| full.login()));
    group.finish();
    criterion.final_summary();
}

fn compared(how: How) {
    let mut whole = Rounds::new();
    for _ in 0..how.times(6) {
        let logins = Logins::new(Policy::portal());
        (0..how.times(8)).for_each(|_| logins.hash());
        whole.extend(turn_about(how.times(32), || spent(|| logins.known()), || spent(|| logins.hash())));
    }
    let cheap = Logins::new(cheap_hashing(Policy::portal()));
    let many = |login: &dyn Fn()| spent(|| (0..how.times(100)).for_each(|_| login()));
    let beyond = turn_about(how.times(101), || many(&|| cheap.known()), || many(&|| cheap.hash()));

    let table = Table::titled("A whole login in memory, CPU time");
    let Compared { ours, other, .. } = Compared::of(&beyond);
    let beyond = ours.saturating_sub(other) / u32::try_from(how.times(100)).unwrap_or(1);
    let hash = Compared::of(&whole).other;
    let of = format!("{beyond:.2?} beyond {hash:.2?}");
    table.line("login : the pool's hash", 1.0 + ratio(beyond, hash), Target::AtMost(1.02), &of);
    // Two pools, so two memories: that they lie differently is more than what is looked for.
    table.ratio("the same at the cost that counts, two pools", &whole, Target::None);
}

type Waiting = Pin<Box<dyn Future<Output = Result<Login, Error>>>>;

/// A service whose places are all taken.
struct Full {
    runtime: Runtime,
    acceso: Acceso,
    _waiting: Vec<Waiting>,
}

impl Full {
    /// A login that has begun holds its place for as long as its future lives, polled again or not.
    fn new() -> Self {
        let mut policy = Policy::portal();
        (policy.hashing.threads, policy.hashing.queue_per_thread) = (Some(1), 1);
        let (acceso, _) = service(Nothing::default(), Arc::new(MemoryMailer::new()), policy);
        let mut context = Context::from_waker(Waker::noop());
        let waiting = (0..2).map(|_| {
            let acceso = acceso.clone();
            let mut login: Waiting = Box::pin(async move {
                acceso.login(LoginForm::new("nadie", PASSWORD), Stay::Session, &Client::unknown()).await
            });
            assert!(login.as_mut().poll(&mut context).is_pending());
            login
        });
        let waiting = waiting.collect();
        Self { runtime: single_thread(), acceso, _waiting: waiting }
    }

    fn login(&self) {
        let client = Client::unknown();
        let login = pin!(self.acceso.login(LoginForm::new("nadie", PASSWORD), Stay::Session, &client));
        assert!(matches!(self.runtime.block_on(login), Err(Error::Busy { .. })));
    }
}

fn refused(how: How) {
    let full = Full::new();
    let times = how.times(1_000);
    let each = |_| lasted(|| (0..times).for_each(|_| full.login()));
    let median = common::compare::median((0..how.times(101)).map(each));
    let micros = median.as_secs_f64() * 1e6 / f64::from(u32::try_from(times).unwrap_or(1));
    let table = Table::titled("A refused login (`Busy`)");
    table.line("time, µs", micros, Target::AtMost(50.0), "the form made and dropped");
}
