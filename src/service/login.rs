//! Logging in, as a call.

use crate::client::Client;
use crate::error::Error;
use crate::flow::login::{Login, LoginForm, Request, Stay, decide, parse};
use crate::port::error::BoxError;
use crate::service::hashing::Admission;
use crate::service::{Acceso, Hashing, Inner};
use crate::user::User;

impl Acceso {
    /// Logs a user in by name and password.
    ///
    /// Hand the browser the token in a cookie (`HttpOnly`, `Secure`, `SameSite=Lax`), and give the one that it presented
    /// before in [`LoginForm::replacing`]. [`Login::Rejected`] has no reason, on purpose: tell the person all of them.
    ///
    /// Records one event. Costs one password hash, whoever is asked for; `Busy` if there is no room for it.
    pub async fn login(&self, form: LoginForm, stay: Stay, client: &Client) -> Result<Login, Error> {
        let permit = self.inner.pool().admit(Admission::Other)?;
        let request = parse(form, stay);
        let hashing = Hashing { permit: &permit, password: Some(&request.password), new: None };
        let read = || self.inner.user_if_named(&request);
        self.inner
            .carry_out(client, Some(hashing), read, |user, runs, m, fresh| {
                decide(user.as_ref(), &request, runs, m, fresh)
            })
            .await
    }
}

impl Inner {
    async fn user_if_named(&self, request: &Request) -> Result<Option<User>, BoxError> {
        match &request.username {
            Some(name) => self.store.user_named(name).await,
            None => Ok(None),
        }
    }
}
