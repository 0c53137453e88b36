//! What the pages do while somebody types a password. Not: what a good password is, which the core says.
//!
//! **A tick is never a promise that the server breaks, and a password is hidden again before it is sent.**

use acceso::{Fault, Field, Language, Policy, Rule, text};
use serde_json::{Value, json};
use thirtyfour::Key;

use crate::chrome::{Chrome, Look, tools_or_skip};
use crate::common::PASSWORD;
use crate::site::Site;

async fn open(test_name: &str, language: &'static str, policy: Policy) -> Option<(Site, Chrome)> {
    let tools = tools_or_skip(test_name)?;
    let site = Site::open(policy).await;
    let chrome = Chrome::open(tools, test_name, Look { language, width: 1_280, has_script: true }).await;
    chrome.goto(&format!("{}/registration", site.url)).await;
    Some((site, chrome))
}

/// Type, pressed, name: of the field and of its padlock.
async fn padlock(chrome: &Chrome, field: &str) -> Value {
    let script =
        "const field = document.getElementById(arguments[0]), lock = field.parentElement.querySelector('.padlock');
        return [field.type, lock.getAttribute('aria-pressed'), lock.getAttribute('aria-label')];";
    chrome.driver.execute(script, vec![json!(field)]).await.expect("a script").json().clone()
}

async fn the_padlock(test_name: &str, language: &'static str, show: &str, hide: &str) {
    let Some((_site, chrome)) = open(test_name, language, Policy::portal()).await else { return };
    let shut = json!(["password", "false", show]);
    let open = json!(["text", "true", hide]);
    assert_eq!((padlock(&chrome, "password").await, padlock(&chrome, "repeated").await), (shut.clone(), shut.clone()));
    chrome.fill(&[("password", PASSWORD), ("repeated", PASSWORD)]).await;
    for (expected, when) in [(&open, "shown"), (&shut, "hidden again"), (&open, "and shown")] {
        chrome.click(".padlock[aria-controls=password]").await;
        assert_eq!(padlock(&chrome, "password").await, *expected, "{when}");
        assert_eq!(padlock(&chrome, "repeated").await, shut, "the other one is left alone");
        assert_eq!(chrome.value("password").await, PASSWORD);
    }
    // As the browser gathers what it sends, which is when it learns what to remember.
    let watch = "addEventListener('formdata', (event) => sessionStorage.setItem('sent',
        [...event.target.querySelectorAll('[autocomplete=new-password]')].map((field) => field.type).join()));";
    for by_enter in [false, true] {
        chrome.run(watch).await;
        assert_eq!(padlock(&chrome, "password").await[0], "text");
        if by_enter {
            chrome.click("#password").await;
            chrome.strike_and_leave(Key::Enter).await;
        } else {
            chrome.follow("main form button.primary").await;
        }
        assert_eq!(chrome.run("return sessionStorage.getItem('sent')").await, "password,password", "{by_enter}");
        assert_eq!((padlock(&chrome, "password").await, chrome.value("password").await), (shut.clone(), String::new()));
        chrome.run("sessionStorage.clear()").await;
        chrome.fill(&[("password", PASSWORD)]).await;
        chrome.click(".padlock[aria-controls=password]").await;
    }
    chrome.tell("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    chrome.driver.refresh().await.expect("a page");
    assert!(!chrome.find(".padlock").await.is_displayed().await.expect("a page"), "without scripts there is none");
    chrome.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_padlock_shows_the_password_and_hides_it_before_it_is_sent() {
    let test_name = "the_padlock_shows_the_password_and_hides_it_before_it_is_sent";
    the_padlock(test_name, "es", "Mostrar la contraseña", "Ocultar la contraseña").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_padlock_says_in_english_what_it_does() {
    the_padlock("the_padlock_says_in_english_what_it_does", "en", "Show the password", "Hide the password").await;
}

/// What a tick stands for, and the faults that take it away.
const TICKS: &[(&str, &[Rule])] = &[
    ("length", &[Rule::TooShort(8), Rule::TooShort(15), Rule::Empty]),
    ("uppercase", &[Rule::NoUppercase, Rule::Empty]),
    ("lowercase", &[Rule::NoLowercase, Rule::Empty]),
    ("digit", &[Rule::NoDigit, Rule::Empty]),
];

/// Writes each password as an input method does, reads the ticks, sends the form and reads the faults.
async fn the_ticks_are_the_servers(chrome: &Chrome, passwords: &[&str]) {
    for typed in passwords {
        chrome.click("#password").await;
        chrome.tell("Input.insertText", json!({ "text": typed })).await;
        let ticked = chrome
            .run(
                "return [...document.querySelectorAll('.rules li')].map((item) =>
            [item.dataset.rule, item.classList.contains('met'), item.querySelector('span').textContent !== ''])",
            )
            .await;
        chrome.follow("main form button.primary").await;
        let told = chrome
            .run(
                "return [...document.querySelectorAll('[id^=password-fault] ')].map((fault) =>
            fault.lastChild.textContent)",
            )
            .await;
        let told = told.as_array().expect("a list");
        let is_told = |rule: &Rule| {
            let sentence = text::fault(Fault::new(Field::Password, *rule), Language::Es);
            told.iter().any(|fault| fault.as_str() == Some(sentence.as_str()))
        };
        for item in ticked.as_array().expect("a list") {
            let (_, rules) = TICKS.iter().find(|(name, _)| item[0] == *name).expect("a rule that is known");
            let kept = !rules.iter().any(is_told);
            assert_eq!((&item[1], &item[2]), (&json!(kept), &json!(kept)), "{typed:?} {item} {told:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_tick_off_while_typing_as_the_server_counts_them() {
    let test_name = "the_rules_tick_off_while_typing_as_the_server_counts_them";
    let Some((_site, chrome)) = open(test_name, "es", Policy::portal()).await else { return };
    let passwords = [
        "",
        "a",
        "Ab1",
        "sinmayus1",
        "SINMINUS1",
        "SinNumeros",
        // Seven and eight code points; of letters with marks, that is after they are joined.
        "Abcdef1",
        "Abcdefg1",
        "Ñandú1x",
        "Ñandú1xy",
        "N\u{303}andu\u{301}1x",
        "N\u{303}andu\u{301}1xy",
        "x\u{301}\u{302}\u{303}A1bc",
        "x\u{301}\u{302}A1b",
        // One code point each, two units of UTF-16.
        "😀😀😀😀A1b",
        "😀😀😀😀😀A1b",
        "ÉÉÉÉÉÉ1ñ",
        "éééééé1é",
        "ÉÉÉÉÉÉ1É",
        // Letters of other scripts, letters without case, title case, letters that are case by name only.
        "ЖЖЖЖжж1ж",
        "漢字漢字漢字漢1",
        "ǅǅǅǅǅǅ1ǅ",
        "ⅫⅫⅫⅫⅫⅫ1ⅻ",
        "ªªªªªªª1",
        "ßßßßßßß1",
        "𝐀𝐀𝐀𝐀𝐚𝐚1𝐚",
        // Digits that are none.
        "Abcdefg٣",
        "Abcdefg１",
        "Abcdefg½",
        "Abcdefg²",
        "Aaaaaa1\u{a0}",
        "Password1",
        "Aa1\u{200d}\u{200d}\u{200d}\u{200d}\u{200d}",
    ];
    the_ticks_are_the_servers(&chrome, &passwords).await;
    chrome.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_one_rule_of_the_modern_policy_ticks_off_at_fifteen() {
    let test_name = "the_one_rule_of_the_modern_policy_ticks_off_at_fifteen";
    let Some((_site, chrome)) = open(test_name, "es", Policy::modern()).await else { return };
    assert_eq!(chrome.run("return document.querySelectorAll('.rules li').length").await, 1);
    the_ticks_are_the_servers(
        &chrome,
        &["", "catorce letras", "quince letras..", "catorce letra😀", "quince letras.😀"],
    )
    .await;
    chrome.close().await;
}
