//! What becomes of an intent to mail: nothing, or a mail. Not: sending, leases and retries.
//!
//! **Everything that depends on whether an address is somebody's is decided here, out of every stranger's sight.**

use std::time::Duration;

use crate::account::AccountState;
use crate::clock::Timestamp;
use crate::entropy::Fresh;
use crate::event::EventKind;
use crate::flow::{Eligible, Moment, Refreshed, Run, Runs, Step, Typed, eligible, refreshed};
use crate::identity::{EmailAddress, MailId, MailboxId, UserId, Username};
use crate::language::Language;
use crate::link::{LinkPurpose, LinkToken};
use crate::mail::MailPurpose;
use crate::mail::intent::{Addressee, MailIntent};
use crate::mailbox::{Link, Mailbox, Minting};
use crate::patient::Patient;
use crate::plan::{Commit, Plan};
use crate::policy::{Policy, Recovery};
use crate::registration::Registration;
use crate::user::User;

/// Equal intents, claimed together: one mail serves them all.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    first: MailIntent,
    /// All of them, the first in front.
    all: Vec<MailIntent>,
    ids: Vec<MailId>,
}

impl Group {
    /// The claimed rows by what they ask for, the earliest of each group first.
    pub(crate) fn by_equals(mut claimed: Vec<MailIntent>) -> Vec<Self> {
        claimed.sort_by_key(|intent| (intent.queued_at(), intent.id()));
        let mut groups: Vec<Self> = Vec::new();
        for intent in claimed {
            match groups.iter_mut().find(|group| group.first.is_equal_of(&intent)) {
                Some(group) => {
                    group.ids.push(intent.id());
                    group.all.push(intent);
                }
                None => groups.push(Self { first: intent.clone(), ids: vec![intent.id()], all: vec![intent] }),
            }
        }
        groups
    }

    pub(crate) fn purpose(&self) -> MailPurpose {
        self.first.purpose()
    }

    pub(crate) fn addressee(&self) -> &Addressee {
        self.first.addressee()
    }

    pub(crate) fn id(&self) -> MailId {
        self.first.id()
    }

    pub(crate) fn intents(&self) -> &[MailIntent] {
        &self.all
    }

    pub(crate) fn lease_ends(&self) -> Option<Timestamp> {
        self.first.lease().until
    }

    fn attempts(&self) -> u32 {
        self.all.iter().map(MailIntent::attempts).max().unwrap_or(0)
    }

    /// What settles a group that is older than its purpose; asked before anything is read, so that what is not there
    /// cannot keep it.
    pub(crate) fn expired(&self, m: &Moment<'_>) -> Option<Commit> {
        let newest = self.all.iter().map(MailIntent::queued_at).max().unwrap_or(m.now);
        let user = match self.addressee() {
            Addressee::User { id, .. } => Some(*id),
            Addressee::Typed { .. } => None,
        };
        let over = m.now.since(newest) >= lifetime(self.purpose(), m.policy);
        over.then(|| Commit::new().record(m.event(EventKind::MailExpired(self.purpose()), user)))
    }

    fn hold(&self) -> Commit {
        Commit::new().hold_mail(self.id(), self.first.lease().number)
    }

    fn minting(&self, user: Option<&User>, now: Timestamp) -> Minting<'_> {
        let (user, generation) = (user.map(User::id), user.map(User::generation));
        Minting { purpose: self.purpose(), user, generation, intents: &self.ids, now }
    }
}

/// How long a mail of this purpose is tried.
fn lifetime(purpose: MailPurpose, policy: &Policy) -> Duration {
    match purpose {
        MailPurpose::ConfirmRegistration => policy.registration_lifetime,
        MailPurpose::UserNames | MailPurpose::ConfirmRecovery => policy.recovery_link_lifetime,
        MailPurpose::RegistrationConfirmed
        | MailPurpose::TemporaryPassword
        | MailPurpose::PasswordChanged
        | MailPurpose::UserLocked => policy.mail.notice_lifetime,
    }
}

/// What was read for one group; only what its purpose needs. The mailbox is read before the sets.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) mailbox: Option<Mailbox>,
    /// The newest registration of the address.
    pub(crate) registration: Option<Registration>,
    /// What the registry said; `None` if it was not, or could not be asked.
    pub(crate) records: Option<Vec<Patient>>,
    pub(crate) users: Vec<User>,
    pub(crate) user: Option<User>,
}

/// What a group comes to.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// No mail. Such groups are settled together.
    Nothing,
    /// The group changed the account, so that no mail is wanted any more; it is settled by the same commit.
    Settled,
    /// A mail, to be sent once the commit has landed.
    Send(Outgoing),
}

/// A mail that was decided on, without its words.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) to: EmailAddress,
    pub(crate) language: Language,
    pub(crate) content: Content,
    pub(crate) user: Option<UserId>,
    /// The mailbox that remembers it, where one does.
    pub(crate) mailbox: Option<MailboxId>,
    pub(crate) minted_at: Timestamp,
}

/// What a mail is to say.
#[derive(Debug)]
pub(crate) enum Content {
    ConfirmRegistration(LinkToken),
    RegistrationConfirmed,
    UserNames(Vec<Username>),
    ConfirmRecovery(LinkToken),
    ChoosePassword(LinkToken),
    /// The password was drawn before the decision, and is with whoever drew it.
    TemporaryPassword(Duration),
    PasswordChanged,
    UserLocked,
}

/// Decides for one group. A temporary password was drawn before; [`Run::Hash`] hashes it.
pub(crate) fn decide(group: &Group, facts: &Facts, runs: &Runs, m: &Moment<'_>, fresh: &mut Fresh) -> Step<Delivery> {
    match (group.purpose(), group.addressee()) {
        (MailPurpose::ConfirmRegistration, Addressee::Typed { email, .. }) => {
            confirm_registration(group, email, facts, m, fresh)
        }
        (MailPurpose::UserNames, Addressee::Typed { .. }) => user_names(group, facts, m, fresh),
        (MailPurpose::ConfirmRecovery, Addressee::Typed { email, .. }) => {
            confirm_recovery(group, email, facts, m, fresh)
        }
        (MailPurpose::TemporaryPassword, Addressee::User { generation, .. }) => {
            temporary_password(group, *generation, facts, runs, m)
        }
        (MailPurpose::RegistrationConfirmed, Addressee::User { .. }) => {
            notice(group, facts, Content::RegistrationConfirmed, m)
        }
        (MailPurpose::PasswordChanged, Addressee::User { .. }) => notice(group, facts, Content::PasswordChanged, m),
        (MailPurpose::UserLocked, Addressee::User { generation, .. }) => {
            user_locked(group, *generation, facts, m, fresh)
        }
        // No flow queues these; a row of another making is settled.
        (_, Addressee::Typed { .. } | Addressee::User { .. }) => nothing(),
    }
}

fn nothing() -> Step<Delivery> {
    Step::Done(Plan { answer: Delivery::Nothing, commit: Commit::new() })
}

fn confirm_registration(
    group: &Group,
    email: &EmailAddress,
    facts: &Facts,
    m: &Moment<'_>,
    fresh: &mut Fresh,
) -> Step<Delivery> {
    // If the newest is over, all are.
    if facts.registration.as_ref().is_none_or(|newest| newest.is_over(m.now)) {
        return nothing();
    }
    let Some(records) = &facts.records else { return nothing() };
    let kind = match eligible(records, email, m.policy) {
        Eligible::Patients { email: to, .. } => {
            let Some((commit, mailbox, token)) = mint_link(group, &to, None, facts, m, fresh) else { return nothing() };
            let content = Content::ConfirmRegistration(token);
            // Whoever registered may be a stranger: the language that was asked for is no owner's yet.
            return send(commit, Outgoing { mailbox: Some(mailbox), ..outgoing(to, m.policy.language, content, m) });
        }
        Eligible::Nobody => EventKind::RegistrationsRemoved,
        Eligible::TooMany => EventKind::TooManyPatients,
    };
    let commit = Commit::new().remove_registrations_of(email.clone(), None).record(m.event(kind, None));
    Step::Done(Plan { answer: Delivery::Nothing, commit })
}

fn user_names(group: &Group, facts: &Facts, m: &Moment<'_>, fresh: &mut Fresh) -> Step<Delivery> {
    let mut users: Vec<&User> = facts.users.iter().filter(|user| user.is_active()).collect();
    users.sort_by(|a, b| a.username().cmp(b.username()));
    let Some(oldest) = users.iter().min_by_key(|user| (user.created_at(), user.id())) else { return nothing() };
    let Some((commit, mailbox)) = remember(group, oldest.email(), None, facts, m, fresh) else { return nothing() };
    let content = Content::UserNames(users.iter().map(|user| user.username().clone()).collect());
    let mail = outgoing(oldest.email().clone(), oldest.language(), content, m);
    // For staff, should the mailer refuse the address.
    send(commit, Outgoing { mailbox: Some(mailbox), user: Some(oldest.id()), ..mail })
}

fn confirm_recovery(
    group: &Group,
    email: &EmailAddress,
    facts: &Facts,
    m: &Moment<'_>,
    fresh: &mut Fresh,
) -> Step<Delivery> {
    let Some(user) = facts.user.as_ref().filter(|user| user.email() == email && user.is_active()) else {
        return nothing();
    };
    let Some((commit, mailbox, token)) = mint_link(group, user.email(), Some(user), facts, m, fresh) else {
        return nothing();
    };
    let content = match m.policy.recovery {
        Recovery::TemporaryPassword { .. } => Content::ConfirmRecovery(token),
        Recovery::ChoosePassword => Content::ChoosePassword(token),
    };
    send(commit, Outgoing { mailbox: Some(mailbox), ..outgoing_to(user, content, m) })
}

/// The registry is asked again, because rights do not freeze at confirmation.
fn temporary_password(group: &Group, generation: u64, facts: &Facts, runs: &Runs, m: &Moment<'_>) -> Step<Delivery> {
    let awaits = |user: &&User| {
        user.generation() == generation
            && matches!(user.state(m.when()), AccountState::AwaitingTemporary | AccountState::Temporary)
    };
    let Some(user) = facts.user.as_ref().filter(awaits) else { return nothing() };
    let Recovery::TemporaryPassword { lifetime, .. } = m.policy.recovery else { return nothing() };
    let id = Some(user.id());
    let (relinked, kind) = match facts.records.as_ref().map(|records| refreshed(user, records, m)) {
        Some(Refreshed::Disabled(disabled)) => {
            let commit = Commit::new()
                .replace_user(user, disabled)
                .close_sessions_of(user.id(), None)
                .record(m.event(EventKind::UserDisabledNoPatients, id))
                .settle_mail(group.intents());
            return Step::Done(Plan { answer: Delivery::Settled, commit });
        }
        Some(Refreshed::Relinked(relinked)) => (Some(relinked), Some(EventKind::PatientsChanged)),
        Some(Refreshed::Unchanged | Refreshed::Enabled(_)) => (None, None),
        None => (None, Some(EventKind::RegistrySkipped)),
    };
    let run = Run::Hash { typed: Typed::New };
    let Some(hash) = runs.of(&run).and_then(|ran| ran.hash.clone()) else { return Step::Hash(run) };
    let Some(next) = relinked.as_ref().unwrap_or(user).with_temporary(hash, lifetime, m.when()) else {
        return nothing();
    };
    let commit = group.hold().replace_user(user, next);
    let commit = match kind {
        Some(kind) => commit.record(m.event(kind, id)),
        None => commit,
    };
    send(commit, outgoing_to(user, Content::TemporaryPassword(lifetime), m))
}

fn notice(group: &Group, facts: &Facts, content: Content, m: &Moment<'_>) -> Step<Delivery> {
    let Some(user) = &facts.user else { return nothing() };
    send(group.hold(), outgoing_to(user, content, m))
}

/// At most one in the policy's interval, and none about a lock that recovery has ended meanwhile.
fn user_locked(group: &Group, generation: u64, facts: &Facts, m: &Moment<'_>, fresh: &mut Fresh) -> Step<Delivery> {
    let Some(user) = facts.user.as_ref().filter(|user| user.generation() == generation) else { return nothing() };
    let Some((commit, mailbox)) = remember(group, user.email(), Some(user), facts, m, fresh) else {
        return nothing();
    };
    send(commit, Outgoing { mailbox: Some(mailbox), ..outgoing_to(user, Content::UserLocked, m) })
}

/// A link for the mailbox; `None` if the brake swallows the mail.
fn mint_link(
    group: &Group,
    email: &EmailAddress,
    user: Option<&User>,
    facts: &Facts,
    m: &Moment<'_>,
    fresh: &mut Fresh,
) -> Option<(Commit, MailboxId, LinkToken)> {
    let (purpose, lifetime) = match user {
        None => (LinkPurpose::Registration, m.policy.registration_lifetime),
        Some(_) => (LinkPurpose::Recovery, m.policy.recovery_link_lifetime),
    };
    let secret = fresh.take();
    let id = mailbox_id(facts, fresh);
    let token = LinkToken::new(id, secret);
    let link = Link {
        digest: token.digest(purpose),
        expires_at: m.now.after(lifetime),
        generation: user.map(User::generation),
    };
    let (commit, mailbox) = remember_in(id, group, email, user, Some(link), facts, m)?;
    Some((commit, mailbox, token))
}

/// The mail noted in the mailbox; `None` if the brake swallows it.
fn remember(
    group: &Group,
    email: &EmailAddress,
    user: Option<&User>,
    facts: &Facts,
    m: &Moment<'_>,
    fresh: &mut Fresh,
) -> Option<(Commit, MailboxId)> {
    remember_in(mailbox_id(facts, fresh), group, email, user, None, facts, m)
}

/// That of the mailbox that was read, or of one to be made.
fn mailbox_id(facts: &Facts, fresh: &mut Fresh) -> MailboxId {
    let new = MailboxId::from_bytes(fresh.take());
    facts.mailbox.as_ref().map_or(new, Mailbox::id)
}

fn remember_in(
    id: MailboxId,
    group: &Group,
    email: &EmailAddress,
    user: Option<&User>,
    link: Option<Link>,
    facts: &Facts,
    m: &Moment<'_>,
) -> Option<(Commit, MailboxId)> {
    let minting = group.minting(user, m.now);
    let commit = match &facts.mailbox {
        Some(mailbox) if mailbox.is_braked(minting, m.policy) => return None,
        Some(mailbox) => group.hold().replace_mailbox(mailbox, mailbox.with_mail(minting, link, m.policy)),
        None => group.hold().insert_mailbox(Mailbox::new(id, email.clone()).with_mail(minting, link, m.policy)),
    };
    Some((commit, id))
}

fn outgoing(to: EmailAddress, language: Language, content: Content, m: &Moment<'_>) -> Outgoing {
    Outgoing { to, language, content, user: None, mailbox: None, minted_at: m.now }
}

fn outgoing_to(user: &User, content: Content, m: &Moment<'_>) -> Outgoing {
    Outgoing { user: Some(user.id()), ..outgoing(user.email().clone(), user.language(), content, m) }
}

fn send(commit: Commit, outgoing: Outgoing) -> Step<Delivery> {
    Step::Done(Plan { answer: Delivery::Send(outgoing), commit })
}

/// What became of a mail at the mailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Handed,
    Refused,
    Later,
}

/// After sending: the rows are settled or postponed, and the mailbox knows whether the link lies there.
pub(crate) fn settle(
    group: &Group,
    outgoing: &Outgoing,
    sent: Sent,
    mailbox: Option<&Mailbox>,
    m: &Moment<'_>,
    fresh: &mut Fresh,
) -> Commit {
    let event = |kind| m.event(kind, outgoing.user);
    let (commit, next) = match sent {
        Sent::Later => return postpone(group, m, fresh),
        Sent::Handed => (
            Commit::new().settle_mail(group.intents()).record(event(EventKind::MailSent(group.purpose()))),
            mailbox.and_then(|mailbox| mailbox.handed(&group.ids, outgoing.minted_at)),
        ),
        Sent::Refused => (
            Commit::new().settle_mail(group.intents()).record(event(EventKind::MailRefused(group.purpose()))),
            mailbox.and_then(|mailbox| mailbox.refused(&group.ids, outgoing.minted_at)),
        ),
    };
    match mailbox.zip(next) {
        Some((read, next)) => commit.replace_mailbox(read, next),
        None => commit,
    }
}

/// Tried again after a pause that doubles with each failure, half of it at random so that failures of one moment spread.
pub(crate) fn postpone(group: &Group, m: &Moment<'_>, fresh: &mut Fresh) -> Commit {
    let attempts = group.attempts().saturating_add(1);
    let doubled = m.policy.mail.retry_first.saturating_mul(2_u32.saturating_pow(attempts - 1));
    let pause = doubled.min(m.policy.mail.retry_longest);
    let random = u32::from(u16::from_le_bytes(fresh.take()));
    let jitter = pause / 2 * random / u32::from(u16::MAX);
    Commit::new().postpone_mail(group.intents(), m.now.after(pause / 2 + jitter), attempts)
}
