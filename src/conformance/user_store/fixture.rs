//! Records for the checks, made as the core makes them. Not: what is checked about them.
//!
//! **Records of different numbers differ in every field that can.**

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use crate::client::{Client, DeviceLabel};
use crate::clock::Timestamp;
use crate::conformance::common::{Found, ensure};
use crate::event::{Event, EventKind};
use crate::identity::{
    EmailAddress, FullName, MailId, MailboxId, PatientId, RegistrationId, SessionId, UserId, Username,
};
use crate::language::Language;
use crate::mail::MailPurpose;
use crate::mail::intent::{Addressee, MailIntent};
use crate::mailbox::{Link, Mailbox, Minting};
use crate::policy::Policy;
use crate::port::error::BoxError;
use crate::port::user_store::Claim;
use crate::registration::Registration;
use crate::secret::{Digest, PasswordHash};
use crate::session::{Session, SessionKind};
use crate::stored::Stored;
use crate::user::{Patients, User, When};

/// When the checks happen, with milliseconds that a store could lose.
pub(super) const NOW: Timestamp = at(0);

/// The instant so many milliseconds from [`NOW`].
pub(super) const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_123 + millis)
}

/// How long a fixture's lease lasts.
pub(super) const LEASE_MILLIS: i64 = 300_000;

/// A claim of everything that is due now.
pub(super) fn claim_at(now: Timestamp) -> Claim {
    Claim {
        now,
        lease_until: now.after(Duration::from_millis(LEASE_MILLIS.unsigned_abs())),
        latest_due: now.after(Duration::from_secs(7 * 24 * 3600)),
        limit: 1000,
    }
}

/// A claim to which every row is due, and free unless its lease ends later than a year from now.
pub(super) fn claim_of_all() -> Claim {
    let now = at(366 * 24 * 3_600_000);
    Claim { limit: u32::MAX, ..claim_at(now) }
}

/// Sixteen bytes with what text columns lose: NUL, a quote, a backslash, what is no UTF-8, a trailing blank.
const fn bytes(number: u32) -> [u8; 16] {
    let [a, b, c, d] = number.to_be_bytes();
    [a, b, c, d, 0, b'\'', b'\\', 0xff, 0xc3, 0, b'%', b'"', 0x80, b'\n', 0, b' ']
}

pub(super) const fn user_id(number: u32) -> UserId {
    UserId::from_bytes(bytes(number))
}

pub(super) const fn mailbox_id(number: u32) -> MailboxId {
    MailboxId::from_bytes(bytes(number))
}

pub(super) const fn registration_id(number: u32) -> RegistrationId {
    RegistrationId::from_bytes(bytes(number))
}

pub(super) const fn mail_id(number: u32) -> MailId {
    MailId::from_bytes(bytes(number))
}

pub(super) fn digest(number: u32) -> Digest {
    let mut twice = [0; 32];
    twice[..16].copy_from_slice(&bytes(number));
    twice[16..].copy_from_slice(&bytes(!number));
    Digest::from_bytes(twice)
}

pub(super) fn email(text: &str) -> EmailAddress {
    text.parse().expect("a fixture's address is legal")
}

pub(super) fn username(text: &str) -> Username {
    text.parse().expect("a fixture's user name is legal")
}

/// The address of the user of that number, with a capital letter so that spelling and key differ.
pub(super) fn email_of(number: u32) -> EmailAddress {
    email(&format!("Paciente.{number}@Example.org"))
}

pub(super) fn hash(number: u32) -> PasswordHash {
    PasswordHash::from_phc(format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$hash{number}"))
}

pub(super) fn registration(number: u32) -> Registration {
    registration_of(number, &format!("paciente-{number}"), email_of(number))
}

pub(super) fn registration_of(number: u32, name: &str, email: EmailAddress) -> Registration {
    let registered_at = at(i64::from(number));
    Registration {
        id: registration_id(number),
        username: username(name),
        email,
        full_name: "Ana María Peña-Núñez d’Ávila".parse::<FullName>().expect("a fixture's name is legal"),
        hash: hash(number),
        language: if number.is_multiple_of(2) { Language::Es } else { Language::En },
        registered_at,
        expires_at: registered_at.after(Duration::from_secs(24 * 3600)),
    }
}

pub(super) fn patients(ids: &[&str]) -> Patients {
    let parse = |id: &&str| id.parse::<PatientId>().expect("a fixture's patient id is legal");
    Patients::new(ids.iter().map(parse).collect()).expect("a fixture has patients")
}

pub(super) fn user(number: u32) -> User {
    user_of(number, &format!("paciente-{number}"), email_of(number))
}

pub(super) fn user_of(number: u32, name: &str, email: EmailAddress) -> User {
    let registration = registration_of(number, name, email.clone());
    let linked = patients(&[&format!("pac-{number}"), "pac-común"]);
    User::confirmed(user_id(number), registration, email, linked, at(i64::from(number)))
}

/// The user with its strike, disabling and so on judged at that instant.
pub(super) fn when(now: Timestamp) -> When {
    When { now, lockout: Policy::portal().lockout }
}

/// The user after one wrong password more.
pub(super) fn struck(user: &User) -> User {
    user.struck(when(NOW)).map(|(_, user)| user).expect("a chosen password below the threshold counts strikes")
}

/// The user with another password.
pub(super) fn with_password(user: &User, number: u32) -> User {
    user.with_password(hash(number), when(at(i64::from(number)))).expect("an active user may choose a password")
}

/// The user with a temporary password.
pub(super) fn with_temporary(user: &User) -> User {
    let waiting = user.recovery_confirmed(when(NOW)).expect("an active user may recover");
    let hour = Duration::from_secs(3600);
    waiting.with_temporary(hash(9), hour, when(at(1))).expect("a waiting user gets one")
}

pub(super) fn mailbox(number: u32) -> Mailbox {
    Mailbox::new(mailbox_id(number), email_of(number))
}

/// The mailbox with one more link of recovery, for the user of that number, which ends then.
pub(super) fn with_link(mailbox: &Mailbox, number: u32, expires_at: Timestamp) -> Mailbox {
    let link = Link { digest: digest(number), expires_at, generation: Some(u64::from(number) + 1) };
    with_mail(mailbox, MailPurpose::ConfirmRecovery, Some(user_id(number)), number, Some(link))
}

pub(super) fn with_mail(
    mailbox: &Mailbox,
    purpose: MailPurpose,
    user: Option<UserId>,
    number: u32,
    link: Option<Link>,
) -> Mailbox {
    let intents = [mail_id(number)];
    let generation = link.as_ref().and_then(|link| link.generation);
    mailbox.with_mail(Minting { purpose, user, generation, intents: &intents, now: NOW }, link, &Policy::portal())
}

/// A session of the user of that number.
pub(super) fn session(number: u32, user: UserId) -> Session {
    session_opened(number, user, at(i64::from(number)))
}

pub(super) fn session_opened(number: u32, user: UserId, opened_at: Timestamp) -> Session {
    Session {
        digest: digest(number),
        id: SessionId::from_bytes(bytes(!number)),
        user,
        kind: if number.is_multiple_of(2) { SessionKind::Full } else { SessionKind::MustChangePassword },
        remembered: number.is_multiple_of(3),
        opened_at,
        last_seen: opened_at.after(Duration::from_millis(1)),
        absolute_end: opened_at.after(Duration::from_secs(12 * 3600)),
        device: DeviceLabel::new(&format!("Navegador {number} «ñandú»")),
    }
}

/// A row asked for by a stranger; rows of different numbers are no equals.
pub(super) fn typed(number: u32) -> MailIntent {
    typed_by(number, email_of(number), None)
}

pub(super) fn typed_by(number: u32, email: EmailAddress, username: Option<Username>) -> MailIntent {
    intent(number, MailPurpose::UserNames, Addressee::Typed { email, username }, NOW)
}

/// A row about the user of that number.
pub(super) fn to_user(number: u32) -> MailIntent {
    intent(number, MailPurpose::PasswordChanged, Addressee::User { id: user_id(number), generation: 1 }, NOW)
}

pub(super) fn intent(number: u32, purpose: MailPurpose, addressee: Addressee, now: Timestamp) -> MailIntent {
    MailIntent::new(mail_id(number), purpose, addressee, now)
}

/// The row, due then.
pub(super) fn due(intent: MailIntent, due_at: Timestamp) -> MailIntent {
    let (attempts, lease) = (intent.attempts(), intent.lease());
    intent.with_columns(due_at, attempts, lease)
}

pub(super) fn event(number: u32) -> Event {
    let client = Client::unknown().with_address([192, 0, 2, 1].into()).with_device("Navegador «ñandú»");
    Event::new(at(i64::from(number)), EventKind::SignedIn, Some(user_id(number)), &client)
}

/// Every field of a record, as the document that a store may keep.
pub(super) fn fields<T>(record: &T) -> serde_json::Value
where
    for<'a> Stored<&'a T>: Serialize,
{
    serde_json::to_value(Stored(record)).expect("a record has a stored form")
}

/// The record with a field of its document replaced: for what no method of the core makes.
pub(super) fn with_field<T>(record: &T, field: &str, value: impl Into<serde_json::Value>) -> T
where
    for<'a> Stored<&'a T>: Serialize,
    Stored<T>: DeserializeOwned,
{
    let mut document = fields(record);
    document[field] = value.into();
    serde_json::from_value::<Stored<T>>(document).expect("the document is legal").0
}

/// That a record was found and is the same in every field.
pub(super) fn same_record<T>(what: &str, found: Option<&T>, expected: &T) -> Found
where
    for<'a> Stored<&'a T>: Serialize,
{
    let Some(found) = found else { return Err(format!("{what} is not found").into()) };
    let (found, expected) = (fields(found), fields(expected));
    ensure!(found == expected, "{what} came back as {found} instead of {expected}");
    Ok(())
}

/// That a list holds exactly these records, in any order.
pub(super) fn same_records<T>(what: &str, found: &[T], expected: &[T]) -> Found
where
    for<'a> Stored<&'a T>: Serialize,
{
    let sorted = |records: &[T]| {
        let mut texts: Vec<String> = records.iter().map(|record| fields(record).to_string()).collect();
        texts.sort_unstable();
        texts
    };
    let (found, expected) = (sorted(found), sorted(expected));
    ensure!(found == expected, "{what} holds {found:?} instead of {expected:?}");
    Ok(())
}

/// The one record of the list that a check expects.
pub(super) fn only<T>(what: &str, mut found: Vec<T>) -> Result<T, BoxError> {
    let count = found.len();
    match found.pop() {
        Some(record) if count == 1 => Ok(record),
        _ => Err(format!("{what}: {count} rows instead of one").into()),
    }
}
