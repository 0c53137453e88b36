//! Whatever the address and whatever the answer: the address arrives as it is, and nobody is returned whose record does
//! not hold it.

use std::sync::{Arc, Mutex};

use acceso::EmailAddress;
use acceso::adapter::fhir::FhirRegistry;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::authorization::{granted, services};
use crate::fhir_server::{Answer, FhirServer};
use crate::stand::{ANA, builder, bundle, entry, look_up, outcome, patient};

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A server whose answer can be exchanged.
struct Told {
    server: FhirServer,
    answer: Arc<Mutex<Answer>>,
}

impl Told {
    fn new() -> Self {
        let answer = Arc::new(Mutex::new(Answer::Json(bundle(&[]).to_string())));
        let next = Arc::clone(&answer);
        Self { server: FhirServer::start(move |_| next.lock().expect("no panic").clone()), answer }
    }

    fn tell(&self, body: &[u8]) {
        *self.answer.lock().expect("no panic") = Answer::of_type("application/fhir+json", body);
    }
}

/// Texts of the kind that are addresses, and those that only look so; what is none is left out.
fn address() -> impl Strategy<Value = String> {
    let tidy = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,12}(\\.[a-zA-Z0-9$%&+|]{1,6}){0,2}@[a-zA-Z0-9]{1,8}\\.[a-z]{2,4}";
    let wild = "[a-zñ,|$\\\\&=+%;:\"\u{212a}]{1,6}@[a-zé]{1,4}\\.[a-z]{2,3}";
    prop_oneof![3 => tidy, 1 => wild].prop_filter("an address", |text| text.parse::<EmailAddress>().is_ok())
}

/// The values of a search parameter as FHIR R4 reads them, 3.1.1.5.7: a comma parts them; a backslash takes the meaning
/// of the sign after it.
fn values(parameter: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut signs = parameter.chars();
    while let Some(sign) = signs.next() {
        match sign {
            ',' => values.push(String::new()),
            '|' | '$' => panic!("{sign} with its meaning in {parameter}"),
            '\\' => values.last_mut().expect("one").push(signs.next().expect("a sign")),
            sign => values.last_mut().expect("one").push(sign),
        }
    }
    values
}

#[test]
fn an_address_reaches_the_server_as_it_is_and_as_one_value() {
    let (runtime, server) = (runtime(), Told::new());
    let by_post = builder(&server.server).build().expect("a registry");
    let by_get = builder(&server.server).search_by_get().build().expect("a registry");
    proptest!(cases(300), |(email in address())| {
        for registry in [&by_post, &by_get] {
            prop_assert_eq!(runtime.block_on(look_up(registry, &email)), Ok(vec![]));
            let request = server.server.requests().pop().expect("a request");
            let query = request.target.split_once('?').map_or(request.body.as_str(), |(_, query)| query);
            prop_assert_eq!(query.split('&').map(|pair| pair.split('=').count()).collect::<Vec<_>>(), [2, 2]);
            let asked = values(&request.fields()["email"]);
            // The typed spelling, and beside it the one in lower case: either is the same address.
            let lower = email.to_ascii_lowercase();
            let expected = if email == lower { vec![email.clone()] } else { vec![email.clone(), lower] };
            prop_assert_eq!(asked, expected);
        }
    });
}

/// One way to write an address, or something near it.
fn spelling() -> impl Strategy<Value = String> {
    select(vec![
        ANA.to_owned(),
        ANA.to_uppercase(),
        format!("  {ANA} "),
        format!("\t{ANA}"),
        format!("{ANA}\u{a0}"),
        format!("x{ANA}"),
        format!("{ANA}.ar"),
        format!("mailto:{ANA}"),
        format!("Ana <{ANA}>"),
        format!("{ANA},luz@example.com"),
        "ana.pen\u{e0}@example.org".to_owned(),
        "ana.pena+1@example.org".to_owned(),
        "anapena@example.org".to_owned(),
        "ana.pena@example.com".to_owned(),
        "ana..pena@example.org".to_owned(),
        "ANA.PENA@\u{212a}example.org".to_owned(),
        String::new(),
    ])
}

#[derive(Debug, Clone)]
struct Contact {
    system: Option<&'static str>,
    value: Option<String>,
    usage: Option<&'static str>,
    end: Option<&'static str>,
}

impl Contact {
    /// As the contract says it, told by other means than the reader's.
    fn holds(&self) -> bool {
        let is_same = |value: &String| value.trim_matches(' ').eq_ignore_ascii_case(ANA);
        let has_ended = matches!(self.end, Some("2020-01-01" | "ayer"));
        self.system == Some("email")
            && self.usage != Some("old")
            && !has_ended
            && self.value.as_ref().is_some_and(is_same)
    }

    fn json(&self) -> Value {
        let mut contact = json!({});
        for (name, value) in [("system", self.system), ("value", self.value.as_deref()), ("use", self.usage)] {
            if let Some(value) = value {
                contact[name] = json!(value);
            }
        }
        if let Some(end) = self.end {
            contact["period"] = json!({ "start": "2010", "end": end });
        }
        contact
    }
}

fn contact() -> impl Strategy<Value = Contact> {
    let system =
        prop_oneof![4 => Just(Some("email")), 1 => select(vec![None, Some("phone"), Some("Email"), Some("url")])];
    let usage = prop_oneof![3 => Just(None), 1 => select(vec![Some("home"), Some("old"), Some("OLD"), Some("temp")])];
    let end = prop_oneof![4 => Just(None), 1 => select(vec![Some("2020-01-01"), Some("2099"), Some("ayer")])];
    (system, option::weighted(0.9, spelling()), usage, end).prop_map(|(system, value, usage, end)| Contact {
        system,
        value,
        usage,
        end,
    })
}

#[derive(Debug, Clone)]
enum Item {
    Patient(Vec<Contact>),
    Other(&'static str),
    Outcome,
}

impl Item {
    fn holds(&self) -> bool {
        matches!(self, Self::Patient(contacts) if contacts.iter().any(Contact::holds))
    }

    fn json(&self, id: &str) -> Value {
        let mut resource = patient(id, ANA);
        match self {
            Self::Patient(contacts) => resource["telecom"] = contacts.iter().map(Contact::json).collect(),
            Self::Other(kind) => resource["resourceType"] = json!(kind),
            Self::Outcome => return outcome("information", "informational"),
        }
        resource
    }
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        30 => vec(contact(), 1..4).prop_map(Item::Patient),
        // One of whom the search may have been true, so that whole lists come up often.
        30 => vec(contact(), 0..3).prop_map(|mut contacts| {
            contacts.push(Contact { system: Some("email"), value: Some(ANA.to_owned()), usage: None, end: None });
            Item::Patient(contacts)
        }),
        1 => Just(Item::Patient(Vec::new())),
        1 => select(vec!["Person", "RelatedPerson", "patient", ""]).prop_map(Item::Other),
        1 => Just(Item::Outcome),
    ]
}

fn ids(runtime: &Runtime, registry: &FhirRegistry) -> Result<Vec<String>, String> {
    let found = runtime.block_on(look_up(registry, ANA))?;
    let ana: EmailAddress = ANA.parse().expect("an address");
    assert!(found.iter().all(|patient| patient.email == ana), "the core would drop it too, but it is never returned");
    Ok(found.iter().map(|patient| patient.id.as_str().to_owned()).collect())
}

#[test]
fn no_patient_is_returned_whose_record_does_not_hold_the_address_and_none_is_left_out() {
    let (runtime, told) = (runtime(), Told::new());
    let registry = builder(&told.server).build().expect("a registry");
    let (lists, errors) = (Mutex::new(0), Mutex::new(0));
    proptest!(cases(1_000), |(items in vec(item(), 0..5))| {
        let resources: Vec<Value> = items.iter().enumerate().map(|(id, item)| item.json(&id.to_string())).collect();
        told.tell(bundle(&resources).to_string().as_bytes());
        let holding: Vec<String> =
            items.iter().enumerate().filter(|(_, item)| item.holds()).map(|(id, _)| id.to_string()).collect();
        let whole = holding.len() == items.len();
        match ids(&runtime, &registry) {
            Ok(found) => {
                *lists.lock().expect("no panic") += 1;
                prop_assert_eq!(found, holding);
                prop_assert!(items.iter().all(|item| matches!(item, Item::Patient(_))));
            }
            Err(reason) => {
                *errors.lock().expect("no panic") += 1;
                prop_assert!(!whole, "{reason}");
            }
        }
    });
    let (lists, errors) = (lists.into_inner().expect("no panic"), errors.into_inner().expect("no panic"));
    assert!(lists > 100 && errors > 100, "{lists} lists, {errors} errors");
}

/// A change to a document.
#[derive(Debug, Clone)]
enum Change {
    Cut(Index),
    Remove(Index, Index),
    Repeat(Index, Index),
    Put(Index, String),
}

impl Change {
    fn apply(&self, text: &mut Vec<u8>) {
        let at = |place: &Index, text: &Vec<u8>| place.index(text.len() + 1);
        let range = |one: &Index, other: &Index, text: &Vec<u8>| {
            let (one, other) = (at(one, text), at(other, text));
            one.min(other)..one.max(other).min(one.min(other) + 40)
        };
        match self {
            Self::Cut(place) => text.truncate(at(place, text)),
            Self::Remove(one, other) => drop(text.drain(range(one, other, text))),
            Self::Repeat(one, other) => {
                let range = range(one, other, text);
                let (end, part) = (range.end, text[range].to_vec());
                text.splice(end..end, part);
            }
            Self::Put(place, put) => {
                let place = at(place, text);
                text.splice(place..place, put.bytes());
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    let hostile = select(
        ["\u{0}", "\"", "\\", "\\ud800", "{", "[", "]}", ",", "null", "1e999", "-1", "\u{feff}", "\\u0000", "true"]
            .map(str::to_owned)
            .to_vec(),
    );
    prop_oneof![
        index().prop_map(Change::Cut),
        (index(), index()).prop_map(|(one, other)| Change::Remove(one, other)),
        (index(), index()).prop_map(|(one, other)| Change::Repeat(one, other)),
        (index(), hostile).prop_map(|(place, put)| Change::Put(place, put)),
        (index(), any::<String>()).prop_map(|(place, put)| Change::Put(place, put)),
    ]
}

/// An answer of a server with much to say.
fn rich() -> Value {
    let mut ana = patient("1", ANA);
    ana["meta"] = json!({ "lastUpdated": "2026-02-01T10:00:00Z" });
    ana["active"] = json!(true);
    ana["link"] = json!([{ "type": "seealso", "other": { "reference": "Patient/2" } }]);
    ana["telecom"][0]["period"] = json!({ "start": "2010-01-01", "end": "2030-01-01" });
    let mut answer = bundle(&[]);
    answer["entry"] = json!([entry(&ana), entry(&patient("2", &ANA.to_uppercase()))]);
    answer["total"] = json!(2);
    answer["link"] = json!([{ "relation": "self", "url": "Patient" }]);
    answer
}

#[test]
fn no_answer_however_damaged_makes_a_panic_or_a_stranger() {
    let (runtime, told) = (runtime(), Told::new());
    let registry = builder(&told.server).build().expect("a registry");
    proptest!(cases(1_000), |(changes in vec(change(), 1..4))| {
        let mut text = rich().to_string().into_bytes();
        for change in &changes {
            change.apply(&mut text);
        }
        told.tell(&text);
        let _ = ids(&runtime, &registry);
    });
    proptest!(cases(300), |(bytes in vec(any::<u8>(), 0..200))| {
        told.tell(&bytes);
        prop_assert!(ids(&runtime, &registry).is_err());
    });
}

#[test]
fn no_grant_however_damaged_makes_a_panic_or_a_header() {
    let (runtime, told) = (runtime(), Told::new());
    let grant = json!({ "access_token": "s3creto-1", "token_type": "bearer", "expires_in": 300, "scope": "a" });
    let whole = Answer::Json(bundle(&[]).to_string());
    let next = Arc::clone(&told.answer);
    let server = FhirServer::start(move |request| match request.target.as_str() {
        "/token" => next.lock().expect("no panic").clone(),
        _ => whole.clone(),
    });
    // A new client each time: it has no token yet.
    let with = || {
        let services = services().token_url(&format!("{}/token", server.origin())).expect("a URL");
        builder(&server).backend_services(services).build().expect("a registry")
    };
    *told.answer.lock().expect("no panic") = granted(1, &json!(300));
    assert_eq!(ids(&runtime, &with()), Ok(vec![]));
    proptest!(cases(200), |(changes in vec(change(), 1..4))| {
        let mut text = grant.to_string().into_bytes();
        for change in &changes {
            change.apply(&mut text);
        }
        told.answer.lock().expect("no panic").clone_from(&Answer::of_type("application/json", &text));
        let _ = ids(&runtime, &with());
        let headers = server.requests().pop().expect("a request").headers;
        let known = ["accept", "authorization", "content-length", "content-type", "host", "prefer", "user-agent"];
        prop_assert!(headers.keys().all(|name| known.contains(&name.as_str())), "{:?}", headers);
    });
}
