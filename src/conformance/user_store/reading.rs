//! What reads give back. Not: what commits may do.
//!
//! **What was written comes back in every field, for the key it was written under and for no other.**

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::conformance::common::{Found, Work, ensure, same};
use crate::identity::FullName;
use crate::mail::MailPurpose;
use crate::mail::intent::{Addressee, Lease, MailIntent};
use crate::plan::Commit;
use crate::registration::Registration;
use crate::session::Session;
use crate::user::{DisabledBy, User};

use super::fixture::{
    NOW, at, claim_at, claim_of_all, digest, email, email_of, event, fields, intent, mail_id, mailbox, mailbox_id,
    only, patients, registration, registration_id, registration_of, same_record, same_records, session, session_opened,
    struck, to_user, typed, typed_by, user, user_id, user_of, username, when, with_field, with_link, with_mail,
    with_password, with_temporary,
};
use super::subject::Subject;

/// How many commits follow each other where a reader looks on.
const STEPS: u32 = 48;

pub(super) async fn a_user_comes_back_as_written(subject: Subject) -> Found {
    let locked = (0..9).fold(user(1), |user, _| user.struck(when(at(7))).map_or(user, |(_, struck)| struck));
    let waiting = user(2).recovery_confirmed(when(at(7))).ok_or("the fixture cannot recover")?;
    let temporary = with_temporary(&user(3));
    let by_clinic = user(4).disabled(DisabledBy::Clinic, when(at(7))).ok_or("the fixture cannot be disabled")?;
    let no_patients = with_temporary(&user(5))
        .disabled(DisabledBy::NoPatients, when(at(7)))
        .ok_or("the fixture cannot be disabled")?;
    let relinked = user(6).relinked(patients(&["x", "a", "a-very-different-one"]), when(at(7)));
    let relinked = relinked.ok_or("the fixture cannot be relinked")?;
    for user in [locked, waiting, temporary, by_clinic, no_patients, relinked, struck(&user(7))] {
        subject.done("inserting a user", Commit::new().insert_user(user.clone())).await?;
        same_record("the user", subject.store().user(user.id()).await?.as_ref(), &user)?;
        let named = subject.store().user_named(user.username()).await?;
        same_record("the user by name", named.as_ref(), &user)?;
        let listed = only("users of the address", subject.store().users_with_email(user.email()).await?)?;
        same_record("the user by address", Some(&listed), &user)?;
        let next = with_password(&user.enabled(when(at(8))).unwrap_or_else(|| user.clone()), 99);
        subject.done("replacing a user", Commit::new().replace_user(&user, next.clone())).await?;
        let replaced = subject.store().user(user.id()).await?;
        same_record("the replaced user", replaced.as_ref(), &next.with_version(user.version() + 1))?;
    }
    Ok(())
}

pub(super) async fn a_registration_comes_back_as_written(subject: Subject) -> Found {
    for number in [1, 2] {
        let written = registration(number);
        subject.done("inserting a registration", Commit::new().insert_registration(written.clone())).await?;
        let found = subject.store().registration(written.id()).await?;
        same_record("the registration", found.as_ref(), &written)?;
        let listed = subject.store().registrations(written.email(), None, 8).await?;
        same_record("the listed registration", listed.first(), &written)?;
    }
    Ok(())
}

pub(super) async fn a_mailbox_comes_back_as_written(subject: Subject) -> Found {
    let bare = mailbox(1);
    subject.done("inserting a mailbox", Commit::new().insert_mailbox(bare.clone())).await?;
    same_record("the mailbox", subject.store().mailbox(bare.id()).await?.as_ref(), &bare)?;
    let filled = with_link(&with_link(&bare, 1, at(3_600_001)), 2, at(7_200_002));
    let filled = with_mail(&filled, MailPurpose::UserNames, None, 3, None);
    let filled = filled.handed(&[mail_id(1)], NOW).ok_or("the fixture has no such mail")?;
    subject.done("replacing a mailbox", Commit::new().replace_mailbox(&bare, filled.clone())).await?;
    let written = filled.with_version(2);
    same_record("the mailbox", subject.store().mailbox(bare.id()).await?.as_ref(), &written)?;
    let of = subject.store().mailbox_of(bare.email()).await?;
    same_record("the mailbox of the address", of.as_ref(), &written)
}

pub(super) async fn a_session_comes_back_as_written(subject: Subject) -> Found {
    subject.done("inserting a user", Commit::new().insert_user(user(1))).await?;
    let mut written: Vec<Session> = (2..8).map(|number| session(number, user_id(1))).collect();
    if let Some(session) = written.first_mut() {
        session.device = None;
    }
    for session in &written {
        subject.done("opening a session", Commit::new().open_session(session.clone(), 9)).await?;
        let found = subject.store().session(session.digest()).await?;
        same_record("the session", found.as_ref().map(|(session, _)| session), session)?;
        same_record("the session's user", found.as_ref().map(|(_, user)| &**user), &user(1))?;
    }
    same_records("the list of sessions", &subject.store().sessions_of(user_id(1)).await?, &written)
}

pub(super) async fn a_mail_comes_back_as_written(subject: Subject) -> Found {
    let typed_with_name = typed_by(2, email_of(2), Some(username("ana.b-c_d")));
    let postponed = typed(3).with_columns(at(-5), u32::MAX, Lease { number: 7, until: None });
    let mut written = vec![typed(1), typed_with_name, postponed, to_user(4)];
    for (number, purpose) in (10..).zip(MailPurpose::ALL) {
        let addressee = Addressee::User { id: user_id(number), generation: u64::from(number) };
        written.push(intent(number, purpose, addressee, at(-i64::from(number))));
    }
    let commit = written.iter().cloned().fold(Commit::new(), Commit::queue_mail);
    subject.done("queueing mail", commit).await?;
    let claim = claim_at(NOW);
    let expected: Vec<MailIntent> = written.into_iter().map(|intent| intent.claimed_until(claim.lease_until)).collect();
    same_records("the claim", &subject.claim(claim).await?, &expected)
}

pub(super) async fn an_event_comes_back_as_written(subject: Subject) -> Found {
    let bare = crate::event::Event::new(
        at(-1),
        crate::event::EventKind::MailSent(MailPurpose::UserNames),
        None,
        &crate::client::Client::unknown(),
    );
    let all = [event(1), event(2), event(2), bare];
    let commit = all.iter().cloned().fold(Commit::new(), Commit::record);
    subject.done("recording events", commit).await?;
    subject.has_events(&all).await
}

pub(super) async fn hostile_text_comes_back_as_written(subject: Subject) -> Found {
    let long = "ñ".repeat(64);
    let ids = ["'; DROP TABLE users; --", "\"%_\\", " a ", "a", "A", "á", "a\u{301}", "n", "ñ", "😀\u{202e}", &long];
    let (first, commas) = ("o'higgins.%_#$&*+-/=?^`{|}~!@example.org", "a,b;c|d\u{a0}{}[]$1 ?1 :id @p \\x00");
    let linked = patients(&[&ids[..], &[commas]].concat());
    let address = email(first);
    let mut registration = registration_of(1, "a-._0", address.clone());
    registration.full_name = "Ma. José O'Higgins-d’Ávila 李 小龍".parse::<FullName>().map_err(|e| e.to_string())?;
    registration.hash = crate::secret::PasswordHash::from_phc("'\"\\%_\n😀 no PHC string at all ".repeat(8));
    let user = User::confirmed(user_id(1), registration.clone(), address.clone(), linked, NOW);
    let label = "<b>'\"; -- \\ %s {} 😀 ñandú 李\u{301} ".repeat(4);
    let session = Session { device: crate::client::DeviceLabel::new(&label), ..session(2, user.id()) };
    let mail = typed_by(3, address.clone(), Some(username("a-._0")));
    let box_of = crate::mailbox::Mailbox::new(mailbox_id(4), address.clone());
    let commit = Commit::new()
        .insert_mailbox(box_of.clone())
        .insert_registration(registration.clone())
        .insert_user(user.clone())
        .open_session(session.clone(), 9)
        .queue_mail(mail.clone());
    subject.done("a commit of hostile text", commit).await?;
    let store = subject.store();
    same_record("the user", store.user_named(&username("a-._0")).await?.as_ref(), &user)?;
    let listed = only("users of the address", store.users_with_email(&address).await?)?;
    same_record("the user by address", Some(&listed), &user)?;
    let listed = only("registrations", store.registrations(&address, Some(&username("a-._0")), 8).await?)?;
    same_record("the registration", Some(&listed), &registration)?;
    same_record("the mailbox", store.mailbox_of(&address).await?.as_ref(), &box_of)?;
    let found = store.session(session.digest()).await?;
    same_record("the session", found.as_ref().map(|(session, _)| session), &session)?;
    let claim = claim_at(NOW);
    let claimed = only("claimed mail", subject.claim(claim).await?)?;
    same_record("the mail", Some(&claimed), &mail.claimed_until(claim.lease_until))
}

pub(super) async fn extreme_numbers_come_back_as_written(subject: Subject) -> Found {
    let most = i64::MAX.unsigned_abs();
    let ends = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
    for (number, millis) in (1..).zip(ends) {
        let then = Timestamp::from_millis(millis);
        let user = with_field(&with_field(&user(number), "generation", most), "created_at", millis);
        let user = with_field(&with_field(&user, "version", most - 1), "changed_at", millis);
        let registration = Registration { registered_at: then, expires_at: then, ..registration(number) };
        let (opened, last_seen, absolute_end) = (then, then, then);
        let session = Session { opened_at: opened, last_seen, absolute_end, ..session_opened(number, user.id(), NOW) };
        let box_of = with_link(&mailbox(number), number, then).with_version(most - 1);
        let commit = Commit::new()
            .insert_mailbox(box_of.clone())
            .insert_registration(registration.clone())
            .insert_user(user.clone())
            .open_session(session.clone(), u16::MAX);
        subject.done("a commit of extreme numbers", commit).await?;
        let store = subject.store();
        same_record("the user", store.user(user.id()).await?.as_ref(), &user)?;
        same_record("the registration", store.registration(registration.id()).await?.as_ref(), &registration)?;
        same_record("the mailbox", store.mailbox(box_of.id()).await?.as_ref(), &box_of)?;
        let found = store.session(session.digest()).await?;
        same_record("the session", found.as_ref().map(|(session, _)| session), &session)?;
        let commit = Commit::new().replace_mailbox(&box_of, box_of.clone()).replace_user(&user, user.clone());
        subject.done("a commit of the last versions there are", commit).await?;
        let addressee = Addressee::User { id: user.id(), generation: most };
        let lease = Lease { number: most - 1, until: None };
        let row = intent(number, MailPurpose::UserLocked, addressee, then).with_columns(then, u32::MAX, lease);
        subject.done("queueing mail", Commit::new().queue_mail(row.clone())).await?;
        let claim = crate::port::user_store::Claim { lease_until: Timestamp::from_millis(i64::MAX), ..claim_of_all() };
        let claimed = only("claimed mail", subject.claim(claim).await?)?;
        same_record("the mail", Some(&claimed), &row.claimed_until(claim.lease_until))?;
        subject.done("settling the mail", Commit::new().settle_mail(&[claimed])).await?;
    }
    Ok(())
}

pub(super) async fn what_is_not_there_is_no_error(subject: Subject) -> Found {
    let commit = Commit::new().insert_mailbox(mailbox(1)).insert_registration(registration(1)).insert_user(user(1));
    subject.done("a first commit", commit.open_session(session(1, user_id(1)), 9)).await?;
    let store = subject.store();
    ensure!(store.user(user_id(2)).await?.is_none(), "an unknown id has a user");
    ensure!(store.user_named(&username("nobody")).await?.is_none(), "an unknown name has a user");
    ensure!(store.users_with_email(&email_of(2)).await?.is_empty(), "an unknown address has users");
    ensure!(store.registration(registration_id(2)).await?.is_none(), "an unknown id has a registration");
    ensure!(store.registrations(&email_of(2), None, 8).await?.is_empty(), "an unknown address has registrations");
    ensure!(store.mailbox(mailbox_id(2)).await?.is_none(), "an unknown id has a mailbox");
    ensure!(store.mailbox_of(&email_of(2)).await?.is_none(), "an unknown address has a mailbox");
    ensure!(store.session(&digest(2)).await?.is_none(), "an unknown digest has a session");
    ensure!(store.sessions_of(user_id(2)).await?.is_empty(), "an unknown user has sessions");
    ensure!(subject.claim(claim_of_all()).await?.is_empty(), "a claim without mail returns some");
    Ok(())
}

pub(super) async fn lists_are_complete(subject: Subject) -> Found {
    let shared = email("familia@example.org");
    let users: Vec<User> = (1..=40).map(|n| user_of(n, &format!("hijo-{n}"), shared.clone())).collect();
    let sessions: Vec<Session> = (1..=40).map(|n| session(n, user_id(1))).collect();
    let others: Vec<Session> = (41..=45).map(|n| session(n, user_id(2))).collect();
    let mut commit = users.iter().cloned().fold(Commit::new(), Commit::insert_user);
    for session in sessions.iter().chain(&others) {
        commit = commit.open_session(session.clone(), 100);
    }
    subject.done("users and sessions", commit.insert_user(user(99))).await?;
    let store = subject.store();
    same_records("the list of users", &store.users_with_email(&shared).await?, &users)?;
    same_records("the list of sessions", &store.sessions_of(user_id(1)).await?, &sessions)?;
    same_records("the list of sessions", &store.sessions_of(user_id(2)).await?, &others)
}

pub(super) async fn registrations_come_newest_first_up_to_the_limit(subject: Subject) -> Found {
    let address = email("ana@example.org");
    // Times go up and down, so that neither the order of insertion nor that of ids is the right one.
    let made: Vec<Registration> = (1..=20_u32)
        .map(|n| {
            let registered_at = at(i64::from(n * 7 % 20));
            let name = if n % 3 == 0 { "ana.c" } else { "ana_c" };
            Registration { registered_at, ..registration_of(n, name, address.clone()) }
        })
        .collect();
    let commit = made.iter().cloned().fold(Commit::new(), Commit::insert_registration);
    subject.done("registrations", commit.insert_registration(registration(99))).await?;
    for name in [None, Some(username("ana.c")), Some(username("ana_c")), Some(username("ana-c"))] {
        let meant = |r: &&Registration| name.as_ref().is_none_or(|name| r.username() == name);
        let mut expected: Vec<&Registration> = made.iter().filter(meant).collect();
        expected.sort_by_key(|r| std::cmp::Reverse(r.registered_at()));
        for limit in [0, 1, 8, u32::MAX] {
            let found = subject.store().registrations(&address, name.as_ref(), limit).await?;
            let found: Vec<_> = found.iter().map(fields).collect();
            let expected: Vec<_> = expected.iter().take(limit as usize).map(|r| fields(*r)).collect();
            same(&format!("the list up to {limit}"), &found, &expected)?;
        }
    }
    Ok(())
}

pub(super) async fn other_tasks_see_a_commit_at_once(subject: Subject) -> Found {
    let mut last = user(1);
    subject.done("inserting a user", Commit::new().insert_user(last.clone())).await?;
    for number in 2..STEPS {
        let opened = session(number, last.id());
        let commit = Commit::new().replace_user(&last, with_password(&last, number)).open_session(opened.clone(), 99);
        subject.done("a commit", commit).await?;
        let expected = last.version() + 1;
        let readers = (0..4).map(|_| -> Work<_> {
            let (store, id, digest) = (subject.share(), last.id(), *opened.digest());
            Box::pin(async move { Ok((store.user(id).await?, store.session(&digest).await?)) })
        });
        for read in subject.at_once(readers.collect()).await? {
            let (user, session) = read.map_err(|error: crate::port::error::BoxError| error)?;
            let version = user.map(|user| user.version());
            same("the version read by another task", &version, &Some(expected))?;
            ensure!(session.is_some(), "another task does not find the session that was opened");
        }
        last = subject.store().user(last.id()).await?.ok_or("the user is gone")?;
    }
    Ok(())
}

pub(super) async fn a_session_and_its_user_are_of_one_instant(subject: Subject) -> Found {
    let first = user(1);
    let opened = session_opened(1, first.id(), at(1));
    subject.done("a first commit", Commit::new().insert_user(first.clone()).open_session(opened, 9)).await?;
    let writer = subject.share();
    let write: Work<Found> = Box::pin(async move {
        for step in 2..=i64::from(STEPS) {
            let user = writer.user(user_id(1)).await?.ok_or("the user is gone")?;
            // The same token for each version: a reader must find the session opened under the version it sees.
            let commit = Commit::new()
                .replace_user(&user, with_password(&user, 1))
                .close_session(digest(1))
                .open_session(session_opened(1, user.id(), at(step)), 9);
            if writer.commit(&commit).await? != crate::port::user_store::Committed::Done {
                return Err("the only writer's commit is a conflict".into());
            }
        }
        Ok(())
    });
    let readers = (0..4).map(|_| -> Work<Found> {
        let store = subject.share();
        Box::pin(async move {
            for _ in 0..4 * STEPS {
                let found: Option<(Session, Arc<User>)> = store.session(&digest(1)).await?;
                let (session, user) = found.ok_or("a session that is replaced in one commit is not found")?;
                let (opened, version) = (session.opened_at(), user.version());
                let expected = at(i64::try_from(version)?);
                ensure!(opened == expected, "a session opened at {opened} comes with the user's version {version}");
            }
            Ok(())
        })
    });
    let tasks = std::iter::once(write).chain(readers).collect();
    subject.at_once(tasks).await?.into_iter().collect()
}

pub(super) async fn who_reads_the_mailbox_first_sees_its_users(subject: Subject) -> Found {
    let (address, limit) = (email_of(1), STEPS);
    subject.done("inserting a mailbox", Commit::new().insert_mailbox(mailbox(1))).await?;
    let (writer, of) = (subject.share(), address.clone());
    let write: Work<Found> = Box::pin(async move {
        for number in 1..=limit {
            let read = writer.mailbox(mailbox_id(1)).await?.ok_or("the mailbox is gone")?;
            let user = user_of(number, &format!("hijo-{number}"), of.clone());
            let commit = Commit::new().replace_mailbox(&read, read.clone()).insert_user(user);
            if writer.commit(&commit).await? != crate::port::user_store::Committed::Done {
                return Err("the only writer's commit is a conflict".into());
            }
        }
        Ok(())
    });
    let readers = (0..4).map(|_| -> Work<Found> {
        let (store, address) = (subject.share(), address.clone());
        Box::pin(async move {
            for _ in 0..2 * STEPS {
                let version = store.mailbox_of(&address).await?.ok_or("the mailbox is gone")?.version();
                let users = u64::try_from(store.users_with_email(&address).await?.len())?;
                ensure!(users + 1 >= version, "after the mailbox's version {version} only {users} users are seen");
            }
            Ok(())
        })
    });
    let tasks = std::iter::once(write).chain(readers).collect();
    subject.at_once(tasks).await?.into_iter().collect()
}
