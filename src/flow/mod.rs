//! What all flows share: the moment of a decision, hashes asked for, and what more than one flow decides. Not: any store,
//! clock, random source or await.
//!
//! **A flow is a pure function of facts, request, policy, time and fresh randomness.**

pub(crate) mod administration;
pub(crate) mod confirmation;
pub(crate) mod delivery;
pub(crate) mod login;
pub(crate) mod password_change;
pub(crate) mod password_recovery;
pub(crate) mod registration;
pub(crate) mod session;
pub(crate) mod username_recovery;

use std::time::Duration;

use crate::account::AccountState;
use crate::client::Client;
use crate::clock::Timestamp;
use crate::entropy::Fresh;
use crate::event::{Event, EventKind};
use crate::fault::{Fault, Field, Rule};
use crate::identity::{EmailAddress, FullName, MailId, ParseError, SessionId, UserId, Username};
use crate::mail::MailPurpose;
use crate::mail::intent::{Addressee, MailIntent};
use crate::patient::Patient;
use crate::plan::{Commit, Plan};
use crate::policy::{Policy, Recovery, SharedEmail};
use crate::secret::{Password, PasswordHash, SessionToken};
use crate::session::{Session, SessionKind};
use crate::user::{DisabledBy, Patients, Status, User, When};

/// When, by whose rules and for whom a decision is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub(crate) now: Timestamp,
    pub(crate) policy: &'a Policy,
    pub(crate) portal_name: &'a str,
    pub(crate) client: &'a Client,
}

impl Moment<'_> {
    pub(crate) fn when(&self) -> When {
        When { now: self.now, lockout: self.policy.lockout }
    }

    pub(crate) fn event(&self, kind: EventKind, user: Option<UserId>) -> Event {
        Event::new(self.now, kind, user, self.client)
    }

    /// A plan that answers and leaves nothing but an event.
    pub(crate) fn refuse<T>(&self, answer: T, kind: EventKind, user: Option<UserId>) -> Step<T> {
        Step::Done(Plan { answer, commit: Commit::new().record(self.event(kind, user)) })
    }

    /// A mail about the user, to be queued.
    pub(crate) fn mail_to(&self, user: &User, purpose: MailPurpose, fresh: &mut Fresh) -> MailIntent {
        let addressee = Addressee::User { id: user.id(), generation: user.generation() };
        MailIntent::new(MailId::from_bytes(fresh.take()), purpose, addressee, self.now)
    }

    /// A mail to whoever it concerns, to be queued.
    pub(crate) fn mail_typed(&self, purpose: MailPurpose, addressee: Addressee, fresh: &mut Fresh) -> MailIntent {
        MailIntent::new(MailId::from_bytes(fresh.take()), purpose, addressee, self.now)
    }

    fn may_sign_in(&self, user: &User) -> bool {
        user.may_sign_in(self.when(), self.temporary_lifetime())
    }

    fn temporary_lifetime(&self) -> Duration {
        match self.policy.recovery {
            Recovery::TemporaryPassword { lifetime, .. } => lifetime,
            // Those of the former policy may still be used for as long as any could be.
            Recovery::ChoosePassword => Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// What a decision comes to.
#[derive(Debug)]
pub(crate) enum Step<T> {
    /// It needs this run of Argon2 first; decide again with it.
    Hash(Run),
    /// It is decided.
    Done(Plan<T>),
}

/// Which of the typed passwords a run takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typed {
    /// The password that proves, or the only one.
    Password,
    /// The password to be set.
    New,
}

/// One run of Argon2.
#[derive(Debug, Clone)]
pub(crate) enum Run {
    /// Does the work of a verification, for nothing.
    Dummy,
    /// Compares with a stored hash, and makes one of the present cost if that is older and the login would succeed:
    /// otherwise a locked user of an old hash would take twice the time for the right password.
    Verify { stored: PasswordHash, typed: Typed, renew: bool },
    /// Makes a hash.
    Hash { typed: Typed },
}

/// What a run came to.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    pub(crate) matched: bool,
    pub(crate) corrupt: bool,
    pub(crate) hash: Option<PasswordHash>,
}

/// All runs of a request so far. A proof that a conflict has made stale is asked for anew.
#[derive(Debug, Default)]
pub(crate) struct Runs(Vec<(Run, Ran)>);

impl Runs {
    pub(crate) fn add(&mut self, run: Run, ran: Ran) {
        self.0.push((run, ran));
    }

    pub(crate) fn of(&self, wanted: &Run) -> Option<&Ran> {
        self.0.iter().find(|(run, _)| run.serves(wanted)).map(|(_, ran)| ran)
    }
}

impl Run {
    fn serves(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Dummy, Self::Dummy) => true,
            (Self::Hash { typed }, Self::Hash { typed: other }) => typed == other,
            (Self::Verify { stored, typed, renew }, Self::Verify { stored: other, typed: wanted, renew: renewing }) => {
                typed == wanted && stored.is_same_as(other) && (*renew || !renewing)
            }
            _ => false,
        }
    }
}

/// Shows nothing that a person typed.
macro_rules! redacted {
    ($($form:ident),*) => {$(
        impl std::fmt::Debug for $form {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($form), "(…)"))
            }
        }
    )*};
}
pub(crate) use redacted;

/// The answer to a request for recovery, of the user name or of the password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum RecoveryRequest {
    /// If what was typed fits a user, a mail is under way.
    Accepted,
    /// What was typed is no address, or no user name: judged by the text alone. Nothing has happened.
    Invalid(Vec<Fault>),
}

/// A session that was just opened.
#[derive(Debug)]
pub struct SignedIn {
    /// For the visitor's browser; a secret.
    pub token: SessionToken,
    /// Whose session it is.
    pub user: UserId,
    /// Whether the cookie should outlive the browser: the visitor asked for it and the policy allows it.
    pub remembered: bool,
    /// When it ends at the latest.
    pub ends_at: Timestamp,
}

impl From<Opening> for SignedIn {
    fn from(Opening { token, session }: Opening) -> Self {
        Self { token, user: session.user, remembered: session.remembered, ends_at: session.absolute_end }
    }
}

/// A new session of the user.
pub(crate) struct Opening {
    pub(crate) token: SessionToken,
    pub(crate) session: Session,
}

pub(crate) fn open_session(
    user: &User,
    kind: SessionKind,
    remembered: bool,
    m: &Moment<'_>,
    fresh: &mut Fresh,
) -> Opening {
    let token = SessionToken::from_random(fresh.take());
    let remembered = remembered && m.policy.session.remembered.is_some();
    let longest = match kind {
        SessionKind::MustChangePassword => m.policy.session.restricted,
        SessionKind::Full => m.policy.session_spans(remembered).1,
    };
    let latest = m.now.after(longest);
    let absolute_end = match user.credential() {
        crate::user::Credential::Temporary { expires_at, .. } => latest.min(*expires_at),
        _ => latest,
    };
    let session = Session {
        digest: token.digest(),
        id: SessionId::from_bytes(fresh.take()),
        user: user.id(),
        kind,
        remembered,
        opened_at: m.now,
        last_seen: m.now,
        absolute_end,
        device: m.client.device().cloned(),
    };
    Opening { token, session }
}

/// The address that was typed, or what is wrong with it.
pub(crate) fn email_address(text: &str) -> Result<EmailAddress, Fault> {
    let longest = u16::try_from(EmailAddress::MAX_BYTES).unwrap_or(u16::MAX);
    text.parse().map_err(|error| Fault::new(Field::Email, rule_of(error, 0, longest)))
}

/// The user name that was typed, or what is wrong with it.
pub(crate) fn username(text: &str) -> Result<Username, Fault> {
    text.parse().map_err(|error| Fault::new(Field::Username, rule_of(error, 3, 32)))
}

/// The name that was typed, or what is wrong with it.
pub(crate) fn full_name(text: &str) -> Result<FullName, Fault> {
    text.parse().map_err(|error| Fault::new(Field::FullName, rule_of(error, 0, 80)))
}

fn rule_of(error: ParseError, least: u16, greatest: u16) -> Rule {
    match error {
        ParseError::Empty => Rule::Empty,
        ParseError::TooShort => Rule::TooShort(least),
        ParseError::TooLong => Rule::TooLong(greatest),
        ParseError::Malformed => Rule::Malformed,
    }
}

/// All faults of a new password and its repetition.
pub(crate) fn new_password_faults(
    new: &Password,
    repeated: &Password,
    personal: &[&str],
    m: &Moment<'_>,
) -> Vec<Fault> {
    let personal: Vec<&str> = personal.iter().copied().chain([m.portal_name]).collect();
    let broken = m.policy.password.broken(new, &personal).into_iter();
    let mismatch =
        (!new.is_over_long() && !new.matches(repeated)).then_some(Fault::new(Field::Repeated, Rule::Mismatch));
    broken.map(|rule| Fault::new(Field::Password, rule)).chain(mismatch).collect()
}

/// The words of a user that no password of his may be made of.
pub(crate) fn personal_words(user: &User) -> [&str; 4] {
    let email = user.email();
    [user.username().as_str(), email.key(), email.local_part(), user.full_name().as_str()]
}

/// Whom an address stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Eligible {
    /// These patients, and the address as the record of the first of them spells it.
    Patients { patients: Patients, email: EmailAddress },
    /// Nobody who may use the portal.
    Nobody,
    /// More records than the policy links: a placeholder, and nobody's.
    TooMany,
}

/// Whom the address stands for, by the records that the registry returned. It may have returned near matches: only equals
/// count.
pub(crate) fn eligible(records: &[Patient], email: &EmailAddress, policy: &Policy) -> Eligible {
    let mut equals: Vec<&Patient> = records.iter().filter(|patient| patient.email == *email).collect();
    // Of two records with one id the one without access counts.
    equals.sort_by(|a, b| (&a.id, a.portal_access).cmp(&(&b.id, b.portal_access)));
    equals.dedup_by(|a, b| a.id == b.id);
    if equals.len() > usize::from(policy.email.max_patients) {
        return Eligible::TooMany;
    }
    equals.retain(|patient| patient.portal_access);
    if policy.email.shared == SharedEmail::Refuse && equals.len() > 1 {
        return Eligible::Nobody;
    }
    match (Patients::new(equals.iter().map(|patient| patient.id.clone()).collect()), equals.first()) {
        (Some(patients), Some(first)) => Eligible::Patients { patients, email: first.email.clone() },
        _ => Eligible::Nobody,
    }
}

/// What a new look into the registry makes of a user.
pub(crate) enum Refreshed {
    Unchanged,
    Relinked(User),
    Disabled(User),
    Enabled(User),
}

pub(crate) fn refreshed(user: &User, records: &[Patient], m: &Moment<'_>) -> Refreshed {
    let by_registry = matches!(user.status(), Status::Disabled { by: DisabledBy::NoPatients, .. });
    match eligible(records, user.email(), m.policy) {
        Eligible::Patients { patients, .. } => {
            let relinked = user.relinked(patients, m.when());
            if by_registry && let Some(enabled) = relinked.as_ref().unwrap_or(user).enabled(m.when()) {
                return Refreshed::Enabled(enabled);
            }
            relinked.map_or(Refreshed::Unchanged, Refreshed::Relinked)
        }
        Eligible::Nobody | Eligible::TooMany if user.is_active() => {
            user.disabled(DisabledBy::NoPatients, m.when()).map_or(Refreshed::Unchanged, Refreshed::Disabled)
        }
        Eligible::Nobody | Eligible::TooMany => Refreshed::Unchanged,
    }
}

/// The mail that an enabled user who awaits a temporary password must be sent again.
pub(crate) fn awaited_mail(user: &User, m: &Moment<'_>, fresh: &mut Fresh) -> Option<MailIntent> {
    let awaits = user.state(m.when()) == AccountState::AwaitingTemporary;
    awaits.then(|| m.mail_to(user, MailPurpose::TemporaryPassword, fresh))
}
