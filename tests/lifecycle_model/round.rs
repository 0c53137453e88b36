//! A courier round, judged from what it did at the ports. Not: in which order it works, nor when a fault stops it.
//!
//! **Each mail is one that the model expects at that moment, and without a fault none that it expects is missing.**

use acceso::{Commit, Mail, MailId, MailPurpose, Write};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::common;
use crate::model::mail::{Expect, Group, who};
use crate::model::{Model, Status};
use crate::play::{Game, Played};
use crate::ports::{Fault, Reply, Seen, Verdict};
use crate::world::Round;

/// How far the round has come with a group.
#[derive(Debug, Clone, PartialEq)]
struct Progress {
    group: Group,
    minted: Option<Expect>,
    reply: Option<Reply>,
    ended: bool,
}

impl Game {
    pub fn round(&mut self, verdicts: &[Verdict], fault: Option<Fault>) -> Played {
        let start = self.model.clone();
        let Round { delivered, seen, struck } = self.world.round(verdicts, fault);
        self.tally.rounds += 1;
        self.tally.faults += usize::from(struck);
        let mut groups: Vec<Progress> = Vec::new();
        for seen in &seen {
            match seen {
                Seen::Asked(_) => {}
                Seen::Claimed(rows) => groups = self.claimed(rows)?,
                Seen::Commit { commit, landed: true, .. } => self.committed(commit, &start, &mut groups, struck)?,
                Seen::Commit { commit, landed: false, .. } => {
                    return Err(TestCaseError::fail(format!("a conflict without another writer: {commit:?}")));
                }
                Seen::Mailed { mail, arrived, reply } => self.mailed(mail, *arrived, *reply, &mut groups)?,
                Seen::Purged => self.model.purge(),
            }
        }
        if struck {
            return Ok(());
        }
        for progress in &groups {
            prop_assert!(progress.ended, "neither settled nor postponed: {:?}", progress);
        }
        let delivered = delivered.ok_or_else(|| TestCaseError::fail("the round failed without a fault"))?;
        let count = |reply| groups.iter().filter(|progress| progress.reply == Some(reply)).count();
        let sent = (delivered.sent as usize, delivered.refused as usize, delivered.left);
        prop_assert_eq!(sent, (count(Reply::Taken), count(Reply::Never), 0));
        prop_assert_eq!(delivered.claimed as usize, groups.len());
        Ok(())
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
        let begun = |group| Progress { group, minted: None, reply: None, ended: false };
        Ok(groups.into_iter().map(begun).collect())
    }

    fn committed(&mut self, commit: &Commit, start: &Model, groups: &mut [Progress], struck: bool) -> Played {
        let writes = commit.writes();
        for write in writes {
            match write {
                Write::HoldMail { id, .. } => {
                    let progress = named(groups, *id)?;
                    let expected = self.model.expect(&progress.group);
                    prop_assert!(matches!(expected, Expect::Mail { .. }), "{:?} is minted: {:?}", progress, expected);
                    prop_assert!(progress.minted.is_none() && !progress.ended, "minted twice: {:?}", progress);
                    self.model.mint(&progress.group);
                    progress.minted = Some(expected);
                }
                Write::SettleMail { id, required: true, .. } => {
                    let progress = named(groups, *id)?;
                    self.settle(progress, commit, start)?;
                    progress.ended = true;
                }
                Write::PostponeMail { id, required: true, due_at, attempts, .. } => {
                    let progress = named(groups, *id)?;
                    let asked = matches!(self.model.expect(&progress.group), Expect::Wait);
                    let excused = struck || asked || progress.reply == Some(Reply::Later);
                    prop_assert!(excused, "postponed for no reason: {:?}", progress);
                    let (shortest, longest) = self.model.pause(*attempts);
                    let pause = due_at.as_millis() - self.model.now;
                    prop_assert!(pause >= shortest && pause <= longest, "a pause of {} ms", pause);
                    for row in self
                        .model
                        .rows
                        .iter_mut()
                        .filter(|row| row.id.is_some_and(|id| progress.group.rows.contains(&id)))
                    {
                        prop_assert!(*attempts > row.attempts, "attempts are counted");
                        (row.due, row.attempts, row.lease) = (due_at.as_millis(), *attempts, None);
                    }
                    progress.ended = true;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn settle(&mut self, progress: &Progress, commit: &Commit, start: &Model) -> Played {
        let group = &progress.group;
        match (progress.reply, &progress.minted) {
            (Some(Reply::Taken), _) => self.model.handed(group),
            (Some(Reply::Never), _) => self.model.refused(group),
            (Some(Reply::Later | Reply::Unheard), _) => {
                return Err(TestCaseError::fail(format!("settled, not sent: {progress:?}")));
            }
            (None, Some(_)) => return Err(TestCaseError::fail(format!("minted, settled, not sent: {progress:?}"))),
            (None, None) => {
                // It was decided at some moment since the round began.
                let (before, now) = (start.expect(group), self.model.expect(group));
                let replaces_user = commit.writes().iter().any(|write| matches!(write, Write::ReplaceUser { .. }));
                match (&before, &now) {
                    (_, Expect::Disable(id)) if replaces_user => {
                        let id = *id;
                        self.model.disable(id, Status::WithoutPatients);
                    }
                    (_, Expect::Forget) => {
                        let crate::model::Who::Typed { email, .. } = &group.who else { return Ok(()) };
                        self.model.registrations.retain(|registration| registration.email != *email);
                    }
                    (Expect::Nothing, _) | (_, Expect::Nothing) => {}
                    _ => {
                        let what = format!("settled without a mail, but {now:?} was expected: {progress:?}");
                        return Err(TestCaseError::fail(what));
                    }
                }
            }
        }
        self.model.settle(&group.rows);
        Ok(())
    }

    fn mailed(&mut self, mail: &Mail, arrived: bool, reply: Reply, groups: &mut [Progress]) -> Played {
        self.tally.mails += 1;
        let progress = named(groups, mail.id())?;
        let Some(Expect::Mail { to, names }) = &progress.minted else {
            return Err(TestCaseError::fail(format!("mailed, not minted: {progress:?}")));
        };
        prop_assert_eq!(mail.to().as_str(), to, "{:?}", progress);
        prop_assert_eq!(mail.purpose(), progress.group.kind);
        prop_assert!(progress.reply.is_none(), "mailed twice: {:?}", progress);
        progress.reply = Some(reply);
        let names = names.clone();
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
                let lines: Vec<&str> = mail.text().lines().map(str::trim).collect();
                let all = crate::cast::NAMES.iter().all(|name| {
                    names.iter().any(|listed| listed == name) == lines.iter().any(|line| line.ends_with(name))
                });
                prop_assert!(all, "the names are not {:?}: {}", names, mail.text());
                if let Some(inbox) = &mut inbox {
                    inbox.user_names.push(names);
                }
            }
            _ => prop_assert!(!mail.text().contains("?token="), "a link in a notice"),
        }
        let group = progress.group.clone();
        if let (Some(text), crate::model::Who::User { id, .. }) = (&temporary, &group.who)
            && let Some(account) = self.model.account(*id)
        {
            self.passwords.entry(account.name.clone()).or_default().push(text.clone());
            self.ledger.temporary(*id, text);
        }
        self.model.mailed(&group, token, temporary);
        Ok(())
    }
}

fn named(groups: &mut [Progress], id: MailId) -> Result<&mut Progress, TestCaseError> {
    let progress = groups.iter_mut().find(|progress| progress.group.rows.first() == Some(&id));
    progress.ok_or_else(|| TestCaseError::fail(format!("{id:?} was not claimed in this round")))
}
