//! The clinic's mail server takes so many mails a minute, and tells the rest to come back. Not: a limit of ours; the courier
//! has none but its places.

use std::collections::BTreeSet;
use std::time::Duration;

use acceso::MailPurpose;

use crate::common::kept::Kept;
use crate::office::Office;

const PEOPLE: usize = 120;
const PER_MINUTE: usize = 10;
const HOUR: Duration = Duration::from_secs(3600);

pub async fn more_mails_than_a_server_takes_in_a_minute_all_arrive_in_the_end<S: Kept>(mut office: Office<S>) {
    office.world.per_minute(Some(PER_MINUTE));
    for number in 0..PEOPLE {
        office.register(&format!("paciente{number}@example.org"), &format!("paciente{number}")).await;
    }
    let asked = office.now();
    while office.waiting().await > 0 {
        office.live(HOUR / 60).await;
        assert!(office.now().since(asked) < HOUR, "{} still wait", office.waiting().await);
    }
    let arrivals = office.world.arrivals();
    let addresses: BTreeSet<_> = arrivals.iter().map(|arrival| arrival.mail.to().clone()).collect();
    assert_eq!((arrivals.len(), addresses.len()), (PEOPLE, PEOPLE), "each once");
    assert!(arrivals.iter().all(|arrival| arrival.mail.purpose() == MailPurpose::ConfirmRegistration));
    println!("{PEOPLE} mails at {PER_MINUTE} a minute took {:?}", office.now().since(asked));
}
