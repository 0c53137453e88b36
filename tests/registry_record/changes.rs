//! The clinic corrects its record, and the nightly refresh follows.

use acceso::{EventKind as E, PatientsRefreshed as R, Policy};
use serde_json::{Value, json};

use crate::common::PASSWORD;
use crate::fhir_peer::{FhirPeer, shared_or_skip};
use crate::stand::{count, events_since, linked, patient, portal, refreshed, shown, with};

#[tokio::test]
async fn a_patient_added_to_the_record_is_linked_at_the_next_refresh() {
    const HOME: &str = "rosa.diaz@cambios.example";
    let Some(record) = shared_or_skip("a_patient_added_to_the_record_is_linked_at_the_next_refresh") else { return };
    record.put(&patient("diaz-rosa", HOME));
    let mut portal = portal(record, Policy::portal());
    portal.user(HOME, "rosa.diaz", PASSWORD).await;
    let session = portal.signed_in("rosa.diaz", PASSWORD).await;

    let seen = count(&portal);
    assert_eq!(refreshed(&portal, "rosa.diaz").await, R::Unchanged);
    record.put(&patient("diaz-bebe", HOME));
    assert_eq!(shown(&portal, &session.token).await, ["diaz-rosa"], "until the refresh");
    assert_eq!(refreshed(&portal, "rosa.diaz").await, R::Relinked);
    assert_eq!(refreshed(&portal, "rosa.diaz").await, R::Unchanged);
    assert_eq!(events_since(&portal, seen), [E::PatientsConfirmed, E::PatientsChanged, E::PatientsConfirmed]);
    assert_eq!(linked(&portal, "rosa.diaz").await, ["diaz-bebe", "diaz-rosa"]);
    assert_eq!(shown(&portal, &session.token).await, ["diaz-bebe", "diaz-rosa"], "in the session that is open");
}

/// A way to leave the portal's patients, given the record of one.
type Leaving = (&'static str, fn(&FhirPeer, Value));

const LEAVINGS: [Leaving; 8] = [
    ("inactive", |record, patient| record.put(&with(patient, json!({ "active": false })))),
    ("deceased", |record, patient| record.put(&with(patient, json!({ "deceasedBoolean": true })))),
    ("deceased on a day", |record, patient| record.put(&with(patient, json!({ "deceasedDateTime": "2026-02-03" })))),
    ("merged", |record, patient| {
        let link = json!([{ "type": "replaced-by", "other": { "reference": "Patient/vega-padre" } }]);
        record.put(&with(patient, json!({ "link": link })));
    }),
    ("without the address", |record, patient| record.put(&with(patient, json!({ "telecom": [] })))),
    ("old address", |record, patient| {
        let telecom = json!([{ "system": "email", "value": HOME_OF_VEGA, "use": "old" }]);
        record.put(&with(patient, json!({ "telecom": telecom })));
    }),
    ("ended address", |record, patient| {
        let telecom = json!([{ "system": "email", "value": HOME_OF_VEGA, "period": { "end": "1999-12-31" } }]);
        record.put(&with(patient, json!({ "telecom": telecom })));
    }),
    ("deleted", |record, patient| record.delete(patient["id"].as_str().expect("an id"))),
];
const HOME_OF_VEGA: &str = "familia.vega@cambios.example";

#[tokio::test]
async fn who_is_withdrawn_deceased_or_merged_is_unlinked_and_the_rest_of_the_family_stays() {
    let name = "who_is_withdrawn_deceased_or_merged_is_unlinked_and_the_rest_of_the_family_stays";
    let Some(record) = shared_or_skip(name) else { return };
    let child = || patient("vega-hija", HOME_OF_VEGA);
    // The survivor of a merger says so too; that takes nothing from him.
    let link = json!([{ "type": "replaces", "other": { "reference": "Patient/vega-hija" } }]);
    record.put(&with(patient("vega-padre", HOME_OF_VEGA), json!({ "link": link })));
    record.put(&child());
    let mut portal = portal(record, Policy::portal());
    portal.user(HOME_OF_VEGA, "pedro.vega", PASSWORD).await;
    let session = portal.signed_in("pedro.vega", PASSWORD).await;
    for (way, leave) in LEAVINGS {
        let both = ["vega-hija", "vega-padre"];
        assert_eq!(linked(&portal, "pedro.vega").await, both, "{way}");
        leave(record, child());
        assert_eq!(refreshed(&portal, "pedro.vega").await, R::Relinked, "{way}");
        assert_eq!(portal.last_event(), E::PatientsChanged, "{way}");
        assert_eq!(linked(&portal, "pedro.vega").await, ["vega-padre"], "{way}");
        assert_eq!(shown(&portal, &session.token).await, ["vega-padre"], "{way}");
        record.put(&child());
        assert_eq!(refreshed(&portal, "pedro.vega").await, R::Relinked, "{way}, and back");
    }
}

#[tokio::test]
async fn a_corrected_address_takes_the_patient_from_one_account_to_the_other() {
    const MOTHER: &str = "ines.paz@cambios.example";
    const FATHER: &str = "raul.paz@cambios.example";
    let name = "a_corrected_address_takes_the_patient_from_one_account_to_the_other";
    let Some(record) = shared_or_skip(name) else { return };
    for (id, email) in [("paz-ines", MOTHER), ("paz-raul", FATHER), ("paz-hijo", MOTHER)] {
        record.put(&patient(id, email));
    }
    let mut portal = portal(record, Policy::portal());
    portal.user(MOTHER, "ines.paz", PASSWORD).await;
    portal.user(FATHER, "raul.paz", PASSWORD).await;
    let ines = portal.signed_in("ines.paz", PASSWORD).await;
    let raul = portal.signed_in("raul.paz", PASSWORD).await;
    assert_eq!(linked(&portal, "ines.paz").await, ["paz-hijo", "paz-ines"]);
    assert_eq!(linked(&portal, "raul.paz").await, ["paz-raul"]);

    // The former address stays in the record, as clinics keep it, and the server finds it there.
    let telecom = json!([
        { "system": "email", "value": MOTHER, "use": "old" },
        { "system": "email", "value": FATHER },
    ]);
    record.put(&with(patient("paz-hijo", FATHER), json!({ "telecom": telecom })));
    let seen = count(&portal);
    assert_eq!(refreshed(&portal, "ines.paz").await, R::Relinked);
    assert_eq!(refreshed(&portal, "raul.paz").await, R::Relinked);
    assert_eq!(events_since(&portal, seen), [E::PatientsChanged; 2]);
    assert_eq!(linked(&portal, "ines.paz").await, ["paz-ines"]);
    assert_eq!(linked(&portal, "raul.paz").await, ["paz-hijo", "paz-raul"]);
    assert_eq!(shown(&portal, &ines.token).await, ["paz-ines"]);
    assert_eq!(shown(&portal, &raul.token).await, ["paz-hijo", "paz-raul"]);

    // An account is its address's: who moves to another one takes no account along.
    record.put(&patient("paz-ines", "ines.nueva@cambios.example"));
    assert_eq!(refreshed(&portal, "ines.paz").await, R::Disabled);
    assert!(shown(&portal, &ines.token).await.is_empty());
    assert_eq!(refreshed(&portal, "raul.paz").await, R::Unchanged);
}

#[tokio::test]
async fn an_address_for_a_time_is_the_patients_until_its_last_day_is_over() {
    const ADDRESS: &str = "eva.sosa@cambios.example";
    let name = "an_address_for_a_time_is_the_patients_until_its_last_day_is_over";
    let Some(record) = shared_or_skip(name) else { return };
    let mut portal = portal(record, Policy::portal());
    // The day before the last one, by the portal's own clock; an address on loan from an employer.
    let today = acceso::Clock::now(&portal.clock).to_string();
    let telecom = json!([{ "system": "email", "value": ADDRESS, "period": { "end": &today[..10] } }]);
    record.put(&with(patient("sosa-eva", ADDRESS), json!({ "telecom": telecom })));
    portal.user(ADDRESS, "eva.sosa", PASSWORD).await;
    assert_eq!(refreshed(&portal, "eva.sosa").await, R::Unchanged);
    // Two days later it is over everywhere on Earth.
    portal.pass(2 * 24 * 60 * 60);
    assert_eq!(refreshed(&portal, "eva.sosa").await, R::Disabled);
}
