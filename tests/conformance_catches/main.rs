//! That the suite catches what it is for: a store, a registry and a mailer with planted bugs, each found by the checks
//! named here. Not: a list of all bugs.
//!
//! **No check is idle, and none fails what keeps the contract.** The ports here are written from the public API alone, as
//! a host would.

mod bug;
mod mailer;
mod registry;
mod store;

use std::collections::BTreeSet;
use std::future::Future;

use acceso::conformance::{self, Check, patient_registry, user_store};

use bug::Bug;
use mailer::{MailerBug, PlantedMailer};
use registry::{PlantedRegistry, RegistryBug};
use store::PlantedStore;

/// Each bug of a store, and the checks that find it, whatever others do too.
const CAUGHT: &[(Bug, &[&str])] = &[
    (Bug::LosesEvents, &["an_event_comes_back_as_written", "every_kind_of_write_lands"]),
    (Bug::LosesMail, &["a_mail_comes_back_as_written", "every_kind_of_write_lands"]),
    (Bug::FoldsLetters, &["a_user_comes_back_as_written", "hostile_text_comes_back_as_written"]),
    (Bug::RoundsToSeconds, &["a_session_comes_back_as_written"]),
    (Bug::KeepsNumbersAsFloats, &["extreme_numbers_come_back_as_written"]),
    (Bug::LosesLinks, &["a_mailbox_comes_back_as_written"]),
    (Bug::LosesStrikes, &["a_user_comes_back_as_written"]),
    (Bug::ForgetsTheLanguage, &["a_registration_comes_back_as_written"]),
    (Bug::ForgetsTheUserNameOfMail, &["a_mail_comes_back_as_written", "equals_are_claimed_together"]),
    (Bug::AnswersAbsenceWithAnError, &["what_is_not_there_is_no_error"]),
    (Bug::ListsTenAtMost, &["lists_are_complete"]),
    (Bug::ComparesAddressesAsSpelled, &["letter_case_of_an_address_does_not_count"]),
    (Bug::ComparesAddressesByPattern, &["near_addresses_are_others"]),
    (Bug::ComparesNamesWithoutPunctuation, &["near_names_are_others"]),
    (Bug::ReadsLag, &["other_tasks_see_a_commit_at_once"]),
    (Bug::ListsLag, &["who_reads_the_mailbox_first_sees_its_users"]),
    (Bug::ReadsASessionInTwoSteps, &["a_session_and_its_user_are_of_one_instant"]),
    (Bug::RegistrationsOldestFirst, &["registrations_come_newest_first_up_to_the_limit"]),
    (Bug::RegistrationsOfAnyName, &["registrations_come_newest_first_up_to_the_limit", "near_names_are_others"]),
    (Bug::RefusesAnEmptyCommit, &["a_commit_without_writes_is_done"]),
    (Bug::RefusesOptionalWrites, &["what_may_hit_nothing_is_done"]),
    (Bug::AllowsTwoUsersOfAName, &["a_taken_key_is_a_conflict", "one_of_many_takes_a_user_name"]),
    (Bug::AllowsTwoMailboxesOfAnAddress, &["a_taken_key_is_a_conflict", "one_of_many_makes_the_mailbox_of_an_address"]),
    (Bug::OverwritesOnInsert, &["a_taken_key_is_a_conflict", "a_refused_commit_leaves_nothing"]),
    (Bug::AllowsOneUserOfAnAddress, &["what_is_no_key_may_be_equal", "lists_are_complete"]),
    (Bug::SharesIdsAmongRooms, &["rows_of_equal_keys_in_other_rooms_are_others"]),
    (Bug::IgnoresUserVersions, &["a_user_must_have_the_version_read", "no_strike_is_lost"]),
    (Bug::AcceptsNewerVersions, &["a_user_must_have_the_version_read"]),
    (Bug::IgnoresMailboxVersions, &["a_mailbox_must_have_the_version_read", "one_of_many_uses_a_link"]),
    (Bug::CountsVersions, &["the_store_counts_no_versions"]),
    (Bug::GuardsNoUser, &["a_user_must_have_the_version_read", "a_guard_keeps_a_login_from_outliving_a_password"]),
    (Bug::GuardsNoSession, &["a_guarded_session_must_be_there", "a_guarded_session_is_not_closed_meanwhile"]),
    (
        Bug::GuardsBeforeTheLock,
        &[
            "a_guard_keeps_a_login_from_outliving_a_password",
            "a_disabled_user_is_not_signed_in_meanwhile",
            "crosswise_guards_end_and_exclude_each_other",
        ],
    ),
    (Bug::GuardsSessionsBeforeTheLock, &["a_guarded_session_is_not_closed_meanwhile"]),
    (Bug::RemovesAbsentRegistrations, &["a_removed_registration_must_be_there"]),
    (Bug::AllowsAnyLease, &["a_mail_must_be_under_the_lease_named", "an_optional_mail_under_another_lease_stays"]),
    (Bug::SettlesAnyLease, &["a_mail_must_be_under_the_lease_named", "an_optional_mail_under_another_lease_stays"]),
    (Bug::KeepsTheLeaseWhenPostponed, &["a_postponed_row_comes_back_as_told"]),
    (Bug::InsertsBeforeItRemoves, &["writes_land_in_their_order"]),
    (Bug::RemovesMailWithItsUser, &["a_user_is_removed_and_its_mail_and_events_stay"]),
    (Bug::IsNotAtomic, &["a_refused_commit_leaves_nothing"]),
    (
        Bug::ChecksBeforeTheLock,
        &[
            "one_of_many_takes_a_user_name",
            "one_of_many_makes_the_mailbox_of_an_address",
            "one_of_many_uses_a_link",
            "one_of_many_confirms_a_registration",
            "one_of_many_settles_a_row",
            "no_strike_is_lost",
        ],
    ),
    (Bug::KeepsEventsOfRefusedCommits, &["a_refused_commit_leaves_nothing", "one_of_many_uses_a_link"]),
    (Bug::TouchesBackwards, &["last_seen_never_goes_backwards"]),
    (Bug::TouchesClosedSessions, &["touching_never_brings_a_closed_session_back"]),
    (Bug::ClosesSessionsOfEverybody, &["closing_one_closes_no_other"]),
    (Bug::ClosesTheExceptedOne, &["closing_all_keeps_the_excepted_one"]),
    (
        Bug::ClosesWhatItSawBefore,
        &["a_session_opened_under_a_guard_is_closed_with_all", "a_guard_keeps_a_login_from_outliving_a_password"],
    ),
    (Bug::OpensBeforeItCloses, &["sessions_change_in_the_order_of_the_verbs"]),
    (Bug::EvictsByLastSeen, &["opening_makes_room_by_the_oldest"]),
    (Bug::EvictsTheNewOne, &["the_opened_session_stays_even_if_it_is_the_oldest"]),
    (Bug::EvictsOfEverybody, &["opening_makes_room_by_the_oldest"]),
    (Bug::EvictsAllOfOneInstant, &["sessions_of_one_instant_are_counted_one_by_one"]),
    (Bug::LimitsByWhatItSawBefore, &["parallel_logins_keep_to_the_limit"]),
    (Bug::DueOneMillisecondLate, &["a_row_is_due_at_its_time"]),
    (Bug::NeverDueWhenTooFarOff, &["a_row_due_too_far_off_is_due_now"]),
    (Bug::LeaseEndsLate, &["a_lease_keeps_others_away_until_it_ends", "a_dropped_claim_loses_no_row"]),
    (Bug::BelievesAnyLease, &["a_lease_that_ends_too_far_off_is_void"]),
    (Bug::DoesNotRaiseTheLease, &["a_claim_raises_the_lease_and_changes_nothing_else"]),
    (Bug::ForgetsTheLeaseItGave, &["a_lease_keeps_others_away_until_it_ends", "two_claims_never_return_the_same_row"]),
    (Bug::LosesAttempts, &["a_postponed_row_comes_back_as_told"]),
    (Bug::AsksItsOwnClock, &["time_is_what_the_caller_says"]),
    (Bug::ClaimsEqualsApart, &["equals_are_claimed_together"]),
    (
        Bug::ClaimsBesideAHeldEqual,
        &["equals_wait_for_the_one_under_way", "equals_queued_meanwhile_are_claimed_with_all_or_none"],
    ),
    (Bug::LimitCountsRows, &["the_limit_counts_groups"]),
    (Bug::StrangersFirst, &["mail_to_users_goes_first_the_earliest_first"]),
    (Bug::StrangersInOrder, &["typed_mail_goes_in_random_order"]),
    (Bug::ClaimsWithoutALock, &["two_claims_never_return_the_same_row"]),
    (
        Bug::PurgesLate,
        &[
            "purge_removes_sessions_at_their_end",
            "purge_removes_registrations_at_their_end",
            "purge_removes_mailboxes_that_nothing_rests_on",
        ],
    ),
    (
        Bug::PurgesEarly,
        &[
            "purge_removes_sessions_at_their_end",
            "purge_removes_registrations_at_their_end",
            "purge_removes_mailboxes_that_nothing_rests_on",
        ],
    ),
    (Bug::PurgesMailboxesOfUsers, &["purge_removes_mailboxes_that_nothing_rests_on"]),
    (Bug::PurgesMailboxesOfDeadAndLiveLinks, &["purge_removes_mailboxes_that_nothing_rests_on"]),
    (Bug::PurgesMail, &["purge_keeps_users_mail_and_events"]),
    (Bug::PurgesWithoutLimit, &["purge_removes_so_many_of_each_kind"]),
    (Bug::PurgesWhatItSawBefore, &["purge_takes_nothing_that_a_commit_lands_on"]),
    (Bug::PurgeRemovesMoreWhenDropped, &["a_dropped_read_or_purge_harms_nothing"]),
    (Bug::BacklogWithoutHeldRows, &["the_backlog_counts_every_row"]),
    (Bug::RestoreKeepsMail, &["after_a_restore_only_users_and_events_are_left"]),
    (Bug::RestoreKeepsTemporaries, &["after_a_restore_temporary_passwords_are_forgotten"]),
    (
        Bug::RestoreLosesEvents,
        &["after_a_restore_only_users_and_events_are_left", "a_restore_that_was_dropped_can_be_repeated"],
    ),
    (Bug::LandsInTwoSteps, &["a_dropped_commit_has_landed_wholly_or_not_at_all", "a_caller_that_panics_harms_nobody"]),
    (Bug::KeepsALockWhenDropped, &["a_dropped_commit_keeps_no_lock"]),
];

const CAUGHT_REGISTRIES: &[(RegistryBug, &[&str])] = &[
    (RegistryBug::LosesAll, &["every_patient_of_the_address_is_returned"]),
    (RegistryBug::ReturnsOne, &["all_of_a_shared_address_are_returned"]),
    (RegistryBug::LeavesOutThoseWithoutAccess, &["patients_without_access_are_returned_and_marked"]),
    (RegistryBug::MarksNobody, &["patients_without_access_are_returned_and_marked"]),
    (RegistryBug::AnswersAbsenceWithAnError, &["an_unknown_address_has_an_empty_list"]),
    (RegistryBug::ComparesLetterCase, &["letter_case_does_not_count"]),
    (RegistryBug::ComparesByPrefix, &["near_addresses_have_no_patients"]),
    (RegistryBug::StripsDotsAndTags, &["near_addresses_have_no_patients"]),
    (RegistryBug::ComparesByPattern, &["characters_of_query_languages_are_plain"]),
    (RegistryBug::SplicesTheAddress, &["characters_of_query_languages_are_plain"]),
    (RegistryBug::SharesOneBuffer, &["parallel_lookups_do_not_mix"]),
    (RegistryBug::AnswersTheDroppedLookup, &["a_dropped_lookup_harms_nothing"]),
];

const CAUGHT_MAILERS: &[(MailerBug, &[&str])] = &[
    (MailerBug::LosesAll, &["a_mail_that_was_sent_has_arrived_once"]),
    (MailerBug::SendsTwice, &["a_mail_that_was_sent_has_arrived_once"]),
    (MailerBug::SendsACopyToTheClinic, &["it_goes_to_its_recipient_alone"]),
    (MailerBug::LowersTheRecipient, &["it_goes_to_its_recipient_alone"]),
    (MailerBug::WritesLatin1, &["every_letter_arrives"]),
    (MailerBug::EatsLeadingDots, &["lines_that_transports_treat_specially_arrive"]),
    (MailerBug::EndsAtALoneDot, &["lines_that_transports_treat_specially_arrive"]),
    (MailerBug::BreaksLongLines, &["a_long_mail_arrives"]),
    (MailerBug::SendsEachIdOnce, &["the_same_mail_sent_again_arrives_again"]),
    (MailerBug::SharesOneBuffer, &["parallel_mails_do_not_mix"]),
    (MailerBug::KeepsALockWhenDropped, &["a_dropped_send_harms_no_other"]),
];

/// A race may be missed once; a suite is run more often than that.
const TRIES: u32 = 10;

/// That every bug is found by its checks, every check finds one, and none finds fault where no bug is.
async fn prove<B: Copy + std::fmt::Debug, S, F: Future<Output = S>>(
    checks: &'static [Check<S>],
    caught: &[(B, &[&str])],
    subject: impl Fn(Option<B>) -> F,
) {
    let mut idle: BTreeSet<&str> = checks.iter().map(Check::name).collect();
    for check in checks {
        if let Err(broken) = check.run(subject(None).await).await {
            panic!("without a bug: {broken}");
        }
    }
    for (bug, finders) in caught {
        for name in *finders {
            let check = checks.iter().find(|check| check.name() == *name).expect("a check of that name");
            let mut found = false;
            for _ in 0..TRIES {
                found = found || check.run(subject(Some(*bug)).await).await.is_err();
            }
            assert!(found, "{name} does not find {bug:?}");
            idle.remove(name);
        }
    }
    assert!(idle.is_empty(), "no planted bug is found by {idle:?}");
}

#[tokio::test]
async fn every_bug_of_a_store_is_found() {
    prove(user_store::CHECKS, CAUGHT, |bug| async move {
        user_store::Subject::new(PlantedStore::new(bug), |store| async move { store.events() })
    })
    .await;
}

#[tokio::test]
async fn every_bug_of_a_registry_is_found() {
    prove(patient_registry::CHECKS, CAUGHT_REGISTRIES, |bug| async move {
        patient_registry::Subject::new(PlantedRegistry::new(bug), registry::RECORDS)
    })
    .await;
}

#[tokio::test]
async fn every_bug_of_a_mailer_is_found() {
    prove(conformance::mailer::CHECKS, CAUGHT_MAILERS, |bug| async move {
        conformance::mailer::Subject::new(PlantedMailer::new(bug), |mailer| async move { mailer.take() })
    })
    .await;
}
