//! The core under test: calls made, dropped, or interleaved, and courier rounds. Not: any judgement.
//!
//! **No runtime and no time: a call runs on the thread that asked, until it ends or is dropped.**

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use acceso::test_util::{FakeClock, cheap_hashing};
use acceso::{
    Acceso, Client, Clock, Commit, Confirmation, ConfirmationForm, Courier, Delivered, Error, Login, LoginForm,
    PasswordChange, PasswordChangeForm, PasswordChoice, PasswordChoiceForm, PasswordRecoveryForm, Policy,
    RecoveryConfirmation, RecoveryRequest, Registering, RegistrationForm, SessionToken, Stay, Timestamp, UserStore,
    UsernameRecoveryForm, Write,
};

use crate::call::{Answer, Call, Fruit, Staff};
use crate::ports::{CountingEntropy, Fault, Ports, Seen, Verdict};

pub struct World {
    pub ports: Arc<Ports>,
    pub clock: FakeClock,
    pub entropy: CountingEntropy,
    pub policy: Policy,
    acceso: Acceso,
    courier: Courier,
}

/// What became of one call.
#[derive(Debug)]
pub struct Outcome {
    /// `None` if the caller was dropped.
    pub answer: Option<Answer>,
    pub fruit: Fruit,
    /// The commits that landed.
    pub landed: Vec<Commit>,
    /// When its commit landed among those of others, if it did more than tell of a refusal.
    pub turn: Option<usize>,
    /// Everything that a restore forgets is forgotten.
    pub forgot: bool,
    /// A fault struck.
    pub struck: bool,
}

/// What became of one courier round.
#[derive(Debug)]
pub struct Round {
    /// `None` if the courier was dropped, or could not claim.
    pub delivered: Option<Delivered>,
    pub seen: Vec<Seen>,
    pub struck: bool,
}

/// A call under way; `None` once it has ended.
type Underway<'a> = Option<Pin<Box<dyn Future<Output = ()> + 'a>>>;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls until the future ends; `None` if it is to be dropped.
fn drive<T>(ports: &Ports, future: impl Future<Output = T>) -> Option<T> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
        if ports.control().stuck {
            return None;
        }
        thread::park();
    }
}

fn build(ports: &Arc<Ports>, policy: &Policy, clock: &FakeClock, entropy: &CountingEntropy) -> (Acceso, Courier) {
    Acceso::builder(Arc::clone(ports), Arc::clone(ports), Arc::clone(ports))
        .portal("Clínica del Sol", "https://portal.example")
        .policy(cheap_hashing(policy.clone()))
        .clock(clock.clone())
        .entropy(entropy.clone())
        .build()
        .expect("a safe policy")
}

impl World {
    pub fn new(mut policy: Policy, seed: u64) -> Self {
        policy.hashing.threads = Some(1);
        let (ports, clock, entropy) = (Arc::new(Ports::default()), FakeClock::default(), CountingEntropy::new(seed));
        let (acceso, courier) = build(&ports, &policy, &clock, &entropy);
        Self { ports, clock, entropy, policy, acceso, courier }
    }

    pub fn now(&self) -> i64 {
        self.clock.now().as_millis()
    }

    pub fn set_clock(&self, now: i64) {
        self.clock.set(Timestamp::from_millis(now));
    }

    /// The process dies and another begins: nothing is left but what the store holds.
    pub fn rebuild(&mut self) {
        (self.acceso, self.courier) = build(&self.ports, &self.policy, &self.clock, &self.entropy);
    }

    pub fn call(&self, call: &Call, fault: Option<Fault>) -> Outcome {
        self.ports.arm(fault);
        let ended = drive(&self.ports, ask(&self.acceso, &self.ports, call));
        let mut control = self.ports.control();
        let landed = landed(&control.seen, 0);
        control.fault = None;
        let (answer, fruit) = ended.map_or((None, Fruit::default()), |(answer, fruit)| (Some(answer), fruit));
        let forgot = control.seen.iter().any(|seen| matches!(seen, Seen::Asked("forget_live")));
        Outcome { answer, fruit, landed, turn: None, forgot, struck: control.struck }
    }

    /// What the call would be answered, without any effect.
    pub fn dry(&self, call: &Call) -> Answer {
        self.ports.arm(None);
        self.ports.control().dry = true;
        let (answer, _) = drive(&self.ports, ask(&self.acceso, &self.ports, call)).expect("without a fault");
        self.ports.control().dry = false;
        answer
    }

    /// Makes the calls at once; whenever one comes to a port, the schedule says who goes on.
    pub fn together(&self, calls: &[Call], schedule: &[u8]) -> Vec<Outcome> {
        self.ports.arm(None);
        let mut ended: Vec<Option<(Answer, Fruit)>> = calls.iter().map(|_| None).collect();
        let underway = calls.iter().zip(&mut ended).map(|(call, ended)| {
            let asking = async move { *ended = Some(ask(&self.acceso, &self.ports, call).await) };
            Some(Box::pin(asking) as Pin<Box<dyn Future<Output = ()> + '_>>)
        });
        let underway = underway.collect();
        interleave(&self.ports, underway, schedule);
        let control = self.ports.control();
        let outcome = |(by, ended): (usize, Option<(Answer, Fruit)>)| {
            let (answer, fruit) = ended.expect("all have ended");
            Outcome {
                answer: Some(answer),
                fruit,
                landed: landed(&control.seen, by),
                turn: turn(&control.seen, by),
                forgot: false,
                struck: false,
            }
        };
        ended.into_iter().enumerate().map(outcome).collect()
    }

    /// A call and a courier round at once; whenever one comes to a port, the schedule says who goes on. The call is the
    /// first caller, the courier the second.
    pub fn race(&mut self, call: &Call, schedule: &[u8], verdicts: &[Verdict]) -> (Outcome, Vec<Seen>) {
        self.ports.arm(None);
        self.ports.control().verdicts = verdicts.to_vec();
        let mut answered = None;
        let asking = async { answered = Some(ask(&self.acceso, &self.ports, call).await) };
        let courier = &mut self.courier;
        let delivering = async { assert!(courier.deliver_due().await.is_ok(), "memory is there") };
        interleave(&self.ports, vec![Some(Box::pin(asking)), Some(Box::pin(delivering))], schedule);
        let (answer, fruit) = answered.expect("it has ended");
        let seen = std::mem::take(&mut self.ports.control().seen);
        let landed = landed(&seen, 0);
        (Outcome { answer: Some(answer), fruit, landed, turn: None, forgot: false, struck: false }, seen)
    }

    pub fn round(&mut self, verdicts: &[Verdict], fault: Option<Fault>) -> Round {
        self.ports.arm(fault);
        self.ports.control().verdicts = verdicts.to_vec();
        let ended = drive(&self.ports, self.courier.deliver_due());
        let mut control = self.ports.control();
        control.fault = None;
        Round { delivered: ended.and_then(Result::ok), seen: std::mem::take(&mut control.seen), struck: control.struck }
    }
}

/// Whenever one comes to a port, the schedule says who goes on.
fn interleave(ports: &Ports, mut underway: Vec<Underway<'_>>, schedule: &[u8]) {
    ports.control().yields = true;
    let mut turns = schedule.iter().copied().cycle();
    let all = std::future::poll_fn(|cx| {
        loop {
            let waiting: Vec<usize> = (0..underway.len()).filter(|at| underway[*at].is_some()).collect();
            if waiting.is_empty() {
                return Poll::Ready(());
            }
            // Who waits for a hash keeps the turn, so that a schedule means the same each time.
            let current = {
                let mut control = ports.control();
                if !std::mem::take(&mut control.yielded) && waiting.contains(&control.by) {
                    control.by
                } else {
                    waiting[usize::from(turns.next().unwrap_or(0)) % waiting.len()]
                }
            };
            ports.control().by = current;
            let Some(future) = &mut underway[current] else { continue };
            match future.as_mut().poll(cx) {
                Poll::Ready(()) => underway[current] = None,
                Poll::Pending if ports.control().yielded => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    drive(ports, all).expect("without a fault");
    let mut control = ports.control();
    (control.yields, control.yielded) = (false, false);
}

fn turn(seen: &[Seen], caller: usize) -> Option<usize> {
    seen.iter().position(|seen| match seen {
        Seen::Commit { commit, landed: true, by } if *by == caller => {
            commit.writes().iter().any(|write| !matches!(write, Write::Record(_)))
        }
        _ => false,
    })
}

fn landed(seen: &[Seen], caller: usize) -> Vec<Commit> {
    let of = |seen: &Seen| match seen {
        Seen::Commit { commit, landed: true, by } if *by == caller => Some(commit.clone()),
        _ => None,
    };
    seen.iter().filter_map(of).collect()
}

fn token(text: &str) -> SessionToken {
    SessionToken::parse(text).expect("a token that the core gave")
}

async fn ask(acceso: &Acceso, ports: &Ports, call: &Call) -> (Answer, Fruit) {
    match asked(acceso, ports, call).await {
        Ok(answered) => answered,
        Err(Error::Busy { .. }) => (Answer::Busy, Fruit::default()),
        Err(_) => (Answer::Unavailable, Fruit::default()),
    }
}

#[allow(clippy::too_many_lines, reason = "a table: one arm for each call")]
async fn asked(acceso: &Acceso, ports: &Ports, call: &Call) -> Result<(Answer, Fruit), Error> {
    let client = &Client::unknown();
    let none = Fruit::default;
    let session = |token: &SessionToken| Fruit { session: Some(token.reveal()), ..Fruit::default() };
    let requested = |request: RecoveryRequest| match request {
        RecoveryRequest::Accepted => (Answer::Accepted, none()),
        RecoveryRequest::Invalid(_) => (Answer::Invalid, none()),
    };
    Ok(match call {
        Call::Register { email, name, password } => {
            let form = RegistrationForm {
                email: email.clone(),
                username: name.clone(),
                password: password.as_str().into(),
                repeated: password.as_str().into(),
                full_name: "Nombre Apellido".into(),
            };
            match acceso.register(form, client).await? {
                Registering::Accepted(id) => (Answer::Accepted, Fruit { reference: Some(id.to_string()), ..none() }),
                Registering::Invalid(_) => (Answer::Invalid, none()),
                Registering::UsernameTaken => (Answer::UsernameTaken, none()),
            }
        }
        Call::Confirm { token, name, password, reference } => {
            let (token, username, reference) = (token.clone(), name.clone(), reference.clone());
            let form = ConfirmationForm { token, username, password: password.as_str().into(), reference };
            let answer = match acceso.confirm(form, client).await? {
                Confirmation::Confirmed => Answer::Confirmed,
                Confirmation::LinkInvalid => Answer::LinkInvalid,
                Confirmation::Rejected => Answer::Rejected,
                Confirmation::UsernameTaken => Answer::UsernameTaken,
                Confirmation::NotAPatient => Answer::NotAPatient,
                Confirmation::TooManyUsers => Answer::TooManyUsers,
            };
            (answer, none())
        }
        Call::Login { name, password, stay, replaces } => {
            let mut form = LoginForm::new(name.as_str(), password.as_str());
            if let Some(replaced) = replaces {
                form = form.replacing(token(replaced));
            }
            let stay = if *stay { Stay::SignedIn } else { Stay::Session };
            match acceso.login(form, stay, client).await? {
                Login::SignedIn(signed_in) => {
                    // Read past the ports: it is the test that asks whose session it is.
                    let user = ports.store.user(signed_in.user).await.expect("memory").expect("whoever signed in");
                    let (ends_at, remembered) = (signed_in.ends_at.as_millis(), signed_in.remembered);
                    let name = user.username().as_str().to_owned();
                    (Answer::SignedIn { name, ends_at, remembered }, session(&signed_in.token))
                }
                Login::MustChangePassword(restricted) => {
                    let ends_at = restricted.ends_at.as_millis();
                    (Answer::MustChangePassword { ends_at }, session(&restricted.token))
                }
                Login::Rejected => (Answer::Rejected, none()),
            }
        }
        Call::RecoverUsername { email } => {
            requested(acceso.recover_username(UsernameRecoveryForm { email: email.clone() }, client).await?)
        }
        Call::RecoverPassword { email, name } => {
            let form = PasswordRecoveryForm { email: email.clone(), username: name.clone() };
            requested(acceso.recover_password(form, client).await?)
        }
        Call::ConfirmRecovery { token } => match acceso.confirm_recovery(token, client).await? {
            RecoveryConfirmation::Accepted => (Answer::Accepted, none()),
            RecoveryConfirmation::LinkInvalid => (Answer::LinkInvalid, none()),
        },
        Call::Choose { token, new } => {
            let (new, repeated) = (new.as_str().into(), new.as_str().into());
            match acceso.choose_password(PasswordChoiceForm { token: token.clone(), new, repeated }, client).await? {
                PasswordChoice::Changed => (Answer::Changed, none()),
                PasswordChoice::Invalid(_) => (Answer::Invalid, none()),
                PasswordChoice::LinkInvalid => (Answer::LinkInvalid, none()),
            }
        }
        Call::Change { session: asking, current, new } => {
            let (new, repeated) = (new.as_str().into(), new.as_str().into());
            let form = PasswordChangeForm { current: current.as_str().into(), new, repeated };
            match acceso.change_password(&token(asking), form, client).await? {
                PasswordChange::Changed(signed_in) => (Answer::Changed, session(&signed_in.token)),
                PasswordChange::Invalid(_) => (Answer::Invalid, none()),
                PasswordChange::Rejected => (Answer::Rejected, none()),
                PasswordChange::NotSignedIn => (Answer::NotSignedIn, none()),
            }
        }
        Call::Visit { session } | Call::VisitRestricted { session } => {
            let name = |user: &acceso::User| user.username().as_str().to_owned();
            let visitor = match call {
                Call::Visit { .. } => acceso.session(&token(session)).await?.map(|visitor| name(visitor.user())),
                _ => acceso.restricted_session(&token(session)).await?.map(|visitor| name(visitor.user())),
            };
            (Answer::Visitor(visitor), none())
        }
        Call::Sessions { session } => {
            (Answer::Listed(acceso.sessions(&token(session)).await?.map(|sessions| sessions.len())), none())
        }
        Call::LogOut { session } => {
            acceso.log_out(&token(session), client).await?;
            (Answer::Done, none())
        }
        Call::CloseOthers { session } => {
            (Answer::Ended(acceso.close_other_sessions(&token(session), client).await?.is_some()), none())
        }
        Call::LogOutEverywhere { session } => {
            (Answer::Ended(acceso.log_out_everywhere(&token(session), client).await?.is_some()), none())
        }
        Call::Staff { act, user } => {
            let answer = match act {
                Staff::Disable => Answer::Staff(acceso.disable(*user, client).await?),
                Staff::Enable => Answer::Staff(acceso.enable(*user, client).await?),
                Staff::Remove => Answer::Staff(acceso.remove(*user, client).await?),
                Staff::Revoke => Answer::Staff(acceso.revoke_sessions(*user, client).await?),
                Staff::Refresh => Answer::Refreshed(acceso.refresh_patients(*user, client).await?),
            };
            (answer, none())
        }
        Call::Restore => {
            acceso.after_restore(client).await?;
            (Answer::Done, none())
        }
    })
}
