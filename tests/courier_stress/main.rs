//! The courier while mail servers misbehave: down, slow, silent, grey-listing, forgetful of their answers, strict or
//! overrun; with several couriers over one store, one of them killed or paused. Not: every fault at every step of one
//! delivery (`faults`), two couriers step by step (`races`, `races_postgres`), the brake by itself (`brake`), crowds of
//! equal requests (`delivery`).
//!
//! **What was asked for arrives once a server takes it, and what arrived last works.**
//!
//! The mail world keeps what was really delivered; each story compares promises with that. `ACCESO_ROUNDS` plays more
//! random lives of couriers, `ACCESO_SEED` which. For minutes:
//!
//! ```sh
//! ACCESO_ROUNDS=2000 cargo test --all-features --test courier_stress random -- --nocapture
//! ```

#![allow(unreachable_pub, reason = "the modules are one crate's rooms; no one imports from a test")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../faults/dump.rs"]
mod dump;
#[path = "../faults/ports.rs"]
mod ports;
#[path = "../common/postgres.rs"]
mod server;
#[path = "../common/mail_world.rs"]
mod world;

mod backlog;
mod backoff;
mod brake;
mod greylisting;
mod hanging;
mod lost_answers;
mod office;
mod outage;
mod rate_limit;
mod refused;
mod several;

use office::Office;

/// Each story with three couriers, over either store.
macro_rules! stories {
    ($($file:ident :: $story:ident;)*) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $story() {
                crate::$file::$story(crate::Office::in_memory(3)).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                if crate::server::postgres_or_skip(stringify!($story)) {
                    crate::$file::$story(crate::Office::on_postgres(3).await).await;
                }
            })*
        }
    };
}

stories! {
    outage::after_an_hour_without_a_mail_server_every_mail_arrives_once_within_the_longest_pause;
    backlog::a_queue_that_grows_is_seen_and_is_empty_when_the_server_is_back;
    lost_answers::a_mail_that_arrived_unacknowledged_is_replaced_by_one_that_works;
    lost_answers::the_temporary_password_that_arrived_last_is_the_one_that_works;
    greylisting::a_greylisted_receiver_gets_its_mail_once_and_soon_after;
    rate_limit::more_mails_than_a_server_takes_in_a_minute_all_arrive_in_the_end;
    refused::an_address_that_is_refused_is_given_up_and_holds_up_nobody;
    several::a_courier_killed_between_sending_and_settling_loses_nothing;
    several::a_courier_paused_beyond_its_lease_harms_nothing_when_it_awakes;
}
