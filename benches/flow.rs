//! The calls that need no hash, over a store that keeps nothing, with a clock that stands and random bytes that cost
//! nothing: what is left is the decision and what carries it out.
//!
//! **A decision cannot be reached from outside by itself, so each figure is an upper bound of one.** The decisions of a
//! login and a registration lie between hashes; `login` measures them with all the rest.

mod common;

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use acceso::adapter::memory::MemoryMailer;
use acceso::test_util::FakeClock;
use acceso::{
    Acceso, Client, Error, Login, PasswordRecoveryForm, SessionToken, SystemClock, Timestamp, UserStore,
    UsernameRecoveryForm,
};

use common::clinic::{Clinic, PASSWORD, email, username};
use common::criterion;
use common::nothing::{Nothing, Sevens};

fn main() {
    let (acceso, token) = over_nothing();
    let client = Client::unknown();
    let mut criterion = criterion();
    let mut group = criterion.benchmark_group("flow/decide");
    group.bench_function("session", |b| b.iter(|| at_once(acceso.session(&token))));
    group.bench_function("log_out", |b| b.iter(|| at_once(acceso.log_out(&token, &client))));
    group.bench_function("close_other_sessions", |b| b.iter(|| at_once(acceso.close_other_sessions(&token, &client))));
    group.bench_function("recover_username", |b| {
        b.iter(|| at_once(acceso.recover_username(UsernameRecoveryForm { email: email(0) }, &client)));
    });
    group.bench_function("recover_password", |b| {
        b.iter(|| {
            let form = PasswordRecoveryForm { email: email(0), username: username(0) };
            at_once(acceso.recover_password(form, &client));
        });
    });
    group.finish();
    criterion.final_summary();
}

/// A service whose store finds one live session whatever is asked.
fn over_nothing() -> (Acceso, SessionToken) {
    let mut clinic = Clinic::to_be_filled();
    clinic.add_users(0, 1);
    let Login::SignedIn(signed_in) = clinic.login(&username(0), PASSWORD) else { panic!("signed in") };
    let name = username(0).parse().expect("a name");
    let user = clinic.runtime.block_on(clinic.store.user_named(&name)).ok().flatten().expect("the user");
    let sessions = clinic.runtime.block_on(clinic.store.sessions_of(user.id())).expect("the store is there");
    let session = sessions.into_iter().next().expect("the session");
    let clock = FakeClock::at(now());
    let (acceso, _) = Acceso::builder(
        Nothing { session: Some((session, Arc::new(user))) },
        acceso::adapter::memory::MemoryRegistry::new(),
        MemoryMailer::new(),
    )
    .portal("Clínica del Sol", "https://portal.example")
    .clock(clock)
    .entropy(Sevens)
    .build()
    .expect("a safe policy");
    (acceso, signed_in.token)
}

fn now() -> Timestamp {
    acceso::Clock::now(&SystemClock)
}

/// Nothing here waits, so no runtime is measured.
fn at_once<T>(call: impl Future<Output = Result<T, Error>>) {
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(answer)) = pin!(call).poll(&mut context) else { panic!("an answer") };
    black_box(answer);
}
