//! The check of a session over the store in memory, from a thousand sessions to a million, beside the same by hand: a
//! token parsed and digested, and two maps asked.
//!
//! **Both sides keep the same sessions of the same users, and are asked for them in the same scattered order.**
//!
//! With `ACCESO_CHART=file.svg` the growth is drawn too.

mod common;

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use acceso::{SessionToken, User, UserStore};

use common::by_hand::Sessions;
use common::clinic::{Clinic, username};
use common::compare::{Compared, Table, Target, spent, turn_about};
use common::{How, comparison, criterion};

/// As many as the portal's policy lets a user have.
const PER_USER: usize = 10;

fn main() {
    let how = How::asked();
    if how == How::List {
        single(&Filled::new(), 1_000);
        return comparison("session/compared", |_| ());
    }
    let mut filled = Filled::new();
    let sizes: &[usize] = if how == How::Fully { &[1_000, 10_000, 100_000, 1_000_000] } else { &[1_000] };
    let mut grown = Vec::new();
    for size in sizes {
        filled.fill_to(*size);
        single(&filled, *size);
        comparison("session/compared", |how| grown.push((*size, compared(how, &filled))));
    }
    comparison("session/compared", |_| tell(&grown));
}

/// A clinic and two maps with the same sessions.
struct Filled {
    clinic: Clinic,
    by_hand: Sessions<User>,
    tokens: Vec<[u8; 43]>,
}

impl Filled {
    fn new() -> Self {
        Self { clinic: Clinic::to_be_filled(), by_hand: Sessions::new(), tokens: Vec::new() }
    }

    fn fill_to(&mut self, sessions: usize) {
        let (from, to) = (self.tokens.len() / PER_USER, sessions / PER_USER);
        self.clinic.add_users(from, to);
        let clinic = &self.clinic;
        let find = |number| {
            let name = username(number).parse().expect("a name");
            let user = clinic.runtime.block_on(clinic.store.user_named(&name));
            Arc::new(user.expect("the store is there").expect("the user"))
        };
        let users: Vec<Arc<User>> = (from..to).map(find).collect();
        // One of each user, then another of each: the sessions of a user do not lie side by side.
        for _ in 0..PER_USER {
            for (number, token) in clinic.sign_in(from..to) {
                let user = &users[number - from];
                self.by_hand.insert(&token, user.id(), user);
                self.tokens.push(token.as_bytes().try_into().expect("43 characters"));
            }
        }
    }

    /// The tokens in an order that no cache foresees.
    fn scattered(&self) -> impl Iterator<Item = &str> {
        const STRIDE: usize = 7_368_787;
        let count = self.tokens.len().max(1);
        let at = (0..).scan(0, move |at, _: usize| {
            *at = (*at + STRIDE) % count;
            Some(*at)
        });
        at.map(|at| str::from_utf8(&self.tokens[at]).expect("a token is ASCII"))
    }

    fn check(&self, token: &str) {
        let token = SessionToken::parse(token).expect("a token");
        let mut check = std::pin::pin!(self.clinic.acceso.session(&token));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        // The store in memory never waits; a runtime would be measured with it.
        let std::task::Poll::Ready(Ok(Some(visitor))) = check.as_mut().poll(&mut context) else { panic!("no session") };
        black_box(visitor);
    }

    fn check_by_hand(&self, token: &str) {
        black_box(self.by_hand.check(token).expect("a session"));
    }
}

fn single(filled: &Filled, size: usize) {
    let mut criterion = criterion().sample_size(50).measurement_time(Duration::from_secs(3));
    let mut group = criterion.benchmark_group(format!("session/check/{size}"));
    let (mut ours, mut by_hand) = (filled.scattered(), filled.scattered());
    group.bench_function("memory", |b| b.iter(|| filled.check(ours.next().expect("endless"))));
    group.bench_function("by_hand", |b| b.iter(|| filled.check_by_hand(by_hand.next().expect("endless"))));
    group.finish();
    criterion.final_summary();
}

/// Nanoseconds of one check, by us and by hand, and their ratio.
fn compared(how: How, filled: &Filled) -> (f64, f64, f64) {
    let times = how.times(20_000);
    // One order for both, so that neither finds in the cache what the other left there; the records are their own.
    let (mut first, mut second) = (filled.scattered(), filled.scattered());
    let rounds = turn_about(
        how.times(201),
        || spent(|| first.by_ref().take(times).for_each(|token| filled.check(token))),
        || spent(|| second.by_ref().take(times).for_each(|token| filled.check_by_hand(token))),
    );
    let Compared { ours, other, ratio } = Compared::of(&rounds);
    let each = |time: Duration| time.as_secs_f64() * 1e9 / f64::from(u32::try_from(times).unwrap_or(1));
    (each(ours), each(other), ratio)
}

fn tell(grown: &[(usize, (f64, f64, f64))]) {
    let table = Table::titled("The check of a session in memory : by hand");
    for (size, (ours, by_hand, ratio)) in grown {
        table.line(
            &format!("{size} sessions"),
            *ratio,
            Target::AtMost(2.0),
            &format!("{ours:.0} ns to {by_hand:.0} ns"),
        );
    }
    if let (Some((_, (first, ..))), Some((_, (last, ..))), true) = (grown.first(), grown.last(), grown.len() > 1) {
        table.line("growth from the fewest to the most", last / first, Target::None, "the cost of one check");
    }
    if let Some(file) = std::env::var_os("ACCESO_CHART") {
        std::fs::write(file, chart(grown)).expect("a file that can be written");
    }
}

/// The cost of a check over the number of sessions, which grows tenfold from mark to mark.
fn chart(grown: &[(usize, (f64, f64, f64))]) -> String {
    let (left, top, width, height) = (60.0, 40.0, 480.0, 220.0);
    let most = grown.iter().map(|(_, (ours, by_hand, _))| ours.max(*by_hand)).fold(100.0, f64::max);
    let highest = (most / 200.0).ceil() * 200.0;
    let across = |at: usize| left + width * f64::from(u32::try_from(at).unwrap_or(0)) / 3.0;
    let up = |nanos: f64| top + height * (1.0 - nanos / highest);
    let mut svg = String::from(concat!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 320" font-family="sans-serif" font-size="12">"#,
        r##"<rect width="640" height="320" fill="#fff"/><text x="60" y="20">The check of a session in memory, ns</text>"##,
    ));
    for quarter in 0..=4 {
        let nanos = highest * f64::from(quarter) / 4.0;
        let y = up(nanos);
        let _ = write!(svg, r##"<path d="M{left} {y:.1}h{width}" stroke="#ddd"/>"##);
        let _ = write!(svg, r#"<text x="{:.0}" y="{:.1}" text-anchor="end">{nanos:.0}</text>"#, left - 6.0, y + 4.0);
    }
    for (at, (size, _)) in grown.iter().enumerate() {
        let (x, y) = (across(at), top + height + 20.0);
        let _ = write!(svg, r#"<text x="{x:.0}" y="{y:.0}" text-anchor="middle">{size}</text>"#);
    }
    let _ = write!(svg, r#"<text x="300" y="308" text-anchor="middle">sessions</text>"#);
    for (name, colour, ours) in [("acceso", "#06c", true), ("by hand", "#888", false)] {
        let points: Vec<(f64, f64)> = grown
            .iter()
            .enumerate()
            .map(|(at, (_, (us, hand, _)))| (across(at), up(if ours { *us } else { *hand })))
            .collect();
        let line: String = points.iter().fold(String::new(), |line, (x, y)| format!("{line} {x:.1},{y:.1}"));
        let _ = write!(svg, r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#, line.trim());
        if let Some((x, y)) = points.last() {
            let _ = write!(svg, r#"<text x="{:.0}" y="{:.1}" fill="{colour}">{name}</text>"#, x + 8.0, y + 4.0);
        }
    }
    svg + "</svg>\n"
}
