//! Every call that changes or refuses something records exactly one event, in the commit of the change: with its kind, the
//! user where one is known, and the caller. Not: what a host does with events.
//!
//! **An event that no case emits, or that `docs/events.md` does not list as it is, is a failing test.**

mod account;
#[path = "../common/mod.rs"]
mod common;
mod courier;
mod entry;
#[path = "../common/spy.rs"]
mod spy;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use acceso::{Client, Event, EventKind, MailPurpose, Policy, UserId};

use spy::Watched;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

/// By code: whether there was a user, and whether there was a caller.
#[derive(Debug, Default)]
pub(crate) struct Seen(BTreeMap<&'static str, (BTreeSet<bool>, BTreeSet<bool>)>);

impl Seen {
    fn note(&mut self, event: &Event) {
        let (users, callers) = self.0.entry(event.kind().code()).or_default();
        users.insert(event.user().is_some());
        callers.insert(event.address().is_some());
    }

    fn and(mut self, other: Self) -> Self {
        for (code, (users, callers)) in other.0 {
            let (all_users, all_callers) = self.0.entry(code).or_default();
            all_users.extend(users);
            all_callers.extend(callers);
        }
        self
    }
}

/// A portal of which each new event is looked at.
pub(crate) struct Scene {
    pub(crate) watched: Watched,
    pub(crate) client: Client,
    pub(crate) seen: Seen,
    looked_at: usize,
}

impl Scene {
    pub(crate) fn new(policy: Policy) -> Self {
        let client = Client::unknown().with_address(ADDRESS).with_device("Firefox");
        let mut watched = Watched::with(policy);
        watched.portal.client = client.clone();
        Self { watched, client, seen: Seen::default(), looked_at: 0 }
    }

    /// Makes the call, of which exactly this event comes, in its one commit.
    pub(crate) async fn emits<T>(&mut self, kind: EventKind, user: Option<UserId>, call: impl Future<Output = T>) -> T {
        self.skip();
        self.watched.spy.take_calls();
        let answer = call.await;
        let commits: Vec<String> =
            self.watched.spy.take_calls().into_iter().filter(|call| call.starts_with("commit")).collect();
        assert_eq!(commits.len(), 1, "{kind:?}: {commits:?}");
        assert_eq!(commits[0].matches("Record").count(), 1, "{kind:?}: {commits:?}");
        let events = self.look();
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!((events[0].kind(), events[0].user()), (kind, user));
        assert_eq!(events[0].address(), Some(ADDRESS), "{kind:?}");
        assert_eq!(events[0].device().map(acceso::DeviceLabel::as_str), Some("Firefox"), "{kind:?}");
        assert_eq!(events[0].at(), acceso::Clock::now(&self.watched.portal.clock), "{kind:?}");
        answer
    }

    /// Makes the call, of which no event comes.
    pub(crate) async fn emits_nothing<T>(&mut self, call: impl Future<Output = T>) -> T {
        self.skip();
        let answer = call.await;
        assert_eq!(self.look(), []);
        answer
    }

    /// Lets the courier work, of which these events come, in any order. It has no caller.
    pub(crate) async fn delivers(&mut self, expected: &[(EventKind, Option<UserId>)]) {
        self.skip();
        while self.watched.portal.courier.deliver_due().await.expect("in memory").claimed > 0 {}
        let events = self.look();
        assert!(events.iter().all(|event| event.address().is_none() && event.device().is_none()), "{events:?}");
        let mut left: Vec<_> = events.iter().map(|event| (event.kind(), event.user())).collect();
        for one in expected {
            let at = left.iter().position(|event| event == one);
            left.remove(at.unwrap_or_else(|| panic!("{one:?} is not in {left:?}")));
        }
        assert_eq!(left, []);
    }

    /// What comes from setting a scene is not looked at.
    pub(crate) fn skip(&mut self) {
        self.looked_at = self.watched.portal.store.events().len();
    }

    fn look(&mut self) -> Vec<Event> {
        let events = self.watched.portal.store.events().split_off(self.looked_at);
        self.skip();
        for event in &events {
            self.seen.note(event);
        }
        events
    }
}

async fn all() -> Seen {
    let seen = entry::registering().await.and(entry::confirming().await).and(entry::logging_in().await);
    let seen = seen.and(entry::recovering().await).and(entry::choosing().await);
    let seen = seen.and(account::changing_the_password().await).and(account::ending_sessions().await);
    let seen = seen.and(account::administering().await).and(account::refreshing_patients().await);
    seen.and(courier::delivering().await)
        .and(courier::making_temporary_passwords().await)
        .and(courier::giving_up().await)
}

/// The code of every kind, those of mails with a purpose too.
fn codes() -> BTreeSet<&'static str> {
    let of_mails = [EventKind::MailSent, EventKind::MailRefused, EventKind::MailExpired];
    let of_mails = of_mails.iter().map(|kind| kind(MailPurpose::UserNames).code());
    EventKind::INVENTORY.iter().map(|(_, code)| *code).chain(of_mails).collect()
}

#[tokio::test]
async fn every_kind_is_emitted_by_some_case() {
    let seen: BTreeSet<&str> = all().await.0.into_keys().collect();
    assert_eq!(seen, codes());
}

/// The rows of the table: code, when, user, client.
fn documented() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let rows = include_str!("../../docs/events.md").lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    cells
        .map(|cells| {
            assert!(cells.len() == 4 && !cells[1].is_empty(), "{cells:?}");
            (cells[0].trim_matches('`'), (cells[2], cells[3]))
        })
        .collect()
}

#[tokio::test]
async fn the_documentation_lists_every_event_and_says_whose_it_is() {
    let documented = documented();
    assert_eq!(documented.keys().copied().collect::<BTreeSet<_>>(), codes());
    let rows = include_str!("../../docs/events.md").lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, documented.len(), "none twice");
    let word = |set: &BTreeSet<bool>, yes, no, both| match (set.contains(&true), set.contains(&false)) {
        (true, false) => yes,
        (false, true) => no,
        _ => both,
    };
    for (code, (users, callers)) in all().await.0 {
        let user = word(&users, "yes", "no", "if known");
        let client = word(&callers, "caller", "none", "caller or none");
        assert_eq!(documented.get(code), Some(&(user, client)), "{code}");
    }
}

macro_rules! cases {
    ($($module:ident::$case:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $case() {
            assert!(!$module::$case().await.0.is_empty());
        }
    )+};
}

cases! {
    entry::registering, entry::confirming, entry::logging_in, entry::recovering, entry::choosing,
    account::changing_the_password, account::ending_sessions, account::administering, account::refreshing_patients,
    courier::delivering, courier::making_temporary_passwords, courier::giving_up,
}
