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

/// The rows without a test here, and where each is shown, or whose it is.
const ELSEWHERE: &[(&str, &str)] = &[
    ("A10", "races: parallel guesses"),
    ("A25", "races: two confirmations"),
    ("A30", "the model: after any calls a live link lies in the mailbox or the next request sends one"),
    ("A31", "src/link.rs, src/secret.rs: only the canonical text of a token is one"),
    ("A49", "web: GET and HEAD call nothing that takes a token; every call that takes one is for a POST"),
    ("A63", "src/password/hash.rs: stored hashes are bounded before they are believed"),
    ("A64", "src/password/hash.rs: other algorithms and short tags are corrupt"),
    ("A65", "documentation: who writes the database can replace any hash"),
    ("A66", "src/password, src/secret.rs: control characters are refused, and nothing is cut at NUL"),
    ("A67", "web: a form that is not UTF-8 is refused"),
    ("A69", "races: a hash renewed at login against a change of password"),
    ("A70", "src/identity.rs: no line break in any name or address"),
    ("A73", "src/identity.rs: an address is one plain ASCII mailbox"),
    ("A75", "canary: no secret in any output"),
    ("A78", "canary: no secret in a dump of the store"),
    ("A83", "faults: the mailer is down"),
    ("A84", "faults: a crash between store and mail"),
    ("A85", "faults: the store fails at every call of every flow"),
    ("A86", "faults: a commit that landed and was answered by an error"),
    ("A87", "faults: a busy store is no wrong password"),
    ("A88", "faults: no entropy"),
    ("A89", "faults: a panic in a port"),
    ("A96", "src/identity.rs, src/link.rs, src/secret.rs, src/password/hash.rs: parsers take any text"),
    ("A97", "src/identity.rs: case twins are folded from ASCII only"),
    ("A98", "src/identity.rs: width, marks and invisible characters are refused"),
    ("A99", "cannot be: user names are ASCII, so that none has a confusable twin of another script"),
    ("A100", "conformance: keys are compared as bytes"),
    ("A101", "src/identity.rs: no @ in a user name"),
    ("A103", "src/identity.rs: addresses are equal by ASCII letter case only"),
    ("A105", "web: redirects, CSRF and caching of pages"),
    ("A106", "the model: the shape of a commit; the calls are compared in enumeration.rs too"),
    ("A108", "races: a guard holds until the commit ends"),
    ("A109", "conformance: commits that cross each other"),
    ("A110", "races: a courier that lost its lease"),
    ("A111", "conformance: touching a closed session does nothing"),
    ("A117", "races: floods of logins and of registrations"),
    ("A119", "faults: an ambiguous commit is not repeated"),
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
    for (id, _) in ELSEWHERE {
        let id = id[1..].parse().expect("a number");
        assert!(here.insert(id), "A{id:02} is here and elsewhere");
    }
    let missing: Vec<u32> = (1..=120).filter(|id| !here.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
