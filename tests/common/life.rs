//! Everything that a store is ever asked for: whole lives of accounts, with each write and each read. Not: whether the
//! answers are right, which the stories tell.
//!
//! **A kind of write or a call of the port that no life has asked for is a failure here.**

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::collections::BTreeSet;
use std::time::Duration;

use acceso::{Client, Commit, RecoveryConfirmation, RegistrationId, UserStore, Write};

use crate::common::{ANA, NEW_PASSWORD, NOBODY, PASSWORD, patient, temporary, token};
use crate::deployment::Deployment;
use crate::spy::Fate;

const BEA: &str = "bea.sosa@example.org";

/// A name for each kind of write; without a wildcard, so that a new kind stops here.
fn kind(write: &Write) -> &'static str {
    match write {
        Write::InsertMailbox(_) => "insert mailbox",
        Write::ReplaceMailbox { .. } => "replace mailbox",
        Write::RemoveRegistration { .. } => "remove registration",
        Write::RemoveRegistrationsOf { username: Some(_), .. } => "remove registrations of a name",
        Write::RemoveRegistrationsOf { username: None, .. } => "remove registrations of an address",
        Write::InsertRegistration(_) => "insert registration",
        Write::RemoveUser { .. } => "remove user",
        Write::GuardUser { .. } => "guard user",
        Write::ReplaceUser { .. } => "replace user",
        Write::InsertUser(_) => "insert user",
        Write::GuardSession { .. } => "guard session",
        Write::TouchSession { .. } => "touch session",
        Write::CloseSession { .. } => "close session",
        Write::CloseSessionsOf { except: Some(_), .. } => "close other sessions",
        Write::CloseSessionsOf { except: None, .. } => "close all sessions",
        Write::OpenSession { .. } => "open session",
        Write::HoldMail { .. } => "hold mail",
        Write::SettleMail { .. } => "settle mail",
        Write::PostponeMail { .. } => "postpone mail",
        Write::QueueMail(_) => "queue mail",
        Write::Record(_) => "record",
    }
}

/// How many names [`kind`] gives.
const KINDS: usize = 21;

/// As many as the port has methods.
const CALLS: usize = 14;

/// Lives through everything, and then forgets what is alive, as after a restore.
pub async fn everything<S: UserStore + 'static>(portal: &mut Deployment<S>) {
    registering_and_confirming(portal).await;
    sessions(portal).await;
    recovering(portal).await;
    staff(portal).await;
    let calls: BTreeSet<_> = portal.store.take_calls().into_iter().collect();
    assert_eq!(calls.len(), CALLS, "{calls:?}");
    let commits = portal.store.take_commits();
    let kinds: BTreeSet<_> = commits.iter().flat_map(Commit::writes).map(kind).collect();
    assert_eq!(kinds.len(), KINDS, "{kinds:?}");
}

async fn registering_and_confirming<S: UserStore + 'static>(portal: &mut Deployment<S>) {
    portal.registry.insert(patient("pac-0002", BEA));
    portal.registry.insert(patient("pac-0003", BEA));
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.user(BEA, "beasosa", PASSWORD).await;
    // Nobody's registration is removed unseen.
    portal.register(NOBODY, "nadie", PASSWORD).await;
    assert!(portal.mails().await.is_empty());
    // A browser that has the reference of its own registration.
    let reference: RegistrationId = portal.register(ANA, "otra", PASSWORD).await;
    let link = portal.mails().await.first().map(token);
    if let Some(link) = link {
        let form = acceso::ConfirmationForm {
            token: link,
            username: "otra".into(),
            password: PASSWORD.into(),
            reference: Some(reference.to_string()),
        };
        let _ = portal.acceso.confirm(form, &Client::unknown()).await.expect("the store is there");
        portal.mails().await;
    }
}

async fn sessions<S: UserStore + 'static>(portal: &mut Deployment<S>) {
    let client = Client::unknown();
    for _ in 0..portal.acceso.policy().session.per_user {
        portal.signed_in("anapena", PASSWORD).await;
    }
    let (one, other) = (portal.signed_in("anapena", PASSWORD).await, portal.signed_in("anapena", PASSWORD).await);
    portal.pass(Duration::from_secs(600));
    assert!(portal.is_signed_in(&one.token).await);
    let listed = portal.acceso.sessions(&one.token).await.expect("there").expect("signed in");
    assert!(listed.len() > 1);
    let closed = portal.acceso.close_other_sessions(&one.token, &client).await;
    assert!(closed.expect("the store is there").is_some());
    assert!(!portal.is_signed_in(&other.token).await);
    let _ = portal.change(&one.token, PASSWORD, NEW_PASSWORD).await;
    portal.mails().await;
    let again = portal.signed_in("anapena", NEW_PASSWORD).await;
    portal.acceso.log_out(&again.token, &client).await.expect("the store is there");
    portal.lock("anapena").await;
    portal.mails().await;
}

async fn recovering<S: UserStore + 'static>(portal: &mut Deployment<S>) {
    // Asked for twice, mailed once.
    portal.recover_username(BEA).await;
    portal.recover_username(BEA).await;
    portal.recover_username(NOBODY).await;
    portal.mails().await;
    portal.recover_password(BEA, "beasosa").await;
    portal.recover_password(BEA, "beasosa").await;
    // The mail server is busy for a moment.
    portal.post.next([Fate::Transient]);
    assert!(portal.mails().await.is_empty());
    portal.pass(Duration::from_secs(300));
    let link = token(&portal.mail().await);
    assert_eq!(portal.confirm_recovery(&link).await, RecoveryConfirmation::Accepted);
    let password = temporary(&portal.mail().await);
    let login = portal.login("beasosa", &password).await.expect("the store is there");
    let acceso::Login::MustChangePassword(restricted) = login else { panic!("{login:?}") };
    let _ = portal.change(&restricted.token, &password, NEW_PASSWORD).await;
    portal.mails().await;
}

async fn staff<S: UserStore + 'static>(portal: &mut Deployment<S>) {
    let client = Client::unknown();
    let bea = portal.named("beasosa").await.id();
    let acceso = portal.acceso.clone();
    let _ = acceso.disable(bea, &client).await.expect("the store is there");
    let _ = acceso.enable(bea, &client).await.expect("the store is there");
    let _ = acceso.refresh_patients(bea, &client).await.expect("the store is there");
    let _ = acceso.revoke_sessions(bea, &client).await.expect("the store is there");
    let _ = acceso.account_state(bea).await.expect("the store is there");
    let _ = acceso.mail_backlog().await.expect("the store is there");
    portal.mails().await;
    let _ = acceso.remove(bea, &client).await.expect("the store is there");
    // One mailbox has a user still, the other has none.
    portal.pass(Duration::from_secs(400 * 24 * 3600));
    portal.mails().await;
    acceso.after_restore(&client).await.expect("the store is there");
}
