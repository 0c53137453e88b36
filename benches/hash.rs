//! One password hash: by hand in new memory, by hand in kept memory, and through the pool of threads.
//!
//! **The pool is measured from outside, as the login of a name that nobody has over a store that keeps nothing: what is
//! measured holds a login's few microseconds too.**

mod common;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use acceso::adapter::memory::MemoryMailer;
use acceso::{Acceso, Client, Login, LoginForm, Policy, Stay};
use tokio::runtime::Runtime;

use common::by_hand::{ByHand, OnThread};
use common::clinic::{PASSWORD, service, single_thread};
use common::compare::{Rounds, Table, Target, spent, turn_about};
use common::nothing::Nothing;
use common::{How, comparison, criterion};

fn main() {
    // By hand too it runs beside the main thread, whose memory the allocator treats in another way.
    thread::scope(|scope| scope.spawn(single).join()).expect("a benchmark does not panic");
    comparison("hash/compared", compared);
}

/// The pool and what calls it.
struct Pool {
    runtime: Runtime,
    acceso: Acceso,
}

impl Pool {
    fn new() -> Self {
        let (acceso, _) = service(Nothing::default(), Arc::new(MemoryMailer::new()), Policy::portal());
        Self { runtime: single_thread(), acceso }
    }

    fn hash(&self) {
        let client = Client::unknown();
        let login = self.acceso.login(LoginForm::new("nadie", PASSWORD), Stay::Session, &client);
        assert!(matches!(self.runtime.block_on(login), Ok(Login::Rejected)));
    }
}

fn single() {
    let pool = Pool::new();
    let mut by_hand = ByHand::new();
    let mut criterion = criterion().sample_size(20).measurement_time(Duration::from_secs(8));
    let mut group = criterion.benchmark_group("hash");
    group.bench_function("raw_alloc", |b| b.iter(ByHand::in_new_memory));
    group.bench_function("raw_reuse", |b| b.iter(|| by_hand.in_kept_memory()));
    group.bench_function("pool", |b| b.iter(|| pool.hash()));
    group.finish();
    criterion.final_summary();
}

/// Memory lies luckily or not for as long as it is kept, so each side gets new memory several times.
fn compared(how: How) {
    let [mut pooled, mut handed, mut wiped, mut new] = [const { Rounds::new() }; 4];
    for _ in 0..how.times(8) {
        let (pool, thread, mut here) = (Pool::new(), OnThread::new(), ByHand::new());
        // Each of its threads maps its memory at its first hash.
        (0..how.times(8)).for_each(|_| pool.hash());
        let rounds = how.times(24);
        let turns = |kept: &mut Rounds, ours: &dyn Fn(), other: &mut dyn FnMut()| {
            kept.extend(turn_about(rounds, || spent(ours), || spent(&mut *other)));
        };
        turns(&mut pooled, &|| pool.hash(), &mut || thread.hash(false));
        turns(&mut wiped, &|| thread.hash(true), &mut || thread.hash(false));
        turns(&mut handed, &|| thread.hash(false), &mut || here.in_kept_memory());
        let on_new_thread = || thread::scope(|scope| scope.spawn(ByHand::in_new_memory).join()).expect("no panic");
        turns(&mut new, &on_new_thread, &mut || thread.hash(false));
    }
    let table = Table::titled("One hash, CPU time");
    table.ratio("through the pool : kept memory of one thread", &pooled, Target::AtMost(1.05));
    table.ratio("kept memory of one thread, wiped : not wiped", &wiped, Target::None);
    table.ratio("on another thread : on the thread that asks", &handed, Target::None);
    table.ratio("new thread and new memory : kept memory", &new, Target::None);
}
