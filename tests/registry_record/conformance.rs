//! The conformance suite of registries over the record, by `POST _search` and by `GET`.

use acceso::adapter::fhir::FhirRegistry;
use acceso::conformance::patient_registry::{CHECKS, Records, Subject};
use serde_json::json;

use crate::fhir_peer::shared_or_skip;
use crate::stand::{patient, with};

const RECORDS: Records = Records {
    known: ("rosa.luna@conforme.example", &["conforme-1"]),
    shared: ("familia@conforme.example", &["conforme-2", "conforme-3", "conforme-4"]),
    without_access: Some(("familia@conforme.example", "conforme-4")),
    unknown: "nadie@conforme.example",
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_check_of_a_registry_passes_over_the_record() {
    let Some(record) = shared_or_skip("every_check_of_a_registry_passes_over_the_record") else { return };
    record.put(&patient("conforme-1", RECORDS.known.0));
    record.put(&patient("conforme-2", RECORDS.shared.0));
    record.put(&patient("conforme-3", "Familia@Conforme.Example"));
    record.put(&with(patient("conforme-4", RECORDS.shared.0), json!({ "active": false })));
    for by_get in [false, true] {
        for check in CHECKS {
            let builder = FhirRegistry::builder(&record.url());
            let builder = if by_get { builder.search_by_get() } else { builder };
            let subject =
                Subject::new(builder.build().expect("a registry"), RECORDS).spawned_by(|task| drop(tokio::spawn(task)));
            check.run(subject).await.unwrap_or_else(|broken| panic!("by GET: {by_get}: {broken}"));
        }
    }
}
