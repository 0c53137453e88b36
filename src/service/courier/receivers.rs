//! Which addresses this courier has found slow. Not: what became of a mail; another courier finds out for itself.
//!
//! **One address holds at most half of the places. All that were slow in the last hour hold a quarter together, each of
//! them one, and after a pause if it took nothing.**

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{CLOCK_SKEW, Timestamp};
use crate::flow::delivery::Sent;
use crate::identity::EmailAddress;
use crate::policy::MailPolicy;

/// Whoever takes longer than this part of a lease is slow: ten seconds of five minutes.
const SLOW_PART: u32 = 30;

/// How long an address stays among the slow ones after it was slow, or had to wait for that: so that none buys its places
/// back with one quick answer, or by waiting in a crowd of its kind.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// So many slow addresses are kept at most: of a mail server that is slow to all, there is nothing to learn.
const MOST_KEPT: usize = 1_000;

/// Who is being sent to, and who was slow.
pub(super) struct Receivers {
    policy: MailPolicy,
    known: Mutex<HashMap<EmailAddress, Receiver>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Receiver {
    under_way: u16,
    /// How often in a row it was slow, and did not take the mail.
    in_vain: u32,
    /// When it was slow last.
    slow_at: Option<Timestamp>,
    /// When it was slow last, or had to wait.
    noted_at: Option<Timestamp>,
}

/// A mail to one address may be sent while this lives.
pub(super) struct Seat<'a> {
    receivers: &'a Receivers,
    to: EmailAddress,
}

impl Receiver {
    /// As it counts now: what was long ago is forgotten, and what a clock wrote that has gone back since.
    fn at(self, now: Timestamp) -> Self {
        let lately = |at: &Timestamp| now.since(*at) < REMEMBERED && at.since(now) <= CLOCK_SKEW;
        match self.noted_at.filter(lately) {
            Some(_) => self,
            None => Self { under_way: self.under_way, ..Self::default() },
        }
    }
}

impl Receivers {
    pub(super) fn of(policy: MailPolicy) -> Self {
        Self { policy, known: Mutex::default() }
    }

    /// A seat, unless the address holds as many as it may.
    pub(super) fn enter(&self, to: &EmailAddress, now: Timestamp) -> Option<Seat<'_>> {
        let mut known = self.known();
        let receiver = known.get(to).map(|receiver| receiver.at(now)).unwrap_or_default();
        let most = match receiver.slow_at {
            None => (self.policy.parallel_sends / 2).max(1),
            Some(at) if self.pauses(receiver.in_vain, at, now) => 0,
            Some(_) if slow_under_way(&known) >= (self.policy.parallel_sends / 4).max(1) => 0,
            Some(_) => 1,
        };
        if receiver.under_way >= most {
            if let Some(noted) = known.get_mut(to).filter(|_| receiver.slow_at.is_some()) {
                noted.noted_at = Some(now);
            }
            return None;
        }
        known.insert(to.clone(), Receiver { under_way: receiver.under_way + 1, ..receiver });
        Some(Seat { receivers: self, to: to.clone() })
    }

    /// Half of the longest pause that the mail itself makes, so that only an address's other mails wait for this one.
    fn pauses(&self, in_vain: u32, slow_at: Timestamp, now: Timestamp) -> bool {
        let Some(doublings) = in_vain.checked_sub(1) else { return false };
        let doubled = self.policy.retry_first.saturating_mul(2_u32.saturating_pow(doublings));
        now.since(slow_at) < doubled.min(self.policy.retry_longest) / 2
    }

    fn is_slow(&self, took: Duration) -> bool {
        took >= self.policy.lease / SLOW_PART
    }

    fn known(&self) -> MutexGuard<'_, HashMap<EmailAddress, Receiver>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn slow_under_way(known: &HashMap<EmailAddress, Receiver>) -> u16 {
    known.values().filter(|receiver| receiver.slow_at.is_some()).map(|receiver| receiver.under_way).sum()
}

impl Seat<'_> {
    /// After the mailer has answered, or was waited for in vain.
    pub(super) fn leave(self, sent: Sent, begun: Timestamp, now: Timestamp) {
        let mut known = self.receivers.known();
        if known.len() >= MOST_KEPT {
            known.retain(|_, receiver| receiver.under_way > 0 || receiver.at(now).slow_at.is_some());
        }
        let is_slow = self.receivers.is_slow(now.since(begun)) && known.len() < MOST_KEPT;
        if let Some(receiver) = known.get_mut(&self.to) {
            receiver.in_vain = if is_slow && sent == Sent::Later { receiver.in_vain.saturating_add(1) } else { 0 };
            if is_slow {
                (receiver.slow_at, receiver.noted_at) = (Some(now), Some(now));
            }
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut known = self.receivers.known();
        if let Some(receiver) = known.get_mut(&self.to) {
            receiver.under_way = receiver.under_way.saturating_sub(1);
            if receiver.under_way == 0 && receiver.slow_at.is_none() {
                known.remove(&self.to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn receivers() -> Receivers {
        Receivers::of(Policy::portal().mail)
    }

    fn address(text: &str) -> EmailAddress {
        text.parse().expect("an address")
    }

    #[test]
    fn one_address_holds_half_of_the_places_in_whatever_letters() {
        let receivers = receivers();
        let (lower, upper) = (address("ana@example.org"), address("ANA@example.org"));
        let mut seats: Vec<_> = (0..4).map(|_| receivers.enter(&lower, NOW).expect("a seat")).collect();
        assert!(receivers.enter(&upper, NOW).is_none());
        assert!(receivers.enter(&address("bea@example.org"), NOW).is_some());
        seats.pop();
        assert!(receivers.enter(&upper, NOW).is_some());
        drop(seats);
        assert!(receivers.known().is_empty(), "who answers is forgotten");
    }

    #[test]
    fn who_was_slow_waits_longer_and_longer_and_holds_one_place_for_an_hour() {
        let receivers = receivers();
        let ana = address("ana@example.org");
        let mut now = NOW;
        for pause in [15, 30, 60, 120, 240, 450, 450] {
            let late = now.after(MINUTE);
            receivers.enter(&ana, now).expect("a seat").leave(Sent::Later, now, late);
            let over = late.after(Duration::from_secs(pause));
            assert!(receivers.enter(&ana, Timestamp::from_millis(over.as_millis() - 1)).is_none(), "{pause}");
            let seat = receivers.enter(&ana, over).expect("a seat after the pause");
            assert!(receivers.enter(&ana, over).is_none(), "a second one");
            drop(seat);
            now = over;
        }
        receivers.enter(&ana, now).expect("a seat").leave(Sent::Handed, now, now);
        // Some have to wait at each of these moments, and so it is not forgotten in between.
        for (minutes, seats) in [(0, 1), (52, 1), (111, 1), (171, 4)] {
            let at = now.after(minutes * MINUTE);
            let entered: Vec<_> = (0..8).filter_map(|_| receivers.enter(&ana, at)).collect();
            assert_eq!(entered.len(), seats, "without a pause, after {minutes} minutes");
        }
    }

    #[test]
    fn those_that_were_slow_hold_a_quarter_of_the_places_together() {
        let receivers = receivers();
        let slow: Vec<_> = (0..5).map(|number| address(&format!("lento{number}@example.org"))).collect();
        for to in &slow {
            receivers.enter(to, NOW).expect("a seat").leave(Sent::Later, NOW, NOW.after(MINUTE));
        }
        let now = NOW.after(5 * MINUTE);
        let seats: Vec<_> = slow.iter().filter_map(|to| receivers.enter(to, now)).collect();
        assert_eq!(seats.len(), 2);
        assert!(receivers.enter(&address("ana@example.org"), now).is_some());
    }

    #[test]
    fn who_takes_a_mail_slowly_holds_one_place_without_a_pause() {
        let receivers = receivers();
        let ana = address("ana@example.org");
        let late = NOW.after(MINUTE);
        receivers.enter(&ana, NOW).expect("a seat").leave(Sent::Handed, NOW, late);
        let seat = receivers.enter(&ana, late).expect("a seat at once");
        assert!(receivers.enter(&ana, late).is_none(), "a second one");
        drop(seat);
        let bea = address("bea@example.org");
        receivers.enter(&bea, NOW).expect("a seat").leave(Sent::Handed, NOW, NOW.after(Duration::from_secs(9)));
        let seats: Vec<_> = (0..8).filter_map(|_| receivers.enter(&bea, late)).collect();
        assert_eq!(seats.len(), 4, "nine seconds are not slow");
    }

    #[test]
    fn a_clock_that_goes_back_ends_the_pause() {
        let receivers = receivers();
        let ana = address("ana@example.org");
        receivers.enter(&ana, NOW).expect("a seat").leave(Sent::Later, NOW, NOW.after(MINUTE));
        assert!(receivers.enter(&ana, Timestamp::from_millis(NOW.as_millis() - 3_600_000)).is_some());
    }

    #[test]
    fn no_more_addresses_are_kept_than_a_thousand() {
        let receivers = receivers();
        for number in 0..3_000 {
            let to = address(&format!("paciente{number}@example.org"));
            receivers.enter(&to, NOW).expect("a seat").leave(Sent::Later, NOW, NOW.after(MINUTE));
        }
        assert!(receivers.known().len() <= MOST_KEPT);
        let (ana, later) = (address("ana@example.org"), NOW.after(61 * MINUTE));
        receivers.enter(&ana, later).expect("a seat").leave(Sent::Later, later, later.after(MINUTE));
        assert_eq!(receivers.known().len(), 1, "the old ones make room");
    }
}
