//! The clinic's couriers with real mailers: SMTP over sockets, to a server that answers as a script says. Not: what an
//! answer means to the mailer, which `tests/smtp` has.
//!
//! **The clock moves only when a story lets it, and no answer of a server takes time by it**: sockets live by real time.

pub mod crash;
pub mod down;
pub mod lost;
pub mod refused;
pub mod silent;
pub mod slow;
pub mod turned_away;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use acceso::adapter::memory::MemoryStore;
use acceso::adapter::message::Sender;
use acceso::adapter::postgres::PostgresStore;
use acceso::adapter::smtp::SmtpMailer;
use acceso::{Confirmation, Mail, Mailer, RecoveryConfirmation, SendError};
use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::common::kept::Kept;
use crate::common::{PASSWORD, temporary_in, token_in};
use crate::office::{self, Mailers, Office};
use crate::smtp_server::{Answer, Heard, Port, Received, SmtpServer};

/// Long enough for loopback under any load; no story waits for its end.
const PATIENCE: Duration = Duration::from_secs(60);
const MINUTE: Duration = Duration::from_secs(60);

pub const REGISTRATION: &str = "Confirme su registro";
pub const CONFIRMED: &str = "Su registro está confirmado";
pub const NAMES: &str = "Sus usuarios del portal";
pub const RECOVERY: &str = "Confirme que desea cambiar su contraseña";
pub const TEMPORARY: &str = "Su contraseña temporal";

pub struct Clinic<S> {
    pub office: Office<S>,
    pub port: Port,
    /// None, and connections are refused.
    pub server: Option<SmtpServer>,
    pub halt: Arc<Halt>,
    came: Vec<Came>,
}

/// A mail that the server took.
#[derive(Debug, Clone)]
pub struct Came {
    pub to: String,
    pub subject: String,
    pub text: String,
    /// The `Message-ID`, without its domain.
    pub id: String,
}

impl Came {
    pub fn of(received: &Received) -> Self {
        let arrived = received.arrived();
        let id = received.message.lines().find_map(|line| line.strip_prefix("Message-ID: <")).expect("an id");
        let [to] = arrived.recipients.try_into().expect("one recipient");
        Self {
            to,
            subject: arrived.subject,
            text: arrived.text,
            id: id.split_once('@').expect("a domain").0.to_owned(),
        }
    }
}

/// Where a process dies between the server's 250 and the store.
pub struct Halt {
    is_near: AtomicBool,
    handed: Semaphore,
}

impl Halt {
    /// From here on who has sent a mail does nothing more.
    pub fn begin(&self) {
        self.is_near.store(true, Ordering::SeqCst);
    }

    pub fn end(&self) {
        self.is_near.store(false, Ordering::SeqCst);
    }

    /// When so many mails were sent by those who do nothing more.
    pub async fn handed(&self, mails: u32) {
        self.handed.acquire_many(mails).await.expect("never closed").forget();
    }
}

struct Halting {
    mailer: SmtpMailer,
    halt: Arc<Halt>,
}

#[async_trait]
impl Mailer for Halting {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let sent = self.mailer.send(mail).await;
        if self.halt.is_near.load(Ordering::SeqCst) {
            self.halt.handed.add_permits(1);
            return std::future::pending().await;
        }
        sent
    }
}

impl Clinic<MemoryStore> {
    pub fn in_memory(couriers: usize) -> Self {
        Self::over(office::in_memory(couriers))
    }
}

impl Clinic<PostgresStore> {
    pub async fn on_postgres(couriers: usize) -> Self {
        Self::over(office::on_postgres(couriers).await)
    }
}

fn sender() -> Sender {
    Sender::new("avisos@clinica.example").expect("legal")
}

impl<S: Kept> Clinic<S> {
    fn over(stores: Vec<Arc<S>>) -> Self {
        let port = Port::reserve();
        let halt = Arc::new(Halt { is_near: AtomicBool::new(false), handed: Semaphore::new(0) });
        let (url, halting) = (port.url(), Arc::clone(&halt));
        let mailers: Mailers = Arc::new(move || {
            let mailer = SmtpMailer::builder(&url, sender()).command_timeout(PATIENCE).send_timeout(PATIENCE);
            Arc::new(Halting { mailer: mailer.build().expect("a mailer"), halt: Arc::clone(&halting) })
        });
        let server = Some(SmtpServer::start_at(&port, |_| Answer::Usual));
        Self { office: Office::by(stores, mailers), port, server, halt, came: Vec::new() }
    }

    /// The server behaves so from here on.
    pub fn behave(&self, script: impl Fn(&Heard) -> Answer + Send + Sync + 'static) {
        self.server.as_ref().expect("a server").change(script);
    }

    pub fn behave_well(&self) {
        self.behave(|_| Answer::Usual);
    }

    /// Everything that came, in its order.
    pub fn came(&mut self) -> &[Came] {
        let new = self.server.as_ref().map(SmtpServer::take).unwrap_or_default();
        self.came.extend(new.iter().map(Came::of));
        &self.came
    }

    /// What came to this address with this subject.
    pub fn mails(&mut self, to: &str, subject: &str) -> Vec<Came> {
        self.came().iter().filter(|mail| mail.to == to && mail.subject == subject).cloned().collect()
    }

    pub fn newest(&mut self, to: &str, subject: &str) -> Came {
        self.mails(to, subject).pop().unwrap_or_else(|| panic!("no «{subject}» for {to}"))
    }

    /// A confirmed user, whose mails have come.
    pub async fn user(&mut self, email: &str, username: &str) {
        self.office.register(email, username).await;
        self.office.work().await;
        self.confirm(email, username).await;
        self.office.work().await;
    }

    pub async fn confirm(&mut self, email: &str, username: &str) {
        let link = token_in(&self.newest(email, REGISTRATION).text);
        assert_eq!(self.office.confirm(&link, username, PASSWORD).await, Confirmation::Confirmed);
    }

    /// A temporary password is on its way to this user.
    pub async fn recover(&mut self, email: &str, username: &str) {
        self.office.ask_recovery(email, username).await;
        self.office.work().await;
        let link = token_in(&self.newest(email, RECOVERY).text);
        assert_eq!(self.office.use_recovery(&link).await, RecoveryConfirmation::Accepted);
    }

    /// Whether the link in this mail of a registration is good.
    pub async fn is_live(&self, mail: &Came) -> bool {
        self.office.is_live(&token_in(&mail.text)).await
    }

    /// Whether the temporary password in this mail lets her in.
    pub async fn lets_in(&self, mail: &Came, username: &str) -> bool {
        matches!(self.office.login(username, &temporary_in(&mail.text)).await, acceso::Login::MustChangePassword(_))
    }

    /// Whatever waits has time for its pauses.
    pub async fn live_until_all_is_sent(&mut self) {
        let mail = self.office.acceso.policy().mail;
        self.office.live(mail.lease + mail.retry_longest).await;
        assert_eq!(self.office.waiting().await, 0);
    }
}

/// People who register.
pub fn people(number: usize) -> Vec<(String, String)> {
    (0..number).map(|number| (format!("paciente{number}@example.org"), format!("paciente{number}"))).collect()
}
