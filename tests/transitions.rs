//! The table of an account's changes is what the service does: each state is driven to each change, and what comes of it
//! is compared. Not: the table itself, which is `TRANSITIONS`.
//!
//! **Each state meets each change, and the account goes where the table says or stays where it was.**
//!
//! `docs/account-states.md` is drawn from the table; `ACCESO_BLESS=1` draws it anew.

mod common;
#[path = "common/spy.rs"]
mod spy;

use std::fmt::Write as _;
use std::time::Duration;

use acceso::{
    AccountChange as C, AccountState as S, LockDuration, Login, MailPurpose, PasswordChange, Policy, RememberedPolicy,
    SessionToken, TRANSITIONS, UserStore,
};
use common::{ANA, NEW_PASSWORD, PASSWORD, Portal, patient, temporary, token};
use serde_json::Value;
use spy::Watched;

const STATES: [S; 7] =
    [S::Registered, S::Active, S::Locked, S::AwaitingTemporary, S::Temporary, S::Disabled, S::Removed];
const CHANGES: [C; 13] = [
    C::Confirm,
    C::Expire,
    C::Strike,
    C::Lock,
    C::LockEnds,
    C::SignIn,
    C::ConfirmRecovery,
    C::MintTemporary,
    C::ChoosePassword,
    C::Disable,
    C::Enable,
    C::Relink,
    C::Remove,
];

/// The place of a state in [`STATES`]: whole, so that a new one must be added there.
fn place(state: S) -> usize {
    match state {
        S::Registered => 0,
        S::Active => 1,
        S::Locked => 2,
        S::AwaitingTemporary => 3,
        S::Temporary => 4,
        S::Disabled => 5,
        S::Removed => 6,
    }
}

/// The place of a change in [`CHANGES`]: whole, so that a new one must be added there.
fn number(change: C) -> usize {
    match change {
        C::Confirm => 0,
        C::Expire => 1,
        C::Strike => 2,
        C::Lock => 3,
        C::LockEnds => 4,
        C::SignIn => 5,
        C::ConfirmRecovery => 6,
        C::MintTemporary => 7,
        C::ChoosePassword => 8,
        C::Disable => 9,
        C::Enable => 10,
        C::Relink => 11,
        C::Remove => 12,
    }
}

/// One account, with everything that it ever held: links, sessions, passwords.
struct Account {
    watched: Watched,
    password: &'static str,
    link_of_registration: String,
    session: Option<SessionToken>,
    temporary: String,
}

impl Account {
    /// Locks have an end here, and passwords can be chosen after a temporary one: every change of the table can happen.
    async fn registered() -> Self {
        let mut policy = Policy::portal();
        policy.lockout.duration = LockDuration::Fixed(Duration::from_secs(60 * 60));
        let mut spans: RememberedPolicy = policy.session.remembered.expect("on");
        spans.idle = spans.absolute;
        policy.session.remembered = Some(spans);
        let mut watched = Watched::with(policy);
        watched.portal.registered(ANA, "anapena", PASSWORD).await;
        let mail = watched.portal.mail(MailPurpose::ConfirmRegistration).await;
        let link_of_registration = token(&mail);
        Self { watched, password: PASSWORD, link_of_registration, session: None, temporary: String::new() }
    }

    fn portal(&mut self) -> &mut Portal {
        &mut self.watched.portal
    }

    async fn in_state(state: S) -> Self {
        let mut account = Self::registered().await;
        if state == S::Registered {
            return account;
        }
        account.make(C::Confirm).await;
        account.portal().mails().await;
        let session = account.portal().signed_in("anapena", PASSWORD).await;
        account.session = Some(session.token);
        match state {
            S::Registered | S::Active => {}
            S::Locked => account.portal().lock("anapena").await,
            S::AwaitingTemporary => account.make(C::ConfirmRecovery).await,
            S::Temporary => {
                account.make(C::ConfirmRecovery).await;
                account.make(C::MintTemporary).await;
            }
            S::Disabled => account.make(C::Disable).await,
            S::Removed => account.make(C::Remove).await,
        }
        account
    }

    async fn record(&self) -> Option<acceso::User> {
        self.watched.portal.store.user_named(&"anapena".parse().expect("legal")).await.expect("in memory")
    }

    /// Where the account stands, as the store and the clock have it.
    async fn state(&self) -> S {
        let Some(user) = self.record().await else {
            let email = ANA.parse().expect("legal");
            let waiting = self.watched.portal.store.registrations(&email, None, 8).await.expect("in memory");
            let now = acceso::Clock::now(&self.watched.portal.clock);
            return if waiting.iter().any(|one| now < one.expires_at()) { S::Registered } else { S::Removed };
        };
        let told = self.watched.portal.acceso.account_state(user.id()).await.expect("in memory");
        let read = self.read_from(&user);
        assert_eq!(told, Some(read), "what the staff is told");
        read
    }

    /// The state by the stored record alone.
    fn read_from(&self, user: &acceso::User) -> S {
        let document = spy::document(user);
        if document["status"] != "active" {
            return S::Disabled;
        }
        match (&document["credential"]["chosen"], &document["credential"]["temporary"]) {
            (Value::Object(chosen), _) => match chosen["locked_since"].as_i64() {
                Some(since) if acceso::Clock::now(&self.watched.portal.clock).as_millis() < since + 3_600_000 => {
                    S::Locked
                }
                _ => S::Active,
            },
            (_, Value::Object(_)) => S::Temporary,
            _ => S::AwaitingTemporary,
        }
    }

    /// Does all that would make the change, as far as anybody can do it here.
    async fn make(&mut self, change: C) {
        let id = self.record().await.map(|user| user.id());
        let password = self.password;
        let portal = &mut self.watched.portal;
        let client = portal.client.clone();
        match change {
            C::Confirm => {
                let _ = portal.confirm(&self.link_of_registration, "anapena", password).await;
            }
            C::Expire => portal.clock.advance(Duration::from_secs(24 * 60 * 60)),
            C::Strike => assert!(matches!(portal.login("anapena", "Equivocada 1").await, Login::Rejected)),
            C::Lock => portal.lock("anapena").await,
            C::LockEnds => portal.clock.advance(Duration::from_secs(60 * 60)),
            C::SignIn => {
                let _ = portal.login("anapena", password).await;
                if !self.temporary.is_empty() {
                    let _ = portal.login("anapena", &self.temporary).await;
                }
            }
            C::ConfirmRecovery => {
                portal.pass(60 * 60);
                let _ = portal.recover_password(ANA, "anapena").await;
                // An awaited temporary password leaves first, and is made dead by the confirmation.
                while self.watched.spy.inner.mail_backlog().await.expect("in memory").typed > 0 {
                    assert!(portal.courier.deliver_due().await.expect("in memory").claimed > 0);
                }
                let mails = portal.mailer.take();
                let minted = mails.iter().find(|mail| mail.purpose() == MailPurpose::TemporaryPassword);
                self.temporary = minted.map_or(String::new(), temporary);
                if let Some(mail) = mails.iter().find(|mail| mail.purpose() == MailPurpose::ConfirmRecovery) {
                    let _ = portal.confirm_recovery(&token(mail)).await;
                }
            }
            C::MintTemporary => {
                let mails = portal.mails().await;
                if let Some(mail) = mails.iter().find(|mail| mail.purpose() == MailPurpose::TemporaryPassword) {
                    self.temporary = temporary(mail);
                }
            }
            C::ChoosePassword => {
                let mut session = self.session.clone();
                if !self.temporary.is_empty()
                    && let Login::MustChangePassword(restricted) = portal.login("anapena", &self.temporary).await
                {
                    session = Some(restricted.token);
                }
                if let Some(token) = session
                    && let PasswordChange::Changed(_) = portal.change(&token, password, NEW_PASSWORD).await
                {
                    self.password = NEW_PASSWORD;
                }
            }
            C::Disable => drop(portal.acceso.disable(id.unwrap_or(acceso::UserId::from_bytes([0; 16])), &client).await),
            C::Enable => drop(portal.acceso.enable(id.unwrap_or(acceso::UserId::from_bytes([0; 16])), &client).await),
            C::Remove => drop(portal.acceso.remove(id.unwrap_or(acceso::UserId::from_bytes([0; 16])), &client).await),
            C::Relink => {
                portal.registry.insert(patient("pac-0002", ANA));
                let id = id.unwrap_or(acceso::UserId::from_bytes([0; 16]));
                drop(portal.acceso.refresh_patients(id, &client).await);
            }
        }
    }
}

fn listed(from: S, change: C) -> Vec<S> {
    TRANSITIONS.iter().filter(|row| row.0 == from && row.1 == change).map(|row| row.2).collect()
}

#[test]
fn the_lists_of_this_test_are_whole_and_the_table_has_no_row_twice() {
    assert!(STATES.iter().enumerate().all(|(at, state)| place(*state) == at));
    assert!(CHANGES.iter().enumerate().all(|(at, change)| number(*change) == at));
    for (at, row) in TRANSITIONS.iter().enumerate() {
        assert!(!TRANSITIONS[..at].contains(row), "{row:?}");
        assert_ne!(row.0, S::Removed, "nothing comes back");
    }
}

/// What no call can ask for in a state, because what it would take cannot be there: a strike that locks is no strike
/// below the threshold, and a password is chosen by who has a session or a temporary password.
fn out_of_reach(from: S, change: C) -> bool {
    matches!(
        (from, change),
        // A locked password ends its lock by the clock; no second mail is asked for while one is unused.
        (S::Temporary, C::MintTemporary)
            // Only the page of a link, under the other policy, chooses without a session.
            | (S::Locked | S::AwaitingTemporary, C::ChoosePassword)
    )
}

#[tokio::test]
async fn each_state_meets_each_change_and_goes_where_the_table_says() {
    for from in STATES {
        for change in CHANGES {
            let mut account = Account::in_state(from).await;
            assert_eq!(account.state().await, from, "the scene");
            let before = account.record().await.map(|user| spy::document(&user));
            account.make(change).await;
            let after = account.record().await.map(|user| spy::document(&user));
            let (to, listed) = (account.state().await, listed(from, change));
            // Time passes for whoever waits, whatever it was let pass for.
            let time = matches!(change, C::Expire | C::LockEnds | C::ConfirmRecovery);
            let by_time = match from {
                S::Locked if time => Some(S::Active),
                _ => None,
            };
            if listed.is_empty() || out_of_reach(from, change) {
                assert!(to == from || Some(to) == by_time, "{from:?} by {change:?} went to {to:?}");
                assert_eq!(before, after, "{from:?} by {change:?} was written");
            } else {
                assert!(listed.contains(&to), "{from:?} by {change:?} went to {to:?}, not to {listed:?}");
                // A login has nothing to forget here, a user is disabled already, and time writes nothing.
                let silent = matches!(change, C::SignIn | C::LockEnds) || (from, change) == (S::Disabled, C::Disable);
                assert_eq!(
                    before == after,
                    silent || from == S::Registered && change == C::Expire,
                    "{from:?} {change:?}"
                );
            }
        }
    }
}

/// Enabling leads back to wherever the credential stands.
#[tokio::test]
async fn an_enabled_account_is_where_it_was() {
    for before in [S::Active, S::Locked, S::AwaitingTemporary, S::Temporary] {
        let mut account = Account::in_state(before).await;
        account.make(C::Disable).await;
        assert_eq!(account.state().await, S::Disabled);
        account.make(C::Enable).await;
        assert_eq!(account.state().await, before);
        assert!(listed(S::Disabled, C::Enable).contains(&before));
    }
}

/// The rows that one policy alone cannot reach: a choice on the page of a link, and a second mail.
#[tokio::test]
async fn the_rows_of_the_other_policy_hold_too() {
    for before in [S::Active, S::Locked, S::AwaitingTemporary, S::Temporary] {
        let mut account = Account::in_state(before).await;
        account.portal().mails().await;
        account.portal().pass(1);
        let mut policy = acceso::test_util::cheap_hashing(Policy::portal());
        policy.recovery = acceso::Recovery::ChoosePassword;
        let (acceso, mut courier) = account.watched.beside(policy);
        let form = acceso::PasswordRecoveryForm { email: ANA.into(), username: "anapena".into() };
        let client = account.portal().client.clone();
        assert!(acceso.recover_password(form, &client).await.is_ok());
        assert!(courier.deliver_due().await.is_ok());
        let mails = account.portal().mailer.take();
        let link = mails.iter().find(|mail| mail.purpose() == MailPurpose::ConfirmRecovery).map(token).expect("a link");
        let form = acceso::PasswordChoiceForm { token: link, new: NEW_PASSWORD.into(), repeated: NEW_PASSWORD.into() };
        let chosen = acceso.choose_password(form, &client).await;
        assert_eq!(chosen.ok(), Some(acceso::PasswordChoice::Changed), "{before:?}");
        assert_eq!(account.state().await, S::Active);
        assert!(listed(before, C::ChoosePassword).contains(&S::Active));
        assert!(matches!(account.portal().login("anapena", NEW_PASSWORD).await, Login::SignedIn(_)));
    }
    // A mail that failed once is minted anew, over the first temporary password.
    let mut account = Account::in_state(S::AwaitingTemporary).await;
    account.watched.post.next([spy::Fate::Transient]);
    account.make(C::MintTemporary).await;
    assert_eq!(account.state().await, S::Temporary);
    let lost = temporary(&account.watched.post.take_lost()[0]);
    account.portal().pass(30);
    account.make(C::MintTemporary).await;
    assert_eq!(account.state().await, S::Temporary);
    assert!(listed(S::Temporary, C::MintTemporary).contains(&S::Temporary));
    let newest = account.temporary.clone();
    assert!(matches!(account.portal().login("anapena", &lost).await, Login::Rejected));
    assert!(matches!(account.portal().login("anapena", &newest).await, Login::MustChangePassword(_)));
}

fn drawn() -> String {
    let mut page = String::from(
        "# The states of an account\n\nDrawn from `TRANSITIONS`, the one table that the code decides by: a change that it does \
         not list does not happen.\nWhat leaves a state as it is stands below the diagram.\n\n```mermaid\nstateDiagram-v2\n    \
         [*] --> Registered: register\n",
    );
    for (from, change, to) in TRANSITIONS.iter().filter(|(from, _, to)| from != to) {
        writeln!(page, "    {from:?} --> {to:?}: {}", words(*change)).expect("to memory");
    }
    page.push_str("    Removed --> [*]\n```\n\n| State | Stays by |\n|---|---|\n");
    for state in STATES {
        let stays: Vec<&str> =
            TRANSITIONS.iter().filter(|row| row.0 == state && row.2 == state).map(|row| words(row.1)).collect();
        if !stays.is_empty() {
            writeln!(page, "| {state:?} | {} |", stays.join(", ")).expect("to memory");
        }
    }
    page
}

fn words(change: C) -> &'static str {
    match change {
        C::Confirm => "confirm",
        C::Expire => "expire",
        C::Strike => "strike",
        C::Lock => "lock",
        C::LockEnds => "lock ends",
        C::SignIn => "sign in",
        C::ConfirmRecovery => "confirm recovery",
        C::MintTemporary => "mint temporary",
        C::ChoosePassword => "choose password",
        C::Disable => "disable",
        C::Enable => "enable",
        C::Relink => "relink",
        C::Remove => "remove",
    }
}

#[test]
fn the_documentation_is_drawn_from_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/account-states.md");
    if std::env::var_os("ACCESO_BLESS").is_some() {
        std::fs::write(path, drawn()).expect("the folder is there");
    }
    assert_eq!(std::fs::read_to_string(path).expect("drawn before"), drawn(), "ACCESO_BLESS=1 draws it anew");
}
