//! Every public future runs on a runtime of several threads, whatever types the host's ports have. Not: what they answer.
//!
//! **If a future is not `Send`, this does not compile; a host would be the first to know otherwise.**

mod common;

use std::sync::Arc;
use std::time::Duration;

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry, MemoryStore};
use acceso::test_util::cheap_hashing;
use acceso::{
    Acceso, Client, ConfirmationForm, Courier, Error, LoginForm, Mailer, PasswordChangeForm, PasswordChoiceForm,
    PasswordRecoveryForm, PatientRegistry, Policy, RegistrationForm, SessionId, SessionToken, Stay, UserId, UserStore,
    UsernameRecoveryForm,
};
use common::{ANA, NEW_PASSWORD, PASSWORD};

/// The service over ports of any type, each held as the host likes.
fn over<S, R, M>(store: S, registry: R, mailer: M) -> (Acceso, Courier)
where
    S: UserStore + 'static,
    R: PatientRegistry + 'static,
    M: Mailer + 'static,
{
    Acceso::builder(store, registry, mailer)
        .portal("Clínica del Sol", "https://portal.example")
        .policy(cheap_hashing(Policy::portal()))
        .build()
        .expect("a safe policy")
}

/// Each call on a task of its own, with everything that it takes moved in.
async fn spawn_everything<S, R, M>(store: S, registry: R, mailer: M)
where
    S: UserStore + 'static,
    R: PatientRegistry + 'static,
    M: Mailer + 'static,
{
    let (acceso, mut courier) = over(store, registry, mailer);
    let mut tasks: Vec<tokio::task::JoinHandle<Result<(), Error>>> = Vec::new();
    // As in a handler: what the call takes by reference lives in the task, across the await.
    macro_rules! spawn {
        ($($call:ident($($argument:expr),*) with $client:ident, $token:ident;)*) => {$(
            let (handle, $client, $token) = (acceso.clone(), Client::unknown().with_device("Firefox"), session());
            tasks.push(tokio::spawn(async move {
                let _ = (&$client, &$token);
                handle.$call($($argument),*).await.map(drop)
            }));
        )*};
    }
    let (user, id) = (UserId::from_bytes([7; 16]), SessionId::from_bytes([7; 16]));
    spawn! {
        register(registration(), &client) with client, token;
        confirm(confirmation(), &client) with client, token;
        login(LoginForm::new("anapena", PASSWORD).replacing(token), Stay::SignedIn, &client) with client, token;
        recover_username(UsernameRecoveryForm { email: ANA.into() }, &client) with client, token;
        recover_password(recovery(), &client) with client, token;
        confirm_recovery("no link", &client) with client, token;
        choose_password(choice(), &client) with client, token;
        change_password(&token, change(), &client) with client, token;
        session(&token) with client, token;
        restricted_session(&token) with client, token;
        sessions(&token) with client, token;
        log_out(&token, &client) with client, token;
        close_session(&token, id, &client) with client, token;
        close_other_sessions(&token, &client) with client, token;
        log_out_everywhere(&token, &client) with client, token;
        disable(user, &client) with client, token;
        enable(user, &client) with client, token;
        remove(user, &client) with client, token;
        revoke_sessions(user, &client) with client, token;
        refresh_patients(user, &client) with client, token;
        mail_backlog() with client, token;
        after_restore(&client) with client, token;
    }
    assert_eq!(tasks.len(), 22);
    for task in tasks {
        task.await.expect("no panic").expect("the store is there");
    }
    let delivered = tokio::spawn(async move { courier.deliver_due().await.map(|delivered| (delivered, courier)) });
    let (_, courier) = delivered.await.expect("no panic").expect("the store is there");
    let running = tokio::spawn(courier.run(|_: Duration| tokio::task::yield_now()));
    tokio::task::yield_now().await;
    running.abort();
    assert!(running.await.expect_err("it runs until it is dropped").is_cancelled());
    tokio::spawn(async move { acceso.shutdown().await }).await.expect("no panic");
}

fn session() -> SessionToken {
    SessionToken::parse(&"A".repeat(43)).expect("a token")
}

fn registration() -> RegistrationForm {
    RegistrationForm {
        email: ANA.into(),
        username: "anapena".into(),
        password: PASSWORD.into(),
        repeated: PASSWORD.into(),
        full_name: "Ana Peña".into(),
    }
}

fn confirmation() -> ConfirmationForm {
    let (token, username) = ("no link".into(), "anapena".into());
    ConfirmationForm { token, username, password: PASSWORD.into(), reference: None }
}

fn recovery() -> PasswordRecoveryForm {
    PasswordRecoveryForm { email: ANA.into(), username: "anapena".into() }
}

fn choice() -> PasswordChoiceForm {
    PasswordChoiceForm { token: "no link".into(), new: NEW_PASSWORD.into(), repeated: NEW_PASSWORD.into() }
}

fn change() -> PasswordChangeForm {
    PasswordChangeForm { current: PASSWORD.into(), new: NEW_PASSWORD.into(), repeated: NEW_PASSWORD.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_future_can_be_spawned() {
    spawn_everything(MemoryStore::new(), MemoryRegistry::new(), MemoryMailer::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_future_can_be_spawned_over_ports_chosen_at_run_time() {
    let store: Arc<dyn UserStore> = Arc::new(MemoryStore::new());
    let registry: Arc<dyn PatientRegistry> = Arc::new(MemoryRegistry::new());
    let mailer: Arc<dyn Mailer> = Arc::new(MemoryMailer::new());
    spawn_everything(store, registry, mailer).await;
}

/// What a host keeps in its state and hands around among threads.
#[test]
fn handles_and_answers_are_send_and_sync() {
    fn shared<T: Send + Sync + 'static>() {}
    fn sent<T: Send + 'static>() {}
    shared::<Acceso>();
    shared::<Error>();
    shared::<SessionToken>();
    shared::<acceso::Visitor>();
    shared::<acceso::Mail>();
    shared::<acceso::Commit>();
    shared::<acceso::Login>();
    shared::<acceso::PasswordChange>();
    shared::<acceso::SendError>();
    shared::<acceso::BuildError>();
    shared::<LoginForm>();
    sent::<Courier>();
}
