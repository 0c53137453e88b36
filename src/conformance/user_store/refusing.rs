//! When a commit is refused. Not: that nothing of it has landed, which `atomicity` checks.
//!
//! **What must hit and does not, or inserts a key that is taken, is a `Conflict`; everything else is `Done`.**

use crate::conformance::common::{Found, ensure, same};
use crate::identity::UserId;
use crate::mail::intent::{Lease, MailIntent};
use crate::mailbox::Mailbox;
use crate::plan::Commit;
use crate::port::user_store::Committed;

use super::fixture::{
    NOW, at, claim_at, claim_of_all, digest, email, email_of, event, mail_id, mailbox, mailbox_id, only, registration,
    registration_id, registration_of, same_record, session, session_opened, struck, to_user, typed, user, user_id,
    user_of, username, with_field, with_link,
};
use super::subject::Subject;

pub(super) async fn a_commit_without_writes_is_done(subject: Subject) -> Found {
    subject.done("a commit without writes", Commit::new()).await
}

pub(super) async fn what_may_hit_nothing_is_done(subject: Subject) -> Found {
    let settled = typed(1).claimed_until(at(1000));
    let optional = [to_user(2).claimed_until(at(1000)), settled.clone()];
    subject.done("touching no session", Commit::new().touch_session(&session(1, user_id(1)), at(5))).await?;
    subject.done("closing no session", Commit::new().close_session(digest(1))).await?;
    subject.done("closing all of nobody's sessions", Commit::new().close_sessions_of(user_id(1), None)).await?;
    let but_one = Commit::new().close_sessions_of(user_id(1), Some(digest(1)));
    subject.done("closing all of nobody's sessions but one", but_one).await?;
    subject.done("removing no registrations", Commit::new().remove_registrations_of(email_of(1), None)).await?;
    let named = Commit::new().remove_registrations_of(email_of(1), Some(username("ana")));
    subject.done("removing no registrations of a name", named).await?;
    // Of a group only the first must hit.
    subject.done("queueing the first", Commit::new().queue_mail(optional[0].clone())).await?;
    subject.done("settling a group of which one is gone", Commit::new().settle_mail(&optional)).await?;
    subject.done("queueing the first again", Commit::new().queue_mail(optional[0].clone())).await?;
    let postponed = Commit::new().postpone_mail(&optional, at(1), 1);
    subject.done("postponing a group of which one is gone", postponed).await
}

pub(super) async fn a_taken_key_is_a_conflict(subject: Subject) -> Found {
    let lower = email("paciente.1@example.org");
    let first = Commit::new()
        .insert_mailbox(mailbox(1))
        .insert_registration(registration(1))
        .insert_user(user(1))
        .open_session(session(1, user_id(1)), 9)
        .queue_mail(typed(1));
    subject.done("a first commit", first).await?;
    let id_of = |id: UserId, name: &str| with_field(&user_of(7, name, email_of(7)), "id", id.to_string());
    subject.conflict("a user with a taken id", Commit::new().insert_user(id_of(user_id(1), "otra"))).await?;
    let named = Commit::new().insert_user(user_of(7, "paciente-1", email_of(7)));
    subject.conflict("a user with a taken name", named).await?;
    let taken = Mailbox::new(mailbox_id(1), email_of(7));
    subject.conflict("a mailbox with a taken id", Commit::new().insert_mailbox(taken)).await?;
    let taken = Mailbox::new(mailbox_id(7), lower);
    subject.conflict("a mailbox of a taken address", Commit::new().insert_mailbox(taken)).await?;
    let taken = registration_of(1, "otra", email_of(7));
    subject.conflict("a registration with a taken id", Commit::new().insert_registration(taken)).await?;
    let taken = session_opened(1, user_id(1), at(9));
    subject.conflict("a session with a taken digest", Commit::new().open_session(taken, 9)).await?;
    let taken = MailIntent { id: mail_id(1), ..to_user(7) };
    subject.conflict("a mail with a taken id", Commit::new().queue_mail(taken)).await?;
    let twins =
        Commit::new().insert_user(user_of(8, "gemela", email_of(8))).insert_user(user_of(9, "gemela", email_of(9)));
    subject.conflict("two users of one name in one commit", twins).await?;
    same_record("the first user", subject.store().user(user_id(1)).await?.as_ref(), &user(1))?;
    same_record("the first mailbox", subject.store().mailbox(mailbox_id(1)).await?.as_ref(), &mailbox(1))
}

pub(super) async fn what_is_no_key_may_be_equal(subject: Subject) -> Found {
    let address = email("familia@example.org");
    let commit = Commit::new()
        .insert_registration(registration_of(1, "ana", address.clone()))
        .insert_registration(registration_of(2, "ana", address.clone()))
        .insert_user(user_of(1, "ana", address.clone()))
        .insert_user(user_of(2, "eva", address))
        .queue_mail(typed(1))
        .queue_mail(MailIntent { id: mail_id(2), ..typed(1) })
        .record(event(1))
        .record(event(1));
    subject.done("records that differ in their ids only", commit).await?;
    subject.has_events(&[event(1), event(1)]).await?;
    same("the count of mails", &subject.claim(claim_of_all()).await?.len(), &2)
}

pub(super) async fn a_user_must_have_the_version_read(subject: Subject) -> Found {
    let first = user(1);
    subject.done("inserting a user", Commit::new().insert_user(first.clone())).await?;
    subject.done("replacing it", Commit::new().replace_user(&first, struck(&first))).await?;
    let second = struck(&first).with_version(2);
    let (stale, future, absent) = (first.clone(), second.clone().with_version(3), user(2).with_version(2));
    for (what, read) in [("a stale version", stale), ("a future version", future), ("nobody", absent)] {
        subject.conflict(&format!("guarding {what}"), Commit::new().guard_user(&read)).await?;
        let replacing = Commit::new().replace_user(&read, struck(&read));
        subject.conflict(&format!("replacing {what}"), replacing).await?;
        subject.conflict(&format!("removing {what}"), Commit::new().remove_user(&read)).await?;
    }
    same_record("the user", subject.store().user(first.id()).await?.as_ref(), &second)?;
    subject.done("guarding the version read", Commit::new().guard_user(&second)).await?;
    subject.done("guarding it again", Commit::new().guard_user(&second)).await?;
    same_record("the guarded user", subject.store().user(first.id()).await?.as_ref(), &second)?;
    subject.done("removing the version read", Commit::new().remove_user(&second)).await?;
    ensure!(subject.store().user(first.id()).await?.is_none(), "the removed user is found by id");
    ensure!(subject.store().user_named(first.username()).await?.is_none(), "the removed user is found by name");
    ensure!(subject.store().users_with_email(first.email()).await?.is_empty(), "the removed user is in a list");
    subject.conflict("guarding whom the store has removed", Commit::new().guard_user(&second)).await?;
    subject
        .done("inserting one of the same name", Commit::new().insert_user(user_of(3, "paciente-1", email_of(3))))
        .await
}

pub(super) async fn a_mailbox_must_have_the_version_read(subject: Subject) -> Found {
    let first = mailbox(1);
    subject.done("inserting a mailbox", Commit::new().insert_mailbox(first.clone())).await?;
    subject.done("replacing it", Commit::new().replace_mailbox(&first, with_link(&first, 1, at(9)))).await?;
    let second = with_link(&first, 1, at(9)).with_version(2);
    let (stale, future, absent) = (first, second.clone().with_version(3), mailbox(2).with_version(2));
    for (what, read) in [("a stale version", stale), ("a future version", future), ("none", absent)] {
        let replacing = Commit::new().replace_mailbox(&read, with_link(&read, 2, at(8)));
        subject.conflict(&format!("replacing {what}"), replacing).await?;
    }
    same_record("the mailbox", subject.store().mailbox(mailbox_id(1)).await?.as_ref(), &second)
}

pub(super) async fn the_store_counts_no_versions(subject: Subject) -> Found {
    let (user, kept) = (user(1).with_version(41), mailbox(1).with_version(77));
    let commit = Commit::new().insert_mailbox(kept.clone()).insert_user(user.clone());
    subject.done("inserting", commit).await?;
    for next in [42, 43] {
        let user = user.clone().with_version(next - 1);
        let commit = Commit::new().replace_mailbox(&kept.clone().with_version(next + 35), kept.clone());
        subject.done("replacing", commit.replace_user(&user, user.clone())).await?;
        let found = subject.store().user(user.id()).await?.map(|user| user.version());
        same("the user's version", &found, &Some(next))?;
        let found = subject.store().mailbox(kept.id()).await?.map(|kept| kept.version());
        same("the mailbox's version", &found, &Some(next + 36))?;
    }
    Ok(())
}

pub(super) async fn a_guarded_session_must_be_there(subject: Subject) -> Found {
    let opened = session(1, user_id(1));
    subject.conflict("guarding no session", Commit::new().guard_session(&opened)).await?;
    let commit = Commit::new().insert_user(user(1)).open_session(opened.clone(), 9);
    subject.done("opening it", commit).await?;
    subject.done("guarding it", Commit::new().guard_session(&opened)).await?;
    subject.done("closing it", Commit::new().close_session(*opened.digest())).await?;
    subject.conflict("guarding a closed session", Commit::new().guard_session(&opened)).await
}

pub(super) async fn a_removed_registration_must_be_there(subject: Subject) -> Found {
    let removing = || Commit::new().remove_registration(registration_id(1));
    subject.conflict("removing no registration", removing()).await?;
    subject.done("inserting it", Commit::new().insert_registration(registration(1))).await?;
    subject.done("removing it", removing()).await?;
    subject.conflict("removing it twice", removing()).await
}

pub(super) async fn a_mail_must_be_under_the_lease_named(subject: Subject) -> Found {
    let row = typed(1);
    let never = row.clone();
    subject.done("queueing mail", Commit::new().queue_mail(row)).await?;
    refuses_lease(&subject, "a lease of a row never claimed", &never).await?;
    let first = only("the first claim", subject.claim(claim_at(NOW)).await?)?;
    let later = first.lease().until.ok_or("a claimed row has no lease")?;
    let second = only("the second claim", subject.claim(claim_at(later)).await?)?;
    refuses_lease(&subject, "a stale lease", &first).await?;
    let future = Lease { number: second.lease().number + 1, ..second.lease() };
    refuses_lease(&subject, "a lease not yet given", &second.clone().with_columns(NOW, 0, future)).await?;
    refuses_lease(&subject, "a row that is not there", &MailIntent { id: mail_id(9), ..second.clone() }).await?;
    subject.done("holding", Commit::new().hold_mail(second.id(), second.lease().number)).await?;
    subject.done("holding again", Commit::new().hold_mail(second.id(), second.lease().number)).await?;
    let postponing = Commit::new().postpone_mail(std::slice::from_ref(&second), later, 1);
    subject.done("postponing", postponing).await?;
    refuses_lease(&subject, "a lease given back", &second).await?;
    let third = only("the third claim", subject.claim(claim_at(later)).await?)?;
    subject.done("settling", Commit::new().settle_mail(std::slice::from_ref(&third))).await?;
    refuses_lease(&subject, "a settled row", &third).await
}

/// That holding, settling and postponing under this lease is refused where it is required, and does nothing where not.
async fn refuses_lease(subject: &Subject, what: &str, row: &MailIntent) -> Found {
    let group = std::slice::from_ref(row);
    subject.conflict(&format!("holding {what}"), Commit::new().hold_mail(row.id(), row.lease().number)).await?;
    subject.conflict(&format!("settling {what}"), Commit::new().settle_mail(group)).await?;
    subject.conflict(&format!("postponing {what}"), Commit::new().postpone_mail(group, NOW, 7)).await
}

pub(super) async fn an_optional_mail_under_another_lease_stays(subject: Subject) -> Found {
    let equals = [typed(1), MailIntent { id: mail_id(2), ..typed(1) }];
    let commit = equals.iter().cloned().fold(Commit::new(), Commit::queue_mail);
    subject.done("queueing equals", commit).await?;
    let mut claimed = subject.claim(claim_at(NOW)).await?;
    claimed.sort_by_key(MailIntent::id);
    let [first, second] = &claimed[..] else { return Err("a claim of two equals returns other rows".into()) };
    let stale = Lease { number: second.lease().number.saturating_sub(1), ..second.lease() };
    let group = [first.clone(), second.clone().with_columns(NOW, 0, stale)];
    subject.done("postponing a group partly lost", Commit::new().postpone_mail(&group, at(5), 7)).await?;
    let held = Commit::new().hold_mail(second.id(), second.lease().number);
    subject.done("holding the row that was not ours to postpone", held).await?;
    let claimed = subject.claim(claim_of_all()).await?;
    let of = |id| claimed.iter().find(|row| row.id() == id).map(|row| (row.due_at(), row.attempts()));
    same("due time and attempts of the first", &of(mail_id(1)), &Some((at(5), 7)))?;
    same("due time and attempts of the other", &of(mail_id(2)), &Some((NOW, 0)))?;
    let number = |id| claimed.iter().find(|row| row.id() == id).map_or(0, |row| row.lease().number);
    let lease = |number| Lease { number, until: Some(NOW) };
    let ours = equals[0].clone().with_columns(NOW, 0, lease(number(mail_id(1))));
    let lost = equals[1].clone().with_columns(NOW, 0, lease(number(mail_id(2)).saturating_sub(1)));
    subject.done("settling a group partly lost", Commit::new().settle_mail(&[ours, lost])).await?;
    let held = Commit::new().hold_mail(mail_id(2), number(mail_id(2)));
    subject.done("holding the row that was not ours to settle", held).await
}

pub(super) async fn writes_land_in_their_order(subject: Subject) -> Found {
    let (old, address) = (user(1), email_of(1));
    let first = Commit::new()
        .insert_registration(registration_of(1, "ana", address.clone()))
        .insert_user(old.clone())
        .open_session(session(1, old.id()), 9)
        .queue_mail(typed(1));
    subject.done("a first commit", first).await?;
    let claimed = only("the claim", subject.claim(claim_at(NOW)).await?)?;
    let heir = user_of(2, old.username().as_str(), address.clone());
    let second = Commit::new()
        .remove_registrations_of(address.clone(), None)
        .insert_registration(registration_of(2, "ana", address.clone()))
        .remove_user(&old)
        .insert_user(heir.clone())
        .close_session(digest(1))
        .open_session(session(1, heir.id()), 9)
        .settle_mail(std::slice::from_ref(&claimed))
        .queue_mail(typed(1));
    let committed = subject.commit(second).await?;
    same("a commit that removes and then inserts the same keys", &committed, &Committed::Done)?;
    let store = subject.store();
    same_record("the user of the name", store.user_named(old.username()).await?.as_ref(), &heir)?;
    let left = only("registrations", store.registrations(&address, None, 9).await?)?;
    same("the registration", &left.id(), &registration_id(2))?;
    let owner = store.session(&digest(1)).await?.map(|(session, _)| session.user());
    same("the session's user", &owner, &Some(heir.id()))?;
    let row = only("the claim", subject.claim(claim_at(NOW)).await?)?;
    same("the lease of a row queued anew", &row.lease().number, &1)
}

pub(super) async fn a_user_is_removed_and_its_mail_and_events_stay(subject: Subject) -> Found {
    let commit = Commit::new().insert_mailbox(mailbox(1)).insert_user(user(1)).open_session(session(1, user_id(1)), 9);
    subject.done("a first commit", commit.queue_mail(to_user(1)).record(event(1))).await?;
    let removal = Commit::new().remove_user(&user(1)).close_sessions_of(user_id(1), None).record(event(2));
    subject.done("removing a user and closing its sessions", removal).await?;
    let store = subject.store();
    ensure!(store.session(&digest(1)).await?.is_none(), "a session of the removed user is found");
    ensure!(store.sessions_of(user_id(1)).await?.is_empty(), "a session of the removed user is listed");
    ensure!(store.mailbox(mailbox_id(1)).await?.is_some(), "the mailbox is gone with the user");
    same("the count of mails", &subject.claim(claim_of_all()).await?.len(), &1)?;
    subject.has_events(&[event(1), event(2)]).await?;
    let queued = Commit::new().queue_mail(to_user(2)).record(event(3));
    subject.done("a mail and an event about a user that is not there", queued).await
}
