//! A portal whose store lets others in between any two calls, and many calls that begin at one instant. Not: what they
//! call.
//!
//! **Nothing here waits for time to pass: a race is made by barriers and by giving way.**

use std::sync::Arc;
use std::task::Poll;

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry};
use acceso::test_util::{FakeClock, SeededEntropy, cheap_hashing};
use acceso::{Acceso, Client, Courier, EventKind, Policy, Stored, User, UserStore};
use serde_json::Value;
use tokio::sync::Barrier;

use crate::common::kept::Kept;
use crate::common::{ANA, Portal, patient};
use crate::ports::{Control, FaultyMailer, FaultyRegistry, FaultyStore};
use crate::store::Store;

pub const NAME: &str = "anapena";

/// The kinds of all events, in the order of commits.
pub async fn event_kinds(portal: &Portal<Store>) -> Vec<EventKind> {
    portal.store.kept().await.iter().map(acceso::Event::kind).collect()
}

/// What several services can share.
#[derive(Clone)]
pub struct World {
    pub store: Arc<Store>,
    pub registry: Arc<MemoryRegistry>,
    pub mailer: Arc<MemoryMailer>,
    pub clock: FakeClock,
}

impl World {
    pub async fn new() -> Self {
        Self {
            store: Arc::new(crate::store::fresh().await),
            registry: Arc::new(MemoryRegistry::from_iter([patient("pac-0001", ANA)])),
            mailer: Arc::new(MemoryMailer::new()),
            clock: FakeClock::default(),
        }
    }

    /// A process of its own over the shared ports. `seed` must differ from any other's.
    pub fn service(&self, policy: Policy, seed: u64) -> (Acceso, Courier, Arc<Control>) {
        let control = Arc::new(Control::default());
        control.be_silent();
        let (acceso, courier) = Acceso::builder(
            FaultyStore { store: Arc::clone(&self.store), control: Arc::clone(&control) },
            FaultyRegistry { registry: Arc::clone(&self.registry), control: Arc::clone(&control) },
            FaultyMailer { mailer: Arc::clone(&self.mailer), control: Arc::clone(&control) },
        )
        .portal("Clínica del Sol", "https://portal.example")
        .policy(policy)
        .clock(self.clock.clone())
        .entropy(SeededEntropy::new(seed))
        .build()
        .expect("a safe policy");
        (acceso, courier, control)
    }

    pub fn portal(&self, policy: Policy, seed: u64) -> Portal<Store> {
        let (acceso, courier, control) = self.service(policy, seed);
        control.yield_at_each_call();
        let Self { store, registry, mailer, clock } = self.clone();
        Portal { acceso, courier, store, registry, mailer, clock, client: Client::unknown() }
    }
}

/// With room for everybody who comes at once.
pub fn roomy(policy: Policy) -> Policy {
    let mut policy = cheap_hashing(policy);
    policy.hashing.threads = Some(2);
    policy.hashing.queue_per_thread = 500;
    policy
}

/// A portal in a world of its own.
pub async fn portal(policy: Policy) -> Portal<Store> {
    World::new().await.portal(roomy(policy), 7)
}

/// The futures on tasks of their own, all let go at one instant; their answers in the same order.
pub async fn at_once<T: Send + 'static>(
    futures: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let futures: Vec<_> = futures.into_iter().collect();
    let barrier = Arc::new(Barrier::new(futures.len()));
    let tasks: Vec<_> = futures
        .into_iter()
        .map(|future| {
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                barrier.wait().await;
                future.await
            })
        })
        .collect();
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        answers.push(task.await.expect("no panic"));
    }
    answers
}

/// Lets `slow` wait so many times, then runs all of `quick`, then the rest of `slow`. `None` if `slow` ended before.
pub async fn overtaken<A, B>(
    slow: impl Future<Output = A>,
    mut steps: usize,
    quick: impl Future<Output = B>,
) -> Option<(A, B)> {
    let mut slow = Box::pin(slow);
    let ended = std::future::poll_fn(|cx| match slow.as_mut().poll(cx) {
        Poll::Pending if steps > 0 => {
            steps -= 1;
            Poll::Pending
        }
        Poll::Pending => Poll::Ready(false),
        Poll::Ready(_) => Poll::Ready(true),
    });
    if ended.await {
        return None;
    }
    let second = quick.await;
    Some((slow.await, second))
}

pub async fn user(store: &Store, name: &str) -> Option<User> {
    store.user_named(&name.parse().expect("a name")).await.expect("the store is there")
}

/// The credential as it is stored.
pub async fn credential(store: &Store, name: &str) -> Value {
    let user = user(store, name).await.expect("a user");
    serde_json::to_value(Stored(user)).expect("a document")["credential"].clone()
}

/// Numbers that look random and are the same each time.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).expect("below the limit")
    }
}
