//! One process of many: a core of its own over a connection of its own, whose tasks call it at random. Not: a judge; what
//! was answered is only written down.
//!
//! **It ends with its parent: when nobody holds the other end of its standard input, it is gone.**

use std::io::{BufRead, stdin};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use acceso::adapter::postgres::PostgresStore;
use acceso::adapter::sqlite::SqliteStore;
use acceso::test_util::cheap_hashing;
use acceso::{
    Acceso, Client, Confirmation, ConfirmationForm, Error, Login, LoginForm, PasswordChange, PasswordChangeForm,
    PasswordRecoveryForm, Policy, RecoveryConfirmation, RecoveryRequest, Registering, RegistrationForm, SessionToken,
    Stay, UserStore,
};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::log::{self, Answer, Asked, Call, Log};
use crate::ports::{FileMailer, Registry, Watched};
use crate::script::{News, Script};

/// What a process is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub url: String,
    pub folder: PathBuf,
    pub process: u32,
    pub processes: u32,
    pub calls: u64,
    pub seed: u64,
}

/// The variable of the environment that makes a test program one of the processes.
pub const ORDER: &str = "ACCESO_HAMMER_ORDER";

/// What the process says when it has made its calls, and what it is told then.
pub const CALLED: &str = "hammer: called";
pub const DRAIN: &str = "drain";

/// Nanoseconds after which mail that still waits is left.
const DRAINED_WITHIN: log::Instant = 180_000_000_000;

/// Tasks that call at the same time.
const TASKS: u64 = 3;

pub const THRESHOLD: u16 = 4;
pub const SESSIONS_PER_USER: u16 = 4;
pub const USERS_PER_ADDRESS: u16 = 3;

fn policy() -> Policy {
    let mut policy = cheap_hashing(Policy::portal());
    policy.lockout.threshold = THRESHOLD;
    policy.session.per_user = SESSIONS_PER_USER;
    policy.email.max_users = USERS_PER_ADDRESS;
    policy.mail.brake_first = Duration::from_secs(10);
    policy.mail.brake_longest = Duration::from_secs(10 * 60);
    policy.mail.lease = Duration::from_secs(30);
    policy.mail.retry_first = Duration::from_secs(1);
    policy.mail.tick = Duration::from_millis(20);
    policy.mail.purge_interval = Duration::from_secs(1);
    policy.hashing.threads = Some(1);
    policy
}

/// Obeys the order in the environment, if there is one.
pub fn obeyed() -> bool {
    let Ok(order) = std::env::var(ORDER) else { return false };
    let order: Order = serde_json::from_str(&order).expect("an order of ours");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(work(order));
    true
}

async fn work(order: Order) {
    let path = |kind| log::path(&order.folder, kind, order.process);
    let drain = parent();
    let store: Arc<dyn UserStore> = if order.url.starts_with("sqlite:") {
        Arc::new(SqliteStore::connect(&order.url).await.expect("the file opens"))
    } else {
        Arc::new(PostgresStore::connect(&order.url).await.expect("the server is there"))
    };
    let store = Arc::new(Watched::new(store, Log::new(&path("commits"))));
    let (acceso, courier) = Acceso::builder(Arc::clone(&store), Registry, FileMailer::new(Log::new(&path("mails"))))
        .portal("Clínica del Sol", "https://portal.example")
        .policy(policy())
        .build()
        .expect("a safe policy");
    let courier = tokio::spawn(courier.run(tokio::time::sleep));
    let caller =
        Arc::new(Caller { acceso: acceso.clone(), log: Log::new(&path("calls")), order, next: AtomicU64::new(0) });
    let news = Arc::new(News::of(&caller.order));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (caller, news) = (Arc::clone(&caller), Arc::clone(&news));
            tokio::spawn(async move {
                let mut script = Script::new(&caller.order, task);
                while caller.has_calls_left() {
                    news.read();
                    script.act(&news, &caller).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    println!("\n{CALLED}");
    drain.await.expect("the parent lives");
    // Couriers queue nothing: what is empty now stays so. A row goes a moment before its courier hears of it.
    // What is left after many leases is for the checker to tell.
    let given_up = log::now() + DRAINED_WITHIN;
    while log::now() < given_up {
        let backlog = acceso.mail_backlog().await.expect("the store is there");
        if backlog.typed + backlog.to_users == 0 && store.is_idle() {
            break;
        }
        tokio::time::sleep(policy().mail.tick).await;
    }
    courier.abort();
    acceso.shutdown().await;
}

/// Becomes ready when the parent says so. Ends the process if the parent is gone.
fn parent() -> oneshot::Receiver<()> {
    let (say, said) = oneshot::channel();
    std::thread::spawn(move || {
        let mut lines = stdin().lock().lines();
        if lines.next().is_some_and(|line| line.is_ok_and(|line| line == DRAIN)) {
            let _ = say.send(());
            let _ = lines.next();
        }
        std::process::exit(1);
    });
    said
}

/// Makes calls and writes them down.
pub struct Caller {
    acceso: Acceso,
    log: Log,
    order: Order,
    next: AtomicU64,
}

impl Caller {
    fn has_calls_left(&self) -> bool {
        self.next.load(Ordering::Relaxed) < self.order.calls
    }

    /// How far the process has come, from 0 to 1.
    #[allow(clippy::cast_precision_loss, reason = "a share")]
    pub fn progress(&self) -> f64 {
        self.next.load(Ordering::Relaxed) as f64 / self.order.calls as f64
    }

    pub async fn call(&self, asked: Asked) -> Answer {
        let id = format!("{}-{}", self.order.process, self.next.fetch_add(1, Ordering::Relaxed));
        let client = Client::unknown().with_device(&id);
        let begun = log::now();
        let answer = self.answer(asked.clone(), &client).await.unwrap_or_else(|error| match error {
            Error::Busy { .. } => Answer::Busy,
            error => Answer::Unavailable { cause: chain(&error) },
        });
        self.log.write(&Call { id, begun, ended: log::now(), asked, answer: answer.clone() });
        answer
    }

    async fn answer(&self, asked: Asked, client: &Client) -> Result<Answer, Error> {
        let acceso = &self.acceso;
        let session = |token: &str| SessionToken::parse(token).expect("a token of ours");
        Ok(match asked {
            Asked::Register { email, username, password } => {
                let (password, repeated) = (password.as_str().into(), password.as_str().into());
                let full_name = "Nombre Apellido".into();
                let form = RegistrationForm { email, username, password, repeated, full_name };
                match acceso.register(form, client).await? {
                    Registering::Accepted(_) => Answer::Accepted,
                    Registering::UsernameTaken => Answer::UsernameTaken,
                    Registering::Invalid(_) => Answer::Invalid,
                }
            }
            Asked::Confirm { token, username, password } => {
                let form = ConfirmationForm { token, username, password: password.into(), reference: None };
                match acceso.confirm(form, client).await? {
                    Confirmation::Confirmed => Answer::Confirmed,
                    Confirmation::LinkInvalid => Answer::LinkInvalid,
                    Confirmation::Rejected => Answer::Rejected,
                    Confirmation::UsernameTaken => Answer::UsernameTaken,
                    Confirmation::NotAPatient => Answer::NotAPatient,
                    Confirmation::TooManyUsers => Answer::TooManyUsers,
                }
            }
            Asked::Login { username, password, replaces } => {
                let form = LoginForm::new(username, password);
                let form = match replaces {
                    Some(token) => form.replacing(session(&token)),
                    None => form,
                };
                match acceso.login(form, Stay::Session, client).await? {
                    Login::SignedIn(opened) => Answer::SignedIn { token: opened.token.reveal() },
                    Login::MustChangePassword(opened) => Answer::MustChangePassword { token: opened.token.reveal() },
                    Login::Rejected => Answer::Rejected,
                }
            }
            Asked::Session { token } => match acceso.session(&session(&token)).await? {
                Some(_) => Answer::Visitor,
                None => Answer::NoVisitor,
            },
            Asked::ChangePassword { token, current, new } => {
                let (current, repeated) = (current.into(), new.as_str().into());
                let form = PasswordChangeForm { current, new: new.into(), repeated };
                match acceso.change_password(&session(&token), form, client).await? {
                    PasswordChange::Changed(opened) => Answer::Changed { token: opened.token.reveal() },
                    PasswordChange::Invalid(_) => Answer::Invalid,
                    PasswordChange::Rejected => Answer::Rejected,
                    PasswordChange::NotSignedIn => Answer::NotSignedIn,
                }
            }
            Asked::LogOut { token } => {
                acceso.log_out(&session(&token), client).await?;
                Answer::Done
            }
            Asked::LogOutEverywhere { token } => done(acceso.log_out_everywhere(&session(&token), client).await?),
            Asked::CloseOtherSessions { token } => done(acceso.close_other_sessions(&session(&token), client).await?),
            Asked::RecoverPassword { email, username } => {
                match acceso.recover_password(PasswordRecoveryForm { email, username }, client).await? {
                    RecoveryRequest::Accepted => Answer::Accepted,
                    RecoveryRequest::Invalid(_) => Answer::Invalid,
                }
            }
            Asked::ConfirmRecovery { token } => match acceso.confirm_recovery(&token, client).await? {
                RecoveryConfirmation::Accepted => Answer::Accepted,
                RecoveryConfirmation::LinkInvalid => Answer::LinkInvalid,
            },
        })
    }
}

fn done(ended: Option<()>) -> Answer {
    if ended.is_some() { Answer::Done } else { Answer::NoVisitor }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
