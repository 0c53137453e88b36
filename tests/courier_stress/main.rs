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
#[path = "../common/smtp_server.rs"]
mod smtp_server;
#[path = "../common/mail_world.rs"]
mod world;

mod backlog;
mod backoff;
mod brake;
mod by_smtp;
mod greylisting;
mod hanging;
mod lost_answers;
mod office;
mod outage;
mod rate_limit;
mod refused;
mod several;
mod ticks;

use by_smtp::Clinic;
use office::Office;

/// Each story with three couriers, over either store.
macro_rules! stories {
    ($place:ident in $memory:ident and $postgres:ident: $($($file:ident)::+ => $story:ident;)*) => {
        mod $memory {
            $(#[tokio::test]
            async fn $story() {
                crate::$($file)::+::$story(crate::$place::in_memory(3)).await;
            })*
        }

        mod $postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                if crate::server::postgres_or_skip(stringify!($story)) {
                    crate::$($file)::+::$story(crate::$place::on_postgres(3).await).await;
                }
            })*
        }
    };
}

stories! {
    Office in in_memory and on_postgres:
    outage => after_an_hour_without_a_mail_server_every_mail_arrives_once_within_the_longest_pause;
    backlog => a_queue_that_grows_is_seen_and_is_empty_when_the_server_is_back;
    lost_answers => a_mail_that_arrived_unacknowledged_is_replaced_by_one_that_works;
    lost_answers => the_temporary_password_that_arrived_last_is_the_one_that_works;
    greylisting => a_greylisted_receiver_gets_its_mail_once_and_soon_after;
    rate_limit => more_mails_than_a_server_takes_in_a_minute_all_arrive_in_the_end;
    refused => an_address_that_is_refused_is_given_up_and_holds_up_nobody;
    several => a_courier_killed_between_sending_and_settling_loses_nothing;
    several => a_courier_paused_beyond_its_lease_harms_nothing_when_it_awakes;
}

stories! {
    Clinic in by_smtp_in_memory and by_smtp_on_postgres:
    by_smtp::down => every_mail_that_waited_for_a_server_that_refused_connections_arrives_once;
    by_smtp::lost => a_connection_that_drops_after_250_brings_no_second_mail;
    by_smtp::lost => a_connection_that_drops_before_the_answer_brings_a_second_mail_that_is_known_for_one;
    by_smtp::turned_away => a_receiver_that_answers_451_at_first_gets_its_mail_once;
    by_smtp::turned_away => a_server_that_answers_421_to_connections_gets_every_mail_once;
    by_smtp::refused => a_receiver_that_answers_550_is_given_up_seen_by_staff_and_holds_up_nobody;
    by_smtp::slow => a_server_that_is_slow_and_in_time_is_sent_to_once;
    by_smtp::silent => a_receiver_that_never_answers_delays_none_of_twenty_others;
    by_smtp::crash => a_courier_that_dies_after_250_sends_again_and_what_came_last_works;
    by_smtp::crash => a_courier_that_dies_while_the_server_takes_the_mail_sends_again_and_what_came_last_works;
}
