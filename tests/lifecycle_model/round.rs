//! A courier round, judged from what it did at the ports. Not: in which order it works, nor when a fault stops it.
//!
//! **Each mail is one that the model expects at that moment, and without a fault none that it expects is missing.**

use acceso::{Commit, Mail, MailId, MailPurpose, Stored, Write};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::common;
use crate::model::mail::{Expect, Group, who};
use crate::model::{Model, Status, Who};
use crate::play::{Game, Played};
use crate::ports::{Fault, Reply, Seen, Verdict};
use crate::world::Round;

/// How far the round has come with a group.
#[derive(Debug, Clone, PartialEq)]
struct Progress {
    group: Group,
    /// What may have been minted, by what the core may have read; empty before.
    minted: Vec<Expect>,
    reply: Option<Reply>,
    ended: bool,
}

/// What is known of a round while it is judged.
#[derive(Debug, Default)]
pub struct Docket {
    groups: Vec<Progress>,
    /// The model at earlier moments of the round: what rests on no guard may have been read at any of them.
    pub past: Vec<Model>,
    /// A fault struck, and anything may have been left undone.
    struck: bool,
}

impl Docket {
    pub fn new(start: Model, struck: bool) -> Self {
        Self { groups: Vec::new(), past: vec![start], struck }
    }

    fn named(&mut self, id: MailId) -> Result<&mut Progress, TestCaseError> {
        let progress = self.groups.iter_mut().find(|progress| progress.group.rows.first() == Some(&id));
        progress.ok_or_else(|| TestCaseError::fail(format!("{id:?} was not claimed in this round")))
    }

    /// Groups that are still under their lease.
    pub fn left(&self) -> usize {
        self.groups.iter().filter(|progress| !progress.ended).count()
    }
}

impl Game {
    pub fn round(&mut self, verdicts: &[Verdict], fault: Option<Fault>) -> Played {
        let Round { delivered, seen, struck } = self.world.round(verdicts, fault);
        self.tally.rounds += 1;
        self.tally.faults += usize::from(struck);
        let mut docket = Docket::new(self.model.clone(), struck);
        for seen in &seen {
            // After a fault the courier may meet what it has settled itself.
            let conflict = matches!(seen, Seen::Commit { landed: false, .. });
            prop_assert!(struck || !conflict, "a conflict without another writer: {:?}", seen);
            self.judge_courier(seen, &mut docket)?;
        }
        if struck {
            return Ok(());
        }
        prop_assert_eq!(docket.left(), 0, "neither settled nor postponed: {:?}", docket.groups);
        let delivered = delivered.ok_or_else(|| TestCaseError::fail("the round failed without a fault"))?;
        let count = |reply| docket.groups.iter().filter(|progress| progress.reply == Some(reply)).count();
        let sent = (delivered.sent as usize, delivered.refused as usize, delivered.left);
        prop_assert_eq!(sent, (count(Reply::Taken), count(Reply::Never), 0));
        prop_assert_eq!(delivered.claimed as usize, docket.groups.len());
        Ok(())
    }

    pub fn judge_courier(&mut self, seen: &Seen, docket: &mut Docket) -> Played {
        match seen {
            Seen::Claimed(rows) => docket.groups = self.claimed(rows)?,
            Seen::Commit { commit, landed: true, .. } => {
                let before = self.model.clone();
                self.committed(commit, docket)?;
                docket.past.push(before);
            }
            Seen::Mailed { mail, arrived, reply } => self.mailed(mail, *arrived, *reply, docket)?,
            Seen::Purged => self.model.purge(),
            Seen::Asked(_) | Seen::Commit { landed: false, .. } => {}
        }
        Ok(())
    }

    /// What the group may have come to, by what the core may have read.
    fn expectations(&self, docket: &Docket, group: &Group) -> Vec<Expect> {
        docket.past.iter().chain([&self.model]).map(|model| model.expect(group)).collect()
    }

    fn claimed(&mut self, rows: &[acceso::MailIntent]) -> Played<Vec<Progress>> {
        let claimable = self.model.claimable();
        let mut groups: Vec<Group> = Vec::new();
        for row in rows {
            let (kind, who) = (row.purpose(), who(row.addressee()));
            match groups.iter_mut().find(|group| group.kind == kind && group.who == who) {
                Some(group) => group.rows.push(row.id()),
                None => groups.push(Group { kind, who, rows: vec![row.id()] }),
            }
        }
        let limit = usize::from(self.model.policy.mail.claim);
        prop_assert_eq!(groups.len(), claimable.len().min(limit), "{:?} of {:?}", groups, claimable);
        for group in &groups {
            let mut rows = group.rows.clone();
            rows.sort_unstable();
            let equal = claimable.iter().find(|other| other.kind == group.kind && other.who == group.who);
            let mut expected = equal.map(|group| group.rows.clone()).unwrap_or_default();
            expected.sort_unstable();
            prop_assert_eq!(rows, expected, "{:?}", group);
        }
        let until = self.model.now + crate::model::ms(self.model.policy.mail.lease);
        for group in &mut groups {
            for row in self.model.rows.iter_mut().filter(|row| row.id.is_some_and(|id| group.rows.contains(&id))) {
                row.lease = Some(until);
            }
            // As the core names a group: by its earliest row.
            let queued = |id: &MailId| rows.iter().find(|row| row.id() == *id).map(|row| (row.queued_at(), row.id()));
            group.rows.sort_by_key(queued);
        }
        let begun = |group| Progress { group, minted: Vec::new(), reply: None, ended: false };
        Ok(groups.into_iter().map(begun).collect())
    }

    fn committed(&mut self, commit: &Commit, docket: &mut Docket) -> Played {
        for write in commit.writes() {
            match write {
                Write::HoldMail { id, .. } => {
                    let group = docket.named(*id)?.group.clone();
                    let mut expected = self.expectations(docket, &group);
                    expected.retain(|expected| matches!(expected, Expect::Mail { .. }));
                    let progress = docket.named(*id)?;
                    prop_assert!(!expected.is_empty(), "minted, not expected: {:?}", progress);
                    prop_assert!(progress.minted.is_empty() && !progress.ended, "minted twice: {:?}", progress);
                    self.model.mint(&group, generation_minted(commit));
                    progress.minted = expected;
                }
                Write::SettleMail { id, required: true, .. } => {
                    let progress = docket.named(*id)?.clone();
                    self.settle(&progress, commit, docket)?;
                    docket.named(*id)?.ended = true;
                }
                Write::PostponeMail { id, required: true, due_at, attempts, .. } => {
                    let group = docket.named(*id)?.group.clone();
                    // The registry is asked about any registration that is there, even one that is over.
                    let asked = self.model.registry.down && group.kind == MailPurpose::ConfirmRegistration;
                    let struck = docket.struck;
                    let progress = docket.named(*id)?;
                    let excused = struck || asked || progress.reply == Some(Reply::Later);
                    prop_assert!(excused, "postponed for no reason: {:?}", progress);
                    progress.ended = true;
                    self.postpone(&group, due_at.as_millis(), *attempts)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn postpone(&mut self, group: &Group, due: i64, attempts: u32) -> Played {
        let (shortest, longest) = self.model.pause(attempts);
        let pause = due - self.model.now;
        prop_assert!(pause >= shortest && pause <= longest, "a pause of {} ms", pause);
        let rows = self.model.rows.iter_mut();
        for row in rows.filter(|row| row.id.is_some_and(|id| group.rows.contains(&id))) {
            prop_assert!(attempts > row.attempts, "attempts are counted");
            (row.due, row.attempts, row.lease) = (due, attempts, None);
        }
        Ok(())
    }

    fn settle(&mut self, progress: &Progress, commit: &Commit, docket: &Docket) -> Played {
        let group = &progress.group;
        match progress.reply {
            Some(Reply::Taken) => self.model.handed(group),
            Some(Reply::Never) => self.model.refused(group),
            _ => {
                prop_assert!(
                    progress.minted.is_empty() && progress.reply.is_none(),
                    "settled, not sent: {:?}",
                    progress
                );
                let expected = self.expectations(docket, group);
                let forgets = |write: &Write| match (write, &group.who) {
                    (Write::RemoveRegistrationsOf { email, .. }, Who::Typed { email: of, .. }) => email.key() == *of,
                    _ => false,
                };
                let disables = |write: &Write| matches!(write, Write::ReplaceUser { .. });
                let present = self.model.expect(group);
                if let (true, Expect::Disable(id)) = (commit.writes().iter().any(disables), present) {
                    self.model.disable(id, Status::WithoutPatients);
                } else if commit.writes().iter().any(forgets) && expected.contains(&Expect::Forget) {
                    let Who::Typed { email, .. } = &group.who else { return Ok(()) };
                    self.model.registrations.retain(|registration| registration.email != *email);
                } else {
                    let nothing = expected.contains(&Expect::Nothing);
                    prop_assert!(nothing, "settled without a mail, but expected was {:?}: {:?}", expected, progress);
                }
            }
        }
        self.model.settle(&group.rows);
        Ok(())
    }

    fn mailed(&mut self, mail: &Mail, arrived: bool, reply: Reply, docket: &mut Docket) -> Played {
        self.tally.mails += 1;
        let progress = docket.named(mail.id())?;
        let names = names_in(mail);
        let expected = Expect::Mail { to: mail.to().as_str().into(), names: names.clone() };
        prop_assert!(progress.minted.contains(&expected), "{:?} was mailed, not minted: {:?}", expected, progress);
        prop_assert_eq!(mail.purpose(), progress.group.kind);
        prop_assert!(progress.reply.is_none(), "mailed twice: {:?}", progress);
        progress.reply = Some(reply);
        let group = progress.group.clone();
        let inbox = self.inboxes.get_mut(mail.to().key());
        let mut inbox = inbox.filter(|_| arrived);
        let (mut token, mut temporary) = (None, None);
        match mail.purpose() {
            MailPurpose::ConfirmRegistration | MailPurpose::ConfirmRecovery => {
                let text = common::token(mail);
                self.tokens.push((mail.purpose(), text.clone()));
                self.ledger.mailed(mail, &text);
                if let Some(inbox) = &mut inbox {
                    inbox.links.push((mail.purpose(), text.clone()));
                }
                token = Some(text);
            }
            MailPurpose::TemporaryPassword => {
                let text = common::temporary(mail);
                if let Some(inbox) = &mut inbox {
                    inbox.temporaries.push(text.clone());
                }
                temporary = Some(text);
            }
            MailPurpose::UserNames => {
                if let Some(inbox) = &mut inbox {
                    inbox.user_names.push(names);
                }
            }
            _ => prop_assert!(!mail.text().contains("?token="), "a link in a notice"),
        }
        if let (Some(text), Who::User { id, .. }) = (&temporary, &group.who)
            && let Some(account) = self.model.account(*id)
        {
            self.passwords.entry(account.name.clone()).or_default().push(text.clone());
            self.ledger.temporary(*id, text);
        }
        self.model.mailed(&group, token, temporary);
        Ok(())
    }
}

/// The user names that the mail lists.
fn names_in(mail: &Mail) -> Vec<String> {
    if mail.purpose() != MailPurpose::UserNames {
        return Vec::new();
    }
    let listed = |name: &&&str| mail.text().lines().any(|line| line.trim().ends_with(**name));
    let mut names: Vec<String> = crate::cast::NAMES.iter().filter(listed).map(|name| (*name).to_owned()).collect();
    names.sort_unstable();
    names
}

/// The generation that the commit's new link was made for, as the core had read it.
fn generation_minted(commit: &Commit) -> Option<u64> {
    commit.writes().iter().find_map(|write| {
        let (Write::ReplaceMailbox { mailbox, .. } | Write::InsertMailbox(mailbox)) = write else { return None };
        let document = serde_json::to_value(Stored(mailbox)).expect("a document");
        document["entries"].as_array()?.last()?["link"]["generation"].as_u64()
    })
}
