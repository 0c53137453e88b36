//! Every public call as a row: where the story stands, what is called, what it answers, and how the story goes on. Not:
//! the faults.
//!
//! **A call that is missing here is missing in every loop over faults.**

use acceso::{
    Acceso, Client, ConfirmationForm, Error, Login, LoginForm, Mail, MailPurpose, PasswordChange, PasswordChangeForm,
    PasswordChoiceForm, PasswordRecoveryForm, Policy, Registering, Stay, UsernameRecoveryForm,
};

use crate::common::{NOBODY, temporary, token};
use crate::stage::{ADDRESS, Given, NEW_PASSWORD, PASSWORD, Scene, Stage, USERNAME, WRONG};

/// One call of [`Acceso`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Register,
    RegisterInvalid,
    Confirm,
    ConfirmWrong,
    Login(&'static str),
    LoginUnknown,
    LoginTemporary,
    LoginReplacing,
    RecoverUsername,
    RecoverPassword,
    RecoverInvalid,
    ConfirmRecovery,
    ChoosePassword,
    Change,
    ChangeInvalid,
    ChangeRestricted,
    ChangeWrong,
    Session,
    RestrictedSession,
    Sessions,
    LogOut,
    CloseSession,
    CloseOtherSessions,
    LogOutEverywhere,
    Disable,
    Enable,
    Remove,
    RevokeSessions,
    RefreshPatients,
    AfterRestore,
    MailBacklog,
}

/// What must be possible in the end, whatever went wrong before.
#[derive(Debug, Clone, Copy)]
pub enum Then {
    /// The mail's link confirms the registration.
    Confirms,
    /// The link that lies in the mailbox already confirms it.
    ConfirmsWithEarlierLink,
    SignsIn(&'static str),
    /// The password is dead or locked, and recovery opens the way.
    Recovers(&'static str),
    /// The mail's link opens the way to a temporary password.
    RecoversByMail,
    /// The mail's link opens the way to a password of the person's choice.
    ChoosesByMail,
    /// The temporary password in the mail lets in.
    TemporaryLetsIn,
    /// The one that came before does.
    EarlierTemporaryLetsIn,
    /// The session of the scene has ended; the password still lets in.
    IsOut,
    /// The session of the scene goes on, the other one has ended.
    OtherIsOut,
    ShutOut,
    /// There is no such user, and the name is free.
    Gone,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    pub given: Given,
    pub modern: bool,
    pub act: Act,
    pub answer: &'static str,
    /// The answer to the same call made again, where the first one has landed.
    pub again: &'static str,
    /// The mails that come of it, once the call was made again.
    pub mails: &'static [MailPurpose],
    pub then: Then,
}

impl Flow {
    pub fn policy(&self) -> Policy {
        if self.modern {
            let mut policy = Policy::modern();
            policy.password = Policy::portal().password;
            return policy;
        }
        Policy::portal()
    }

    /// Makes the call. The answer's variant, and nothing random of it.
    pub async fn call(&self, acceso: &Acceso, scene: &Scene, client: &Client) -> Result<String, Error> {
        let session = scene.session.as_ref();
        let here = || session.expect("a session");
        let user = || scene.user.expect("a user");
        let debug = |answer: String| answer.split(['(', ' ']).next().unwrap_or_default().to_owned();
        let change = |current: &str, new: &str| PasswordChangeForm {
            current: current.into(),
            new: new.into(),
            repeated: new.into(),
        };
        let confirmation = |password: &str| ConfirmationForm {
            token: scene.token.clone(),
            username: USERNAME.into(),
            password: password.into(),
            reference: scene.reference.map(|reference| reference.to_string()),
        };
        Ok(match self.act {
            Act::Register => match acceso.register(Stage::form(USERNAME, PASSWORD), client).await? {
                Registering::Accepted(_) => "Accepted".into(),
                other => debug(format!("{other:?}")),
            },
            Act::RegisterInvalid => debug(format!("{:?}", acceso.register(Stage::form("x", PASSWORD), client).await?)),
            Act::Confirm => format!("{:?}", acceso.confirm(confirmation(PASSWORD), client).await?),
            Act::ConfirmWrong => format!("{:?}", acceso.confirm(confirmation(WRONG), client).await?),
            Act::Login(password) => login(acceso, LoginForm::new(USERNAME, password), client).await?,
            Act::LoginUnknown => login(acceso, LoginForm::new("nadie", PASSWORD), client).await?,
            Act::LoginTemporary => login(acceso, LoginForm::new(USERNAME, scene.temporary.as_str()), client).await?,
            Act::LoginReplacing => {
                login(acceso, LoginForm::new(USERNAME, PASSWORD).replacing(here().clone()), client).await?
            }
            Act::RecoverUsername => {
                let form = UsernameRecoveryForm { email: ADDRESS.into() };
                format!("{:?}", acceso.recover_username(form, client).await?)
            }
            Act::RecoverPassword => {
                let form = PasswordRecoveryForm { email: ADDRESS.into(), username: USERNAME.into() };
                format!("{:?}", acceso.recover_password(form, client).await?)
            }
            Act::RecoverInvalid => {
                let form = UsernameRecoveryForm { email: NOBODY.replace('@', " ") };
                debug(format!("{:?}", acceso.recover_username(form, client).await?))
            }
            Act::ConfirmRecovery => format!("{:?}", acceso.confirm_recovery(&scene.token, client).await?),
            Act::ChoosePassword => {
                let (new, repeated) = (NEW_PASSWORD.into(), NEW_PASSWORD.into());
                let form = PasswordChoiceForm { token: scene.token.clone(), new, repeated };
                format!("{:?}", acceso.choose_password(form, client).await?)
            }
            Act::Change => changed(&acceso.change_password(here(), change(PASSWORD, NEW_PASSWORD), client).await?),
            Act::ChangeInvalid => changed(&acceso.change_password(here(), change(PASSWORD, "x"), client).await?),
            Act::ChangeRestricted => changed(&acceso.change_password(here(), change("", NEW_PASSWORD), client).await?),
            Act::ChangeWrong => changed(&acceso.change_password(here(), change(WRONG, NEW_PASSWORD), client).await?),
            Act::Session => debug(format!("{:?}", acceso.session(here()).await?)),
            Act::RestrictedSession => debug(format!("{:?}", acceso.restricted_session(here()).await?)),
            Act::Sessions => match acceso.sessions(here()).await? {
                Some(sessions) => sessions.len().to_string(),
                None => "None".into(),
            },
            Act::LogOut => format!("{:?}", acceso.log_out(here(), client).await?),
            Act::CloseSession => {
                let (_, other) = scene.other.as_ref().expect("another session");
                format!("{:?}", acceso.close_session(here(), *other, client).await?)
            }
            Act::CloseOtherSessions => format!("{:?}", acceso.close_other_sessions(here(), client).await?),
            Act::LogOutEverywhere => format!("{:?}", acceso.log_out_everywhere(here(), client).await?),
            Act::Disable => format!("{:?}", acceso.disable(user(), client).await?),
            Act::Enable => format!("{:?}", acceso.enable(user(), client).await?),
            Act::Remove => format!("{:?}", acceso.remove(user(), client).await?),
            Act::RevokeSessions => format!("{:?}", acceso.revoke_sessions(user(), client).await?),
            Act::RefreshPatients => format!("{:?}", acceso.refresh_patients(user(), client).await?),
            Act::AfterRestore => format!("{:?}", acceso.after_restore(client).await?),
            Act::MailBacklog => debug(format!("{:?}", acceso.mail_backlog().await?)),
        })
    }

    /// Plays the story to its end.
    pub async fn goes_on(&self, stage: &mut Stage, scene: &Scene, mails: &[Mail]) {
        let portal = &stage.portal;
        let is_live = async |token| portal.is_signed_in(token).await;
        match self.then {
            Then::Confirms | Then::ConfirmsWithEarlierLink => {
                let token = mails.last().map_or(scene.token.clone(), token);
                let confirmed = portal.confirm(&token, USERNAME, PASSWORD).await;
                assert_eq!(confirmed, acceso::Confirmation::Confirmed);
                stage.signs_in(PASSWORD).await;
            }
            Then::SignsIn(password) => {
                if password == NEW_PASSWORD {
                    assert!(matches!(portal.login(USERNAME, PASSWORD).await, Login::Rejected), "the old one is dead");
                }
                stage.signs_in(password).await;
            }
            Then::Recovers(dead) => {
                assert!(matches!(portal.login(USERNAME, dead).await, Login::Rejected));
                assert!(matches!(portal.login(USERNAME, &scene.temporary).await, Login::Rejected));
                stage.recovers().await;
                assert!(matches!(stage.portal.login(USERNAME, dead).await, Login::Rejected));
            }
            Then::ChoosesByMail => {
                let token = token(mails.last().expect("a mail"));
                let form = PasswordChoiceForm { token, new: NEW_PASSWORD.into(), repeated: NEW_PASSWORD.into() };
                let chosen = portal.acceso.choose_password(form, &portal.client).await;
                assert_eq!(chosen.expect("the store is there"), acceso::PasswordChoice::Changed);
                stage.signs_in(NEW_PASSWORD).await;
            }
            Then::RecoversByMail => {
                let token = token(mails.last().expect("a mail"));
                let confirmed = portal.confirm_recovery(&token).await;
                assert_eq!(confirmed, acceso::RecoveryConfirmation::Accepted);
                let mails = stage.mails_of_the_day().await;
                stage.change_temporary(&temporary(mails.last().expect("a mail"))).await;
            }
            Then::TemporaryLetsIn => {
                assert!(matches!(portal.login(USERNAME, PASSWORD).await, Login::Rejected), "the old one is dead");
                stage.change_temporary(&temporary(mails.last().expect("a mail"))).await;
            }
            Then::EarlierTemporaryLetsIn => stage.change_temporary(&scene.temporary).await,
            Then::IsOut => {
                assert!(!is_live(scene.session.as_ref().expect("a session")).await);
                stage.signs_in(PASSWORD).await;
            }
            Then::OtherIsOut => {
                let (other, _) = scene.other.as_ref().expect("another session");
                assert!(!is_live(other).await);
                assert!(is_live(scene.session.as_ref().expect("a session")).await);
            }
            Then::ShutOut => {
                if let Some(session) = &scene.session {
                    assert!(!is_live(session).await);
                }
                assert!(matches!(portal.login(USERNAME, PASSWORD).await, Login::Rejected));
                let user = scene.user.expect("a user");
                let _ = portal.acceso.enable(user, &portal.client).await.expect("the store is there");
                // Who was shut out by the patient record is let in by it.
                portal.registry.insert(crate::stage::patient(crate::stage::PATIENT));
                let _ = portal.acceso.refresh_patients(user, &portal.client).await.expect("the store is there");
                stage.signs_in(PASSWORD).await;
            }
            Then::Gone => {
                assert!(!is_live(scene.session.as_ref().expect("a session")).await);
                assert!(stage.user_id().await.is_none());
                stage.register(USERNAME).await;
            }
        }
    }
}

async fn login(acceso: &Acceso, form: LoginForm, client: &Client) -> Result<String, Error> {
    Ok(match acceso.login(form, Stay::Session, client).await? {
        Login::SignedIn(_) => "SignedIn",
        Login::MustChangePassword(_) => "MustChangePassword",
        Login::Rejected => "Rejected",
    }
    .into())
}

fn changed(change: &PasswordChange) -> String {
    match change {
        PasswordChange::Changed(_) => "Changed",
        PasswordChange::Invalid(_) => "Invalid",
        PasswordChange::Rejected => "Rejected",
        PasswordChange::NotSignedIn => "NotSignedIn",
    }
    .into()
}

const CONFIRM: &[MailPurpose] = &[MailPurpose::ConfirmRegistration];
const CONFIRMED: &[MailPurpose] = &[MailPurpose::RegistrationConfirmed];
const NAMES: &[MailPurpose] = &[MailPurpose::UserNames];
const RECOVER: &[MailPurpose] = &[MailPurpose::ConfirmRecovery];
const TEMPORARY: &[MailPurpose] = &[MailPurpose::TemporaryPassword];
const CHANGED: &[MailPurpose] = &[MailPurpose::PasswordChanged];
const LOCKED: &[MailPurpose] = &[MailPurpose::UserLocked];

const fn flow(given: Given, act: Act, answer: &'static str, again: &'static str) -> Flow {
    Flow { given, modern: false, act, answer, again, mails: &[], then: Then::SignsIn(PASSWORD) }
}

impl Flow {
    const fn mails(self, mails: &'static [MailPurpose]) -> Self {
        Self { mails, ..self }
    }

    const fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }

    const fn modern(self) -> Self {
        Self { modern: true, ..self }
    }
}

pub const REGISTERING: Flow =
    flow(Given::Nobody, Act::Register, "Accepted", "Accepted").mails(CONFIRM).then(Then::Confirms);
pub const REGISTERING_WITH_FAULTS: Flow =
    flow(Given::Mailed, Act::RegisterInvalid, "Invalid", "Invalid").then(Then::ConfirmsWithEarlierLink);
pub const REGISTERING_A_TAKEN_NAME: Flow = flow(Given::User, Act::Register, "UsernameTaken", "UsernameTaken");
pub const CONFIRMING: Flow = flow(Given::Mailed, Act::Confirm, "Confirmed", "LinkInvalid").mails(CONFIRMED);
pub const CONFIRMING_WRONGLY: Flow =
    flow(Given::Mailed, Act::ConfirmWrong, "Rejected", "Rejected").then(Then::ConfirmsWithEarlierLink);
pub const CONFIRMING_AGAIN: Flow = flow(Given::User, Act::Confirm, "LinkInvalid", "LinkInvalid");
pub const LOGGING_IN: Flow = flow(Given::User, Act::Login(PASSWORD), "SignedIn", "SignedIn");
pub const LOGGING_IN_AFTER_STRIKES: Flow = flow(Given::Struck, Act::Login(PASSWORD), "SignedIn", "SignedIn");
pub const LOGGING_IN_OVER_A_SESSION: Flow =
    flow(Given::SignedIn, Act::LoginReplacing, "SignedIn", "SignedIn").then(Then::IsOut);
pub const LOGGING_IN_WRONGLY: Flow = flow(Given::User, Act::Login(WRONG), "Rejected", "Rejected");
pub const LOGGING_IN_AS_NOBODY: Flow = flow(Given::User, Act::LoginUnknown, "Rejected", "Rejected");
pub const LOCKING: Flow =
    flow(Given::Struck, Act::Login(WRONG), "Rejected", "Rejected").mails(LOCKED).then(Then::Recovers(PASSWORD));
pub const LOGGING_IN_WHILE_LOCKED: Flow =
    flow(Given::Locked, Act::Login(PASSWORD), "Rejected", "Rejected").then(Then::Recovers(PASSWORD));
pub const LOGGING_IN_WITH_A_TEMPORARY_PASSWORD: Flow =
    flow(Given::Temporary, Act::LoginTemporary, "MustChangePassword", "MustChangePassword")
        .then(Then::EarlierTemporaryLetsIn);
pub const LOGGING_IN_WITH_A_DEAD_PASSWORD: Flow =
    flow(Given::Temporary, Act::Login(PASSWORD), "Rejected", "Rejected").then(Then::EarlierTemporaryLetsIn);
pub const LOGGING_IN_WHILE_DISABLED: Flow =
    flow(Given::Disabled, Act::Login(PASSWORD), "Rejected", "Rejected").then(Then::ShutOut);
pub const RECOVERING_A_USER_NAME: Flow = flow(Given::User, Act::RecoverUsername, "Accepted", "Accepted").mails(NAMES);
pub const RECOVERING_WITH_FAULTS: Flow = flow(Given::User, Act::RecoverInvalid, "Invalid", "Invalid");
pub const RECOVERING_A_PASSWORD: Flow =
    flow(Given::User, Act::RecoverPassword, "Accepted", "Accepted").mails(RECOVER).then(Then::RecoversByMail);
pub const RECOVERING_A_PASSWORD_UNDER_THE_MODERN_POLICY: Flow =
    flow(Given::User, Act::RecoverPassword, "Accepted", "Accepted").modern().mails(RECOVER).then(Then::ChoosesByMail);
pub const CONFIRMING_A_RECOVERY: Flow = flow(Given::Recovering, Act::ConfirmRecovery, "Accepted", "LinkInvalid")
    .mails(TEMPORARY)
    .then(Then::TemporaryLetsIn);
pub const CONFIRMING_A_RECOVERY_UNDER_THE_MODERN_POLICY: Flow =
    flow(Given::Recovering, Act::ConfirmRecovery, "LinkInvalid", "LinkInvalid").modern();
pub const CHOOSING_A_PASSWORD: Flow = flow(Given::Recovering, Act::ChoosePassword, "Changed", "LinkInvalid")
    .modern()
    .mails(CHANGED)
    .then(Then::SignsIn(NEW_PASSWORD));
pub const CHANGING_A_PASSWORD: Flow =
    flow(Given::SignedIn, Act::Change, "Changed", "NotSignedIn").mails(CHANGED).then(Then::SignsIn(NEW_PASSWORD));
pub const CHANGING_A_PASSWORD_WITH_FAULTS: Flow = flow(Given::SignedIn, Act::ChangeInvalid, "Invalid", "Invalid");
pub const CHANGING_A_TEMPORARY_PASSWORD: Flow =
    flow(Given::Restricted, Act::ChangeRestricted, "Changed", "NotSignedIn")
        .mails(CHANGED)
        .then(Then::SignsIn(NEW_PASSWORD));
pub const CHANGING_A_PASSWORD_WRONGLY: Flow = flow(Given::SignedIn, Act::ChangeWrong, "Rejected", "Rejected");
pub const LOCKING_BY_A_CHANGE: Flow = flow(Given::SignedInStruck, Act::ChangeWrong, "Rejected", "NotSignedIn")
    .mails(LOCKED)
    .then(Then::Recovers(PASSWORD));
pub const A_REQUEST_WITH_A_SESSION: Flow = flow(Given::Idle, Act::Session, "Some", "Some");
pub const A_REQUEST_WITH_A_RESTRICTED_SESSION: Flow =
    flow(Given::Restricted, Act::RestrictedSession, "Some", "Some").then(Then::EarlierTemporaryLetsIn);
pub const LISTING_SESSIONS: Flow = flow(Given::SignedIn, Act::Sessions, "2", "2");
pub const LOGGING_OUT: Flow = flow(Given::SignedIn, Act::LogOut, "()", "()").then(Then::IsOut);
pub const CLOSING_A_SESSION: Flow =
    flow(Given::SignedIn, Act::CloseSession, "Some(())", "Some(())").then(Then::OtherIsOut);
pub const CLOSING_OTHER_SESSIONS: Flow =
    flow(Given::SignedIn, Act::CloseOtherSessions, "Some(())", "Some(())").then(Then::OtherIsOut);
pub const LOGGING_OUT_EVERYWHERE: Flow =
    flow(Given::SignedIn, Act::LogOutEverywhere, "Some(())", "None").then(Then::IsOut);
pub const DISABLING: Flow = flow(Given::SignedIn, Act::Disable, "Done", "Unchanged").then(Then::ShutOut);
pub const ENABLING: Flow = flow(Given::Disabled, Act::Enable, "Done", "Unchanged");
pub const ENABLING_WHO_AWAITS_A_TEMPORARY_PASSWORD: Flow =
    flow(Given::DisabledAwaiting, Act::Enable, "Done", "Unchanged").mails(TEMPORARY).then(Then::TemporaryLetsIn);
pub const REMOVING: Flow = flow(Given::SignedIn, Act::Remove, "Done", "NoSuchUser").then(Then::Gone);
pub const REVOKING_SESSIONS: Flow = flow(Given::SignedIn, Act::RevokeSessions, "Done", "Done").then(Then::IsOut);
pub const REFRESHING_THE_SAME_PATIENTS: Flow = flow(Given::SignedIn, Act::RefreshPatients, "Unchanged", "Unchanged");
pub const REFRESHING_OTHER_PATIENTS: Flow = flow(Given::Relinked, Act::RefreshPatients, "Relinked", "Unchanged");
pub const REFRESHING_WITHOUT_PATIENTS: Flow =
    flow(Given::Unlisted, Act::RefreshPatients, "Disabled", "Unchanged").then(Then::ShutOut);
pub const REFRESHING_WHO_IS_LISTED_AGAIN: Flow = flow(Given::ListedAgain, Act::RefreshPatients, "Enabled", "Unchanged");
pub const FORGETTING_AFTER_A_RESTORE: Flow =
    flow(Given::Restored, Act::AfterRestore, "()", "()").then(Then::Recovers(PASSWORD));
pub const ASKING_FOR_THE_BACKLOG: Flow = flow(Given::User, Act::MailBacklog, "Backlog", "Backlog");
