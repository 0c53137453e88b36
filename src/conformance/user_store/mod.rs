//! Named checks of a [`UserStore`](crate::UserStore). Not: its speed, nor how it fails when its disk does.
//!
//! **Each sentence of the contract that can be checked from outside has a check of its own, named like a sentence.**
//!
//! ```
//! use acceso::adapter::memory::MemoryStore;
//!
//! mod my_store_keeps_the_contract {
//!     # use acceso::adapter::memory::MemoryStore;
//!     acceso::conformance::user_store! {
//!         store: MemoryStore::new(),
//!         events: |store| store.events(),
//!     }
//! }
//! ```
//!
//! - `store:` gives a new, empty store, once for each test. It may `.await`; the store lives as long as its test, so that
//!   a `Drop` of its own can remove what it made.
//! - `events:` gives every [`Event`](crate::Event) that the store has kept, in any order: the port has no way to read
//!   them. It gets an `Arc` of the store, and may `.await`.
//! - `test:` and `spawn:` for a store that needs a runtime around it, in front of the two:
//!
//! ```
//! mod my_store_keeps_the_contract {
//!     # use acceso::adapter::memory::MemoryStore;
//!     # async fn an_empty_schema() -> MemoryStore { MemoryStore::new() }
//!     acceso::conformance::user_store! {
//!         test: #[tokio::test(flavor = "multi_thread")],
//!         spawn: tokio::spawn,
//!         store: an_empty_schema().await,
//!         events: |store| store.events(),
//!     }
//! }
//! ```
//!
//! Without them each test runs on its own thread and parallel tasks on one thread each: right for a store that blocks or
//! waits for nothing that a runtime drives. With them the tasks run as your runtime runs them: `multi_thread` is what
//! makes them overlap. A store that uses `spawn_blocking` needs the second form. Each call of the macro goes into a
//! module of its own.
//!
//! A test that never ends has found a deadlock, or a lock that a dropped future kept: no check has a time limit, sleeps,
//! or waits for anything but the store. (`cargo test` names the tests that run for more than a minute.)
//!
//! Where the contract says "by whichever process", give a store of which two handles share the calls: one of the checks'
//! parallel tasks then comes by the one, the next by the other.
//!
//! Not to be seen from outside, so yours to keep: that a claim which finds nothing takes no write lock, that a call returns
//! within a time-out, that an outage is an error and never a `Conflict`, that a row which cannot be read is an error, and
//! that `Done` outlives a loss of power.

mod atomicity;
mod callers;
mod fixture;
mod keeping;
mod keys;
mod mail;
mod racing;
mod reading;
mod refusing;
mod sessions;
mod subject;

use std::future::Future;

pub use subject::Subject;

use crate::conformance::common::{Broken, Check, check_named};

/// The one list of checks, handed to the macro named in front.
#[doc(hidden)]
#[macro_export]
macro_rules! __user_store_checks {
    ($then:ident $with:tt) => {
        $crate::$then! { $with
            reading {
                a_user_comes_back_as_written: "Each record comes back as it was written.",
                a_registration_comes_back_as_written: "Each record comes back as it was written.",
                a_mailbox_comes_back_as_written: "Each record comes back as it was written.",
                a_session_comes_back_as_written: "Each record comes back as it was written.",
                a_mail_comes_back_as_written: "Each record comes back as it was written.",
                an_event_comes_back_as_written: "Each record comes back as it was written.",
                hostile_text_comes_back_as_written:
                    "Everything in a record is typed by strangers: bind it, never splice it.",
                extreme_numbers_come_back_as_written: "To the millisecond; counts stay below 2⁶³.",
                what_is_not_there_is_no_error:
                    "Any error means \"not there now\"; what does not exist is none, or an empty list.",
                lists_are_complete: "Every user of the address; every session of the user.",
                registrations_come_newest_first_up_to_the_limit:
                    "The newest registrations of the address (under the name, if one is given), newest first, at most `limit`.",
                other_tasks_see_a_commit_at_once:
                    "Reads see every commit that was answered `Done` before the read began.",
                a_session_and_its_user_are_of_one_instant:
                    "The session with this digest and its user, read as of one instant.",
                who_reads_the_mailbox_first_sees_its_users:
                    "Reads see every commit whole: who reads the mailbox before the users sees the users that came with it.",
            }
            keys {
                letter_case_of_an_address_does_not_count: "E-mail addresses are compared by their key.",
                near_addresses_are_others: "Keys are compared as bytes.",
                near_names_are_others: "Keys are compared as bytes.",
                rows_of_equal_keys_in_other_rooms_are_others: "Keys are compared within their kind of record.",
            }
            refusing {
                a_commit_without_writes_is_done: "`commit` applies every write.",
                what_may_hit_nothing_is_done:
                    "Only a write that must hit and touches no row makes the commit a `Conflict`.",
                a_taken_key_is_a_conflict:
                    "A write that inserts an id or key that is there already makes the commit a `Conflict`.",
                what_is_no_key_may_be_equal:
                    "Keys are: user: id, user name; mailbox: id, e-mail key; session: digest; registration and mail: id.",
                a_user_must_have_the_version_read:
                    "A guarded, replaced or removed user must have the stored version named.",
                a_mailbox_must_have_the_version_read: "A replaced mailbox must have the stored version named.",
                the_store_counts_no_versions: "Versions are the core's: store what the record says, count nothing.",
                a_guarded_session_must_be_there: "A guarded session must be there.",
                a_removed_registration_must_be_there: "A registration removed by its id must be there.",
                a_mail_must_be_under_the_lease_named:
                    "A held, settled or postponed row must be under the lease named, where it must hit.",
                an_optional_mail_under_another_lease_stays: "Settle and postpone a row if it is under this lease.",
                writes_land_in_their_order: "`commit` applies every write in their order.",
                a_user_is_removed_and_its_mail_and_events_stay:
                    "Remove the user: nothing else goes with it that the commit does not remove.",
            }
            atomicity {
                every_kind_of_write_lands: "`commit` applies every write of `Commit::writes`.",
                a_refused_commit_leaves_nothing: "A commit is atomic: every write, or none.",
            }
            sessions {
                last_seen_never_goes_backwards: "\"Last seen\" never goes backwards.",
                touching_never_brings_a_closed_session_back: "A closed session is gone: touching it does nothing.",
                closing_one_closes_no_other: "Remove the session, and no other.",
                closing_all_keeps_the_excepted_one: "Remove all sessions of the user but one.",
                opening_makes_room_by_the_oldest:
                    "Insert, then remove the user's oldest by `opened_at` until at most `keep_at_most` are left.",
                the_opened_session_stays_even_if_it_is_the_oldest: "The new one among them.",
                sessions_of_one_instant_are_counted_one_by_one:
                    "Until at most `keep_at_most` are left, the new one among them.",
                sessions_change_in_the_order_of_the_verbs: "`commit` applies every write in their order.",
            }
            mail {
                a_row_is_due_at_its_time: "A row is due if its due time is not later than `now`.",
                a_row_due_too_far_off_is_due_now: "A row is due if its due time is later than `latest_due`.",
                a_lease_keeps_others_away_until_it_ends:
                    "A row is free if nobody holds it, or its lease ended at `now` or earlier.",
                a_lease_that_ends_too_far_off_is_void:
                    "A lease that ends more than five minutes after `lease_until` is void.",
                a_claim_raises_the_lease_and_changes_nothing_else:
                    "Returns the rows as claimed: lease number raised by one, held until `lease_until`.",
                a_postponed_row_comes_back_as_told: "Give the row back, to be tried again at `due_at`.",
                time_is_what_the_caller_says: "Now is by the core's clock: the store asks none of its own.",
                equals_are_claimed_together:
                    "Rows that are equal (purpose and addressee) are one group: claimed together.",
                equals_wait_for_the_one_under_way: "And only if each of them is free and due.",
                equals_queued_meanwhile_are_claimed_with_all_or_none:
                    "And only if each of them is free and due, however they came.",
                the_limit_counts_groups: "The limit counts groups.",
                mail_to_users_goes_first_the_earliest_first: "Groups of a user come first, the earliest due first.",
                typed_mail_goes_in_random_order: "Then typed ones in random order.",
                two_claims_never_return_the_same_row: "Two claims at once never return the same row.",
                one_of_many_settles_a_row: "Remove the row if it is under this lease; it must be.",
            }
            keeping {
                purge_removes_sessions_at_their_end: "Removes sessions whose absolute end is `now` or earlier.",
                purge_removes_registrations_at_their_end: "Removes registrations whose end is `now` or earlier.",
                purge_removes_mailboxes_that_nothing_rests_on:
                    "Removes mailboxes whose last link has ended (or that have none) and whose address no user has.",
                purge_keeps_users_mail_and_events: "Never events, users or mail.",
                purge_removes_so_many_of_each_kind: "At most `limit` rows of each kind.",
                the_backlog_counts_every_row: "How much mail is waiting, held rows included; may lag a second behind.",
                after_a_restore_only_users_and_events_are_left:
                    "Removes every session, registration, mailbox and mail. Events stay.",
                after_a_restore_temporary_passwords_are_forgotten:
                    "Replaces each user for whom `User::after_restore` gives another record.",
            }
            racing {
                one_of_many_takes_a_user_name:
                    "A write that inserts a user name that is there already makes the commit a `Conflict`.",
                one_of_many_makes_the_mailbox_of_an_address:
                    "A write that inserts an e-mail key that is there already makes the commit a `Conflict`.",
                one_of_many_uses_a_link:
                    "Replace the mailbox whose stored version must be `expected`: of several at once, one.",
                one_of_many_confirms_a_registration:
                    "Remove the registration; it must be there: of several at once, one.",
                no_strike_is_lost: "Replace the user whose stored version must be `expected`: of several at once, one.",
                a_guard_keeps_a_login_from_outliving_a_password:
                    "A guard holds until the commit ends: no other commit replaces the guarded user between.",
                a_disabled_user_is_not_signed_in_meanwhile:
                    "A guard holds until the commit ends: no other commit replaces or removes the guarded user between.",
                a_guarded_session_is_not_closed_meanwhile:
                    "A guard holds until the commit ends: no other commit closes the guarded session between.",
                a_session_opened_under_a_guard_is_closed_with_all:
                    "Remove all sessions of the user, those of commits that landed meanwhile among them.",
                crosswise_guards_end_and_exclude_each_other:
                    "A guard holds until the commit ends; a deadlock is a `Conflict`.",
                parallel_logins_keep_to_the_limit:
                    "At most `keep_at_most` are left, however many are opened at once under a guard.",
                purge_takes_nothing_that_a_commit_lands_on: "Purge removes what nothing rests on any more.",
            }
            callers {
                a_dropped_commit_has_landed_wholly_or_not_at_all: "A dropped commit has landed wholly or not at all.",
                a_dropped_commit_keeps_no_lock: "The future may be dropped at any await.",
                a_dropped_claim_loses_no_row: "The future may be dropped at any await.",
                a_dropped_read_or_purge_harms_nothing: "The future may be dropped at any await.",
                a_restore_that_was_dropped_can_be_repeated: "The future may be dropped at any await.",
                a_caller_that_panics_harms_nobody: "The future may be dropped at any await, by a panic too.",
            }
        }
    };
}

/// One test for each check of a user store: see [`conformance::user_store`](mod@crate::conformance::user_store).
#[doc(hidden)]
#[macro_export]
macro_rules! __user_store {
    (store: $store:expr, events: |$kept:ident| $events:expr $(,)?) => {
        async fn subject() -> $crate::conformance::user_store::Subject {
            $crate::conformance::user_store::Subject::new($store, |$kept: ::std::sync::Arc<_>| async move { $events })
        }
        $crate::__user_store_checks! { __conformance_tests { [test] $crate::conformance::user_store::run } }
    };
    (test: #$test:tt, spawn: $spawn:expr, store: $store:expr, events: |$kept:ident| $events:expr $(,)?) => {
        async fn subject() -> $crate::conformance::user_store::Subject {
            $crate::conformance::user_store::Subject::new($store, |$kept: ::std::sync::Arc<_>| async move { $events })
                .spawned_by(|task| drop($spawn(task)))
        }
        $crate::__user_store_checks! { __conformance_tests { $test $crate::conformance::user_store::run } }
    };
}

__user_store_checks! { __conformance_list {} }

/// Runs the check of that name: what the macro's tests call.
///
/// # Errors
/// [`Broken`], if the store does not keep the sentence.
///
/// # Panics
/// If no check has that name.
pub async fn run(subject: impl Future<Output = Subject>, name: &str) -> Result<(), Broken> {
    check_named(CHECKS, name).run(subject.await).await
}
