//! What a health check sees of the queue: that no courier runs, and that mail does not leave. Not: the numbers that it
//! compares with, which `docs/stores.md` tells.

use std::time::Duration;

use crate::common::kept::Kept;
use crate::office::Office;

const MINUTE: Duration = Duration::from_secs(60);

pub async fn a_queue_that_grows_is_seen_and_is_empty_when_the_server_is_back<S: Kept>(mut office: Office<S>) {
    office.user("ana@example.org", "anapena").await;
    assert_eq!(office.waiting().await, 0);
    assert_eq!(office.backlog().await.oldest_due, None);

    // Nobody works: the oldest mail is more and more overdue.
    let couriers = std::mem::take(&mut office.couriers);
    office.ask_recovery("ana@example.org", "anapena").await;
    let asked = office.now();
    office.pass(20 * MINUTE);
    assert_eq!(office.waiting().await, 1);
    assert_eq!(office.backlog().await.oldest_due, Some(asked));
    office.couriers = couriers;
    office.work().await;
    assert_eq!(office.waiting().await, 0);

    // The mail server is down: nothing is overdue, because each try fails in its time, and the number grows.
    let (down, up) = (office.now(), office.now().after(60 * MINUTE));
    office.world.down(down, up);
    let lease = office.acceso.policy().mail.lease;
    for number in 0..30 {
        office.register(&format!("paciente{number}@example.org"), &format!("paciente{number}")).await;
        office.live(2 * MINUTE).await;
        let backlog = office.backlog().await;
        assert_eq!((backlog.typed, backlog.to_users), (number + 1, 0));
        let overdue = backlog.oldest_due.map(|due| office.now().since(due)).unwrap_or_default();
        assert!(overdue < lease, "{overdue:?}");
    }
    office.live(up.since(office.now())).await;
    office.live(office.acceso.policy().mail.retry_longest).await;
    assert_eq!(office.waiting().await, 0);
    assert_eq!(office.backlog().await.oldest_due, None);
}
