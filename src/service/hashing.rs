//! The bounded pool of threads that hash. Not: what is hashed, or why.
//!
//! **Memory and waiting are bounded whatever is asked: who finds no place is refused at once, before any look-up.**

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::entropy::{Entropy, EntropyError};
use crate::error::Error;
use crate::flow::{Ran, Run};
use crate::password::hash::{HashCost, HashError, Hasher, SALT_BYTES, needs_renewal};
use crate::secret::Password;

/// Threads, each with the memory of one hash, and a queue in front of them.
pub(crate) struct HashPool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
    registering: Arc<AtomicUsize>,
    longest_wait: Duration,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    places: Arc<AtomicUsize>,
    capacity: usize,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

/// Who asks for a place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Holds at most half of the places, so that a flood of registrations leaves room for logins.
    Registration,
    Other,
}

/// A place in the queue. It belongs to the caller and the job together: a caller that goes away does not free it while its
/// job is still there.
#[derive(Clone)]
pub(crate) struct Permit(
    #[allow(dead_code, reason = "held, never read: dropping the last one frees the places")] Arc<[Place]>,
);

/// One counted place, given back when dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(count: &Arc<AtomicUsize>, capacity: usize) -> Option<Self> {
        let below = |taken: usize| (taken < capacity).then_some(taken + 1);
        count.fetch_update(Ordering::AcqRel, Ordering::Acquire, below).ok()?;
        Some(Self(Arc::clone(count)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

struct Job {
    run: Run,
    password: Password,
    deadline: Instant,
    reply: oneshot::Sender<Result<Ran, RunError>>,
    permit: Permit,
}

/// Why a run came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    Memory(#[from] HashError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    #[error("a password hash took too long to begin")]
    Late,
    #[error("hashing panicked")]
    Panicked,
    #[error("the service is shutting down")]
    Closed,
}

/// After this long a queue that was full has room again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

impl HashPool {
    /// Starts the threads. Fails if the system gives none.
    pub(crate) fn start(
        threads: usize,
        waiting: usize,
        longest_wait: Duration,
        cost: HashCost,
        entropy: &Arc<dyn Entropy>,
    ) -> std::io::Result<Self> {
        let pool = Self {
            shared: Arc::new(Shared {
                queue: Mutex::default(),
                wake: Condvar::new(),
                places: Arc::default(),
                capacity: threads + waiting,
            }),
            threads: Mutex::default(),
            registering: Arc::default(),
            longest_wait,
        };
        for number in 0..threads {
            let (shared, entropy) = (Arc::clone(&pool.shared), Arc::clone(entropy));
            let thread = thread::Builder::new()
                .name(format!("acceso-hash-{number}"))
                .spawn(move || shared.work(Hasher::new(cost), &*entropy))?;
            pool.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(pool)
    }

    /// A place, or `Busy`. Costs nothing but a count.
    pub(crate) fn admit(&self, admission: Admission) -> Result<Permit, Error> {
        let busy = || Error::Busy { retry_after: RETRY_AFTER };
        let place = Place::take(&self.shared.places, self.shared.capacity).ok_or_else(busy)?;
        if admission == Admission::Other {
            return Ok(Permit(Arc::new([place])));
        }
        let half = (self.shared.capacity / 2).max(1);
        let registering = Place::take(&self.registering, half).ok_or_else(busy)?;
        Ok(Permit(Arc::new([place, registering])))
    }

    /// Runs once a thread is free. Dropping the future leaves the run undone, if it has not begun.
    pub(crate) async fn run(&self, permit: &Permit, run: Run, password: &Password) -> Result<Ran, RunError> {
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + self.longest_wait;
        let job = Job { run, password: password.share(), deadline, reply, permit: permit.clone() };
        self.shared.submit(job)?;
        answer.await.unwrap_or(Err(RunError::Closed))
    }

    /// Tells the threads to end. What waits is answered with an error.
    pub(crate) fn close(&self) {
        let mut queue = self.shared.lock();
        queue.closed = true;
        let waiting = std::mem::take(&mut queue.jobs);
        drop(queue);
        self.shared.wake.notify_all();
        for job in waiting {
            let _ = job.reply.send(Err(RunError::Closed));
        }
    }

    /// Waits until the threads have ended. Blocks.
    pub(crate) fn join(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A worker catches the panics of its jobs, so its end tells nothing.
            let _ = thread.join();
        }
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(&self, job: Job) -> Result<(), RunError> {
        let mut queue = self.lock();
        if queue.closed {
            return Err(RunError::Closed);
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            match queue.jobs.pop_front() {
                Some(job) => return Some(job),
                None if queue.closed => return None,
                None => queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn work(&self, mut hasher: Hasher, entropy: &dyn Entropy) {
        while let Some(job) = self.next() {
            if job.reply.is_closed() {
                continue;
            }
            if Instant::now() > job.deadline {
                let _ = job.reply.send(Err(RunError::Late));
                continue;
            }
            let ran = catch_unwind(AssertUnwindSafe(|| carry_out(&mut hasher, &job.run, &job.password, entropy)));
            // The password is wiped and the place is free before the caller goes on.
            let Job { reply, password, permit, .. } = job;
            drop((password, permit));
            let _ = reply.send(ran.unwrap_or(Err(RunError::Panicked)));
        }
    }
}

fn carry_out(hasher: &mut Hasher, run: &Run, password: &Password, entropy: &dyn Entropy) -> Result<Ran, RunError> {
    let fresh_hash = |hasher: &mut Hasher| -> Result<_, RunError> {
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt)?;
        Ok(Some(hasher.hash(password, &salt)?))
    };
    let nothing = Ran { matched: false, corrupt: false, hash: None };
    match run {
        Run::Dummy => {
            hasher.dummy(password)?;
            Ok(nothing)
        }
        Run::Hash { .. } => Ok(Ran { hash: fresh_hash(hasher)?, ..nothing }),
        Run::Verify { stored, renew, .. } => {
            let verdict = hasher.verify(password, stored)?;
            let renews = *renew && verdict.matched && needs_renewal(stored, hasher.cost());
            let hash = if renews { fresh_hash(hasher)? } else { None };
            Ok(Ran { matched: verdict.matched, corrupt: verdict.corrupt, hash })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;
    use crate::flow::Typed;

    fn pool(threads: usize, waiting: usize) -> HashPool {
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        HashPool::start(threads, waiting, Duration::from_secs(10), HashCost::FOR_TESTS, &entropy).expect("threads")
    }

    const HASH: Run = Run::Hash { typed: Typed::Password };

    #[tokio::test]
    async fn a_run_is_answered() {
        let pool = pool(1, 0);
        let permit = pool.admit(Admission::Other).expect("room");
        let stored = pool.run(&permit, HASH, &"clave".into()).await.expect("a hash").hash.expect("a hash");
        let verify = |text: &'static str| {
            let run = Run::Verify { stored: stored.clone(), typed: Typed::Password, renew: true };
            let (pool, permit) = (&pool, &permit);
            async move { pool.run(permit, run, &text.into()).await.map(|ran| (ran.matched, ran.hash.is_some())) }
        };
        assert_eq!(verify("clave").await, Ok((true, false)));
        assert_eq!(verify("otra").await, Ok((false, false)));
    }

    #[tokio::test]
    async fn who_finds_no_place_is_refused_at_once_and_places_come_back() {
        let pool = pool(1, 1);
        let first = pool.admit(Admission::Other).expect("room");
        let second = pool.admit(Admission::Other).expect("room");
        assert!(matches!(pool.admit(Admission::Other), Err(Error::Busy { retry_after }) if retry_after == RETRY_AFTER));
        drop(first);
        assert!(pool.admit(Admission::Other).is_ok());
        drop(second);
    }

    #[test]
    fn registrations_hold_at_most_half() {
        let pool = pool(1, 3);
        let registrations: Vec<_> = (0..4).map_while(|_| pool.admit(Admission::Registration).ok()).collect();
        assert_eq!(registrations.len(), 2);
        assert!(pool.admit(Admission::Other).is_ok());
    }

    /// Tells that it was asked, and waits for a sign.
    struct Gate(Mutex<(std::sync::mpsc::Sender<()>, std::sync::mpsc::Receiver<()>)>);
    impl Entropy for Gate {
        fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
            let gate = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            gate.0.send(()).map_err(|_| EntropyError)?;
            gate.1.recv().map_err(|_| EntropyError)
        }
    }

    #[tokio::test]
    async fn a_place_belongs_to_the_job_too() {
        // The one thread is kept busy by a job that waits for our sign.
        let (started, begun) = std::sync::mpsc::channel();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let entropy: Arc<dyn Entropy> = Arc::new(Gate(Mutex::new((started, wait))));
        let pool = HashPool::start(1, 0, Duration::from_secs(10), HashCost::FOR_TESTS, &entropy).expect("threads");
        let permit = pool.admit(Admission::Other).expect("room");
        let password = Password::from("clave");
        let mut run = Box::pin(pool.run(&permit, HASH, &password));
        assert!(poll_once(run.as_mut()).is_none());
        begun.recv().expect("the job began");
        drop(run);
        drop(permit);
        assert!(pool.admit(Admission::Other).is_err(), "the job still holds its place");
        go.send(()).expect("the job goes on");
        pool.close();
        pool.join();
        assert!(pool.admit(Admission::Other).is_ok(), "the place came back with the job's end");
    }

    fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn a_panic_in_a_run_costs_that_run_alone() {
        struct Panics;
        impl Entropy for Panics {
            fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
                panic!("no entropy today")
            }
        }
        let entropy: Arc<dyn Entropy> = Arc::new(Panics);
        let pool = HashPool::start(1, 0, Duration::from_secs(10), HashCost::FOR_TESTS, &entropy).expect("threads");
        let permit = pool.admit(Admission::Other).expect("room");
        assert_eq!(pool.run(&permit, HASH, &"x".into()).await.map(|_| ()), Err(RunError::Panicked));
        assert!(pool.run(&permit, Run::Dummy, &"x".into()).await.is_ok());
    }

    #[tokio::test]
    async fn a_run_past_its_deadline_is_dropped_unhashed() {
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let pool = HashPool::start(1, 0, Duration::ZERO, HashCost::FOR_TESTS, &entropy).expect("threads");
        let permit = pool.admit(Admission::Other).expect("room");
        assert_eq!(pool.run(&permit, HASH, &"x".into()).await.map(|_| ()), Err(RunError::Late));
    }

    #[tokio::test]
    async fn a_closed_pool_answers_those_who_wait_and_ends() {
        let pool = pool(2, 2);
        pool.close();
        pool.join();
        let permit = pool.admit(Admission::Other).expect("room");
        assert_eq!(pool.run(&permit, HASH, &"x".into()).await.map(|_| ()), Err(RunError::Closed));
    }
}
