//! The conformance suite over the adapters in memory.

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry, MemoryStore};
use acceso::conformance::mailer::Arrived;
use acceso::conformance::patient_registry::Records;

mod memory_store {
    use super::MemoryStore;

    acceso::conformance::user_store! {
        store: MemoryStore::new(),
        events: |store| store.events(),
    }
}

mod memory_store_on_a_runtime {
    use super::MemoryStore;

    acceso::conformance::user_store! {
        test: #[tokio::test(flavor = "multi_thread", worker_threads = 4)],
        spawn: tokio::spawn,
        store: async { MemoryStore::new() }.await,
        events: |store| store.events(),
    }
}

mod memory_registry {
    use super::{MemoryRegistry, Records};
    use acceso::Patient;

    const KNOWN: &str = "Ana.Pena@example.org";
    const SHARED: &str = "familia@example.org";
    const WITHOUT_ACCESS: &str = "luis@example.org";

    fn registry() -> MemoryRegistry {
        let rows = [("pac-1", KNOWN), ("pac-2", SHARED), ("pac-3", SHARED), ("pac-4", WITHOUT_ACCESS)];
        rows.into_iter()
            .map(|(id, email)| Patient {
                id: id.parse().expect("legal"),
                email: email.parse().expect("legal"),
                full_name: "Ana Peña".into(),
                portal_access: email != WITHOUT_ACCESS,
            })
            .collect()
    }

    acceso::conformance::patient_registry! {
        registry: registry(),
        records: Records {
            known: (KNOWN, &["pac-1"]),
            shared: (SHARED, &["pac-2", "pac-3"]),
            without_access: Some((WITHOUT_ACCESS, "pac-4")),
            unknown: "nadie@example.org",
        },
    }
}

mod memory_mailer {
    use super::{Arrived, MemoryMailer};

    acceso::conformance::mailer! {
        mailer: MemoryMailer::new(),
        arrived: |mailer| mailer.take().iter().map(Arrived::from).collect(),
    }
}
