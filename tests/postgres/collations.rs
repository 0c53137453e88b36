//! Keys under every kind of collation that a database can have. Not: what else the contract asks for.
//!
//! **Keys are compared as bytes, whatever the database takes for equal or for earlier.**

use acceso::conformance::user_store::{Subject, run};

use crate::server::{postgres_or_skip, shared};
use crate::stand::Stand;
use crate::{Store, events};

/// Checks that rest on equality or on order.
const CHECKS: [&str; 7] = [
    "letter_case_of_an_address_does_not_count",
    "near_addresses_are_others",
    "near_names_are_others",
    "rows_of_equal_keys_in_other_rooms_are_others",
    "a_taken_key_is_a_conflict",
    "hostile_text_comes_back_as_written",
    "registrations_come_newest_first_up_to_the_limit",
];

/// What a database is made with, and which of the server's collations it needs.
const KINDS: [(&str, &str); 5] = [
    ("lc_collate 'C' lc_ctype 'C' locale_provider libc", "collname = 'C'"),
    ("lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8' locale_provider libc", "collname in ('C.utf8', 'C.UTF-8')"),
    ("lc_collate 'es_ES.UTF-8' lc_ctype 'es_ES.UTF-8' locale_provider libc", "collname = 'es_ES.utf8'"),
    ("lc_collate 'en_US.UTF-8' lc_ctype 'en_US.UTF-8' locale_provider libc", "collname = 'en_US.utf8'"),
    ("locale_provider icu icu_locale 'es-u-co-trad-ks-level1'", "collname = 'es-x-icu'"),
];

/// The databases that this server can make, one for each kind.
fn databases() -> Vec<(&'static str, String)> {
    let server = shared();
    let administrator = server.url("postgres");
    let is_old = server.run_sql(&administrator, "select current_setting('server_version_num')::int < 150000") == "t";
    let mut made = Vec::new();
    for (number, (made_with, needs)) in KINDS.into_iter().enumerate() {
        let count = server.run_sql(&administrator, &format!("select count(*) from pg_collation where {needs}"));
        if count == "0" || is_old && made_with.contains("icu") {
            continue;
        }
        let made_with = if is_old { made_with.replace(" locale_provider libc", "") } else { made_with.to_owned() };
        let name = format!("collated{number}");
        server
            .run_sql(&administrator, &format!("create database {name} template template0 encoding 'UTF8' {made_with}"));
        made.push((needs, server.url(&name)));
    }
    made
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_compared_as_bytes_under_every_collation() {
    if !postgres_or_skip("keys_are_compared_as_bytes_under_every_collation") {
        return;
    }
    let databases = databases();
    // `C` alone would show nothing. Debian's server has the others, and ICU, from its own packages.
    assert!(databases.len() > 1, "this server knows no collation but one: {databases:?}");
    for (collation, url) in databases {
        let stand = Stand::at(url);
        Store::migrate(&stand.pool().await).await.expect("an empty database");
        for check in CHECKS {
            let subject = async {
                stand.sql(
                    "truncate acceso_users, acceso_registrations, acceso_mailboxes, acceso_sessions, acceso_mail, \
                     acceso_events",
                );
                Subject::new(stand.store().await, |store| async move { events(&store).await.expect("readable events") })
                    .spawned_by(|task| drop(tokio::spawn(task)))
            };
            let kept = run(subject, check).await;
            assert!(kept.is_ok(), "{collation}: {check}: {kept:?}");
        }
    }
}

#[tokio::test]
async fn a_database_of_another_encoding_is_refused() {
    if !postgres_or_skip("a_database_of_another_encoding_is_refused") {
        return;
    }
    let server = shared();
    let latin = "create database latin template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'";
    let is_old = server.run_sql(&server.url("postgres"), "select current_setting('server_version_num')::int < 150000");
    let provider = if is_old == "t" { "" } else { " locale_provider libc" };
    server.run_sql(&server.url("postgres"), &format!("{latin}{provider}"));
    let refused = Store::connect(&server.url("latin")).await.expect_err("no store");
    assert_eq!(refused.to_string(), "the database's encoding must be UTF8");
}
