//! The mail server is down for an hour of the clock. Not: what a health check sees of it (`backlog`), nor the pauses one by
//! one (`backoff`).

use std::collections::BTreeMap;
use std::time::Duration;

use acceso::{Confirmation, Login, MailPurpose, RecoveryConfirmation};

use crate::common::kept::Kept;
use crate::common::{PASSWORD, token};
use crate::office::Office;

const HOUR: Duration = Duration::from_secs(3600);

fn address(number: usize) -> String {
    format!("paciente{number}@example.org")
}

fn name(number: usize) -> String {
    format!("paciente{number}")
}

/// Mails of every purpose but one are asked for, at different times of the outage.
pub async fn after_an_hour_without_a_mail_server_every_mail_arrives_once_within_the_longest_pause<S: Kept>(
    mut office: Office<S>,
) {
    const USERS: usize = 12;
    const PEOPLE: usize = 36;
    for number in 0..USERS {
        office.user(&address(number), &name(number)).await;
    }
    office.ask_recovery(&address(0), &name(0)).await;
    office.register(&address(USERS), &name(USERS)).await;
    office.work().await;
    let recovery = token(&office.world.newest(&address(0), MailPurpose::ConfirmRecovery));
    let registration = token(&office.world.newest(&address(USERS), MailPurpose::ConfirmRegistration));
    let (down, up) = (office.now(), office.now().after(HOUR));
    office.world.down(down, up);
    let already = office.world.arrivals().len();

    let mut expected = BTreeMap::new();
    let mut expect = |number: usize, purpose: MailPurpose| expected.insert((address(number), purpose), 1);
    assert_eq!(office.use_recovery(&recovery).await, RecoveryConfirmation::Accepted);
    expect(0, MailPurpose::TemporaryPassword);
    assert_eq!(office.confirm(&registration, &name(USERS), PASSWORD).await, Confirmation::Confirmed);
    expect(USERS, MailPurpose::RegistrationConfirmed);
    for _ in 0..office.acceso.policy().lockout.threshold {
        assert!(matches!(office.login(&name(1), "Equivocada 1").await, Login::Rejected));
    }
    expect(1, MailPurpose::UserLocked);
    for number in 2..PEOPLE {
        match number {
            2..6 => {
                office.ask_recovery(&address(number), &name(number)).await;
                expect(number, MailPurpose::ConfirmRecovery);
            }
            6..USERS => {
                office.ask_names(&address(number)).await;
                expect(number, MailPurpose::UserNames);
            }
            USERS => {}
            _ => {
                office.register(&address(number), &name(number)).await;
                expect(number, MailPurpose::ConfirmRegistration);
            }
        }
        office.live(HOUR / 40).await;
    }
    office.live(up.since(office.now())).await;
    assert_eq!(office.now(), up);
    let longest = office.acceso.policy().mail.retry_longest;
    office.live(longest).await;

    assert_eq!(office.waiting().await, 0, "nothing is left to wait for");
    let arrivals = office.world.arrivals().split_off(already);
    let mut came = BTreeMap::new();
    for arrival in &arrivals {
        assert!(arrival.at >= up && arrival.at <= up.after(longest), "{} after the outage", arrival.at);
        *came.entry((arrival.mail.to().to_string(), arrival.mail.purpose())).or_insert(0) += 1;
    }
    assert_eq!(came, expected);
    let minutes: BTreeMap<u64, usize> = arrivals.iter().fold(BTreeMap::new(), |mut minutes, arrival| {
        *minutes.entry(arrival.at.since(up).as_secs() / 60).or_default() += 1;
        minutes
    });
    assert!(minutes.values().all(|mails| *mails <= arrivals.len() / 2), "all at once: {minutes:?}");
    for arrival in &arrivals {
        let to = arrival.mail.to().as_str();
        match arrival.mail.purpose() {
            MailPurpose::ConfirmRegistration => assert!(office.is_live(&token(&arrival.mail)).await),
            MailPurpose::ConfirmRecovery => {
                assert_eq!(office.use_recovery(&token(&arrival.mail)).await, RecoveryConfirmation::Accepted);
            }
            MailPurpose::TemporaryPassword => assert!(office.newest_temporary_works(to, &name(0)).await),
            _ => {}
        }
    }
}
