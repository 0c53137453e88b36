//! The catalogue of attacks, each shown to come to nothing: one test for each row that applies to the core, named by the
//! row. Not: what a row says, which the threat model does.
//!
//! **Every row from A01 to A120 has a test here, or a place in the table of [`ELSEWHERE`], and not both.**

#![allow(clippy::unchecked_time_subtraction, reason = "an underflow is a failing test")]

#[path = "../common/mod.rs"]
mod common;
mod design;
mod enumeration;
mod guessing;
mod mail;
mod names;
mod passwords;
mod recovery;
mod registration;
mod sessions;
mod shown;
#[path = "../common/spy.rs"]
mod spy;
mod time;
mod tokens;

use std::collections::BTreeSet;
use std::time::Duration;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Fails to compile if the type has the trait.
macro_rules! lacks {
    ($type:ty: $($trait:path),+) => {$(
        const _: fn() = || {
            trait Ambiguous<A> { fn at_once() {} }
            impl<T: ?Sized> Ambiguous<()> for T {}
            #[allow(dead_code, reason = "makes the call below ambiguous for a type that has the trait")]
            struct Has;
            impl<T: ?Sized + $trait> Ambiguous<Has> for T {}
            let _ = <$type as Ambiguous<_>>::at_once;
        };
    )+};
}
pub(crate) use lacks;

/// The rows without a test here: where each is shown, or whose it is, and what is shown there.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("A10", "tests/races/guesses.rs", "parallel guesses get in no more often than serial ones"),
    ("A25", "tests/races/links.rs", "of many that confirm at once one does"),
    (
        "A30",
        "tests/lifecycle_model/rescue.rs",
        "whatever strangers did, a live link lies there or the next request sends one",
    ),
    ("A31", "src/link.rs", "only the canonical text of a token is one"),
    ("A49", "web", "GET and HEAD call nothing that takes a token; every call that takes one is for a POST"),
    ("A63", "src/password/hash.rs", "stored hashes are bounded before they are believed"),
    ("A64", "src/password/hash.rs", "other algorithms and short tags are corrupt"),
    ("A65", "docs/threats.md", "who writes the database can replace any hash"),
    ("A66", "src/secret.rs", "nothing is cut at NUL; the rules refuse control characters"),
    ("A67", "web", "a form that is not UTF-8 is refused"),
    ("A69", "tests/races/sessions.rs", "renewing a hash never brings a changed password back"),
    ("A70", "src/identity/full_name.rs", "no line break in a name; nor in an address or a user name"),
    ("A73", "src/identity/email.rs", "an address is one plain ASCII mailbox"),
    ("A75", "tests/canary.rs", "no secret in any output"),
    ("A78", "tests/faults/dump.rs", "no secret in a dump of the store"),
    ("A83", "tests/faults/courier.rs", "the mailer is down"),
    ("A84", "tests/faults/courier.rs", "a crash between store and mail"),
    ("A85", "tests/faults/main.rs", "the store fails at every call of every flow"),
    ("A86", "tests/faults/main.rs", "a commit that landed and was answered by an error"),
    ("A87", "tests/faults/main.rs", "a store that is not there is no wrong password"),
    ("A88", "tests/faults/dryness.rs", "no entropy"),
    ("A89", "tests/faults/main.rs", "a panic in a port"),
    ("A96", "src/identity/mod.rs", "parsers take any text; so do those of tokens, secrets and hashes"),
    ("A97", "src/identity/username.rs", "case twins are folded from ASCII only"),
    ("A98", "src/identity/username.rs", "width, marks and invisible characters are refused"),
    ("A99", "src/identity/username.rs", "user names are ASCII, so that none has a twin of another script"),
    ("A100", "src/conformance/user_store/keys.rs", "keys are compared as bytes"),
    ("A101", "src/identity/username.rs", "no @ in a user name"),
    ("A103", "src/identity/email.rs", "addresses are equal by ASCII letter case only"),
    ("A105", "web", "redirects, CSRF and caching of pages"),
    (
        "A106",
        "tests/lifecycle_model/two_worlds.rs",
        "the same answers for the same work; the calls are compared in enumeration.rs too",
    ),
    ("A108", "tests/races/sessions.rs", "no session of the old password survives its change"),
    ("A109", "src/conformance/user_store/racing.rs", "commits that cross each other"),
    ("A110", "tests/races/couriers.rs", "a courier that lost its lease spoils nothing"),
    ("A111", "src/conformance/user_store/sessions.rs", "touching never brings a closed session back"),
    ("A117", "tests/races/queue.rs", "floods of logins and of registrations"),
    ("A119", "tests/faults/main.rs", "a commit whose answer was lost is not repeated"),
];

const TESTS: [&str; 10] = [
    include_str!("design.rs"),
    include_str!("enumeration.rs"),
    include_str!("guessing.rs"),
    include_str!("mail.rs"),
    include_str!("names.rs"),
    include_str!("passwords.rs"),
    include_str!("recovery.rs"),
    include_str!("registration.rs"),
    include_str!("sessions.rs"),
    include_str!("time.rs"),
];

fn row(line: &str) -> Option<u32> {
    let name = line.strip_prefix("async fn a").or_else(|| line.strip_prefix("fn a"))?;
    name.split('_').next()?.parse().ok()
}

#[test]
fn every_row_has_one_place() {
    let sources = TESTS.into_iter().chain([include_str!("tokens.rs")]);
    let mut here: BTreeSet<u32> = sources.flat_map(str::lines).filter_map(row).collect();
    for (id, place, _) in ELSEWHERE {
        let is_there = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(place).is_file();
        assert!(is_there || *place == "web", "{id}: {place} has moved");
        let id = id[1..].parse().expect("a number");
        assert!(here.insert(id), "A{id:02} is here and elsewhere");
    }
    let missing: Vec<u32> = (1..=120).filter(|id| !here.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
