//! The host's word that the courier shall end, heard between two pieces of work and while it waits. Not: what is done then.
//!
//! **Once given, it stays given.**

use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// A future that may be asked any number of times.
pub(super) struct Stop<'a, F> {
    word: Pin<&'a mut F>,
    given: bool,
}

impl<'a, F: Future<Output = ()>> Stop<'a, F> {
    pub(super) fn at(word: Pin<&'a mut F>) -> Self {
        Self { word, given: false }
    }

    /// Without waiting.
    pub(super) async fn is_given(&mut self) -> bool {
        std::future::poll_fn(|cx| Poll::Ready(self.poll(cx))).await
    }

    /// Waits for the one or the other.
    pub(super) async fn or(&mut self, other: impl Future<Output = ()>) {
        let mut other = pin!(other);
        std::future::poll_fn(|cx| if self.poll(cx) { Poll::Ready(()) } else { other.as_mut().poll(cx) }).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        self.given = self.given || self.word.as_mut().poll(cx).is_ready();
        self.given
    }
}
