//! The service over the store under test: every address is a patient's, and the post is kept. Not: a person, see `life`.
//!
//! **The clock goes on only when somebody waits for mail and none is due.**

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use acceso::test_util::{FakeClock, cheap_hashing};
use acceso::{
    Acceso, BoxError, Clock, Courier, EmailAddress, Mail, Mailer, Patient, PatientRegistry, Policy, SendError,
    UserStore,
};
use async_trait::async_trait;
use tokio::sync::Mutex;

use crate::ledger::{Asked, Ledger};
use crate::life::email;

/// What the wait for leases and pauses after a fault takes of the clock.
const TIME_OF_A_FAULT: Duration = Duration::from_secs(60);

const LEASE: Duration = Duration::from_secs(30);

/// Rounds of the courier that are enough for any mail.
const MOST_ROUNDS: usize = 1_000;

pub struct Portal {
    pub acceso: Acceso,
    pub ledger: Arc<Ledger>,
    courier: Mutex<Courier>,
    clock: FakeClock,
    run: u16,
    calls: AtomicU32,
    /// How far the clock may go.
    latest: AtomicI64,
}

struct Anyone;

#[async_trait]
impl PatientRegistry for Anyone {
    async fn patients_with_email(&self, email: &EmailAddress) -> Result<Vec<Patient>, BoxError> {
        let id = email.key().split('@').next().unwrap_or_default().parse()?;
        Ok(vec![Patient { id, email: email.clone(), full_name: "Paciente".into(), portal_access: true }])
    }
}

/// Takes every mail, once it is noted.
struct Post(Arc<Ledger>);

#[async_trait]
impl Mailer for Post {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let token = mail.text().split_once("?token=").map_or("", |(_, after)| after);
        let end = token.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(token.len());
        self.0.posted(mail.to().key(), mail.purpose().code(), &token[..end]);
        Ok(())
    }
}

/// Sessions and registrations last for the whole test, and nothing but a fault delays a mail.
fn policy() -> Policy {
    let mut policy = cheap_hashing(Policy::portal());
    let day = Duration::from_secs(24 * 60 * 60);
    policy.registration_lifetime = 3 * day;
    policy.lockout.threshold = 100;
    (policy.session.idle, policy.session.absolute, policy.session.touch_interval) = (day, day, day / 2);
    policy.session.remembered = None;
    policy.session.per_user = 100;
    (policy.mail.brake_first, policy.mail.brake_longest) = (Duration::from_secs(10), Duration::from_secs(10));
    (policy.mail.retry_first, policy.mail.retry_longest) = (Duration::from_secs(1), Duration::from_secs(5));
    policy.mail.lease = LEASE;
    policy.mail.notice_lifetime = 3 * day;
    policy.hashing.threads = Some(1);
    policy.hashing.queue_per_thread = 100;
    policy
}

impl Portal {
    /// As the process of this number, later than all before it.
    pub fn over(store: impl UserStore + 'static, ledger: Arc<Ledger>, run: u16) -> Self {
        let clock = FakeClock::default();
        clock.advance(TIME_OF_A_FAULT * u32::from(run));
        let (acceso, courier) = Acceso::builder(store, Anyone, Post(Arc::clone(&ledger)))
            .portal("Clínica del Sol", "https://portal.example")
            .policy(policy())
            .clock(clock.clone())
            .build()
            .expect("a safe policy");
        let latest = AtomicI64::new(clock.now().after(TIME_OF_A_FAULT).as_millis());
        Self { acceso, ledger, courier: Mutex::new(courier), clock, run, calls: AtomicU32::new(0), latest }
    }

    /// A fault has struck the running portal: what it held up is waited for.
    pub fn struck(&self) {
        let span = i64::try_from(TIME_OF_A_FAULT.as_millis()).expect("short");
        self.latest.fetch_add(span, Ordering::Relaxed);
    }

    /// The next call of the person.
    pub fn asks(&self, life: u32) -> Asked {
        let asked = Asked { life, run: self.run, number: self.calls.fetch_add(1, Ordering::Relaxed) };
        self.ledger.asks(asked);
        asked
    }

    /// One round of the courier; whether anything was claimed.
    pub async fn deliver(&self) -> bool {
        let mut courier = self.courier.lock().await;
        let claimed = courier.deliver_due().await.is_ok_and(|delivered| delivered.claimed > 0);
        if !claimed {
            // What an earlier fault has held up is due when its lease or its pause has ended.
            let now = self.clock.now().after(Duration::from_secs(1));
            if now.as_millis() <= self.latest.load(Ordering::Relaxed) {
                self.clock.set(now);
            }
        }
        claimed
    }

    /// The newest link that the person was mailed, other than the one she tried; `None` if none comes, though all that can
    /// be due is delivered.
    pub async fn link(&self, email: &str, tried: &str) -> Option<String> {
        for _ in 0..MOST_ROUNDS {
            if let Some(link) = self.ledger.told().link(email).filter(|link| *link != tried) {
                return Some(link.to_owned());
            }
            self.deliver().await;
        }
        None
    }

    /// The first link of a person.
    pub async fn link_of(&self, life: u32) -> Option<String> {
        self.link(&email(life), "").await
    }

    /// Delivers all that is waiting.
    pub async fn drain(&self) {
        let mut idle = 0;
        while idle < 2 * LEASE.as_secs() {
            idle = if self.deliver().await { 0 } else { idle + 1 };
        }
    }
}
