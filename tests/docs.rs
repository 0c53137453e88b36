//! What the documentation claims, held. Not: its examples, which run as doc tests.
//!
//! **A number in the docs is the number in the code.**

use std::time::Duration;

use acceso::{HashCost, LockDuration, Policy, Recovery, RememberedPolicy, SharedEmail};

const DEFAULTS: &str = include_str!("../docs/defaults.md");

/// The table's cells for one policy, by the value's path.
fn cells(policy: &Policy) -> Vec<(&'static str, String)> {
    let cost = |cost: HashCost| format!("{} KiB, {} passes", cost.memory_kib(), cost.passes());
    let lock = match policy.lockout.duration {
        LockDuration::UntilRecovery => "until recovery".to_owned(),
        LockDuration::Fixed(duration) => span(duration),
        LockDuration::Doubling { first, longest, hard_limit } => {
            format!("{} doubling to {}, {hard_limit} until recovery", span(first), span(longest))
        }
    };
    let recovery = match policy.recovery {
        Recovery::TemporaryPassword { lifetime, length } => {
            format!("temporary password, {}, {length} characters", minutes(lifetime))
        }
        Recovery::ChoosePassword => "chosen on the page of the link".to_owned(),
    };
    let days = |span: Duration| format!("{} days", span.as_secs() / 86_400);
    let remembered = match policy.session.remembered {
        Some(RememberedPolicy { idle, absolute, .. }) => format!("{} idle, {} in all", days(idle), days(absolute)),
        None => "off".to_owned(),
    };
    let (session, email, mail, hashing) = (policy.session, policy.email, policy.mail, policy.hashing);
    let shared = match email.shared {
        SharedEmail::LinkAll => "link all",
        SharedEmail::Refuse => "refuse",
    };
    vec![
        ("password.min_length", policy.password.min_length.to_string()),
        ("password.character_classes", policy.password.character_classes.to_string()),
        ("hash_cost", cost(policy.hash_cost)),
        ("lockout.threshold", policy.lockout.threshold.to_string()),
        ("lockout.duration", lock),
        ("recovery", recovery),
        ("registration_lifetime", span(policy.registration_lifetime)),
        ("recovery_link_lifetime", span(policy.recovery_link_lifetime)),
        ("session.idle", span(session.idle)),
        ("session.absolute", span(session.absolute)),
        ("session.remembered", remembered),
        ("session.restricted", span(session.restricted)),
        ("session.per_user", session.per_user.to_string()),
        ("session.touch_interval", span(session.touch_interval)),
        ("email.shared", shared.to_owned()),
        ("email.max_users", email.max_users.to_string()),
        ("email.max_patients", email.max_patients.to_string()),
        ("mail.brake_first", span(mail.brake_first)),
        ("mail.brake_longest", span(mail.brake_longest)),
        ("mail.lock_notice_interval", span(mail.lock_notice_interval)),
        ("mail.max_waiting", mail.max_waiting.to_string()),
        ("mail.lease", span(mail.lease)),
        ("mail.claim", mail.claim.to_string()),
        ("mail.parallel_sends", mail.parallel_sends.to_string()),
        ("mail.retry_first", span(mail.retry_first)),
        ("mail.retry_longest", span(mail.retry_longest)),
        ("mail.notice_lifetime", span(mail.notice_lifetime)),
        ("mail.tick", span(mail.tick)),
        ("mail.purge_interval", span(mail.purge_interval)),
        ("hashing.threads", hashing.threads.map_or("one per core".to_owned(), |threads| threads.to_string())),
        ("hashing.queue_per_thread", hashing.queue_per_thread.to_string()),
        ("hashing.longest_wait", span(hashing.longest_wait)),
        (
            "reserved_usernames",
            if policy.reserved_usernames.is_empty() { "none beside the built-in".into() } else { "some".into() },
        ),
        ("language", policy.language.code().to_owned()),
    ]
}

fn minutes(span: Duration) -> String {
    format!("{} min", span.as_secs() / 60)
}

fn span(span: Duration) -> String {
    match span.as_millis() {
        millis if millis % 3_600_000 == 0 => format!("{} h", millis / 3_600_000),
        60_000 => "60 s".to_owned(),
        millis if millis % 60_000 == 0 => format!("{} min", millis / 60_000),
        millis if millis % 1_000 == 0 => format!("{} s", millis / 1_000),
        millis => format!("{millis} ms"),
    }
}

#[test]
fn every_default_in_the_docs_is_the_one_in_the_code() {
    let (portal, modern) = (cells(&Policy::portal()), cells(&Policy::modern()));
    for ((value, portal), (_, modern)) in portal.iter().zip(&modern) {
        let row = format!("| `{value}` | {portal} | {modern} | ");
        assert!(DEFAULTS.contains(&row), "docs/defaults.md has no row that begins {row}");
    }
    let rows = DEFAULTS.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, portal.len(), "docs/defaults.md has a row that nothing holds");
}

#[test]
fn every_value_of_a_policy_is_in_the_docs() {
    let shown = format!("{:#?}", Policy::portal());
    let fields = shown.lines().filter_map(|line| line.trim().split_once(": ")).map(|(name, _)| name);
    // Parts of a value that is documented as a whole.
    let parts = [
        "memory_kib",
        "passes",
        "lifetime",
        "length",
        "absolute",
        "password",
        "lockout",
        "session",
        "email",
        "mail",
        "hashing",
    ];
    for field in fields.filter(|field| !parts.contains(field)) {
        assert!(DEFAULTS.contains(&format!("{field}`")), "{field} is not in docs/defaults.md");
    }
}

#[test]
fn the_number_of_common_passwords_is_as_told() {
    let entries = include_str!("../src/password/common_passwords.txt").lines().count();
    let told = format!("{},{:03}", entries / 1000, entries % 1000);
    assert!(DEFAULTS.contains(&format!("a list of {told} common ones")), "{told}");
    assert!(include_str!("../docs/common-passwords/README.md").contains(&format!("{told} entries")));
}

const STORES: &str = include_str!("../docs/stores.md");
const SQLITE: &str = include_str!("../src/adapter/sqlite/mod.rs");
const POSTGRES: &str = include_str!("../src/adapter/postgres/mod.rs");
const POSTGRES_CALLS: &str = include_str!("../src/adapter/postgres/transaction.rs");

/// The one number of a constant of the source.
fn constant(source: &str, name: &str) -> u64 {
    let value = source.lines().find_map(|line| line.trim().strip_prefix(&format!("const {name}: "))?.split_once(" = "));
    let (_, value) = value.unwrap_or_else(|| panic!("no constant {name}"));
    value.chars().filter(char::is_ascii_digit).collect::<String>().parse().expect("a number")
}

#[test]
fn what_a_call_to_a_store_waits_for_is_as_told() {
    let busy = constant(SQLITE, "BUSY_TIMEOUT");
    let (patience, deadline) = (constant(SQLITE, "DEADLINE"), constant(POSTGRES_CALLS, "DEADLINE"));
    let (few, many) = (constant(SQLITE, "CONNECTIONS"), constant(POSTGRES, "CONNECTIONS"));
    for row in [
        format!("| connections of `connect` | {few} | {many} |"),
        format!("| a write waits for another process's | {busy} s | as long as the call |"),
        format!("| a call ends within | {patience} s | {deadline} s |"),
    ] {
        assert!(STORES.contains(&row), "docs/stores.md has no row {row}");
    }
    let settings =
        format!("set statement_timeout = '{deadline}s'; set idle_in_transaction_session_timeout = '{deadline}s'");
    assert!(POSTGRES.contains(&settings), "the server loses patience when the client does");
    for told in [
        format!(
            "a call to PostgreSQL ends within {deadline} s, and one to SQLite within {patience} s, of which a write"
        ),
        format!("waits {busy} s for another process's"),
        format!("opens {many} connections to PostgreSQL"),
        format!("and {few} to a file of SQLite"),
    ] {
        assert!(DEFAULTS.contains(&told), "docs/defaults.md does not say: {told}");
    }
}

#[test]
fn every_table_of_a_store_is_in_the_docs_and_no_other() {
    let schemas = [
        include_str!("../src/adapter/sqlite/0001_accounts.sql"),
        include_str!("../src/adapter/postgres/0001_accounts.sql"),
    ];
    let made = schemas.iter().flat_map(|schema| schema.lines()).filter_map(|line| line.strip_prefix("create table "));
    let mut made: Vec<&str> = made.filter_map(|rest| rest.split_whitespace().next()).collect();
    made.push("acceso_migrations");
    made.sort_unstable();
    made.dedup();
    let mut told: Vec<&str> = STORES
        .lines()
        .filter_map(|line| line.strip_prefix("| `acceso_")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    told.sort_unstable();
    assert_eq!(told, made.iter().filter_map(|name| name.strip_prefix("acceso_")).collect::<Vec<_>>());
}

const REGISTRY: &str = include_str!("../docs/registry.md");
const FAILURES: &str = include_str!("../src/adapter/fhir/failure.rs");

#[test]
fn every_reason_why_the_record_cannot_be_asked_is_in_the_docs() {
    let reasons: Vec<&str> = FAILURES
        .lines()
        .filter_map(|line| line.trim().strip_prefix("#[error(\"")?.split('"').next())
        .map(|reason| reason.split('{').next().unwrap_or_default().trim_end_matches(": line ").trim_end())
        .collect();
    assert!(reasons.len() > 20, "{reasons:?}");
    for reason in reasons {
        let reason = reason.trim_end_matches(':');
        assert!(REGISTRY.contains(&format!("| {reason}")) || REGISTRY.contains(&format!(", {reason}")), "{reason}");
    }
}

#[test]
fn every_bound_of_a_look_up_is_as_told() {
    const BUILDER: &str = include_str!("../src/adapter/fhir/builder.rs");
    const SEARCH: &str = include_str!("../src/adapter/fhir/search.rs");
    const TOKENS: &str = include_str!("../src/adapter/fhir/tokens.rs");
    for (of, bound) in [
        ("(`timeout`)", format!("{} s", constant(BUILDER, "TIMEOUT"))),
        ("(`connect_timeout`)", format!("{} s", constant(BUILDER, "CONNECT_TIMEOUT"))),
        ("503 or 504", constant(SEARCH, "SECOND_TRIES").to_string()),
        ("a pause before one", format!("{} ms", constant(SEARCH, "PAUSE"))),
        ("that is waited for", format!("{} s", constant(SEARCH, "LONGEST_WAIT"))),
        ("asked for on a page", constant(SEARCH, "PAGE_SIZE").to_string()),
        ("| pages", constant(SEARCH, "MAX_PAGES").to_string()),
        ("entries in all pages", constant(SEARCH, "MAX_ENTRIES").to_string()),
        ("before its end", format!("{} s", constant(TOKENS, "MARGIN"))),
        ("whose life is not told", format!("{} s", constant(TOKENS, "UNSAID_LIFE"))),
        ("a token at most", format!("{} s", constant(TOKENS, "LONGEST_LIFE"))),
    ] {
        let row = format!("{of} | {bound} | ");
        assert!(REGISTRY.contains(&row), "docs/registry.md has no row {row}");
    }
    assert!(SEARCH.contains("const MAX_BYTES: usize = 8 * 1024 * 1024;") && REGISTRY.contains("| 8 MiB |"));
    assert!(TOKENS.contains("const MAX_BYTES: usize = 256 * 1024;") && REGISTRY.contains("| 256 KiB |"));
}
