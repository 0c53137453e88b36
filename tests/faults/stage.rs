//! A portal over ports that can fail, and how far its story has come when a call is made. Not: the call.
//!
//! **The same scene is the same to the last byte each time it is set, so that what two runs leave can be compared.**

use std::net::IpAddr;
use std::sync::Arc;

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry, MemoryStore};
use acceso::test_util::{FakeClock, cheap_hashing};
use acceso::{
    Acceso, Client, Confirmation, Entropy, Login, Mail, MailPurpose, PasswordChange, Patient, Policy,
    RecoveryConfirmation, RecoveryRequest, Registering, RegistrationForm, RegistrationId, SessionId, SessionToken,
    UserId, UserStore,
};
use serde_json::Value;

use crate::common::{Portal, temporary, token};
use crate::dryness::Dryness;
use crate::dump::{dump, mail_rows};
use crate::ports::{Control, FaultyMailer, FaultyRegistry, FaultyStore, lock};

/// Words that stand nowhere else, so that where they turn up they have leaked.
pub const ADDRESS: &str = "Zorzal.Colorado@example.org";
pub const USERNAME: &str = "picaflor77";
pub const FULL_NAME: &str = "Calandria Hornero";
pub const PATIENT: &str = "hc-774411-tero";
pub const PASSWORD: &str = "Benteveo en 3 ramas";
pub const NEW_PASSWORD: &str = "Chingolo de 4 vientos";
pub const LAST_PASSWORD: &str = "Carancho con 5 crías";
pub const WRONG: &str = "Lechuza por 6 noches";
pub const DEVICE: &str = "Tablero de ñandubay";
pub const CLIENT_ADDRESS: [u8; 4] = [198, 51, 100, 77];

/// A portal, and the row of faults of its ports.
pub struct Stage {
    pub portal: Portal,
    pub control: Arc<Control>,
    pub dryness: Arc<Dryness>,
}

/// What a call takes from the story so far.
#[derive(Default)]
pub struct Scene {
    pub token: String,
    pub temporary: String,
    pub reference: Option<RegistrationId>,
    pub user: Option<UserId>,
    pub session: Option<SessionToken>,
    pub other: Option<(SessionToken, SessionId)>,
}

/// How far the story has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// A patient who never registered.
    Nobody,
    /// A registration whose link lies in the mailbox.
    Mailed,
    /// A confirmed user.
    User,
    /// A user with one wrong password to go.
    Struck,
    Locked,
    /// A user with a link of recovery in the mailbox.
    Recovering,
    /// A user with a temporary password.
    Temporary,
    /// A user signed in with it, a minute ago.
    Restricted,
    /// A user signed in twice.
    SignedIn,
    /// The same, a minute later.
    Idle,
    /// Signed in, one wrong password to go.
    SignedInStruck,
    Disabled,
    /// Disabled while a temporary password was awaited.
    DisabledAwaiting,
    /// Signed in, and the records have another patient too.
    Relinked,
    /// Signed in, and in no record any more.
    Unlisted,
    /// Disabled for that, and in the records again.
    ListedAgain,
    /// Everything that a restore forgets.
    Restored,
}

pub fn patient(id: &str) -> Patient {
    Patient {
        id: id.parse().expect("an id"),
        email: ADDRESS.parse().expect("an address"),
        full_name: FULL_NAME.into(),
        portal_access: true,
    }
}

impl Stage {
    pub fn new(policy: Policy) -> Self {
        let (control, dryness) = (Arc::new(Control::default()), Arc::new(Dryness::new(11)));
        let store = Arc::new(MemoryStore::new());
        let registry = Arc::new(MemoryRegistry::from_iter([patient(PATIENT)]));
        let mailer = Arc::new(MemoryMailer::new());
        let clock = FakeClock::default();
        let mut policy = cheap_hashing(policy);
        policy.hashing.threads = Some(1);
        let (acceso, courier) = Acceso::builder(
            FaultyStore { store: Arc::clone(&store), control: Arc::clone(&control) },
            FaultyRegistry { registry: Arc::clone(&registry), control: Arc::clone(&control) },
            FaultyMailer { mailer: Arc::clone(&mailer), control: Arc::clone(&control) },
        )
        .portal("Clínica del Sol", "https://portal.example")
        .policy(policy)
        .clock(clock.clone())
        .entropy(Arc::clone(&dryness) as Arc<dyn Entropy>)
        .build()
        .expect("a safe policy");
        let client = Client::unknown().with_address(IpAddr::from(CLIENT_ADDRESS)).with_device(DEVICE);
        let portal = Portal { acceso, courier, store, registry, mailer, clock, client };
        Self { portal, control, dryness }
    }

    /// What the store holds, but for the rows of mail.
    pub async fn dump(&self) -> Value {
        let known = lock(&self.control.known).clone();
        dump(&*self.portal.store, &known).await
    }

    /// The rows of mail; not while a courier is at work.
    pub async fn mail_rows(&self) -> Value {
        use acceso::Clock;
        mail_rows(&self.portal.store, self.portal.clock.now()).await
    }

    pub fn form(username: &str, password: &str) -> RegistrationForm {
        RegistrationForm {
            email: ADDRESS.to_uppercase(),
            username: username.into(),
            password: password.into(),
            repeated: password.into(),
            full_name: FULL_NAME.into(),
        }
    }

    pub async fn register(&self, username: &str) -> RegistrationId {
        let registering = self.portal.acceso.register(Self::form(username, PASSWORD), &self.portal.client).await;
        match registering.expect("the store is there") {
            Registering::Accepted(reference) => reference,
            other => panic!("{other:?}"),
        }
    }

    /// A mail of recovery, as the next request after any brake brings it.
    pub async fn recovery_mail(&mut self) -> Mail {
        self.portal.pass(3600);
        assert_eq!(self.portal.recover_password(ADDRESS, USERNAME).await, RecoveryRequest::Accepted);
        self.portal.mail(MailPurpose::ConfirmRecovery).await
    }

    async fn user(&mut self, scene: &mut Scene) {
        scene.reference = Some(self.register(USERNAME).await);
        scene.token = token(&self.portal.mail(MailPurpose::ConfirmRegistration).await);
        assert_eq!(self.portal.confirm(&scene.token, USERNAME, PASSWORD).await, Confirmation::Confirmed);
        self.portal.mail(MailPurpose::RegistrationConfirmed).await;
        scene.user = self.user_id().await;
    }

    pub async fn user_id(&self) -> Option<UserId> {
        let name = USERNAME.parse().expect("a name");
        self.portal.store.user_named(&name).await.expect("memory is there").map(|user| user.id())
    }

    async fn signed_in(&mut self, scene: &mut Scene) {
        self.user(scene).await;
        let session = self.portal.signed_in(USERNAME, PASSWORD).await.token;
        self.portal.pass(1);
        let other = self.portal.signed_in(USERNAME, PASSWORD).await.token;
        let sessions = self.portal.acceso.sessions(&other).await.expect("the store is there").expect("signed in");
        scene.session = Some(session);
        scene.other = Some((other, sessions[0].id));
    }

    async fn awaiting(&mut self, scene: &mut Scene) {
        self.user(scene).await;
        let mail = self.recovery_mail().await;
        assert_eq!(self.portal.confirm_recovery(&token(&mail)).await, RecoveryConfirmation::Accepted);
    }

    async fn with_temporary(&mut self, scene: &mut Scene) {
        self.awaiting(scene).await;
        scene.temporary = temporary(&self.portal.mail(MailPurpose::TemporaryPassword).await);
    }

    async fn strike(&self, times: u16) {
        for _ in 0..times {
            assert!(matches!(self.portal.login(USERNAME, WRONG).await, Login::Rejected));
        }
    }

    /// Plays the story up to the scene.
    pub async fn set(&mut self, given: Given) -> Scene {
        let mut scene = Scene::default();
        let scene = &mut scene;
        let threshold = self.portal.acceso.policy().lockout.threshold;
        match given {
            Given::Nobody => {}
            Given::Mailed => {
                scene.reference = Some(self.register(USERNAME).await);
                scene.token = token(&self.portal.mail(MailPurpose::ConfirmRegistration).await);
            }
            Given::User => self.user(scene).await,
            Given::Struck => {
                self.user(scene).await;
                self.strike(threshold - 1).await;
            }
            Given::Locked => {
                self.user(scene).await;
                self.strike(threshold).await;
                self.portal.mail(MailPurpose::UserLocked).await;
            }
            Given::Recovering => {
                self.user(scene).await;
                scene.token = token(&self.recovery_mail().await);
            }
            Given::Temporary => self.with_temporary(scene).await,
            Given::Restricted => {
                self.with_temporary(scene).await;
                let Login::MustChangePassword(restricted) = self.portal.login(USERNAME, &scene.temporary).await else {
                    panic!("no entry")
                };
                scene.session = Some(restricted.token);
                self.portal.pass(90);
            }
            Given::SignedIn => self.signed_in(scene).await,
            Given::Idle => {
                self.signed_in(scene).await;
                self.portal.pass(90);
            }
            Given::SignedInStruck => {
                self.signed_in(scene).await;
                self.strike(threshold - 1).await;
            }
            Given::Disabled => {
                self.user(scene).await;
                self.disable(scene).await;
            }
            Given::DisabledAwaiting => {
                self.awaiting(scene).await;
                self.disable(scene).await;
                assert!(self.portal.mails().await.is_empty(), "nothing is mailed to a disabled user");
            }
            Given::Relinked => {
                self.signed_in(scene).await;
                self.portal.registry.insert(patient("hc-2"));
            }
            Given::Unlisted => {
                self.signed_in(scene).await;
                self.portal.registry.remove(&PATIENT.parse().expect("an id"));
            }
            Given::ListedAgain => {
                self.user(scene).await;
                self.portal.registry.remove(&PATIENT.parse().expect("an id"));
                let user = scene.user.expect("a user");
                let refreshed = self.portal.acceso.refresh_patients(user, &self.portal.client).await;
                assert_eq!(refreshed.expect("the store is there"), acceso::PatientsRefreshed::Disabled);
                self.portal.registry.insert(patient(PATIENT));
            }
            Given::Restored => {
                self.with_temporary(scene).await;
                self.portal.login(USERNAME, &scene.temporary).await.into_token();
                self.register("otropicaflor").await;
            }
        }
        std::mem::take(scene)
    }

    async fn disable(&self, scene: &Scene) {
        let disabled = self.portal.acceso.disable(scene.user.expect("a user"), &self.portal.client).await;
        assert_eq!(disabled.expect("the store is there"), acceso::Administered::Done);
    }

    /// Every mail that comes within the next hours.
    pub async fn mails_of_the_day(&mut self) -> Vec<Mail> {
        let mut mails = Vec::new();
        for _ in 0..30 {
            mails.extend(self.portal.mails().await);
            let backlog = self.portal.store.mail_backlog().await.expect("memory is there");
            if backlog.typed + backlog.to_users == 0 {
                return mails;
            }
            self.portal.pass(300);
        }
        panic!("mail is stuck")
    }

    /// With the temporary password to a password of the user's own.
    pub async fn change_temporary(&self, temporary: &str) {
        let Login::MustChangePassword(restricted) = self.portal.login(USERNAME, temporary).await else {
            panic!("no entry")
        };
        let changed = self.portal.change(&restricted.token, "", LAST_PASSWORD).await;
        assert!(matches!(changed, PasswordChange::Changed(_)), "{changed:?}");
        self.signs_in(LAST_PASSWORD).await;
    }

    pub async fn signs_in(&self, password: &str) {
        let session = self.portal.signed_in(USERNAME, password).await;
        assert!(self.portal.is_signed_in(&session.token).await);
    }

    /// The way back that is always open.
    pub async fn recovers(&mut self) {
        let mail = self.recovery_mail().await;
        assert_eq!(self.portal.confirm_recovery(&token(&mail)).await, RecoveryConfirmation::Accepted);
        let temporary = temporary(&self.portal.mail(MailPurpose::TemporaryPassword).await);
        self.change_temporary(&temporary).await;
    }
}

/// The token of a login that let in.
pub trait IntoToken {
    fn into_token(self) -> SessionToken;
}

impl IntoToken for Login {
    fn into_token(self) -> SessionToken {
        match self {
            Self::SignedIn(signed_in) => signed_in.token,
            Self::MustChangePassword(restricted) => restricted.token,
            Self::Rejected => panic!("rejected"),
        }
    }
}
