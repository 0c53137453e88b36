//! What a claim of mail returns. Not: what may be done with claimed rows, which `refusing` has.
//!
//! **A row is in one courier's hands at a time, and its equals with it.**

use std::collections::HashSet;

use crate::clock::Timestamp;
use crate::conformance::common::{Found, Work, ensure, same};
use crate::identity::{MailId, Username};
use crate::mail::MailPurpose;
use crate::mail::intent::{Addressee, MailIntent};
use crate::plan::Commit;
use crate::port::error::BoxError;
use crate::port::user_store::{Claim, Committed};

use super::fixture::{
    LEASE_MILLIS, NOW, at, claim_at, due, email, email_of, event, intent, mail_id, only, same_record, to_user, typed,
    user_id, username,
};
use super::subject::Subject;

/// How many couriers claim at the same time.
const COURIERS: u32 = 8;

async fn queue(subject: &Subject, rows: impl IntoIterator<Item = MailIntent>) -> Found {
    subject.done("queueing mail", rows.into_iter().fold(Commit::new(), Commit::queue_mail)).await
}

/// The numbers of the rows that a claim returns, in their own order.
async fn claimed(subject: &Subject, claim: Claim) -> Result<Vec<u32>, BoxError> {
    Ok(numbers(&subject.claim(claim).await?))
}

fn numbers(rows: &[MailIntent]) -> Vec<u32> {
    let mut numbers: Vec<u32> = rows.iter().map(|row| number(row.id())).collect();
    numbers.sort_unstable();
    numbers
}

fn number(id: MailId) -> u32 {
    let [a, b, c, d, ..] = *id.as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// Gives claimed rows back, due at once.
async fn give_back(subject: &Subject, rows: &[MailIntent]) -> Found {
    for row in rows {
        let commit = Commit::new().postpone_mail(std::slice::from_ref(row), row.due_at(), row.attempts());
        subject.done("giving a row back", commit).await?;
    }
    Ok(())
}

pub(super) async fn a_row_is_due_at_its_time(subject: Subject) -> Found {
    let (millis, day) = (500, 24 * 3_600_000);
    queue(&subject, [due(typed(1), at(millis)), due(to_user(2), at(day))]).await?;
    for (now, expected) in [(millis - 1, vec![]), (millis, vec![1]), (day - 1, vec![]), (day, vec![2])] {
        let rows = subject.claim(claim_at(at(now))).await?;
        same(&format!("the claim {now} ms later"), &numbers(&rows), &expected)?;
        subject.done("settling", Commit::new().settle_mail(&rows)).await?;
    }
    Ok(())
}

pub(super) async fn a_row_due_too_far_off_is_due_now(subject: Subject) -> Found {
    let claim = Claim { latest_due: at(10_000), ..claim_at(NOW) };
    let far = Timestamp::from_millis(i64::MAX);
    queue(&subject, [due(typed(1), at(9_999)), due(typed(2), at(10_000)), due(typed(3), at(10_001))]).await?;
    queue(&subject, [due(to_user(4), far)]).await?;
    same("the claim with rows due too far off", &claimed(&subject, claim).await?, &vec![3, 4])
}

pub(super) async fn a_lease_keeps_others_away_until_it_ends(subject: Subject) -> Found {
    queue(&subject, [typed(1), to_user(2)]).await?;
    let end = LEASE_MILLIS;
    for (now, expected) in [(0, vec![1, 2]), (1, vec![]), (end - 1, vec![]), (end, vec![1, 2]), (end + 1, vec![])] {
        same(&format!("the claim {now} ms later"), &claimed(&subject, claim_at(at(now))).await?, &expected)?;
    }
    Ok(())
}

pub(super) async fn a_lease_that_ends_too_far_off_is_void(subject: Subject) -> Found {
    let skew = 5 * 60_000;
    queue(&subject, [typed(1), to_user(2)]).await?;
    let wrong_clock = Claim { lease_until: at(1_000_000), ..claim_at(NOW) };
    same("the first claim", &claimed(&subject, wrong_clock).await?, &vec![1, 2])?;
    for (lease_until, expected) in [(1_000_000 - skew, vec![]), (1_000_000 - skew - 1, vec![1, 2])] {
        let claim = Claim { lease_until: at(lease_until), ..claim_at(NOW) };
        let what = format!("the claim until {} ms before the end of the lease that stands", 1_000_000 - lease_until);
        same(&what, &claimed(&subject, claim).await?, &expected)?;
    }
    let latest = Claim { lease_until: Timestamp::from_millis(i64::MAX), ..claim_at(at(2_000_000)) };
    same("a claim until the last instant", &claimed(&subject, latest).await?, &vec![1, 2])?;
    same("another of the same", &claimed(&subject, latest).await?, &vec![])
}

pub(super) async fn a_claim_raises_the_lease_and_changes_nothing_else(subject: Subject) -> Found {
    let written = due(to_user(1), at(-7));
    queue(&subject, [written.clone()]).await?;
    let mut expected = written;
    for round in 0..3 {
        let claim = claim_at(at(round * LEASE_MILLIS));
        let row = only("the claim", subject.claim(claim).await?)?;
        expected = expected.claimed_until(claim.lease_until);
        same_record("the claimed row", Some(&row), &expected)?;
    }
    let held = Commit::new().hold_mail(mail_id(1), 3);
    subject.done("holding a row under the lease of its third claim", held).await
}

pub(super) async fn a_postponed_row_comes_back_as_told(subject: Subject) -> Found {
    queue(&subject, [typed(1)]).await?;
    let row = only("the claim", subject.claim(claim_at(NOW)).await?)?;
    let commit = Commit::new().postpone_mail(std::slice::from_ref(&row), at(500), 3);
    subject.done("postponing", commit).await?;
    same("the claim before its time", &claimed(&subject, claim_at(at(499))).await?, &vec![])?;
    let again = only("the claim at its time", subject.claim(claim_at(at(500))).await?)?;
    let expected = row.with_columns(at(500), 3, again.lease());
    same_record("the row that was postponed", Some(&again), &expected)?;
    same("the lease number of the second claim", &again.lease().number, &2)
}

pub(super) async fn time_is_what_the_caller_says(subject: Subject) -> Found {
    let ages = [Timestamp::from_millis(-62_000_000_000_000), Timestamp::from_millis(250_000_000_000_000)];
    for (age, then) in (1..).zip(ages) {
        queue(&subject, [due(typed(age), then)]).await?;
        let row = only("the claim", subject.claim(Claim { latest_due: then, ..claim_at(then) }).await?)?;
        same("the claimed row", &number(row.id()), &age)?;
        let held = Commit::new().hold_mail(row.id(), row.lease().number).record(event(age));
        subject.done("holding a row whose lease a clock on the wall takes for over, or for far off", held).await?;
        subject.done("settling it", Commit::new().settle_mail(&[row])).await?;
    }
    Ok(())
}

pub(super) async fn equals_are_claimed_together(subject: Subject) -> Found {
    let address = |text: &str| Addressee::Typed { email: email(text), username: None };
    let named = |name: Username| Addressee::Typed { email: email("ana@example.org"), username: Some(name) };
    let to = |number, generation| Addressee::User { id: user_id(number), generation };
    let purpose = MailPurpose::ConfirmRecovery;
    let groups: [Vec<(MailPurpose, Addressee)>; 9] = [
        // Letter case of an address does not count.
        vec![(purpose, address("ana@example.org")), (purpose, address("Ana@Example.org"))],
        vec![(MailPurpose::UserNames, address("ana@example.org"))],
        vec![(purpose, address("ana@example.org.ar"))],
        vec![(purpose, named(username("ana"))); 3],
        vec![(purpose, named(username("ana-")))],
        vec![(purpose, to(1, 1)); 2],
        vec![(purpose, to(1, 2))],
        vec![(purpose, to(2, 1))],
        vec![(MailPurpose::PasswordChanged, to(1, 1))],
    ];
    let mut expected: Vec<Vec<u32>> = Vec::new();
    let mut next = 1;
    for group in groups {
        let members: Vec<u32> = (next..).take(group.len()).collect();
        let rows = group.into_iter().zip(&members).map(|((purpose, of), n)| intent(*n, purpose, of, at(-1)));
        queue(&subject, rows).await?;
        next += u32::try_from(members.len())?;
        expected.push(members);
    }
    let mut found = Vec::new();
    for _ in 0..expected.len() {
        found.push(claimed(&subject, Claim { limit: 1, ..claim_at(NOW) }).await?);
    }
    found.sort();
    same("the groups that claims of one group return", &found, &expected)?;
    same("a claim when all are held", &claimed(&subject, claim_at(NOW)).await?, &vec![])
}

pub(super) async fn equals_wait_for_the_one_under_way(subject: Subject) -> Found {
    let address = Addressee::Typed { email: email_of(1), username: Some(username("ana")) };
    let person = Addressee::User { id: user_id(1), generation: 1 };
    for (base, of) in [(10, address), (20, person)] {
        let row = |n: u32, millis| intent(base + n, MailPurpose::ConfirmRecovery, of.clone(), at(millis));
        let end = claim_at(NOW).lease_until;
        queue(&subject, [row(1, 0)]).await?;
        let first = only("the first claim", subject.claim(claim_at(NOW)).await?)?;
        queue(&subject, [row(2, 0)]).await?;
        let during = claimed(&subject, claim_at(at(1))).await?;
        same("a claim while an equal is under a lease", &during, &vec![])?;
        let commit = Commit::new().postpone_mail(&[first], end, 1);
        subject.done("postponing the first", commit).await?;
        let before = claimed(&subject, claim_at(at(LEASE_MILLIS - 1))).await?;
        same("a claim while an equal is postponed", &before, &vec![])?;
        let both = subject.claim(claim_at(end)).await?;
        same("a claim when each of the equals is due", &numbers(&both), &vec![base + 1, base + 2])?;
        subject.done("settling", Commit::new().settle_mail(&both)).await?;
        queue(&subject, [row(3, 0)]).await?;
        let alone = subject.claim(claim_at(end)).await?;
        same("a claim when the equals are settled", &numbers(&alone), &vec![base + 3])?;
        subject.done("settling the last", Commit::new().settle_mail(&alone)).await?;
    }
    Ok(())
}

pub(super) async fn the_limit_counts_groups(subject: Subject) -> Found {
    let equal = |n: u32, of: u32| MailIntent { id: mail_id(n), ..typed(of) };
    let rows = (1..=5).flat_map(|group| (0..4).map(move |n| equal(group * 10 + n, group)));
    queue(&subject, rows).await?;
    same("a claim of nothing", &claimed(&subject, Claim { limit: 0, ..claim_at(NOW) }).await?, &vec![])?;
    for (limit, expected) in [(2, 8), (2, 8), (2, 4), (2, 0)] {
        let found = claimed(&subject, Claim { limit, ..claim_at(NOW) }).await?;
        same("the count of rows of at most two groups of four", &found.len(), &expected)?;
        let whole = found.chunks(4).all(|group| group.iter().all(|n| n / 10 == group[0] / 10));
        ensure!(whole, "a claim takes a group apart: {found:?}");
    }
    Ok(())
}

pub(super) async fn mail_to_users_goes_first_the_earliest_first(subject: Subject) -> Found {
    // Those of strangers were asked for long before.
    queue(&subject, (1..=20).map(|n| due(typed(n), at(-100_000 - i64::from(n))))).await?;
    let times = [(31, -3), (32, -9), (33, -1), (34, -7), (35, -5)];
    queue(&subject, times.map(|(n, millis)| due(to_user(n), at(millis)))).await?;
    // A group is as early as its earliest row.
    queue(&subject, [due(MailIntent { id: mail_id(36), ..to_user(33) }, at(-8))]).await?;
    let one = Claim { limit: 1, ..claim_at(NOW) };
    for expected in [vec![32], vec![33, 36], vec![34], vec![35], vec![31]] {
        same("the next group about a user", &claimed(&subject, one).await?, &expected)?;
    }
    same("the count of the typed rows after them", &claimed(&subject, claim_at(NOW)).await?.len(), &20)
}

pub(super) async fn typed_mail_goes_in_random_order(subject: Subject) -> Found {
    queue(&subject, (1..=64).map(|n| due(typed(n), at(-100_000 + i64::from(n))))).await?;
    // Two choices of 16 in 64 are the same by chance once in 5 × 10¹⁴ times.
    let mut choices = HashSet::new();
    choices.insert((1..=16).collect::<Vec<u32>>());
    choices.insert((49..=64).collect::<Vec<u32>>());
    for _ in 0..2 {
        let rows = subject.claim(Claim { limit: 16, ..claim_at(NOW) }).await?;
        same("the count of claimed rows", &rows.len(), &16)?;
        let chosen = numbers(&rows);
        ensure!(
            choices.insert(chosen.clone()),
            "16 of 64 rows are claimed by a rule that a stranger can know: {chosen:?}"
        );
        give_back(&subject, &rows).await?;
    }
    Ok(())
}

pub(super) async fn two_claims_never_return_the_same_row(subject: Subject) -> Found {
    let rounds = 8;
    for round in 0..rounds {
        let (first, rows) = (round * 100, 40);
        queue(&subject, (first..first + rows).map(|n| if n % 2 == 0 { typed(n) } else { to_user(n) })).await?;
        let couriers = (0..COURIERS).map(|_| -> Work<Result<Vec<MailIntent>, BoxError>> {
            let store = subject.share();
            Box::pin(async move {
                let mut mine = Vec::new();
                for _ in 0..rows {
                    mine.extend(store.claim_due_mail(Claim { limit: 3, ..claim_at(NOW) }).await?);
                }
                Ok(mine)
            })
        });
        let claimed = subject.at_once(couriers.collect()).await?;
        let claimed = claimed.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        same("the rows of all claims together", &numbers(&claimed), &(first..first + rows).collect())?;
        for row in claimed {
            same("the lease number of a first claim", &row.lease().number, &1)?;
            subject.done("settling", Commit::new().settle_mail(&[row])).await?;
        }
    }
    Ok(())
}

pub(super) async fn equals_queued_meanwhile_are_claimed_with_all_or_none(subject: Subject) -> Found {
    let of = Addressee::Typed { email: email_of(1), username: None };
    let row = |n: u32| intent(n, MailPurpose::UserNames, of.clone(), NOW);
    for round in 0..16 {
        let base = round * 100;
        queue(&subject, [row(base)]).await?;
        let queueing = (1..=4).map(|n| -> Work<Result<Vec<MailIntent>, BoxError>> {
            let (store, commit) = (subject.share(), Commit::new().queue_mail(row(base + n)));
            Box::pin(async move {
                match store.commit(&commit).await? {
                    Committed::Done => Ok(Vec::new()),
                    Committed::Conflict => Err("queueing mail is a conflict".into()),
                }
            })
        });
        let couriers = (0..3).map(|_| -> Work<Result<Vec<MailIntent>, BoxError>> {
            let store = subject.share();
            Box::pin(async move { store.claim_due_mail(claim_at(NOW)).await })
        });
        let claims = subject.at_once(queueing.chain(couriers).collect()).await?;
        let claims = claims.into_iter().collect::<Result<Vec<_>, _>>()?;
        let holders = claims.iter().filter(|rows| !rows.is_empty()).count();
        ensure!(holders < 2, "{holders} couriers hold equal rows at the same time: {claims:?}");
        let rest = subject.claim(claim_at(at(LEASE_MILLIS))).await?;
        same("the rows of a claim when the lease is over", &rest.len(), &5)?;
        subject.done("settling", Commit::new().settle_mail(&rest)).await?;
    }
    Ok(())
}

pub(super) async fn one_of_many_settles_a_row(subject: Subject) -> Found {
    queue(&subject, [typed(1)]).await?;
    let row = only("the claim", subject.claim(claim_at(NOW)).await?)?;
    let settle = |n| Commit::new().settle_mail(std::slice::from_ref(&row)).record(event(n));
    let committed = subject.commit_at_once((1..=16).map(settle).collect()).await?;
    let done = committed.iter().filter(|committed| **committed == Committed::Done).count();
    same("the count of commits that settle one row", &done, &1)
}
