//! What a clinic decides, and the bounds within which it may. Not: how a decision is carried out.
//!
//! **A policy that is unsafe or contradicts itself is refused before anything starts.**

use std::time::Duration;

use crate::language::Language;
use crate::password::PasswordRules;
use crate::password::hash::HashCost;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Everything that a clinic can decide. Start from [`Policy::portal`] or [`Policy::modern`], set fields, and hand it to
/// the builder, which refuses values outside the bounds given here.
///
/// Every default is argued in `docs::defaults`.
///
/// ```
/// # use acceso::Policy;
/// let mut policy = Policy::portal();
/// policy.lockout.threshold = 10;
/// assert!(policy.check().is_ok());
/// policy.lockout.threshold = 0;
/// assert!(policy.check().is_err());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Policy {
    /// What a password must have.
    pub password: PasswordRules,
    /// What hashing a password costs.
    pub hash_cost: HashCost,
    /// What wrong passwords lead to.
    pub lockout: Lockout,
    /// How a forgotten password is recovered.
    pub recovery: Recovery,
    /// How long a registration, and its link, waits for confirmation: 10 minutes to 72 hours.
    pub registration_lifetime: Duration,
    /// How long a link of recovery is good: longer than the longest interval of the brake, at most 24 hours.
    pub recovery_link_lifetime: Duration,
    /// How long sessions last.
    pub session: SessionPolicy,
    /// Whom an e-mail address stands for.
    pub email: EmailPolicy,
    /// How mails are braked and sent.
    pub mail: MailPolicy,
    /// Threads and queue of hashing.
    pub hashing: HashingLimits,
    /// Names that no user can have beside the built-in ones (`admin`, `soporte`, …). Letter case does not count.
    pub reserved_usernames: Vec<String>,
    /// The language of mails to people whose own is not known.
    pub language: Language,
}

/// What wrong passwords lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lockout {
    /// How many wrong passwords in a row lock: 3 to 100 (NIST SP 800-63B allows 100 at most).
    pub threshold: u16,
    /// How long it stays locked.
    pub duration: LockDuration,
}

/// How long a locked password stays locked. Recovery by mail always ends a lock. Closed: flows decide by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockDuration {
    /// Until recovery, as the manual has it.
    UntilRecovery,
    /// For a fixed time, 1 minute to 24 hours; afterwards the count starts anew.
    Fixed(Duration),
    /// For a time that doubles with each further wrong password; one is judged after each.
    Doubling {
        /// The time after the wrong password that locks: 1 second to 1 hour.
        first: Duration,
        /// The longest time: `first` to 24 hours.
        longest: Duration,
        /// How many wrong passwords in a row lock until recovery: more than the threshold, at most 100.
        hard_limit: u16,
    },
}

/// How a forgotten password is recovered once the link in the mail is confirmed. Closed: each has its own flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// A second mail brings a temporary password, which must be changed at the next login. As the manual has it.
    TemporaryPassword {
        /// How long it is good: 10 minutes to 24 hours.
        lifetime: Duration,
        /// Its length in characters: 16 (93 bits) to 64.
        length: u16,
    },
    /// The person chooses the new password on the page of the link.
    ChoosePassword,
}

/// How long sessions last. Each span counts on the server; a cookie's own end is only a courtesy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionPolicy {
    /// Ends after this long without a request: 1 minute to `absolute`.
    pub idle: Duration,
    /// Ends after this long in any case: `idle` to 24 hours.
    pub absolute: Duration,
    /// For those who asked to stay signed in; `None` switches that off.
    pub remembered: Option<RememberedPolicy>,
    /// How long a session opened with a temporary password lasts: 1 minute to 1 hour.
    pub restricted: Duration,
    /// The most sessions a user may have, the oldest goes first: 1 to 100.
    pub per_user: u16,
    /// The least time between two notes of "last seen": 1 second to half of the shortest idle time.
    pub touch_interval: Duration,
}

/// How long a session lasts for those who asked to stay signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RememberedPolicy {
    /// Ends after this long without a request: 1 hour to `absolute`.
    pub idle: Duration,
    /// Ends after this long in any case: `idle` to 90 days.
    pub absolute: Duration,
}

impl RememberedPolicy {
    /// These spans; the policy's check refuses them if they are out of bounds.
    pub const fn new(idle: Duration, absolute: Duration) -> Self {
        Self { idle, absolute }
    }
}

/// What it means that several patients share an address. Closed: the flows decide by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedEmail {
    /// A user of the address is linked to all of its patients: a mother and her children.
    LinkAll,
    /// An address of several patients is treated as nobody's.
    Refuse,
}

/// Whom an e-mail address stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmailPolicy {
    /// What it means that several patients share an address.
    pub shared: SharedEmail,
    /// The most users of one address: 1 to 100.
    pub max_users: u16,
    /// The most patients of one address, those without access counted; one with more is a placeholder and nobody's: 1 to 100.
    pub max_patients: u16,
}

/// How mails are braked and sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailPolicy {
    /// The least time between two like mails to one mailbox, before doubling: 10 seconds to 1 hour.
    pub brake_first: Duration,
    /// The longest such time: `brake_first` to 128 × `brake_first`, at most 6 hours.
    pub brake_longest: Duration,
    /// The least time between two notices of a lock to one user: 1 hour to 7 days.
    pub lock_notice_interval: Duration,
    /// How many requests of strangers may wait for delivery before all are told to come back: 100 to 10,000,000.
    pub max_waiting: u32,
    /// How long a courier holds what it claimed: 30 seconds to 1 hour. More than twice the mailer's own time-out: half of
    /// it is for sending, and what takes longer is tried again after a pause.
    pub lease: Duration,
    /// How many groups of equal intents are claimed at once: 1 to 1,000.
    pub claim: u16,
    /// How many mails are sent at a time: 1 to 100. One address has half of these places at most, and all addresses whose
    /// servers were slow in the last hour have a quarter together.
    pub parallel_sends: u16,
    /// The time to the next try after a transient failure, before doubling: 1 second to 1 hour.
    pub retry_first: Duration,
    /// The longest such time: `retry_first` to 6 hours.
    pub retry_longest: Duration,
    /// How long a notice, or a temporary password that is still awaited, is tried: 1 hour to 7 days. What has a
    /// lifetime of its own is tried for that long.
    pub notice_lifetime: Duration,
    /// How often the courier looks for mail: 10 milliseconds to 1 minute, and at most a quarter of the lease.
    pub tick: Duration,
    /// How often the courier purges: 1 second to 1 day.
    pub purge_interval: Duration,
}

/// Threads and queue of hashing. Memory of hashing is (threads + 1 for a running courier) × the memory of one hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HashingLimits {
    /// How many threads hash: 1 to 64; `None` for one per core.
    pub threads: Option<u16>,
    /// How many requests may wait for each thread: 1 to 1,000. About 8 make a wait of 250 ms at the OWASP cost.
    pub queue_per_thread: u16,
    /// How long a request may wait before it is dropped unhashed: 1 second to 1 minute.
    pub longest_wait: Duration,
}

impl Policy {
    /// As the portal's manual has it, in its safest form. The default.
    pub fn portal() -> Self {
        Self {
            password: PasswordRules::PORTAL,
            hash_cost: HashCost::OWASP,
            lockout: Lockout { threshold: 5, duration: LockDuration::UntilRecovery },
            recovery: Recovery::TemporaryPassword { lifetime: 60 * MINUTE, length: 16 },
            registration_lifetime: 24 * HOUR,
            recovery_link_lifetime: 2 * HOUR,
            session: SessionPolicy {
                idle: 30 * MINUTE,
                absolute: 12 * HOUR,
                remembered: Some(RememberedPolicy { idle: 14 * DAY, absolute: 30 * DAY }),
                restricted: 15 * MINUTE,
                per_user: 10,
                touch_interval: MINUTE,
            },
            email: EmailPolicy { shared: SharedEmail::LinkAll, max_users: 8, max_patients: 8 },
            mail: MailPolicy {
                brake_first: MINUTE,
                brake_longest: HOUR,
                lock_notice_interval: DAY,
                max_waiting: 100_000,
                lease: 5 * MINUTE,
                claim: 32,
                parallel_sends: 8,
                retry_first: 30 * SECOND,
                retry_longest: 15 * MINUTE,
                notice_lifetime: DAY,
                tick: Duration::from_millis(250),
                purge_interval: MINUTE,
            },
            hashing: HashingLimits { threads: None, queue_per_thread: 8, longest_wait: 10 * SECOND },
            reserved_usernames: Vec::new(),
            language: Language::Es,
        }
    }

    /// As the standards have it (NIST SP 800-63B-4, ASVS 5.0): long passwords without classes, growing delays instead
    /// of a lock, no password by mail, nobody kept signed in.
    pub fn modern() -> Self {
        let portal = Self::portal();
        Self {
            password: PasswordRules::MODERN,
            lockout: Lockout {
                threshold: 5,
                duration: LockDuration::Doubling { first: SECOND, longest: HOUR, hard_limit: 100 },
            },
            recovery: Recovery::ChoosePassword,
            session: SessionPolicy { idle: 15 * MINUTE, absolute: 8 * HOUR, remembered: None, ..portal.session },
            ..portal
        }
    }

    /// Whether every value is within its bounds and none contradicts another. The builder asks this too.
    pub fn check(&self) -> Result<(), PolicyError> {
        self.check_passwords()?;
        self.check_sessions()?;
        self.check_mail()?;
        let lifetime = self.registration_lifetime;
        bounded("registration_lifetime", lifetime, 10 * MINUTE, 72 * HOUR)?;
        bounded("recovery_link_lifetime", self.recovery_link_lifetime, 10 * MINUTE, 24 * HOUR)?;
        bounded("email.max_users", self.email.max_users, 1, 100)?;
        bounded("email.max_patients", self.email.max_patients, 1, 100)?;
        if let Some(threads) = self.hashing.threads {
            bounded("hashing.threads", threads, 1, 64)?;
        }
        bounded("hashing.queue_per_thread", self.hashing.queue_per_thread, 1, 1_000)?;
        bounded("hashing.longest_wait", self.hashing.longest_wait, SECOND, MINUTE)
    }

    fn check_passwords(&self) -> Result<(), PolicyError> {
        bounded("password.min_length", self.password.min_length, 8, 64)?;
        bounded("lockout.threshold", self.lockout.threshold, 3, 100)?;
        match self.lockout.duration {
            LockDuration::UntilRecovery => {}
            LockDuration::Fixed(duration) => bounded("lockout.duration", duration, MINUTE, DAY)?,
            LockDuration::Doubling { first, longest, hard_limit } => {
                bounded("lockout.duration.first", first, SECOND, HOUR)?;
                bounded("lockout.duration.longest", longest, first, DAY)?;
                bounded("lockout.duration.hard_limit", hard_limit, self.lockout.threshold.saturating_add(1), 100)?;
            }
        }
        match self.recovery {
            Recovery::ChoosePassword => Ok(()),
            Recovery::TemporaryPassword { lifetime, length } => {
                bounded("recovery.lifetime", lifetime, 10 * MINUTE, DAY)?;
                bounded("recovery.length", length, 16, 64)
            }
        }
    }

    fn check_sessions(&self) -> Result<(), PolicyError> {
        let SessionPolicy { idle, absolute, remembered, restricted, per_user, touch_interval } = self.session;
        bounded("session.idle", idle, MINUTE, absolute)?;
        bounded("session.absolute", absolute, idle, DAY)?;
        let mut shortest_idle = idle;
        if let Some(RememberedPolicy { idle, absolute }) = remembered {
            bounded("session.remembered.idle", idle, HOUR, absolute)?;
            bounded("session.remembered.absolute", absolute, idle, 90 * DAY)?;
            shortest_idle = shortest_idle.min(idle);
        }
        bounded("session.restricted", restricted, MINUTE, HOUR)?;
        bounded("session.per_user", per_user, 1, 100)?;
        bounded("session.touch_interval", touch_interval, SECOND, shortest_idle / 2)
    }

    fn check_mail(&self) -> Result<(), PolicyError> {
        let mail = &self.mail;
        bounded("mail.brake_first", mail.brake_first, 10 * SECOND, HOUR)?;
        // A mailbox remembers eight mails, so the interval doubles seven times at most.
        let reachable = mail.brake_first.saturating_mul(1 << 7).min(6 * HOUR);
        bounded("mail.brake_longest", mail.brake_longest, mail.brake_first, reachable)?;
        // Else a stranger's requests could leave a patient without a live link and without a new one.
        for (name, lifetime) in [
            ("registration_lifetime", self.registration_lifetime),
            ("recovery_link_lifetime", self.recovery_link_lifetime),
        ] {
            if lifetime <= mail.brake_longest {
                return Err(PolicyError { value: name, reason: "must be longer than mail.brake_longest" });
            }
        }
        bounded("mail.lock_notice_interval", mail.lock_notice_interval, HOUR, 7 * DAY)?;
        bounded("mail.max_waiting", mail.max_waiting, 100, 10_000_000)?;
        bounded("mail.lease", mail.lease, 30 * SECOND, HOUR)?;
        bounded("mail.claim", mail.claim, 1, 1_000)?;
        bounded("mail.parallel_sends", mail.parallel_sends, 1, 100)?;
        bounded("mail.retry_first", mail.retry_first, SECOND, HOUR)?;
        bounded("mail.retry_longest", mail.retry_longest, mail.retry_first, 6 * HOUR)?;
        bounded("mail.notice_lifetime", mail.notice_lifetime, HOUR, 7 * DAY)?;
        // What was claimed is given back while the lease lasts, or another courier would do it again.
        bounded("mail.tick", mail.tick, Duration::from_millis(10), (mail.lease / 4).min(MINUTE))?;
        bounded("mail.purge_interval", mail.purge_interval, SECOND, DAY)
    }

    /// The longest that an interval of this policy's sessions can be.
    pub(crate) fn session_spans(&self, remembered: bool) -> (Duration, Duration) {
        match self.session.remembered {
            Some(spans) if remembered => (spans.idle, spans.absolute),
            _ => (self.session.idle, self.session.absolute),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::portal()
    }
}

/// A value of a policy that is unsafe, or contradicts another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policy's {value} {reason}")]
pub struct PolicyError {
    value: &'static str,
    reason: &'static str,
}

impl PolicyError {
    /// The value's path in [`Policy`], such as `session.idle`.
    pub fn value(&self) -> &'static str {
        self.value
    }
}

fn bounded<T: PartialOrd + Copy>(value: &'static str, given: T, least: T, greatest: T) -> Result<(), PolicyError> {
    let out_of_bounds = PolicyError { value, reason: "is outside its bounds" };
    if given >= least && given <= greatest { Ok(()) } else { Err(out_of_bounds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_policies_are_safe() {
        assert_eq!(Policy::portal().check(), Ok(()));
        assert_eq!(Policy::modern().check(), Ok(()));
        assert_eq!(Policy::default(), Policy::portal());
    }

    type Change = fn(&mut Policy);

    #[test]
    fn unsafe_and_contradictory_values_are_refused_by_name() {
        let refused: &[(&str, Change)] = &[
            ("password.min_length", |p| p.password.min_length = 7),
            ("password.min_length", |p| p.password.min_length = 65),
            ("lockout.threshold", |p| p.lockout.threshold = 2),
            ("lockout.threshold", |p| p.lockout.threshold = 101),
            ("lockout.duration", |p| p.lockout.duration = LockDuration::Fixed(Duration::ZERO)),
            ("lockout.duration", |p| p.lockout.duration = LockDuration::Fixed(Duration::MAX)),
            ("lockout.duration.first", |p| p.lockout.duration = doubling(Duration::ZERO, HOUR, 100)),
            ("lockout.duration.longest", |p| p.lockout.duration = doubling(MINUTE, SECOND, 100)),
            ("lockout.duration.hard_limit", |p| p.lockout.duration = doubling(SECOND, HOUR, 5)),
            ("lockout.duration.hard_limit", |p| p.lockout.duration = doubling(SECOND, HOUR, 101)),
            ("recovery.lifetime", |p| p.recovery = temporary(Duration::ZERO, 16)),
            ("recovery.lifetime", |p| p.recovery = temporary(25 * HOUR, 16)),
            ("recovery.length", |p| p.recovery = temporary(HOUR, 15)),
            ("recovery.length", |p| p.recovery = temporary(HOUR, 65)),
            ("registration_lifetime", |p| p.registration_lifetime = Duration::ZERO),
            ("registration_lifetime", |p| p.registration_lifetime = 73 * HOUR),
            ("registration_lifetime", |p| p.registration_lifetime = HOUR),
            ("recovery_link_lifetime", |p| p.recovery_link_lifetime = 25 * HOUR),
            ("recovery_link_lifetime", |p| p.recovery_link_lifetime = HOUR),
            ("session.idle", |p| p.session.idle = Duration::ZERO),
            ("session.idle", |p| p.session.idle = 13 * HOUR),
            ("session.absolute", |p| p.session.absolute = Duration::MAX),
            ("session.remembered.idle", |p| p.session.remembered = Some(remembered(MINUTE, DAY))),
            ("session.remembered.absolute", |p| p.session.remembered = Some(remembered(DAY, 91 * DAY))),
            ("session.restricted", |p| p.session.restricted = 2 * HOUR),
            ("session.per_user", |p| p.session.per_user = 0),
            ("session.touch_interval", |p| p.session.touch_interval = 20 * MINUTE),
            ("session.touch_interval", |p| {
                // A kept session would end after an hour however busy it is.
                p.session.idle = 12 * HOUR;
                p.session.remembered = Some(remembered(HOUR, DAY));
                p.session.touch_interval = 2 * HOUR;
            }),
            ("email.max_users", |p| p.email.max_users = 0),
            ("email.max_patients", |p| p.email.max_patients = 101),
            ("mail.brake_first", |p| p.mail.brake_first = Duration::ZERO),
            ("mail.brake_longest", |p| p.mail.brake_longest = SECOND),
            ("mail.lock_notice_interval", |p| p.mail.lock_notice_interval = MINUTE),
            ("mail.max_waiting", |p| p.mail.max_waiting = 0),
            ("mail.lease", |p| p.mail.lease = SECOND),
            ("mail.claim", |p| p.mail.claim = 0),
            ("mail.parallel_sends", |p| p.mail.parallel_sends = 0),
            ("mail.retry_first", |p| p.mail.retry_first = Duration::ZERO),
            ("mail.retry_longest", |p| p.mail.retry_longest = SECOND),
            ("mail.notice_lifetime", |p| p.mail.notice_lifetime = Duration::ZERO),
            ("mail.tick", |p| p.mail.tick = Duration::ZERO),
            ("mail.purge_interval", |p| p.mail.purge_interval = Duration::ZERO),
            ("hashing.threads", |p| p.hashing.threads = Some(0)),
            ("hashing.queue_per_thread", |p| p.hashing.queue_per_thread = 0),
            ("hashing.longest_wait", |p| p.hashing.longest_wait = Duration::ZERO),
        ];
        for (value, change) in refused {
            let mut policy = Policy::portal();
            change(&mut policy);
            assert_eq!(policy.check().map_err(|error| error.value()), Err(*value));
        }
    }

    fn doubling(first: Duration, longest: Duration, hard_limit: u16) -> LockDuration {
        LockDuration::Doubling { first, longest, hard_limit }
    }

    fn temporary(lifetime: Duration, length: u16) -> Recovery {
        Recovery::TemporaryPassword { lifetime, length }
    }

    fn remembered(idle: Duration, absolute: Duration) -> RememberedPolicy {
        RememberedPolicy { idle, absolute }
    }
}
