//! What is the same key, and what only looks like it. Not: what a taken key does, which `refusing` has.
//!
//! **Keys are compared as bytes: the core has folded what is to be folded.**

use crate::conformance::common::{Found, ensure, same};
use crate::identity::{UserId, Username};
use crate::plan::Commit;
use crate::user::User;

use super::fixture::{
    NOW, due, email, email_of, event, mailbox, mailbox_id, only, registration, registration_id, registration_of,
    same_record, same_records, session, typed, typed_by, user, user_id, user_of, username,
};
use super::subject::Subject;

pub(super) async fn letter_case_of_an_address_does_not_count(subject: Subject) -> Found {
    let (written, asked) = (email("Ana.Pena@Example.ORG"), email("aNA.pENA@example.org"));
    let box_of = crate::mailbox::Mailbox::new(mailbox_id(1), written.clone());
    let registration = registration_of(1, "ana", written.clone());
    let user = user_of(1, "ana", written);
    let commit = Commit::new()
        .insert_mailbox(box_of.clone())
        .insert_registration(registration.clone())
        .insert_user(user.clone())
        .queue_mail(typed_by(1, asked.clone(), None));
    subject.done("a first commit", commit).await?;
    let store = subject.store();
    same_records("the list of users", &store.users_with_email(&asked).await?, &[user])?;
    same_records("the list of registrations", &store.registrations(&asked, None, 8).await?, &[registration])?;
    same_record("the mailbox", store.mailbox_of(&asked).await?.as_ref(), &box_of)?;
    let again = Commit::new().insert_mailbox(crate::mailbox::Mailbox::new(mailbox_id(2), asked.clone()));
    subject.conflict("a second mailbox of the address", again).await?;
    subject.done("removing", Commit::new().remove_registrations_of(asked.clone(), None)).await?;
    ensure!(store.registrations(&asked, None, 8).await?.is_empty(), "the registration is still there");
    Ok(())
}

pub(super) async fn near_addresses_are_others(subject: Subject) -> Found {
    let near = [
        "ana@example.org",
        "an.a@example.org",
        "ana+1@example.org",
        "ana@example.org.ar",
        "an@example.org",
        "aana@example.org",
        "ana@example.or",
        "an_@example.org",
        "%@example.org",
        "an%@example.org",
        "_na@example.org",
        "a*@example.org",
        "ana'@example.org",
        "ana@examp1e.org",
        "ana@sub.example.org",
        "anna@example.org",
    ];
    for (number, text) in (1..).zip(near) {
        let address = email(text);
        let commit = Commit::new()
            .insert_mailbox(crate::mailbox::Mailbox::new(mailbox_id(number), address.clone()))
            .insert_registration(registration_of(number, "ana", address.clone()))
            .insert_user(user_of(number, &format!("ana{number}"), address));
        subject.done(&format!("the first commit of {text}"), commit).await?;
    }
    let store = subject.store();
    for (number, text) in (1..).zip(near) {
        let address = email(text);
        let users: Vec<UserId> = store.users_with_email(&address).await?.iter().map(User::id).collect();
        same(&format!("the list of users of {text}"), &users, &vec![user_id(number)])?;
        let found = only("registrations", store.registrations(&address, None, 99).await?)?;
        same(&format!("the registration of {text}"), &found.id(), &registration_id(number))?;
        let found = store.mailbox_of(&address).await?.map(|found| found.id());
        same(&format!("the mailbox of {text}"), &found, &Some(mailbox_id(number)))?;
    }
    let gone = email("an_@example.org");
    subject.done("removing", Commit::new().remove_registrations_of(gone.clone(), None)).await?;
    for text in near {
        let left = store.registrations(&email(text), None, 99).await?.len();
        same(&format!("the count of registrations of {text}"), &left, &usize::from(email(text) != gone))?;
    }
    Ok(())
}

pub(super) async fn near_names_are_others(subject: Subject) -> Found {
    let near = ["ana", "ana-", "ana_", "ana.", "an_", "a-a", "a_a", "a.a", "aaa", "anaa", "0na", "an0", "ana1"];
    let names: Vec<Username> = near.into_iter().map(username).collect();
    for (number, name) in (1..).zip(&names) {
        let commit = Commit::new()
            .insert_registration(registration_of(number, name.as_str(), email("ana@example.org")))
            .insert_user(user_of(number, name.as_str(), email_of(number)));
        subject.done(&format!("the first commit of {name}"), commit).await?;
    }
    let store = subject.store();
    for (number, name) in (1..).zip(&names) {
        let found = store.user_named(name).await?.map(|user| user.id());
        same(&format!("the user named {name}"), &found, &Some(user_id(number)))?;
        let listed = only(name.as_str(), store.registrations(&email("ana@example.org"), Some(name), 99).await?)?;
        same(&format!("the registration under {name}"), &listed.id(), &registration_id(number))?;
    }
    ensure!(store.user_named(&username("aan")).await?.is_none(), "a name that nobody has has a user");
    Ok(())
}

pub(super) async fn rows_of_equal_keys_in_other_rooms_are_others(subject: Subject) -> Found {
    let commit = Commit::new().insert_mailbox(mailbox(1)).insert_registration(registration(1)).insert_user(user(1));
    let commit = commit.open_session(session(1, user_id(1)), 9).queue_mail(due(typed(1), NOW)).record(event(1));
    subject.done("records with the same sixteen bytes as id", commit).await?;
    let store = subject.store();
    ensure!(store.mailbox(mailbox_id(1)).await?.is_some(), "the mailbox is not found");
    ensure!(store.registration(registration_id(1)).await?.is_some(), "the registration is not found");
    ensure!(store.user(user_id(1)).await?.is_some(), "the user is not found");
    Ok(())
}
