//! Instants, and who tells them. Not: what anybody does at an instant.
//!
//! **No arithmetic here wraps or panics, and an instant that only a clock once wrong can have written is not believed.**

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// How far clocks of one deployment may differ: a beginning further in the future than this is not believed.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// An instant in whole milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant that many milliseconds after (or before) the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch, for an integer column.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The instant this much later, or the last one there is.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The time since `earlier`; zero if that is in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// RFC 3339 in UTC with milliseconds, or bare milliseconds for years outside 0000 to 9999.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|instant| instant.format(&time::format_description::well_known::Rfc3339).ok());
        match shown {
            Some(text) => f.write_str(&text),
            None => write!(f, "{} ms", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether `now` lies in the half-open interval from `start` to `end` of something that lasts at most `longest`.
///
/// False where a clock that was once wrong must have written the interval: it begins more than five minutes from now,
/// or ends further off than `longest` and five minutes. False for good, too, where it is longer than that altogether, as
/// after a policy has become stricter: what is over must not come back as its end draws near.
pub(crate) fn within(now: Timestamp, start: Timestamp, end: Timestamp, longest: Duration) -> bool {
    let latest = |from: Timestamp| from.after(longest).after(CLOCK_SKEW);
    now < end && start <= now.after(CLOCK_SKEW) && end <= latest(now) && end <= latest(start)
}

/// Tells the time. Hosts take [`SystemClock`]; tests turn one by hand.
pub trait Clock: Send + Sync {
    /// The present instant. May jump: the core takes care of it.
    fn now(&self) -> Timestamp;
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Timestamp(0).after(since),
            Err(before) => Timestamp(i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn intervals_are_half_open() {
        let end = NOW.after(HOUR);
        for (millis, live) in [(-1, true), (0, false), (1, false)] {
            assert_eq!(within(Timestamp(end.0 + millis), NOW, end, HOUR), live, "{millis} ms after the end");
        }
    }

    #[test]
    fn what_a_wrong_clock_wrote_is_not_believed() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        assert!(within(NOW, NOW.after(minutes(5)), NOW.after(minutes(65)), HOUR));
        assert!(!within(NOW, NOW.after(minutes(6)), NOW.after(minutes(60)), HOUR), "begins too far in the future");
        assert!(!within(NOW, NOW, NOW.after(minutes(66)), HOUR), "ends too far in the future");
    }

    #[test]
    fn what_is_longer_than_the_policy_allows_is_over_for_good() {
        let day = HOUR * 24;
        for hours in 0..24 {
            assert!(!within(NOW.after(HOUR * hours), NOW, NOW.after(day), HOUR * 8), "after {hours} h");
        }
    }

    #[test]
    fn extremes_saturate() {
        assert_eq!(Timestamp(i64::MAX).after(Duration::MAX), Timestamp(i64::MAX));
        assert_eq!(Timestamp(i64::MIN).since(Timestamp(i64::MAX)), Duration::ZERO);
        assert_eq!(
            Timestamp(i64::MAX).since(Timestamp(i64::MIN)),
            Duration::from_millis(u64::try_from(i64::MAX).unwrap_or(0))
        );
        assert_eq!(Timestamp(i64::MAX).to_string(), "9223372036854775807 ms");
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00Z");
    }
}
