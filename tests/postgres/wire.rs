//! How often a call waits for the server, counted on the wire. Not: what it asks, which `round_trips` has.
//!
//! **Nothing is asked beside the statements of the call: no ping, no second look.**

use crate::Store;
use crate::common::{ANA, PASSWORD};
use crate::deployment::Deployment;
use crate::proxy::Proxy;
use crate::server::{self, postgres_or_skip};
use crate::stand::Stand;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wire_carries_one_statement_for_a_session_check_and_seven_for_a_login() {
    if !postgres_or_skip("the_wire_carries_one_statement_for_a_session_check_and_seven_for_a_login") {
        return;
    }
    let proxy = Proxy::start(server::shared().address());
    let stand = Stand::at(proxy.url(Stand::new().await.url()));
    let store = Store::connect(stand.url()).await.expect("the server is there");
    let mut portal = Deployment::over(store);
    portal.user(ANA, "anapena", PASSWORD).await;
    let token = portal.signed_in("anapena", PASSWORD).await.token;
    let before = proxy.statements();
    assert!(portal.is_signed_in(&token).await);
    assert_eq!(proxy.statements() - before, 1);
    let before = proxy.statements();
    portal.signed_in("anapena", PASSWORD).await;
    // The user; then begin, guard, session, room for it, event, commit.
    assert_eq!(proxy.statements() - before, 7);
}
