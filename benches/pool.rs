//! Many logins at once: how many there are to a second of CPU, and how long a ticker on the same runtime waits meanwhile.
//!
//! **Beside it the usual way: each hash on a blocking thread of the runtime, as many as come.**

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use acceso::adapter::memory::MemoryMailer;
use acceso::{Acceso, Client, Error, LoginForm, Policy, Stay};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use common::by_hand::{ByHand, OnThread};
use common::clinic::{PASSWORD, service};
use common::compare::{Table, Target, median, percentile, ratio, spent};
use common::nothing::Nothing;
use common::{How, comparison};

fn main() {
    comparison("pool/throughput", throughput);
    comparison("pool/ticker", ticker);
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("a runtime")
}

/// A busy machine may let a login wait for longer than the default allows; here it is to be measured all the same.
fn pool() -> Acceso {
    let mut policy = Policy::portal();
    policy.hashing.longest_wait = Duration::from_secs(60);
    service(Nothing::default(), Arc::new(MemoryMailer::new()), policy).0
}

/// How a login hashes.
#[derive(Clone)]
enum Way {
    Pool(Acceso),
    Blocking,
}

impl Way {
    /// One login. Who is told to come back does so, sooner than told.
    async fn log_in(&self) {
        match self {
            Self::Pool(acceso) => loop {
                let form = LoginForm::new("nadie", PASSWORD);
                match acceso.login(form, Stay::Session, &Client::unknown()).await {
                    Ok(_) => return,
                    Err(Error::Busy { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
                    Err(error) => panic!("{error}"),
                }
            },
            Self::Blocking => tokio::task::spawn_blocking(ByHand::in_new_memory).await.expect("no panic"),
        }
    }
}

/// So many logins by so many clients.
async fn flood(way: &Way, clients: usize, logins: usize) {
    let left = Arc::new(AtomicUsize::new(logins));
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let (way, left) = (way.clone(), Arc::clone(&left));
        running.spawn(async move {
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                way.log_in().await;
            }
        });
    }
    running.join_all().await;
}

/// CPU time of one login, when so many clients log in at once.
fn each(runtime: &Runtime, way: &Way, clients: usize, logins: usize) -> Duration {
    let logins = logins.max(clients);
    spent(|| runtime.block_on(flood(way, clients, logins))) / u32::try_from(logins).unwrap_or(1)
}

/// CPU time of one hash in kept memory, on so many threads at once.
fn by_hand(threads: usize, hashes: usize) -> Duration {
    // New threads and new memory each time: what is kept lies luckily or not.
    let threads: Vec<OnThread> = (0..threads).map(|_| OnThread::new()).collect();
    let all_once = || {
        for thread in &threads {
            thread.begin(false);
        }
        for thread in &threads {
            thread.wait();
        }
    };
    all_once();
    let turns = (hashes / threads.len()).max(1);
    spent(|| (0..turns).for_each(|_| all_once())) / u32::try_from(turns * threads.len()).unwrap_or(1)
}

fn throughput(how: How) {
    let (runtime, way) = (runtime(), Way::Pool(pool()));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let table = Table::titled("Logins to a second of CPU");
    for clients in [1, 8, 64, 500].into_iter().take(how.times(4)) {
        // 500 hashes at once in memory of their own are 9.5 GiB: that much is not asked of the machine.
        let beside = clients <= 64;
        let logins = how.times(96);
        let [mut pooled, mut one, mut all, mut blocking] = [const { Vec::new() }; 4];
        for _ in 0..how.times(7) {
            one.push(by_hand(1, how.times(32)));
            pooled.push(each(&runtime, &way, clients, logins));
            all.push(by_hand(threads, how.times(64)));
            if beside {
                blocking.push(each(&runtime, &Way::Blocking, clients, logins));
            }
        }
        let pooled = median(pooled);
        let line = |beside: &str, other: Vec<Duration>, target| {
            let other = median(other);
            let of = format!("{:.1} to {:.1}", 1.0 / pooled.as_secs_f64(), 1.0 / other.as_secs_f64());
            table.line(&format!("{clients} clients, the pool : {beside}"), ratio(other, pooled), target, &of);
        };
        line("one thread by hand", one, if clients == 64 { Target::AtLeast(0.95) } else { Target::None });
        line("a thread per core by hand", all, Target::None);
        if beside {
            line("`spawn_blocking`", blocking, if clients == 64 { Target::AtLeast(1.4) } else { Target::None });
        }
    }
}

/// How long a sleep of a millisecond takes, until told to stop.
async fn ticks(stop: Arc<AtomicBool>) -> Vec<Duration> {
    let mut ticks = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let before = Instant::now();
        tokio::time::sleep(Duration::from_millis(1)).await;
        ticks.push(before.elapsed());
    }
    ticks
}

/// The ticks while `work` is done on the same runtime.
fn ticks_during(runtime: &Runtime, work: impl Future<Output = ()>) -> Vec<Duration> {
    runtime.block_on(async {
        let stop = Arc::new(AtomicBool::new(false));
        let ticking = tokio::spawn(ticks(Arc::clone(&stop)));
        work.await;
        stop.store(true, Ordering::Relaxed);
        ticking.await.expect("no panic")
    })
}

fn ticker(how: How) {
    let (runtime, pool) = (runtime(), Way::Pool(pool()));
    let (clients, logins) = if how == How::Fully { (64, 64) } else { (1, 1) };
    let (mut idle, mut pooled, mut blocking) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..how.times(8) {
        let before = Instant::now();
        pooled.extend(ticks_during(&runtime, flood(&pool, clients, logins)));
        let took = before.elapsed();
        idle.extend(ticks_during(&runtime, async { tokio::time::sleep(took).await }));
        if how == How::Fully {
            blocking.extend(ticks_during(&runtime, flood(&Way::Blocking, clients, logins)));
        }
    }
    let table = Table::titled("A ticker of 1 ms on the runtime of the logins, the wait that 99 of 100 keep within");
    let slowest = |ticks: &[Duration]| percentile(ticks.iter().copied(), 99);
    let (quiet, busy, beside) = (slowest(&idle), slowest(&pooled), slowest(&blocking));
    table.line(
        "64 clients, the pool : idle",
        ratio(busy, quiet),
        Target::AtMost(1.5),
        &format!("{busy:.2?} to {quiet:.2?}"),
    );
    table.line(
        "64 clients, `spawn_blocking` : idle",
        ratio(beside, quiet),
        Target::None,
        &format!("{beside:.2?} to {quiet:.2?}"),
    );
}
