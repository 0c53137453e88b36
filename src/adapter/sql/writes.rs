//! The verbs of a commit as statements that both databases understand. Not: who runs them.
//!
//! **A statement that must hit and touches no row has met another commit.**

use std::hash::{BuildHasher, RandomState};
use std::iter::Peekable;

use crate::adapter::sql::{Statement, Value, instant, maybe_instant, statement};
use crate::client::{Client, DeviceLabel};
use crate::clock::Timestamp;
use crate::event::{Event, EventKind};
use crate::identity::{MailId, UserId, Username};
use crate::mail::intent::{Addressee, MailIntent};
use crate::mailbox::{Mailbox, MailboxDocument};
use crate::plan::Write;
use crate::port::error::BoxError;
use crate::port::user_store::Claim;
use crate::registration::Registration;
use crate::session::{Session, SessionKind};
use crate::user::document::{CredentialDocument, UserDocument};
use crate::user::{DisabledBy, Status, User};

/// What one store needs to write rows.
pub(in crate::adapter) struct Writer {
    places: RandomState,
    /// Whether commits run beside each other, so that each must lock its rows.
    locks_rows: bool,
}

impl Writer {
    pub(in crate::adapter) fn new(locks_rows: bool) -> Self {
        Self { places: RandomState::new(), locks_rows }
    }

    /// The statements of these writes, in their order.
    pub(in crate::adapter) fn statements(&self, writes: &[Write]) -> Result<Vec<Statement>, BoxError> {
        let mut statements = Vec::with_capacity(writes.len() + 2);
        let mut closing = writes.iter().filter_map(|write| match write {
            Write::CloseSessionsOf { user, .. } if self.locks_rows => Some(*user),
            _ => None,
        });
        let mut rest = writes.iter().peekable();
        while let Some(write) = rest.next() {
            let must_hit = write.must_hit();
            if is_about_sessions(write) {
                // Before any session, because who opens one holds its user first.
                statements.extend(closing.by_ref().map(|user| statement(LOCK_USER, [user.as_bytes().into()])));
            }
            if self.locks_rows
                && let Some((id, lease, fate)) = further_row(write)
            {
                statements.push(many(id, lease, fate, &mut rest));
                continue;
            }
            let mut add = |sql, values: Vec<Value>| statements.push(Statement { sql, values, must_hit });
            match write {
                Write::InsertMailbox(mailbox) => add(INSERT_MAILBOX, mailbox_values(mailbox, mailbox.email().key())?),
                Write::ReplaceMailbox { mailbox, expected } => {
                    add(REPLACE_MAILBOX, mailbox_values(mailbox, *expected)?);
                }
                Write::RemoveRegistration { id } => {
                    add("delete from acceso_registrations where id = $1", vec![id.as_bytes().into()]);
                }
                Write::RemoveRegistrationsOf { email, username: Some(name) } => add(
                    "delete from acceso_registrations where email_key = $1 and username = $2",
                    vec![email.key().into(), name.as_str().into()],
                ),
                Write::RemoveRegistrationsOf { email, username: None } => {
                    add("delete from acceso_registrations where email_key = $1", vec![email.key().into()]);
                }
                Write::InsertRegistration(registration) => add(INSERT_REGISTRATION, registration_values(registration)),
                Write::RemoveUser { id, version } => {
                    statements.push(statement(FREE_MAILBOX_LATER, [id.as_bytes().into(), (*version).into()]));
                    statements.push(Statement {
                        sql: "delete from acceso_users where id = $1 and version = $2",
                        values: vec![id.as_bytes().into(), (*version).into()],
                        must_hit,
                    });
                }
                Write::GuardUser { id, version } => add(
                    "update acceso_users set version = version where id = $1 and version = $2",
                    vec![id.as_bytes().into(), (*version).into()],
                ),
                Write::ReplaceUser { user, expected } => add(REPLACE_USER, user_values(user, Some(*expected))?),
                Write::InsertUser(user) => add(INSERT_USER, user_values(user, None)?),
                Write::GuardSession { digest } => add(
                    "update acceso_sessions set last_seen = last_seen where digest = $1",
                    vec![digest.as_bytes().into()],
                ),
                Write::TouchSession { digest, last_seen } => add(
                    "update acceso_sessions set last_seen = $2 where digest = $1 and last_seen < $2",
                    vec![digest.as_bytes().into(), instant(*last_seen)],
                ),
                Write::CloseSession { digest } => {
                    add("delete from acceso_sessions where digest = $1", vec![digest.as_bytes().into()]);
                }
                Write::CloseSessionsOf { user, except } => {
                    let user: Value = user.as_bytes().into();
                    if self.locks_rows {
                        statements.push(statement(LOCK_SESSIONS, [user.clone()]));
                    }
                    statements.push(match except {
                        Some(kept) => statement(CLOSE_OTHERS, [user, kept.as_bytes().into()]),
                        None => statement(CLOSE_ALL, [user]),
                    });
                }
                Write::OpenSession { session, keep_at_most } => {
                    add(OPEN_SESSION, session_values(session));
                    let others = i64::from(keep_at_most.saturating_sub(1));
                    statements.push(statement(
                        MAKE_ROOM,
                        [session.user().as_bytes().into(), session.digest().as_bytes().into(), others.into()],
                    ));
                }
                Write::HoldMail { id, lease } => add(
                    "update acceso_mail set lease = lease where id = $1 and lease = $2 and lease_until is not null",
                    vec![id.as_bytes().into(), (*lease).into()],
                ),
                Write::SettleMail { id, lease, .. } => add(
                    "delete from acceso_mail where id = $1 and lease = $2 and lease_until is not null",
                    vec![id.as_bytes().into(), (*lease).into()],
                ),
                Write::PostponeMail { id, lease, due_at, attempts, .. } => add(
                    POSTPONE_MAIL,
                    vec![id.as_bytes().into(), (*lease).into(), instant(*due_at), i64::from(*attempts).into()],
                ),
                Write::QueueMail(intent) => add(QUEUE_MAIL, self.mail_values(intent)),
                Write::Record(event) => add(RECORD, event_values(event)),
            }
        }
        Ok(statements)
    }

    fn mail_values(&self, intent: &MailIntent) -> Vec<Value> {
        let group = group_of(intent);
        let (user, generation, email, username, place) = match intent.addressee() {
            Addressee::User { id, generation } => {
                (Some(id.as_bytes()), Some(*generation), None, None, intent.due_at().as_millis())
            }
            Addressee::Typed { email, username } => {
                let anywhere = i64::from_ne_bytes(self.places.hash_one(&group).to_ne_bytes());
                (None, None, Some(email.to_string()), username.as_ref().map(Username::as_str), anywhere)
            }
        };
        vec![
            intent.id().as_bytes().into(),
            intent.purpose().code().into(),
            user.into(),
            generation.map_or(Value::Int(None), Value::from),
            Value::Text(email),
            username.into(),
            group.into(),
            place.into(),
            instant(intent.queued_at()),
            instant(intent.due_at()),
            i64::from(intent.attempts()).into(),
            intent.lease().number.into(),
            maybe_instant(intent.lease().until),
        ]
    }
}

/// Purpose and addressee as one text: the same for equal rows only, since no part can hold a blank.
fn group_of(intent: &MailIntent) -> String {
    let purpose = intent.purpose().code();
    match intent.addressee() {
        Addressee::User { id, generation } => format!("{purpose} {id} {generation}"),
        Addressee::Typed { email, username: Some(username) } => format!("{purpose} {} {username}", email.key()),
        Addressee::Typed { email, username: None } => format!("{purpose} {}", email.key()),
    }
}

// A key that is taken is no row inserted, and no error, whose text the server would log with the key in it.
const INSERT_MAILBOX: &str = "insert into acceso_mailboxes (id, email_key, version, email, last_link_ends, purge_from, entries) \
     values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing";

const REPLACE_MAILBOX: &str = "update acceso_mailboxes set version = $3, email = $4, last_link_ends = $5, purge_from = $6, \
     entries = $7 where id = $1 and version = $2";

/// `second` is what the statement finds the row by beside the id.
fn mailbox_values(mailbox: &Mailbox, second: impl Into<Value>) -> Result<Vec<Value>, BoxError> {
    let document = MailboxDocument::from(mailbox);
    let ends = mailbox.last_link_ends();
    Ok(vec![
        mailbox.id().as_bytes().into(),
        second.into(),
        mailbox.version().into(),
        document.email.to_string().into(),
        maybe_instant(ends),
        ends.map_or(i64::MIN, Timestamp::as_millis).into(),
        serde_json::to_string(&document.entries)?.into(),
    ])
}

const INSERT_REGISTRATION: &str = "insert into acceso_registrations (id, username, email_key, email, full_name, password_hash, \
     language, registered_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing";

fn registration_values(registration: &Registration) -> Vec<Value> {
    vec![
        registration.id.as_bytes().into(),
        registration.username.as_str().into(),
        registration.email.key().into(),
        registration.email.to_string().into(),
        registration.full_name.to_string().into(),
        registration.hash.as_phc().into(),
        registration.language.code().into(),
        instant(registration.registered_at),
        instant(registration.expires_at),
    ]
}

const INSERT_USER: &str = "insert into acceso_users (id, version, generation, username, email_key, email, full_name, patients, \
     language, status, disabled_at, disabled_by, credential, password_hash, strikes, locked_at, temporary_from, \
     temporary_until, created_at, changed_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) on conflict do nothing";

const REPLACE_USER: &str = "update acceso_users set version = $2, generation = $3, username = $4, email_key = $5, email = $6, \
     full_name = $7, patients = $8, language = $9, status = $10, disabled_at = $11, disabled_by = $12, credential = $13, \
     password_hash = $14, strikes = $15, locked_at = $16, temporary_from = $17, temporary_until = $18, created_at = $19, \
     changed_at = $20 where id = $1 and version = $21";

fn user_values(user: &User, expected: Option<u64>) -> Result<Vec<Value>, BoxError> {
    let user = UserDocument::from(user);
    let (disabled_at, disabled_by) = match user.status {
        Status::Active => (None, None),
        Status::Disabled { since, by } => (Some(since), Some(disabled_by_code(by))),
    };
    let mut values = vec![
        user.id.as_bytes().into(),
        user.version.into(),
        user.generation.into(),
        user.username.as_str().into(),
        user.email.key().into(),
        user.email.to_string().into(),
        user.full_name.to_string().into(),
        serde_json::to_string(user.patients.as_slice())?.into(),
        user.language.code().into(),
        if disabled_at.is_none() { "active" } else { "disabled" }.into(),
        maybe_instant(disabled_at),
        disabled_by.into(),
    ];
    match user.credential {
        CredentialDocument::Chosen { hash, strikes, locked_since } => values.extend([
            "chosen".into(),
            hash.into(),
            i64::from(strikes).into(),
            maybe_instant(locked_since),
            Value::Int(None),
            Value::Int(None),
        ]),
        CredentialDocument::AwaitingTemporary => values.extend([
            "awaiting_temporary".into(),
            Value::Text(None),
            Value::Int(None),
            Value::Int(None),
            Value::Int(None),
            Value::Int(None),
        ]),
        CredentialDocument::Temporary { hash, minted_at, expires_at } => values.extend([
            "temporary".into(),
            hash.into(),
            Value::Int(None),
            Value::Int(None),
            instant(minted_at),
            instant(expires_at),
        ]),
    }
    values.extend([instant(user.created_at), instant(user.changed_at)]);
    values.extend(expected.map(Value::from));
    Ok(values)
}

pub(super) const fn disabled_by_code(by: DisabledBy) -> &'static str {
    match by {
        DisabledBy::Clinic => "clinic",
        DisabledBy::NoPatients => "no_patients",
    }
}

/// The mailbox of a user about to be removed is looked at by the next purge. Touching its row first keeps two commits
/// from waiting for each other: every other one takes the mailbox before the user.
const FREE_MAILBOX_LATER: &str = "update acceso_mailboxes set purge_from = coalesce(last_link_ends, -9223372036854775808) \
     where email_key = (select email_key from acceso_users where id = $1 and version = $2)";

fn is_about_sessions(write: &Write) -> bool {
    matches!(
        write,
        Write::GuardSession { .. }
            | Write::TouchSession { .. }
            | Write::CloseSession { .. }
            | Write::CloseSessionsOf { .. }
            | Write::OpenSession { .. }
    )
}

const LOCK_USER: &str = "select id from acceso_users where id = $1 for no key update";

/// A statement sees what had landed when it began. What lands while this one waits, the next one sees.
const LOCK_SESSIONS: &str = "select digest from acceso_sessions where user_id = $1 order by digest for update";

const CLOSE_ALL: &str = "delete from acceso_sessions where user_id = $1";

const CLOSE_OTHERS: &str = "delete from acceso_sessions where user_id = $1 and digest <> $2";

const OPEN_SESSION: &str = "insert into acceso_sessions (digest, session_id, user_id, kind, remembered, opened_at, last_seen, \
     absolute_end, device) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing";

fn session_values(session: &Session) -> Vec<Value> {
    vec![
        session.digest.as_bytes().into(),
        session.id.as_bytes().into(),
        session.user.as_bytes().into(),
        session_kind_code(session.kind).into(),
        session.remembered.into(),
        instant(session.opened_at),
        instant(session.last_seen),
        instant(session.absolute_end),
        session.device.as_ref().map(DeviceLabel::as_str).into(),
    ]
}

pub(super) const fn session_kind_code(kind: SessionKind) -> &'static str {
    match kind {
        SessionKind::Full => "full",
        SessionKind::MustChangePassword => "must_change_password",
    }
}

/// All but the new session and so many of the newest others.
const MAKE_ROOM: &str = "delete from acceso_sessions where user_id = $1 and digest in (select digest from acceso_sessions \
     where user_id = $1 and digest <> $2 order by opened_at desc, digest desc limit 9223372036854775807 offset $3)";

const POSTPONE_MAIL: &str = "update acceso_mail set due_at = $3, attempts = $4, lease_until = null, \
     place = case when user_id is null then place else $3 end \
     where id = $1 and lease = $2 and lease_until is not null";

/// The most rows of one statement: a group may have as many as the outbox, and each statement is a round trip.
const MOST_ROWS: usize = 1_000;

/// What becomes of a row of mail: when it is to be tried again, and after how many failures; `None` if it is settled.
type Fate = Option<(Timestamp, u32)>;

/// Another row of a group than its first, with its lease.
fn further_row(write: &Write) -> Option<(MailId, u64, Fate)> {
    match write {
        Write::SettleMail { id, lease, required: false } => Some((*id, *lease, None)),
        Write::PostponeMail { id, lease, due_at, attempts, required: false } => {
            Some((*id, *lease, Some((*due_at, *attempts))))
        }
        _ => None,
    }
}

/// One statement for this row and those behind it that come to the same.
fn many<'a>(id: MailId, lease: u64, fate: Fate, rest: &mut Peekable<impl Iterator<Item = &'a Write>>) -> Statement {
    let (mut ids, mut leases) = (vec![id.to_string()], vec![lease.to_string()]);
    while ids.len() < MOST_ROWS
        && let Some((id, lease, same)) = rest.peek().and_then(|write| further_row(write))
        && same == fate
    {
        ids.push(id.to_string());
        leases.push(lease.to_string());
        rest.next();
    }
    let (ids, leases) = (ids.join(",").into(), leases.join(",").into());
    match fate {
        None => statement(SETTLE_MANY, [ids, leases]),
        Some((due_at, attempts)) => {
            statement(POSTPONE_MANY, [ids, leases, instant(due_at), i64::from(attempts).into()])
        }
    }
}

macro_rules! listed_rows {
    () => {
        "unnest(string_to_array($1, ','), string_to_array($2, ',')) as listed (id, lease)"
    };
}

macro_rules! is_listed {
    () => {
        "m.id = decode(listed.id, 'hex') and m.lease = cast(listed.lease as bigint) and m.lease_until is not null"
    };
}

const SETTLE_MANY: &str = concat!("delete from acceso_mail m using ", listed_rows!(), " where ", is_listed!());

const POSTPONE_MANY: &str = concat!(
    "update acceso_mail m set due_at = $3, attempts = $4, lease_until = null, \
     place = case when m.user_id is null then m.place else $3 end from ",
    listed_rows!(),
    " where ",
    is_listed!()
);

const QUEUE_MAIL: &str = "insert into acceso_mail (id, purpose, user_id, generation, email, username, group_key, place, queued_at, \
     due_at, attempts, lease, lease_until) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing";

const RECORD: &str =
    "insert into acceso_events (at, kind, mail, user_id, address, device) values ($1, $2, $3, $4, $5, $6)";

fn event_values(event: &Event) -> Vec<Value> {
    let user = event.user();
    vec![
        instant(event.at()),
        event.kind().code().into(),
        mail_of(event.kind()).into(),
        user.as_ref().map(UserId::as_bytes).into(),
        Value::Text(event.address().map(|address| address.to_string())),
        event.device().map(DeviceLabel::as_str).into(),
    ]
}

/// A row of mail that cannot be read is held like the rest, so that it stands in nobody's way, and told to the staff.
pub(in crate::adapter) fn record_unreadable(claim: Claim, user: Option<UserId>) -> Statement {
    let event = Event::new(claim.now, EventKind::RecordUnreadable, user, &Client::unknown());
    statement(RECORD, event_values(&event))
}

fn mail_of(kind: EventKind) -> Option<&'static str> {
    match kind {
        EventKind::MailSent(purpose) | EventKind::MailRefused(purpose) | EventKind::MailExpired(purpose) => {
            Some(purpose.code())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_of_equal_rows_takes_few_statements() -> Result<(), BoxError> {
        let row = |number: u16, required| {
            let mut id = [0; 16];
            id[..2].copy_from_slice(&number.to_be_bytes());
            Write::SettleMail { id: MailId::from_bytes(id), lease: u64::from(number), required }
        };
        let writes: Vec<Write> = (0..2_501).map(|number| row(number, number == 0)).collect();
        let statements = Writer::new(true).statements(&writes)?;
        assert_eq!(statements.iter().map(|one| one.must_hit).collect::<Vec<_>>(), [true, false, false, false]);
        let listed: Vec<usize> = statements[1..]
            .iter()
            .map(|one| match &one.values[..] {
                [Value::Text(Some(ids)), Value::Text(Some(leases))] => {
                    assert_eq!(ids.split(',').count(), leases.split(',').count());
                    ids.split(',').count()
                }
                _ => 0,
            })
            .collect();
        assert_eq!(listed, [1_000, 1_000, 500]);
        // One after the other where nobody else writes meanwhile.
        assert_eq!(Writer::new(false).statements(&writes)?.len(), 2_501);
        Ok(())
    }

    #[test]
    fn rows_that_are_tried_again_at_another_time_stand_apart() -> Result<(), BoxError> {
        let row = |due: i64| Write::PostponeMail {
            id: MailId::from_bytes([1; 16]),
            lease: 1,
            due_at: Timestamp::from_millis(due),
            attempts: 1,
            required: false,
        };
        assert_eq!(Writer::new(true).statements(&[row(1), row(1), row(2)])?.len(), 2);
        Ok(())
    }
}
