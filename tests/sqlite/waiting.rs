//! A file that another connection writes to for longer than a call may wait. Not: how long that is, which the docs tell.
//!
//! **A call that is late is an error, and the next one goes on.**

use acceso::{Timestamp, UserStore};

use crate::stand::Stand;

#[tokio::test]
async fn a_call_that_waits_for_another_writer_ends_in_time_and_the_store_goes_on() {
    let stand = Stand::new().await;
    let (store, pool) = (stand.store().await, stand.pool().await);
    let other = pool.begin_with("begin immediate").await.expect("nobody else writes");
    // With nothing else to do, the clock leaps to the end of the wait.
    tokio::time::pause();
    let late = store.purge(Timestamp::from_millis(0), 1).await.expect_err("the other one writes");
    tokio::time::resume();
    assert_eq!(late.to_string(), "the file did not answer in time");
    other.rollback().await.expect("it was open");
    store.purge(Timestamp::from_millis(0), 1).await.expect("nobody else writes any more");
}
