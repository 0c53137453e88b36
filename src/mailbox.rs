//! What was lately mailed to one address: its live links, and with them the brake on sending more. Not: the mails.
//!
//! **A request takes no delivered link away but the oldest of eight, and is swallowed only while a delivered link lies in
//! the mailbox.**

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Timestamp, within};
use crate::identity::{EmailAddress, MailId, MailboxId, UserId};
use crate::link::LinkPurpose;
use crate::mail::MailPurpose;
use crate::policy::Policy;
use crate::secret::Digest;
use crate::stored::{or_null, stored_as};

/// Live links of one purpose and user, and remembered mails of one, are at most this many. The policy's bounds on the
/// brake rest on it.
const MAX_ENTRIES: usize = 8;

/// After this long without a mail the brake begins anew.
const BRAKE_RESET: Duration = Duration::from_secs(24 * 60 * 60);

/// The mailbox of one address.
#[derive(Debug, Clone)]
pub struct Mailbox {
    id: MailboxId,
    email: EmailAddress,
    entries: Vec<Entry>,
    version: u64,
}

/// One mail that was made for the mailbox.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    purpose: MailPurpose,
    user: Option<UserId>,
    intent: MailId,
    minted_at: Timestamp,
    /// Whether the mailer took it.
    handed: bool,
    link: Option<Link>,
}

/// The link in a mail.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) digest: Digest,
    pub(crate) expires_at: Timestamp,
    /// The generation of the user's credential when the link was made: a newer one makes it dead.
    pub(crate) generation: Option<u64>,
}

/// A mail about to be made for the mailbox.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Minting<'a> {
    pub(crate) purpose: MailPurpose,
    pub(crate) user: Option<UserId>,
    /// The generation of that user's credential: a link of another one is dead.
    pub(crate) generation: Option<u64>,
    /// The intents that it is made for: a mail made for one of them before is a try of the same.
    pub(crate) intents: &'a [MailId],
    pub(crate) now: Timestamp,
}

impl Minting<'_> {
    fn is_alike(&self, entry: &Entry) -> bool {
        entry.purpose == self.purpose && entry.user == self.user
    }

    fn is_own(&self, entry: &Entry) -> bool {
        self.intents.contains(&entry.intent)
    }

    /// Whether the entry's link died with the credential that it was made for.
    fn outlives(&self, entry: &Entry) -> bool {
        self.is_alike(entry) && entry.link.as_ref().is_some_and(|link| link.generation != self.generation)
    }
}

/// A live link, found by its token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoundLink {
    pub(crate) user: Option<UserId>,
    pub(crate) generation: Option<u64>,
}

impl Mailbox {
    pub(crate) fn new(id: MailboxId, email: EmailAddress) -> Self {
        Self { id, email, entries: Vec::new(), version: 1 }
    }

    /// The id, in front of every link mailed there.
    pub fn id(&self) -> MailboxId {
        self.id
    }

    /// The address; a store keeps one mailbox for each [`key`](EmailAddress::key).
    pub fn email(&self) -> &EmailAddress {
        &self.email
    }

    /// Counts the commits that changed the record. A store compares it, and never counts it up itself.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When its last link ends: purge may remove a mailbox without a user from then on. `None` if it has no link.
    pub fn last_link_ends(&self) -> Option<Timestamp> {
        self.entries.iter().filter_map(|entry| entry.link.as_ref()).map(|link| link.expires_at).max()
    }

    pub(crate) fn with_version(mut self, version: u64) -> Self {
        self.version = version;
        self
    }

    /// The live link of this digest.
    pub(crate) fn live_link(
        &self,
        digest: &Digest,
        purpose: LinkPurpose,
        now: Timestamp,
        policy: &Policy,
    ) -> Option<FoundLink> {
        // Every entry is compared: where the right one stands takes no part in the time.
        let found = self.entries.iter().fold(None, |found, entry| {
            let equal = entry.link.as_ref().is_some_and(|link| link.digest == *digest);
            if equal && entry.purpose == mail_of(purpose) { Some(entry) } else { found }
        })?;
        found.live_link(now, policy).map(|link| FoundLink { user: found.user, generation: link.generation })
    }

    /// Whether the mail is to be swallowed because a like one went out a short while ago.
    pub(crate) fn is_braked(&self, minting: Minting<'_>, policy: &Policy) -> bool {
        let Minting { purpose, now, .. } = minting;
        let others = || self.entries.iter().filter(|entry| minting.is_alike(entry) && !minting.is_own(entry));
        if link_of(purpose).is_some() {
            let alive = || others().filter(|entry| !minting.outlives(entry) && entry.live_link(now, policy).is_some());
            let lately = alive().map(|entry| entry.minted_at).max();
            let delivered = alive().any(|entry| entry.handed);
            return delivered && lately.is_some_and(|at| now.since(at) < interval(alive().count(), policy));
        }
        // One that the mailer never took, and that was given up, has told nobody anything.
        let handed = || others().filter(|entry| entry.handed);
        let Some(last) = handed().map(|entry| entry.minted_at).max() else { return false };
        let span = match purpose {
            MailPurpose::UserLocked => policy.mail.lock_notice_interval,
            _ => interval(handed().count(), policy),
        };
        within(now, last, last.after(span), span)
    }

    /// With the mail that is about to be sent, not yet handed over.
    pub(crate) fn with_mail(&self, minting: Minting<'_>, link: Option<Link>, policy: &Policy) -> Self {
        let mut next = self.clone();
        next.drop_the_past(minting.now, policy);
        next.entries.retain(|entry| !(minting.is_alike(entry) && minting.is_own(entry) && !entry.handed));
        next.entries.retain(|entry| !minting.outlives(entry));
        while next.entries.iter().filter(|entry| minting.is_alike(entry)).count() >= MAX_ENTRIES {
            next.drop_least_useful(minting);
        }
        if let Some(intent) = minting.intents.first() {
            let Minting { purpose, user, now, .. } = minting;
            next.entries.push(Entry { purpose, user, intent: *intent, minted_at: now, handed: false, link });
        }
        next
    }

    /// After the mailer took the mail made for one of these intents. `None` if there is no such mail any more.
    pub(crate) fn handed(&self, intents: &[MailId], minted_at: Timestamp) -> Option<Self> {
        let mut next = self.clone();
        let entry = next.entries.iter_mut().find(|entry| entry.is_made(intents, minted_at))?;
        entry.handed = true;
        Some(next)
    }

    /// After the mailer refused the mail for good: its link is dead. `None` if there is no such mail any more.
    pub(crate) fn refused(&self, intents: &[MailId], minted_at: Timestamp) -> Option<Self> {
        let mut next = self.clone();
        next.entries.retain(|entry| !entry.is_made(intents, minted_at));
        (next.entries.len() < self.entries.len()).then_some(next)
    }

    /// After a link was used: every link of its purpose and user is dead, and the brake begins anew.
    pub(crate) fn used(&self, purpose: LinkPurpose, user: Option<UserId>) -> Self {
        let mut next = self.clone();
        next.entries.retain(|entry| !(entry.purpose == mail_of(purpose) && entry.user == user));
        next
    }

    /// Dead links, and mails so old that they brake nothing.
    fn drop_the_past(&mut self, now: Timestamp, policy: &Policy) {
        let entries = std::mem::take(&mut self.entries);
        let lately = |entry: &Entry| {
            let like = |other: &&Entry| other.purpose == entry.purpose && other.user == entry.user;
            let last = entries.iter().filter(like).map(|other| other.minted_at).max().unwrap_or(entry.minted_at);
            let remembered = match entry.purpose {
                MailPurpose::UserLocked => policy.mail.lock_notice_interval,
                _ => BRAKE_RESET,
            };
            within(now, last, last.after(remembered), remembered)
        };
        self.entries = entries
            .iter()
            .filter(|entry| if entry.link.is_some() { entry.live_link(now, policy).is_some() } else { lately(entry) })
            .cloned()
            .collect();
    }

    /// Of the like entries, one never handed over, else the oldest.
    fn drop_least_useful(&mut self, minting: Minting<'_>) {
        let useless = (0..self.entries.len())
            .filter(|at| self.entries.get(*at).is_some_and(|entry| minting.is_alike(entry)))
            .min_by_key(|at| self.entries.get(*at).map(|entry| (entry.handed, entry.minted_at)));
        if let Some(at) = useless {
            self.entries.remove(at);
        }
    }
}

impl Entry {
    fn live_link(&self, now: Timestamp, policy: &Policy) -> Option<&Link> {
        let lifetime = match link_of(self.purpose)? {
            LinkPurpose::Registration => policy.registration_lifetime,
            LinkPurpose::Recovery => policy.recovery_link_lifetime,
        };
        self.link.as_ref().filter(|link| within(now, self.minted_at, link.expires_at, lifetime))
    }

    fn is_made(&self, intents: &[MailId], minted_at: Timestamp) -> bool {
        intents.contains(&self.intent) && self.minted_at == minted_at && !self.handed
    }
}

/// The interval after this many mails, the first among them.
fn interval(mails: usize, policy: &Policy) -> Duration {
    let doublings = u32::try_from(mails.saturating_sub(1)).unwrap_or(u32::MAX);
    policy.mail.brake_first.saturating_mul(2_u32.saturating_pow(doublings)).min(policy.mail.brake_longest)
}

pub(crate) fn link_of(purpose: MailPurpose) -> Option<LinkPurpose> {
    match purpose {
        MailPurpose::ConfirmRegistration => Some(LinkPurpose::Registration),
        MailPurpose::ConfirmRecovery => Some(LinkPurpose::Recovery),
        MailPurpose::RegistrationConfirmed
        | MailPurpose::UserNames
        | MailPurpose::TemporaryPassword
        | MailPurpose::PasswordChanged
        | MailPurpose::UserLocked => None,
    }
}

fn mail_of(purpose: LinkPurpose) -> MailPurpose {
    match purpose {
        LinkPurpose::Registration => MailPurpose::ConfirmRegistration,
        LinkPurpose::Recovery => MailPurpose::ConfirmRecovery,
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailboxDocument {
    pub(crate) id: MailboxId,
    pub(crate) email: EmailAddress,
    pub(crate) entries: Vec<EntryDocument>,
    pub(crate) version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryDocument {
    purpose: MailPurpose,
    #[serde(deserialize_with = "or_null")]
    user: Option<UserId>,
    intent: MailId,
    minted_at: Timestamp,
    handed: bool,
    #[serde(deserialize_with = "or_null")]
    link: Option<LinkDocument>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkDocument {
    digest: [u8; 32],
    expires_at: Timestamp,
    #[serde(deserialize_with = "or_null")]
    generation: Option<u64>,
}

impl From<&Mailbox> for MailboxDocument {
    fn from(mailbox: &Mailbox) -> Self {
        let entry = |entry: &Entry| EntryDocument {
            purpose: entry.purpose,
            user: entry.user,
            intent: entry.intent,
            minted_at: entry.minted_at,
            handed: entry.handed,
            link: entry.link.as_ref().map(|link| LinkDocument {
                digest: *link.digest.as_bytes(),
                expires_at: link.expires_at,
                generation: link.generation,
            }),
        };
        Self {
            id: mailbox.id,
            email: mailbox.email.clone(),
            entries: mailbox.entries.iter().map(entry).collect(),
            version: mailbox.version,
        }
    }
}

impl TryFrom<MailboxDocument> for Mailbox {
    type Error = &'static str;

    fn try_from(document: MailboxDocument) -> Result<Self, Self::Error> {
        if document.version == 0 {
            return Err("a mailbox's version begins with 1");
        }
        let entry = |entry: EntryDocument| match (link_of(entry.purpose), &entry.link) {
            (None, Some(_)) => Err("a link in a mail that has none"),
            _ => Ok(Entry {
                purpose: entry.purpose,
                user: entry.user,
                intent: entry.intent,
                minted_at: entry.minted_at,
                handed: entry.handed,
                link: entry.link.map(|link| Link {
                    digest: Digest::from_bytes(link.digest),
                    expires_at: link.expires_at,
                    generation: link.generation,
                }),
            }),
        };
        Ok(Self {
            id: document.id,
            email: document.email,
            entries: document.entries.into_iter().map(entry).collect::<Result<_, _>>()?,
            version: document.version,
        })
    }
}

stored_as!(Mailbox, MailboxDocument);
