//! Passwords, what wrong ones lead to, how a forgotten one is recovered, and what hashing may cost.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry, MemoryStore};
use acceso::test_util::{SeededEntropy, cheap_hashing};
use acceso::{
    Acceso, Client, Entropy, EntropyError, Error, Fault, Field, HashCost, LockDuration, Login, LoginForm, MailPurpose,
    PasswordChange, PasswordChoice, PasswordChoiceForm, Policy, Recovery, RecoveryConfirmation, Registering,
    RegistrationForm, Rule, Stay,
};

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal, token};
use crate::spy::{Watched, document, poll_once, user};
use crate::{DAY, HOUR, MINUTE, SECOND, around, portal};

/// `password.min_length`: how many characters are too few.
#[tokio::test]
async fn the_least_length_is_the_policys() {
    for (least, typed, good) in [(8, "Mburucu1", true), (9, "Mburucu1", false), (9, "Mburucuy1", true)] {
        let portal = Portal::with(portal(|policy| policy.password.min_length = least));
        let answer = portal.register(ANA, "anapena", typed).await;
        let short = Registering::Invalid(vec![Fault::new(Field::Password, Rule::TooShort(least))]);
        assert_eq!(answer == short, !good, "{typed} {answer:?}");
        assert_eq!(matches!(answer, Registering::Accepted(_)), good, "{typed} {answer:?}");
    }
}

/// `password.character_classes`: whether length alone is enough.
#[tokio::test]
async fn classes_are_asked_for_only_where_the_policy_has_them() {
    for classes in [true, false] {
        let portal = Portal::with(portal(|policy| policy.password.character_classes = classes));
        let answer = portal.register(ANA, "anapena", "caballo correcto").await;
        let of = |rule| Fault::new(Field::Password, rule);
        if classes {
            assert_eq!(answer, Registering::Invalid(vec![of(Rule::NoUppercase), of(Rule::NoDigit)]));
        } else {
            assert!(matches!(answer, Registering::Accepted(_)), "{answer:?}");
        }
    }
}

/// `hash_cost.memory_kib` and `hash_cost.passes`: what a new hash is made at, and an older one is renewed to.
#[tokio::test]
async fn hashes_are_made_at_the_policys_cost_and_renewed_to_it_at_the_next_login() {
    let cost = |memory, passes| portal(|policy| policy.hash_cost = HashCost::new(memory, passes).expect("strong"));
    let mut watched = Watched::of(cost(19_456, 2));
    watched.portal.user(ANA, "anapena", PASSWORD).await;
    let store = Arc::clone(&watched.portal.store);
    let made_at = || async {
        let kept = document(&user(&store, "anapena").await);
        let hash = kept["credential"]["chosen"]["hash"].as_str().expect("a hash").to_owned();
        hash.split('$').nth(3).map(str::to_owned)
    };
    assert_eq!(made_at().await.as_deref(), Some("m=19456,t=2,p=1"));
    for (memory, passes, shown) in [(19_456, 3, "m=19456,t=3,p=1"), (20_480, 3, "m=20480,t=3,p=1")] {
        let (acceso, _courier) = watched.beside(cost(memory, passes));
        let login = acceso.login(LoginForm::new("anapena", PASSWORD), Stay::Session, &Client::unknown()).await;
        assert!(matches!(login, Ok(Login::SignedIn(_))), "{login:?}");
        assert_eq!(made_at().await.as_deref(), Some(shown));
    }
}

/// `lockout.threshold`: how many wrong passwords lock.
#[tokio::test]
async fn as_many_wrong_passwords_as_the_policy_says_lock() {
    for (threshold, wrong, locked) in [(3, 2, false), (3, 3, true), (4, 3, false), (4, 4, true)] {
        let mut portal = Portal::with(portal(|policy| policy.lockout.threshold = threshold));
        portal.user(ANA, "anapena", PASSWORD).await;
        for _ in 0..wrong {
            assert!(matches!(portal.login("anapena", "Equivocada 1").await, Login::Rejected));
        }
        assert_eq!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected), locked, "{threshold} {wrong}");
    }
}

/// Whether the right password is still refused so long after the last of that many wrong ones. Each beyond the threshold
/// comes a day after the one before, when no lock with an end is left.
async fn is_locked(policy: &Policy, wrong: u16, after: Duration) -> bool {
    let mut portal = Portal::with(policy.clone());
    portal.user(ANA, "anapena", PASSWORD).await;
    for number in 1..=wrong {
        if number > policy.lockout.threshold {
            portal.clock.advance(DAY);
        }
        assert!(matches!(portal.login("anapena", "Equivocada 1").await, Login::Rejected));
    }
    portal.clock.advance(after);
    matches!(portal.login("anapena", PASSWORD).await, Login::Rejected)
}

/// `lockout.duration`: until recovery, or for a time.
#[tokio::test]
async fn a_lock_lasts_as_long_as_the_policy_says() {
    assert!(is_locked(&Policy::portal(), 5, 1_000 * DAY).await);
    for minutes in [10, 20] {
        let fixed = portal(|policy| policy.lockout.duration = LockDuration::Fixed(minutes * MINUTE));
        for (after, locked) in around(minutes * MINUTE) {
            assert_eq!(is_locked(&fixed, 5, after).await, locked, "{minutes} minutes, {after:?}");
        }
    }
}

/// A fixed lock that is over begins anew, and what is typed during a lock does not make it longer.
#[tokio::test]
async fn after_a_fixed_lock_the_count_starts_anew_and_locks_again() {
    let mut portal = Portal::with(portal(|policy| policy.lockout.duration = LockDuration::Fixed(10 * MINUTE)));
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.lock("anapena").await;
    portal.clock.advance(9 * MINUTE);
    assert!(matches!(portal.login("anapena", "Equivocada 1").await, Login::Rejected));
    portal.clock.advance(MINUTE);
    for _ in 0..4 {
        assert!(matches!(portal.login("anapena", "Equivocada 1").await, Login::Rejected));
    }
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::SignedIn(_)), "four do not lock");
    portal.lock("anapena").await;
    assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected), "five do, again");
}

fn doubling(first: Duration, longest: Duration, hard_limit: u16) -> Policy {
    portal(|policy| {
        policy.lockout.threshold = 3;
        policy.lockout.duration = LockDuration::Doubling { first, longest, hard_limit };
    })
}

/// `lockout.duration.first` and `lockout.duration.longest`: the delay after the wrong password that locks, and the most it
/// doubles to.
#[tokio::test]
async fn a_growing_delay_begins_with_the_first_and_doubles_up_to_the_longest() {
    for (first, longest, delays) in [(2, 60, [2, 4, 8]), (3, 60, [3, 6, 12]), (2, 5, [2, 4, 5])] {
        let policy = doubling(first * SECOND, longest * SECOND, 100);
        for (wrong, delay) in (3..).zip(delays) {
            for (after, locked) in around(delay * SECOND) {
                assert_eq!(is_locked(&policy, wrong, after).await, locked, "{wrong} wrong, {after:?} after");
            }
        }
    }
}

/// `lockout.duration.hard_limit`: how many wrong passwords in a row lock until recovery all the same.
#[tokio::test]
async fn a_growing_delay_ends_in_a_lock_until_recovery() {
    for (hard_limit, wrong, locked) in [(5, 4, false), (5, 5, true), (6, 5, false), (6, 6, true)] {
        let policy = doubling(SECOND, MINUTE, hard_limit);
        assert_eq!(is_locked(&policy, wrong, 1_000 * DAY).await, locked, "{hard_limit} {wrong}");
    }
    let mut portal = Portal::with(doubling(SECOND, MINUTE, 5));
    portal.user(ANA, "anapena", PASSWORD).await;
    for _ in 0..5 {
        portal.clock.advance(DAY);
        assert!(matches!(portal.login("anapena", "Equivocada 1").await, Login::Rejected));
    }
    portal.mails().await;
    let temporary = portal.temporary_password(ANA, "anapena").await;
    assert!(matches!(portal.login("anapena", &temporary).await, Login::MustChangePassword(_)), "recovery ends it");
}

async fn choose(portal: &Portal, token: &str) -> PasswordChoice {
    let form = PasswordChoiceForm { token: token.into(), new: NEW_PASSWORD.into(), repeated: NEW_PASSWORD.into() };
    portal.acceso.choose_password(form, &portal.client).await.expect("the store is there")
}

/// `recovery`: a temporary password, or the person's own choice on the page of the link. Each of the two ways answers
/// `LinkInvalid` under the other policy and uses nothing up.
#[tokio::test]
async fn recovery_goes_the_way_of_the_policy_and_no_other() {
    for recovery in [Policy::portal().recovery, Recovery::ChoosePassword] {
        let mut portal = Portal::with(portal(|policy| policy.recovery = recovery));
        portal.user(ANA, "anapena", PASSWORD).await;
        let _ = portal.recover_password(ANA, "anapena").await;
        let mail = portal.mail(MailPurpose::ConfirmRecovery).await;
        if recovery == Recovery::ChoosePassword {
            assert_eq!(portal.confirm_recovery(&token(&mail)).await, RecoveryConfirmation::LinkInvalid);
            assert_eq!(choose(&portal, &token(&mail)).await, PasswordChoice::Changed);
            portal.mail(MailPurpose::PasswordChanged).await;
            assert!(matches!(portal.login("anapena", NEW_PASSWORD).await, Login::SignedIn(_)));
        } else {
            assert_eq!(choose(&portal, &token(&mail)).await, PasswordChoice::LinkInvalid);
            assert_eq!(portal.confirm_recovery(&token(&mail)).await, RecoveryConfirmation::Accepted);
            portal.mail(MailPurpose::TemporaryPassword).await;
        }
        assert!(matches!(portal.login("anapena", PASSWORD).await, Login::Rejected));
    }
}

/// `recovery.lifetime`: how long a temporary password is good.
#[tokio::test]
async fn a_temporary_password_is_good_for_as_long_as_the_policy_says() {
    for minutes in [10, 60] {
        let policy =
            portal(|policy| policy.recovery = Recovery::TemporaryPassword { lifetime: minutes * MINUTE, length: 16 });
        for (after, good) in around(minutes * MINUTE) {
            let mut portal = Portal::with(policy.clone());
            portal.user(ANA, "anapena", PASSWORD).await;
            let temporary = portal.temporary_password(ANA, "anapena").await;
            portal.clock.advance(after);
            let login = portal.login("anapena", &temporary).await;
            assert_eq!(matches!(login, Login::MustChangePassword(_)), good, "{minutes} minutes, {after:?}");
        }
    }
}

/// Also one that was made under another policy: what she was mailed is no less good because the clinic now lets people
/// choose on the page of the link.
#[tokio::test]
async fn a_temporary_password_keeps_its_end_when_the_policy_makes_none_any_more() {
    for lifetime in [HOUR, DAY] {
        for (after, good) in around(lifetime) {
            let former = portal(|policy| policy.recovery = Recovery::TemporaryPassword { lifetime, length: 16 });
            let mut watched = Watched::with(former);
            watched.portal.user(ANA, "anapena", PASSWORD).await;
            let temporary = watched.portal.temporary_password(ANA, "anapena").await;
            let present = portal(|policy| policy.recovery = Recovery::ChoosePassword);
            (watched.portal.acceso, watched.portal.courier) = watched.beside(cheap_hashing(present));
            watched.portal.clock.advance(after);
            match watched.portal.login("anapena", &temporary).await {
                Login::MustChangePassword(session) if good => {
                    let answer = watched.portal.change(&session.token, "", NEW_PASSWORD).await;
                    assert!(matches!(answer, PasswordChange::Changed(_)), "{lifetime:?} {after:?} {answer:?}");
                }
                login => assert!(!good && matches!(login, Login::Rejected), "{lifetime:?} {after:?} {login:?}"),
            }
        }
    }
}

/// `recovery.length`: how many characters a temporary password has.
#[tokio::test]
async fn a_temporary_password_is_as_long_as_the_policy_says() {
    for length in [16, 24] {
        let recovery = Recovery::TemporaryPassword { lifetime: HOUR, length };
        let mut portal = Portal::with(portal(|policy| policy.recovery = recovery));
        portal.user(ANA, "anapena", PASSWORD).await;
        let _ = portal.recover_password(ANA, "anapena").await;
        let mail = portal.mail(MailPurpose::ConfirmRecovery).await;
        let _ = portal.confirm_recovery(&token(&mail)).await;
        let mail = portal.mail(MailPurpose::TemporaryPassword).await;
        let is_password =
            |line: &&str| line.len() == usize::from(length) && line.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let temporary = mail.text().lines().find(is_password).expect("a temporary password");
        assert!(matches!(portal.login("anapena", temporary).await, Login::MustChangePassword(_)));
    }
}

/// Lets a thread that makes a hash wait for its salt: until opened, or for so long at most.
#[derive(Clone)]
struct Gate {
    open: Arc<(Mutex<bool>, Condvar)>,
    at_most: Duration,
    seeded: SeededEntropy,
}

impl Gate {
    fn closed(at_most: Duration) -> Self {
        Self { open: Arc::default(), at_most, seeded: SeededEntropy::new(7) }
    }

    fn open(&self) {
        *self.open.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.open.1.notify_all();
    }

    fn portal(&self, policy: Policy) -> Acceso {
        let (acceso, _courier) = Acceso::builder(MemoryStore::new(), MemoryRegistry::new(), MemoryMailer::new())
            .portal("Clínica del Sol", "https://portal.example")
            .policy(cheap_hashing(policy))
            .entropy(self.clone())
            .build()
            .expect("a safe policy");
        acceso
    }
}

impl Entropy for Gate {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        if std::thread::current().name().is_some_and(|name| name.starts_with("acceso-hash")) {
            let closed = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
            drop(self.open.1.wait_timeout_while(closed, self.at_most, |open| !*open));
        }
        self.seeded.fill(bytes)
    }
}

fn registration(username: &str) -> RegistrationForm {
    RegistrationForm {
        email: ANA.into(),
        username: username.into(),
        password: PASSWORD.into(),
        repeated: PASSWORD.into(),
        full_name: "Ana Peña".into(),
    }
}

/// How many calls find a place while every thread is kept from ending its first hash.
fn places(threads: Option<u16>, queue_per_thread: u16, busy_threads: usize) -> usize {
    let gate = Gate::closed(MINUTE);
    let acceso = gate.portal(portal(|policy| {
        policy.hashing.threads = threads;
        policy.hashing.queue_per_thread = queue_per_thread;
    }));
    let client = Client::unknown();
    let mut waiting: Vec<_> = (0..busy_threads)
        .map(|number| Box::pin(acceso.register(registration(&format!("ana{number}")), &client)))
        .collect();
    for call in &mut waiting {
        assert!(poll_once(call.as_mut()).is_none(), "it waits for its hash");
    }
    let mut logins = Vec::new();
    loop {
        let mut login = Box::pin(acceso.login(LoginForm::new("nadie", PASSWORD), Stay::Session, &client));
        match poll_once(login.as_mut()) {
            None => logins.push(login),
            Some(answer) => {
                assert!(matches!(answer, Err(Error::Busy { .. })), "{answer:?}");
                break;
            }
        }
    }
    gate.open();
    waiting.len() + logins.len()
}

/// `hashing.threads`: how many hash at a time, one for each core if it is not said.
#[test]
fn as_many_hash_at_a_time_as_the_policy_says() {
    assert_eq!(places(Some(1), 1, 1), 2);
    assert_eq!(places(Some(2), 1, 2), 4);
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(64);
    assert_eq!(places(None, 1, cores), 2 * cores);
}

/// `hashing.queue_per_thread`: how many wait for each thread before the next is told to come back.
#[test]
fn as_many_wait_for_a_thread_as_the_policy_says() {
    assert_eq!(places(Some(1), 2, 1), 3);
    assert_eq!(places(Some(1), 5, 1), 6);
}

/// `hashing.longest_wait`: who has waited longer is dropped unhashed. The one clock that cannot be turned by hand.
#[tokio::test]
async fn who_waits_longer_than_the_policy_says_is_not_hashed() {
    for (longest_wait, judged) in [(SECOND, false), (MINUTE, true)] {
        let gate = Gate::closed(SECOND + SECOND / 5);
        let acceso = gate.portal(portal(|policy| {
            policy.hashing.threads = Some(1);
            policy.hashing.longest_wait = longest_wait;
        }));
        let client = Client::unknown();
        let mut first = Box::pin(acceso.register(registration("anapena"), &client));
        assert!(poll_once(first.as_mut()).is_none());
        let second = acceso.login(LoginForm::new("nadie", PASSWORD), Stay::Session, &client).await;
        assert_eq!(matches!(second, Ok(Login::Rejected)), judged, "{longest_wait:?}");
        assert_eq!(matches!(second, Err(Error::Busy { .. })), !judged, "{longest_wait:?}");
        assert!(matches!(first.await, Ok(Registering::Accepted(_))), "who came in time is hashed");
    }
}
