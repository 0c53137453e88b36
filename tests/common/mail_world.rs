//! The mail servers and mailboxes of the world, by a clock to turn: what was really delivered is kept, and every trouble
//! that mail meets can be ordered. Not: SMTP; no byte of a protocol is spoken.
//!
//! **A mail lies in a mailbox if and only if a server took it, whatever the sender was told.**

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the world")]

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use acceso::test_util::FakeClock;
use acceso::{Clock, Mail, MailPurpose, Mailer, SendError, Timestamp};
use async_trait::async_trait;

const MINUTE: Duration = Duration::from_secs(60);

/// How long grey-listing defers a receiver's first mail.
pub const GREY: Duration = Duration::from_secs(5 * 60);

/// How a server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Manner {
    #[default]
    Takes,
    /// Takes the mail and answers 250, and the connection is lost before the sender hears it.
    LosesAnswers,
    /// 450 to the first try for a receiver, and until five minutes later.
    Greylists,
    /// Never answers, and takes nothing.
    Hangs,
    /// Takes the mail, and answers after so long.
    Slow(Duration),
    /// 550: there is no such mailbox.
    Refuses,
    /// The connection is refused.
    Down,
}

/// One mail in a mailbox.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub at: Timestamp,
    pub mail: Mail,
    /// Whether the sender was told.
    pub acknowledged: bool,
}

/// One call of the mailer.
#[derive(Debug, Clone)]
pub struct Try {
    pub at: Timestamp,
    pub mail: Mail,
}

#[derive(Default)]
struct State {
    everywhere: Manner,
    of: BTreeMap<String, Manner>,
    down: Vec<(Timestamp, Timestamp)>,
    per_minute: Option<usize>,
    greylisted: BTreeMap<String, Timestamp>,
    arrivals: Vec<Arrival>,
    tries: Vec<Try>,
    under_way: usize,
    most_under_way: usize,
    gives_way: bool,
}

/// The mailer of every courier under test.
pub struct MailWorld {
    clock: FakeClock,
    state: Mutex<State>,
}

impl MailWorld {
    pub fn new(clock: FakeClock) -> Arc<Self> {
        Arc::new(Self { clock, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every server that has no manner of its own.
    pub fn everywhere(&self, manner: Manner) {
        self.state().everywhere = manner;
    }

    /// The server of this address.
    pub fn at(&self, address: &str, manner: Manner) {
        self.state().of.insert(address.to_owned(), manner);
    }

    /// The connection is refused from then until then, by the clock.
    pub fn down(&self, from: Timestamp, until: Timestamp) {
        self.state().down.push((from, until));
    }

    /// More mails in a minute are told to come back: 421.
    pub fn per_minute(&self, most: Option<usize>) {
        self.state().per_minute = most;
    }

    /// Every send returns to the executor before and after the mail arrives, so that it can be dropped there.
    pub fn gives_way(&self) {
        self.state().gives_way = true;
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        let mut state = self.state();
        (state.everywhere, state.per_minute) = (Manner::Takes, None);
        state.of.clear();
        state.down.clear();
    }

    /// Everything that lies in a mailbox, in order of arrival.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.state().arrivals.clone()
    }

    /// What lies in this mailbox for this purpose.
    pub fn mailbox(&self, address: &str, purpose: MailPurpose) -> Vec<Arrival> {
        let is_it = |mail: &Mail| mail.purpose() == purpose && mail.to().as_str() == address;
        self.state().arrivals.iter().filter(|arrival| is_it(&arrival.mail)).cloned().collect()
    }

    /// The last that came.
    pub fn newest(&self, address: &str, purpose: MailPurpose) -> Mail {
        self.mailbox(address, purpose).pop().unwrap_or_else(|| panic!("no {purpose:?} for {address}")).mail
    }

    /// Every call of the mailer.
    pub fn tries(&self) -> Vec<Try> {
        self.state().tries.clone()
    }

    /// When a mail to this address was tried.
    pub fn tried_at(&self, address: &str) -> Vec<Timestamp> {
        self.state().tries.iter().filter(|tried| tried.mail.to().as_str() == address).map(|tried| tried.at).collect()
    }

    /// The most sends that ever ran at one time.
    pub fn most_under_way(&self) -> usize {
        self.state().most_under_way
    }

    fn begun(&self, mail: &Mail) -> Manner {
        let now = self.clock.now();
        let mut state = self.state();
        state.tries.push(Try { at: now, mail: mail.clone() });
        state.under_way += 1;
        state.most_under_way = state.most_under_way.max(state.under_way);
        if state.down.iter().any(|(from, until)| *from <= now && now < *until) {
            return Manner::Down;
        }
        state.of.get(mail.to().as_str()).copied().unwrap_or(state.everywhere)
    }

    fn ended(&self) {
        self.state().under_way -= 1;
    }

    /// Puts the mail in the mailbox, unless there were too many in the last minute.
    fn deliver(&self, mail: &Mail, acknowledged: bool) -> Result<(), SendError> {
        let now = self.clock.now();
        let mut state = self.state();
        if let Some(most) = state.per_minute {
            let lately = state.arrivals.iter().rev().take_while(|arrival| now.since(arrival.at) < MINUTE).count();
            if lately >= most {
                return Err(transient("421 too many mails"));
            }
        }
        state.arrivals.push(Arrival { at: now, mail: mail.clone(), acknowledged });
        Ok(())
    }

    async fn give_way(&self) {
        if self.state().gives_way {
            tokio::task::yield_now().await;
        }
    }

    async fn until(&self, end: Timestamp) {
        poll_fn(|_| if self.clock.now() >= end { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

fn transient(answer: &'static str) -> SendError {
    SendError::Transient(answer.into())
}

/// Ends a send that is dropped too.
struct UnderWay<'a>(&'a MailWorld);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.ended();
    }
}

#[async_trait]
impl Mailer for MailWorld {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let manner = self.begun(mail);
        let _under_way = UnderWay(self);
        self.give_way().await;
        let sent = match manner {
            Manner::Takes => self.deliver(mail, true),
            Manner::LosesAnswers => self.deliver(mail, false).and(Err(transient("connection reset after the data"))),
            Manner::Greylists => {
                let now = self.clock.now();
                let first = *self.state().greylisted.entry(mail.to().as_str().to_owned()).or_insert(now);
                if now.since(first) < GREY { Err(transient("450 greylisted")) } else { self.deliver(mail, true) }
            }
            Manner::Hangs => std::future::pending().await,
            Manner::Slow(time) => {
                self.until(self.clock.now().after(time)).await;
                self.deliver(mail, true)
            }
            Manner::Refuses => Err(SendError::Permanent("550 no such mailbox".into())),
            Manner::Down => Err(transient("connection refused")),
        };
        self.give_way().await;
        sent
    }
}
