//! A portal over any store, with a clock to turn and an outbox to read. Not: the store.
//!
//! **What the core asked of the store is told in order, and each of its commits is kept.**

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use acceso::adapter::memory::MemoryRegistry;
use acceso::test_util::{FakeClock, SeededEntropy, cheap_hashing};
use acceso::{
    Acceso, Backlog, BoxError, Claim, Client, Commit, Committed, Confirmation, ConfirmationForm, Courier, Digest,
    EmailAddress, Error, Login, LoginForm, Mail, MailIntent, Mailbox, MailboxId, PasswordChange, PasswordChangeForm,
    PasswordRecoveryForm, Policy, Purged, RecoveryConfirmation, RecoveryRequest, Registering, Registration,
    RegistrationForm, RegistrationId, Session, SessionToken, SignedIn, Stay, Timestamp, User, UserId, UserStore,
    Username, UsernameRecoveryForm,
};
use async_trait::async_trait;

use crate::common::{ANA, patient, token};
use crate::spy::Post;

/// A store that notes each call before it passes it on.
pub struct Watching<S> {
    pub inner: S,
    calls: Mutex<Vec<&'static str>>,
    commits: Mutex<Vec<Commit>>,
}

impl<S> Watching<S> {
    pub fn new(inner: S) -> Self {
        Self { inner, calls: Mutex::default(), commits: Mutex::default() }
    }

    /// The calls since the last time.
    pub fn take_calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The commits since the last time.
    pub fn take_commits(&self) -> Vec<Commit> {
        std::mem::take(&mut *self.commits.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, call: &'static str) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}

#[async_trait]
impl<S: UserStore> UserStore for Watching<S> {
    async fn user(&self, id: UserId) -> Result<Option<User>, BoxError> {
        self.note("user");
        self.inner.user(id).await
    }

    async fn user_named(&self, name: &Username) -> Result<Option<User>, BoxError> {
        self.note("user_named");
        self.inner.user_named(name).await
    }

    async fn users_with_email(&self, email: &EmailAddress) -> Result<Vec<User>, BoxError> {
        self.note("users_with_email");
        self.inner.users_with_email(email).await
    }

    async fn registration(&self, id: RegistrationId) -> Result<Option<Registration>, BoxError> {
        self.note("registration");
        self.inner.registration(id).await
    }

    async fn registrations(
        &self,
        email: &EmailAddress,
        name: Option<&Username>,
        limit: u32,
    ) -> Result<Vec<Registration>, BoxError> {
        self.note("registrations");
        self.inner.registrations(email, name, limit).await
    }

    async fn mailbox(&self, id: MailboxId) -> Result<Option<Mailbox>, BoxError> {
        self.note("mailbox");
        self.inner.mailbox(id).await
    }

    async fn mailbox_of(&self, email: &EmailAddress) -> Result<Option<Mailbox>, BoxError> {
        self.note("mailbox_of");
        self.inner.mailbox_of(email).await
    }

    async fn session(&self, digest: &Digest) -> Result<Option<(Session, Arc<User>)>, BoxError> {
        self.note("session");
        self.inner.session(digest).await
    }

    async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, BoxError> {
        self.note("sessions_of");
        self.inner.sessions_of(user).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, BoxError> {
        self.note("commit");
        self.commits.lock().unwrap_or_else(PoisonError::into_inner).push(commit.clone());
        self.inner.commit(commit).await
    }

    async fn claim_due_mail(&self, claim: Claim) -> Result<Vec<MailIntent>, BoxError> {
        self.note("claim_due_mail");
        self.inner.claim_due_mail(claim).await
    }

    async fn mail_backlog(&self) -> Result<Backlog, BoxError> {
        self.note("mail_backlog");
        self.inner.mail_backlog().await
    }

    async fn purge(&self, now: Timestamp, limit: u32) -> Result<Purged, BoxError> {
        self.note("purge");
        self.inner.purge(now, limit).await
    }

    async fn forget_live(&self) -> Result<(), BoxError> {
        self.note("forget_live");
        self.inner.forget_live().await
    }
}

/// A portal over a store.
pub struct Deployment<S> {
    pub acceso: Acceso,
    pub courier: Courier,
    pub store: Arc<Watching<S>>,
    pub registry: Arc<MemoryRegistry>,
    pub post: Arc<Post>,
    pub clock: FakeClock,
    pub client: Client,
}

impl<S: UserStore + 'static> Deployment<S> {
    /// With Ana in the patient records, under the manual's policy.
    pub fn over(store: S) -> Self {
        Self::with(store, cheap_hashing(Policy::portal()), 7)
    }

    /// Under another policy; deployments of one database need seeds of their own.
    pub fn with(store: S, policy: Policy, seed: u64) -> Self {
        let store = Arc::new(Watching::new(store));
        let registry = Arc::new(MemoryRegistry::from_iter([patient("pac-0001", ANA)]));
        let post = Arc::new(Post::default());
        let clock = FakeClock::default();
        let (acceso, courier) = Acceso::builder(Arc::clone(&store), Arc::clone(&registry), Arc::clone(&post))
            .portal("Clínica del Sol", "https://portal.example")
            .contact("0800 555 0000")
            .policy(policy)
            .clock(clock.clone())
            .entropy(SeededEntropy::new(seed))
            .build()
            .expect("a safe policy");
        Self { acceso, courier, store, registry, post, clock, client: Client::unknown() }
    }

    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Everything that the courier delivers now.
    pub async fn mails(&mut self) -> Vec<Mail> {
        while self.courier.deliver_due().await.expect("the store is there").claimed > 0 {}
        self.post.taken.take()
    }

    /// The one mail that the courier delivers now.
    pub async fn mail(&mut self) -> Mail {
        let mut mails = self.mails().await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.remove(0)
    }

    pub async fn register(&self, email: &str, username: &str, password: &str) -> RegistrationId {
        let form = RegistrationForm {
            email: email.into(),
            username: username.into(),
            password: password.into(),
            repeated: password.into(),
            full_name: "Nombre Apellido".into(),
        };
        match self.acceso.register(form, &self.client).await {
            Ok(Registering::Accepted(reference)) => reference,
            other => panic!("{other:?}"),
        }
    }

    pub async fn confirm(&self, token: &str, username: &str, password: &str) -> Confirmation {
        let form = ConfirmationForm {
            token: token.into(),
            username: username.into(),
            password: password.into(),
            reference: None,
        };
        self.acceso.confirm(form, &self.client).await.expect("the store is there")
    }

    /// A confirmed user, its mails read.
    pub async fn user(&mut self, email: &str, username: &str, password: &str) -> User {
        self.register(email, username, password).await;
        let link = token(&self.mail().await);
        assert_eq!(self.confirm(&link, username, password).await, Confirmation::Confirmed);
        self.mail().await;
        self.named(username).await
    }

    /// The user of this name as the store has it.
    pub async fn named(&self, username: &str) -> User {
        let name = username.parse().expect("legal");
        self.store.inner.user_named(&name).await.expect("the store is there").expect("a user")
    }

    pub async fn login(&self, username: &str, password: &str) -> Result<Login, Error> {
        self.acceso.login(LoginForm::new(username, password), Stay::Session, &self.client).await
    }

    pub async fn signed_in(&self, username: &str, password: &str) -> SignedIn {
        match self.login(username, password).await {
            Ok(Login::SignedIn(signed_in)) => signed_in,
            other => panic!("{other:?}"),
        }
    }

    pub async fn is_signed_in(&self, token: &SessionToken) -> bool {
        self.acceso.session(token).await.expect("the store is there").is_some()
    }

    pub async fn lock(&self, username: &str) {
        for _ in 0..self.acceso.policy().lockout.threshold {
            assert!(matches!(self.login(username, "Equivocada 1").await, Ok(Login::Rejected)));
        }
    }

    pub async fn recover_username(&self, email: &str) {
        let form = UsernameRecoveryForm { email: email.into() };
        let answer = self.acceso.recover_username(form, &self.client).await;
        assert_eq!(answer.expect("the store is there"), RecoveryRequest::Accepted);
    }

    pub async fn recover_password(&self, email: &str, username: &str) {
        let form = PasswordRecoveryForm { email: email.into(), username: username.into() };
        let answer = self.acceso.recover_password(form, &self.client).await;
        assert_eq!(answer.expect("the store is there"), RecoveryRequest::Accepted);
    }

    pub async fn confirm_recovery(&self, token: &str) -> RecoveryConfirmation {
        self.acceso.confirm_recovery(token, &self.client).await.expect("the store is there")
    }

    pub async fn change(&self, token: &SessionToken, current: &str, new: &str) -> PasswordChange {
        let form = PasswordChangeForm { current: current.into(), new: new.into(), repeated: new.into() };
        self.acceso.change_password(token, form, &self.client).await.expect("the store is there")
    }
}
