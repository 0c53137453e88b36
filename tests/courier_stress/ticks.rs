//! The ticks of a courier that runs: they come when the story says so. Not: the clock, which a story turns itself.
//!
//! **When a tick has come, the courier has begun what it brought, and waits for the next.**

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

#[derive(Clone, Default)]
pub struct Ticks(Arc<Mutex<Ticking>>);

#[derive(Default)]
struct Ticking {
    ticks: u64,
    /// The tick after which the courier has come to wait for another.
    waits_since: Option<u64>,
    courier: Option<Waker>,
    story: Option<Waker>,
}

impl Ticks {
    fn lock(&self) -> MutexGuard<'_, Ticking> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the courier sleeps with.
    pub fn next(&self) -> impl Future<Output = ()> + use<> {
        let ticks = self.clone();
        let begun = ticks.lock().ticks;
        poll_fn(move |cx| {
            let mut ticking = ticks.lock();
            if ticking.ticks > begun {
                return Poll::Ready(());
            }
            ticking.courier = Some(cx.waker().clone());
            ticking.waits_since = Some(begun);
            if let Some(story) = ticking.story.take() {
                story.wake();
            }
            Poll::Pending
        })
    }

    /// One tick; when this returns the courier waits for the next.
    pub async fn come(&self) {
        {
            let mut ticking = self.lock();
            ticking.ticks += 1;
            if let Some(courier) = ticking.courier.take() {
                courier.wake();
            }
        }
        poll_fn(|cx| {
            let mut ticking = self.lock();
            if ticking.waits_since == Some(ticking.ticks) {
                return Poll::Ready(());
            }
            ticking.story = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
