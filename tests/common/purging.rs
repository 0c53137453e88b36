//! Purge among mailboxes that it keeps. Not: which it keeps, which the contract's checks tell.
//!
//! **A mailbox that has a user is looked at once, and stands for none behind it.**

use acceso::{Timestamp, UserStore};

use crate::can_run;
use crate::common::{ANA, PASSWORD};
use crate::deployment::Deployment;
use crate::stand::Stand;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purge_goes_on_past_the_mailboxes_that_it_keeps() {
    if !can_run("purge_goes_on_past_the_mailboxes_that_it_keeps") {
        return;
    }
    let stand = Stand::new().await;
    let mut portal = Deployment::over(stand.store().await);
    portal.user(ANA, "anapena", PASSWORD).await;
    // Hers is due first, and behind it one that nobody has.
    stand.run("update acceso_mailboxes set purge_from = 1").await;
    let nobodys = "insert into acceso_mailboxes (id, version, email_key, email, purge_from, entries) values (";
    let id = Stand::bytes(&"ab".repeat(16));
    stand.run(&format!("{nobodys}{id}, 1, 'nadie@example.org', 'nadie@example.org', 2, '[]')")).await;
    let store = &portal.store.inner;
    let purged = store.purge(Timestamp::from_millis(3), 1).await.expect("the store is there");
    assert_eq!(purged.mailboxes, 1, "one is removed, though another stood before it");
    let left = stand.texts("select email from acceso_mailboxes").await;
    assert_eq!(left, [ANA]);
    let again = store.purge(Timestamp::from_millis(3), 1).await.expect("the store is there");
    assert_eq!(again.mailboxes, 0);
}
