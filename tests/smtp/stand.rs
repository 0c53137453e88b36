//! What the tests send, and how they name what came of it.

use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

use acceso::adapter::message::Sender;
use acceso::adapter::smtp::{SmtpBuilder, SmtpMailer};
use acceso::{
    Confirmation, Language, Login, Mail, MailPurpose, Mailer, PasswordChange, Policy, RecoveryConfirmation,
    RecoveryRequest, SendError,
};

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal, temporary, token};
use crate::smtp_server::SmtpServer;

/// Long enough for loopback under any load, and only waited for where a test asks for silence.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Where a test waits for the end of patience.
pub(crate) const IMPATIENCE: Duration = Duration::from_millis(150);

pub(crate) fn sender() -> Sender {
    let sender = Sender::new("avisos@clinica.example").and_then(|sender| sender.named("Clínica del Sol"));
    sender.expect("legal")
}

pub(crate) fn builder(url: &str) -> SmtpBuilder {
    SmtpMailer::builder(url, sender()).command_timeout(PATIENCE).send_timeout(PATIENCE)
}

/// To a scripted server, in plain text.
pub(crate) fn mailer(server: &SmtpServer) -> SmtpMailer {
    builder(&server.url()).build().expect("a mailer")
}

/// As [`mailer`], where the script is silent.
pub(crate) fn impatient(server: &SmtpServer) -> SmtpMailer {
    builder(&server.url()).command_timeout(IMPATIENCE).build().expect("a mailer")
}

const ANAPENA: &str = "ana.pena";

/// A mail as the courier writes it, with a link inside.
pub(crate) fn mail() -> Mail {
    static MAIL: OnceLock<Mail> = OnceLock::new();
    MAIL.get_or_init(|| everything().into_iter().next().expect("a mail")).clone()
}

/// A mail of every purpose in every language, as the courier writes them.
pub(crate) fn everything() -> Vec<Mail> {
    // Stories need a runtime, and the tests that ask have one already.
    let made = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        Language::ALL.into_iter().flat_map(|language| runtime.block_on(story(language))).collect::<Vec<_>>()
    });
    made.join().expect("the story")
}

async fn story(language: Language) -> Vec<Mail> {
    let mut policy = Policy::portal();
    policy.language = language;
    let mut portal = Portal::with(policy);
    let mut mails = Vec::new();
    portal.registered(ANA, ANAPENA, PASSWORD).await;
    mails.extend(portal.mails().await);
    assert_eq!(portal.confirm(&token(&mails[0]), ANAPENA, PASSWORD).await, Confirmation::Confirmed);
    mails.extend(portal.mails().await);
    assert_eq!(portal.recover_username(ANA).await, RecoveryRequest::Accepted);
    mails.extend(portal.mails().await);
    portal.lock(ANAPENA).await;
    mails.extend(portal.mails().await);
    assert_eq!(portal.recover_password(ANA, ANAPENA).await, RecoveryRequest::Accepted);
    let recovery = portal.mail(MailPurpose::ConfirmRecovery).await;
    assert_eq!(portal.confirm_recovery(&token(&recovery)).await, RecoveryConfirmation::Accepted);
    mails.push(recovery);
    let brought = portal.mail(MailPurpose::TemporaryPassword).await;
    let password = temporary(&brought);
    mails.push(brought);
    let Login::MustChangePassword(restricted) = portal.login(ANAPENA, &password).await else {
        panic!("a temporary password must be changed")
    };
    let changed = portal.change(&restricted.token, &password, NEW_PASSWORD).await;
    assert!(matches!(changed, PasswordChange::Changed(_)), "{changed:?}");
    mails.extend(portal.mails().await);
    assert_eq!(mails.len(), MailPurpose::ALL.len(), "one of each");
    mails
}

/// What came of a send, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    Sent,
    Transient,
    Permanent,
}

pub(crate) fn came(sent: &Result<(), SendError>) -> Came {
    match sent {
        Ok(()) => Came::Sent,
        Err(SendError::Transient(_)) => Came::Transient,
        Err(SendError::Permanent(_)) => Came::Permanent,
    }
}

pub(crate) async fn send(mailer: &SmtpMailer) -> Came {
    came(&mailer.send(&mail()).await)
}

/// What an operator's log shows of a failure: the first cause.
pub(crate) fn reason(error: &SendError) -> String {
    error.source().expect("a cause").to_string()
}
