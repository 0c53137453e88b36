//! Answers in more than one page: how far they are followed, and when not.

use serde_json::{Value, json};

use crate::fhir_server::{Answer, FhirServer, Request};
use crate::stand::{ANA, builder, bundle, ids, page_number, patient, reason, registry};

/// A page that links to a next one.
fn linking(resources: &[Value], next: &str) -> Answer {
    let mut page = bundle(resources);
    page.as_object_mut().expect("members").remove("total");
    page["link"] = json!([{ "relation": "self", "url": "x" }, { "relation": "next", "url": next }]);
    Answer::Json(page.to_string())
}

fn last(resources: &[Value]) -> Answer {
    let mut page = bundle(resources);
    page.as_object_mut().expect("members").remove("total");
    Answer::Json(page.to_string())
}

/// A server whose first page links there, and that has a second page wherever it is asked for one.
fn server_linking_to(next: impl Fn(&Request) -> String + Send + Sync + 'static) -> FhirServer {
    FhirServer::start(move |request| match request.before {
        0 => linking(&[patient("1", ANA)], &next(request)),
        _ => last(&[patient("2", ANA)]),
    })
}

fn host(request: &Request) -> String {
    format!("http://{}", request.header("host"))
}

#[tokio::test]
async fn pages_are_followed_to_the_last_one() {
    let server = FhirServer::start(|request| match page_number(request) {
        2 => last(&[patient("3", ANA)]),
        page => {
            linking(&[patient(&page.to_string(), ANA)], &format!("{}/fhir/Patient?page={}", host(request), page + 1))
        }
    });
    assert_eq!(ids(&registry(&server)).await, Ok(vec!["0".to_owned(), "1".to_owned(), "3".to_owned()]));
    let methods: Vec<String> = server.requests().iter().map(|request| request.method.clone()).collect();
    assert_eq!(methods, ["POST", "GET", "GET"]);
}

#[tokio::test]
async fn a_relative_link_counts_from_the_base() {
    for link in ["Patient?page=1", "?page=1", "/fhir/Patient?page=1", "./Patient?page=1"] {
        let server = server_linking_to(move |_| link.to_owned());
        assert_eq!(ids(&registry(&server)).await, Ok(vec!["1".to_owned(), "2".to_owned()]), "{link}");
        assert!(server.requests()[1].target.starts_with("/fhir"), "{link}");
    }
}

#[tokio::test]
async fn no_page_and_no_token_is_sent_to_another_host_or_outside_the_base() {
    let elsewhere = FhirServer::start(|_| last(&[patient("9", ANA)]));
    let other = elsewhere.url();
    let links = [other.clone(), format!("{other}/Patient?page=1"), format!("//{}/fhir/", &other["http://".len()..])];
    for link in links
        .into_iter()
        .chain(["/admin", "/fhirx/Patient", "../fhi", "..%2f..%2Fadmin", "file:///etc/passwd"].map(str::to_owned))
    {
        let next = link.clone();
        let server = server_linking_to(move |_| next.clone());
        let registry = builder(&server).bearer_token("s3creto").build().expect("a registry");
        assert_eq!(reason(&registry).await, "the next page is not below the server's base URL", "{link}");
        assert_eq!(server.requests().len(), 1, "{link}");
    }
    let server =
        server_linking_to(|request| format!("{}/fhir?page=1", host(request).replace("http://", "http://a:b@")));
    assert_eq!(reason(&registry(&server)).await, "the next page is not below the server's base URL");
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_page_that_links_to_two_next_ones_is_an_error() {
    let server = FhirServer::start(|_| {
        let mut page = bundle(&[patient("1", ANA)]);
        page["link"] = json!([{ "relation": "next", "url": "?page=1" }, { "relation": "next", "url": "?page=2" }]);
        Answer::Json(page.to_string())
    });
    assert_eq!(reason(&registry(&server)).await, "a page of the answer links to two next ones");
}

#[tokio::test]
async fn a_page_that_links_to_itself_is_an_error() {
    let server =
        FhirServer::start(|request| linking(&[patient("1", ANA)], &format!("{}/fhir/Patient?page=1", host(request))));
    assert_eq!(reason(&registry(&server)).await, "a page of the answer links to one that came before");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn pages_without_end_are_an_error_after_twenty() {
    let server = FhirServer::start(|request| linking(&[], &format!("?page={}", page_number(request) + 1)));
    assert_eq!(reason(&registry(&server)).await, "the answer has more than 20 pages");
    assert_eq!(server.requests().len(), 20);
}

#[tokio::test]
async fn entries_without_end_are_an_error_and_no_cut_list() {
    let many = |from: usize, count: usize| -> Vec<Value> {
        (from..from + count).map(|number| patient(&number.to_string(), ANA)).collect()
    };
    let server = FhirServer::start(move |request| match page_number(request) {
        0 => linking(&many(0, 1_500), "?page=1"),
        _ => last(&many(1_500, 501)),
    });
    assert_eq!(reason(&registry(&server)).await, "the answer has more than 2000 entries");
}

#[tokio::test]
async fn a_total_above_what_came_is_an_error() {
    let mut short = bundle(&[patient("1", ANA)]);
    short["total"] = json!(2);
    let text = short.to_string();
    let server = FhirServer::start(move |_| Answer::Json(text.clone()));
    assert_eq!(reason(&registry(&server)).await, "the answer counts 2 patients and holds 1");
    let overlapping = FhirServer::start(|request| match page_number(request) {
        0 => linking(&[patient("1", ANA), patient("2", ANA)], "?page=1"),
        _ => {
            let mut page = bundle(&[patient("2", ANA)]);
            page["total"] = json!(3);
            Answer::Json(page.to_string())
        }
    });
    assert_eq!(reason(&registry(&overlapping)).await, "the answer counts 3 patients and holds 2");
}

#[tokio::test]
async fn a_second_page_that_fails_fails_the_whole() {
    let server = FhirServer::start(|request| match request.before {
        0 => linking(&[patient("1", ANA)], "?page=1"),
        _ => Answer::status(410),
    });
    assert_eq!(
        ids(&registry(&server)).await,
        Err("searching patients over FHIR, page 2: the server answers 410".into())
    );
}
