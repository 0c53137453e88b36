//! Rounds: the processes, started and ended, and what they left, gathered. Not: what they do.
//!
//! **No process outlives its round, however that ends.**

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{PgPool, SqlitePool};

use crate::checker::check;
use crate::evidence::{Evidence, Rules};
use crate::log::{self, Landed, Reader};
use crate::tables::{self, Tables};
use crate::worker::{CALLED, DRAIN, ORDER, Order, SESSIONS_PER_USER, THRESHOLD, USERS_PER_ADDRESS};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What the rounds came to.
#[derive(Default)]
struct Tally {
    rounds: u64,
    calls: u64,
    answers: BTreeMap<&'static str, u64>,
    commits: u64,
    conflicts: u64,
    mails: u64,
    unavailable: Vec<String>,
    violations: Vec<String>,
}

pub fn rounds(test: &str, database: Database) {
    let (rounds, processes) = (number("ACCESO_ROUNDS", 1), number("ACCESO_PROCESSES", 4));
    let (calls, seed) = (number("ACCESO_CALLS", 250), number("ACCESO_SEED", 1));
    let mut tally = Tally::default();
    for round in 0..rounds {
        let folder = tempfile::tempdir().expect("a folder");
        let url = match database {
            Database::Sqlite => format!("sqlite:{}", folder.path().join("acceso.sqlite").display()),
            Database::Postgres => crate::server::shared().database(),
        };
        let processes = u32::try_from(processes).expect("some processes");
        let folder_of = folder.path().to_owned();
        let order = Order { url, folder: folder_of, process: 0, processes, calls, seed: seed + round };
        play(test, &order);
        let evidence = gathered(&order);
        tally.add(&evidence, round);
        if !tally.violations.is_empty() {
            let kept = folder.keep();
            tally.violations.push(format!("seed {}, logs in {}", order.seed, kept.display()));
            break;
        }
    }
    println!("{database:?}: {processes} processes, seed {seed}; {tally}");
    assert!(tally.violations.is_empty(), "{}", tally.violations.join("\n"));
    // Nothing was broken, so the store was there for nearly everybody. One file lets all in turn.
    let most = if database == Database::Sqlite { 0 } else { tally.calls / 1_000 };
    assert!(tally.unavailable.len() as u64 <= most, "{:?}", tally.unavailable);
}

/// A process, ended at the latest when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the processes, lets all of them make their calls, and then deliver what mail is left.
fn play(test: &str, order: &Order) {
    let program = std::env::current_exe().expect("this program");
    let start = |process| {
        let order = serde_json::to_string(&Order { process, ..order.clone() }).expect("plain data");
        let child = Command::new(&program)
            .args([test, "--exact", "--nocapture"])
            .env(ORDER, order)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        Process(child.expect("a process"))
    };
    let mut processes: Vec<Process> = (0..order.processes).map(start).collect();
    let mut outputs = Vec::new();
    for process in &mut processes {
        let mut lines = BufReader::new(process.0.stdout.take().expect("a pipe")).lines();
        assert!(lines.by_ref().map_while(Result::ok).any(|line| line == CALLED), "a process ended before its calls");
        outputs.push(lines);
    }
    for process in &mut processes {
        writeln!(process.0.stdin.as_mut().expect("a pipe"), "{DRAIN}").expect("the process listens");
    }
    for (process, output) in processes.iter_mut().zip(outputs) {
        output.map_while(Result::ok).for_each(drop);
        assert!(process.0.wait().expect("its end").success(), "a process failed");
    }
}

/// What the processes wrote down, and what the database holds.
fn gathered(order: &Order) -> Evidence {
    fn all<T: serde::de::DeserializeOwned>(folder: &Path, kind: &str, processes: u32) -> Vec<T> {
        (0..processes).flat_map(|process| Reader::new(log::path(folder, kind, process)).lines()).collect()
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    Evidence {
        rules: Rules {
            threshold: i64::from(THRESHOLD),
            sessions_per_user: usize::from(SESSIONS_PER_USER),
            users_per_address: usize::from(USERS_PER_ADDRESS),
        },
        calls: all(&order.folder, "calls", order.processes),
        commits: all(&order.folder, "commits", order.processes),
        mails: all(&order.folder, "mails", order.processes),
        tables: runtime.block_on(read(&order.url)).expect("readable tables"),
    }
}

async fn read(url: &str) -> Result<Tables, sqlx::Error> {
    if url.starts_with("sqlite:") {
        tables::of_sqlite(&SqlitePool::connect_with(SqliteConnectOptions::from_str(url)?).await?).await
    } else {
        tables::of_postgres(&PgPool::connect(url).await?).await
    }
}

impl Tally {
    fn add(&mut self, evidence: &Evidence, round: u64) {
        self.rounds += 1;
        for call in &evidence.calls {
            self.calls += 1;
            *self.answers.entry(call.answer.name()).or_default() += 1;
            if let log::Answer::Unavailable { cause } = &call.answer {
                self.unavailable.push(format!("{:?}: {cause}", call.asked));
            }
        }
        let count =
            |landed: fn(&Landed) -> bool| evidence.commits.iter().filter(|line| landed(&line.landed)).count() as u64;
        self.commits += count(|landed| *landed == Landed::Done);
        self.conflicts += count(|landed| *landed == Landed::Conflict);
        self.mails += evidence.mails.len() as u64;
        let violations = check(evidence);
        self.violations.extend(violations.into_iter().map(|found| format!("round {round}: {found}")));
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rounds {}; calls {}: {:?}; ", self.rounds, self.calls, self.answers)?;
        write!(f, "commits {}, conflicts {}, mails {}; ", self.commits, self.conflicts, self.mails)?;
        write!(f, "violations {}", self.violations.len())
    }
}
