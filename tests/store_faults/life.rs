//! One person's way through the portal, call by call, whatever becomes of the calls. Not: a judgement of the tables.
//!
//! **A call that was not answered is made again, and what it may have done meanwhile is reckoned with.**

use std::pin::Pin;

use acceso::{
    Client, Confirmation, ConfirmationForm, Error, EventKind, Login, LoginForm, PasswordChange, PasswordChangeForm,
    Registering, RegistrationForm, SessionToken, Stay,
};

use crate::check::Facts;
use crate::portal::Portal;

/// How often each person changes the password.
pub const CHANGES: u32 = 2;

/// More tries than this are no going on.
const MOST_TRIES: usize = 1_000;

type Called<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Why a person does not go on.
#[derive(Debug)]
pub enum Halt {
    /// No call was answered in all tries.
    GaveUp,
    /// An answer that goes against the promise.
    Violation(String),
}

pub struct Life<'a> {
    portal: &'a Portal,
    number: u32,
    tries: usize,
    unsure: bool,
}

pub fn username(life: u32) -> String {
    format!("vida{life}")
}

pub fn email(life: u32) -> String {
    format!("{}@example.org", username(life))
}

pub fn password(changes: u32) -> String {
    format!("Tres tristes {changes}")
}

impl<'a> Life<'a> {
    pub fn new(portal: &'a Portal, number: u32) -> Self {
        Self { portal, number, tries: MOST_TRIES, unsure: false }
    }

    /// Makes each call once.
    pub fn impatient(self) -> Self {
        Self { tries: 1, ..self }
    }

    /// An earlier call of the kind was not answered.
    pub fn unsure(self) -> Self {
        Self { unsure: true, ..self }
    }

    /// From where the events end to the last logout.
    pub async fn live(&self, so_far: &Facts) -> Result<(), Halt> {
        if !so_far.is_confirmed {
            if so_far.registrations == 0 {
                self.register().await?;
            }
            self.confirm().await?;
        }
        for changes in so_far.changes..CHANGES {
            let token = self.sign_in(changes).await?;
            self.guess().await?;
            self.expect_session(&token, true).await?;
            let changed = self.change(&token, changes).await?;
            self.expect_session(&token, false).await?;
            if let Some(token) = changed {
                self.expect_session(&token, true).await?;
            }
        }
        let token = self.sign_in(CHANGES).await?;
        self.log_out(&token).await?;
        self.expect_session(&token, false).await
    }

    /// The answer, and whether an earlier call of the same kind may have landed.
    async fn until_answered<T>(
        &self,
        call: impl Fn(Client) -> Called<'a, T>,
        kinds: impl Fn(&T, bool) -> Vec<EventKind>,
    ) -> Result<(T, bool), Halt> {
        let mut unsure = self.unsure;
        for _ in 0..self.tries {
            let asked = self.portal.asks(self.number);
            match call(asked.client()).await {
                Ok(answer) => {
                    self.portal.ledger.acknowledged(asked, &kinds(&answer, unsure));
                    return Ok((answer, unsure));
                }
                Err(error) => {
                    unsure |= matches!(error, Error::Unavailable(_));
                    self.portal.ledger.unavailable(asked, &error);
                    tokio::task::yield_now().await;
                }
            }
        }
        Err(Halt::GaveUp)
    }

    pub async fn register(&self) -> Result<(), Halt> {
        let (portal, life) = (self.portal, self.number);
        let call = |client: Client| -> Called<'a, Registering> {
            Box::pin(async move {
                let form = RegistrationForm {
                    email: email(life),
                    username: username(life),
                    password: password(0).into(),
                    repeated: password(0).into(),
                    full_name: "Nombre Apellido".into(),
                };
                portal.acceso.register(form, &client).await
            })
        };
        match self.until_answered(call, |_, _| vec![EventKind::RegistrationReceived]).await? {
            (Registering::Accepted(_), _) => Ok(()),
            (other, _) => Err(Halt::Violation(format!("{life} registers: {other:?}"))),
        }
    }

    /// By the newest link: an earlier one may be dead, if the courier was cut off between the mail and its note of it.
    pub async fn confirm(&self) -> Result<(), Halt> {
        let (portal, life) = (self.portal, self.number);
        let mut tried = String::new();
        loop {
            let Some(token) = portal.link(&email(life), &tried).await else {
                return Err(Halt::Violation(format!("{life} is mailed no link")));
            };
            let call = |client: Client| -> Called<'a, Confirmation> {
                let token = token.clone();
                Box::pin(async move {
                    let (username, password) = (username(life), password(0).into());
                    let form = ConfirmationForm { token, username, password, reference: None };
                    portal.acceso.confirm(form, &client).await
                })
            };
            let kinds = |answer: &Confirmation, _| match answer {
                Confirmation::Confirmed => vec![EventKind::RegistrationConfirmed],
                _ => vec![EventKind::ConfirmationLinkInvalid],
            };
            match self.until_answered(call, kinds).await? {
                (Confirmation::Confirmed, _) => return Ok(()),
                // It may be used, by a confirmation that was not answered: then she is a user.
                (Confirmation::LinkInvalid, true) if self.log_in(0).await?.is_some() => return Ok(()),
                (Confirmation::LinkInvalid, _) => tried = token,
                (other, _) => return Err(Halt::Violation(format!("{life} confirms: {other:?}"))),
            }
        }
    }

    /// With the right password: nothing but a session will do.
    pub async fn sign_in(&self, changes: u32) -> Result<SessionToken, Halt> {
        let token = self.log_in(changes).await?;
        token.ok_or_else(|| {
            Halt::Violation(format!("{} is turned away with the right password, {changes}", self.number))
        })
    }

    async fn log_in(&self, changes: u32) -> Result<Option<SessionToken>, Halt> {
        let (portal, life) = (self.portal, self.number);
        let call = |client: Client| -> Called<'a, Login> {
            Box::pin(async move {
                let form = LoginForm::new(username(life), password(changes));
                portal.acceso.login(form, Stay::Session, &client).await
            })
        };
        let kinds = |answer: &Login, _| match answer {
            Login::SignedIn(_) => vec![EventKind::SignedIn],
            _ => vec![EventKind::LoginUnknown, EventKind::LoginWrongPassword],
        };
        match self.until_answered(call, kinds).await?.0 {
            Login::SignedIn(signed_in) => Ok(Some(signed_in.token)),
            Login::Rejected => Ok(None),
            Login::MustChangePassword(_) => Err(Halt::Violation(format!("{life} never had a temporary password"))),
        }
    }

    /// Once, with a wrong password.
    pub async fn guess(&self) -> Result<(), Halt> {
        let asked = self.portal.asks(self.number);
        let form = LoginForm::new(username(self.number), "Equivocada 1");
        match self.portal.acceso.login(form, Stay::Session, &asked.client()).await {
            Ok(Login::Rejected) => self.portal.ledger.acknowledged(asked, &[EventKind::LoginWrongPassword]),
            Ok(other) => return Err(Halt::Violation(format!("{} guesses: {other:?}", self.number))),
            Err(error) => self.portal.ledger.unavailable(asked, &error),
        }
        Ok(())
    }

    /// `None` if it is done, but its session was not told.
    pub async fn change(&self, token: &SessionToken, changes: u32) -> Result<Option<SessionToken>, Halt> {
        let (portal, token) = (self.portal, token.reveal());
        let call = |client: Client| -> Called<'a, PasswordChange> {
            let token = SessionToken::parse(&token).expect("a token");
            Box::pin(async move {
                let form = PasswordChangeForm {
                    current: password(changes).into(),
                    new: password(changes + 1).into(),
                    repeated: password(changes + 1).into(),
                };
                portal.acceso.change_password(&token, form, &client).await
            })
        };
        let kinds = |answer: &PasswordChange, _| match answer {
            PasswordChange::Changed(_) => vec![EventKind::PasswordChanged],
            _ => vec![EventKind::PasswordChangeRefused],
        };
        match self.until_answered(call, kinds).await? {
            (PasswordChange::Changed(signed_in), _) => Ok(Some(signed_in.token)),
            (PasswordChange::NotSignedIn, true) => Ok(None),
            (other, _) => Err(Halt::Violation(format!("{} changes the password: {other:?}", self.number))),
        }
    }

    pub async fn log_out(&self, token: &SessionToken) -> Result<(), Halt> {
        let (portal, token) = (self.portal, token.reveal());
        let call = |client: Client| -> Called<'a, ()> {
            let token = SessionToken::parse(&token).expect("a token");
            Box::pin(async move { portal.acceso.log_out(&token, &client).await })
        };
        let kinds = |&(): &(), unsure: bool| {
            let refused = unsure.then_some(EventKind::SessionRefused);
            refused.into_iter().chain([EventKind::SignedOut]).collect()
        };
        self.until_answered(call, kinds).await.map(drop)
    }

    /// Asked until it is answered; leaves no event.
    pub async fn expect_session(&self, token: &SessionToken, expected: bool) -> Result<(), Halt> {
        for _ in 0..self.tries {
            match self.portal.acceso.session(token).await {
                Ok(visitor) if visitor.is_some() == expected => return Ok(()),
                Ok(_) if expected => return Err(Halt::Violation(format!("{} has lost a session", self.number))),
                Ok(_) => return Err(Halt::Violation(format!("{} has kept an ended session", self.number))),
                Err(_) => tokio::task::yield_now().await,
            }
        }
        Err(Halt::GaveUp)
    }
}
