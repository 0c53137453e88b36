//! The stored form of every record, as golden files: what a store has kept must be readable by every later version. Not: how
//! a store keeps it.
//!
//! **What is written is read back as it was, and a document that no version can have written is an error, never a panic and
//! never a record.**
//!
//! The files are written from real flows at a fixed time with fixed randomness; `ACCESO_BLESS=1` writes them anew. A
//! difference that is not only of random values is a break for every store out there.

mod common;
#[path = "common/spy.rs"]
mod spy;

use std::net::IpAddr;
use std::time::Duration;

use acceso::{
    Claim, Client, Clock, Event, Lease, LoginForm, MailIntent, MailPurpose, Mailbox, Policy, Registration, Session,
    Stay, Stored, Timestamp, User, UserStore,
};
use common::{ANA, PASSWORD, Portal, token};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use spy::{Fate, Watched, user};

/// Reads a document and writes what was read.
type ReadBack = fn(Value) -> Result<Value, serde_json::Error>;

fn read_back<T: Serialize + DeserializeOwned>(document: Value) -> Result<Value, serde_json::Error> {
    serde_json::from_value::<T>(document).and_then(serde_json::to_value)
}

struct Golden {
    name: &'static str,
    written: Value,
    read_back: ReadBack,
}

fn golden<T: Serialize + DeserializeOwned>(name: &'static str, record: &T) -> Golden {
    Golden { name, written: serde_json::to_value(record).expect("serializes"), read_back: read_back::<T> }
}

fn of_user(name: &'static str, record: User) -> Golden {
    golden(name, &Stored(record))
}

async fn users() -> Vec<Golden> {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let id = user(&portal.store, "anapena").await.id();
    let client = portal.client.clone();
    let chosen = user(&portal.store, "anapena").await;
    portal.pass(60);
    portal.lock("anapena").await;
    let locked = user(&portal.store, "anapena").await;
    portal.mails().await;
    let _ = portal.recover_password(ANA, "anapena").await;
    let link = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    let _ = portal.confirm_recovery(&link).await;
    let awaiting = user(&portal.store, "anapena").await;
    portal.mail(MailPurpose::TemporaryPassword).await;
    let temporary = user(&portal.store, "anapena").await;
    assert!(portal.acceso.disable(id, &client).await.is_ok());
    let by_clinic = user(&portal.store, "anapena").await;
    assert!(portal.acceso.enable(id, &client).await.is_ok());
    portal.registry.remove(&"pac-0001".parse().expect("legal"));
    assert!(portal.acceso.refresh_patients(id, &client).await.is_ok());
    let by_registry = user(&portal.store, "anapena").await;
    vec![
        of_user("user_chosen", chosen),
        of_user("user_locked", locked),
        of_user("user_awaiting_temporary", awaiting),
        of_user("user_temporary", temporary),
        of_user("user_disabled_by_clinic", by_clinic),
        of_user("user_disabled_no_patients", by_registry),
    ]
}

async fn waiting() -> Vec<Golden> {
    let mut watched = Watched::with(Policy::portal());
    let portal = &mut watched.portal;
    portal.user(ANA, "anapena", PASSWORD).await;
    let email = ANA.parse().expect("legal");
    portal.registered(ANA, "otra", PASSWORD).await;
    let registration = portal.store.registrations(&email, None, 1).await.expect("in memory").remove(0);
    portal.mails().await;
    let _ = portal.recover_username(ANA).await;
    portal.mails().await;
    // One link that the mailer did not take.
    let _ = portal.recover_password(ANA, "anapena").await;
    watched.post.next([Fate::Transient]);
    portal.mails().await;
    let mailbox = portal.store.mailbox_of(&email).await.expect("in memory").expect("a mailbox");
    portal.lock("anapena").await;
    let _ = portal.recover_username(ANA).await;
    let now = portal.clock.now().after(Duration::from_secs(3_600));
    let claim = Claim { now, lease_until: now.after(Duration::from_secs(300)), latest_due: now, limit: 10 };
    let claimed = portal.store.claim_due_mail(claim).await.expect("in memory");
    let of = |purpose| claimed.iter().find(|intent| intent.purpose() == purpose).cloned().expect("a row");
    let postponed = of(MailPurpose::ConfirmRecovery);
    let queued = of(MailPurpose::UserNames);
    let (due_at, attempts) = (queued.due_at(), queued.attempts());
    vec![
        golden("registration", &Stored::<Registration>(registration)),
        golden("mailbox", &Stored::<Mailbox>(mailbox)),
        golden("mail_intent_queued", &Stored::<MailIntent>(queued.with_columns(due_at, attempts, Lease::default()))),
        golden("mail_intent_of_a_name", &Stored::<MailIntent>(postponed)),
        golden("mail_intent_of_a_user", &Stored::<MailIntent>(of(MailPurpose::UserLocked))),
    ]
}

async fn sessions_and_events() -> Vec<Golden> {
    let mut portal = Portal::new();
    portal.user(ANA, "anapena", PASSWORD).await;
    let mail_sent = portal.store.events().pop().expect("an event");
    let full = portal.signed_in("anapena", PASSWORD).await;
    portal.client =
        Client::unknown().with_address(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7])).with_device("Firefox en Linux");
    let stays = LoginForm::new("anapena", PASSWORD);
    assert!(portal.acceso.login(stays, Stay::SignedIn, &portal.client).await.is_ok());
    let signed_in = portal.store.events().pop().expect("an event");
    portal.pass(90);
    assert!(portal.is_signed_in(&full.token).await);
    let sessions = portal.store.sessions_of(full.user).await.expect("in memory");
    let remembered = sessions.iter().find(|session| session.is_remembered()).cloned().expect("one stays");
    let brief = sessions.iter().find(|session| !session.is_remembered()).cloned().expect("one does not");
    portal.client = Client::unknown();
    let temporary = portal.temporary_password(ANA, "anapena").await;
    let _ = portal.login("anapena", &temporary).await;
    let restricted = portal.store.sessions_of(full.user).await.expect("in memory").remove(0);
    let _ = portal.login("desconocida", PASSWORD).await;
    let unknown = portal.store.events().pop().expect("an event");
    vec![
        golden("session_full", &Stored::<Session>(brief)),
        golden("session_remembered", &Stored::<Session>(remembered)),
        golden("session_restricted", &Stored::<Session>(restricted)),
        golden::<Event>("event_of_a_mail", &mail_sent),
        golden::<Event>("event_of_a_user", &signed_in),
        golden::<Event>("event_of_nobody", &unknown),
    ]
}

async fn all() -> Vec<Golden> {
    users().await.into_iter().chain(waiting().await).chain(sessions_and_events().await).collect()
}

fn file(name: &str) -> String {
    format!("{}/tests/golden/stored/{name}.json", env!("CARGO_MANIFEST_DIR"))
}

fn kept(name: &str) -> Value {
    let text = std::fs::read_to_string(file(name)).expect("ACCESO_BLESS=1 writes it");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn records_are_written_as_they_always_were() {
    for golden in all().await {
        if std::env::var_os("ACCESO_BLESS").is_some() {
            let text = serde_json::to_string_pretty(&golden.written).expect("serializes");
            std::fs::write(file(golden.name), text + "\n").expect("the folder is there");
        }
        assert_eq!(golden.written, kept(golden.name), "{}", golden.name);
    }
}

#[tokio::test]
async fn what_was_ever_written_is_read_back_as_it_was() {
    for golden in all().await {
        let kept = kept(golden.name);
        assert_eq!((golden.read_back)(kept.clone()).expect(golden.name), kept, "{}", golden.name);
    }
}

/// The place of every object in a document, and of every value in an object.
fn places(document: &Value) -> (Vec<String>, Vec<String>) {
    fn walk(value: &Value, at: &str, objects: &mut Vec<String>, values: &mut Vec<String>) {
        let inner: Vec<(String, &Value)> = match value {
            Value::Object(map) => {
                objects.push(at.to_owned());
                values.extend(map.keys().map(|key| format!("{at}/{key}")));
                map.iter().map(|(key, value)| (format!("{at}/{key}"), value)).collect()
            }
            // Of bytes, one stands for all.
            Value::Array(list) if list.first().is_some_and(Value::is_number) => Vec::new(),
            Value::Array(list) => list.iter().enumerate().map(|(n, value)| (format!("{at}/{n}"), value)).collect(),
            _ => Vec::new(),
        };
        for (at, value) in inner {
            walk(value, &at, objects, values);
        }
    }
    let (mut objects, mut values) = (Vec::new(), Vec::new());
    walk(document, "", &mut objects, &mut values);
    (objects, values)
}

fn with(document: &Value, place: &str, value: Value) -> Value {
    let mut changed = document.clone();
    *changed.pointer_mut(place).expect("a place in it") = value;
    changed
}

#[tokio::test]
async fn a_document_with_a_field_too_many_or_too_few_is_none() {
    for golden in all().await {
        let (objects, values) = places(&golden.written);
        // Events are read by people, also of a version to come: nothing is decided by them.
        let is_event = golden.name.starts_with("event");
        for place in objects.iter().filter(|_| !is_event) {
            let mut more = golden.written.clone();
            more.pointer_mut(place).and_then(Value::as_object_mut).expect("an object").insert("x".into(), json!(1));
            assert!((golden.read_back)(more).is_err(), "{} with something more in {place:?}", golden.name);
        }
        for place in values.iter().filter(|place| !is_event || ["/at", "/kind"].contains(&place.as_str())) {
            let (object, key) = place.rsplit_once('/').expect("in an object");
            let mut less = golden.written.clone();
            less.pointer_mut(object).and_then(Value::as_object_mut).expect("an object").remove(key);
            assert!((golden.read_back)(less).is_err(), "{} without {place}", golden.name);
        }
    }
}

#[tokio::test]
async fn a_document_with_an_illegal_value_is_none() {
    let cases: &[(&str, &str, &[Value])] = &[
        ("user_chosen", "/id", &[json!(""), json!("AB"), json!(7), json!("zz".repeat(16)), Value::Null]),
        (
            "user_chosen",
            "/username",
            &[json!("no es"), json!("an"), json!("ñandú"), json!("a".repeat(33)), json!("a@b")],
        ),
        ("user_chosen", "/email", &[json!("a@x.com,b@y.com"), json!("ana"), json!("mıke@example.org"), json!("")]),
        ("user_chosen", "/full_name", &[json!("Ana\r\nBcc: x"), json!("<b>"), json!("")]),
        ("user_chosen", "/patients", &[json!([]), json!([""]), json!(["a\nb"]), json!("pac-0001"), json!([1])]),
        ("user_chosen", "/language", &[json!("de"), json!("ES"), Value::Null]),
        ("user_chosen", "/status", &[json!("retired"), json!("disabled"), json!({ "disabled": {} }), Value::Null]),
        ("user_chosen", "/credential", &[json!("chosen"), json!("forgotten"), json!({}), Value::Null]),
        ("user_chosen", "/credential/chosen/strikes", &[json!(-1), json!(65_536), json!(1.5), json!("0"), Value::Null]),
        ("user_chosen", "/credential/chosen/hash", &[Value::Null, json!(1)]),
        ("user_chosen", "/generation", &[json!(0), json!(-1), json!(1e30)]),
        ("user_chosen", "/version", &[json!(0), json!(-1), json!("1")]),
        ("user_disabled_by_clinic", "/status/disabled/by", &[json!("nobody"), json!(""), Value::Null]),
        ("mailbox", "/version", &[json!(0), json!(-1)]),
        ("mailbox", "/entries", &[json!({}), Value::Null]),
        ("mailbox", "/entries/0/purpose", &[json!("spam"), json!("user_locked"), Value::Null]),
        ("mailbox", "/entries/0/handed", &[json!("yes"), json!(1), Value::Null]),
        (
            "mailbox",
            "/entries/0/link/digest",
            &[json!([]), json!(vec![1; 31]), json!(vec![1; 33]), json!(vec![256; 32])],
        ),
        ("registration", "/username", &[json!("no es"), json!("")]),
        ("registration", "/email", &[json!("ana"), json!("a@b@c.com")]),
        ("registration", "/hash", &[Value::Null]),
        ("session_full", "/kind", &[json!("admin"), json!("Full"), Value::Null]),
        ("session_full", "/digest", &[json!(vec![1; 31]), json!("x"), Value::Null]),
        ("session_full", "/remembered", &[json!("true"), json!(0), Value::Null]),
        ("session_full", "/user", &[json!("anapena"), Value::Null]),
        ("mail_intent_queued", "/purpose", &[json!("spam"), Value::Null]),
        ("mail_intent_queued", "/addressee", &[json!("everybody"), json!({}), json!({ "typed": {} }), Value::Null]),
        ("mail_intent_queued", "/attempts", &[json!(-1), json!(4_294_967_296_u64), json!(0.5)]),
        ("mail_intent_of_a_user", "/lease/number", &[json!(-1), json!("1"), Value::Null]),
        ("event_of_a_user", "/kind", &[json!("no_such_kind"), json!({ "mail_sent": "spam" }), json!("mail_sent")]),
        ("event_of_a_user", "/address", &[json!("localhost"), json!(1)]),
    ];
    let all = all().await;
    for (name, place, values) in cases {
        let golden = all.iter().find(|golden| golden.name == *name).expect(name);
        for value in *values {
            let read = (golden.read_back)(with(&golden.written, place, value.clone()));
            assert!(read.is_err(), "{name}{place} = {value}");
        }
    }
}

fn is_instant(place: &str) -> bool {
    let name = place.rsplit('/').next().unwrap_or(place);
    ["at", "since", "until", "last_seen", "absolute_end"].contains(&name)
        || name.ends_with("_at")
        || name.ends_with("_since")
}

#[tokio::test]
async fn instants_out_of_range_are_errors_and_those_in_range_are_only_instants() {
    let mut instants = 0;
    for golden in all().await {
        for place in places(&golden.written).1.iter().filter(|place| is_instant(place)) {
            instants += 1;
            for value in [json!(u64::MAX), json!(i64::MAX as u64 + 1), json!(1e300), json!(0.5), json!("2026-01-15")] {
                assert!((golden.read_back)(with(&golden.written, place, value)).is_err(), "{}{place}", golden.name);
            }
            for extreme in [i64::MIN, -1, 0, i64::MAX] {
                let extreme = with(&golden.written, place, json!(extreme));
                assert_eq!((golden.read_back)(extreme.clone()).expect("an instant"), extreme);
            }
        }
    }
    assert!(instants > 30, "{instants}");
}

/// Whatever stands in a row, reading it does not panic.
#[tokio::test]
async fn no_value_anywhere_makes_reading_panic() {
    for golden in all().await {
        let (objects, values) = places(&golden.written);
        for place in objects.iter().chain(&values) {
            for value in [
                Value::Null,
                json!(true),
                json!(-1),
                json!(u64::MAX),
                json!(""),
                json!("\u{0}\u{202e}ñ"),
                json!("x".repeat(100_000)),
                json!([]),
                json!([[]]),
                json!({}),
                json!({ "": {} }),
            ] {
                let _ = (golden.read_back)(with(&golden.written, place, value));
            }
        }
        for text in ["", "null", "[]", "{}", "{\"id\":", "\u{feff}{}"] {
            assert!(serde_json::from_str::<Stored<User>>(text).is_err(), "{text}");
        }
    }
    // A record read from an extreme document can be used: nothing counts on what a row says.
    let mut watched = Watched::with(Policy::portal());
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    watched.spy.tamper(|user| {
        user["credential"] = json!({ "temporary": { "hash": "x", "minted_at": i64::MIN, "expires_at": i64::MAX } });
    });
    assert!(matches!(watched.portal.login("anapena", PASSWORD).await, acceso::Login::Rejected));
    watched.portal.clock.set(Timestamp::from_millis(i64::MAX));
    assert!(matches!(watched.portal.login("anapena", PASSWORD).await, acceso::Login::Rejected));
}
