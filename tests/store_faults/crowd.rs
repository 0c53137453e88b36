//! People who come and go while faults strike. Not: the faults.
//!
//! **Nobody is told of a fault: each goes on by what the portal answers.**

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use crate::check::{Facts, facts, violations};
use crate::life::{Halt, Life};
use crate::portal::Portal;
use crate::tables::Database;

/// How many are at the portal at once.
const PEOPLE: u32 = 8;

pub struct Crowd {
    portal: Arc<Portal>,
    leaving: Arc<AtomicBool>,
    people: JoinSet<Result<(), Halt>>,
}

impl Crowd {
    pub fn enter(portal: &Arc<Portal>) -> Self {
        let leaving = Arc::new(AtomicBool::new(false));
        let mut people = JoinSet::new();
        for place in 0..PEOPLE {
            let (portal, leaving) = (Arc::clone(portal), Arc::clone(&leaving));
            people.spawn(async move {
                let mut life = place;
                while !leaving.load(Ordering::SeqCst) {
                    Life::new(&portal, life).live(&Facts::default()).await?;
                    life += PEOPLE;
                }
                Ok(())
            });
        }
        Self { portal: Arc::clone(portal), leaving, people }
    }

    /// Until so many more calls are acknowledged.
    pub async fn until_acknowledged(&mut self, more: usize) {
        tokio::select! {
            () = self.portal.ledger.until_acknowledged(more) => {}
            gone = self.people.join_next() => panic!("one does not go on: {gone:?}"),
        }
    }

    /// What was acknowledged until now is there, and every commit is whole.
    pub async fn check(&self, database: &Database) {
        let mut told = self.portal.ledger.told().clone();
        let tables = database.tables().await;
        told.posted.clone_from(&self.portal.ledger.told().posted);
        let found = violations(&tables, &told);
        assert!(found.is_empty(), "{found:#?}");
    }

    /// When everybody has come to the end, and all mail is delivered.
    pub async fn leave(self, name: &str, faults: usize, database: &Database) {
        self.leaving.store(true, Ordering::SeqCst);
        for ended in self.people.join_all().await {
            ended.expect("each goes on");
        }
        self.portal.drain().await;
        let (tables, told) = (database.tables().await, self.portal.ledger.told().clone());
        let found = violations(&tables, &told);
        println!(
            "{name}: {faults} faults, {} lives, {} calls, {} acknowledged, {} unavailable, {} events, {} violations",
            facts(&tables).len(),
            told.calls,
            told.acknowledged.len(),
            told.unavailable,
            tables.events.len(),
            found.len(),
        );
        assert!(found.is_empty(), "{found:#?}");
        assert!(tables.mail_to_users.is_empty() && tables.mail_typed.is_empty(), "mail is left");
    }
}
