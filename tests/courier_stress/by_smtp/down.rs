//! No server listens for an hour of the clock. Not: what is asked for meanwhile in all its kinds, which `outage` has.

use crate::by_smtp::{Clinic, MINUTE, NAMES, REGISTRATION, TEMPORARY, people};
use crate::common::kept::Kept;
use crate::smtp_server::{Answer, SmtpServer};

const ADDRESS: &str = "ana@example.org";
const NAME: &str = "anapena";

pub async fn every_mail_that_waited_for_a_server_that_refused_connections_arrives_once<S: Kept>(mut clinic: Clinic<S>) {
    clinic.user(ADDRESS, NAME).await;
    clinic.recover(ADDRESS, NAME).await;
    clinic.office.ask_names(ADDRESS).await;
    clinic.came();
    clinic.server = None;
    clinic.office.work().await;
    assert_eq!(clinic.office.waiting().await, 2);
    let people = people(12);
    for (already, (address, name)) in people.iter().enumerate() {
        clinic.office.register(address, name).await;
        clinic.office.live(5 * MINUTE).await;
        // It grows, and nothing is overdue: a health check knows that it is not the couriers.
        let backlog = clinic.office.backlog().await;
        assert_eq!(backlog.typed + backlog.to_users, 3 + u64::try_from(already).expect("few"));
        let overdue = backlog.oldest_due.map(|due| clinic.office.now().since(due)).unwrap_or_default();
        assert!(overdue < clinic.office.acceso.policy().mail.lease, "{overdue:?}");
    }

    clinic.server = Some(SmtpServer::start_at(&clinic.port, |_| Answer::Usual));
    let longest = clinic.office.acceso.policy().mail.retry_longest;
    clinic.office.live(longest).await;
    let backlog = clinic.office.backlog().await;
    assert_eq!((backlog.typed, backlog.to_users, backlog.oldest_due), (0, 0, None));
    for (address, _) in &people {
        let mails = clinic.mails(address, REGISTRATION);
        assert_eq!(mails.len(), 1, "{address}");
        assert!(clinic.is_live(&mails[0]).await, "{address}");
    }
    assert_eq!(clinic.mails(ADDRESS, NAMES).len(), 1);
    let passwords = clinic.mails(ADDRESS, TEMPORARY);
    assert_eq!(passwords.len(), 1);
    assert!(clinic.lets_in(&passwords[0], NAME).await);
}
