//! Which answers are a list of patients, and which are an error with a reason.

use serde_json::{Value, json};

use crate::fhir_server::{Answer, FhirServer};
use crate::stand::{ANA, always, builder, bundle, entry, ids, look_up, outcome, patient, reason, reason_for, registry};

async fn ids_of(answer: &Value) -> Result<Vec<String>, String> {
    ids(&registry(&always(answer))).await
}

async fn reason_of(answer: &Value) -> String {
    reason(&registry(&always(answer))).await
}

/// A bundle of one patient with these members in place of its own.
fn one(members: &Value) -> Value {
    let mut ana = patient("1", ANA);
    for (name, value) in members.as_object().expect("members") {
        ana[name] = value.clone();
    }
    bundle(&[ana])
}

const IGNORED: &str = "a Patient of the answer does not hold the address: the server ignores the parameter email";

#[tokio::test]
async fn the_question_is_a_strict_search_whose_address_stands_in_the_body() {
    let server = always(&bundle(&[patient("1", ANA)]));
    assert_eq!(ids(&registry(&server)).await, Ok(vec!["1".to_owned()]));
    let [asked] = &server.requests()[..] else { panic!("one request") };
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/fhir/Patient/_search"));
    assert_eq!(asked.fields()["email"], ANA);
    assert_eq!(asked.header("prefer"), "handling=strict");
    assert_eq!(asked.header("accept"), "application/fhir+json");
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    for unasked in ["accept-encoding", "authorization", "cookie", "referer"] {
        assert_eq!(asked.header(unasked), "", "{unasked}");
    }
}

#[tokio::test]
async fn a_server_without_post_is_asked_by_get_if_the_host_says_so() {
    let server = always(&bundle(&[patient("1", ANA)]));
    let registry = builder(&server).search_by_get().build().expect("a registry");
    assert_eq!(ids(&registry).await, Ok(vec!["1".to_owned()]));
    let [asked] = &server.requests()[..] else { panic!("one request") };
    assert!(asked.method == "GET" && asked.target.starts_with("/fhir/Patient?email="));
    assert_eq!(asked.fields()["email"], ANA);
}

#[tokio::test]
async fn an_address_with_capitals_is_asked_for_in_both_spellings() {
    let server = always(&bundle(&[patient("1", ANA)]));
    look_up(&registry(&server), "Ana.Pena@Example.org").await.expect("a list");
    assert_eq!(server.requests()[0].fields()["email"], format!("Ana.Pena@Example.org,{ANA}"));
}

#[tokio::test]
async fn an_empty_searchset_is_an_empty_list() {
    for answer in [bundle(&[]), json!({ "resourceType": "Bundle", "type": "searchset" })] {
        assert_eq!(ids_of(&answer).await, Ok(vec![]));
    }
}

#[tokio::test]
async fn another_letter_case_and_blanks_are_the_same_address() {
    let server = always(&bundle(&[patient("1", " Ana.PENA@Example.ORG ")]));
    let found = look_up(&registry(&server), ANA).await.expect("a list");
    assert_eq!(found[0].email.as_str(), "Ana.PENA@Example.ORG");
}

#[tokio::test]
async fn a_server_that_ignores_the_parameter_is_found_out() {
    let everybody = [patient("1", ANA), patient("2", "luz@example.com"), patient("3", "leo@example.com")];
    assert_eq!(reason_of(&bundle(&everybody)).await, IGNORED);
    let mut with_outcome = bundle(&everybody);
    let hint = json!({ "resource": outcome("warning", "not-supported"), "search": { "mode": "outcome" } });
    with_outcome["entry"].as_array_mut().expect("entries").insert(0, hint);
    assert_eq!(reason_of(&with_outcome).await, "the server answers with an OperationOutcome: not-supported");
}

#[tokio::test]
async fn a_server_that_ignores_the_parameter_is_found_out_by_the_check_at_the_start() {
    let ignoring = always(&bundle(&[patient("1", ANA)]));
    assert!(registry(&ignoring).check().await.expect_err("ignored").to_string().ends_with(IGNORED));
    let server = always(&bundle(&[]));
    registry(&server).check().await.expect("an honest server");
    assert_eq!(server.requests()[0].fields()["email"], "nobody@acceso.invalid");
}

#[tokio::test]
async fn a_near_match_links_nobody_and_harms_nobody() {
    for near in ["xana.pena@example.org", "ana.pena@example.org.ar", "Ana Peña <ana.pena@example.org>"] {
        assert_eq!(ids_of(&bundle(&[patient("1", ANA), patient("2", near)])).await, Ok(vec!["1".to_owned()]), "{near}");
    }
}

#[tokio::test]
async fn a_patient_without_the_address_is_an_error_however_alike() {
    for other in ["anapena@example.org", "ana.pena+1@example.org", "ana_pena@example.org", "ana.pena@example.com"] {
        assert_eq!(reason_of(&bundle(&[patient("1", other)])).await, IGNORED, "{other}");
    }
    assert_eq!(reason_of(&one(&json!({ "telecom": [] }))).await, IGNORED);
    assert_eq!(reason_of(&one(&json!({ "telecom": null }))).await, IGNORED);
}

#[tokio::test]
async fn an_address_that_is_old_ended_or_no_email_is_nobodys() {
    for telecom in [
        json!({ "system": "email", "value": ANA, "use": "old" }),
        json!({ "system": "email", "value": ANA, "period": { "end": "2026-02-27" } }),
        json!({ "system": "phone", "value": ANA }),
        json!({ "value": ANA }),
    ] {
        assert_eq!(ids_of(&one(&json!({ "telecom": [telecom] }))).await, Ok(vec![]), "{telecom}");
    }
    let lives_on = json!({ "telecom": [
        { "system": "email", "value": ANA, "period": { "end": "2020" } },
        { "system": "email", "value": ANA, "period": { "end": "2027" } },
    ] });
    assert_eq!(ids_of(&one(&lives_on)).await, Ok(vec!["1".to_owned()]));
}

#[tokio::test]
async fn a_period_that_cannot_be_read_is_an_error() {
    let telecom = json!([{ "system": "email", "value": ANA, "period": { "end": "ayer" } }]);
    let reason = reason_of(&one(&json!({ "telecom": telecom }))).await;
    assert_eq!(reason, "a Patient of the answer has an e-mail whose period cannot be read");
}

#[tokio::test]
async fn the_inactive_the_deceased_and_the_merged_come_without_access() {
    let merged = json!([{ "type": "replaced-by", "other": { "reference": "Patient/9" } }]);
    for (members, access) in [
        (json!({}), true),
        (json!({ "active": true, "deceasedBoolean": false, "link": [{ "type": "seealso" }] }), true),
        (json!({ "active": false }), false),
        (json!({ "deceasedBoolean": true }), false),
        (json!({ "deceasedDateTime": "2025-12" }), false),
        (json!({ "link": merged }), false),
    ] {
        let server = always(&one(&members));
        let found = look_up(&registry(&server), ANA).await.expect("a list");
        assert_eq!(found.iter().map(|patient| patient.portal_access).collect::<Vec<_>>(), [access], "{members}");
        assert_eq!(server.requests().len(), 1, "who replaced whom is not followed");
    }
}

#[tokio::test]
async fn an_operation_outcome_is_an_error_even_with_200_and_whatever_its_severity() {
    for severity in ["fatal", "error", "warning", "information"] {
        let reason = reason_of(&outcome(severity, "processing")).await;
        assert_eq!(reason, "the server answers with an OperationOutcome: processing");
        assert_eq!(reason_of(&bundle(&[outcome(severity, "processing")])).await, reason);
    }
}

#[tokio::test]
async fn a_code_that_is_no_code_is_not_repeated() {
    for code in [ANA, "Ana Peña", "", "a-word-that-is-longer-than-any-code-of-the-standard"] {
        assert_eq!(reason_of(&outcome("error", code)).await, "the server answers with an OperationOutcome");
    }
}

#[tokio::test]
async fn entries_that_are_no_match_are_errors() {
    let ana = patient("1", ANA);
    let with = |entry: Value| json!({ "resourceType": "Bundle", "type": "searchset", "entry": [entry] });
    for (entry, reason) in [
        (
            json!({ "resource": ana, "search": { "mode": "include" } }),
            "an entry of the answer is no match of the search",
        ),
        (
            json!({ "resource": ana, "search": { "mode": "outcome" } }),
            "an entry of the answer is no match of the search",
        ),
        (entry(&json!({ "resourceType": "Practitioner", "id": "1" })), "an entry of the answer is not a Patient"),
        (entry(&json!({ "resourceType": "Person", "id": "1" })), "an entry of the answer is not a Patient"),
        (json!({ "fullUrl": "urn:uuid:1" }), "an entry of the answer is not a Patient"),
        (json!({ "resource": "Patient/1" }), "an entry of the answer is not a Patient"),
        (entry(&json!({ "id": "1" })), "an entry of the answer is not a Patient"),
    ] {
        assert_eq!(reason_of(&with(entry.clone())).await, reason, "{entry}");
    }
    assert_eq!(ids_of(&with(json!({ "resource": ana }))).await, Ok(vec!["1".to_owned()]), "the mode is optional");
}

#[tokio::test]
async fn a_patient_who_cannot_be_read_is_an_error() {
    for members in [
        json!({ "active": "yes" }),
        json!({ "telecom": ANA }),
        json!({ "telecom": [{ "system": "email", "value": 7 }] }),
        json!({ "link": {} }),
        json!({ "deceasedBoolean": "no" }),
    ] {
        assert_eq!(reason_of(&one(&members)).await, "a Patient of the answer cannot be read", "{members}");
    }
    for id in [json!(null), json!(""), json!("a\u{0}b")] {
        assert_eq!(reason_of(&one(&json!({ "id": id }))).await, "a Patient of the answer has no id", "{id}");
    }
}

#[tokio::test]
async fn other_documents_are_errors() {
    let mut history = bundle(&[patient("1", ANA)]);
    history["type"] = json!("history");
    for other in
        [patient("1", ANA), history, json!({ "resourceType": "Bundle" }), json!({ "resourceType": "Parameters" })]
    {
        assert_eq!(reason_of(&other).await, "the answer is not a Bundle of type searchset", "{other}");
    }
    let with_mark = format!("\u{feff}{}", bundle(&[]));
    let cannot_be_read = "the answer cannot be read as what it should be: ";
    for other in
        ["", "null", "[]", "\"Bundle\"", "{}", "{\"resourceType\":7}", "{\"resourceType\":\"Bundle\"", &with_mark]
    {
        assert!(reason_for(Answer::Json(other.into())).await.starts_with(cannot_be_read), "{other}");
    }
}

/// Two readers of such a document may see different patients.
#[tokio::test]
async fn a_member_that_stands_twice_is_an_error() {
    let cannot_be_read = "the answer cannot be read as what it should be: ";
    for twice in [
        r#""total":0,"total":1"#,
        r#""entry":[],"entry":[]"#,
        r#""link":[],"link":[]"#,
        r#""resourceType":"Bundle""#,
        r#""entry":[{"resource":{},"resource":{}}]"#,
    ] {
        let text = format!(r#"{{"resourceType":"Bundle","type":"searchset",{twice}}}"#);
        assert!(reason_for(Answer::Json(text)).await.starts_with(cannot_be_read), "{twice}");
    }
    for (member, twice) in [
        ("id", r#""id":"1","id":"2","#),
        ("telecom", r#""telecom":[],"telecom":[{"system":"email","value":"ana.pena@example.org"}],"#),
        ("active", r#""active":false,"active":true,"#),
    ] {
        let mut ana = patient("1", ANA);
        ana.as_object_mut().expect("members").remove(member);
        let ana = ana.to_string().replacen('{', &format!("{{{twice}"), 1);
        let text = format!(r#"{{"resourceType":"Bundle","type":"searchset","entry":[{{"resource":{ana}}}]}}"#);
        assert_eq!(reason_for(Answer::Json(text)).await, "a Patient of the answer cannot be read", "{member}");
    }
}

#[tokio::test]
async fn a_page_for_people_is_no_answer() {
    let html = b"<html><body><form action=/login>".as_slice();
    let plain = bundle(&[]).to_string();
    for (content_type, body) in [
        ("text/html", html),
        ("text/html; charset=utf-8", plain.as_bytes()),
        ("text/plain", plain.as_bytes()),
        ("application/fhir+xml", plain.as_bytes()),
        ("application/jsonp", plain.as_bytes()),
    ] {
        let reason = reason_for(Answer::of_type(content_type, body)).await;
        assert_eq!(reason, "the answer's content type is not JSON", "{content_type}");
    }
    assert_eq!(
        reason_for(Answer::Full(200, vec![], plain.clone().into())).await,
        "the answer's content type is not JSON"
    );
    for content_type in [
        "application/json",
        "Application/FHIR+JSON; fhirVersion=4.0; charset=\"utf-8\"",
        "application/json ;charset=UTF-8",
    ] {
        let answer = Answer::of_type(content_type, plain.as_bytes());
        let server = FhirServer::start(move |_| answer.clone());
        assert_eq!(ids(&registry(&server)).await, Ok(vec![]), "{content_type}");
    }
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_an_error() {
    for charset in ["iso-8859-1", "\"UTF-16\"", "", "windows-1252; fhirVersion=4.0"] {
        let kind = format!("application/fhir+json; charset={charset}");
        let reason = reason_for(Answer::of_type(&kind, bundle(&[]).to_string().as_bytes())).await;
        assert_eq!(reason, "the answer's content type names another charset than UTF-8", "{charset}");
    }
    let latin = bundle(&[patient("1", ANA)]).to_string().replace('ñ', "@@@");
    let latin: Vec<u8> = latin.into_bytes().into_iter().map(|byte| if byte == b'@' { 0xf1 } else { byte }).collect();
    assert_eq!(reason_for(Answer::of_type("application/fhir+json", &latin)).await, "the answer is not UTF-8");
}

#[tokio::test]
async fn a_document_nested_without_end_is_an_error_and_no_crash() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(200_000), close.repeat(200_000));
    let nested = format!(r#"{{"resourceType":"Bundle","type":"searchset","entry":{}}}"#, deep("[", "]"));
    assert!(reason_for(Answer::Json(nested)).await.starts_with("the answer cannot be read as what it should be"));
    for inside in ["contact", "telecom"] {
        let ana =
            patient("1", ANA).to_string().replacen("\"id\"", &format!("\"{inside}\":{},\"id\"", deep("[", "]")), 1);
        let text = format!(r#"{{"resourceType":"Bundle","type":"searchset","entry":[{{"resource":{ana}}}]}}"#);
        let server = FhirServer::start(move |_| Answer::Json(text.clone()));
        let _ = ids(&registry(&server)).await;
    }
}

#[tokio::test]
async fn a_record_that_comes_twice_is_one_if_it_is_the_same() {
    let (ana, luz) = (patient("1", ANA), patient("2", ANA));
    let twice =
        json!({ "resourceType": "Bundle", "type": "searchset", "entry": [entry(&ana), entry(&luz), entry(&ana)] });
    assert_eq!(ids_of(&twice).await, Ok(vec!["1".to_owned(), "2".to_owned()]));
    let mut other = ana.clone();
    other["active"] = json!(false);
    let differing = json!({ "resourceType": "Bundle", "type": "searchset", "entry": [entry(&ana), entry(&other)] });
    assert_eq!(reason_of(&differing).await, "two Patients of the answer have one id and differ");
}

#[tokio::test]
async fn of_two_versions_of_a_record_the_later_counts() {
    let version = |day: u32, active: bool| {
        let mut ana = patient("1", ANA);
        ana["meta"] = json!({ "lastUpdated": format!("2026-02-{day:02}T10:00:00.000Z") });
        ana["active"] = json!(active);
        ana
    };
    for (first, second, access) in [
        (version(1, true), version(2, false), Some(false)),
        (version(2, false), version(1, true), Some(false)),
        (version(1, false), version(2, true), Some(true)),
        (version(1, true), version(1, false), None),
    ] {
        let mut both = bundle(&[first, second]);
        both["total"] = json!(1);
        let found = look_up(&registry(&always(&both)), ANA).await;
        let access_found =
            found.ok().map(|found| found.iter().map(|patient| patient.portal_access).collect::<Vec<_>>());
        assert_eq!(access_found, access.map(|access| vec![access]));
    }
}
