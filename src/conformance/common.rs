//! What the checks of all three ports share: how one is listed, runs and fails. Not: any check.
//!
//! **A check ends by itself: it waits for answers of what it checks and for nothing else.**

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use tokio::sync::{Barrier, oneshot};

use crate::port::error::BoxError;

/// A boxed future of a check's own task, which need not move between threads.
pub(super) type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// A boxed task that is spawned.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What one of several parallel tasks does.
pub(super) type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How tasks are spawned: returns at once, and the task runs by itself.
pub(super) type Spawn = Arc<dyn Fn(Task) + Send + Sync>;

/// What a check found; the error says what.
pub(super) type Found = Result<(), BoxError>;

/// One named check over a subject, which is what the host wants checked and how.
pub struct Check<S: 'static> {
    pub(super) name: &'static str,
    pub(super) sentence: &'static str,
    pub(super) body: fn(S) -> LocalFuture<Found>,
}

impl<S> Check<S> {
    /// The check's name, the same as that of the test which the macro makes of it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The sentence of the contract that the check stands for.
    pub fn sentence(&self) -> &'static str {
        self.sentence
    }

    /// Runs it over a subject that no other check has used.
    ///
    /// # Errors
    /// [`Broken`], if the sentence does not hold.
    pub async fn run(&self, subject: S) -> Result<(), Broken> {
        let Self { name, sentence, body } = self;
        body(subject).await.map_err(|found| Broken { name, sentence, found })
    }
}

impl<S> fmt::Debug for Check<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("name", &self.name).field("sentence", &self.sentence).finish_non_exhaustive()
    }
}

/// A sentence of a contract that does not hold, and what was found instead.
pub struct Broken {
    name: &'static str,
    sentence: &'static str,
    found: BoxError,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the contract says “{}”, but {}", self.name, self.sentence, self.found)
    }
}

/// As shown: a test that returns an error prints its `Debug`.
impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Broken {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.found)
    }
}

/// The check of that name, for the tests that a macro makes.
pub(super) fn check_named<S>(checks: &'static [Check<S>], name: &str) -> &'static Check<S> {
    checks.iter().find(|check| check.name == name).expect("the macro and the list have one source")
}

/// Leaves the check with what was found, unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($found:tt)+) => {
        if !$holds {
            return Err(format!($($found)+).into());
        }
    };
}
pub(super) use ensure;

/// That two values are the same; `what` names them.
pub(super) fn same<T: PartialEq + fmt::Debug>(what: &str, found: &T, expected: &T) -> Found {
    ensure!(found == expected, "{what} is {found:?} instead of {expected:?}");
    Ok(())
}

/// Runs the future on this thread until it is done.
pub fn run_here<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// A thread for each task: the way for what needs no runtime.
pub(super) fn threads() -> Spawn {
    Arc::new(|task| {
        std::thread::spawn(move || run_here(task));
    })
}

/// Runs all tasks at once, each spawned, none beginning before the last one is ready to; returns what they gave, in
/// their order.
pub(super) async fn at_once<T: Send + 'static>(spawn: &Spawn, tasks: Vec<Work<T>>) -> Result<Vec<T>, BoxError> {
    let start = Arc::new(Barrier::new(tasks.len()));
    let answers: Vec<_> = tasks
        .into_iter()
        .map(|task| {
            let (answer, answered) = oneshot::channel();
            let start = Arc::clone(&start);
            spawn(Box::pin(async move {
                start.wait().await;
                // Nobody listens any more if the check has failed meanwhile.
                let _ = answer.send(task.await);
            }));
            answered
        })
        .collect();
    let mut given = Vec::with_capacity(answers.len());
    for answered in answers {
        given.push(answered.await.map_err(|_| "a task panicked or was thrown away")?);
    }
    Ok(given)
}

/// Polls the future at most so many times, then drops it; `None` if it was not done by then.
pub(super) async fn dropped_after<F: Future>(polls: u32, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = polls;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// A list of checks as data.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_list {
    ({} $($module:ident { $($name:ident: $sentence:literal,)* })*) => {
        /// Every check, in the order of the contract.
        pub const CHECKS: &[Check<Subject>] = &[$($(Check {
            name: stringify!($name),
            sentence: $sentence,
            body: |subject| Box::pin($module::$name(subject)),
        },)*)*];
    };
}

/// One test for each check of a list.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ({ [test] $run:path } $($module:ident { $($name:ident: $sentence:literal,)* })*) => {
        $($(
            #[test]
            fn $name() -> ::std::result::Result<(), $crate::conformance::Broken> {
                $crate::conformance::run_here($run(subject(), stringify!($name)))
            }
        )*)*
    };
    ({ $test:tt $run:path } $($module:ident { $($name:ident: $sentence:literal,)* })*) => {
        $($(
            # $test
            async fn $name() -> ::std::result::Result<(), $crate::conformance::Broken> {
                $run(subject(), stringify!($name)).await
            }
        )*)*
    };
}
