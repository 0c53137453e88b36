//! The most memory that a process holds while clients log in, above what it holds idle.
//!
//! **Each case is a process of its own, which starts itself again: what a process once held it seldom gives back.** Told by
//! Linux alone; nothing is measured elsewhere.

mod common;

use std::env;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use acceso::adapter::memory::MemoryMailer;
use acceso::{Acceso, Client, Error, HashCost, LoginForm, Policy, Stay};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use common::by_hand::ByHand;
use common::clinic::{PASSWORD, service};
use common::compare::{Table, Target};
use common::nothing::Nothing;
use common::{How, comparison};

const CASE: &str = "ACCESO_PEAK_MEMORY";
const THREADS: u16 = 2;

fn main() {
    match env::var(CASE) {
        Ok(case) => measure(&case),
        Err(_) => comparison("pool/peak_rss", compared),
    }
}

/// What `/proc/self/status` says, in MiB.
fn status(field: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

/// One case, `way clients`: prints the peak above idle in MiB.
fn measure(case: &str) {
    let (way, clients) = case.split_once(' ').expect("a way and a number");
    let clients = clients.parse().expect("a number");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("a runtime");
    let mut policy = Policy::portal();
    policy.hashing.threads = Some(THREADS);
    // A busy machine may let a login wait for longer than the default allows.
    policy.hashing.longest_wait = Duration::from_secs(60);
    let (acceso, _courier) = service(Nothing::default(), Arc::new(MemoryMailer::new()), policy);
    let idle = status("VmRSS");
    match way {
        "pool" => flood(&runtime, clients, move || log_in(acceso.clone())),
        _ => flood(&runtime, clients, || async {
            tokio::task::spawn_blocking(ByHand::in_new_memory).await.expect("no panic");
        }),
    }
    if let (Some(idle), Some(peak)) = (idle, status("VmHWM")) {
        println!("{}", peak - idle);
    }
}

/// One login of each client, all at once.
fn flood<F>(runtime: &Runtime, clients: usize, log_in: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    runtime.block_on(async {
        let mut running = JoinSet::new();
        for _ in 0..clients {
            running.spawn(log_in());
        }
        running.join_all().await;
    });
}

/// Who is told to come back does so.
async fn log_in(acceso: Acceso) {
    loop {
        match acceso.login(LoginForm::new("nadie", PASSWORD), Stay::Session, &Client::unknown()).await {
            Ok(_) => return,
            Err(Error::Busy { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// The peak of a case, measured by another process of this program.
fn peak(case: &str) -> Option<f64> {
    let program = env::current_exe().ok()?;
    let output = Command::new(program).env(CASE, case).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn compared(how: How) {
    let table = Table::titled("The most memory above idle, MiB");
    let one = f64::from(HashCost::OWASP.memory_kib()) / 1024.0;
    let bound = (f64::from(THREADS) + 1.0).mul_add(one, 8.0);
    let cases = [
        ("pool 1", Target::AtMost(bound)),
        ("pool 64", Target::AtMost(bound)),
        ("pool 500", Target::AtMost(bound)),
        ("spawn_blocking 64", Target::None),
    ];
    for (case, target) in cases.into_iter().take(if how == How::Fully { 4 } else { 1 }) {
        match peak(case) {
            Some(peak) => table.line(&format!("{case} clients"), peak, target, "2 threads and a courier"),
            None => println!("{case}: this system does not tell"),
        }
    }
}
