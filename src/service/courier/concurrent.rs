//! Several futures at once on one task, without a runtime, and panics contained. Not: threads.
//!
//! **A future that panics costs itself alone, and a slow one delays none of the others.**

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The future panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("panicked")]
pub(super) struct Panicked;

/// Ends with the future, or with its panic.
pub(super) async fn contained<T: Send>(future: impl Future<Output = T> + Send) -> Result<T, Panicked> {
    let mut future = Box::pin(future);
    std::future::poll_fn(move |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}

/// The future's output, or `None` if it is `over` before: asked after each poll, so a future that hangs must be polled now
/// and then.
pub(super) async fn unless_over<T>(over: impl Fn() -> bool, future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Pending if over() => Poll::Ready(None),
        poll => poll.map(Some),
    })
    .await
}

/// Futures of which at most so many run at a time, the others waiting their turn.
pub(super) struct Running<'a, T> {
    begun: Vec<BoxFuture<'a, T>>,
    waiting: VecDeque<BoxFuture<'a, T>>,
    done: Vec<T>,
    most: usize,
}

impl<'a, T> Running<'a, T> {
    pub(super) fn at_most(most: usize) -> Self {
        Self { begun: Vec::new(), waiting: VecDeque::new(), done: Vec::new(), most }
    }

    pub(super) fn add(&mut self, future: impl Future<Output = T> + Send + 'a) {
        self.waiting.push_back(Box::pin(future));
    }

    /// Whether more would only wait.
    pub(super) fn is_full(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.begun.is_empty() && self.waiting.is_empty()
    }

    /// What has ended since the last call.
    pub(super) fn take_done(&mut self) -> Vec<T> {
        std::mem::take(&mut self.done)
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        loop {
            while self.begun.len() < self.most
                && let Some(next) = self.waiting.pop_front()
            {
                self.begun.push(next);
            }
            let before = self.done.len();
            self.begun.retain_mut(|future| match future.as_mut().poll(cx) {
                Poll::Ready(output) => {
                    self.done.push(output);
                    false
                }
                Poll::Pending => true,
            });
            // A place that became free is taken at once, or nobody would wake the one that waits.
            if self.done.len() == before || self.waiting.is_empty() {
                return;
            }
        }
    }

    /// Runs until all have ended.
    pub(super) async fn finish(&mut self) {
        std::future::poll_fn(|cx| {
            self.poll(cx);
            if self.is_idle() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Runs until none waits for a place, or `other` has ended.
    pub(super) async fn until_room(&mut self, other: impl Future<Output = ()>) {
        let mut other = std::pin::pin!(other);
        std::future::poll_fn(|cx| {
            self.poll(cx);
            if self.is_full() { other.as_mut().poll(cx) } else { Poll::Ready(()) }
        })
        .await;
    }

    /// Runs until all have ended, or `other` has.
    pub(super) async fn until_idle(&mut self, other: impl Future<Output = ()>) {
        let mut other = std::pin::pin!(other);
        std::future::poll_fn(|cx| {
            self.poll(cx);
            if self.is_idle() { Poll::Ready(()) } else { other.as_mut().poll(cx) }
        })
        .await;
    }

    /// Runs as long as `other` does.
    pub(super) async fn during<U>(&mut self, other: impl Future<Output = U>) -> U {
        let mut other = std::pin::pin!(other);
        std::future::poll_fn(|cx| {
            self.poll(cx);
            other.as_mut().poll(cx)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn a_panic_is_contained() {
        assert_eq!(contained(async { 7 }).await, Ok(7));
        let panics = async { assert!(std::hint::black_box(false), "today") };
        assert_eq!(contained(panics).await, Err(Panicked));
    }

    #[tokio::test]
    async fn at_most_so_many_run_and_all_end() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut done = Vec::new();
        let mut running = Running::at_most(3);
        for number in 0..20 {
            let (now, most) = (&now, &most);
            running.add(async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..number % 4 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::SeqCst);
                number
            });
        }
        running.finish().await;
        done.append(&mut running.take_done());
        drop(running);
        done.sort_unstable();
        assert_eq!(done, (0..20).collect::<Vec<_>>());
        assert_eq!(most.into_inner(), 3);
    }

    #[tokio::test]
    async fn one_that_never_ends_delays_none_of_the_others() {
        let mut running = Running::at_most(2);
        running.add(std::future::pending());
        for number in 0..5 {
            running.add(async move { number });
        }
        running.during(tokio::task::yield_now()).await;
        assert_eq!(running.take_done(), [0, 1, 2, 3, 4]);
        assert!(!running.is_idle() && !running.is_full());
    }
}
