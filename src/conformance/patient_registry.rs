//! Named checks of a [`PatientRegistry`]. Not: whether the clinic's records are right.
//!
//! **An address finds the patients who have it, and no near one does.**
//!
//! The registry is the host's and is only read, so the host says what stands in it:
//!
//! ```
//! use acceso::adapter::memory::MemoryRegistry;
//! use acceso::conformance::patient_registry::Records;
//!
//! mod my_registry_keeps_the_contract {
//!     # use acceso::adapter::memory::MemoryRegistry;
//!     # use acceso::conformance::patient_registry::Records;
//!     acceso::conformance::patient_registry! {
//!         registry: MemoryRegistry::new(),
//!         records: Records {
//!             known: ("ana.pena@example.org", &["pac-1"]),
//!             shared: ("familia@example.org", &["pac-2", "pac-3"]),
//!             without_access: Some(("luis@example.org", "pac-4")),
//!             unknown: "nadie@example.org",
//!         },
//!     }
//! }
//! ```
//!
//! `test:` and `spawn:` go in front for a registry that needs a runtime, as for
//! [`user_store`](mod@crate::conformance::user_store). A look-up of a near address that finds a patient fails the check,
//! so give a known address that has no near namesakes in your test data.
//!
//! Not to be seen from outside, so yours to keep: that a look-up returns within a time-out, and that an answer which
//! cannot be trusted is an error.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::conformance::common::{
    Broken, Check, Found, Spawn, Task, Work, at_once, check_named, dropped_after, ensure, same, threads,
};
use crate::identity::EmailAddress;
use crate::patient::Patient;
use crate::port::error::BoxError;
use crate::port::patient_registry::PatientRegistry;

/// What stands in the registry that is checked.
#[derive(Debug, Clone, Copy)]
pub struct Records {
    /// An address, and the ids of all its patients.
    pub known: (&'static str, &'static [&'static str]),
    /// An address of two patients or more, and their ids.
    pub shared: (&'static str, &'static [&'static str]),
    /// An address among whose patients is one without access to the portal, and that one's id; `None` if the registry
    /// has no such patients.
    pub without_access: Option<(&'static str, &'static str)>,
    /// An address that no patient has.
    pub unknown: &'static str,
}

/// The registry that is being checked; made by the macro, or by hand.
pub struct Subject {
    registry: Arc<dyn PatientRegistry>,
    records: Records,
    spawn: Spawn,
}

impl Subject {
    /// The registry and what stands in it.
    pub fn new(registry: impl PatientRegistry + 'static, records: Records) -> Self {
        Self { registry: Arc::new(registry), records, spawn: threads() }
    }

    /// With tasks spawned in this way, in place of a thread for each.
    #[must_use]
    pub fn spawned_by(mut self, spawn: impl Fn(Task) + Send + Sync + 'static) -> Self {
        self.spawn = Arc::new(spawn);
        self
    }

    /// That the address has exactly these patients.
    async fn has(&self, address: &EmailAddress, expected: &[&str]) -> Found {
        let patients = self.registry.patients_with_email(address).await?;
        is_exactly(&patients, address, expected)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("records", &self.records).finish_non_exhaustive()
    }
}

/// The one list of checks, handed to the macro named in front.
#[doc(hidden)]
#[macro_export]
macro_rules! __patient_registry_checks {
    ($then:ident $with:tt) => {
        $crate::$then! { $with
            self {
                every_patient_of_the_address_is_returned: "Returns every patient whose record holds this address.",
                all_of_a_shared_address_are_returned: "Returns every patient whose record holds this address.",
                patients_without_access_are_returned_and_marked:
                    "Those without access to the portal included and marked.",
                an_unknown_address_has_an_empty_list: "An empty list if there is none.",
                letter_case_does_not_count: "Letter case does not count.",
                near_addresses_have_no_patients:
                    "Letter case and surrounding blanks do not count, everything else does.",
                characters_of_query_languages_are_plain:
                    "The address holds characters with a meaning in query languages: bind or escape it.",
                parallel_lookups_do_not_mix: "Called from many tasks at once.",
                a_dropped_lookup_harms_nothing: "The future may be dropped at any await.",
            }
        }
    };
}

__patient_registry_checks! { __conformance_list {} }

/// One test for each check of a patient registry: see
/// [`conformance::patient_registry`](mod@crate::conformance::patient_registry).
#[doc(hidden)]
#[macro_export]
macro_rules! __patient_registry {
    (registry: $registry:expr, records: $records:expr $(,)?) => {
        async fn subject() -> $crate::conformance::patient_registry::Subject {
            $crate::conformance::patient_registry::Subject::new($registry, $records)
        }
        $crate::__patient_registry_checks! {
            __conformance_tests { [test] $crate::conformance::patient_registry::run }
        }
    };
    (test: #$test:tt, spawn: $spawn:expr, registry: $registry:expr, records: $records:expr $(,)?) => {
        async fn subject() -> $crate::conformance::patient_registry::Subject {
            $crate::conformance::patient_registry::Subject::new($registry, $records)
                .spawned_by(|task| drop($spawn(task)))
        }
        $crate::__patient_registry_checks! {
            __conformance_tests { $test $crate::conformance::patient_registry::run }
        }
    };
}

/// Runs the check of that name: what the macro's tests call.
///
/// # Errors
/// [`Broken`], if the registry does not keep the sentence.
///
/// # Panics
/// If no check has that name.
pub async fn run(subject: impl Future<Output = Subject>, name: &str) -> Result<(), Broken> {
    check_named(CHECKS, name).run(subject.await).await
}

async fn every_patient_of_the_address_is_returned(subject: Subject) -> Found {
    let (address, ids) = subject.records.known;
    ensure!(!ids.is_empty(), "the fixture's known address is to have patients");
    subject.has(&parse(address)?, ids).await
}

async fn all_of_a_shared_address_are_returned(subject: Subject) -> Found {
    let (address, ids) = subject.records.shared;
    ensure!(ids.len() > 1, "the fixture's shared address is to have two patients or more");
    subject.has(&parse(address)?, ids).await
}

async fn patients_without_access_are_returned_and_marked(subject: Subject) -> Found {
    let (known, ids) = subject.records.known;
    let patients = subject.registry.patients_with_email(&parse(known)?).await?;
    ensure!(patients.iter().any(|p| p.portal_access), "no patient of the known address has access: {ids:?}");
    let Some((address, id)) = subject.records.without_access else { return Ok(()) };
    let patients = subject.registry.patients_with_email(&parse(address)?).await?;
    let marked = patients.iter().find(|patient| patient.id.as_str() == id).map(|patient| !patient.portal_access);
    same(&format!("whether the patient {id} without access is returned and marked"), &marked, &Some(true))
}

async fn an_unknown_address_has_an_empty_list(subject: Subject) -> Found {
    subject.has(&parse(subject.records.unknown)?, &[]).await
}

async fn letter_case_does_not_count(subject: Subject) -> Found {
    let (address, ids) = subject.records.known;
    let alternating: String = address
        .char_indices()
        .map(|(at, c)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    for spelled in [address.to_ascii_uppercase(), address.to_ascii_lowercase(), alternating, format!(" {address} ")] {
        subject.has(&parse(&spelled)?, ids).await?;
    }
    Ok(())
}

async fn near_addresses_have_no_patients(subject: Subject) -> Found {
    let (local, domain) = split(&subject)?;
    let (host, rest) = domain.split_once('.').unwrap_or((domain, "org"));
    let dotted = format!("{}.{}", local.get(..1).unwrap_or("a"), local.get(1..).unwrap_or("b"));
    let near = [
        format!("x{local}@{domain}"),
        format!("{local}x@{domain}"),
        format!("{local}+1@{domain}"),
        format!("{dotted}@{domain}"),
        format!("{}@{domain}", local.replace('.', "")),
        format!("{}@{domain}", local.get(1..).unwrap_or("")),
        format!("{}@{domain}", local.get(..local.len() - 1).unwrap_or("")),
        format!("{local}@x{domain}"),
        format!("{local}@{domain}.ar"),
        format!("{local}@sub.{domain}"),
        format!("{local}@{host}x.{rest}"),
        format!("{host}@{domain}"),
    ];
    find_nobody(&subject, &near).await
}

async fn characters_of_query_languages_are_plain(subject: Subject) -> Found {
    let (local, domain) = split(&subject)?;
    let first = local.get(..1).unwrap_or("a");
    let mut near: Vec<String> = [
        "%",
        "_",
        "*",
        "?",
        "'",
        "$",
        "|",
        "&",
        "#",
        "{}",
        "`",
        "~",
        "^",
        "!",
        "=",
        "+",
        "-1",
        "/",
        "%25",
        "'--",
        "'or'1'='1",
    ]
    .iter()
    .flat_map(|c| [format!("{c}@{domain}"), format!("{local}{c}@{domain}"), format!("{first}{c}@{domain}")])
    .collect();
    near.push(format!("{}@{domain}", "_".repeat(local.len())));
    near.push(format!("{}@{domain}", local.replacen(first, "_", 1)));
    near.push(format!("{}@{domain}", local.replacen(first, "%", 1)));
    near.push(format!("{local}|{local}@{domain}"));
    near.push(format!("{local}&_count=1@{domain}"));
    find_nobody(&subject, &near).await
}

async fn parallel_lookups_do_not_mix(subject: Subject) -> Found {
    let Records { known, shared, unknown, .. } = subject.records;
    let asked: Vec<(&str, &[&str])> = [known, shared, (unknown, &[])].into_iter().cycle().take(24).collect();
    let lookups = asked.iter().map(|(address, _)| -> Result<Work<Result<Vec<Patient>, BoxError>>, BoxError> {
        let (registry, address) = (Arc::clone(&subject.registry), parse(address)?);
        Ok(Box::pin(async move { registry.patients_with_email(&address).await }))
    });
    let answers = at_once(&subject.spawn, lookups.collect::<Result<_, _>>()?).await?;
    for (answer, (address, ids)) in answers.into_iter().zip(asked) {
        is_exactly(&answer?, &parse(address)?, ids)?;
    }
    Ok(())
}

async fn a_dropped_lookup_harms_nothing(subject: Subject) -> Found {
    let (known, ids) = subject.records.known;
    let (known, unknown) = (parse(known)?, parse(subject.records.unknown)?);
    for polls in 1..=8 {
        let _ = dropped_after(polls, subject.registry.patients_with_email(&known)).await;
        subject.has(&unknown, &[]).await?;
        let _ = dropped_after(polls, subject.registry.patients_with_email(&unknown)).await;
        subject.has(&known, ids).await?;
    }
    Ok(())
}

fn parse(address: &str) -> Result<EmailAddress, BoxError> {
    address.parse().map_err(|fault| format!("the fixture's address {address:?} {fault}").into())
}

/// Local part and domain of the known address.
fn split(subject: &Subject) -> Result<(&'static str, &'static str), BoxError> {
    subject.records.known.0.trim().split_once('@').ok_or_else(|| "the fixture's known address has no @".into())
}

/// That none of these has a patient, those aside that are no addresses or stand in the fixture.
async fn find_nobody(subject: &Subject, near: &[String]) -> Found {
    let Records { known, shared, without_access, .. } = subject.records;
    let mut given = vec![parse(known.0)?, parse(shared.0)?];
    given.extend(without_access.map(|(address, _)| parse(address)).transpose()?);
    for address in near.iter().filter_map(|text| text.parse::<EmailAddress>().ok()) {
        if !given.contains(&address) {
            subject.has(&address, &[]).await?;
        }
    }
    Ok(())
}

fn is_exactly(patients: &[Patient], address: &EmailAddress, expected: &[&str]) -> Found {
    let mut found: Vec<&str> = patients.iter().map(|patient| patient.id.as_str()).collect();
    let mut expected = expected.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    let text = address.as_str();
    same(&format!("the list of patients of {text}"), &found, &expected)?;
    ensure!(patients.iter().all(|patient| patient.email == *address), "a patient of {text} comes with another address");
    Ok(())
}
