//! A life of an account that brings every mail, and a stranger who fills all forms. Not: what the mails look like outside.

use std::sync::Arc;

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry, MemoryStore};
use acceso::test_util::{FakeClock, SeededEntropy, cheap_hashing};
use acceso::{
    Acceso, BuildError, Client, Confirmation, Language, Login, Mail, MailPurpose, PasswordChange, Policy,
    RecoveryConfirmation, RecoveryRequest, Registering, RegistrationForm,
};

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal, patient, temporary, token};

/// In every name of a person, so that none of them can be in a mail unseen.
pub(crate) const MARK: &str = "Wqzjx";

/// What the clinic's configuration says.
#[derive(Debug)]
pub(crate) struct Clinic {
    pub(crate) name: String,
    pub(crate) contact: Option<String>,
    /// The sender's name; none if it is refused.
    pub(crate) sender: String,
    pub(crate) has_reply_to: bool,
    pub(crate) language: Language,
}

/// What a person types, and what the clinic's record has of her.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) email: String,
    pub(crate) types_capitals: bool,
    pub(crate) username: String,
    pub(crate) recorded_name: String,
}

impl Clinic {
    pub(crate) fn plain() -> Self {
        Self {
            name: "Clínica del Sol".into(),
            contact: Some("0800 555 0000".into()),
            sender: "Clínica del Sol".into(),
            has_reply_to: false,
            language: Language::Es,
        }
    }

    /// The header fields of its mails, sorted.
    pub(crate) fn fields(&self) -> Vec<&'static str> {
        let mut fields = vec![
            "Auto-Submitted",
            "Content-Language",
            "Content-Type",
            "Date",
            "From",
            "MIME-Version",
            "Message-ID",
            "Subject",
            "To",
        ];
        if self.has_reply_to {
            fields.insert(7, "Reply-To");
        }
        fields
    }

    /// A portal of that name and contact; a plain one in place of what is refused, which must hold a control character, be
    /// too long or be blank.
    fn portal(&self, email: &str, recorded_name: &str) -> Portal {
        let (plain, is_refused) = (Self::plain(), |text: &str, most: usize| {
            text.trim().is_empty() || text.chars().count() > most || text.chars().any(char::is_control)
        });
        let (mut name, mut contact) = (self.name.clone(), self.contact.clone());
        loop {
            match self.built(&name, contact.as_deref(), email, recorded_name) {
                Ok(portal) => return portal,
                Err(BuildError::Name) => {
                    assert!(is_refused(&name, 100), "{name:?}");
                    name.clone_from(&plain.name);
                }
                Err(BuildError::Contact) => {
                    assert!(is_refused(&contact.take().unwrap_or_default(), 200));
                    contact.clone_from(&plain.contact);
                }
                Err(other) => panic!("{other}"),
            }
        }
    }

    fn built(&self, name: &str, contact: Option<&str>, email: &str, recorded_name: &str) -> Result<Portal, BuildError> {
        let store = Arc::new(MemoryStore::new());
        let mut record = patient("pac-0001", email);
        record.full_name = format!("{MARK} {recorded_name}");
        let registry = Arc::new(MemoryRegistry::from_iter([record]));
        let mailer = Arc::new(MemoryMailer::new());
        let clock = FakeClock::default();
        let mut policy = Policy::portal();
        policy.language = self.language;
        let mut builder = Acceso::builder(Arc::clone(&store), Arc::clone(&registry), Arc::clone(&mailer))
            .portal(name, "https://portal.example");
        if let Some(contact) = contact {
            builder = builder.contact(contact);
        }
        let builder = builder.policy(cheap_hashing(policy)).clock(clock.clone()).entropy(SeededEntropy::new(7));
        let (acceso, courier) = builder.build()?;
        Ok(Portal { acceso, courier, store, registry, mailer, clock, client: Client::unknown() })
    }
}

impl Life {
    pub(crate) fn plain() -> Self {
        Self { email: ANA.into(), types_capitals: false, username: "ana.pena".into(), recorded_name: "Ana".into() }
    }
}

fn blocking<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(story)
}

/// Every mail that a user gets, in seven; `None` if the password does not go with the names.
pub(crate) fn life(clinic: &Clinic, life: &Life) -> Option<Vec<Mail>> {
    blocking(async {
        let mut portal = clinic.portal(&life.email, &life.recorded_name);
        let typed = if life.types_capitals { life.email.to_ascii_uppercase() } else { life.email.clone() };
        let (typed, username) = (typed.as_str(), life.username.as_str());
        let mut mails = Vec::new();
        if !matches!(register(&portal, typed, username).await, Registering::Accepted(_)) {
            return None;
        }
        mails.extend(portal.mails().await);
        assert_eq!(portal.confirm(&token(&mails[0]), username, PASSWORD).await, Confirmation::Confirmed);
        mails.extend(portal.mails().await);
        assert_eq!(portal.recover_username(typed).await, RecoveryRequest::Accepted);
        mails.extend(portal.mails().await);
        portal.lock(username).await;
        mails.extend(portal.mails().await);
        assert_eq!(portal.recover_password(typed, username).await, RecoveryRequest::Accepted);
        let recovery = portal.mail(MailPurpose::ConfirmRecovery).await;
        assert_eq!(portal.confirm_recovery(&token(&recovery)).await, RecoveryConfirmation::Accepted);
        mails.push(recovery);
        let brought = portal.mail(MailPurpose::TemporaryPassword).await;
        let password = temporary(&brought);
        mails.push(brought);
        let Login::MustChangePassword(restricted) = portal.login(username, &password).await else {
            panic!("a temporary password must be changed")
        };
        let changed = portal.change(&restricted.token, &password, NEW_PASSWORD).await;
        assert!(matches!(changed, PasswordChange::Changed(_)), "{changed:?}");
        mails.extend(portal.mails().await);
        Some(mails)
    })
}

async fn register(portal: &Portal, email: &str, username: &str) -> Registering {
    let form = RegistrationForm {
        email: email.into(),
        username: username.into(),
        password: PASSWORD.into(),
        repeated: PASSWORD.into(),
        full_name: format!("{MARK} O'Higgins-Ñandú"),
    };
    portal.acceso.register(form, &portal.client).await.expect("the store is there")
}

/// Every form, filled with these eight texts, each of them also behind the patient's own address and in its place. The
/// mails that came of it.
pub(crate) fn forms_of_a_stranger(typed: &[String], token: &str) -> Vec<Mail> {
    blocking(async {
        let mut portal = Clinic::plain().portal(ANA, "Ana");
        portal.client = Client::unknown().with_device(&typed[7]);
        let emails = [typed[0].clone(), format!("{ANA}{}", typed[0]), format!("{}{ANA}", typed[0]), ANA.into()];
        for email in &emails {
            for username in [typed[1].as_str(), "ana.pena"] {
                for full_name in [typed[2].as_str(), "Ana Peña"] {
                    let form = RegistrationForm {
                        email: email.clone(),
                        username: username.into(),
                        password: typed[3].clone().into(),
                        repeated: typed[3].clone().into(),
                        full_name: full_name.into(),
                    };
                    let _ = portal.acceso.register(form, &portal.client).await.expect("an answer");
                }
                let _ = portal.register(email, username, PASSWORD).await;
                let _ = portal.recover_password(email, username).await;
                let _ = portal.login(username, &typed[4]).await;
                let _ = portal.confirm(token, username, &typed[5]).await;
            }
            let _ = portal.recover_username(email).await;
        }
        let _ = portal.confirm_recovery(token).await;
        let _ = portal.confirm(&typed[6], &typed[1], &typed[5]).await;
        portal.mails().await
    })
}
