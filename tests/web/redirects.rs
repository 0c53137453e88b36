//! Where a page leads on to, in every place that takes a `next`. Not: what a path of this site is, whose own tests are with it.
//!
//! **A `next` that is not plainly a path of this site is forgotten: it is neither followed, nor shown, nor told.**

use axum::http::StatusCode;

use crate::browser::{Browser, app, encoded, with_user};
use crate::common::PASSWORD;

/// Each leads away in some browser, or behind some proxy.
fn ways_out() -> Vec<String> {
    let known = [
        "///evil.example",
        "////evil.example",
        "/\\/evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "/%2f/evil.example",
        "/%2Fevil.example",
        "/%5cevil.example",
        "/%5C/evil.example",
        "/%252f/evil.example",
        "/%25%32%66evil.example",
        "/login/../..//evil.example",
        "/..//evil.example",
        "/../evil.example",
        "/./evil.example",
        "/.//evil.example",
        "/%2e%2e//evil.example",
        "/login/%2e%2e/evil.example",
        "/results//evil.example",
        "http:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "HTTPS://evil.example",
        "//evil.example/%2f..",
        "//user@evil.example",
        "https://portal.example@evil.example",
        "https://portal.example.evil.example",
        "https://portal.example/evil",
        "/\n/evil.example",
        "/\r/evil.example",
        "/\r\n/evil.example",
        "\t//evil.example",
        "\t/\t/evil.example",
        " //evil.example",
        "/ /evil.example",
        "/\u{a0}/evil.example",
        "/\u{0}/evil.example",
        "/%00/evil.example",
        "/%0a/evil.example",
        "/%0d%0a/evil.example",
        "/\u{2044}evil.example",
        "/\u{2215}evil.example",
        "/\u{ff0f}evil.example",
        "\u{ff0f}\u{ff0f}evil.example",
        "/\u{ff3c}evil.example",
        "/\u{3002}evil.example",
        "/\u{202e}evil.example",
        "/%c0%afevil.example/\u{fffd}",
        "evil.example",
        ".evil.example",
        "@evil.example",
        "?//evil.example",
        "#//evil.example",
        "/#//evil.example",
        "data:text/html,evil.example",
        "JavaScript:alert('evil.example')",
        "\u{1}javascript:alert('evil.example')",
        "/x\"onfocus=\"evil.example",
        "/<evil.example>",
    ];
    let long = format!("/evil.example/{}", "a".repeat(600));
    let longer = format!("/{}evil.example", "../".repeat(1_000));
    known.into_iter().map(str::to_owned).chain([long, longer]).collect()
}

#[tokio::test]
async fn no_way_out_is_taken_by_a_login() {
    let portal = with_user().await;
    let app = app(&portal);
    for next in ways_out() {
        let query = encoded(&[("next", &next)]);
        let page = Browser::new(&app, "es").get(&format!("/login?{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{next:?}");
        assert!(!page.body.contains("evil"), "{next:?} stands in the page");
        let fields = |password| [("username", "anapena"), ("password", password), ("next", next.as_str())];
        let refused = Browser::new(&app, "es").post("/login", &fields("Equivocada 1")).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert!(!refused.body.contains("evil"), "{next:?} stands in the page");
        let mut browser = Browser::new(&app, "es");
        let entered = browser.post("/login", &fields(PASSWORD)).await;
        assert_eq!((entered.status, entered.header("location")), (StatusCode::SEE_OTHER, "/"), "{next:?}");
        let passed_on = browser.get(&format!("/login?{query}")).await;
        assert_eq!((passed_on.status, passed_on.header("location")), (StatusCode::SEE_OTHER, "/"), "{next:?}");
        let told = Browser::of_json(&app).post("/login", &fields(PASSWORD)).await;
        assert_eq!((told.status, told.header("location")), (StatusCode::OK, ""), "{next:?}");
        assert!(!told.body.contains("evil"), "{next:?} is told");
    }
}

#[tokio::test]
async fn no_way_out_is_taken_by_a_change_of_language() {
    let portal = with_user().await;
    let app = app(&portal);
    for next in ways_out() {
        let fields = [("language", "en"), ("next", next.as_str())];
        let chosen = Browser::new(&app, "es").post("/language", &fields).await;
        assert_eq!((chosen.status, chosen.header("location")), (StatusCode::SEE_OTHER, "/login"), "{next:?}");
        let told = Browser::of_json(&app).post("/language", &fields).await;
        assert_eq!((told.status, told.header("location")), (StatusCode::OK, ""), "{next:?}");
        assert!(!told.body.contains("evil"), "{next:?} is told");
    }
}

#[tokio::test]
async fn a_path_of_this_site_is_followed_with_its_query() {
    let portal = with_user().await;
    let app = app(&portal);
    let (next, query) = ("/results?dia=hoy&volver=/a", "next=/results%3Fdia%3Dhoy%26volver%3D/a");
    let mut browser = Browser::new(&app, "es");
    let page = browser.get(&format!("/login?{query}")).await.body;
    assert!(page.contains("name=\"next\" value=\"/results?dia=hoy&#38;volver=/a\""), "{page}");
    let chosen = browser.post("/language", &[("language", "en"), ("next", next)]).await;
    assert_eq!(chosen.header("location"), next);
    let fields = [("username", "anapena"), ("password", PASSWORD), ("next", next)];
    assert_eq!(browser.post("/login", &fields).await.header("location"), next);
    assert_eq!(browser.get(&format!("/login?{query}")).await.header("location"), next);
}
