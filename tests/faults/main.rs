//! Everything that can break, broken at every place where it can. Not: how each flow behaves when nothing does.
//!
//! **New calls to a port, and new draws of randomness, are broken too without a change here: each loop goes on until a run
//! passes without reaching its fault.**

#![allow(unreachable_pub, reason = "a test crate exports nothing, and its rooms are shared with other tests")]

#[path = "../common/mod.rs"]
mod common;

mod calls;
mod courier;
mod dryness;
mod dump;
mod flow;
mod overtaking;
mod ports;
mod stage;
mod watch;

macro_rules! every_fault {
    ($($name:ident = $flow:ident,)*) => {$(
        #[tokio::test]
        async fn $name() {
            let tally = calls::survives_every_fault(flow::$flow).await;
            println!("{tally:?}");
        }
    )*};
}

every_fault! {
    registering_survives = REGISTERING,
    registering_with_faults_survives = REGISTERING_WITH_FAULTS,
    registering_a_taken_name_survives = REGISTERING_A_TAKEN_NAME,
    confirming_survives = CONFIRMING,
    confirming_wrongly_survives = CONFIRMING_WRONGLY,
    confirming_again_survives = CONFIRMING_AGAIN,
    logging_in_survives = LOGGING_IN,
    logging_in_after_strikes_survives = LOGGING_IN_AFTER_STRIKES,
    logging_in_over_a_session_survives = LOGGING_IN_OVER_A_SESSION,
    logging_in_wrongly_survives = LOGGING_IN_WRONGLY,
    logging_in_as_nobody_survives = LOGGING_IN_AS_NOBODY,
    locking_survives = LOCKING,
    logging_in_while_locked_survives = LOGGING_IN_WHILE_LOCKED,
    logging_in_with_a_temporary_password_survives = LOGGING_IN_WITH_A_TEMPORARY_PASSWORD,
    logging_in_with_a_dead_password_survives = LOGGING_IN_WITH_A_DEAD_PASSWORD,
    logging_in_while_disabled_survives = LOGGING_IN_WHILE_DISABLED,
    recovering_a_user_name_survives = RECOVERING_A_USER_NAME,
    recovering_with_faults_survives = RECOVERING_WITH_FAULTS,
    recovering_a_password_survives = RECOVERING_A_PASSWORD,
    recovering_a_password_under_the_modern_policy_survives = RECOVERING_A_PASSWORD_UNDER_THE_MODERN_POLICY,
    confirming_a_recovery_survives = CONFIRMING_A_RECOVERY,
    confirming_a_recovery_under_the_modern_policy_survives = CONFIRMING_A_RECOVERY_UNDER_THE_MODERN_POLICY,
    choosing_a_password_survives = CHOOSING_A_PASSWORD,
    changing_a_password_survives = CHANGING_A_PASSWORD,
    changing_a_password_with_faults_survives = CHANGING_A_PASSWORD_WITH_FAULTS,
    changing_a_temporary_password_survives = CHANGING_A_TEMPORARY_PASSWORD,
    changing_a_password_wrongly_survives = CHANGING_A_PASSWORD_WRONGLY,
    locking_by_a_change_survives = LOCKING_BY_A_CHANGE,
    a_request_with_a_session_survives = A_REQUEST_WITH_A_SESSION,
    a_request_with_a_restricted_session_survives = A_REQUEST_WITH_A_RESTRICTED_SESSION,
    listing_sessions_survives = LISTING_SESSIONS,
    logging_out_survives = LOGGING_OUT,
    closing_a_session_survives = CLOSING_A_SESSION,
    closing_other_sessions_survives = CLOSING_OTHER_SESSIONS,
    logging_out_everywhere_survives = LOGGING_OUT_EVERYWHERE,
    disabling_survives = DISABLING,
    enabling_survives = ENABLING,
    enabling_who_awaits_a_temporary_password_survives = ENABLING_WHO_AWAITS_A_TEMPORARY_PASSWORD,
    removing_survives = REMOVING,
    revoking_sessions_survives = REVOKING_SESSIONS,
    refreshing_the_same_patients_survives = REFRESHING_THE_SAME_PATIENTS,
    refreshing_other_patients_survives = REFRESHING_OTHER_PATIENTS,
    refreshing_without_patients_survives = REFRESHING_WITHOUT_PATIENTS,
    refreshing_who_is_listed_again_survives = REFRESHING_WHO_IS_LISTED_AGAIN,
    forgetting_after_a_restore_survives = FORGETTING_AFTER_A_RESTORE,
    asking_for_the_backlog_survives = ASKING_FOR_THE_BACKLOG,
}

macro_rules! every_purpose {
    ($($name:ident = $flow:ident,)*) => {$(
        #[tokio::test]
        async fn $name() {
            let tally = courier::delivers_whatever_breaks(flow::$flow).await;
            println!("{tally:?}");
        }
    )*};
}

every_purpose! {
    the_link_of_a_registration_is_delivered = REGISTERING,
    the_notice_of_a_confirmation_is_delivered = CONFIRMING,
    user_names_are_delivered = RECOVERING_A_USER_NAME,
    the_link_of_a_recovery_is_delivered = RECOVERING_A_PASSWORD,
    the_link_to_choose_a_password_is_delivered = RECOVERING_A_PASSWORD_UNDER_THE_MODERN_POLICY,
    a_temporary_password_is_delivered = CONFIRMING_A_RECOVERY,
    a_temporary_password_awaited_while_disabled_is_delivered = ENABLING_WHO_AWAITS_A_TEMPORARY_PASSWORD,
    the_notice_of_a_change_is_delivered = CHANGING_A_PASSWORD,
    the_notice_of_a_choice_is_delivered = CHOOSING_A_PASSWORD,
    the_notice_of_a_lock_is_delivered = LOCKING,
}

#[tokio::test]
async fn a_round_of_many_survives() {
    courier::a_round_of_many_survives_every_fault().await;
}

#[tokio::test]
async fn a_running_courier_delivers_a_link() {
    courier::running_survives_every_fault(flow::REGISTERING).await;
}

#[tokio::test]
async fn a_running_courier_delivers_a_temporary_password() {
    courier::running_survives_every_fault(flow::CONFIRMING_A_RECOVERY).await;
}
