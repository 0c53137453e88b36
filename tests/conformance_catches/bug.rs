//! What a store can get wrong, and the means by which the planted ones do.
//!
//! **Each bug is one slip that a reviewer can overlook.**

use acceso::Stored;

/// What a store can get wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    LosesEvents,
    LosesMail,
    FoldsLetters,
    RoundsToSeconds,
    KeepsNumbersAsFloats,
    LosesLinks,
    LosesStrikes,
    ForgetsTheLanguage,
    ForgetsTheUserNameOfMail,
    AnswersAbsenceWithAnError,
    ListsTenAtMost,
    ComparesAddressesAsSpelled,
    ComparesAddressesByPattern,
    ComparesNamesWithoutPunctuation,
    ReadsLag,
    ListsLag,
    ReadsASessionInTwoSteps,
    RegistrationsOldestFirst,
    RegistrationsOfAnyName,
    RefusesAnEmptyCommit,
    RefusesOptionalWrites,
    AllowsTwoUsersOfAName,
    AllowsTwoMailboxesOfAnAddress,
    OverwritesOnInsert,
    AllowsOneUserOfAnAddress,
    SharesIdsAmongRooms,
    IgnoresUserVersions,
    AcceptsNewerVersions,
    IgnoresMailboxVersions,
    CountsVersions,
    GuardsNoUser,
    GuardsNoSession,
    GuardsBeforeTheLock,
    GuardsSessionsBeforeTheLock,
    RemovesAbsentRegistrations,
    AllowsAnyLease,
    SettlesAnyLease,
    KeepsTheLeaseWhenPostponed,
    InsertsBeforeItRemoves,
    RemovesMailWithItsUser,
    IsNotAtomic,
    ChecksBeforeTheLock,
    KeepsEventsOfRefusedCommits,
    TouchesBackwards,
    TouchesClosedSessions,
    ClosesSessionsOfEverybody,
    ClosesTheExceptedOne,
    ClosesWhatItSawBefore,
    OpensBeforeItCloses,
    EvictsByLastSeen,
    EvictsTheNewOne,
    EvictsOfEverybody,
    EvictsAllOfOneInstant,
    LimitsByWhatItSawBefore,
    DueOneMillisecondLate,
    NeverDueWhenTooFarOff,
    LeaseEndsLate,
    BelievesAnyLease,
    DoesNotRaiseTheLease,
    ForgetsTheLeaseItGave,
    LosesAttempts,
    AsksItsOwnClock,
    ClaimsEqualsApart,
    ClaimsBesideAHeldEqual,
    LimitCountsRows,
    StrangersFirst,
    StrangersInOrder,
    ClaimsWithoutALock,
    PurgesLate,
    PurgesEarly,
    PurgesMailboxesOfUsers,
    PurgesMailboxesOfDeadAndLiveLinks,
    PurgesMail,
    PurgesWithoutLimit,
    PurgesWhatItSawBefore,
    PurgeRemovesMoreWhenDropped,
    BacklogWithoutHeldRows,
    RestoreKeepsMail,
    RestoreKeepsTemporaries,
    RestoreLosesEvents,
    LandsInTwoSteps,
    KeepsALockWhenDropped,
}

/// Lets other threads in: what a bug leaves unlocked is used.
pub(crate) fn let_others_in() {
    (0..64).for_each(|_| std::thread::yield_now());
}

/// One await at which a caller may go away.
pub(crate) async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut paused, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// The record after its stored form went through a column that changes it.
pub(crate) fn through<T>(record: T, change: impl FnOnce(String) -> String) -> T
where
    Stored<T>: serde::Serialize + serde::de::DeserializeOwned,
{
    let text = serde_json::to_string(&Stored(record)).expect("a record has a stored form");
    serde_json::from_str::<Stored<T>>(&change(text)).expect("the change keeps it legal").0
}

pub(crate) fn with_field<T>(record: T, change: impl FnOnce(&mut serde_json::Value)) -> T
where
    Stored<T>: serde::Serialize + serde::de::DeserializeOwned,
{
    through(record, |text| {
        let mut document: serde_json::Value = serde_json::from_str(&text).expect("it was written so");
        change(&mut document);
        document.to_string()
    })
}

/// As SQL's `like` without an escape.
pub(crate) fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('%') => {
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| is_like(&pattern[1..], &text[at..]))
        }
        Some(c) => text
            .chars()
            .next()
            .is_some_and(|t| (c == '_' || c == t) && is_like(&pattern[c.len_utf8()..], &text[t.len_utf8()..])),
    }
}
