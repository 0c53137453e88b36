//! What is asked for, as statements that `SQLite` and `PostgreSQL` both understand. Not: the verbs of a commit, which are in
//! `writes`.
//!
//! **Each finds its rows by an index.**

use std::hash::{BuildHasher, RandomState};

use crate::adapter::sql::{Statement, Value, instant, statement};
use crate::clock::CLOCK_SKEW;
use crate::identity::{EmailAddress, MailboxId, RegistrationId, UserId, Username};
use crate::port::user_store::Claim;
use crate::secret::Digest;

macro_rules! user_columns {
    () => {
        "id, version, generation, username, email, full_name, patients, language, status, disabled_at, disabled_by, \
         credential, password_hash, strikes, locked_at, temporary_from, temporary_until, created_at, changed_at"
    };
}

macro_rules! session_columns {
    () => {
        "digest, session_id, user_id, kind, remembered, opened_at, last_seen, absolute_end, device"
    };
}

macro_rules! registration_columns {
    () => {
        "id, username, email, full_name, password_hash, language, registered_at, expires_at"
    };
}

macro_rules! mail_columns {
    () => {
        "id, purpose, user_id, generation, email, username, queued_at, due_at, attempts, lease, lease_until"
    };
}

pub(in crate::adapter) fn user(id: UserId) -> Statement {
    statement(concat!("select ", user_columns!(), " from acceso_users where id = $1"), [id.as_bytes().into()])
}

pub(in crate::adapter) fn user_named(name: &Username) -> Statement {
    statement(concat!("select ", user_columns!(), " from acceso_users where username = $1"), [name.as_str().into()])
}

pub(in crate::adapter) fn users_with_email(email: &EmailAddress) -> Statement {
    statement(concat!("select ", user_columns!(), " from acceso_users where email_key = $1"), [email.key().into()])
}

pub(in crate::adapter) fn registration(id: RegistrationId) -> Statement {
    let sql = concat!("select ", registration_columns!(), " from acceso_registrations where id = $1");
    statement(sql, [id.as_bytes().into()])
}

pub(in crate::adapter) fn registrations(email: &EmailAddress, name: Option<&Username>, limit: u32) -> Statement {
    let limit = i64::from(limit);
    match name {
        Some(name) => statement(
            concat!(
                "select ",
                registration_columns!(),
                " from acceso_registrations where email_key = $1 and username = $2 \
                 order by registered_at desc, number desc limit $3"
            ),
            [email.key().into(), name.as_str().into(), limit.into()],
        ),
        None => statement(
            concat!(
                "select ",
                registration_columns!(),
                " from acceso_registrations where email_key = $1 order by registered_at desc, number desc limit $2"
            ),
            [email.key().into(), limit.into()],
        ),
    }
}

pub(in crate::adapter) fn mailbox(id: MailboxId) -> Statement {
    statement("select id, version, email, entries from acceso_mailboxes where id = $1", [id.as_bytes().into()])
}

pub(in crate::adapter) fn mailbox_of(email: &EmailAddress) -> Statement {
    statement("select id, version, email, entries from acceso_mailboxes where email_key = $1", [email.key().into()])
}

pub(in crate::adapter) fn session(digest: &Digest) -> Statement {
    let sql = concat!(
        "select ",
        session_columns!(),
        ", ",
        user_columns!(),
        " from acceso_sessions join acceso_users on id = user_id where digest = $1"
    );
    statement(sql, [digest.as_bytes().into()])
}

pub(in crate::adapter) fn sessions_of(user: UserId) -> Statement {
    let sql = concat!("select ", session_columns!(), " from acceso_sessions where user_id = $1");
    statement(sql, [user.as_bytes().into()])
}

/// Numbered events, the oldest first.
pub(in crate::adapter) fn events(after: u64, limit: u32) -> Statement {
    let sql = "select number, at, kind, mail, user_id, address, device from acceso_events \
               where number > $1 order by number limit $2";
    statement(sql, [after.into(), i64::from(limit).into()])
}

// Claiming.

macro_rules! free {
    ($row:literal) => {
        concat!("(", $row, ".lease_until is null or ", $row, ".lease_until <= $1 or ", $row, ".lease_until > $3)")
    };
}

macro_rules! ready {
    ($row:literal) => {
        concat!("(", $row, ".due_at <= $1 or ", $row, ".due_at > $2) and ", free!($row))
    };
}

/// Groups of which no row waits, each by the row that stands first in the queue.
macro_rules! claimable {
    ($whose:literal) => {
        concat!(
            "select m.group_key from acceso_mail m where ",
            $whose,
            " and ",
            ready!("m"),
            " and not exists (select 1 from acceso_mail e where e.group_key = m.group_key and (not (",
            ready!("e"),
            ") or (e.place, e.id) < (m.place, m.id))) order by m.place limit $4"
        )
    };
}

/// A row, if any is due and free. Found by the due time, which costs the same however many wait for theirs.
pub(in crate::adapter) fn ready(claim: Claim) -> Statement {
    const SQL: &str = concat!(
        "select 1 where (select min(m.due_at) from acceso_mail m where m.due_at <= $1 and ",
        free!("m"),
        ") is not null or (select max(m.due_at) from acceso_mail m where m.due_at > $2 and ",
        free!("m"),
        ") is not null"
    );
    let void = claim.lease_until.after(CLOCK_SKEW);
    statement(SQL, [instant(claim.now), instant(claim.latest_due), instant(void)])
}

/// A place in the queue that nobody foresees.
pub(in crate::adapter) fn anywhere() -> i64 {
    i64::from_ne_bytes(RandomState::new().hash_one(0_u8).to_ne_bytes())
}

/// The queries that find groups to claim, in the order in which to ask them: those to users by their due time; typed ones
/// from anywhere in the queue, and then from its beginning.
pub(in crate::adapter) fn claimable(claim: Claim, from: i64) -> [Statement; 3] {
    let void = claim.lease_until.after(CLOCK_SKEW);
    let asked = [instant(claim.now), instant(claim.latest_due), instant(void), i64::from(claim.limit).into()];
    let typed = |sql| statement(sql, [&asked[..], &[Value::from(from)]].concat());
    [
        statement(claimable!("m.user_id is not null"), asked.clone()),
        typed(claimable!("m.user_id is null and m.place >= $5")),
        typed(claimable!("m.user_id is null and m.place < $5")),
    ]
}

/// Takes the rows of a group, if each of them is still free and due. Typed ones stand elsewhere in the queue from then on,
/// so that no neighbours stay together.
pub(in crate::adapter) fn claim_group(claim: Claim, group: String) -> Statement {
    const SQL: &str = concat!(
        "update acceso_mail set lease = lease + case when lease < 9223372036854775807 then 1 else 0 end, \
         lease_until = $4, place = case when user_id is null then $6 else place end \
         where group_key = $5 and not exists (select 1 from acceso_mail e where e.group_key = $5 and not (",
        ready!("e"),
        ")) returning ",
        mail_columns!()
    );
    let void = claim.lease_until.after(CLOCK_SKEW);
    let until = instant(claim.lease_until);
    let asked = [instant(claim.now), instant(claim.latest_due), instant(void), until, group.into(), anywhere().into()];
    statement(SQL, asked)
}

pub(in crate::adapter) fn backlog() -> Statement {
    let sql = "select (select count(*) from acceso_mail where user_id is null) as typed, \
               (select count(*) from acceso_mail where user_id is not null) as to_users, \
               (select min(due_at) from acceso_mail) as oldest_due";
    statement(sql, [])
}

// Keeping.

/// After a restore: what is removed, and what becomes of temporary passwords, as `User::after_restore` has it.
pub(in crate::adapter) const FORGET_LIVE: [&str; 5] = [
    "delete from acceso_sessions",
    "delete from acceso_registrations",
    "delete from acceso_mailboxes",
    "delete from acceso_mail",
    "update acceso_users set credential = 'awaiting_temporary', version = version + case when version < 9223372036854775807 then 1 else 0 end, password_hash = null, \
     temporary_from = null, temporary_until = null where credential = 'temporary'",
];
