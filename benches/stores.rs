//! What the calls of a portal cost over `SQLite` and over `PostgreSQL`, from a thousand users on, each beside the same work
//! by hand through the same driver. Not: what a hash costs; hashing is cheap here.
//!
//! **Every store is full before the first call is measured, and all sizes are asked turn about.**
//!
//! `ACCESO_SIZES=1000,1000000` names other sizes than 10³, 10⁴ and 10⁵; with `ACCESO_CHART=docs/growth.svg` the growth is
//! drawn. Without a `PostgreSQL` server on the machine that part is skipped.

mod common;
#[path = "../tests/common/postgres.rs"]
mod server;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use acceso::adapter::memory::MemoryMailer;
use acceso::adapter::postgres::PostgresStore;
use acceso::adapter::sqlite::SqliteStore;
use acceso::test_util::FakeClock;
use acceso::{
    Acceso, BoxError, Claim, Client, Digest, Login, LoginForm, RecoveryRequest, Registering, Stay, UserStore,
    UsernameRecoveryForm,
};
use tokio::runtime::Runtime;

use common::chart::{self, Line, Panel};
use common::clinic::{PASSWORD, email, registration, service_at, username};
use common::compare::{Compared, Rounds, Table, Target, lasted, ratio, spent};
use common::fill::{self, Link, NOW};
use common::sql_by_hand::ByHand;
use common::{How, comparison};

fn main() {
    let mut panels = Vec::new();
    comparison("stores/sqlite", |how| panels.push(sqlite(how)));
    comparison("stores/postgres", |how| {
        if server::postgres_or_skip("stores/postgres") {
            panels.push(postgres(how));
        }
    });
    if let Some(file) = std::env::var_os("ACCESO_CHART") {
        let drawing = chart::drawn("What a call costs as a portal grows", &panels);
        std::fs::write(file, drawing).expect("a file that can be written");
    }
}

fn sizes(how: How) -> Vec<usize> {
    let asked = std::env::var("ACCESO_SIZES").ok();
    let parsed = |list: String| list.split(',').map(|size| size.trim().parse().expect("a size")).collect();
    match how {
        How::Fully => asked.map_or_else(|| vec![1_000, 10_000, 100_000], parsed),
        How::Once | How::List => vec![30],
    }
}

fn runtime() -> Rc<Runtime> {
    Rc::new(tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"))
}

fn sqlite(how: How) -> Panel {
    let (runtime, folder) = (runtime(), tempfile::tempdir().expect("a folder"));
    let open = |users: usize| {
        let url = format!("sqlite:{}", folder.path().join(format!("{users}.sqlite")).display());
        let store = runtime.block_on(SqliteStore::connect(&url)).expect("the file opens");
        Filled::with(users, Rc::clone(&runtime), Arc::new(store), &url)
    };
    let filled: Vec<Filled> = sizes(how).into_iter().map(open).collect();
    compared(how, Clock { of_reads: Time::Cpu, of_growth: Time::Cpu }, "SQLite", &filled)
}

fn postgres(how: How) -> Panel {
    let (runtime, server) = (runtime(), server::Server::durable());
    let url = server.url("postgres");
    server.run_sql(&url, "alter system set max_wal_size = '4GB'");
    server.run_sql(&url, "select pg_reload_conf()");
    let open = |users: usize| {
        let url = server.database();
        let store = runtime.block_on(PostgresStore::connect(&url)).expect("the server is there");
        Filled::with(users, Rc::clone(&runtime), Arc::new(store), &url)
    };
    let filled: Vec<Filled> = sizes(how).into_iter().map(open).collect();
    // The server works in processes of its own.
    compared(how, Clock { of_reads: Time::OfDay, of_growth: Time::OfDay }, "PostgreSQL", &filled)
}

/// A store of one size, and the ways to it.
struct Filled {
    users: usize,
    runtime: Rc<Runtime>,
    store: Arc<dyn UserStore>,
    acceso: Acceso,
    by_hand: ByHand,
    link: RefCell<Link>,
    digests: Vec<[u8; 32]>,
    backlog: Cell<Backlog>,
}

/// What waits in the outbox beside what always does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backlog {
    None,
    Due,
    Postponed,
}

impl Filled {
    fn with(users: usize, runtime: Rc<Runtime>, store: Arc<dyn UserStore>, url: &str) -> Self {
        let begun = Instant::now();
        let filling = async {
            let mut link = Link::to(url).await?;
            fill::fill(Arc::clone(&store), &mut link, users).await?;
            let by_hand = ByHand::to(url).await?;
            let mut digests = Vec::new();
            for _ in 0..users.min(5_000) {
                digests.push(by_hand.some_digest().await?);
            }
            Ok::<_, BoxError>((link, by_hand, digests))
        };
        let (link, by_hand, digests) = runtime.block_on(filling).expect("a full store");
        if How::asked() == How::Fully {
            println!("{users} users loaded in {:.1?}", begun.elapsed());
        }
        let (acceso, _) =
            service_at(FakeClock::at(NOW), Arc::clone(&store), Arc::new(MemoryMailer::new()), fill::policy());
        let (link, backlog) = (RefCell::new(link), Cell::new(Backlog::None));
        Self { users, runtime, store, acceso, by_hand, link, digests, backlog }
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, impl Into<BoxError>>>) -> T {
        self.runtime.block_on(work).map_err(Into::into).expect("the store is there")
    }

    /// A user for each call, far from the one before.
    fn number(&self, call: usize) -> usize {
        call.wrapping_mul(7_368_787) % self.users
    }

    fn digest(&self, call: usize) -> &[u8; 32] {
        &self.digests[call % self.digests.len()]
    }

    fn run(&self, sql: &str) {
        self.wait(self.link.borrow_mut().run(sql));
    }

    /// As many mails as the policy of a portal lets wait.
    fn queue(&self, backlog: Backlog) {
        if self.backlog.get() == Backlog::None {
            let mails = How::asked().times(100_000).max(100);
            self.wait(fill::queue(&mut self.link.borrow_mut(), mails));
        }
        if self.backlog.replace(backlog) != backlog {
            if backlog == Backlog::Postponed {
                let later = NOW.after(Duration::from_secs(600)).as_millis();
                self.run(&format!("update acceso_mail set due_at = {later}"));
            }
            self.wait(self.link.borrow_mut().settle());
        }
        self.run("update acceso_mail set lease_until = null where lease_until is not null");
    }
}

/// One call, measured as often as `rounds` × `batch`.
struct Operation {
    name: &'static str,
    writes: bool,
    target: Target,
    rounds: usize,
    batch: usize,
    before: fn(&Filled),
    /// With the number of the call.
    ours: fn(&Filled, usize),
    by_hand: fn(&Filled, usize),
}

const ROWS: u32 = 1_000;
const GROUPS: u32 = 32;

fn claim(limit: u32) -> Claim {
    Claim {
        now: NOW,
        lease_until: NOW.after(Duration::from_secs(300)),
        latest_due: NOW.after(Duration::from_secs(1_200)),
        limit,
    }
}

const READ: Operation = Operation {
    name: "",
    writes: false,
    target: Target::None,
    rounds: 301,
    batch: 20,
    before: |_| (),
    ours: |_, _| (),
    by_hand: |_, _| (),
};

const WRITE: Operation = Operation { writes: true, rounds: 61, batch: 4, ..READ };

/// In this order, because some leave mail behind.
const OPERATIONS: [Operation; 11] = [
    Operation {
        name: "session check",
        target: Target::AtMost(1.2),
        ours: |filled, call| {
            let found = filled.wait(filled.store.session(&Digest::from_bytes(*filled.digest(call))));
            assert!(found.is_some());
        },
        by_hand: |filled, call| filled.wait(filled.by_hand.session(filled.digest(call))),
        ..READ
    },
    Operation {
        name: "users of an address",
        ours: |filled, call| {
            let address = email(filled.number(call)).parse().expect("an address");
            assert_eq!(filled.wait(filled.store.users_with_email(&address)).len(), 1);
        },
        by_hand: |filled, call| filled.wait(filled.by_hand.users_with_email(&email(filled.number(call)))),
        ..READ
    },
    Operation {
        name: "login",
        ours: |filled, call| {
            let form = LoginForm::new(username(filled.number(call)), PASSWORD);
            let login = filled.wait(filled.acceso.login(form, Stay::Session, &Client::unknown()));
            assert!(matches!(login, Login::SignedIn(_)));
        },
        by_hand: |filled, call| filled.wait(filled.by_hand.login(&username(filled.number(call)))),
        ..WRITE
    },
    Operation {
        name: "registration",
        ours: |filled, call| {
            let form = registration(&email(filled.number(call)), "nombrelibre");
            let registering = filled.wait(filled.acceso.register(form, &Client::unknown()));
            assert!(matches!(registering, Registering::Accepted(_)));
        },
        by_hand: |filled, call| filled.wait(filled.by_hand.register(&email(filled.number(call)), "nombrelibre")),
        ..WRITE
    },
    Operation {
        name: "recovery of user names",
        ours: |filled, call| {
            let form = UsernameRecoveryForm { email: email(filled.number(call)) };
            let request = filled.wait(filled.acceso.recover_username(form, &Client::unknown()));
            assert!(matches!(request, RecoveryRequest::Accepted));
        },
        by_hand: |filled, call| filled.wait(filled.by_hand.recover_username(&email(filled.number(call)))),
        ..WRITE
    },
    Operation {
        name: "purge, nothing to do",
        ours: |filled, _| assert_eq!(filled.wait(filled.store.purge(NOW, ROWS)), acceso::Purged::default()),
        by_hand: |filled, _| filled.wait(filled.by_hand.purge(ROWS.into())),
        ..WRITE
    },
    Operation {
        name: "purge of 1,000 of each",
        rounds: 11,
        batch: 1,
        before: |filled| filled.wait(fill::expire(&mut filled.link.borrow_mut(), How::asked().times(1_000))),
        ours: |filled, _| assert!(filled.wait(filled.store.purge(NOW, ROWS)).mailboxes > 0),
        by_hand: |filled, _| filled.wait(filled.by_hand.purge(ROWS.into())),
        ..WRITE
    },
    Operation {
        name: "claim, nothing due",
        before: |filled| filled.run("update acceso_mail set due_at = 1800000600000 where due_at < 1800000600000"),
        ours: |filled, _| assert!(filled.wait(filled.store.claim_due_mail(claim(GROUPS))).is_empty()),
        by_hand: |filled, _| filled.wait(filled.by_hand.claim(GROUPS.into())),
        ..READ
    },
    Operation {
        name: "claim of 32 of 100,000",
        rounds: 31,
        batch: 1,
        before: |filled| filled.queue(Backlog::Due),
        ours: |filled, _| assert_eq!(filled.wait(filled.store.claim_due_mail(claim(GROUPS))).len(), 32),
        by_hand: |filled, _| filled.wait(filled.by_hand.claim(GROUPS.into())),
        ..WRITE
    },
    Operation {
        name: "count of 100,000 waiting",
        rounds: 31,
        batch: 1,
        before: |filled| filled.queue(Backlog::Due),
        ours: |filled, _| assert!(filled.wait(filled.store.mail_backlog()).typed > 0),
        by_hand: |filled, _| filled.wait(filled.by_hand.backlog()),
        ..READ
    },
    Operation {
        name: "claim, 100,000 postponed",
        rounds: 11,
        batch: 1,
        before: |filled| filled.queue(Backlog::Postponed),
        ours: |filled, _| assert!(filled.wait(filled.store.claim_due_mail(claim(GROUPS))).is_empty()),
        by_hand: |filled, _| filled.wait(filled.by_hand.claim(GROUPS.into())),
        ..READ
    },
];

/// What is read off which clock: where a disk or a server is waited for, the time of day.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Time {
    Cpu,
    OfDay,
}

#[derive(Clone, Copy)]
struct Clock {
    of_reads: Time,
    /// Of all calls: a flush to the disk takes the same whatever the size, and would hide what does not.
    of_growth: Time,
}

/// The rounds of one call at one size, by each clock.
#[derive(Default)]
struct Measured {
    cpu: Rounds,
    of_day: Rounds,
}

impl Measured {
    fn by(&self, time: Time) -> Compared {
        Compared::of(if time == Time::Cpu { &self.cpu } else { &self.of_day })
    }
}

fn compared(how: How, clock: Clock, database: &str, filled: &[Filled]) -> Panel {
    let table = Table::titled(&format!("{database}: the crate, by hand"));
    let mut lines = Vec::new();
    for operation in &OPERATIONS {
        let batch = how.times(operation.batch);
        let measured = measured(how, operation, filled, batch);
        let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(u32::try_from(batch).unwrap_or(1));
        let time = if operation.writes { Time::OfDay } else { clock.of_reads };
        for (filled, measured) in filled.iter().zip(&measured) {
            let Compared { ours, other, ratio } = measured.by(time);
            let of = format!("{:.1} µs to {:.1} µs", each(ours), each(other));
            table.line(&format!("{}, {} users", operation.name, filled.users), ratio, operation.target, &of);
        }
        if let [fewest, .., most] = &measured[..] {
            let (fewest, most) = (fewest.by(clock.of_growth), most.by(clock.of_growth));
            let of = format!(
                "{:.1} µs from {:.1} µs; by hand {:.3}",
                each(most.ours),
                each(fewest.ours),
                ratio(most.other, fewest.other)
            );
            let growth = ratio(most.ours, fewest.ours);
            table.line(&format!("{}, growth", operation.name), growth, Target::AtMost(2.5), &of);
        }
        let points = filled.iter().zip(&measured);
        let points = points.map(|(filled, measured)| (filled.users, each(measured.by(clock.of_growth).ours)));
        lines.push(Line { name: operation.name, points: points.collect() });
    }
    let what = if clock.of_growth == Time::Cpu { "CPU time" } else { "time of day" };
    Panel { title: format!("{database}, {what}"), lines }
}

fn measured(how: How, operation: &Operation, filled: &[Filled], batch: usize) -> Vec<Measured> {
    let mut all: Vec<Measured> = filled.iter().map(|_| Measured::default()).collect();
    for round in 0..how.times(operation.rounds) {
        for (filled, measured) in filled.iter().zip(&mut all) {
            let calls = round * batch..(round + 1) * batch;
            let side = |call: fn(&Filled, usize)| {
                (operation.before)(filled);
                both(|| calls.clone().for_each(|number| call(filled, number)))
            };
            // Who is first in one round is second in the next.
            let (ours, by_hand) = if round.is_multiple_of(2) {
                let ours = side(operation.ours);
                (ours, side(operation.by_hand))
            } else {
                let by_hand = side(operation.by_hand);
                (side(operation.ours), by_hand)
            };
            measured.cpu.push((ours.0, by_hand.0));
            measured.of_day.push((ours.1, by_hand.1));
        }
    }
    all
}

/// CPU time of this process, and time of day.
fn both(work: impl FnOnce()) -> (Duration, Duration) {
    let mut cpu = Duration::ZERO;
    let of_day = lasted(|| cpu = spent(work));
    (cpu, of_day)
}
