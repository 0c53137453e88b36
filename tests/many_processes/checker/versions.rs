//! Each version of a record was made by one commit, and real time agrees with their order. Not: what the versions hold.

use std::collections::{BTreeMap, HashMap};

use super::history::History;
use super::{Breach, Found};
use crate::log::{CommitLine, Instant, Landed, Step};

/// Who went on from a version: at least so many, and perhaps so many more.
type Successors = BTreeMap<u64, (usize, usize)>;

pub fn check(history: &History<'_>, found: &mut Found) {
    let tables = &history.evidence.tables;
    let users = tables.users.iter().map(|row| (row.id.as_str(), row.version));
    chains(history, "user", |line| &line.users, &users.collect(), found);
    let mailboxes = tables.mailboxes.iter().map(|row| (row.id.as_str(), row.version));
    chains(history, "mailbox", |line| &line.mailboxes, &mailboxes.collect(), found);
    order(history, found);
}

fn chains<'a>(
    history: &History<'a>,
    record: &str,
    steps: fn(&CommitLine) -> &Vec<Step>,
    last: &HashMap<&str, i64>,
    found: &mut Found,
) {
    let mut chains: HashMap<&'a str, Successors> = HashMap::new();
    for line in &history.evidence.commits {
        for step in steps(line).iter().filter(|step| step.to != step.from) {
            let successors = chains.entry(&step.id).or_default().entry(step.from).or_default();
            match line.landed {
                Landed::Done => successors.0 += 1,
                Landed::Unknown(_) => successors.1 += 1,
                Landed::Conflict => {}
            }
        }
    }
    for (id, successors) in &chains {
        let Some(last) = last.get(id).and_then(|last| u64::try_from(*last).ok()) else {
            if successors.values().any(|(done, _)| *done > 0) {
                found.breach(Breach::UpdateLost, format!("{record} {id} is not there"));
            }
            continue;
        };
        for (from, (done, _)) in
            successors.iter().filter(|(from, (done, _))| *done > 1 || (*done > 0 && **from >= last))
        {
            found.breach(Breach::UpdateLost, format!("{record} {id} at {last}: {done} commits went on from {from}"));
        }
        for from in (0..last).filter(|from| successors.get(from).is_none_or(|(done, unknown)| done + unknown == 0)) {
            found.breach(Breach::UpdateLost, format!("{record} {id} at {last}: nobody went on from {from}"));
        }
    }
    for id in last.keys().filter(|id| !chains.contains_key(**id)) {
        found.breach(Breach::UpdateLost, format!("nobody made the {record} {id}"));
    }
}

/// The order of events is that of versions, and of real time where calls did not overlap.
fn order(history: &History<'_>, found: &mut Found) {
    for (user, operations) in &history.timelines {
        let mut version = 0;
        let mut latest_beginning: Instant = 0;
        for operation in operations {
            if let Some((from, to)) = operation.step {
                if from < version {
                    found.breach(Breach::OrderImpossible, format!("user {user} was at {version} before {operation:?}"));
                }
                version = to;
            }
            if operation.ended < latest_beginning {
                let what = format!("user {user}: one that began later landed before {operation:?}");
                found.breach(Breach::OrderImpossible, what);
            }
            latest_beginning = latest_beginning.max(operation.begun);
        }
    }
}
