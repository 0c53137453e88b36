//! What of the typed text is shown again. Not: that a browser would run it, which the pages' rules forbid besides.
//!
//! **Whatever is typed anywhere is text in the page, and a password is not even that.**

use acceso::MailPurpose;

use crate::browser::{Answer, Browser, app, encoded, with_user};
use crate::common::{ANA, PASSWORD, token};
use crate::forms::{FORMS, ROUTES, with};

/// Each would leave its place in some page: an element's text, an attribute's value, a comment, a template, a script.
const MARKS: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><script>alert(1)</script>",
    "\" onfocus=\"alert(1)\" autofocus x=\"",
    "' onfocus='alert(1)' x='",
    "</title><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- --><svg/onload=alert(1)>",
    "{{ frame.home }}<b>",
    "${alert(1)}<b>",
    "]]><b>",
    "</textarea></form><form action=//evil.example>",
    "&lt;script&gt;<b>",
];

/// The pages write no bold text, no pictures and no scripts of these words.
fn assert_is_text(answer: &Answer, mark: &str, what: &str) {
    assert!(!answer.body.contains(mark), "{what}: {mark}");
    for raw in ["<script>", "alert(1)\"", "alert(1)'", "<img", "<b>", "onload=alert(1)>", "<form action=//", "<!-- "] {
        assert!(!answer.body.contains(raw), "{what}: {mark}: {raw}");
    }
    // Even in JSON, where it is harmless, nothing typed comes back.
    if answer.header("content-type").ends_with("json") {
        assert!(!answer.body.contains("alert"), "{what}: {mark}");
    }
}

#[tokio::test]
async fn whatever_is_typed_into_any_field_is_text() {
    let portal = with_user().await;
    let app = app(&portal);
    let signed_in = Browser::signed_in(&app, "anapena", PASSWORD).await;
    let mut shown_again = Vec::new();
    for (path, fields) in FORMS {
        for (name, _) in *fields {
            for mark in MARKS {
                let mut visitor = Browser::new(&app, "es");
                visitor.cookies.clone_from(&signed_in.cookies);
                let fields = with(fields, name, mark);
                for mut browser in [Browser::new(&app, "es"), visitor, Browser::of_json(&app)] {
                    let answer = browser.post(path, &fields).await;
                    assert_is_text(&answer, mark, &format!("{path} {name}"));
                    let escaped = mark.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;");
                    let escaped = escaped.replace('"', "&#34;").replace('\'', "&#39;");
                    if answer.body.contains(&escaped) {
                        shown_again.push(format!("{path} {name}"));
                    }
                }
            }
        }
    }
    shown_again.dedup();
    let kept = [
        "/registration email",
        "/registration username",
        "/username-recovery email",
        "/password-recovery email",
        "/password-recovery username",
    ];
    for field in kept {
        assert!(shown_again.iter().any(|shown| shown == field), "{field} is kept for its reader: {shown_again:?}");
    }
    for field in ["password", "repeated", "current", "new"] {
        assert!(!shown_again.iter().any(|shown| shown.ends_with(&format!(" {field}"))), "{field} is shown again");
    }
}

#[tokio::test]
async fn what_is_typed_beside_a_good_link_is_text_too() {
    let mut portal = with_user().await;
    portal.registered(ANA, "tomas.pena", PASSWORD).await;
    let link = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
    let mut browser = Browser::new(&app(&portal), "es");
    for mark in MARKS {
        let fields = [("token", link.as_str()), ("username", mark), ("password", mark), ("reference", mark)];
        let answer = browser.post("/confirmation", &fields).await;
        assert_is_text(&answer, mark, "/confirmation");
        assert!(answer.body.contains(&link), "the form is shown again with the link");
        let answer = browser.post("/login", &[("username", mark), ("password", mark), ("next", "/results")]).await;
        assert_is_text(&answer, mark, "/login");
    }
}

#[tokio::test]
async fn whatever_stands_in_an_address_is_text() {
    let portal = with_user().await;
    let app = app(&portal);
    let signed_in = Browser::signed_in(&app, "anapena", PASSWORD).await;
    let elsewhere = ["/", "/nowhere", "/assets/x"];
    for path in ROUTES.iter().map(|(path, _)| *path).chain(elsewhere) {
        for name in ["next", "token", "username", "language", "x"] {
            for mark in MARKS {
                let address = format!("{path}?{}", encoded(&[(name, mark)]));
                let mut visitor = signed_in.as_json();
                for browser in [&mut Browser::new(&app, "es"), &mut visitor] {
                    assert_is_text(&browser.get(&address).await, mark, &address);
                }
            }
        }
        for mark in MARKS {
            let escaped = encoded(&[("", mark)]);
            let address = format!("{path}/{}", escaped.trim_start_matches('='));
            assert_is_text(&Browser::new(&app, "es").get(&address).await, mark, &address);
        }
    }
}
