//! Two things measured turn about, and the table of what came of it. Not: what is compared.
//!
//! **Only ratios of one run are compared with a target: a busy machine slows both sides.**

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::How;

/// CPU time of the whole process so far, all its threads together; the time of day where the system tells no more.
pub(crate) fn cpu() -> Duration {
    #[cfg(unix)]
    {
        use rustix::time::{ClockId, clock_gettime};
        let spent = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(u64::try_from(spent.tv_sec).unwrap_or(0), u32::try_from(spent.tv_nsec).unwrap_or(0))
    }
    #[cfg(not(unix))]
    {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
}

/// CPU time of the process while `work` is done.
pub(crate) fn spent<T>(work: impl FnOnce() -> T) -> Duration {
    let before = cpu();
    black_box(work());
    cpu().saturating_sub(before)
}

/// Time of day while `work` is done.
pub(crate) fn lasted<T>(work: impl FnOnce() -> T) -> Duration {
    let before = Instant::now();
    black_box(work());
    before.elapsed()
}

/// Both sides of each round, the one that is judged first.
pub(crate) type Rounds = Vec<(Duration, Duration)>;

/// The medians of both sides, and of the ratio of each round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared {
    pub(crate) ours: Duration,
    pub(crate) other: Duration,
    pub(crate) ratio: f64,
}

/// Measures both once in each round, the first one second in the next: order alone decides two in a hundred.
pub(crate) fn turn_about(
    rounds: usize,
    mut ours: impl FnMut() -> Duration,
    mut other: impl FnMut() -> Duration,
) -> Rounds {
    let round = |round: usize| {
        if round.is_multiple_of(2) {
            let first = ours();
            (first, other())
        } else {
            let first = other();
            (ours(), first)
        }
    };
    (0..rounds).map(round).collect()
}

impl Compared {
    pub(crate) fn of(rounds: &[(Duration, Duration)]) -> Self {
        let mut ratios: Vec<f64> = rounds.iter().map(|(ours, other)| ratio(*ours, *other)).collect();
        ratios.sort_by(f64::total_cmp);
        Self {
            ours: median(rounds.iter().map(|(ours, _)| *ours)),
            other: median(rounds.iter().map(|(_, other)| *other)),
            ratio: ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN),
        }
    }
}

/// The quotient; a time too short to be told counts as a nanosecond.
pub(crate) fn ratio(of: Duration, to: Duration) -> f64 {
    of.div_duration_f64(to.max(Duration::from_nanos(1)))
}

pub(crate) fn median(times: impl IntoIterator<Item = Duration>) -> Duration {
    percentile(times, 50)
}

pub(crate) fn percentile(times: impl IntoIterator<Item = Duration>, percent: usize) -> Duration {
    let mut times: Vec<Duration> = times.into_iter().collect();
    times.sort_unstable();
    times.get(times.len() * percent / 100).copied().unwrap_or_default()
}

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// Between one over this and this.
    Within(f64),
    /// It is told, and nothing asked of it.
    None,
}

impl Target {
    fn is_met_by(self, figure: f64) -> bool {
        match self {
            Self::AtMost(most) => figure <= most,
            Self::AtLeast(least) => figure >= least,
            Self::Within(factor) => (1.0 / factor..=factor).contains(&figure),
            Self::None => true,
        }
    }

    fn shown(self) -> String {
        match self {
            Self::AtMost(most) => format!("<= {most}"),
            Self::AtLeast(least) => format!(">= {least}"),
            Self::Within(factor) => format!("1 ± {:.2}", factor - 1.0),
            Self::None => "-".to_owned(),
        }
    }
}

/// A line for each figure, printed as it comes: what it is, the figure, its target, whether it is met, and out of what.
/// Prints nothing when all is only tried once: those figures mean nothing.
pub(crate) struct Table {
    printed: bool,
}

const NAMES: usize = 56;

impl Table {
    pub(crate) fn titled(title: &str) -> Self {
        let printed = How::asked() == How::Fully;
        if printed {
            println!("\n{title}");
            println!("{:<NAMES$} {:>9}  {:<9} {:<4} of", "", "figure", "target", "met");
        }
        Self { printed }
    }

    pub(crate) fn line(&self, name: &str, figure: f64, target: Target, of: &str) {
        let met = match target {
            Target::None => "",
            _ if target.is_met_by(figure) => "yes",
            _ => "NO",
        };
        if self.printed {
            println!("{name:<NAMES$} {figure:>9.3}  {:<9} {met:<4} {of}", target.shown());
        }
    }

    pub(crate) fn ratio(&self, name: &str, rounds: &[(Duration, Duration)], target: Target) {
        let compared = Compared::of(rounds);
        self.line(name, compared.ratio, target, &format!("{:.2?} to {:.2?}", compared.ours, compared.other));
    }
}
