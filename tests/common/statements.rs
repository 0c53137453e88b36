//! What a store says to its database, statement by statement, as its driver notes it. Not: the beginning and end of
//! `SQLite`'s transactions, of which the driver notes nothing.
//!
//! **Only pools that [`noted`] has marked are listened to, and one test of a process at a time.**

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::fmt::Debug;
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{ConnectOptions, Database, Executor, Pool};
use tokio::sync::{Mutex as TurnMutex, MutexGuard};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

static NOTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Statements of these connections are noted at a level at which no other is.
pub fn noted<O: ConnectOptions>(options: O) -> O {
    let level = || "error".parse().expect("a level");
    options.log_statements(level()).log_slow_statements(level(), Duration::from_secs(3600))
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query" && *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut statement = Statement::default();
        event.record(&mut statement);
        let text = if statement.whole.is_empty() { statement.summary } else { statement.whole };
        NOTED.lock().unwrap_or_else(PoisonError::into_inner).push(text.trim().to_owned());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The driver gives a short statement in one field and the text of a long one in another.
#[derive(Default)]
struct Statement {
    summary: String,
    whole: String,
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.whole),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// The right to listen, for one test at a time.
pub struct Listening<D: Database> {
    pool: Pool<D>,
    _turn: MutexGuard<'static, ()>,
}

const FENCE: &str = "select 'fence'";

impl<D: Database> Listening<D>
where
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    /// To what is asked through this pool, which is made when it is our turn.
    pub async fn to(pool: impl Future<Output = Pool<D>>) -> Self {
        static STARTED: Once = Once::new();
        static TURN: TurnMutex<()> = TurnMutex::const_new(());
        STARTED.call_once(|| tracing::subscriber::set_global_default(Listener).expect("nobody listens yet"));
        let turn = TURN.lock().await;
        let listening = Self { pool: pool.await, _turn: turn };
        listening.take().await;
        listening
    }

    pub fn pool(&self) -> &Pool<D> {
        &self.pool
    }

    /// The statements since the last time, in their order on each connection.
    ///
    /// A driver may note a statement a moment after it was answered; what is asked next on the same connection comes
    /// later for certain.
    pub async fn take(&self) -> Vec<String> {
        let mut held: Vec<PoolConnection<D>> = Vec::new();
        for _ in 0..self.pool.size() {
            held.push(self.pool.acquire().await.expect("the database is there"));
        }
        for connection in &mut held {
            (&mut **connection).execute(FENCE).await.expect("the database is there");
        }
        let mut fences = held.len();
        let mut heard = Vec::new();
        while fences > 0 {
            for text in std::mem::take(&mut *NOTED.lock().unwrap_or_else(PoisonError::into_inner)) {
                if text == FENCE { fences -= 1 } else { heard.push(text) }
            }
            tokio::task::yield_now().await;
        }
        heard
    }
}
