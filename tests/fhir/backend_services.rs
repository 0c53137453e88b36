//! Tokens of SMART Backend Services: when one is obtained, how long it is used, and that parallel look-ups share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use acceso::adapter::fhir::FhirRegistry;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time;

use crate::authorization::{Clinic, granted, services};
use crate::fhir_server::{Answer, FhirServer};
use crate::stand::{ANA, builder, bundle, ids, patient, reason};

const PARALLEL: usize = 20;

/// The one patient whom the record holds.
async fn found(registry: &FhirRegistry) -> Result<(), String> {
    ids(registry).await.map(|ids| assert_eq!(ids, ["1"]))
}

/// Time goes by between look-ups; none of it during one.
async fn later(seconds: u64) {
    time::pause();
    time::advance(Duration::from_secs(seconds)).await;
    time::resume();
}

/// What so many look-ups at once bring.
async fn at_once(registry: &Arc<FhirRegistry>) -> Vec<Result<(), String>> {
    let mut tasks = JoinSet::new();
    for _ in 0..PARALLEL {
        let registry = Arc::clone(registry);
        tasks.spawn(async move { found(&registry).await });
    }
    tasks.join_all().await
}

#[tokio::test]
async fn a_token_is_obtained_where_the_server_says_and_used_again() {
    let clinic = Clinic::new();
    let registry = clinic.registry();
    for _ in 0..3 {
        assert_eq!(found(&registry).await, Ok(()));
    }
    assert_eq!(clinic.asked(), [1, 1, 3]);
}

#[tokio::test]
async fn look_ups_in_parallel_obtain_one_token() {
    let clinic = Clinic::new();
    let registry = Arc::new(clinic.registry());
    assert_eq!(at_once(&registry).await, vec![Ok(()); PARALLEL]);
    assert_eq!(clinic.asked(), [1, 1, PARALLEL]);
}

#[tokio::test]
async fn look_ups_in_parallel_whose_token_is_refused_renew_it_once() {
    let clinic = Clinic::new();
    let registry = Arc::new(clinic.registry());
    assert_eq!(found(&registry).await, Ok(()));
    clinic.accept_from(2);
    assert_eq!(at_once(&registry).await, vec![Ok(()); PARALLEL]);
    let [configurations, tokens, _] = clinic.asked();
    assert_eq!((configurations, tokens), (1, 2));
}

#[tokio::test]
async fn a_token_is_renewed_half_a_minute_before_it_ends() {
    let clinic = Clinic::new();
    let registry = clinic.registry();
    for (seconds, tokens) in [(0, 1), (180, 1), (95, 2), (180, 2), (95, 3)] {
        later(seconds).await;
        assert_eq!(found(&registry).await, Ok(()));
        assert_eq!(clinic.asked()[1], tokens);
    }
}

#[tokio::test]
async fn a_token_is_used_for_an_hour_at_most_and_a_minute_where_nothing_is_said() {
    for (expires_in, before, after) in [
        (json!(u64::MAX), 3_400, 200),
        (json!(86_400), 3_400, 200),
        (json!("3600"), 3_400, 200),
        (Value::Null, 0, 40),
        (json!(10), 0, 6),
    ] {
        let told = expires_in.clone();
        let clinic = Clinic::granting(move |number| granted(number, &told));
        let registry = clinic.registry();
        for (seconds, tokens) in [(0, 1), (before, 1), (after, 2)] {
            later(seconds).await;
            assert_eq!(found(&registry).await, Ok(()), "{expires_in}");
            assert_eq!(clinic.asked()[1], tokens, "{expires_in} after {seconds} s");
        }
    }
}

#[tokio::test]
async fn a_life_that_is_no_count_of_seconds_makes_a_token_for_one_look_up() {
    for expires_in in [json!(0), json!(-1), json!("soon"), json!(3599.5), json!(1e300), json!([300]), json!("-300")] {
        let told = expires_in.clone();
        let clinic = Clinic::granting(move |number| granted(number, &told));
        let registry = clinic.registry();
        for tokens in 1..=3 {
            assert_eq!(found(&registry).await, Ok(()), "{expires_in}");
            assert_eq!(clinic.asked()[1], tokens, "{expires_in}");
        }
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_look_up_goes_on() {
    let clinic = Clinic::new();
    let registry = clinic.registry();
    assert_eq!(found(&registry).await, Ok(()));
    clinic.accept_from(2);
    assert_eq!(found(&registry).await, Ok(()));
    assert_eq!(clinic.asked(), [1, 2, 3]);
    assert_eq!(clinic.server.requests().last().expect("a search").header("authorization"), "Bearer s3creto-2");
}

#[tokio::test]
async fn a_server_that_refuses_every_token_is_asked_twice_and_no_third_time() {
    let clinic = Clinic::new();
    clinic.accept_from(usize::MAX);
    assert_eq!(reason(&clinic.registry()).await, "the server answers 401");
    assert_eq!(clinic.asked(), [1, 2, 2]);
}

#[tokio::test]
async fn a_token_that_was_refused_is_not_used_twice() {
    let clinic = Clinic::granting(|_| granted(7, &json!(300)));
    clinic.accept_from(8);
    assert_eq!(reason(&clinic.registry()).await, "the server answers 401");
    assert_eq!(clinic.asked(), [1, 2, 1]);
}

#[tokio::test]
async fn there_is_one_renewal_in_a_look_up_whatever_its_pages() {
    let before = AtomicUsize::new(0);
    let server = FhirServer::start(move |request| {
        let number = before.fetch_add(1, Ordering::SeqCst);
        match (request.target.as_str(), number) {
            ("/token", number) => granted(number, &json!(300)),
            // The first page refuses the first token, the second page the second one.
            (_, 1 | 4) => Answer::status(401),
            _ => {
                let mut page = bundle(&[patient("1", ANA)]);
                page["link"] = json!([{ "relation": "next", "url": "?page=1" }]);
                Answer::Json(page.to_string())
            }
        }
    });
    let services = services().token_url(&format!("{}/token", server.origin())).expect("a URL");
    let registry = builder(&server).backend_services(services).build().expect("a registry");
    assert_eq!(found(&registry).await, Err("searching patients over FHIR, page 2: the server answers 401".into()));
    assert_eq!(server.requests().iter().filter(|request| request.target == "/token").count(), 2);
}

#[tokio::test]
async fn a_caller_who_goes_away_during_a_renewal_takes_nobody_with_him() {
    let clinic = Clinic::granting(|number| if number == 1 { Answer::Silence } else { granted(number, &json!(300)) });
    let registry = Arc::new(clinic.registry());
    let look_up = || {
        let registry = Arc::clone(&registry);
        tokio::spawn(async move { found(&registry).await })
    };
    let leaving = look_up();
    while clinic.asked()[1] == 0 {
        tokio::task::yield_now().await;
    }
    let waiting = [look_up(), look_up()];
    tokio::task::yield_now().await;
    leaving.abort();
    assert!(leaving.await.expect_err("dropped").is_cancelled());
    for waiting in waiting {
        assert_eq!(waiting.await.expect("no panic"), Ok(()));
    }
    assert_eq!(clinic.asked(), [1, 2, 2]);
}
