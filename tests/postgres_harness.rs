//! The harness of PostgreSQL itself: what the store's tests rely on.
//!
//! **A fault that a test orders takes place.**

#![cfg(unix)]

#[path = "common/postgres.rs"]
mod postgres;

use postgres::{postgres_or_skip, shared};

#[test]
fn databases_are_apart() {
    if !postgres_or_skip("databases_are_apart") {
        return;
    }
    let server = shared();
    let (one, other) = (server.database(), server.database());
    server.run_sql(&one, "CREATE TABLE here (id int)");
    assert_eq!(server.run_sql(&one, "SELECT to_regclass('here')"), "here");
    assert_eq!(server.run_sql(&other, "SELECT to_regclass('here')"), "");
}
