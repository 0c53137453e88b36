//! Servers that refuse, break off, never end or are slow: what is tried again, and how far an answer is read.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::fhir_server::{Answer, FhirServer};
use crate::stand::{ANA, bundle, hasty, ids, outcome, patient, reason, reason_for, registry};

fn good() -> Answer {
    Answer::Json(bundle(&[patient("1", ANA)]).to_string())
}

#[tokio::test]
async fn each_refusal_is_an_error_with_its_status_and_its_codes() {
    for status in [201, 204, 304, 400, 401, 403, 404, 405, 406, 410, 415, 422, 500, 501] {
        let body = outcome("error", "security").to_string().into_bytes();
        let kind = vec![("content-type", "application/fhir+json".to_owned())];
        let with_body = !matches!(status, 204 | 304);
        let answer = if with_body { Answer::Full(status, kind, body) } else { Answer::status(status) };
        let server = FhirServer::start(move |_| answer.clone());
        let codes = if with_body { ": security" } else { "" };
        assert_eq!(reason(&registry(&server)).await, format!("the server answers {status}{codes}"));
        assert_eq!(server.requests().len(), 1, "{status} is final");
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_twice_more() {
    for status in [429, 502, 503, 504] {
        let server = FhirServer::start(move |_| Answer::status(status));
        assert_eq!(reason(&registry(&server)).await, format!("the server answers {status}"));
        assert_eq!(server.requests().len(), 3);
        let server = FhirServer::start(move |request| if request.before < 2 { Answer::status(status) } else { good() });
        assert_eq!(ids(&registry(&server)).await, Ok(vec!["1".to_owned()]));
    }
}

#[tokio::test]
async fn a_server_that_asks_for_patience_gets_two_seconds_and_no_more() {
    let busy = |seconds: &str| Answer::Full(429, vec![("retry-after", seconds.to_owned())], Vec::new());
    let short = busy("0");
    let server = FhirServer::start(move |request| if request.before == 0 { short.clone() } else { good() });
    assert_eq!(ids(&registry(&server)).await, Ok(vec!["1".to_owned()]));
    let long = busy("120");
    let server = FhirServer::start(move |_| long.clone());
    assert_eq!(reason(&registry(&server)).await, "the server asks to wait for 120 seconds");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_is_no_answer() {
    let whole = bundle(&[patient("1", ANA)]).to_string();
    let server = FhirServer::start({
        let whole = whole.clone();
        move |_| Answer::Cut(whole.clone(), whole.len() - 1)
    });
    assert_eq!(reason(&registry(&server)).await, "the connection failed");
    assert_eq!(server.requests().len(), 3);
    let server = FhirServer::start(move |request| match request.before {
        0 => Answer::Cut(whole.clone(), 10),
        1 => Answer::Close,
        _ => good(),
    });
    assert_eq!(ids(&registry(&server)).await, Ok(vec!["1".to_owned()]));
}

#[tokio::test]
async fn a_server_that_is_down_is_an_error() {
    let registry = {
        let server = FhirServer::start(|_| good());
        registry(&server)
    };
    assert_eq!(reason(&registry).await, "the connection failed");
}

#[tokio::test]
async fn an_answer_without_end_is_left_after_its_bound() {
    let server = FhirServer::start(|_| Answer::Endless);
    assert_eq!(reason(&registry(&server)).await, "the answer is longer than 8388608 bytes");
    assert_eq!(server.requests().len(), 1);
    // What the system's buffers hold comes on top.
    assert!(server.sent() < 64 * 1024 * 1024, "{} bytes", server.sent());
}

#[tokio::test]
async fn an_answer_that_announces_a_hundred_megabytes_is_not_read() {
    let head =
        |_: &_| Answer::Full(200, vec![("content-type", "application/fhir+json".to_owned())], vec![b' '; 100 << 20]);
    assert_eq!(reason(&registry(&FhirServer::start(head))).await, "the answer is longer than 8388608 bytes");
}

/// Each element takes more memory than its three bytes.
#[tokio::test]
async fn a_list_that_is_longer_than_any_is_not_read() {
    let contacts = |count: usize| {
        let mut ana = patient("1", ANA);
        let contacts = ana["telecom"].as_array_mut().expect("contacts");
        contacts.resize(count, json!({}));
        Answer::Json(bundle(&[ana]).to_string())
    };
    let many = contacts(1_000);
    let server = FhirServer::start(move |_| many.clone());
    assert_eq!(ids(&registry(&server)).await, Ok(vec!["1".to_owned()]));
    assert_eq!(reason_for(contacts(1_001)).await, "a Patient of the answer cannot be read");

    let mut entries = bundle(&[]);
    entries["entry"] = vec![json!({}); 100_001].into();
    let reason = reason_for(Answer::Json(entries.to_string())).await;
    assert!(reason.starts_with("the answer cannot be read as what it should be"), "{reason}");
}

#[tokio::test]
async fn a_refusal_without_end_is_told_by_its_number() {
    let kind = vec![("content-type", "application/fhir+json".to_owned())];
    assert_eq!(reason_for(Answer::Full(500, kind, vec![b' '; 1 << 20])).await, "the server answers 500");
}

#[tokio::test]
async fn a_server_that_drips_or_says_nothing_is_left_in_time() {
    for answer in [Answer::Drip, Answer::Silence] {
        let server = FhirServer::start(move |_| answer.clone());
        assert_eq!(reason(&hasty(&server)).await, "no whole answer within the time-out");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = FhirServer::start(|_| good());
    for status in [301, 302, 303, 307, 308] {
        let location = vec![("location", format!("{}/Patient/_search", elsewhere.url()))];
        let reason = reason_for(Answer::Full(status, location, Vec::new())).await;
        assert_eq!(reason, format!("the server answers {status}"));
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn compression_that_nobody_asked_for_is_not_undone() {
    let headers = |coding: &str| {
        vec![("content-type", "application/fhir+json".to_owned()), ("content-encoding", coding.to_owned())]
    };
    for coding in ["gzip", "br", "deflate"] {
        let answer = Answer::Full(200, headers(coding), vec![0x1f, 0x8b, 8, 0]);
        assert_eq!(reason_for(answer).await, "the answer is compressed, which was not asked for", "{coding}");
    }
    let plain = bundle(&[]).to_string().into_bytes();
    let server = FhirServer::start(move |_| Answer::Full(200, headers("identity"), plain.clone()));
    assert_eq!(ids(&registry(&server)).await, Ok(vec![]));
}

#[tokio::test]
async fn a_lookup_that_is_dropped_leaves_the_next_one_alone() {
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let counting = std::sync::Arc::clone(&asked);
    let server = FhirServer::start(move |_| match counting.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::Silence,
        _ => good(),
    });
    let registry = std::sync::Arc::new(registry(&server));
    let waiting = tokio::spawn({
        let registry = std::sync::Arc::clone(&registry);
        async move { ids(&registry).await }
    });
    while asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    assert!(waiting.await.expect_err("dropped").is_cancelled());
    assert_eq!(ids(&registry).await, Ok(vec!["1".to_owned()]));
}

#[test]
fn outside_of_a_runtime_it_is_an_error_and_no_panic() {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    let server = FhirServer::start(|_| good());
    let registry = registry(&server);
    let mut lookup = pin!(reason(&registry));
    let Poll::Ready(reason) = lookup.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { panic!("waits") };
    assert_eq!(reason, "no tokio runtime is running here");
}
