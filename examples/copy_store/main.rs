//! Moves all accounts from one durable store to another: from a file of `SQLite` into `PostgreSQL`, or back.
//!
//! ```text
//! cargo run --release --example copy_store -- sqlite:accounts.sqlite postgres://portal@127.0.0.1/portal
//! cargo run --release --example copy_store -- postgres://portal@127.0.0.1/portal sqlite:accounts.sqlite
//! ```
//!
//! Stop the portal first, and its couriers: what the old store takes after this program has begun is not in the new one.
//! The old store is read as of one instant and stays as it is. The new one gets its tables, and must have nothing in them.
//! Sessions, links that were mailed, locks, waiting mail and the numbers of events go on where they were. Not: a merge of
//! two stores, nor a copy of what runs.
//!
//! **All rows of all tables arrive, or none does.**

mod end;
mod tables;

use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;

use end::End;
use tables::TABLES;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = &arguments[..] else {
        eprintln!("usage: copy_store FROM TO, each sqlite:FILE or postgres://USER@HOST/DATABASE");
        return ExitCode::FAILURE;
    };
    match copy(from, to).await {
        Ok(copied) => {
            for (table, rows) in copied {
                println!("{rows:>10}  {table}");
            }
            println!("Everything has been copied. From now on, let the portal use the new store only.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("copy_store: {}; nothing was copied", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Copies everything, and tells how many rows of each table.
pub(crate) async fn copy(from: &str, to: &str) -> Outcome<Vec<(&'static str, u64)>> {
    let mut source = End::source(from).await?;
    let mut target = End::target(to).await?;
    for table in &TABLES {
        if target.count(table).await? > 0 {
            return Err(format!("the new store has rows in {} already", table.name).into());
        }
    }
    let mut copied = Vec::with_capacity(TABLES.len());
    for table in &TABLES {
        let mut after = table.before_all();
        loop {
            let rows = source.rows_after(table, after).await?;
            let Some(last) = rows.last() else { break };
            after = last[0].clone();
            target.insert(table, rows).await?;
        }
        if table.is_numbered {
            let last_number = source.last_number(table).await?;
            target.number_from(table, last_number).await?;
        }
        let (read, written) = (source.count(table).await?, target.count(table).await?);
        if read != written {
            return Err(format!("{} has {read} rows, and {written} came", table.name).into());
        }
        copied.push((table.name, written));
    }
    target.commit().await?;
    Ok(copied)
}

/// With every cause that adds something, and without a URL, which may hold a password.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !told.ends_with(&text) {
            let _ = write!(told, ": {text}");
        }
        cause = error.source();
    }
    told
}
