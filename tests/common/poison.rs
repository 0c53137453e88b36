//! Rows that no version of the crate can have written, as a backup half restored, a hand or an intruder leaves them. Not:
//! rows that are legal and false, which nobody can tell.
//!
//! **What cannot be read is a clear error and an event: never a panic, never a login, and in nobody's way.**

use std::error::Error as _;

use acceso::{Error, EventKind, Login, MailPurpose, SessionToken, UserId, UserStore};

use crate::common::{ANA, NOBODY, PASSWORD, token};
use crate::deployment::Deployment;
use crate::stand::Stand;
use crate::{Store, can_run};

/// Stands in what is damaged, and must stand in no error.
const MARK: &str = "veneno";

/// Of users: what is done to Ana's row, and the column that the error names.
const USERS: &[(&str, &str)] = &[
    ("status = 'veneno'", "status"),
    ("status = 'disabled'", "status"),
    ("disabled_at = 1", "status"),
    ("status = 'disabled', disabled_at = 1, disabled_by = 'veneno'", "disabled_by"),
    ("status = 'disabled', disabled_at = 1, disabled_by = null", "disabled_by"),
    ("credential = 'veneno'", "credential"),
    ("strikes = -1", "strikes"),
    ("strikes = 65536", "strikes"),
    ("strikes = null", "strikes"),
    ("password_hash = null", "password_hash"),
    ("credential = 'temporary', temporary_from = null", "temporary_from"),
    ("credential = 'temporary', temporary_from = 1, temporary_until = null", "temporary_until"),
    ("version = -1", "version"),
    ("generation = -1", "generation"),
    ("language = 'veneno'", "language"),
    ("patients = 'veneno'", "patients"),
    ("patients = '{\"veneno\": 1}'", "patients"),
    ("patients = '[]'", "patients"),
];

/// The same, for what the tables cannot refuse.
const USERS_UNREFUSED: &[(&str, &str)] =
    &[("email = 'veneno'", "email"), ("full_name = ''", "full_name"), ("patients = '[1]'", "patients")];

/// A63 and A64, and their kin: what would be costly, weak or no hash at all.
const HASHES: &[&str] = &[
    "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$argon2id$v=19$m=1048576,t=3,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$argon2id$v=19$m=8192,t=4294967295,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$argon2d$v=16$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAA",
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAA",
    "$argon2id$v=19$m=19456,t=2,p=1$$",
    "$2b$12$veneno",
    "veneno",
    "",
];

struct Scene {
    portal: Deployment<Store>,
    stand: Stand,
}

impl Scene {
    async fn new() -> Self {
        let stand = Stand::new().await;
        let mut portal = Deployment::over(stand.store().await);
        portal.user(ANA, "anapena", PASSWORD).await;
        Self { portal, stand }
    }

    async fn kinds(&self) -> Vec<(EventKind, Option<UserId>)> {
        let events = self.portal.store.inner.events(0, 9999).await.expect("readable events");
        events.into_iter().map(|(_, event)| (event.kind(), event.user())).collect()
    }

    /// That the call failed over this column, said so to the staff and told nobody what stands there.
    async fn is_told<T: std::fmt::Debug>(&self, answer: Result<T, Error>, column: &str, user: Option<UserId>) {
        let error = match answer {
            Err(Error::Unavailable(cause)) => Error::Unavailable(cause),
            other => panic!("{column}: {other:?}"),
        };
        let (mut told, mut debug) = (error.to_string(), format!("{error:?}"));
        let mut cause = error.source();
        while let Some(error) = cause {
            told = format!("{told}: {error}");
            debug = format!("{debug} {error:?}");
            cause = error.source();
        }
        assert!(told.contains(&format!("column {column}: ")), "{column}: {told}");
        assert!(!told.contains(MARK) && !debug.contains(MARK), "{told} {debug}");
        let last = self.kinds().await.pop().expect("an event");
        assert_eq!(last, (EventKind::RecordUnreadable, user), "{column}");
    }
}

fn ana(change: &str) -> String {
    format!("update acceso_users set {change} where username = 'anapena'")
}

#[tokio::test]
async fn a_user_that_cannot_be_read_is_not_let_in_by_any_door() {
    if !can_run("a_user_that_cannot_be_read_is_not_let_in_by_any_door") {
        return;
    }
    let scene = Scene::new().await;
    let token = scene.portal.signed_in("anapena", PASSWORD).await.token;
    let id = Some(scene.portal.named("anapena").await.id());
    let (refused, unrefused) = (USERS.iter().map(|row| (row, true)), USERS_UNREFUSED.iter().map(|row| (row, false)));
    for ((change, column), is_refused) in refused.chain(unrefused) {
        let sound = scene.stand.copy_of_users().await;
        if is_refused {
            assert!(!scene.stand.accepts(&ana(change)).await, "no constraint refuses: {change}");
        }
        scene.stand.damage(&ana(change)).await;
        scene.is_told(scene.portal.login("anapena", PASSWORD).await, column, id).await;
        scene.is_told(scene.portal.login("anapena", "Equivocada 1").await, column, id).await;
        scene.is_told(scene.portal.acceso.session(&token).await, column, id).await;
        scene.stand.damage(&sound).await;
        assert!(scene.portal.is_signed_in(&token).await, "{change}");
    }
}

#[tokio::test]
async fn a_poisoned_hash_lets_nobody_in_and_costs_no_more_than_a_sound_one() {
    if !can_run("a_poisoned_hash_lets_nobody_in_and_costs_no_more_than_a_sound_one") {
        return;
    }
    let scene = Scene::new().await;
    let id = Some(scene.portal.named("anapena").await.id());
    for hash in HASHES {
        scene.stand.damage(&ana(&format!("password_hash = '{hash}'"))).await;
        for password in [PASSWORD, "", MARK] {
            assert!(matches!(scene.portal.login("anapena", password).await, Ok(Login::Rejected)), "{hash}");
            assert_eq!(scene.kinds().await.pop(), Some((EventKind::CorruptCredential, id)), "{hash}");
        }
    }
    // The most that the process has ever held, where the system tells it: the rows ask for 1 GiB and 4 TiB.
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
        let kib: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
        assert!(kib < 768 * 1024, "{kib} KiB");
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_read_lets_nobody_in() {
    if !can_run("a_session_that_cannot_be_read_lets_nobody_in") {
        return;
    }
    let scene = Scene::new().await;
    let id = Some(scene.portal.named("anapena").await.id());
    let (short, update) = (Stand::bytes("00ff"), "update acceso_sessions set");
    for (change, column) in [("kind = 'veneno'".to_owned(), "kind"), (format!("session_id = {short}"), "session_id")] {
        let token = scene.portal.signed_in("anapena", PASSWORD).await.token;
        assert!(!scene.stand.accepts(&format!("{update} {change}")).await, "no constraint refuses: {change}");
        scene.stand.damage(&format!("{update} {change}")).await;
        scene.is_told(scene.portal.acceso.session(&token).await, column, id).await;
        scene.stand.damage("delete from acceso_sessions").await;
    }
    for cut in ["digest", "user_id"] {
        let token = scene.portal.signed_in("anapena", PASSWORD).await.token;
        let sql = format!("{update} {cut} = {short}");
        assert!(!scene.stand.accepts(&sql).await, "no constraint refuses: {sql}");
        scene.stand.damage(&sql).await;
        assert!(!scene.portal.is_signed_in(&token).await, "{cut}");
        let unknown = SessionToken::parse(&"A".repeat(43)).expect("the form of one");
        assert!(!scene.portal.is_signed_in(&unknown).await, "{cut}");
        scene.stand.damage("delete from acceso_sessions").await;
    }
    // A list that holds one that cannot be read is an error, not a shorter list.
    let token = scene.portal.signed_in("anapena", PASSWORD).await.token;
    scene.portal.signed_in("anapena", PASSWORD).await;
    scene.open_a_session_and_cut_its_digest(&short).await;
    scene.is_told(scene.portal.acceso.sessions(&token).await, "digest", id).await;
}

impl Scene {
    /// One later than all others.
    async fn open_a_session_and_cut_its_digest(&self, short: &str) {
        self.portal.pass(std::time::Duration::from_secs(1));
        self.portal.signed_in("anapena", PASSWORD).await;
        let newest = "(select max(opened_at) from acceso_sessions)";
        self.stand.damage(&format!("update acceso_sessions set digest = {short} where opened_at = {newest}")).await;
    }
}

#[tokio::test]
async fn a_link_in_a_mailbox_that_cannot_be_read_is_good_for_nothing() {
    if !can_run("a_link_in_a_mailbox_that_cannot_be_read_is_good_for_nothing") {
        return;
    }
    let mut scene = Scene::new().await;
    scene.portal.recover_password(ANA, "anapena").await;
    let link = token(&scene.portal.mail().await);
    let sound = scene.stand.texts("select entries from acceso_mailboxes").await.remove(0);
    let cut = sound.replacen("\"digest\":[", "\"digest\":[7],\"was\":[", 1);
    let longer = sound.replace("\"digest\":[", "\"digest\":[7,");
    let negative = sound.replace("\"digest\":[", "\"digest\":[-1,");
    assert!(cut != sound && longer != sound, "{sound}");
    let shorter = cut_digests(&sound);
    assert!(shorter.len() < sound.len(), "{sound}");
    for (entries, is_refused) in [
        (MARK, true),
        ("{\"veneno\": 1}", true),
        ("[{\"veneno\": 1}]", false),
        ("[null]", false),
        (cut.as_str(), false),
        (shorter.as_str(), false),
        (longer.as_str(), false),
        (negative.as_str(), false),
    ] {
        let sql = format!("update acceso_mailboxes set entries = '{entries}'");
        if is_refused {
            assert!(!scene.stand.accepts(&sql).await, "no constraint refuses: {entries}");
        }
        scene.stand.damage(&sql).await;
        let answer = scene.portal.acceso.confirm_recovery(&link, &scene.portal.client).await;
        scene.is_told(answer, "entries", None).await;
    }
    for (change, column) in [("version = -1", "version"), ("email = 'veneno'", "email")] {
        scene.stand.damage(&format!("update acceso_mailboxes set entries = '{sound}', {change}")).await;
        let answer = scene.portal.acceso.confirm_recovery(&link, &scene.portal.client).await;
        scene.is_told(answer, column, None).await;
    }
    let restored = format!("update acceso_mailboxes set version = 9, email = '{ANA}'");
    scene.stand.damage(&restored).await;
    let answer = scene.portal.confirm_recovery(&link).await;
    assert_eq!(answer, acceso::RecoveryConfirmation::Accepted);
}

/// Each digest without its last number.
fn cut_digests(entries: &str) -> String {
    let cut = |part: &str| {
        let (digest, rest) = part.split_once(']').expect("a list");
        let (shorter, _) = digest.rsplit_once(',').expect("numbers");
        format!("{shorter}]{rest}")
    };
    let mut parts = entries.split("\"digest\":[");
    let first = parts.next().unwrap_or_default().to_owned();
    std::iter::once(first).chain(parts.map(cut)).collect::<Vec<_>>().join("\"digest\":[")
}

#[tokio::test]
async fn a_registration_that_cannot_be_read_makes_no_user() {
    if !can_run("a_registration_that_cannot_be_read_makes_no_user") {
        return;
    }
    let mut scene = Scene::new().await;
    scene.portal.register(ANA, "otra", PASSWORD).await;
    let link = token(&scene.portal.mail().await);
    let form = || acceso::ConfirmationForm {
        token: link.clone(),
        username: "otra".into(),
        password: PASSWORD.into(),
        reference: None,
    };
    let before = scene.stand.texts("select username from acceso_users").await;
    for (change, sound, column) in [
        ("language = 'veneno'", "language = 'es'", "language"),
        ("full_name = ''", "full_name = 'Nombre Apellido'", "full_name"),
        ("email = 'veneno'", "email = 'ana.pena@example.org'", "email"),
    ] {
        scene.stand.damage(&format!("update acceso_registrations set {change}")).await;
        let answer = scene.portal.acceso.confirm(form(), &scene.portal.client).await;
        scene.is_told(answer, column, None).await;
        scene.stand.damage(&format!("update acceso_registrations set {sound}")).await;
    }
    assert_eq!(scene.stand.texts("select username from acceso_users").await, before);
    let confirmed = scene.portal.confirm(&link, "otra", PASSWORD).await;
    assert_eq!(confirmed, acceso::Confirmation::Confirmed);
}

#[tokio::test]
async fn a_mail_that_cannot_be_read_keeps_no_other_mail_waiting() {
    if !can_run("a_mail_that_cannot_be_read_keeps_no_other_mail_waiting") {
        return;
    }
    let mut scene = Scene::new().await;
    let short = Stand::bytes("00ff");
    for (change, restored) in [
        ("purpose = 'veneno'".to_owned(), "purpose = 'user_names'"),
        ("attempts = -1".to_owned(), "attempts = 0"),
        ("attempts = 4294967296".to_owned(), "attempts = 0"),
        ("email = 'veneno'".to_owned(), "email = 'nadie@example.org'"),
        ("username = 'VENENO no'".to_owned(), "username = null"),
        (format!("user_id = {short}, generation = 1"), "user_id = null, generation = null"),
        ("email = null".to_owned(), "email = 'nadie@example.org'"),
    ] {
        scene.portal.recover_username(NOBODY).await;
        let sql = format!("update acceso_mail set {change}");
        scene.stand.damage(&sql).await;
        scene.portal.pass(std::time::Duration::from_secs(3600));
        scene.portal.recover_username(ANA).await;
        let before = scene.kinds().await.len();
        let mails = scene.portal.mails().await;
        let purposes: Vec<MailPurpose> = mails.iter().map(acceso::Mail::purpose).collect();
        assert_eq!(purposes, [MailPurpose::UserNames], "{change}");
        let told = scene.kinds().await.split_off(before);
        let unreadable = told.iter().filter(|(kind, _)| *kind == EventKind::RecordUnreadable).count();
        assert_eq!(unreadable, 1, "{change}: {told:?}");
        // It is held like any other, and not told again at once.
        assert!(scene.portal.mails().await.is_empty());
        assert_eq!(scene.portal.acceso.mail_backlog().await.expect("there").typed.max(1), 1);
        // Whoever mends it has lost nothing.
        scene.stand.damage(&format!("update acceso_mail set {restored}")).await;
        scene.portal.pass(std::time::Duration::from_secs(3600));
        scene.portal.mails().await;
        assert_eq!(scene.stand.texts("select purpose from acceso_mail").await, [""; 0], "{change}");
    }
}

#[tokio::test]
async fn a_mail_that_cannot_be_claimed_like_others_keeps_no_other_mail_waiting() {
    if !can_run("a_mail_that_cannot_be_claimed_like_others_keeps_no_other_mail_waiting") {
        return;
    }
    let mut scene = Scene::new().await;
    let mut changes = vec!["lease = 9223372036854775807"];
    if Stand::DATABASE == "sqlite" {
        // The other one refuses text that is none.
        changes.push("group_key = cast(x'ff' as text)");
    }
    for change in changes {
        scene.portal.recover_username(NOBODY).await;
        scene.stand.damage(&format!("update acceso_mail set {change}")).await;
        scene.portal.recover_username(ANA).await;
        let mails = scene.portal.mails().await;
        let purposes: Vec<MailPurpose> = mails.iter().map(acceso::Mail::purpose).collect();
        assert_eq!(purposes, [MailPurpose::UserNames], "{change}");
        scene.stand.damage("delete from acceso_mail").await;
        scene.portal.pass(std::time::Duration::from_secs(2 * 24 * 3600));
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_an_error_of_who_reads_events() {
    if !can_run("an_event_that_cannot_be_read_is_an_error_of_who_reads_events") {
        return;
    }
    let scene = Scene::new().await;
    scene.stand.damage("insert into acceso_events (at, kind) values (1, 'veneno')").await;
    let error = scene.portal.store.inner.events(0, 9999).await.expect_err("an unknown kind");
    let told = format!("{error} {:?} {:?}", error, error.source().map(ToString::to_string));
    assert!(told.contains("column kind") && !told.contains(MARK), "{told}");
    // Accounts go on.
    scene.portal.signed_in("anapena", PASSWORD).await;
    let id = scene.portal.named("anapena").await.id();
    assert!(scene.portal.store.user(id).await.is_ok());
}
