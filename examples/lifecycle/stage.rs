//! What the manual is played with: a file of patients, a language, a store, and who has no user there yet. Not: the play,
//! nor the clinic's systems.
//!
//! **No URL is ever printed: it may hold a password.**

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use acceso::adapter::memory::MemoryStore;
use acceso::adapter::postgres::PostgresStore;
use acceso::adapter::sqlite::SqliteStore;
use acceso::{Backlog, EmailAddress, Language, PatientRegistry, UserStore};

pub(super) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str = "usage: lifecycle [--patients FILE] [--language es|en]
    [--store memory|sqlite:FILE|postgres://USER@HOST/DATABASE]
    [--registry FILE|fhir+https://HOST/BASE]
    [--mail memory|maildir:DIR|smtp://USER@HOST|smtps://USER@HOST] [--from ADDRESS]";

pub(super) struct Options {
    /// Whose addresses are typed.
    pub(super) patients: PathBuf,
    pub(super) language: Language,
    pub(super) store: String,
    /// Where the portal looks patients up: the same file, unless told otherwise.
    pub(super) registry: Option<String>,
    pub(super) mail: String,
    pub(super) from: String,
}

impl Options {
    pub(super) fn read(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let own = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/patients.ndjson");
        let mut options = Self {
            patients: own.into(),
            language: Language::Es,
            store: "memory".into(),
            registry: None,
            mail: "memory".into(),
            from: "no-responder@portal.example".into(),
        };
        while let Some(argument) = arguments.next() {
            let known = ["--patients", "--language", "--store", "--registry", "--mail", "--from"];
            let option = known.into_iter().find(|known| *known == argument).ok_or(USAGE)?;
            let value = arguments.next().ok_or(format!("{option} needs a value"))?;
            match option {
                "--patients" => options.patients = value.into(),
                "--language" => options.language = Language::from_tag(&value).ok_or("--language is es or en")?,
                "--store" => options.store = value,
                "--registry" => options.registry = Some(value),
                "--mail" => options.mail = value,
                _ => options.from = value,
            }
        }
        Ok(options)
    }
}

/// The store of that name, in which no mail waits.
pub(super) async fn open(name: &str) -> Outcome<Arc<dyn UserStore>> {
    let (store, opened): (Arc<dyn UserStore>, _) = match name.split_once(':') {
        None if name == "memory" => (Arc::new(MemoryStore::new()), "in memory".to_owned()),
        Some(("sqlite", file)) => (
            Arc::new(SqliteStore::connect(name).await.map_err(|error| cannot("the store cannot be opened", &*error))?),
            file.to_owned(),
        ),
        Some(("postgres" | "postgresql", _)) => (
            Arc::new(
                PostgresStore::connect(name).await.map_err(|error| cannot("the store cannot be opened", &*error))?,
            ),
            "in PostgreSQL".to_owned(),
        ),
        _ => return Err("--store is memory, sqlite:FILE or postgres://USER@HOST/DATABASE".into()),
    };
    println!("store: {opened}");
    // The play's courier would take it, and show it to nobody but the terminal.
    if store.mail_backlog().await? != Backlog::default() {
        return Err("mail waits in this store: is it a portal's own? Play on a store of its own".into());
    }
    Ok(store)
}

/// With every cause that adds something: which of them helps is for the reader to say.
pub(super) fn cannot(what: &str, error: &(dyn Error + 'static)) -> String {
    let mut told = what.to_owned();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !told.ends_with(&text) {
            let _ = write!(told, ": {text}");
        }
        cause = error.source();
    }
    told
}

/// Who plays: a patient and perhaps another, with names that nobody has.
#[derive(Clone)]
pub(super) struct Cast {
    pub(super) patient: EmailAddress,
    pub(super) username: String,
    pub(super) other: Option<EmailAddress>,
    pub(super) other_username: String,
}

impl Cast {
    /// The first patients of the file to whom nothing was ever mailed from this store.
    pub(super) async fn choose(
        patients: &Path,
        registry: &dyn PatientRegistry,
        store: &dyn UserStore,
    ) -> Outcome<Self> {
        let mut free = Vec::new();
        for address in addresses(patients, registry).await? {
            if store.mailbox_of(&address).await?.is_none() && store.users_with_email(&address).await?.is_empty() {
                free.push(address);
            }
        }
        let mut free = free.into_iter();
        let patient = free.next().ok_or(
            "no patient is left to play: none of this file has an e-mail, may use the portal, and is new to the store",
        )?;
        Ok(Self {
            patient,
            username: unused(store, "anapena").await?,
            other: free.next(),
            other_username: unused(store, "vecina").await?,
        })
    }
}

/// The name, or the first of it with a number that no user of the store has.
async fn unused(store: &dyn UserStore, name: &str) -> Outcome<String> {
    let mut found = name.to_owned();
    for number in 2.. {
        if store.user_named(&found.parse()?).await?.is_none() {
            break;
        }
        println!("  there is a user {found} already");
        found = format!("{name}{number}");
    }
    Ok(found)
}

/// The addresses of patients who may use the portal, in the order of the file.
async fn addresses(file: &Path, registry: &dyn PatientRegistry) -> Outcome<Vec<EmailAddress>> {
    let mut found: Vec<EmailAddress> = Vec::new();
    let text = String::from_utf8_lossy(&std::fs::read(file)?).into_owned();
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | ';')) {
        let Ok(address) = word.parse::<EmailAddress>() else { continue };
        let patients = registry.patients_with_email(&address).await?;
        let eligible = patients.len() <= 8 && patients.iter().any(|patient| patient.portal_access);
        if eligible && !found.contains(&address) {
            found.push(address);
        }
    }
    Ok(found)
}
