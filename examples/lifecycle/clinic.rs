//! The clinic's own systems: where patients are looked up, and which way mails go. Not: the play.
//!
//! **Each mail is shown on the stage only after it went out.**

use std::path::Path;
use std::sync::Arc;

use acceso::adapter::directory::DirectoryRegistry;
use acceso::adapter::fhir::FhirRegistry;
use acceso::adapter::maildir::MaildirMailer;
use acceso::adapter::memory::MemoryMailer;
use acceso::adapter::message::Sender;
use acceso::adapter::smtp::SmtpMailer;
use acceso::{Mail, Mailer, PatientRegistry, SendError};
use async_trait::async_trait;

use super::stage::{Outcome, cannot};

/// A token for the FHIR server, if it wants one: not an argument, which every user of the machine can read.
const FHIR_TOKEN: &str = "FHIR_TOKEN";

/// The FHIR server, asked once, or the file.
pub(super) async fn registry(name: Option<&str>, patients: &Path) -> Outcome<Arc<dyn PatientRegistry>> {
    if let Some(url) = name.and_then(|name| name.strip_prefix("fhir+")) {
        let mut builder = FhirRegistry::builder(url);
        if let Ok(token) = std::env::var(FHIR_TOKEN) {
            builder = builder.bearer_token(&token);
        }
        let registry = builder.build().map_err(|error| cannot("the registry cannot be asked", &error))?;
        registry.check().await.map_err(|error| cannot("the registry cannot be asked", &*error))?;
        println!("registry: {registry:?}");
        return Ok(Arc::new(registry));
    }
    let file = name.map_or(patients, Path::new);
    let registry = DirectoryRegistry::open(file)?;
    let report = registry.report();
    println!("registry: {}, {} patients, {} addresses", file.display(), report.patients, report.addresses);
    for bad in &report.bad_lines {
        println!("  {bad}");
    }
    Ok(Arc::new(registry))
}

/// Sends mails on their way, and keeps what went out, for the stage.
pub(super) struct Post {
    way: Option<Box<dyn Mailer>>,
    sent: MemoryMailer,
}

impl Post {
    /// In memory, as files of a folder, or to an SMTP server, which is connected to.
    pub(super) async fn open(name: &str, from: &str) -> Outcome<Self> {
        let sender = Sender::new(from).and_then(|sender| sender.named("Clínica del Sol"));
        let sender = sender.map_err(|error| cannot("--from", &error))?;
        let way: Option<Box<dyn Mailer>> = match name.split_once(':') {
            None if name == "memory" => None,
            Some(("maildir", folder)) if !folder.is_empty() => {
                let mailer = MaildirMailer::open(folder, sender);
                let mailer = mailer.map_err(|error| cannot("the folder of mails cannot be made", &error))?;
                println!("mail: to {}", mailer.folder().display());
                Some(Box::new(mailer))
            }
            Some(("smtp" | "smtps", _)) => {
                let mailer = SmtpMailer::builder(name, sender).build();
                let mailer = mailer.map_err(|error| cannot("the mail server cannot be asked", &error))?;
                mailer.check().await.map_err(|error| cannot("the mail server cannot be asked", &error))?;
                println!("mail: by {mailer:?}");
                Some(Box::new(mailer))
            }
            _ => return Err("--mail is memory, maildir:DIR, smtp://HOST or smtps://HOST".into()),
        };
        Ok(Self { way, sent: MemoryMailer::new() })
    }

    /// What went out since it was asked last.
    pub(super) fn take(&self) -> Vec<Mail> {
        self.sent.take()
    }
}

#[async_trait]
impl Mailer for Post {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        if let Some(way) = &self.way {
            way.send(mail).await?;
        }
        self.sent.send(mail).await
    }
}
